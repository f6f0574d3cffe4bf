/* Batch norm with its activation; folding. */
#include "harness.h"

#include <math.h>

struct options {
    enum act act;
    double slope;
    double mean, deviation; /* of the data */
    bool bias;              /* fold: the layer before has one */
};

enum { X, GAMMA, BETA, MEAN, VARIANCE };

static const double EPS = 1e-5;

static int operands(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[X] = *size;
    for (int i = GAMMA; i <= VARIANCE; i++)
        in[i] = SHAPE(shape_last(size));
    return 5;
}

static struct node *build(struct graph *g, struct node *const in[], const void *options)
{
    const struct options *o = options;
    struct norm_spec spec = {.eps = (float)EPS, .momentum = 0.1f, .act = o->act, .slope = (float)o->slope};
    return op_batch_norm(g, in[X], in[GAMMA], in[BETA], in[MEAN], in[VARIANCE], spec);
}

static double leak(double x, const struct options *o)
{
    double slope = o->act == ACT_LRELU ? (double)(float)o->slope : o->act == ACT_RELU ? 0 : 1;
    return x > 0 ? x : slope * x;
}

static void norm(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    size_t channels = (size_t)shape_last(&shapes[X]), n = (size_t)shape_rows(&shapes[X]);
    for (size_t c = 0; c < channels; c++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < n; r++)
            mean += in[X][r * channels + c] / (double)n;
        for (size_t r = 0; r < n; r++)
            variance += pow(in[X][r * channels + c] - mean, 2) / (double)n;
        double factor = in[GAMMA][c] / sqrt(variance + (double)(float)EPS);
        for (size_t r = 0; r < n; r++)
            out[r * channels + c] = leak(factor * (in[X][r * channels + c] - mean) + in[BETA][c], row->options);
    }
}

static double value(struct rng *r, int input)
{
    return (input == GAMMA ? 1 : input == X ? 2 : 0) + (double)rng_normal(r);
}

static double far(struct rng *r, int input)
{
    return (input == GAMMA ? 1 : input == X ? 1000 : 0) + (double)rng_normal(r);
}

/* ---- folding ---- */

/* gamma, variance */
static int operands_scale(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = in[1] = SHAPE(shape_last(size));
    return 2;
}

static struct node *build_scale(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_fold_scale(g, in[0], in[1], (float)EPS);
}

static void fold_scale(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t c = 0; c < count_of(&shapes[0]); c++)
        out[c] = in[0][c] / sqrt(in[1][c] + (double)(float)EPS);
}

/* weight, scale; a size is the weight's shape */
static int operands_weight(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = *size;
    in[1] = SHAPE(size->d[0]);
    return 2;
}

static struct node *build_weight(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_fold_weight(g, in[0], in[1]);
}

static void fold_weight(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t n = count_of(&shapes[0]), first = (size_t)shapes[0].d[0];
    for (size_t i = 0; i < n; i++)
        out[i] = in[0][i] * in[1][i / (n / first)];
}

static int operands_bias(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    const struct options *o = options;
    for (int i = 0; i < 5; i++)
        in[i] = i < 4 || o->bias ? SHAPE(shape_last(size)) : (struct shape){0};
    return 5;
}

static struct node *build_bias(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_fold_bias(g, in[4], in[0], in[1], in[2], in[3], (float)EPS);
}

static void fold_bias(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t c = 0; c < count_of(&shapes[0]); c++)
        out[c] = ((in[4] ? in[4][c] : 0) - in[2][c]) * in[0][c] / sqrt(in[3][c] + (double)(float)EPS) + in[1][c];
}

/* One input of fold_scale and of fold_bias is a variance: all are positive. */
static double positive(struct rng *r, int input)
{
    (void)input;
    return 0.1 + (double)rng_uniform(r);
}

static const struct options plain = {.act = ACT_NONE}, relu = {.act = ACT_RELU},
                            lrelu = {.act = ACT_LRELU, .slope = 0.2}, biased = {.bias = true};

#define NORM(title, o)                                                                                                 \
    {                                                                                                                  \
        .name = title, .build = build, .options = &o, .sizes = common_sizes, .operands = operands, .reference = norm,  \
        .wants = 7, .bf16 = {1}, .value = value, .tolerance = 1e-4, .absolute = 2e-4                                   \
    }

const struct op_row norm_rows[] = {
    NORM("batch norm", plain),
    NORM("batch norm, relu", relu),
    NORM("batch norm, leaky relu", lrelu),
    {.name = "batch norm of data far from zero",
     .build = build,
     .options = &plain,
     .sizes = common_sizes + 1,
     .operands = operands,
     .reference = norm,
     .wants = 7,
     .value = far,
     .tolerance = 1e-3},
    {.name = "fold scale",
     .build = build_scale,
     .options = &plain,
     .sizes = common_sizes,
     .operands = operands_scale,
     .reference = fold_scale,
     .value = positive},
    {.name = "fold weight",
     .build = build_weight,
     .options = &plain,
     .sizes = common_sizes,
     .operands = operands_weight,
     .reference = fold_weight,
     .value = positive},
    {.name = "fold bias",
     .build = build_bias,
     .options = &biased,
     .sizes = common_sizes,
     .operands = operands_bias,
     .reference = fold_bias,
     .value = positive},
    {.name = "fold no bias",
     .build = build_bias,
     .options = &plain,
     .sizes = common_sizes,
     .operands = operands_bias,
     .reference = fold_bias,
     .value = positive},
    {0},
};
