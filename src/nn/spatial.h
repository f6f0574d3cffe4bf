/* A convolution's sizes as three spatial dimensions, whatever it has: of pictures the first is 1, with a kernel of 1.
 */
#ifndef NN_SPATIAL_H
#define NN_SPATIAL_H

#include "nn/shape.h"

struct spatial {
    int64_t src[3], dst[3];
    int kernel[3], stride[3], pad[3];
};

/* src and dst N,[D],H,W,C; kernel, stride and pad as many as those have spatial dimensions. */
static inline struct spatial spatial_of(const struct shape *src, const struct shape *dst, const int *kernel,
                                        const int *stride, const int *pad)
{
    struct spatial s;
    for (int i = 0, skip = 5 - src->nd; i < 3; i++) {
        bool there = i >= skip;
        s.src[i] = there ? src->d[1 + i - skip] : 1;
        s.dst[i] = there ? dst->d[1 + i - skip] : 1;
        s.kernel[i] = there ? kernel[i - skip] : 1;
        s.stride[i] = there ? stride[i - skip] : 1;
        s.pad[i] = there ? pad[i - skip] : 0;
    }
    return s;
}

#endif
