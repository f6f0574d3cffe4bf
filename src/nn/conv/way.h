/* A way to compute directions of a convolution: forward, and its two adjoints (nn/dnn.h). One file with a `const struct
 * conv_way`, and one row of the table in ways.c, where each direction goes to the first way that takes it. */
#ifndef NN_CONV_WAY_H
#define NN_CONV_WAY_H

#include "nn/dnn.h"

/* What is to be computed. */
struct conv_task {
    struct dnn_conv_spec conv; /* directions: those that no way has taken yet; bias and act: the op's */
    enum dtype data_type;      /* that backward data are written in: F32 also where all that is read is BF16 */
    bool
        adjoint; /* the op is backward data, behind which its bias and activation stand; else they are behind forward */
    bool training; /* weights change in every step; else a sample's result must not depend on others of its batch */
    bool scaled;   /* the weights have factors */
};

/* One run of a direction: of src, dst and weights it reads two and writes the third. */
struct conv_call {
    const void *src, *dst;
    const float *weight, *scale; /* O,[kD],kH,kW,I and their factors or NULL: for ways that do not pack them */
    const float *bias;           /* or NULL: for ways that add it */
    void *to;                    /* src, dst, or the weights' gradient, in F32 */
    void *scratch;
};

/* False: oneDNN failed, and what was to be written is anything. */
typedef bool conv_run_fn(void *own, const struct conv_call *call);

struct conv_way {
    const char *name;
    /* Of the task's directions those, by bit, that it computes faster than the ways behind it. */
    unsigned (*takes)(const struct conv_task *t);
    /* For the task's directions, all of which it takes. What is in *own is released also where it fails. */
    int (*create)(const struct conv_task *t, void **own, struct err *e);
    void (*release)(void *own);         /* NULL is fine */
    size_t (*scratch)(const void *own); /* bytes that a run wants; NULL: none */
    size_t (*bytes)(const void *own);   /* that it holds itself or shares; NULL: none */
    /* After every change of the weights, which have their factors here; NULL: it takes both from the call. False as in
     * a run. */
    bool (*pack)(void *own, const float *weight);
    bool (*is_packed)(const void *own); /* somebody else has packed what it shares since; NULL: it shares nothing */
    conv_run_fn *run[DNN_DIRECTIONS];
    unsigned finishes; /* directions, by bit, in which it adds the bias and applies the activation, too */
};

enum { CONV_THIN = 4 }; /* the most channels of what `thin` writes */

#endif
