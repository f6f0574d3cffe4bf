/* What an operation is. One file under ops/ per family; each op is one `static const struct op` with its forward and
 * backward under the formula. Ops hold no state: what they need at run time is in struct exec, owned by the plan.
 *
 * Contract:
 * - infer checks the inputs' shapes and the spec and sets node->shape and node->dtype; everything wrong is found here.
 * - prepare makes primitives and sets x->saved_bytes, x->scratch_bytes. It and release are the only places to allocate.
 * - forward reads x->in, writes x->out; it is pure: no state moves (running statistics move in commit).
 * - backward *writes* (never adds to) each x->gin[i] that is not NULL. It reads x->gout, x->saved and what `reads` says
 *   of those inputs: nothing else is there. It may be called several times, for some inputs each. The plan adds up the
 *   gradients of values with several readers.
 * - No allocation in forward, backward, commit, recompute, and no failure of ours; where oneDNN fails nevertheless,
 * they say so by exec_note and go on, and the plan makes NaN of what they write. */
#ifndef NN_OP_H
#define NN_OP_H

#include "base/err.h"
#include "nn/graph.h"
#include "nn/shape.h"

#include <stdatomic.h>

/* What a gradient reads: inputs, by bit, and the output. */
enum { READ_IN0 = 1, READ_IN1 = 2, READ_IN2 = 4, READ_IN3 = 8, READ_OUT = 1 << NODE_INPUTS };

enum {
    OP_INPLACE = 1,      /* forward may write its output over input 0: same shape, same dtype, element by element */
    OP_INPLACE_GRAD = 2, /* backward may write gin[0] over gout */
    OP_VIEW = 4,         /* the output is input 0's memory under another shape: nothing to run */
    OP_NOISE = 8,        /* the output is drawn at random, a row a sample; it has no inputs */
    OP_KEEPS = 16,       /* saved is still there in the next forward: what was made of constant inputs is made once */
};

/* The moment a plan is in: randomness is a function of (seed, node, step, sample). */
struct moment {
    uint64_t seed, step;
    const uint64_t *samples; /* of the batch's rows; NULL: their numbers */
};

/* One node at run time. Pointers are set by the plan; they are F32 or BF16 as the nodes' dtypes say. */
struct exec {
    const struct node *node;
    void *in[NODE_INPUTS], *out;
    void *gout, *gin[NODE_INPUTS]; /* gradients, in the dtype of what they are gradients of; gin[i] NULL: unwanted */
    unsigned wants;                /* bit i: backward will write gin[i] in some objective; known in prepare */
    void *saved;                   /* written by forward, still there in backward */
    void *scratch;                 /* 64-byte aligned, valid within one call, shared with other nodes */
    size_t saved_bytes, scratch_bytes;
    void *own;        /* the op's primitives; release frees them */
    size_t own_bytes; /* what they hold, for the bill */
    int threads;      /* how many to use at most */
    const struct moment *moment;
    const uint64_t *version; /* of the parameters, for packed copies */
    struct dnn_packs *packs; /* and those that plans share */
    atomic_bool failed;      /* this call, in whichever thread: what it writes is not to be believed */
};

static inline void exec_note(struct exec *x, bool done)
{
    if (!done)
        atomic_store(&x->failed, true);
}

struct op {
    const char *name;
    unsigned reads[NODE_INPUTS]; /* by input: what its gradient reads besides gout and saved: READ_* */
    unsigned remakes;            /* what recompute reads besides saved: inputs, by bit */
    unsigned flags;              /* OP_* */
    int (*infer)(struct node *n, struct err *e);
    int (*prepare)(struct exec *x, struct err *e);
    void (*forward)(struct exec *x);
    void (*backward)(struct exec *x);  /* NULL: no gradient passes through */
    void (*recompute)(struct exec *x); /* makes out again from what is kept, cheaply; NULL: out itself is kept */
    void (*commit)(struct exec *x);
    void (*release)(struct exec *x);
    double (*flops)(const struct node *n); /* of one forward; NULL: counted as one a output element */
};

/* Sets the sentence "op NAME (node 'x'): ..." for infer. */
int op_error(const struct node *n, struct err *e, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
