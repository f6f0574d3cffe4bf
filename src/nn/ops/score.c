/* Scores: what ends in one number a position or a sample. No gradients. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/sum.h"
#include "nn/parallel.h"

/* ---- mean over channels of squares or absolute values: y = sum over c of x^2 or |x| / channels ---- */

static int channels_infer(struct node *n, struct err *e)
{
    (void)e;
    n->shape = n->in[0]->shape;
    n->shape.d[n->shape.nd - 1] = 1;
    n->dtype = F32;
    return 0;
}

/* Few channels, a constant: the compiler takes rows as vectors. */
KERNEL void channels_few(const void *x, float *y, size_t rows, size_t channels, enum distance how, enum dtype type)
{
#pragma omp simd
    for (size_t r = 0; r < rows; r++) {
        float sum = 0.0f;
        for (size_t c = 0; c < channels; c++)
            sum += distance_of(kernel_load(x, r * channels + c, type), how);
        y[r] = sum / (float)channels;
    }
}

KERNEL void channels_many(const void *x, float *y, size_t rows, size_t channels, enum distance how, enum dtype type)
{
    for (size_t r = 0; r < rows; r++) {
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t c = r * channels; c < (r + 1) * channels; c++)
            sum += distance_of(kernel_load(x, c, type), how);
        y[r] = sum / (float)channels;
    }
}

KERNEL void channels_rows(const void *x, float *y, size_t rows, size_t channels, enum distance how, enum dtype type)
{
    if (channels == 1)
        channels_few(x, y, rows, 1, how, type);
    else if (channels == 3)
        channels_few(x, y, rows, 3, how, type);
    else
        channels_many(x, y, rows, channels, how, type);
}

HOT static void channels_hot(const void *x, float *y, size_t rows, size_t channels, enum distance how, enum dtype type)
{
    if (how == DISTANCE_SQUARED && type == F32)
        channels_rows(x, y, rows, channels, DISTANCE_SQUARED, F32);
    else if (how == DISTANCE_SQUARED)
        channels_rows(x, y, rows, channels, DISTANCE_SQUARED, BF16);
    else if (type == F32)
        channels_rows(x, y, rows, channels, DISTANCE_ABSOLUTE, F32);
    else
        channels_rows(x, y, rows, channels, DISTANCE_ABSOLUTE, BF16);
}

static void channels_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    enum dtype type = x->node->in[0]->dtype;
    size_t channels = (size_t)shape_last(&x->node->in[0]->shape);
    channels_hot(kernel_at(x->in[0], begin * channels, type), (float *)x->out + begin, end - begin, channels,
                 *(const enum distance *)x->node->spec, type);
}

static void channels_forward(struct exec *x)
{
    size_t grain = (size_t)(KERNEL_GRAIN / shape_last(&x->node->in[0]->shape) + 1);
    parallel_ranges(x->threads, count_of(x->node), grain, channels_range, x);
}

static const struct op channels_op = {.name = "channel mean", .infer = channels_infer, .forward = channels_forward};

struct node *op_square_mean(struct graph *g, struct node *x)
{
    enum distance how = DISTANCE_SQUARED;
    return graph_apply(g, &channels_op, &how, sizeof how, 1, &x);
}

struct node *op_absolute_mean(struct graph *g, struct node *x)
{
    enum distance how = DISTANCE_ABSOLUTE;
    return graph_apply(g, &channels_op, &how, sizeof how, 1, &x);
}

/* ---- cross entropy of logits with one target for all, element by element ---- */

static int cross_infer(struct node *n, struct err *e)
{
    float target = *(const float *)n->spec;
    n->shape = n->in[0]->shape;
    n->dtype = F32;
    return target >= 0 && target <= 1 ? 0
                                      : op_error(n, e, "its target must be from 0 to 1, but it is %g", (double)target);
}

