/* Smoothing of maps: a Gaussian over what counts. A tap outside the map, or where it does not count, is left out and
 * the rest scaled up:
 *
 *   to[p] = sum over q of w(p - q) from[q]  /  sum of the same w
 *
 * over the q that count, within 3 deviations along each axis. */
#ifndef STATS_SMOOTH_H
#define STATS_SMOOTH_H

#include <stddef.h>
#include <stdint.h>

enum { SMOOTH_MAX = 64 }; /* deviation in pixels */

struct smoother;

/* For maps of height x width. `counts`: not 0 where a value counts; NULL: all do. NULL: out of memory. */
struct smoother *smoother_new(size_t height, size_t width, double deviation, const uint8_t *counts);
void smoother_free(struct smoother *s);

/* From one map to another, which may be the same; 0 where values do not count. One thread's at a time. */
void smoother_run(struct smoother *s, const float *from, float *to);

#endif
