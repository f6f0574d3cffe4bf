/* Rows of length one: y = x / |x|. With g along y taken out, dx = (g - y (y.g)) / |x|. A row of length zero has no
 * direction: it stays zero and gets no gradient. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

static const float SHORTEST = 1e-12f; /* what is below has no direction */

static size_t channels_of(const struct exec *x)
{
    return (size_t)shape_last(&x->node->shape);
}

static int unit_infer(struct node *n, struct err *e)
{
    n->shape = n->in[0]->shape;
    n->dtype = F32;
    return check_f32(n, 0, "input", e);
}

/* saved: 1/|x| of each row */
static int unit_prepare(struct exec *x, struct err *e)
{
    (void)e;
    x->saved_bytes = (size_t)shape_rows(&x->node->shape) * sizeof(float);
    return 0;
}

HOT static float unit_row(const float *x, float *y, size_t channels)
{
    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < channels; c++)
        squares += x[c] * x[c];
    float length = sqrtf(squares), inverse = length <= SHORTEST ? 0.0f : 1.0f / length;
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        y[c] = x[c] * inverse;
    return inverse;
}

static void unit_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t channels = channels_of(x);
    float *inverse = x->saved;
    for (size_t r = begin; r < end; r++)
        inverse[r] = unit_row((const float *)x->in[0] + r * channels, (float *)x->out + r * channels, channels);
}

HOT static void gradient_row(const float *y, const float *g, float *to, float inverse, size_t channels)
{
    float along = 0.0f;
#pragma omp simd reduction(+ : along)
    for (size_t c = 0; c < channels; c++)
        along += y[c] * g[c];
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        to[c] = (g[c] - y[c] * along) * inverse;
}

static void gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t channels = channels_of(x);
    const float *inverse = x->saved;
    for (size_t r = begin; r < end; r++)
        gradient_row((const float *)x->out + r * channels, (const float *)x->gout + r * channels,
                     (float *)x->gin[0] + r * channels, inverse[r], channels);
}

static void unit_run(struct exec *x, range_fn *fn)
{
    parallel_ranges(x->threads, (size_t)shape_rows(&x->node->shape), KERNEL_GRAIN / channels_of(x) + 1, fn, x);
}

static void unit_forward(struct exec *x)
{
    unit_run(x, unit_range);
}

static void unit_backward(struct exec *x)
{
    if (x->gin[0])
        unit_run(x, gradient_range);
}

static const struct op unit_op = {
    .name = "unit",
    .reads = {READ_OUT},
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = unit_infer,
    .prepare = unit_prepare,
    .forward = unit_forward,
    .backward = unit_backward,
};

struct node *op_unit(struct graph *g, struct node *x)
{
    return graph_apply(g, &unit_op, NULL, 0, 1, &x);
}
