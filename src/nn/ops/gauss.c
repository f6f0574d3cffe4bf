/* Codes that are a normal distribution each, of mean mu and variance e^logvar in every dimension on its own (Kingma,
 * Welling 2013): a sample of one, and how far one is from N(0, 1). Codes are short: no threads. */
#include "base/hot.h"
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"

#include <string.h>

enum { MU, LOGVAR, NOISE };

static size_t count_of(const struct node *n)
{
    return (size_t)shape_count(&n->shape);
}

/* mu and logvar: F32, of one shape. */
static int check_code(const struct node *n, struct err *e)
{
    TRY(check_f32(n, MU, "mean", e));
    TRY(check_f32(n, LOGVAR, "logarithm of the variance", e));
    return check_same_shape(n, e);
}

/* ---- a sample ---- */

static int draw_infer(struct node *n, struct err *e)
{
    TRY(check_code(n, e));
    TRY(check_f32(n, NOISE, "noise", e));
    n->shape = n->in[MU]->shape;
    n->dtype = F32;
    return shape_equal(&n->in[NOISE]->shape, &n->shape) ? 0 : op_error(n, e, "its noise has another shape");
}

HOT static void draw(const float *mu, const float *logvar, const float *noise, float *y, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = mu[i] + kernel_exp(0.5f * logvar[i]) * noise[i];
}

/* y = mu + e^(logvar/2) noise */
static void draw_forward(struct exec *x)
{
    draw(x->in[MU], x->in[LOGVAR], x->in[NOISE], x->out, count_of(x->node));
}

HOT static void spread(const float *logvar, const float *g, float *to, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] = g[i] * kernel_exp(0.5f * logvar[i]);
}

HOT static void widen(const float *logvar, const float *noise, const float *g, float *to, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] = 0.5f * g[i] * kernel_exp(0.5f * logvar[i]) * noise[i];
}

/* dmu = g, dlogvar = g e^(logvar/2) noise / 2, dnoise = g e^(logvar/2); gin[MU] may lie over gout. */
static void draw_backward(struct exec *x)
{
    size_t n = count_of(x->node);
    if (x->gin[LOGVAR])
        widen(x->in[LOGVAR], x->in[NOISE], x->gout, x->gin[LOGVAR], n);
    if (x->gin[NOISE])
        spread(x->in[LOGVAR], x->gout, x->gin[NOISE], n);
    if (x->gin[MU] && x->gin[MU] != x->gout)
        memcpy(x->gin[MU], x->gout, n * sizeof(float));
}

static const struct op draw_op = {
    .name = "draw",
    .reads = {[LOGVAR] = READ_IN1 | READ_IN2, [NOISE] = READ_IN1},
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = draw_infer,
    .forward = draw_forward,
    .backward = draw_backward,
};

struct node *op_draw(struct graph *g, struct node *mu, struct node *logvar, struct node *noise)
{
    return graph_apply(g, &draw_op, NULL, 0, 3, (struct node *[]){mu, logvar, noise});
}

/* ---- divergence from N(0, 1) ---- */

HOT static float divergence(const float *mu, const float *logvar, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += mu[i] * mu[i] + kernel_exp(logvar[i]) - logvar[i] - 1.0f;
    return 0.5f * sum;
}

/* Of sample `i`. */
static float divergence_of(const struct exec *x, size_t i)
{
    size_t each = count_of(x->node->in[MU]) / (size_t)x->node->in[MU]->shape.d[0];
    return divergence((const float *)x->in[MU] + i * each, (const float *)x->in[LOGVAR] + i * each, each);
}

static int sample_infer(struct node *n, struct err *e)
{
    TRY(check_code(n, e));
    n->shape = SHAPE(n->in[MU]->shape.d[0]);
    n->dtype = F32;
    return 0;
}

/* y[n] = sum over sample n of (mu^2 + e^logvar - logvar - 1) / 2 */
static void sample_forward(struct exec *x)
{
    for (size_t i = 0; i < count_of(x->node); i++)
        ((float *)x->out)[i] = divergence_of(x, i);
}

static const struct op sample_op = {.name = "sample kl", .infer = sample_infer, .forward = sample_forward};

struct node *op_sample_kl(struct graph *g, struct node *mu, struct node *logvar)
{
    return graph_apply(g, &sample_op, NULL, 0, 2, (struct node *[]){mu, logvar});
}

static int kl_infer(struct node *n, struct err *e)
{
    TRY(check_code(n, e));
    n->shape = SHAPE(1);
    n->dtype = F32;
    return 0;
}

static size_t samples_of(const struct exec *x)
{
    return (size_t)x->node->in[MU]->shape.d[0];
}

/* y = the mean of that over the samples */
static void kl_forward(struct exec *x)
{
    double sum = 0;
    for (size_t i = 0; i < samples_of(x); i++)
        sum += (double)divergence_of(x, i);
    *(float *)x->out = (float)(sum / (double)samples_of(x));
}

HOT static void pull(const float *mu, float *to, size_t n, float factor)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] = factor * mu[i];
}

HOT static void pull_variance(const float *logvar, float *to, size_t n, float factor)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] = 0.5f * factor * (kernel_exp(logvar[i]) - 1.0f);
}

/* dmu = g mu / N, dlogvar = g (e^logvar - 1) / 2N */
static void kl_backward(struct exec *x)
{
    size_t n = count_of(x->node->in[MU]);
    float factor = *(const float *)x->gout / (float)samples_of(x);
    if (x->gin[MU])
        pull(x->in[MU], x->gin[MU], n, factor);
    if (x->gin[LOGVAR])
        pull_variance(x->in[LOGVAR], x->gin[LOGVAR], n, factor);
}

static const struct op kl_op = {
    .name = "kl",
    .reads = {READ_IN0, READ_IN1},
    .infer = kl_infer,
    .forward = kl_forward,
    .backward = kl_backward,
};

struct node *op_kl(struct graph *g, struct node *mu, struct node *logvar)
{
    return graph_apply(g, &kl_op, NULL, 0, 2, (struct node *[]){mu, logvar});
}
