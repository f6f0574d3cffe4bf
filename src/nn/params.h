/* Parameters: named values that outlive graphs and plans. Those of one group lie in one block, and so do Adam's
 * moments. Gradients lie in the memory of the plan that computed them, which is free for other things meanwhile.
 *
 * Life: params_new; graphs declare (params_declare) while they are built; params_allocate once; then graphs of the
 * other mode declare the same names again and get the same parameters. Not for two threads while values change. */
#ifndef NN_PARAMS_H
#define NN_PARAMS_H

#include "base/arena.h"
#include "base/err.h"
#include "nn/shape.h"

enum param_group {
    GROUP_MAIN,      /* trained: autoencoder, generator, memory */
    GROUP_ADVERSARY, /* trained: discriminator */
    GROUP_ENCODER,   /* trained: what learns beside those two, as an encoder into a finished generator */
    GROUP_STATE,     /* not trained, but saved: running statistics */
    GROUP_COUNT,
};

enum init_kind { INIT_CONSTANT, INIT_UNIFORM, INIT_NORMAL };

struct init {
    enum init_kind kind;
    float a, b; /* CONSTANT: value a; UNIFORM: from a to b; NORMAL: mean a, deviation b */
};

struct param {
    const char *name; /* "enc.0.weight"; unique */
    struct shape shape;
    enum param_group group;
    struct init init;
    size_t offset, count; /* in the group's blocks, in floats */
    float *value;         /* NULL before params_allocate */
    float *grad;          /* of the last backward pass, until the next forward (nn/plan.h); NULL: it has none */
    struct param *next;
};

struct dnn_packs;

struct params {
    struct arena arena;
    struct param *first, *last;
    int n;
    size_t size[GROUP_COUNT]; /* floats in a group's block; every parameter starts at a multiple of 16 */
    float *value[GROUP_COUNT], *m[GROUP_COUNT], *v[GROUP_COUNT];
    uint64_t adam_steps[GROUP_COUNT];
    uint64_t version; /* counts changes of values: whoever keeps a packed copy compares it */
    bool allocated, trainable;
    struct dnn_packs *packs; /* packed copies of them, shared by the plans that read them */
};

struct params *params_new(void); /* NULL: out of memory */
void params_free(struct params *ps);

/* The parameter of that name, made when it is new; an existing one must have the same shape and group, and until
 * values are there the same initial ones. NULL after an error. */
struct param *params_declare(struct params *ps, const char *name, const struct shape *shape, enum param_group group,
                             struct init init, struct err *e);
struct param *params_find(const struct params *ps, const char *name);

/* Allocates all blocks (moments only when `trainable`) and draws the initial values: a function of the
 * seed and each parameter's name, not of their order. */
int params_allocate(struct params *ps, uint64_t seed, bool trainable, struct err *e);

/* Draws a group's values anew, as params_allocate would with that seed, and forgets what its optimiser knew. */
void params_draw(struct params *ps, enum param_group group, uint64_t seed);

/* To be called after values have changed by any hand but Adam's. */
void params_changed(struct params *ps);

#endif
