/* Linear layers and matrix products. Sizes are rows, inner size, columns. */
#include "harness.h"

#include <math.h>

struct options {
    enum act act;
    double slope;
    bool bias, transposed;
};

static const struct shape sizes[] = {
    {3, {1, 1, 1}}, {3, {7, 3, 5}}, {3, {64, 120, 60}}, {3, {33, 1024, 17}}, {3, {300, 16, 96}}, {3, {2, 96, 1}}, {0}};

static int operands_linear(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    const struct options *o = options;
    in[0] = SHAPE(size->d[0], size->d[1]);
    in[1] = SHAPE(size->d[2], size->d[1]);
    in[2] = o->bias ? SHAPE(size->d[2]) : (struct shape){0};
    return 3;
}

static struct node *build_linear(struct graph *g, struct node *const in[], const void *options)
{
    const struct options *o = options;
    return op_linear(g, in[0], in[1], in[2], o->act, (float)o->slope);
}

static double act(double x, const struct options *o)
{
    switch (o->act) {
    case ACT_TANH:
        return tanh(x);
    case ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACT_RELU:
        return x > 0 ? x : 0;
    case ACT_LRELU:
        return x > 0 ? x : (double)(float)o->slope * x;
    default:
        return x;
    }
}

static void linear(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    size_t rows = (size_t)shapes[0].d[0], inner = (size_t)shapes[0].d[1], columns = (size_t)shapes[1].d[0];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            double sum = in[2] ? in[2][c] : 0;
            for (size_t k = 0; k < inner; k++)
                sum += in[0][r * inner + k] * in[1][c * inner + k];
            *out++ = act(sum, row->options);
        }
}

/* Small, so that tanh and sigmoid are not all at their ends. */
static double value(struct rng *r, int input)
{
    return (input == 1 ? 0.2 : 1) * (double)rng_normal(r);
}

static int operands_matmul(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    const struct options *o = options;
    in[0] = SHAPE(size->d[0], size->d[1]);
    in[1] = o->transposed ? SHAPE(size->d[2], size->d[1]) : SHAPE(size->d[1], size->d[2]);
    return 2;
}

static struct node *build_matmul(struct graph *g, struct node *const in[], const void *options)
{
    const struct options *o = options;
    return op_matmul(g, in[0], in[1], o->transposed);
}

static void matmul(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    bool t = ((const struct options *)row->options)->transposed;
    size_t rows = (size_t)shapes[0].d[0], inner = (size_t)shapes[0].d[1], columns = (size_t)shapes[1].d[t ? 0 : 1];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            double sum = 0;
            for (size_t k = 0; k < inner; k++)
                sum += in[0][r * inner + k] * in[1][t ? c * inner + k : k * columns + c];
            *out++ = sum;
        }
}

/* ---- products of samples: sizes are samples, rows, inner, columns ---- */

struct sides {
    bool a, b; /* transposed */
};

static const struct shape sample_sizes[] = {{4, {1, 3, 5, 2}}, {4, {3, 17, 10, 33}}, {4, {2, 300, 10, 24}}, {0}};

static int operands_samples(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    const struct sides *o = options;
    const int64_t *d = size->d;
    in[0] = o->a ? SHAPE(d[0], d[2], d[1]) : SHAPE(d[0], d[1], d[2]);
    in[1] = o->b ? SHAPE(d[0], d[3], d[2]) : SHAPE(d[0], d[2], d[3]);
    return 2;
}

static struct node *build_samples(struct graph *g, struct node *const in[], const void *options)
{
    const struct sides *o = options;
    return op_sample_product(g, in[0], o->a, in[1], o->b);
}

static void multiply_samples(const struct op_row *row, const struct shape shapes[], const double *const in[],
                             double *out)
{
    const struct sides *o = row->options;
    const int64_t *a = shapes[0].d, *b = shapes[1].d;
    int64_t rows = a[o->a ? 2 : 1], inner = a[o->a ? 1 : 2], columns = b[o->b ? 1 : 2];
    for (int64_t n = 0; n < a[0]; n++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < columns; c++) {
                double sum = 0;
                for (int64_t k = 0; k < inner; k++)
                    sum += in[0][(n * a[1] + (o->a ? k : r)) * a[2] + (o->a ? r : k)] *
                           in[1][(n * b[1] + (o->b ? c : k)) * b[2] + (o->b ? k : c)];
                *out++ = sum;
            }
}

static const struct sides neither = {0}, first = {.a = true}, second = {.b = true}, both = {true, true};

static const struct options plain = {0}, biased = {.bias = true}, relu = {.bias = true, .act = ACT_RELU},
                            lrelu = {.act = ACT_LRELU, .slope = 0.1}, tangent = {.bias = true, .act = ACT_TANH},
                            sigmoid = {.bias = true, .act = ACT_SIGMOID}, transposed = {.transposed = true};

#define LINEAR(title, o, w)                                                                                            \
    {                                                                                                                  \
        .name = title, .build = build_linear, .options = &o, .sizes = sizes, .operands = operands_linear,              \
        .reference = linear, .wants = w, .value = value, .loose = true, .bf16 = {3}, .native = true                    \
    }
#define MATMUL(title, o)                                                                                               \
    {                                                                                                                  \
        .name = title, .build = build_matmul, .options = &o, .sizes = sizes, .operands = operands_matmul,              \
        .reference = matmul, .wants = 3, .loose = true, .bf16 = {3}, .native = true                                    \
    }

#define SAMPLES(title, o)                                                                                              \
    {                                                                                                                  \
        .name = title, .build = build_samples, .options = &o, .sizes = sample_sizes, .operands = operands_samples,     \
        .reference = multiply_samples, .wants = 3, .loose = true                                                       \
    }

const struct op_row product_rows[] = {
    LINEAR("linear", plain, 3),
    LINEAR("linear, bias", biased, 7),
    LINEAR("linear, relu", relu, 7),
    LINEAR("linear, leaky relu", lrelu, 3),
    LINEAR("linear, tanh", tangent, 7),
    LINEAR("linear, sigmoid", sigmoid, 7),
    MATMUL("matmul", plain),
    MATMUL("matmul, transposed", transposed),
    SAMPLES("sample product", neither),
    SAMPLES("sample product, first transposed", first),
    SAMPLES("sample product, second transposed", second),
    SAMPLES("sample product, both transposed", both),
    {0},
};
