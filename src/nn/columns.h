/* Convolutions and their adjoints in BF16 as products of matrices, whose rows are the windows that lie under the
 * kernel, copied together (columns, as im2col has it). A processor that multiplies in tiles (AMX) does such products
 * several times as fast as oneDNN's adjoints of convolutions with a stride, and takes the weights as they lie:
 *
 *   forward   coarse[p,o] = sum over k,i of  fine[p stride + k - pad, i] w[o,k,i]           rows: windows of fine
 *   weights   dw[o,k,i]   = sum over p of    coarse[p,o] fine[p stride + k - pad, i]        rows: the same
 *   data      fine[q stride + r, i] = sum over o, and k with r + pad - k = stride offset, of
 *                           coarse[q + offset, o] w[o,k,i]                                  rows: windows of coarse
 *
 * The last is a convolution of its own for every remainder r, all with stride 1: nothing has to be added up in memory.
 */
#ifndef NN_COLUMNS_H
#define NN_COLUMNS_H

#include "nn/dnn.h"

/* Which of a training step's directions (DNN_*) are faster so on this processor. */
unsigned columns_pay(const struct dnn_conv_spec *s);

struct columns;

/* For the directions of the spec, which has no bias and no activation here. */
int columns_new(const struct dnn_conv_spec *s, struct columns **out, struct err *e);
void columns_free(struct columns *c);            /* NULL is fine */
size_t columns_scratch(const struct columns *c); /* bytes that the calls below want at `scratch` */
size_t columns_bytes(const struct columns *c);   /* bytes it holds itself: the weights in BF16 */

/* After every change of the weights, O,[kD],kH,kW,I in F32. */
void columns_pack(struct columns *c, const float *weight);
/* False: oneDNN failed, and what was to be written is anything. The weights' gradient is F32. */
bool columns_forward(struct columns *c, const void *fine, void *coarse, void *scratch);
bool columns_backward_data(struct columns *c, const void *coarse, void *fine, void *scratch);
bool columns_backward_weights(struct columns *c, const void *fine, const void *coarse, float *weight, void *scratch);

#endif
