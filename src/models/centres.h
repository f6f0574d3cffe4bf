/* Few rows that stand for many: greedy k-centre. Each further one is the row that is farthest from all chosen so far,
 * so that the rare is there as well as the frequent (the coreset of PatchCore, Roth et al., CVPR 2022). */
#ifndef MODELS_CENTRES_H
#define MODELS_CENTRES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Writes `count` of the n rows, the first drawn at random; of fewer rows some stand there twice. A function of rows and
 * seed, whatever the threads. */
int centres_choose(const float *rows, size_t n, size_t width, size_t count, uint64_t seed, int threads, float *centres,
                   struct err *e);

#endif