/* y = log(1 + e^x) - target x; there is about one a sample, so it is no HOT loop */
static void cross_forward(struct exec *x)
{
    float target = *(const float *)x->node->spec, *y = x->out;
    enum dtype type = x->node->in[0]->dtype;
    for (size_t i = 0; i < count_of(x->node); i++) {
        float v = kernel_load(x->in[0], i, type);
        y[i] = fmaxf(v, 0.0f) - target * v + log1pf(expf(-fabsf(v)));
    }
}

static const struct op cross_op = {.name = "cross entropy", .infer = cross_infer, .forward = cross_forward};

struct node *op_cross_entropy(struct graph *g, struct node *logits, float target)
{
    return graph_apply(g, &cross_op, &target, sizeof target, 1, &logits);
}

/* ---- decibels: y = 10 log10 max(x, 1e-10); of one value a sample, so it is no HOT loop ---- */

static const float QUIETEST = 1e-10f; /* a perfect reconstruction is -100 dB */

static int decibel_infer(struct node *n, struct err *e)
{
    n->shape = n->in[0]->shape;
    n->dtype = F32;
    return check_f32(n, 0, "input", e);
}

static void decibel_forward(struct exec *x)
{
    const float *in = x->in[0];
    float *y = x->out;
    for (size_t i = 0; i < count_of(x->node); i++)
        y[i] = 10.0f * log10f(in[i] < QUIETEST ? QUIETEST : in[i]);
}

static const struct op decibel_op = {.name = "decibel", .infer = decibel_infer, .forward = decibel_forward};

struct node *op_decibel(struct graph *g, struct node *x)
{
    return graph_apply(g, &decibel_op, NULL, 0, 1, &x);
}

/* ---- sample mean: y[n] = mean over everything of sample n ---- */

static int sample_infer(struct node *n, struct err *e)
{
    (void)e;
    n->shape = SHAPE(n->in[0]->shape.d[0]);
    n->dtype = F32;
    return 0;
}

/* Chunks a sample: so that a single large sample (a clip) is shared by the threads too. */
static int sample_chunks(const struct node *n)
{
    return chunks_of(count_of(n->in[0]) / count_of(n));
}

static int sample_prepare(struct exec *x, struct err *e)
{
    (void)e;
    x->scratch_bytes = count_of(x->node) * (size_t)sample_chunks(x->node) * sizeof(double);
    return 0;
}

KERNEL double total(const void *x, size_t n, enum dtype type)
{
    double sum = 0;
    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK;
        float part = 0.0f;
#pragma omp simd reduction(+ : part)
        for (size_t i = at; i < end; i++)
            part += kernel_load(x, i, type);
        sum += (double)part;
    }
    return sum;
}

HOT static double total_hot(const void *x, size_t n, enum dtype type)
{
    return type == F32 ? total(x, n, F32) : total(x, n, BF16);
}

/* Range over parts: chunk (part % chunks) of sample (part / chunks). */
static void sample_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    enum dtype type = x->node->in[0]->dtype;
    size_t each = count_of(x->node->in[0]) / count_of(x->node), chunks = (size_t)sample_chunks(x->node);
    for (size_t part = begin; part < end; part++) {
        size_t sample = part / chunks, chunk = part % chunks;
        size_t from = each * chunk / chunks, to = each * (chunk + 1) / chunks;
        ((double *)x->scratch)[part] = total_hot(kernel_at(x->in[0], sample * each + from, type), to - from, type);
    }
}

static void sample_forward(struct exec *x)
{
    size_t samples = count_of(x->node), each = count_of(x->node->in[0]) / samples;
    size_t chunks = (size_t)sample_chunks(x->node);
    const double *parts = x->scratch;
    float *out = x->out;
    parallel_ranges(x->threads, samples * chunks, KERNEL_GRAIN * chunks / each + 1, sample_range, x);
    for (size_t n = 0; n < samples; n++) {
        double sum = 0;
        for (size_t c = 0; c < chunks; c++)
            sum += parts[n * chunks + c];
        out[n] = (float)(sum / (double)each);
    }
}

