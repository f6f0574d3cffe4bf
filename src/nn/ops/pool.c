/* Pooling over windows of H and W. Taps outside the picture are left out: they are no maximum, and no part of a mean.
 *
 *   max:   y[o] = max over taps t of x[o stride - pad + t];  dx = sum of dy over the windows whose first maximum x is
 *   mean:  y[o] = sum over the taps inside / their number;   dx = sum of dy / number over the windows that hold x */
#include "nn/op.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <string.h>

enum { KERNEL_MAX = 15 };

enum { CHUNK = 64 }; /* channels at a time: sums and marks of so many stay in registers */

/* Which part of the line a window covers: from `begin` up to `end`, both inside. */
struct window {
    int64_t begin, end;
};

static struct window window_at(const struct pool_spec *s, int64_t out, int64_t size)
{
    int64_t begin = out * s->stride - s->pad, end = begin + s->kernel;
    return (struct window){begin < 0 ? 0 : begin, end > size ? size : end};
}

/* As PyTorch counts: a last window that would begin behind the picture and its padding is none. Where it refuses a
 * picture smaller than a window, `ceil` takes the one that begins inside. */
static int64_t outputs(const struct pool_spec *s, int64_t size)
{
    int64_t room = size + 2 * s->pad - s->kernel;
    if (room < 0)
        return s->ceil;
    int64_t n = (room + (s->ceil ? s->stride - 1 : 0)) / s->stride + 1;
    return (n - 1) * s->stride >= size + s->pad ? n - 1 : n;
}

static int infer(struct node *n, struct err *e)
{
    const struct pool_spec *s = n->spec;
    const struct shape *x = &n->in[0]->shape;
    char text[SHAPE_TEXT];
    if (x->nd != 4)
        return op_error(n, e, "pictures N,H,W,C are wanted, but its input has shape %s", shape_text(x, text));
    if (s->kernel < 1 || s->kernel > KERNEL_MAX || s->stride < 1 || s->pad < 0 || 2 * s->pad > s->kernel)
        return op_error(
            n, e,
            "windows of 1 to %d pixels, a stride of at least 1 and at most half of the window as padding are "
            "wanted, not %d, %d and %d",
            KERNEL_MAX, s->kernel, s->stride, s->pad);
    n->shape = *x;
    n->dtype = n->in[0]->dtype;
    n->shape.d[1] = outputs(s, x->d[1]);
    n->shape.d[2] = outputs(s, x->d[2]);
    return n->shape.d[1] > 0 && n->shape.d[2] > 0
               ? 0
               : op_error(n, e, "pictures of shape %s are smaller than its window of %d", shape_text(x, text),
                          s->kernel);
}

/* ---- forward: a range of lines of the output ---- */

/* to = max(to, x); NaN stays. */
KERNEL void take_max(float *restrict to, const void *x, size_t at, size_t n, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++) {
        float v = kernel_load(x, at + c, type);
        to[c] = v > to[c] || v != v ? v : to[c];
    }
}

KERNEL void take_sum(float *restrict to, const void *x, size_t at, size_t n, float factor, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++)
        to[c] += factor * kernel_load(x, at + c, type);
}

KERNEL void give(const float *restrict from, void *y, size_t at, size_t n, float factor, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++)
        kernel_store(y, at + c, factor * from[c], type);
}

/* One window: channels from `channel`, n of them, of the line that begins at element `line` of x. */
KERNEL void pool_window(const void *x, size_t line, size_t row, size_t channels, struct window v, struct window h,
                        size_t n, bool mean, float *restrict to, enum dtype type)
{
    for (size_t c = 0; c < n; c++)
        to[c] = mean ? 0 : -INFINITY;
    for (int64_t i = v.begin; i < v.end; i++)
        for (int64_t k = h.begin; k < h.end; k++) {
            size_t at = line + (size_t)i * row + (size_t)k * channels;
            if (mean)
                take_sum(to, x, at, n, 1, type);
            else
                take_max(to, x, at, n, type);
        }
}

