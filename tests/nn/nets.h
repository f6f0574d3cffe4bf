/* Random nets for the tests of plans: a graph of every kind of op over one input, with objectives of every kind. */
#ifndef TESTS_NN_NETS_H
#define TESTS_NN_NETS_H

#include "base/rng.h"
#include "nn/graph.h"
#include "nn/plan.h"

enum { NET_OUTPUTS = 3 };

/* What a net is drawn from. */
struct dice {
    struct rng rng;
    bool smooth; /* no kinks: for differences */
    bool half;   /* values in BF16 too */
    int layers;
};

struct net {
    struct params *params;
    struct graph *graph;
    struct node *input, *outputs[NET_OUTPUTS];
    struct objective objectives[OBJECTIVES];
    int noutputs, nobjectives;
};

/* The same dice draw the same net. GRAPH_SCORE: without objectives. Parameters are still to be allocated. */
void net_draw(struct net *n, struct dice d, enum graph_mode mode, struct shape shape);
void net_free(struct net *n);

struct plan *net_plan(const struct net *n, bool keep_all, int threads);
/* Fills the input, whose memory is used again within a run, and runs forward. */
void net_forward(const struct net *n, struct plan *p, uint64_t seed);

/* The objectives from `first` on that share a forward pass: the number of the one behind them. */
int net_pass(const struct net *n, int first);

/* A 1x1 convolution without bias, convN, N counted in the dice. */
struct node *net_conv(struct graph *g, struct dice *d, struct node *x, int64_t out, enum param_group group);

size_t node_bytes(const struct node *n);

#endif
