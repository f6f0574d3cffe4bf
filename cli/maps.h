/* Files of heat maps. A sample's map is DIR/NAME.map.png (.map.npy), NAME being the sample's whole name: so no two
 * samples have one map, and a map is called as no picture is. */
#ifndef CLI_MAPS_H
#define CLI_MAPS_H

#include "engram.h"
#include "inputs.h"

#include <stdbool.h>

struct maps {
    const char *folder; /* NULL: none are written */
    bool npy, force;
    const struct inputs *inputs; /* what may never be overwritten */
};

/* Whether they can be written there: an exit code. */
int maps_begin(const struct maps *m);

/* Writes the map of result 0 of the scorer's last call. 0, or -1 with *error. */
int maps_write(const struct maps *m, const engram_scorer *scorer, const char *name, engram_error *error);

#endif
