/* The adjoint of a convolution from very few channels (pictures): the last layer of every decoder here. oneDNN's
 * backward-data vectorises over those channels and runs at a few percent of the machine; this does one matrix product
 * into a column per tap and channel, and gathers the columns into the picture (col2im). */
#ifndef NN_THIN_H
#define NN_THIN_H

#include "nn/ops.h"
#include "nn/shape.h"

enum { THIN_CHANNELS = 4 }; /* the widest picture for which this is the faster way */

struct thin {
    struct shape src, dst; /* of the convolution: src N,[D],H,W,I with few I; dst N,[D],H,W,O */
    int kernel[3], stride[3], pad[3];
    enum dtype dst_type; /* src is F32 */
    int threads;
};

/* Bytes of scratch that thin_adjoint wants. */
size_t thin_scratch(const struct thin *t);

/* src = adjoint(dst) + bias. weight O,[kD],kH,kW,I; bias I or NULL. */
void thin_adjoint(const struct thin *t, const void *dst, const float *weight, const float *bias, float *src,
                  void *scratch);

#endif
