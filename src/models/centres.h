/* Few rows that stand for many: greedy k-centre. Each further one is the row that is farthest from all chosen so far,
 * so that the rare is there as well as the frequent (the coreset of PatchCore, Roth et al., CVPR 2022).
 *
 * All are functions of rows and seed, whatever the threads. */
#ifndef MODELS_CENTRES_H
#define MODELS_CENTRES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Rows to choose from, one behind the other. */
struct centre_rows {
    const float *values;
    size_t n, width;
    int threads;
};

/* The numbers of `count` of them, the first drawn at random; of fewer rows some are there twice. */
int centres_choose(const struct centre_rows *rows, size_t count, uint64_t seed, size_t *chosen, struct err *e);

/* The same beside `have` centres of other rows: goes on until every row is as near to a centre as the nearest two of
 * those are to each other, which is how near the rows they were chosen from are. `chosen` has room for `most`; *count
 * were chosen. */
int centres_add(const struct centre_rows *rows, const float *centres, size_t have, size_t most, size_t *chosen,
                size_t *count, struct err *e);

#endif
