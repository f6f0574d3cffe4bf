/* The gradient of a convolution's weights in BF16 by the processor's instruction that adds two products at once, where
 * oneDNN has no better: it takes its two numbers of neighbouring columns of one picture, and half of the time goes into
 * that where maps are small. Here they are those of two samples at one place, which need one pass to be brought
 * together, whatever kernel, stride and padding are:
 *
 *   dw[o,k,i] = sum over pairs of samples and places p of  g[n,p,o] x[n,q,i] + g[n+1,p,o] x[n+1,q,i],
 *   q = p stride + k - pad
 *
 * Of one clip alone the samples are its frames. */
#ifndef NN_PAIRS_H
#define NN_PAIRS_H

#include "nn/dnn.h"

/* Whether it is the faster way on this processor. */
bool pairs_pay(const struct dnn_conv_spec *s);

size_t pairs_scratch(const struct dnn_conv_spec *s); /* bytes that the call below wants at `scratch` */
/* src and dst BF16, weight O,[kD],kH,kW,I in F32. */
void pairs_backward_weights(const struct dnn_conv_spec *s, const void *src, const void *dst, float *weight,
                            void *scratch);

#endif