static const struct op sample_op = {
    .name = "sample mean",
    .infer = sample_infer,
    .prepare = sample_prepare,
    .forward = sample_forward,
};

struct node *op_sample_mean(struct graph *g, struct node *x)
{
    return graph_apply(g, &sample_op, NULL, 0, 1, &x);
}

/* ---- top mean: y[n] = mean of the k highest values of sample n ---- */

enum { TOP_MOST = 4096 };

static int top_infer(struct node *n, struct err *e)
{
    const int *k = n->spec;
    TRY(check_f32(n, 0, "input", e));
    n->shape = SHAPE(n->in[0]->shape.d[0]);
    n->dtype = F32;
    return *k >= 1 && *k <= TOP_MOST ? 0 : op_error(n, e, "takes the mean of 1 to %d values, not of %d", TOP_MOST, *k);
}

/* Keeps the k highest so far in order. A sample of fewer than k gives the mean of all. */
static float top_mean(const float *x, size_t n, size_t k)
{
    float top[TOP_MOST];
    size_t kept = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == k && x[i] <= top[kept - 1])
            continue;
        size_t at = kept < k ? kept++ : k - 1;
        for (; at > 0 && !(x[i] <= top[at - 1]); at--) /* NaN goes to the front, and stays */
            top[at] = top[at - 1];
        top[at] = x[i];
    }
    for (size_t i = 0; i < kept; i++)
        sum += (double)top[i];
    return (float)(sum / (double)kept);
}

static void top_forward(struct exec *x)
{
    size_t samples = count_of(x->node), each = count_of(x->node->in[0]) / samples;
    for (size_t n = 0; n < samples; n++)
        ((float *)x->out)[n] =
            top_mean((const float *)x->in[0] + n * each, each, (size_t) * (const int *)x->node->spec);
}

static const struct op top_op = {.name = "top mean", .infer = top_infer, .forward = top_forward};

struct node *op_top_mean(struct graph *g, struct node *x, int k)
{
    return graph_apply(g, &top_op, &k, sizeof k, 1, &x);
}

/* ---- top share: y[n] = mean of the highest share of sample n's values, or of those that count ---- */

static int share_infer(struct node *n, struct err *e)
{
    const float share = *(const float *)n->spec;
    TRY(check_f32(n, 0, "input", e));
    n->shape = SHAPE(n->in[0]->shape.d[0]);
    n->dtype = F32;
    if (n->in[1] && !shape_equal(&n->in[0]->shape, &n->in[1]->shape))
        return op_error(n, e, "its input and what of it counts must have the same shape");
    return share > 0 && share <= 1 ? 0 : op_error(n, e, "takes a share above 0 and at most 1, not %g", (double)share);
}

static size_t share_of(float share, const float *counts, size_t n)
{
    size_t counted = counts ? 0 : n;
    for (size_t i = 0; counts && i < n; i++)
        counted += counts[i] != 0;
    const double k = ceil((double)share * (double)counted);
    return k < 1 ? 1 : k > TOP_MOST ? TOP_MOST : (size_t)k;
}

static void share_forward(struct exec *x)
{
    const size_t samples = count_of(x->node), each = count_of(x->node->in[0]) / samples;
    const float share = *(const float *)x->node->spec, *values = x->in[0], *counts = x->in[1];
    for (size_t n = 0; n < samples; n++)
        ((float *)x->out)[n] =
            top_mean(values + n * each, each, share_of(share, counts ? counts + n * each : NULL, each));
}

static const struct op share_op = {.name = "top share", .infer = share_infer, .forward = share_forward};

struct node *op_top_share(struct graph *g, struct node *x, struct node *counts, float share)
{
    return graph_apply(g, &share_op, &share, sizeof share, 2, (struct node *[]){x, counts});
}
