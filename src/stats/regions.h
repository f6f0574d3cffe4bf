/* Connected regions of a mask. */
#ifndef STATS_REGIONS_H
#define STATS_REGIONS_H

#include <stdint.h>

/* Numbers the regions of a mask of width x height, rows from the top: label[i] is 0 where mask[i] is 0, else the number
 * of its region, 1 .. n, in the order of their first pixels. Pixels belong together that touch by a side or a corner.
 * Returns n. */
uint32_t regions_label(const uint8_t *mask, int width, int height, uint32_t *label);

/* The most regions a mask of that size can have: no two of their pixels in one square of 2 x 2. */
uint32_t regions_most(int width, int height);

#endif
