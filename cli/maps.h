/* Files of heat maps. A sample's map is DIR/NAME.map.png (.map.npy), NAME being the sample's whole name: so no two
 * samples have one map, and a map is called as no picture is. */
#ifndef CLI_MAPS_H
#define CLI_MAPS_H

#include "engram.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A file, whatever it is called. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

struct maps {
    const char *folder; /* NULL: none are written */
    bool npy, force;
    struct file_identity *inputs; /* sorted: what may never be overwritten; listed where something may be at all */
    size_t ninputs, room;
};

/* An exit code. `urls`: what will be scored. maps_end whatever came of it. */
int maps_begin(struct maps *m, const char *const *urls, size_t n);
void maps_end(struct maps *m);

/* Writes the map of result 0 of the scorer's last call. 0, or -1 with *error. */
int maps_write(const struct maps *m, const engram_scorer *scorer, const char *name, engram_error *error);

#endif
