/* Max pooling: y[o] = the largest of x in the window of output o, for each channel on its own; dx = g where it was.
 *
 * Forward notes which place of the window it was, a byte each. Backward asks for every input which windows cover it and
 * have taken it, so that it writes each gradient once, windows that overlap included. */
#include "nn/op.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <string.h>

enum { KERNEL_MAX = 15 }; /* its places are counted in a byte */

static int64_t pooled(int64_t size, const struct pool_spec *p)
{
    if (size < p->kernel)
        return p->ceil && size > 0 ? 1 : 0;
    int64_t room = size - p->kernel, whole = room / p->stride;
    bool more = p->ceil && room % p->stride && (whole + 1) * p->stride < size;
    return whole + 1 + more;
}

static int pool_infer(struct node *n, struct err *e)
{
    const struct pool_spec *p = n->spec;
    const struct shape *in = &n->in[0]->shape;
    char text[SHAPE_TEXT];
    if (in->nd != 4)
        return op_error(n, e, "pictures N,H,W,C are wanted, but its input has shape %s", shape_text(in, text));
    if (p->kernel < 1 || p->kernel > KERNEL_MAX || p->stride < 1)
        return op_error(n, e, "windows of 1 to %d pixels and a stride of at least 1 are wanted, not %d and %d",
                        KERNEL_MAX, p->kernel, p->stride);
    n->shape = *in;
    n->dtype = n->in[0]->dtype;
    n->shape.d[1] = pooled(in->d[1], p);
    n->shape.d[2] = pooled(in->d[2], p);
    return n->shape.d[1] > 0 && n->shape.d[2] > 0
               ? 0
               : op_error(n, e, "pictures of shape %s are smaller than its window of %d", shape_text(in, text),
                          p->kernel);
}

static int pool_prepare(struct exec *x, struct err *e)
{
    (void)e;
    x->saved_bytes = x->wants ? (size_t)shape_count(&x->node->shape) : 0;
    return 0;
}

/* ---- forward ---- */

/* Takes the values of one place of the window into the largest so far; a NaN stays. */
KERNEL void take_place(const void *from, void *to, uint8_t *places, size_t channels, uint8_t place, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++) {
        float v = kernel_load(from, c, type), most = kernel_load(to, c, type);
        bool larger = place == 0 || v > most || v != v;
        kernel_store(to, c, larger ? v : most, type);
        places[c] = larger ? place : places[c];
    }
}

KERNEL void take_place_unnoted(const void *from, void *to, size_t channels, bool first, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++) {
        float v = kernel_load(from, c, type), most = kernel_load(to, c, type);
        kernel_store(to, c, first || v > most || v != v ? v : most, type);
    }
}

HOT static void take_hot(const void *from, void *to, uint8_t *places, size_t channels, uint8_t place, enum dtype type)
{
    if (places && type == F32)
        take_place(from, to, places, channels, place, F32);
    else if (places)
        take_place(from, to, places, channels, place, BF16);
    else if (type == F32)
        take_place_unnoted(from, to, channels, place == 0, F32);
    else
        take_place_unnoted(from, to, channels, place == 0, BF16);
}

/* Output pixel `ox` of a row that reads rows from `top` on of the sample at `from`. */
static void pool_pixel(const struct exec *x, const void *from, int64_t top, int64_t ox, size_t out)
{
    const struct pool_spec *p = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape;
    enum dtype type = x->node->dtype;
    size_t channels = (size_t)in->d[3];
    uint8_t *places = x->wants ? (uint8_t *)x->saved + out * channels : NULL;
    void *to = kernel_at(x->out, out * channels, type);
    for (int64_t ky = 0; ky < p->kernel && top + ky < in->d[1]; ky++)
        for (int64_t kx = 0; kx < p->kernel && ox * p->stride + kx < in->d[2]; kx++) {
            size_t pixel = (size_t)((top + ky) * in->d[2] + ox * p->stride + kx);
            take_hot(kernel_at(from, pixel * channels, type), to, places, channels, (uint8_t)(ky * p->kernel + kx),
                     type);
        }
}

