/* What the tests of convolutions share: layers, drawn ones among them, and a reference in double precision. */
#ifndef TESTS_NN_CONVOLUTIONS_H
#define TESTS_NN_CONVOLUTIONS_H

#include "base/rng.h"
#include "nn/dnn.h"
#include "nn/ops.h"

enum { ALL_DIRECTIONS = (1 << DNN_DIRECTIONS) - 1 };

struct layer {
    int nd, n, size[3], in, out, kernel[3], stride[3], pad[3], output_pad[3];
    bool transposed, bias;
    enum act act;
    enum dtype from, to;
    bool scaled; /* factors on the weights, which are not trained */
};

/* Any layer that can be computed, small. */
struct layer layer_draw(struct rng *r);

/* The fine side is the larger: what a convolution reads and its adjoint writes. Three spatial dimensions always. */
struct geometry {
    int n, fine[3], coarse[3], fine_channels, coarse_channels, kernel[3], stride[3], pad[3];
};

/* coarse[c,o] w[o,k,i] fine[f,i] with f = c stride + k - pad; `target` gets the product of the other two. */
void connect(const struct geometry *g, double *coarse, double *weight, double *fine, const double *target);

/* Freed by the caller; widened: the values as they are in `type`. */
double *zeros(size_t n);
double *widened(const float *from, size_t n, enum dtype type);

bool layer_rounds(const struct layer *l);
/* In a buffer that the next call reuses. */
const char *layer_describe(const struct layer *l);
/* Fails where `got` is further off than the layer's formats and its way of being computed explain. */
void layer_compare(const struct layer *l, const char *what, const float *got, const double *want, size_t n);

#endif
