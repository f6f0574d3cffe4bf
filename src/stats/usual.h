/* What is usual, and where. A model's map of the residual e is high wherever the model always rebuilds badly: at edges,
 * at print, where light plays. How high it usually is there, mean and deviation over normal pictures say, and the map
 * that knows them is
 *
 *   map[p] = (e[p] - mean[p]) / (deviation[p] + 0.3 x mean of all deviations)
 *
 * with e smoothed by a Gaussian beforehand, and the deviation by the same one. Where pictures do not show their
 * parts at the same places, one pair for all positions replaces theirs. A picture's score is the highest value of its
 * map, or the mean of the highest ones. See usual.md.
 *
 * Maps are float, frames x height x width; a frame of a clip is judged as a picture is. Functions on a struct usual
 * only read; any number of threads. */
#ifndef STATS_USUAL_H
#define STATS_USUAL_H

#include "stats/smooth.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether pictures show their parts at the same places; AUTO: found out from the maps. */
enum aligned { ALIGNED_AUTO, ALIGNED_YES, ALIGNED_NO };

struct usual {
    size_t n;                /* height x width, or 1: a pair for all positions; 0: nothing is known */
    float *mean, *deviation; /* n */
};

/* `map` gets what is made of the `count` smoothed values, whole frames; they may be the same memory. */
void usual_map(const struct usual *u, const float *smooth, size_t count, float *map);

/* The score of such a map: the mean of its highest `top` values (a share of them; 0: the one highest). `scratch`: count
 * values; not touched where top is 0. */
float usual_score(const float *map, size_t count, double top, float *scratch);

/* Collects what is usual from smoothed maps. */
struct usual_collector;

/* For maps of height x width. `counts` outlives it: not 0 where a value counts; NULL: all do. NULL: out of memory. */
struct usual_collector *usual_collector_new(size_t height, size_t width, const uint8_t *counts);
void usual_collector_free(struct usual_collector *c);
void usual_collector_reset(struct usual_collector *c);
/* Adds a sample of `count` values, whole frames. Nothing is allocated. */
void usual_collector_add(struct usual_collector *c, const float *smooth, size_t count);
/* `out` points into the collector until it is reset or freed, and knows nothing where no sample was added. AUTO takes
 * what predicts the samples better: the Gaussian likelihood that each half of them has under the statistics of the
 * other. `smoother`: the one that smoothed the maps. */
void usual_collector_finish(struct usual_collector *c, enum aligned aligned, struct smoother *smoother,
                            struct usual *out);

#endif
