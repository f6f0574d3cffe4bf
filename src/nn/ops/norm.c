/* Batch normalisation (Ioffe, Szegedy, ICML 2015) with the activation behind it, and its folding into weights. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

#include <string.h>

/* x->saved: what backward, recompute and commit need, one value a channel each. scale and offset rather than gamma and
 * beta, so that the output made again is the same even after the optimiser has moved those. */
struct norm_saved {
    float *mean, *variance, *rstd; /* rstd = 1/sqrt(variance + eps) */
    float *scale, *offset;         /* gamma rstd; beta - mean gamma rstd */
};

static struct norm_saved saved_of(const struct exec *x)
{
    size_t channels = (size_t)shape_last(&x->node->shape);
    float *s = x->saved;
    return (struct norm_saved){s, s + channels, s + 2 * channels, s + 3 * channels, s + 4 * channels};
}

static int norm_infer(struct node *n, struct err *e)
{
    static const char *const what[] = {"input", "gamma", "beta", "running mean", "running variance"};
    const struct norm_spec *spec = n->spec;
    n->shape = n->in[0]->shape;
    n->dtype = n->in[0]->dtype;
    for (int i = 1; i < 5; i++)
        TRY(check_channels(n, i, what[i], shape_last(&n->shape), e));
    if (spec->act != ACT_NONE && spec->act != ACT_RELU && spec->act != ACT_LRELU)
        return op_error(n, e, "its activation can be none, relu or lrelu; put op_act behind it for others");
    if (!(spec->eps > 0) || !(spec->momentum >= 0 && spec->momentum <= 1))
        return op_error(n, e, "eps must be above 0 and momentum from 0 to 1, but they are %g and %g", (double)spec->eps,
                        (double)spec->momentum);
    return 0;
}

static size_t norm_channels(const struct exec *x)
{
    return (size_t)shape_last(&x->node->shape);
}

static size_t norm_rows(const struct exec *x)
{
    return (size_t)shape_rows(&x->node->shape);
}

/* scratch: partial sums, then sum and product, then three values a channel for the pass behind. */
static int norm_prepare(struct exec *x, struct err *e)
{
    (void)e;
    size_t channels = norm_channels(x);
    x->saved_bytes = channels * sizeof(float) * 5;
    x->scratch_bytes =
        rows_moments_scratch(norm_rows(x), channels) + channels * (2 * sizeof(double) + 3 * sizeof(float));
    return 0;
}

static double *norm_sums(const struct exec *x)
{
    return (double *)((char *)x->scratch + rows_moments_scratch(norm_rows(x), norm_channels(x)));
}

/* A value near the mean, to be subtracted before squaring: the mean of a few rows spread over all. */
static void sample_center(const struct exec *x, float *center)
{
    enum { SAMPLES = 16 };
    size_t rows = norm_rows(x), channels = norm_channels(x), samples = rows < SAMPLES ? rows : SAMPLES;
    enum dtype type = x->node->dtype;
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < samples; i++)
            sum += (double)kernel_load(x->in[0], rows * i / samples * channels + c, type);
        center[c] = (float)(sum / (double)samples);
    }
}

/* mean and variance of the batch: with d = x - center, mean = center + E d, variance = E d^2 - (E d)^2. */
static void batch_statistics(const struct exec *x, const struct norm_saved *s)
{
    const struct norm_spec *spec = x->node->spec;
    const float *gamma = x->in[1], *beta = x->in[2];
    size_t channels = norm_channels(x);
    double *sums = norm_sums(x), n = (double)norm_rows(x);
    float *center = (float *)(sums + 2 * channels);
    sample_center(x, center);
    struct rows_moments m = {.type = x->node->dtype, .x = x->in[0], .rows = norm_rows(x), .channels = channels};
    m.center = center;
    m.sum = sums;
    m.product = sums + channels;
    rows_moments(x->threads, &m, x->scratch);
    for (size_t c = 0; c < channels; c++) {
        double shift = m.sum[c] / n, mean = (double)center[c] + shift;
        double variance = m.product[c] / n - shift * shift;
        variance = variance < 0 ? 0 : variance;
        double rstd = 1 / sqrt(variance + (double)spec->eps);
        s->mean[c] = (float)mean;
        s->variance[c] = (float)variance;
        s->rstd[c] = (float)rstd;
        s->scale[c] = (float)((double)gamma[c] * rstd);
        s->offset[c] = (float)((double)beta[c] - mean * (double)gamma[c] * rstd);
    }
}

