/* The adjoint of a convolution from very few channels (pictures): the last layer of every decoder here, and the
 * gradient of a picture that another net looks at. oneDNN's backward-data vectorises over those channels and runs at a
 * few percent of the machine. Here it is one matrix product into a column per tap and channel (as a 1x1 convolution,
 * which oneDNN does well in any precision), and a gather of the columns into the picture (col2im). */
#ifndef NN_THIN_H
#define NN_THIN_H

#include "nn/ops.h"
#include "nn/shape.h"

enum { THIN_CHANNELS = 4 }; /* the widest picture for which this is the faster way */

struct thin_spec {
    struct shape src, dst; /* of the convolution: src N,[D],H,W,I with few I; dst N,[D],H,W,O */
    int kernel[3], stride[3], pad[3];
    enum dtype dst_type; /* src is F32 */
    int threads;
};

struct thin;

int thin_new(const struct thin_spec *spec, struct thin **out, struct err *e);
void thin_free(struct thin *t);
size_t thin_scratch(const struct thin *t); /* bytes that thin_adjoint wants at `scratch` */
size_t thin_bytes(const struct thin *t);   /* bytes it holds itself */

/* After every change of the weight O,[kD],kH,kW,I. False: oneDNN failed, here and below. */
bool thin_pack(struct thin *t, const float *weight);
/* src = adjoint(dst) + bias; bias I or NULL. */
bool thin_adjoint(struct thin *t, const void *dst, const float *bias, float *src, void *scratch);

#endif
