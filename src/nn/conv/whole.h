/* Convolutions whose kernel covers their input once: products of matrices of numbers as they lie. src is N,K, dst N,O,
 * the weights O,K. */
#ifndef NN_CONV_WHOLE_H
#define NN_CONV_WHOLE_H

#include "nn/dnn.h"

static inline bool conv_is_whole(const struct dnn_conv_spec *s)
{
    bool all = true;
    for (int i = 0; i < s->src.nd - 2; i++)
        all &= s->dst.d[i + 1] == 1 && !s->pad[i] && s->kernel[i] == s->src.d[i + 1];
    return all;
}

#endif
