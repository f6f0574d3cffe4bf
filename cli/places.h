/* The regions of a heat map as one cell of a row: "X Y WIDTH HEIGHT AREA PEAK", in pixels of the map, highest peak
 * first, with "; " between them; of a clip with "FRAME: " before each. */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include "engram.h"

#include <stddef.h>

struct places {
    char *text; /* of the sample in hand; NULL before the first */
    engram_region *list;
    size_t room;
};

/* Those of result 0 of the scorer's last call. 0, or -1 with *error. */
int places_find(struct places *r, const engram_scorer *scorer, engram_error *error);
void places_end(struct places *r);

#endif
