/* Distances to the nearest of some items, for the ops that need them. */
#ifndef NN_OPS_DISTANCE_H
#define NN_OPS_DISTANCE_H

#include "nn/op.h"

/* Rows of n numbers; `scratch` has room for DISTANCE_SCRATCH(items) floats. */
struct distance_of {
    const float *queries, *items;
    size_t nqueries, nitems, n;
    float *scratch;
};
enum { DISTANCE_BLOCK = 512 }; /* rows whose products are made at once: they stay in the cache */
#define DISTANCE_SCRATCH(items) ((DISTANCE_BLOCK + 1) * (items))

/* out[r] = the least |q[r] - m[i]|; with `lower` only where that is less than what is there. */
void distance_nearest(struct exec *x, const struct distance_of *d, bool lower, float *out);

#endif
