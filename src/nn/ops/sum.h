/* What losses and scores share: what is added up of a difference, and how long sums are added up: in blocks of floats,
 * the blocks in double, in chunks that depend on the length alone, so that the threads change no bit. */
#ifndef NN_OPS_SUM_H
#define NN_OPS_SUM_H

#include "nn/op.h"
#include "nn/ops/kernel.h"

enum {
    SUM_BLOCK = 4096, /* elements added up in float */
    SUM_CHUNKS = 64,  /* at most, each one double of scratch */
};

enum distance { DISTANCE_SQUARED, DISTANCE_ABSOLUTE };

KERNEL float distance_of(float difference, enum distance how)
{
    return how == DISTANCE_SQUARED ? difference * difference : fabsf(difference);
}

static inline size_t count_of(const struct node *n)
{
    return (size_t)shape_count(&n->shape);
}

static inline int chunks_of(size_t elements)
{
    size_t chunks = elements / KERNEL_GRAIN;
    return chunks < 1 ? 1 : chunks > SUM_CHUNKS ? SUM_CHUNKS : (int)chunks;
}

#endif
