/* The U-Net with block-wise memories that `daad` and `daad+` share, with its options. */
#ifndef MODELS_DAAD_H
#define MODELS_DAAD_H

#include "models/residual.h"
#include "models/unet.h"

struct daad_config {
    struct unet_config net;
    struct residual_config residual;
    struct ints rates;
    int64_t items;
    double scale, shrink, entropy;
};

/* For the table of a model that has a daad_config in its own. */
extern const struct option daad_options[];

/* Presets that both models offer: nets and runs. */
#define DAAD_GENERAL     "widths=16,32,64,64 rates=2,2,1 items=100 blur=2"
#define DAAD_MVTEC       "widths=64,128,256,512,512 rates=8,8,1 items=500 scale=1 blur=0"
#define DAAD_CIFAR10     "widths=64,128,256 rates=4,4,1"
#define DAAD_RUN_GENERAL "size=128 epochs=150 batch=8 lr=0.001 flip_h=true flip_v=true keep=last validation=0 score=map"
#define DAAD_RUN_MVTEC   "size=256 channels=3 epochs=1000 batch=8 flip_h=true flip_v=true keep=last validation=0"
#define DAAD_RUN_CIFAR10 "size=32 channels=3 epochs=25 batch=64 lr=0.001 keep=last validation=0"

/* Begins *h and rebuilds the input: input, target, output, memories. */
void daad_rebuild(struct graph *g, const struct daad_config *c, struct shape input, struct heads *h);

/* Of a training graph: mean squared error + entropy of the addressing times its weight; both are watched. */
struct node *daad_loss(struct graph *g, const struct daad_config *c, struct heads *h);

/* Whether the rates divide every map for pictures of this shape (no batch). */
int daad_check(const struct daad_config *c, const struct shape *sample, struct err *e);

#endif
