/* Maps of more positions: each is that of the smaller map which it falls into,
 *
 *   y[oy][ox][c] = x[oy H/H'][ox W/W'][c]   (indices rounded down)
 *
 * so that of a doubled map each value stands in a block of 2x2. It moves numbers and changes none: cheaper to make
 * again than to keep. */
#include "nn/op.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <string.h>

enum { CHUNK = 64 }; /* channels at a time: their sums stay in registers or in the nearest cache */

struct enlarge_spec {
    int64_t height, width;
};

static int enlarge_infer(struct node *n, struct err *e)
{
    const struct enlarge_spec *s = n->spec;
    const struct shape *in = &n->in[0]->shape;
    char text[SHAPE_TEXT];
    if (in->nd != 4 || s->height < in->d[1] || s->width < in->d[2])
        return op_error(n, e, "maps N,H,W,C of at most %lldx%lld are wanted, but its input is %s", (long long)s->height,
                        (long long)s->width, shape_text(in, text));
    n->shape = SHAPE(in->d[0], s->height, s->width, in->d[3]);
    n->dtype = n->in[0]->dtype;
    return 0;
}

/* Lines below which a thread does not pay. */
static size_t grain_of(const struct shape *map)
{
    return (size_t)(KERNEL_GRAIN / (map->d[2] * map->d[3]) + 1);
}

static void enlarge_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const int64_t *in = x->node->in[0]->shape.d, *out = x->node->shape.d;
    const size_t step = (size_t)in[3] * dtype_bytes(x->node->dtype);
    for (size_t row = begin; row < end; row++) {
        const int64_t sample = (int64_t)row / out[1], y = (int64_t)row % out[1] * in[1] / out[1];
        const char *from = (const char *)x->in[0] + (size_t)((sample * in[1] + y) * in[2]) * step;
        char *to = (char *)x->out + row * (size_t)out[2] * step;
        for (int64_t column = 0; column < out[2]; column++, to += step)
            memcpy(to, from + (size_t)(column * in[2] / out[2]) * step, step);
    }
}

static void enlarge_forward(struct exec *x)
{
    const struct shape *out = &x->node->shape;
    parallel_ranges(x->threads, (size_t)(out->d[0] * out->d[1]), grain_of(out), enlarge_range, x);
}

/* The first of `large` positions that stands for position i of `small`. */
static int64_t begins(int64_t i, int64_t small, int64_t large)
{
    return (i * large + small - 1) / small;
}

KERNEL void enlarge_take(const struct exec *x, size_t row, int64_t column, enum dtype type)
{
    const int64_t *in = x->node->in[0]->shape.d, *out = x->node->shape.d;
    const size_t channels = (size_t)in[3], bytes = dtype_bytes(type);
    const int64_t sample = (int64_t)row / in[1], y = (int64_t)row % in[1];
    char *to = (char *)x->gin[0] + (row * (size_t)in[2] + (size_t)column) * channels * bytes;
    for (size_t c = 0; c < channels; c += CHUNK) {
        const size_t n = channels - c < CHUNK ? channels - c : CHUNK;
        float sum[CHUNK] = {0};
        for (int64_t oy = begins(y, in[1], out[1]); oy < begins(y + 1, in[1], out[1]); oy++)
            for (int64_t ox = begins(column, in[2], out[2]); ox < begins(column + 1, in[2], out[2]); ox++) {
                const char *g =
                    (const char *)x->gout + ((size_t)((sample * out[1] + oy) * out[2] + ox) * channels + c) * bytes;
#pragma omp simd
                for (size_t k = 0; k < n; k++)
                    sum[k] += kernel_load(g, k, type);
            }
        for (size_t k = 0; k < n; k++)
            kernel_store(to, c + k, sum[k], type);
    }
}

HOT static void enlarge_take_hot(const struct exec *x, size_t begin, size_t end)
{
    for (size_t row = begin; row < end; row++)
        for (int64_t column = 0; column < x->node->in[0]->shape.d[2]; column++)
            if (x->node->dtype == F32)
                enlarge_take(x, row, column, F32);
            else
                enlarge_take(x, row, column, BF16);
}

static void enlarge_take_range(void *context, size_t begin, size_t end)
{
    enlarge_take_hot(context, begin, end);
}

/* dx = the sum of dy over the positions that it stands in */
static void enlarge_backward(struct exec *x)
{
    const struct shape *in = &x->node->in[0]->shape;
    if (x->gin[0])
        parallel_ranges(x->threads, (size_t)(in->d[0] * in->d[1]), grain_of(in), enlarge_take_range, x);
}

static const struct op enlarge_op = {
    .name = "enlarge",
    .remakes = READ_IN0,
    .infer = enlarge_infer,
    .forward = enlarge_forward,
    .backward = enlarge_backward,
    .recompute = enlarge_forward,
};

struct node *op_enlarge(struct graph *g, struct node *x, int64_t height, int64_t width)
{
    struct enlarge_spec spec = {height, width};
    return graph_apply(g, &enlarge_op, &spec, sizeof spec, 1, &x);
}