/* ---- y = act(x scale + offset) ---- */

struct apply {
    enum dtype type;
    const void *x, *g;
    void *out;
    size_t elements, channels;
    const float *scale, *offset;           /* forward and backward */
    const float *mean, *on_input, *always; /* backward */
    float slope;
};

KERNEL void apply_rows(const struct apply *k, size_t begin, size_t end, size_t width, enum dtype type)
{
    const void *x = k->x;
    void *out = k->out;
    const float *scale = k->scale, *offset = k->offset;
    float slope = k->slope, line[KERNEL_LINE];
    for (size_t at = begin, first = 0, n; at < end; at += n, first = (first + n) % width) {
        n = kernel_line_length(at, end, first, width);
        float *to = kernel_line(out, at, line, type);
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            to[i] = kernel_leak(kernel_load(x, at + i, type) * scale[first + i] + offset[first + i], slope);
        kernel_flush(out, at, line, n, type);
    }
}

HOT static void apply_hot(const struct apply *k, size_t begin, size_t end, size_t width)
{
    if (k->type == F32)
        apply_rows(k, begin, end, width, F32);
    else
        apply_rows(k, begin, end, width, BF16);
}

/* dx = scale g' + on_input (x - mean) + always */
KERNEL void apply_gradient_rows(const struct apply *k, size_t begin, size_t end, size_t width, enum dtype type)
{
    const void *x = k->x, *g = k->g;
    void *out = k->out;
    const float *scale = k->scale, *offset = k->offset, *mean = k->mean, *on_input = k->on_input, *always = k->always;
    float slope = k->slope, line[KERNEL_LINE];
    for (size_t at = begin, first = 0, n; at < end; at += n, first = (first + n) % width) {
        n = kernel_line_length(at, end, first, width);
        float *to = kernel_line(out, at, line, type);
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            size_t c = first + i;
            float value = kernel_load(x, at + i, type), v = kernel_load(g, at + i, type);
            v = value * scale[c] + offset[c] > 0.0f ? v : v * slope;
            to[i] = scale[c] * v + (on_input[c] * (value - mean[c]) + always[c]);
        }
        kernel_flush(out, at, line, n, type);
    }
}

HOT static void apply_gradient_hot(const struct apply *k, size_t begin, size_t end, size_t width)
{
    if (k->type == F32)
        apply_gradient_rows(k, begin, end, width, F32);
    else
        apply_gradient_rows(k, begin, end, width, BF16);
}

static void apply_range(void *context, size_t begin, size_t end)
{
    struct apply k = *(const struct apply *)context;
    float wide[5][ROWS_WIDE];
    size_t width = rows_width(k.channels), last = end * width < k.elements ? end * width : k.elements;
    k.scale = rows_repeat(k.scale, k.channels, wide[0]);
    k.offset = rows_repeat(k.offset, k.channels, wide[1]);
    if (!k.g) {
        apply_hot(&k, begin * width, last, width);
        return;
    }
    k.mean = rows_repeat(k.mean, k.channels, wide[2]);
    k.on_input = rows_repeat(k.on_input, k.channels, wide[3]);
    k.always = rows_repeat(k.always, k.channels, wide[4]);
    apply_gradient_hot(&k, begin * width, last, width);
}

