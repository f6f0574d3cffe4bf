/* Layers: an operation with its parameters, named and initialised, as every model here uses them. The same call builds
 * the training form (batch norm with batch statistics) and the scoring form (norm folded into the weights). */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "nn/ops.h"

enum weight_init {
    WEIGHTS_UNIFORM, /* U(-b, b), b = 1/sqrt(fan in): PyTorch's default, and so of most published code */
    WEIGHTS_NORMAL,  /* N(0, 0.02), batch norm's gain N(1, 0.02): the official code of MemAE and of GANomaly */
};

struct layer_spec {
    bool transposed; /* of layer_conv, as are kernel to output_pad */
    int out;         /* channels */
    int kernel[3], stride[3], pad[3], output_pad[3];
    bool norm;    /* batch norm in place of a bias, which it would cancel */
    bool no_bias; /* not even where there is no norm */
    enum act act;
    float slope;
    enum weight_init init;
    enum param_group group; /* of all that is trained; running statistics are GROUP_STATE */
    enum dtype dtype;       /* of the result */
};

/* conv | deconv [+ batch norm] [+ activation]; parameters NAME.weight, .bias or .gain .shift .mean .var. */
struct node *layer_conv(struct graph *g, const char *name, struct node *x, const struct layer_spec *spec);

/* The same for rows: x N,C and a matrix out,C, computed in F32. */
struct node *layer_linear(struct graph *g, const char *name, struct node *x, const struct layer_spec *spec);

#endif
