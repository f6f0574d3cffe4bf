/* Softmax along the last dimension, y = e^x / sum e^x, or over the positions of a sample, for each channel on its own.
 * dx = y (g - sum g y), the sum along the same. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

enum along { ALONG_CHANNELS, ALONG_POSITIONS };

static int softmax_infer(struct node *n, struct err *e)
{
    char text[SHAPE_TEXT];
    TRY(check_f32(n, 0, "input", e));
    n->shape = n->in[0]->shape;
    n->dtype = F32;
    if (*(const enum along *)n->spec == ALONG_CHANNELS || n->shape.nd >= 3)
        return 0;
    return op_error(n, e, "samples with positions and channels are wanted, but its input has shape %s",
                    shape_text(&n->shape, text));
}

/* ---- along channels: a row each ---- */

HOT static void softmax_row(const float *x, float *y, size_t n)
{
    float top = x[0], sum = 0.0f;
    for (size_t i = 1; i < n; i++)
        top = x[i] > top ? x[i] : top;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        y[i] = kernel_exp(x[i] - top);
        sum += y[i];
    }
    float inverse = 1.0f / sum;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] *= inverse;
}

HOT static void gradient_row(const float *y, const float *g, float *to, size_t n)
{
    float mean = 0.0f;
#pragma omp simd reduction(+ : mean)
    for (size_t i = 0; i < n; i++)
        mean += g[i] * y[i];
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] = y[i] * (g[i] - mean);
}

static size_t channels_of(const struct exec *x)
{
    return (size_t)shape_last(&x->node->shape);
}

static void rows_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t n = channels_of(x);
    for (size_t r = begin; r < end; r++)
        softmax_row((const float *)x->in[0] + r * n, (float *)x->out + r * n, n);
}

static void row_gradients_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t n = channels_of(x);
    for (size_t r = begin; r < end; r++)
        gradient_row((const float *)x->out + r * n, (const float *)x->gout + r * n, (float *)x->gin[0] + r * n, n);
}

/* ---- over positions: one channel of a sample each, its values `stride` apart ---- */

HOT static void softmax_column(const float *x, float *y, size_t n, size_t stride)
{
    float top = x[0];
    double sum = 0; /* of as many as a picture has pixels */
    for (size_t i = 1; i < n; i++)
        top = x[i * stride] > top ? x[i * stride] : top;
    for (size_t i = 0; i < n; i++)
        sum += (double)(y[i * stride] = kernel_exp(x[i * stride] - top));
    float inverse = (float)(1 / sum);
    for (size_t i = 0; i < n; i++)
        y[i * stride] *= inverse;
}

HOT static void gradient_column(const float *y, const float *g, float *to, size_t n, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)(g[i * stride] * y[i * stride]);
    float mean = (float)sum;
    for (size_t i = 0; i < n; i++)
        to[i * stride] = y[i * stride] * (g[i * stride] - mean);
}

static size_t positions_of(const struct exec *x)
{
    return (size_t)(shape_rows(&x->node->shape) / x->node->shape.d[0]);
}

static void columns_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t stride = channels_of(x), n = positions_of(x);
    for (size_t k = begin; k < end; k++) {
        size_t at = k / stride * n * stride + k % stride;
        softmax_column((const float *)x->in[0] + at, (float *)x->out + at, n, stride);
    }
}

static void column_gradients_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t stride = channels_of(x), n = positions_of(x);
    for (size_t k = begin; k < end; k++) {
        size_t at = k / stride * n * stride + k % stride;
        gradient_column((const float *)x->out + at, (const float *)x->gout + at, (float *)x->gin[0] + at, n, stride);
    }
}

static void softmax_run(struct exec *x, range_fn *rows, range_fn *columns)
{
    size_t channels = channels_of(x), positions = positions_of(x);
    if (*(const enum along *)x->node->spec == ALONG_CHANNELS)
        parallel_ranges(x->threads, (size_t)shape_rows(&x->node->shape), KERNEL_GRAIN / channels + 1, rows, x);
    else
        parallel_ranges(x->threads, (size_t)x->node->shape.d[0] * channels, KERNEL_GRAIN / positions + 1, columns, x);
}

static void softmax_forward(struct exec *x)
{
    softmax_run(x, rows_range, columns_range);
}

static void softmax_backward(struct exec *x)
{
    if (x->gin[0])
        softmax_run(x, row_gradients_range, column_gradients_range);
}

static const struct op softmax_op = {
    .name = "softmax",
    .reads = {READ_OUT},
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = softmax_infer,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

static struct node *softmax(struct graph *g, struct node *x, enum along along)
{
    return graph_apply(g, &softmax_op, &along, sizeof along, 1, &x);
}

struct node *op_softmax(struct graph *g, struct node *x)
{
    return softmax(g, x, ALONG_CHANNELS);
}

struct node *op_softmax_positions(struct graph *g, struct node *x)
{
    return softmax(g, x, ALONG_POSITIONS);
}