static struct apply apply_of(const struct exec *x, const struct norm_saved *s)
{
    const struct norm_spec *spec = x->node->spec;
    return (struct apply){.type = x->node->dtype,
                          .x = x->in[0],
                          .elements = (size_t)shape_count(&x->node->shape),
                          .channels = norm_channels(x),
                          .scale = s->scale,
                          .offset = s->offset,
                          .slope = kernel_slope(spec->act, spec->slope)};
}

static void apply_all(const struct exec *x, struct apply *k)
{
    size_t width = rows_width(k->channels);
    parallel_ranges(x->threads, (k->elements + width - 1) / width, KERNEL_GRAIN / width + 1, apply_range, k);
}

static void norm_recompute(struct exec *x)
{
    struct norm_saved s = saved_of(x);
    struct apply k = apply_of(x, &s);
    k.out = x->out;
    apply_all(x, &k);
}

/* y = act(gamma xhat + beta), xhat = (x - mean) rstd */
static void norm_forward(struct exec *x)
{
    struct norm_saved s = saved_of(x);
    batch_statistics(x, &s);
    norm_recompute(x);
}

/* g' = g act'; dbeta = sum g'; dgamma = sum g' xhat;
 * dx = gamma rstd (g' - dbeta/n - xhat dgamma/n) */
static void norm_backward(struct exec *x)
{
    struct norm_saved s = saved_of(x);
    struct apply k = apply_of(x, &s);
    size_t channels = k.channels;
    double *sums = norm_sums(x), n = (double)norm_rows(x);
    struct rows_moments m = {
        .type = k.type, .x = k.x, .g = x->gout, .rows = norm_rows(x), .channels = channels, .slope = k.slope};
    m.center = s.mean;
    m.scale = s.scale;
    m.offset = s.offset;
    m.sum = sums;
    m.product = sums + channels;
    rows_moments(x->threads, &m, x->scratch);
    float *dgamma = x->gin[1], *dbeta = x->gin[2], *on_input = (float *)(sums + 2 * channels);
    float *always = on_input + channels;
    for (size_t c = 0; c < channels; c++) {
        double rstd = (double)s.rstd[c], scale = (double)s.scale[c];
        if (dgamma)
            dgamma[c] = (float)(m.product[c] * rstd);
        if (dbeta)
            dbeta[c] = (float)m.sum[c];
        on_input[c] = (float)(-scale * rstd * rstd * m.product[c] / n);
        always[c] = (float)(-scale * m.sum[c] / n);
    }
    if (!x->gin[0])
        return;
    k.g = x->gout;
    k.out = x->gin[0];
    k.mean = s.mean;
    k.on_input = on_input;
    k.always = always;
    apply_all(x, &k);
}

/* running = (1 - momentum) running + momentum batch, the variance unbiased as in PyTorch */
static void norm_commit(struct exec *x)
{
    const struct norm_spec *spec = x->node->spec;
    struct norm_saved s = saved_of(x);
    float *mean = x->in[3], *variance = x->in[4], keep = 1.0f - spec->momentum;
    size_t channels = norm_channels(x), rows = norm_rows(x);
    float unbiased = rows > 1 ? (float)((double)rows / (double)(rows - 1)) : 1.0f;
    for (size_t c = 0; c < channels; c++) {
        mean[c] = keep * mean[c] + spec->momentum * s.mean[c];
        variance[c] = keep * variance[c] + spec->momentum * unbiased * s.variance[c];
    }
}

static double norm_flops(const struct node *n)
{
    return 5.0 * (double)shape_count(&n->shape); /* subtract, square, two sums; scale and offset as one */
}

static const struct op norm_op = {
    .name = "batch norm",
    .reads = {READ_IN0, READ_IN0, READ_IN0},
    .remakes = READ_IN0,
    .flags = OP_INPLACE_GRAD,
    .infer = norm_infer,
    .prepare = norm_prepare,
    .forward = norm_forward,
    .backward = norm_backward,
    .recompute = norm_recompute,
    .commit = norm_commit,
    .flops = norm_flops,
};

