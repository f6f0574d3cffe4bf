/* Connected regions of a mask, and of a heat map above a level. Pixels belong together that touch by a side or a
 * corner.
 */
#ifndef STATS_REGIONS_H
#define STATS_REGIONS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Numbers the regions of a mask of width x height, rows from the top: label[i] is 0 where mask[i] is 0, else the number
 * of its region, 1 .. n, in the order of their first pixels. Returns n. */
uint32_t regions_label(const uint8_t *mask, int width, int height, uint32_t *label);

/* The most regions a mask of that size can have: no two of their pixels in one square of 2 x 2. */
uint32_t regions_most(int width, int height);

/* A region of a heat map; lengths are pixels of it. */
struct region {
    int x, y, width, height; /* the smallest box around it */
    size_t area;             /* values in it */
    float peak;              /* the highest of them, */
    int peak_x, peak_y;      /* and where it is first, row by row */
};

/* Finds those that lie above a level, highest peak first; equal ones by where their peaks are, row by row. *out has *n
 * and is the caller's to free. Values that are not finite are in no region. */
int regions_find(const float *map, int width, int height, float level, struct region **out, size_t *n, struct err *e);

#endif
