/* The U-Net that `ae-skip`, `daad` and others share, with its options: halvings and doublings of a picture, joined
 * across at every size by a lateral connection. What happens on those is the model's own. */
#ifndef MODELS_UNET_H
#define MODELS_UNET_H

#include "models/model.h"
#include "nn/layers.h"

enum unet_activation { UNET_LEAKY, UNET_RELU };
enum unet_output { UNET_TANH, UNET_LINEAR, UNET_SIGMOID };

struct unet_config {
    struct ints widths;
    enum unet_activation activation;
    enum unet_output output;
    enum weight_init init;
    bool norm_first, norm_inner;
    double slope;
};

/* For the table of a model that has a unet_config in its own. */
extern const struct option unet_options[];

/* What the map of one level, N,H,W,C in g->precision, becomes on its way across; the result has its shape and format.
 * Level 0 is the largest; the last is the bottleneck, which comes by here as well. `config` is the model's. */
typedef struct node *unet_lateral(struct graph *g, const void *config, int level, struct node *map, struct heads *h);

/* A picture N,H,W,C of any size to another of its shape, F32. `lateral` NULL: maps cross as they are. */
struct node *unet_build(struct graph *g, const struct unet_config *c, struct node *picture, unet_lateral *lateral,
                        const void *config, struct heads *h);

/* Shape of the map of `level` for pictures N,H,W,C; nd 0: they are too small for so many halvings. */
struct shape unet_map(const struct unet_config *c, const struct shape *input, int level);

/* Whether the options fit each other and pictures of this shape (no batch). */
int unet_check(const struct unet_config *c, const struct shape *sample, struct err *e);

#endif
