/* Fully connected nets for rows of numbers: what models of pictures do with convolutions, they do with these, N,C in
 * place of N,H,W,C. */
#ifndef MODELS_MLP_H
#define MODELS_MLP_H

#include "models/model.h"
#include "nn/layers.h"

/* The option of every model that takes rows: values behind each layer, from the row to the code. */
#define ROW_LAYERS                                                                                                     \
    ROW_INTS(layers, "", 1, 65536,                                                                                     \
             "of rows of numbers: values after each layer, the last being the code; empty: chosen by the number of "   \
             "columns")

struct mlp_spec {
    const char *prefix; /* of its parameters: "enc" gives enc.0.weight, enc.0.bias, enc.1.weight, ... */
    struct ints widths; /* values after each layer */
    enum act act, last; /* behind each layer but the last, and behind that one */
    float slope;        /* of LRELU */
    enum weight_init init;
    enum param_group group;
};

/* The layers that the option asks for, or where it is empty those for rows of so many columns. */
struct ints mlp_layers(const struct ints *wish, int64_t columns);

/* Whether they are not too many; a sentence if so. */
int mlp_check(const struct ints *layers, struct err *e);

/* Without the last `drop`, backwards. */
struct ints mlp_backwards(const struct ints *layers, int drop);
/* With one more behind them; OPTION_LIST at most. */
struct ints mlp_and(struct ints layers, int64_t width);

/* x N,C through all layers: N,last width, F32; x itself where there are none. */
struct node *mlp(struct graph *g, const struct mlp_spec *s, struct node *x);

#endif
