/* Activations, arithmetic, scale, cast, concat. */
#include "harness.h"

#include <math.h>

struct options {
    enum act act;
    double slope, factor, offset;
    enum dtype to;
    int64_t second; /* concat: channels of the second input */
};

/* ---- activations ---- */

static struct node *build_act(struct graph *g, struct node *const in[], const void *options)
{
    const struct options *o = options;
    return op_act(g, in[0], o->act, (float)o->slope);
}

static void act(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct options *o = row->options;
    for (size_t i = 0; i < count_of(&shapes[0]); i++) {
        double x = in[0][i];
        switch (o->act) {
        case ACT_TANH:
            out[i] = tanh(x);
            break;
        case ACT_SIGMOID:
            out[i] = 1 / (1 + exp(-x));
            break;
        case ACT_RELU:
            out[i] = x > 0 ? x : 0;
            break;
        default:
            out[i] = x > 0 ? x : (double)(float)o->slope * x;
        }
    }
}

static double wide(struct rng *r, int input)
{
    (void)input;
    return 4 * (double)rng_normal(r);
}

/* ---- arithmetic ---- */

static struct node *build_add(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_add(g, in[0], in[1]);
}

static struct node *build_sub(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_sub(g, in[0], in[1]);
}

static struct node *build_mul(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_mul(g, in[0], in[1]);
}

static void add(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = in[0][i] + in[1][i];
}

static void sub(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = in[0][i] - in[1][i];
}

static void mul(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = in[0][i] * in[1][i];
}

static struct node *build_scale(struct graph *g, struct node *const in[], const void *options)
{
    const struct options *o = options;
    return op_scale(g, in[0], (float)o->factor, (float)o->offset);
}

static void scale(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct options *o = row->options;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = (double)(float)o->factor * in[0][i] + (double)(float)o->offset;
}

/* ---- cast: numbers of 8 bits, so that nothing is lost either way ---- */

static struct node *build_cast(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_cast(g, in[0], in[0]->dtype == F32 ? BF16 : F32);
}

static void same(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = in[0][i];
}

/* ---- concat ---- */

static int operands_concat(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    const struct options *o = options;
    in[0] = in[1] = *size;
    in[1].d[size->nd - 1] = o->second;
    return 2;
}

static struct node *build_concat(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_concat(g, in[0], in[1]);
}

static void concat(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t a = (size_t)shape_last(&shapes[0]), b = (size_t)shape_last(&shapes[1]);
    for (size_t r = 0; r < (size_t)shape_rows(&shapes[0]); r++)
        for (size_t c = 0; c < a + b; c++)
            *out++ = c < a ? in[0][r * a + c] : in[1][r * b + c - a];
}

/* ---- frames of clips N,D,H,W,C ---- */

struct part {
    int first, count;
};

static const struct part last = {3, 1}, middle = {1, 2};

static const struct shape clip_sizes[] = {{5, {1, 4, 3, 5, 1}}, {5, {3, 5, 12, 16, 3}}, {0}};

static struct node *build_frames(struct graph *g, struct node *const in[], const void *options)
{
    const struct part *o = options;
    return op_frames(g, in[0], o->first, o->count);
}

static void frames(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct part *o = row->options;
    const int64_t *d = shapes[0].d;
    for (int64_t n = 0; n < d[0]; n++)
        for (int64_t pixel = 0; pixel < d[2] * d[3]; pixel++)
            for (int64_t k = o->first; k < o->first + o->count; k++)
                for (int64_t c = 0; c < d[4]; c++)
                    *out++ = in[0][((n * d[1] + k) * d[2] * d[3] + pixel) * d[4] + c];
}

static const struct options relu = {.act = ACT_RELU}, lrelu = {.act = ACT_LRELU, .slope = 0.2},
                            tangent = {.act = ACT_TANH}, sigmoid = {.act = ACT_SIGMOID},
                            halve = {.factor = 0.5, .offset = -3}, one = {.second = 1}, five = {.second = 5},
                            many = {.second = 33};

#define ACT(title, o)                                                                                                  \
    {                                                                                                                  \
        .name = title, .build = build_act, .options = &o, .sizes = common_sizes, .operands = operands_one,             \
        .reference = act, .wants = 1, .bf16 = {1}, .value = wide                                                       \
    }
#define BINARY(title)                                                                                                  \
    {                                                                                                                  \
        .name = #title, .build = build_##title, .sizes = common_sizes, .operands = operands_two, .reference = title,   \
        .wants = 3, .bf16 = {                                                                                          \
            3                                                                                                          \
        }                                                                                                              \
    }
#define FRAMES(title, o)                                                                                               \
    {                                                                                                                  \
        .name = title, .build = build_frames, .options = &o, .sizes = clip_sizes, .operands = operands_one,            \
        .reference = frames                                                                                            \
    }
#define CONCAT(title, o)                                                                                               \
    {                                                                                                                  \
        .name = title, .build = build_concat, .options = &o, .sizes = common_sizes, .operands = operands_concat,       \
        .reference = concat, .wants = 3, .bf16 = {                                                                     \
            3                                                                                                          \
        }                                                                                                              \
    }

const struct op_row elementwise_rows[] = {
    ACT("relu", relu),
    ACT("leaky relu", lrelu),
    ACT("tanh", tangent),
    ACT("sigmoid", sigmoid),
    BINARY(add),
    BINARY(sub),
    BINARY(mul),
    {.name = "scale",
     .build = build_scale,
     .options = &halve,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = scale,
     .wants = 1,
     .bf16 = {1}},
    {.name = "cast",
     .build = build_cast,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = same,
     .wants = 1,
     .bf16 = {1},
     .tolerance = 1.0 / 128},
    CONCAT("concat 1", one),
    CONCAT("concat 5", five),
    CONCAT("concat 33", many),
    FRAMES("frames, one", last),
    FRAMES("frames, some", middle),
    {0},
};
