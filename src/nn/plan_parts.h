/* The inside of a plan, shared by plan.c (running), plan_build.c (building) and plan_gradient.c. */
#ifndef NN_PLAN_PARTS_H
#define NN_PLAN_PARTS_H

#include "nn/layout.h"
#include "nn/op.h"
#include "nn/plan.h"

/* One function call on one node, with the pointers it works on: a value dropped after the forward pass and made again
 * lies elsewhere in the backward pass. */
struct call {
    void (*run)(struct exec *x);
    struct exec *exec;
    void *in[NODE_INPUTS], *out, *gout, *gin[NODE_INPUTS], *scratch;
};

struct call_list {
    struct call *calls;
    int n;
};

struct plan {
    const struct graph *graph;
    struct params *params;
    int nodes, threads;
    bool measured;      /* not to be run: plan_measure */
    struct exec *execs; /* by node id; those of inputs and parameters are unused */
    struct node **by_id;
    struct call_list constants, forward, backward[OBJECTIVES], commit;
    void **values; /* by node id: where plan_data looks; NULL: not kept */
    void **grads;  /* by objective and node id: where plan_grad looks */
    int objective; /* whose backward ran last; -1: none yet */
    const struct node *failed;
    unsigned char *block;
    size_t bytes;
    uint64_t constants_version; /* parameters' version the constants were made from */
    struct moment moment;
    float one;                        /* d loss / d loss */
    double *forward_ms, *backward_ms; /* by node id, while profiling; else NULL */
    int forwards, backwards;
};

/* Calls of the plan's own, on the gradient gin[0] of a node; gout: a share of it from one reader. */
void gradient_add(struct exec *x);
void gradient_copy(struct exec *x);
void gradient_zero(struct exec *x);

int plan_build(struct plan *p, const struct plan_spec *spec, struct err *e);

#endif