KERNEL void pool_lines(const struct exec *x, size_t begin, size_t end, bool mean, enum dtype type)
{
    const struct pool_spec *s = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    size_t channels = (size_t)out->d[3], row = (size_t)in->d[2] * channels;
    float values[CHUNK];
    for (size_t line = begin; line < end; line++) {
        size_t picture = line / (size_t)out->d[1] * (size_t)in->d[1] * row;
        struct window v = window_at(s, (int64_t)(line % (size_t)out->d[1]), in->d[1]);
        for (int64_t o = 0; o < out->d[2]; o++) {
            struct window h = window_at(s, o, in->d[2]);
            float share = mean ? 1.0f / (float)((v.end - v.begin) * (h.end - h.begin)) : 1.0f;
            size_t to = (line * (size_t)out->d[2] + (size_t)o) * channels;
            for (size_t c = 0; c < channels; c += CHUNK) {
                size_t n = channels - c < CHUNK ? channels - c : CHUNK;
                pool_window(x->in[0], picture + c, row, channels, v, h, n, mean, values, type);
                give(values, x->out, to + c, n, share, type);
            }
        }
    }
}

HOT static void pool_hot(const struct exec *x, size_t begin, size_t end, bool mean, enum dtype type)
{
    if (mean && type == F32)
        pool_lines(x, begin, end, true, F32);
    else if (mean)
        pool_lines(x, begin, end, true, BF16);
    else if (type == F32)
        pool_lines(x, begin, end, false, F32);
    else
        pool_lines(x, begin, end, false, BF16);
}

static void max_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    pool_hot(x, begin, end, false, x->node->dtype);
}

static void mean_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    pool_hot(x, begin, end, true, x->node->dtype);
}

static void by_lines(struct exec *x, const struct shape *lines_of, range_fn *fn)
{
    size_t lines = (size_t)(lines_of->d[0] * lines_of->d[1]), line = (size_t)(lines_of->d[2] * lines_of->d[3]);
    parallel_ranges(x->threads, lines, KERNEL_GRAIN / 4 / line + 1, fn, x);
}

static void max_forward(struct exec *x)
{
    by_lines(x, &x->node->shape, max_range);
}

static void mean_forward(struct exec *x)
{
    by_lines(x, &x->node->shape, mean_range);
}

/* ---- backward of the maximum: a range of samples, as windows overlap ---- */

/* Adds g where x is y and no tap before it was. */
KERNEL void pass_back(const void *x, size_t at, const float *restrict y, float *restrict g, void *gin, size_t n,
                      enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++) {
        float part = kernel_load(x, at + c, type) == y[c] ? g[c] : 0.0f;
        kernel_store(gin, at + c, kernel_load(gin, at + c, type) + part, type);
        g[c] -= part;
    }
}

KERNEL void load(float *restrict to, const void *from, size_t at, size_t n, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++)
        to[c] = kernel_load(from, at + c, type);
}

KERNEL void max_sample_back(const struct exec *x, size_t sample, enum dtype type)
{
    const struct pool_spec *s = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    size_t channels = (size_t)out->d[3], row = (size_t)in->d[2] * channels, picture = (size_t)in->d[1] * row;
    float y[CHUNK], g[CHUNK];
    memset(kernel_at(x->gin[0], sample * picture, type), 0, picture * dtype_bytes(type));
    for (int64_t o = 0; o < out->d[1] * out->d[2]; o++) {
        struct window v = window_at(s, o / out->d[2], in->d[1]), h = window_at(s, o % out->d[2], in->d[2]);
        size_t from = (sample * (size_t)(out->d[1] * out->d[2]) + (size_t)o) * channels;
        for (size_t c = 0; c < channels; c += CHUNK) {
            size_t n = channels - c < CHUNK ? channels - c : CHUNK;
            load(y, x->out, from + c, n, type);
            load(g, x->gout, from + c, n, type);
            for (int64_t i = v.begin; i < v.end; i++)
                for (int64_t k = h.begin; k < h.end; k++)
                    pass_back(x->in[0], sample * picture + (size_t)i * row + (size_t)k * channels + c, y, g, x->gin[0],
                              n, type);
        }
    }
}