/* Ranges over rows of the output. */
static void pool_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct pool_spec *p = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    size_t sample = (size_t)(in->d[1] * in->d[2] * in->d[3]);
    for (size_t row = begin; row < end; row++) {
        size_t n = row / (size_t)out->d[1];
        int64_t top = (int64_t)(row % (size_t)out->d[1]) * p->stride;
        for (int64_t ox = 0; ox < out->d[2]; ox++)
            pool_pixel(x, kernel_at(x->in[0], n * sample, x->node->dtype), top, ox,
                       row * (size_t)out->d[2] + (size_t)ox);
    }
}

static size_t rows_of(const struct shape *s)
{
    return (size_t)(s->d[0] * s->d[1]);
}

static size_t row_grain(const struct shape *s)
{
    return KERNEL_GRAIN / (size_t)(s->d[2] * s->d[3]) + 1;
}

static void pool_forward(struct exec *x)
{
    parallel_ranges(x->threads, rows_of(&x->node->shape), row_grain(&x->node->in[0]->shape), pool_range, x);
}

/* ---- backward ---- */

/* Adds the gradient of an output pixel where it took this place of its window; `first`: writes. */
KERNEL void give_place(const void *g, void *to, const uint8_t *places, size_t channels, uint8_t place, bool first,
                       enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++) {
        float taken = places[c] == place ? kernel_load(g, c, type) : 0.0f;
        kernel_store(to, c, first ? taken : kernel_load(to, c, type) + taken, type);
    }
}

HOT static void give_hot(const void *g, void *to, const uint8_t *places, size_t channels, uint8_t place, bool first,
                         enum dtype type)
{
    if (type == F32)
        give_place(g, to, places, channels, place, first, F32);
    else
        give_place(g, to, places, channels, place, first, BF16);
}

/* The outputs whose windows cover input `at` of one dimension. */
static void covering(int64_t at, int64_t outputs, const struct pool_spec *p, int64_t *first, int64_t *last)
{
    *first = at < p->kernel ? 0 : (at - p->kernel) / p->stride + 1;
    *last = at / p->stride < outputs ? at / p->stride : outputs - 1;
}

static void gradient_pixel(const struct exec *x, size_t n, int64_t y, int64_t at)
{
    const struct pool_spec *p = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    enum dtype type = x->node->dtype;
    size_t channels = (size_t)in->d[3], pixel = (n * (size_t)in->d[1] + (size_t)y) * (size_t)in->d[2] + (size_t)at;
    void *to = kernel_at(x->gin[0], pixel * channels, type);
    int64_t y0, y1, x0, x1;
    bool first = true;
    covering(y, out->d[1], p, &y0, &y1);
    covering(at, out->d[2], p, &x0, &x1);
    for (int64_t oy = y0; oy <= y1; oy++)
        for (int64_t ox = x0; ox <= x1; ox++, first = false) {
            size_t o = ((n * (size_t)out->d[1] + (size_t)oy) * (size_t)out->d[2] + (size_t)ox) * channels;
            uint8_t place = (uint8_t)((y - oy * p->stride) * p->kernel + at - ox * p->stride);
            give_hot(kernel_at(x->gout, o, type), to, (const uint8_t *)x->saved + o, channels, place, first, type);
        }
    if (first)
        memset(to, 0, channels * dtype_bytes(type));
}

/* Ranges over rows of the input. */
static void gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct shape *in = &x->node->in[0]->shape;
    for (size_t row = begin; row < end; row++)
        for (int64_t at = 0; at < in->d[2]; at++)
            gradient_pixel(x, row / (size_t)in->d[1], (int64_t)(row % (size_t)in->d[1]), at);
}

static void pool_backward(struct exec *x)
{
    if (x->gin[0])
        parallel_ranges(x->threads, rows_of(&x->node->in[0]->shape), row_grain(&x->node->in[0]->shape), gradient_range,
                        x);
}

static const struct op pool_op = {
    .name = "max pool",
    .infer = pool_infer,
    .prepare = pool_prepare,
    .forward = pool_forward,
    .backward = pool_backward,
};

struct node *op_max_pool(struct graph *g, struct node *x, struct pool_spec spec)
{
    return graph_apply(g, &pool_op, &spec, sizeof spec, 1, &x);
}
