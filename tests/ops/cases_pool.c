/* Max pooling. Sizes are N,H,W,C of the picture. */
#include "harness.h"

#include <math.h>

static const struct pool_spec halves = {2, 2, false, 0}, overlapping = {3, 2, false, 0}, ceiled = {3, 2, true, 0},
                              gaps = {2, 3, true, 0}, everywhere = {3, 1, false, 0};

static const struct shape sizes[] = {
    {4, {1, 3, 3, 1}}, {4, {2, 7, 10, 3}}, {4, {1, 8, 4, 17}}, {4, {3, 12, 18, 64}}, {0}};

static struct node *build(struct graph *g, struct node *const in[], const void *options)
{
    return op_max_pool(g, in[0], *(const struct pool_spec *)options);
}

/* Windows along a dimension: those that begin with the whole of themselves inside, and with `ceil` one more that only
 * begins inside and reaches what the others do not. */
static int64_t windows(int64_t size, const struct pool_spec *p)
{
    int64_t n = 0, covered = 0;
    for (int64_t at = 0; at + p->kernel <= size; at += p->stride, n++)
        covered = at + p->kernel;
    return n + (p->ceil && covered < size && n * p->stride < size);
}

/* The largest of a window, and how far the next is below it. */
static double largest(const struct pool_spec *p, const struct shape *in, const double *x, size_t element, double *gap)
{
    int64_t c = (int64_t)element % in->d[3], at = (int64_t)element / in->d[3], wide = windows(in->d[2], p);
    int64_t high = windows(in->d[1], p), ox = at % wide, oy = at / wide % high, n = at / wide / high;
    double most = -INFINITY, next = -INFINITY;
    for (int64_t y = oy * p->stride; y < oy * p->stride + p->kernel && y < in->d[1]; y++)
        for (int64_t k = ox * p->stride; k < ox * p->stride + p->kernel && k < in->d[2]; k++) {
            double v = x[((n * in->d[1] + y) * in->d[2] + k) * in->d[3] + c];
            next = fmax(next, fmin(v, most));
            most = fmax(most, v);
        }
    *gap = most - next;
    return most;
}

static void pool(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct pool_spec *p = row->options;
    int64_t n = shapes[0].d[0] * windows(shapes[0].d[1], p) * windows(shapes[0].d[2], p) * shapes[0].d[3];
    double gap;
    for (int64_t i = 0; i < n; i++)
        out[i] = largest(p, &shapes[0], in[0], (size_t)i, &gap);
}

/* Which of two values is the larger may change within the step of a difference. */
static bool undecided(const struct op_row *row, const struct shape shapes[], const double *const in[], size_t element)
{
    double gap;
    largest(row->options, &shapes[0], in[0], element, &gap);
    return gap < 1e-4;
}

#define POOL(title, o)                                                                                                 \
    {                                                                                                                  \
        .name = title, .build = build, .options = &o, .sizes = sizes, .operands = operands_one, .reference = pool,     \
        .wants = 1, .undecided = undecided, .bf16 = {                                                                  \
            1                                                                                                          \
        }                                                                                                              \
    }

const struct op_row pool_rows[] = {
    POOL("max pool, halves", halves), POOL("max pool, overlapping", overlapping), POOL("max pool, ceil", ceiled),
    POOL("max pool, gaps", gaps),     POOL("max pool, stride 1", everywhere),     {0},
};