HOT static void max_back_hot(const struct exec *x, size_t sample, enum dtype type)
{
    if (type == F32)
        max_sample_back(x, sample, F32);
    else
        max_sample_back(x, sample, BF16);
}

static void max_back_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    for (size_t sample = begin; sample < end; sample++)
        max_back_hot(x, sample, x->node->dtype);
}

static void max_backward(struct exec *x)
{
    if (x->gin[0])
        parallel_ranges(x->threads, (size_t)x->node->shape.d[0], 1, max_back_range, x);
}

/* ---- backward of the mean: a range of lines of the input ---- */

/* The outputs whose windows hold place `at`. */
static struct window holders(const struct pool_spec *s, int64_t at, int64_t out)
{
    int64_t first = at + s->pad - s->kernel + 1, last = (at + s->pad) / s->stride;
    first = first <= 0 ? 0 : (first + s->stride - 1) / s->stride;
    return (struct window){first, last + 1 > out ? out : last + 1};
}

KERNEL void mean_lines_back(const struct exec *x, size_t begin, size_t end, enum dtype type)
{
    const struct pool_spec *s = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    size_t channels = (size_t)out->d[3];
    float sum[CHUNK];
    for (size_t line = begin; line < end; line++) {
        size_t sample = line / (size_t)in->d[1];
        struct window rows = holders(s, (int64_t)(line % (size_t)in->d[1]), out->d[1]);
        for (int64_t at = 0; at < in->d[2]; at++) {
            struct window columns = holders(s, at, out->d[2]);
            for (size_t c = 0; c < channels; c += CHUNK) {
                size_t n = channels - c < CHUNK ? channels - c : CHUNK;
                memset(sum, 0, sizeof sum);
                for (int64_t i = rows.begin; i < rows.end; i++)
                    for (int64_t k = columns.begin; k < columns.end; k++) {
                        struct window v = window_at(s, i, in->d[1]), h = window_at(s, k, in->d[2]);
                        size_t from = ((sample * (size_t)out->d[1] + (size_t)i) * (size_t)out->d[2] + (size_t)k);
                        take_sum(sum, x->gout, from * channels + c, n,
                                 1.0f / (float)((v.end - v.begin) * (h.end - h.begin)), type);
                    }
                give(sum, x->gin[0], (line * (size_t)in->d[2] + (size_t)at) * channels + c, n, 1, type);
            }
        }
    }
}

HOT static void mean_back_hot(const struct exec *x, size_t begin, size_t end, enum dtype type)
{
    if (type == F32)
        mean_lines_back(x, begin, end, F32);
    else
        mean_lines_back(x, begin, end, BF16);
}

static void mean_back_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    mean_back_hot(x, begin, end, x->node->dtype);
}

static void mean_backward(struct exec *x)
{
    if (x->gin[0])
        by_lines(x, &x->node->in[0]->shape, mean_back_range);
}

/* ---- */

static double flops(const struct node *n)
{
    const struct pool_spec *s = n->spec;
    return (double)(s->kernel * s->kernel) * (double)shape_count(&n->shape);
}

static const struct op max_op = {
    .name = "max pool",
    .reads = {READ_IN0 | READ_OUT},
    .infer = infer,
    .forward = max_forward,
    .backward = max_backward,
    .flops = flops,
};

static const struct op mean_op = {
    .name = "mean pool",
    .infer = infer,
    .forward = mean_forward,
    .backward = mean_backward,
    .flops = flops,
};

struct node *op_max_pool(struct graph *g, struct node *x, struct pool_spec spec)
{
    return graph_apply(g, &max_op, &spec, sizeof spec, 1, &x);
}

struct node *op_mean_pool(struct graph *g, struct node *x, struct pool_spec spec)
{
    return graph_apply(g, &mean_op, &spec, sizeof spec, 1, &x);
}
