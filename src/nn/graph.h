/* Graph: a description of a computation, built forwards, holding no data. Built twice, once a mode, for one batch size.
 *
 * Builders (ops.h, layers.h) never need checking one by one: after the first error every builder returns NULL, and
 * graph_error tells the first one's sentence. Nodes live in the graph's arena and are in topological order. */
#ifndef NN_GRAPH_H
#define NN_GRAPH_H

#include "base/arena.h"
#include "base/err.h"
#include "nn/params.h"
#include "nn/shape.h"

enum graph_mode {
    GRAPH_TRAIN, /* batch statistics, losses, gradients */
    GRAPH_SCORE, /* running statistics folded into the weights before them */
};

enum node_kind { NODE_INPUT, NODE_PARAM, NODE_OP };

enum { NODE_INPUTS = 6 };

struct node {
    int id;
    enum node_kind kind;
    const struct op *op;
    const void *spec; /* the op's options, a copy in the arena */
    int inputs;
    struct node *in[NODE_INPUTS]; /* an optional input that is not there is NULL */
    struct shape shape;
    enum dtype dtype;
    bool constant;       /* depends on parameters alone: run again only when they change */
    struct param *param; /* NODE_PARAM */
    const char *name;    /* for messages and profiles */
    struct node *next;
};

struct graph {
    struct arena arena;
    enum graph_mode mode;
    enum dtype precision; /* of activations between convolutions */
    bool region;          /* not all of a sample counts: a model may ask what does (models/model.h) */
    struct params *params;
    struct node *first, *last;
    int n;
    const char *scope; /* name given to the nodes that follow; set by layers.h */
    struct err err;
};

/* An empty graph over `params` (which outlives it); NULL: out of memory. */
struct graph *graph_new(enum graph_mode mode, enum dtype precision, struct params *params);
void graph_free(struct graph *g);
/* 0, or the first error of the build. */
int graph_error(const struct graph *g, struct err *e);

/* Whether anything is drawn at random: then a plan wants to know its samples. */
bool graph_has_noise(const struct graph *g);

/* A value from outside, F32. */
struct node *graph_input(struct graph *g, const char *name, struct shape shape);
/* A parameter or state by name; see params_declare. */
struct node *graph_param(struct graph *g, const char *name, struct shape shape, enum param_group group,
                         struct init init);
/* A new node: copies the spec, infers the shape. in[i] may be NULL where the op says so, but not in[0]; only noise has
 * no inputs at all. */
struct node *graph_apply(struct graph *g, const struct op *op, const void *spec, size_t spec_bytes, int inputs,
                         struct node *const in[]);

#endif