struct node *op_batch_norm(struct graph *g, struct node *x, struct node *gamma, struct node *beta, struct node *mean,
                           struct node *var, struct norm_spec spec)
{
    return graph_apply(g, &norm_op, &spec, sizeof spec, 5, (struct node *[]){x, gamma, beta, mean, var});
}

/* ---- folding: conv(x, w, b) then norm = conv(x, w s, (b - mean) s + beta), s = gamma/sqrt(var + eps) ---- */

struct fold_spec {
    float eps;
};

static double fold_factor(const struct node *n, const float *gamma, const float *var, size_t c)
{
    const struct fold_spec *spec = n->spec;
    return (double)gamma[c] / sqrt((double)var[c] + (double)spec->eps);
}

static int fold_scale_infer(struct node *n, struct err *e)
{
    n->shape = n->in[0]->shape;
    TRY(check_channels(n, 0, "gamma", shape_last(&n->shape), e));
    return check_channels(n, 1, "running variance", shape_last(&n->shape), e);
}

static void fold_scale_forward(struct exec *x)
{
    float *out = x->out;
    for (size_t c = 0; c < (size_t)shape_last(&x->node->shape); c++)
        out[c] = (float)fold_factor(x->node, x->in[0], x->in[1], c);
}

static const struct op fold_scale_op = {
    .name = "fold scale",
    .infer = fold_scale_infer,
    .forward = fold_scale_forward,
};

struct node *op_fold_scale(struct graph *g, struct node *gamma, struct node *var, float eps)
{
    struct fold_spec spec = {eps};
    return graph_apply(g, &fold_scale_op, &spec, sizeof spec, 2, (struct node *[]){gamma, var});
}

static int fold_weight_infer(struct node *n, struct err *e)
{
    TRY(check_f32(n, 0, "weight", e));
    n->shape = n->in[0]->shape;
    return check_channels(n, 1, "scale", n->shape.d[0], e);
}

static void fold_weight_forward(struct exec *x)
{
    const float *weight = x->in[0], *scale = x->in[1];
    float *out = x->out;
    size_t rows = (size_t)x->node->shape.d[0], values = (size_t)shape_count(&x->node->shape) / rows;
    for (size_t i = 0; i < rows * values; i++)
        out[i] = weight[i] * scale[i / values];
}

static const struct op fold_weight_op = {
    .name = "fold weight",
    .infer = fold_weight_infer,
    .forward = fold_weight_forward,
};

struct node *op_fold_weight(struct graph *g, struct node *weight, struct node *scale)
{
    return graph_apply(g, &fold_weight_op, NULL, 0, 2, (struct node *[]){weight, scale});
}

/* Inputs: gamma, beta, mean, var, bias; the last may be missing. */
static int fold_bias_infer(struct node *n, struct err *e)
{
    static const char *const what[] = {"gamma", "beta", "running mean", "running variance", "bias"};
    n->shape = n->in[0]->shape;
    for (int i = 0; i < 5; i++)
        if (i < 4 || n->in[i])
            TRY(check_channels(n, i, what[i], shape_last(&n->shape), e));
    return 0;
}

static void fold_bias_forward(struct exec *x)
{
    const float *beta = x->in[1], *mean = x->in[2], *bias = x->in[4];
    float *out = x->out;
    for (size_t c = 0; c < (size_t)shape_last(&x->node->shape); c++) {
        double factor = fold_factor(x->node, x->in[0], x->in[3], c), from = bias ? (double)bias[c] : 0;
        out[c] = (float)((from - (double)mean[c]) * factor + (double)beta[c]);
    }
}

static const struct op fold_bias_op = {
    .name = "fold bias",
    .infer = fold_bias_infer,
    .forward = fold_bias_forward,
};

struct node *op_fold_bias(struct graph *g, struct node *bias, struct node *gamma, struct node *beta, struct node *mean,
                          struct node *var, float eps)
{
    struct fold_spec spec = {eps};
    return graph_apply(g, &fold_bias_op, &spec, sizeof spec, 5, (struct node *[]){gamma, beta, mean, var, bias});
}
