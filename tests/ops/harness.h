/* How every op is tested: a naive reference in double gives the forward pass, and differences of that reference give
 * the gradients. An op is a row of a table (cases_*.c); one loop runs it by hand, without a plan, in several sizes,
 * formats and numbers of threads, and also checks what the plan relies on: that each gradient reads only what it says,
 * writes (not adds to) exactly the gradients wanted, that working in place changes nothing, that nothing is written
 * out of bounds, and that the threads do not change a bit. */
#ifndef TESTS_OPS_HARNESS_H
#define TESTS_OPS_HARNESS_H

#include "base/rng.h"
#include "nn/graph.h"
#include "nn/op.h"
#include "nn/ops.h"

enum { VARIANTS = 4 };

struct op_row {
    const char *name; /* NULL ends a table */
    struct node *(*build)(struct graph *g, struct node *const in[], const void *options);
    const void *options;
    const struct shape *sizes; /* to be run with each of these; ended by {0} */
    /* Shapes of all inputs, made from a size; returns their number. nd 0: that input is missing. */
    int (*operands)(const struct shape *size, const void *options, struct shape in[NODE_INPUTS]);
    /* out[] from in[], by the definition. `shapes` are the inputs'. */
    void (*reference)(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out);
    unsigned wants;          /* inputs with gradients, by bit; 0: the op has no backward */
    unsigned parameters;     /* inputs that are parameters, by bit */
    unsigned bf16[VARIANTS]; /* which inputs are bfloat16: float32 alone is always run, then these up to the first 0 */
    bool native;             /* bfloat16 only where the processor computes in it */
    double (*value)(struct rng *r, int input); /* what to fill inputs with; NULL: normal, deviation 1 */
    /* Whether an output element is too near a jump of the function to be checked. NULL: none. */
    bool (*undecided)(const struct op_row *row, const struct shape shapes[], const double *const in[], size_t element);
    double tolerance; /* of float32, relative to the largest element; 0: 2e-5. Bfloat16: 2^-7 on top */
    double absolute;  /* added to it: for gradients that cancel to nothing */
    bool loose;       /* the last bits depend on the threads (oneDNN's products) */
};

/* Runs one row in all sizes, formats and threads; fails the cmocka test with a sentence. */
void check_row(const struct op_row *row);

/* One op made ready by hand, for tests of single properties: buffers are guarded, outputs start as NaN. */
struct bench {
    struct graph *graph;
    struct params *params;
    struct node *node;
    struct exec x;
    uint64_t version;
    int inputs;
    void *in[NODE_INPUTS], *out, *gout, *gin[NODE_INPUTS];
};

typedef struct node *build_fn(struct graph *g, struct node *const in[], const void *options);

void bench_open(struct bench *b, build_fn *build, const void *options, int inputs, const struct shape shapes[],
                unsigned narrow, unsigned wants, unsigned parameters);
/* `narrow`: the inputs that are bfloat16, by bit. Forward; backward of the gradients in `wants` with gout; all pointers
 * as the plan would set them. Guards checked. */
void bench_forward(struct bench *b, int threads);
void bench_backward(struct bench *b, int threads, unsigned wants);
void bench_close(struct bench *b);

/* Element i of a tensor of either format, and its writing. */
double element(const void *data, enum dtype type, size_t i);
void set_element(void *data, enum dtype type, size_t i, double value);
size_t count_of(const struct shape *s);

/* Operands that several rows use: x alone; two of x's shape; x and a scalar's like. */
int operands_one(const struct shape *size, const void *options, struct shape in[NODE_INPUTS]);
int operands_two(const struct shape *size, const void *options, struct shape in[NODE_INPUTS]);

/* 2-D, 3-D, tables; 1, 3, 16, 17, 96 channels; 1, 7, 64, 1000 and more rows. */
extern const struct shape common_sizes[];

extern const struct op_row elementwise_rows[], norm_rows[], product_rows[], memory_rows[], loss_rows[], blocks_rows[],
    gauss_rows[], pool_rows[], assign_rows[], feature_rows[];

#endif
