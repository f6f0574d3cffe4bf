/* Speed, measured: steps of a model on random input, where their time goes, and what this machine could do at most. */
#ifndef RUN_BENCH_H
#define RUN_BENCH_H

#include "base/err.h"
#include "models/model.h"
#include "file/train_config.h"

#include <stdbool.h>
#include <stddef.h>

/* Of one step. Arithmetic is counted, not measured: multiplication and addition are two. */
struct bench_node {
    const char *name, *op;          /* "enc.0", "conv"; the optimiser is "", "adam" */
    double forward_ms, backward_ms; /* medians */
    double forward_flops, backward_flops;
    size_t bytes; /* of its output */
};

struct bench_job {
    const struct model *model;
    const void *config;               /* the model's options */
    const struct train_config *train; /* batch, size, channels, frames, threads, precision, and Adam's */
    bool training;                    /* forward, backward, Adam; or scoring */
    int repeat;                       /* steps to time, at least 1 */
    int64_t columns;                  /* of rows of numbers; 0: pictures or clips */
    void *user;
    void (*node)(void *user, const struct bench_node *n); /* NULL: no profile. After the timing, in as many steps */
    bool (*should_stop)(void *user); /* asked after every step: true ends with ERR_STOPPED; may be NULL */
};

struct bench_result {
    int batch, threads;
    enum dtype precision;
    double ms;    /* a step: the median */
    double flops;      /* a step */
    size_t bytes;      /* of the plan: tensors, packed weights */
    size_t parameters; /* numbers that training may change in the nets of this mode */
};

/* ERR_USAGE: options that do not fit each other. Where the size is left to be chosen it is 256x256, colour. */
int bench_run(const struct bench_job *job, struct bench_result *result, struct err *e);

struct bench_machine {
    double fma_gflops;       /* multiply-adds in registers, F32 */
    double conv_gflops;      /* a large convolution through oneDNN, F32 */
    double conv_bf16_gflops; /* the same in BF16; 0: not native here */
    double copy_gbytes;      /* memory copied from here to there, read and written: 10^9 bytes a second */
};

/* Takes about a second. */
int bench_machine(int threads, struct bench_machine *out, struct err *e);

#endif
