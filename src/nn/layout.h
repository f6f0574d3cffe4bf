/* Memory layout by liveness: buffers that are never alive at the same time share the same bytes of one block. */
#ifndef NN_LAYOUT_H
#define NN_LAYOUT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { LAYOUT_BEFORE = -1, LAYOUT_FOREVER = 1 << 30 };

struct buffer {
    size_t bytes;
    int begin, end;  /* first and last moment of use, both included; begin > end: never used */
    size_t offset;   /* set by layout_solve: multiple of 64 */
    size_t pressure; /* its own use */
    void *external;  /* not NULL: lies elsewhere and takes no room */
};

/* What a buffer of so many bytes takes: the next one begins at a multiple of 64, a cache line. */
static inline size_t layout_padded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* Whether a tensor of so many bytes that was gone through lies in memory since, rather than in a cache. */
static inline bool layout_is_far(size_t bytes)
{
    return bytes > (size_t)16 << 20;
}

/* Sets every buffer's offset so that no two alive at once overlap: one after the other, each at the lowest place that
 * is free during its life; of many orders the one with the smallest block. Writes the block's size. */
int layout_solve(struct buffer *buffers, int n, size_t *bytes, struct err *e);

#endif
