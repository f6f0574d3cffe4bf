/* The inside of the building of a plan, in four steps: what is needed and whose gradients are wanted (plan_analyse.c),
 * primitives (plan_build.c), calls in order with their buffers and the buffers' lives (plan_schedule.c), memory
 * (plan_build.c).
 *
 * The moment of a call is its number in the one list of all calls: constants, forward, each objective's backward,
 * commit. */
#ifndef NN_PLAN_BUILD_H
#define NN_PLAN_BUILD_H

#include "nn/plan_parts.h"

enum { NONE = -1 };

/* A call whose pointers are still numbers of buffers. */
struct slot {
    void (*run)(struct exec *x);
    struct exec *exec;
    int in[NODE_INPUTS], out, gout, gin[NODE_INPUTS], scratch;
};

/* What the build knows of a node. */
struct info {
    bool needed, output, kept, dropped; /* kept: backward reads it; dropped: and makes it again for that */
    bool leads, reaches;                /* this objective: what it trains is below it; the loss is above it */
    int last_reader;                    /* the last node that reads it forward */
    int value, again, grad;             /* buffers: forward, made again, this objective's gradient */
    int parts, saved;                   /* gradients to be added up in this objective; buffer of x->saved */
};

struct build {
    struct arena arena;
    struct plan *p;
    const struct plan_spec *spec;
    struct info *info; /* by node id */
    struct buffer *buffers;
    int nbuffers;
    bool *pinned;     /* by buffer: nothing may be written over it in place */
    int *last_reader; /* by buffer */
    struct slot *slots;
    int nslots;
    int one;    /* buffer of d loss / d loss */
    int *grads; /* by objective and node id: buffers of the gradients that plan_grad tells; NONE: not told */
};

static inline struct info *info_of(const struct build *b, const struct node *n)
{
    return &b->info[n->id];
}

static inline bool is_view(const struct node *n)
{
    return n->op && (n->op->flags & OP_VIEW);
}

/* The node whose memory a chain of views shows. */
static inline struct node *viewed(struct node *n)
{
    while (is_view(n))
        n = n->in[0];
    return n;
}

static inline size_t node_bytes(const struct node *n)
{
    return (size_t)shape_count(&n->shape) * dtype_bytes(n->dtype);
}

/* Whether the objective traced last passes a gradient to n. */
static inline bool is_active(const struct build *b, const struct node *n)
{
    return n && info_of(b, n)->leads && info_of(b, n)->reaches;
}

/* What the gradients of these inputs read: READ_*. */
static inline unsigned reads_of(const struct op *op, unsigned inputs)
{
    unsigned reads = 0;
    for (int i = 0; i < NODE_INPUTS; i++)
        if (inputs & (1u << i))
            reads |= op->reads[i];
    return reads;
}

/* Whether the plan can be: objectives and noise that fit. */
int plan_check(const struct plan_spec *spec, struct err *e);
/* Marks what is needed, wanted, kept and dropped. */
int plan_analyse(struct build *b, struct err *e);
/* Sets leads, reaches and parts for one objective. */
void trace_objective(struct build *b, const struct objective *o);

void schedule_forward(struct build *b, bool constants);
void schedule_backward(struct build *b, int objective);
void schedule_commit(struct build *b);
int new_buffer(struct build *b, size_t bytes, void *external);

#endif
