/* Convolutions whose kernel covers their input once, in BF16: products of matrices of numbers as they lie. As
 * convolutions oneDNN would bring the weights into its order first, in every training step, which takes several times
 * as long as the products. */
#ifndef NN_WHOLE_H
#define NN_WHOLE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* fine N,K: what the convolution reads; coarse N,O: what it writes; weights O,K. */
struct whole_spec {
    int64_t samples, outputs, values; /* N, O, K */
    unsigned directions;              /* DNN_* (dnn.h) */
    int threads;
};

struct whole;

int whole_new(const struct whole_spec *spec, struct whole **out, struct err *e);
void whole_free(struct whole *w);               /* NULL is fine */
size_t whole_scratch(const struct whole *w);    /* bytes that the calls below want at `scratch` */
size_t whole_bytes(const struct whole_spec *s); /* bytes it holds itself */

/* After every change of the weights, F32. */
void whole_pack(struct whole *w, const float *weight);
/* False: oneDNN failed, and what was to be written is anything. The weights' gradient is F32. */
bool whole_forward(struct whole *w, const void *fine, void *coarse, void *scratch);
bool whole_backward_data(struct whole *w, const void *coarse, void *fine, void *scratch);
bool whole_backward_weights(struct whole *w, const void *fine, const void *coarse, float *weight, void *scratch);

#endif
