/* Nets that others have trained to recognise things, as far as the layers that tell what is where: a table of them,
 * the graph of each, and its weights from a file of torchvision's names.
 *
 * Parameters are called "backbone." and torchvision's name of the layer, and are GROUP_STATE: nothing here trains them.
 * Batch norm is folded into the convolution before it when weights are taken over. */
#ifndef MODELS_BACKBONE_H
#define MODELS_BACKBONE_H

#include "models/model.h"

/* As the option `net` counts them; AUTO: what the file of weights holds, and OWN, engram's own small net, where there
 * is none. */
enum backbone_net { BACKBONE_AUTO, BACKBONE_SQUEEZENET1_1, BACKBONE_RESNET18, BACKBONE_WIDE_RESNET50_2, BACKBONE_OWN };
#define BACKBONE_NAMES "auto|squeezenet1_1|resnet18|wide_resnet50_2|own"

enum { BACKBONE_LAYERS = 4 };

/* Feature maps, N,H,W,C each, from the finest to the coarsest; returns how many. `x`: N,H,W,3 in g->precision. */
int backbone_build(struct graph *g, enum backbone_net net, struct node *x, const struct ints *numbers,
                   struct node *layers[BACKBONE_LAYERS]);
/* The layers that are used where none are named. Model files note them; `noted` false: of one from before they did. */
struct ints backbone_usual(enum backbone_net net, bool noted);
/* How many channels layers of these numbers have together. */
int64_t backbone_channels(enum backbone_net net, const struct ints *numbers);
/* ERR_USAGE: numbers of layers that this net does not have, too many, or out of order. */
int backbone_check_layers(enum backbone_net net, const struct ints *numbers, struct err *e);

/* The weights of engram's own, which are in the library (backbone.md). */
struct weights_place backbone_builtin(void);

/* Engram's own net while it learns (bench/backbone/distil.c): its convolutions have batch norms, and what it says at
 * stride 8 of all its layers together, N,H,W,OWN_WIDTH F32, is to be what a teacher says. */
enum { OWN_WIDTH = 224 };
struct node *backbone_learn(struct graph *g, struct node *x);

/* Which net the weights are of: by names and shapes that it alone has. ERR_FORMAT with the file's name when none. */
int backbone_recognise(const struct weights *from, enum backbone_net *net, struct err *e);

/* Fills the parameters that a graph of the net has declared. */
int backbone_take(const struct weights *from, struct params *params, struct err *e);
/* Those alone whose layers' names begin so. */
int backbone_take_named(const struct weights *from, struct params *params, const char *prefix, struct err *e);

#endif
