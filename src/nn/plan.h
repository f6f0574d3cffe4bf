/* Plan: a graph made ready to run: order, gradients wanted, one block of memory laid out by liveness, primitives made.
 *
 * One thread at a time may run a plan (it uses up to `threads` itself); several plans may read the same params.
 * Nothing in forward, backward, commit allocates or fails, unless oneDNN does: plan_failed. */
#ifndef NN_PLAN_H
#define NN_PLAN_H

#include "base/err.h"
#include "nn/graph.h"

/* How an objective's group is updated, where that is not as the training's options say. */
struct rule {
    float lr_factor; /* of the learning rate; 0: 1 */
    bool own_betas;  /* Adam's: */
    float beta1, beta2;
    float redraw_below; /* after a step whose loss is below this, the group's weights are drawn anew; 0: never */
};

/* A scalar to be minimised over one group of parameters, or one input. Objectives that share a forward pass (those up
 * to the next fresh one) have groups of their own. */
struct objective {
    const char *name;
    struct node *loss; /* shape 1 */
    enum param_group group;
    struct node *wrt; /* NULL; or the one input whose gradient is wanted, and no parameter's: `group` means nothing */
    bool fresh;       /* a forward pass comes before its backward, after the updates of the objectives before it */
    struct rule rule;
};

enum { OBJECTIVES = 4 };

struct plan_spec {
    struct graph *graph;         /* must outlive the plan */
    struct node *const *outputs; /* whose values are read after forward */
    int noutputs;
    const struct objective *objectives; /* none: no backward */
    int nobjectives;
    bool keep_all; /* every tensor in a buffer of its own: for tests and inspection */
    int threads;   /* at least 1 */
    uint64_t seed;
};

struct plan;

int plan_new(const struct plan_spec *spec, struct plan **out, struct err *e);
void plan_free(struct plan *p);
/* What plan_bytes would be; no memory for tensors is taken, and the parameters need not be allocated. */
int plan_measure(const struct plan_spec *spec, size_t *bytes, struct err *e);

/* A node's value: write inputs before forward, read outputs after it. The pointer is valid while the plan lives; an
 * input's value is until the last fresh objective has run forward, an output's always. */
void *plan_data(const struct plan *p, const struct node *n);
/* A node's gradient of the last plan_backward, until the next one: a parameter's, or that of its objective's `wrt`;
 * with keep_all any node's that the objective passes. NULL: there is none. */
void *plan_grad(const struct plan *p, const struct node *n);

/* What noise about each row of a batch is drawn from, besides seed and step: as many numbers as the inputs' first
 * dimension, which stay the caller's and are read in every forward. NULL: 0, 1, 2... */
void plan_samples(struct plan *p, const uint64_t *ids);

/* Equal steps draw equal noise. */
void plan_forward(struct plan *p, uint64_t step);
/* Gradients of one objective into its group's param->grad (zero where the objective does not reach, but another of its
 * group does), or into plan_grad of its `wrt`. Inputs and weights are those of the last plan_forward. Gradients of
 * parameters stay until plan_forward, and so beside those of the objectives that share the pass. */
void plan_backward(struct plan *p, int objective);
/* Moves state (running statistics); once a training step, after the optimiser. */
void plan_commit(struct plan *p);

/* The node that oneDNN first failed to compute, for want of memory most likely: what came of it is NaN. NULL: none. */
const struct node *plan_failed(const struct plan *p);

/* Bytes the plan holds: the block of tensors, and packed weights and primitives' own. */
size_t plan_bytes(const struct plan *p);

/* The first node, in order, whose value is not finite; NULL: all are (only outputs and kept tensors can be looked at).
 */
const struct node *plan_find_nonfinite(const struct plan *p);

/* Time spent by node since plan_profile_start, one callback a node. */
struct plan_timing {
    const struct node *node;
    double forward_ms, backward_ms; /* a run */
    double flops;                   /* of a forward */
    double backward_flops;          /* as much again for each of the first two inputs whose gradient is wanted */
    size_t bytes;                   /* of the output */
};
int plan_profile_start(struct plan *p, struct err *e);
void plan_profile(const struct plan *p, void (*each)(void *user, const struct plan_timing *t), void *user);

#endif
