/* Losses: what ends in one number. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/sum.h"
#include "nn/parallel.h"

static const float entropy_eps = 1e-12f; /* within the logarithm, as in the official code */

static int sum_prepare(struct exec *x, struct err *e)
{
    (void)e;
    x->scratch_bytes = SUM_CHUNKS * sizeof(double);
    return 0;
}

/* Sum over in[0]'s elements of what `fn` adds up in its chunk, into the chunk's double in scratch. */
static double sum_chunks(struct exec *x, chunk_fn *fn)
{
    size_t elements = count_of(x->node->in[0]);
    int chunks = chunks_of(elements);
    const double *parts = x->scratch;
    double sum = 0;
    parallel_chunks(x->threads, elements, chunks, fn, x);
    for (int i = 0; i < chunks; i++)
        sum += parts[i];
    return sum;
}

/* ---- mean distances: squared and absolute ---- */

static int distance_infer(struct node *n, struct err *e)
{
    TRY(check_same_shape(n, e));
    n->shape = SHAPE(1);
    n->dtype = F32;
    return 0;
}

static enum distance distance_wanted(const struct exec *x)
{
    return *(const enum distance *)x->node->spec;
}

KERNEL double distances(const void *a, const void *b, size_t n, enum distance how, enum dtype type_a, enum dtype type_b)
{
    double total = 0;
    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = at; i < end; i++)
            sum += distance_of(kernel_load(a, i, type_a) - kernel_load(b, i, type_b), how);
        total += (double)sum;
    }
    return total;
}

KERNEL double distances_typed(const void *a, const void *b, size_t n, enum distance how, enum dtype type_a,
                              enum dtype type_b)
{
    if (type_a == F32)
        return type_b == F32 ? distances(a, b, n, how, F32, F32) : distances(a, b, n, how, F32, BF16);
    return type_b == F32 ? distances(a, b, n, how, BF16, F32) : distances(a, b, n, how, BF16, BF16);
}

HOT static double distances_hot(const void *a, const void *b, size_t n, enum distance how, enum dtype type_a,
                                enum dtype type_b)
{
    return how == DISTANCE_SQUARED ? distances_typed(a, b, n, DISTANCE_SQUARED, type_a, type_b)
                                   : distances_typed(a, b, n, DISTANCE_ABSOLUTE, type_a, type_b);
}

static void distances_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct exec *x = context;
    enum dtype a = x->node->in[0]->dtype, b = x->node->in[1]->dtype;
    ((double *)x->scratch)[chunk] = distances_hot(kernel_at(x->in[0], begin, a), kernel_at(x->in[1], begin, b),
                                                  end - begin, distance_wanted(x), a, b);
}

/* y = sum (a - b)^2 / n, or sum |a - b| / n */
static void distance_forward(struct exec *x)
{
    *(float *)x->out = (float)(sum_chunks(x, distances_chunk) / (double)count_of(x->node->in[0]));
}

KERNEL void slopes(const void *a, const void *b, void *to, size_t n, float factor, enum distance how, enum dtype type_a,
                   enum dtype type_b)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = kernel_load(a, i, type_a) - kernel_load(b, i, type_b);
        float slope = how == DISTANCE_SQUARED ? 2.0f * d : d > 0.0f ? 1.0f : d < 0.0f ? -1.0f : 0.0f;
        kernel_store(to, i, factor * slope, type_a);
    }
}

KERNEL void slopes_typed(const void *a, const void *b, void *to, size_t n, float factor, enum distance how,
                         enum dtype type_a, enum dtype type_b)
{
    if (type_a == F32 && type_b == F32)
        slopes(a, b, to, n, factor, how, F32, F32);
    else if (type_a == F32)
        slopes(a, b, to, n, factor, how, F32, BF16);
    else if (type_b == F32)
        slopes(a, b, to, n, factor, how, BF16, F32);
    else
        slopes(a, b, to, n, factor, how, BF16, BF16);
}

/* To a, in its format. */
HOT static void slopes_hot(const void *a, const void *b, void *to, size_t n, float factor, enum distance how,
                           enum dtype type_a, enum dtype type_b)
{
    if (how == DISTANCE_SQUARED)
        slopes_typed(a, b, to, n, factor, DISTANCE_SQUARED, type_a, type_b);
    else
        slopes_typed(a, b, to, n, factor, DISTANCE_ABSOLUTE, type_a, type_b);
}

static void distance_gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    float factor = *(const float *)x->gout * (float)(1.0 / (double)count_of(x->node->in[0]));
    for (int i = 0; i < 2; i++) {
        enum dtype type = x->node->in[i]->dtype, other = x->node->in[1 - i]->dtype;
        if (x->gin[i])
            slopes_hot(kernel_at(x->in[i], begin, type), kernel_at(x->in[1 - i], begin, other),
                       kernel_at(x->gin[i], begin, type), end - begin, factor, distance_wanted(x), type, other);
    }
}

/* da = 2 g (a - b)/n, or g sign(a - b)/n with sign(0) = 0; db = -da */
static void distance_backward(struct exec *x)
{
    parallel_ranges(x->threads, count_of(x->node->in[0]), KERNEL_GRAIN, distance_gradient_range, x);
}

static const struct op distance_op = {
    .name = "mean distance",
    .reads = {READ_IN0 | READ_IN1, READ_IN0 | READ_IN1},
    .infer = distance_infer,
    .prepare = sum_prepare,
    .forward = distance_forward,
    .backward = distance_backward,
};

static struct node *distance(struct graph *g, struct node *a, struct node *b, enum distance how)
{
    return graph_apply(g, &distance_op, &how, sizeof how, 2, (struct node *[]){a, b});
}

struct node *op_mse(struct graph *g, struct node *a, struct node *b)
{
    return distance(g, a, b, DISTANCE_SQUARED);
}

struct node *op_l1(struct graph *g, struct node *a, struct node *b)
{
    return distance(g, a, b, DISTANCE_ABSOLUTE);
}

/* ---- binary cross entropy, with one target for all or one for each ---- */

struct bce_spec {
    float target; /* where there is no second input */
};

static int bce_infer(struct node *n, struct err *e)
{
    const struct bce_spec *spec = n->spec;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    n->shape = SHAPE(1);
    n->dtype = F32;
    if (!(spec->target >= 0 && spec->target <= 1))
        return op_error(n, e, "its target must be from 0 to 1, but it is %g", (double)spec->target);
    if (n->inputs < 2)
        return 0;
    TRY(check_f32(n, 1, "targets", e));
    if (!shape_equal(&n->in[0]->shape, &n->in[1]->shape))
        return op_error(n, e, "a target for each logit is wanted, but there are %s logits and %s targets",
                        shape_text(&n->in[0]->shape, a), shape_text(&n->in[1]->shape, b));
    return 0;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): nothing overflows. `each` NULL: one target for all. */
KERNEL double crosses(const void *x, const float *each, size_t n, float target, enum dtype type)
{
    double total = 0;
    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = at; i < end; i++) {
            float v = kernel_load(x, i, type);
            sum += (v > 0.0f ? v : 0.0f) - (each ? each[i] : target) * v + kernel_log(1.0f + kernel_exp(-fabsf(v)));
        }
        total += (double)sum;
    }
    return total;
}

HOT static double crosses_hot(const void *x, const float *each, size_t n, float target, enum dtype type)
{
    if (each)
        return type == F32 ? crosses(x, each, n, 0, F32) : crosses(x, each, n, 0, BF16);
    return type == F32 ? crosses(x, NULL, n, target, F32) : crosses(x, NULL, n, target, BF16);
}

/* From `begin` on; NULL where one is for all. */
static const float *targets_of(const struct exec *x, size_t begin)
{
    return x->node->inputs > 1 ? (const float *)x->in[1] + begin : NULL;
}

static void crosses_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct bce_spec *spec = x->node->spec;
    enum dtype type = x->node->in[0]->dtype;
    ((double *)x->scratch)[chunk] =
        crosses_hot(kernel_at(x->in[0], begin, type), targets_of(x, begin), end - begin, spec->target, type);
}

/* y = sum (log(1 + e^x) - target x) / n */
static void bce_forward(struct exec *x)
{
    *(float *)x->out = (float)(sum_chunks(x, crosses_chunk) / (double)count_of(x->node->in[0]));
}

KERNEL void cross_gradient(const void *x, const float *each, void *to, size_t n, float factor, float target,
                           enum dtype type)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        kernel_store(to, i, factor * (kernel_sigmoid(kernel_load(x, i, type)) - (each ? each[i] : target)), type);
}

HOT static void cross_gradient_hot(const void *x, const float *each, void *to, size_t n, float factor, float target,
                                   enum dtype type)
{
    if (each && type == F32)
        cross_gradient(x, each, to, n, factor, 0, F32);
    else if (each)
        cross_gradient(x, each, to, n, factor, 0, BF16);
    else if (type == F32)
        cross_gradient(x, NULL, to, n, factor, target, F32);
    else
        cross_gradient(x, NULL, to, n, factor, target, BF16);
}

static void cross_gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct bce_spec *spec = x->node->spec;
    enum dtype type = x->node->in[0]->dtype;
    cross_gradient_hot(kernel_at(x->in[0], begin, type), targets_of(x, begin), kernel_at(x->gin[0], begin, type),
                       end - begin, *(const float *)x->gout / (float)count_of(x->node->in[0]), spec->target, type);
}

/* dx = g (sigmoid(x) - target) / n */
static void bce_backward(struct exec *x)
{
    if (x->gin[0])
        parallel_ranges(x->threads, count_of(x->node->in[0]), KERNEL_GRAIN, cross_gradient_range, x);
}

static const struct op bce_op = {
    .name = "binary cross entropy",
    .reads = {READ_IN0 | READ_IN1},
    .infer = bce_infer,
    .prepare = sum_prepare,
    .forward = bce_forward,
    .backward = bce_backward,
};

struct node *op_bce(struct graph *g, struct node *logits, float target)
{
    struct bce_spec spec = {target};
    return graph_apply(g, &bce_op, &spec, sizeof spec, 1, &logits);
}

struct node *op_bce_each(struct graph *g, struct node *logits, struct node *targets)
{
    struct bce_spec spec = {0};
    return graph_apply(g, &bce_op, &spec, sizeof spec, 2, (struct node *[]){logits, targets});
}

/* ---- entropy ---- */

static int entropy_infer(struct node *n, struct err *e)
{
    n->shape = SHAPE(1);
    n->dtype = F32;
    return check_f32(n, 0, "input", e);
}

HOT static double entropy_hot(const float *w, size_t n)
{
    double total = 0;
    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = at; i < end; i++)
            sum -= w[i] * kernel_log(w[i] + entropy_eps);
        total += (double)sum;
    }
    return total;
}

static void entropy_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct exec *x = context;
    ((double *)x->scratch)[chunk] = entropy_hot((const float *)x->in[0] + begin, end - begin);
}

/* y = -sum w log(w + eps) / rows */
static void entropy_forward(struct exec *x)
{
    *(float *)x->out = (float)(sum_chunks(x, entropy_chunk) / (double)shape_rows(&x->node->in[0]->shape));
}

HOT static void entropy_gradient(const float *restrict w, float *restrict to, size_t n, float factor)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float inside = w[i] + entropy_eps;
        to[i] = factor * (kernel_log(inside) + w[i] / inside);
    }
}

static void entropy_gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    float factor = -*(const float *)x->gout / (float)shape_rows(&x->node->in[0]->shape);
    entropy_gradient((const float *)x->in[0] + begin, (float *)x->gin[0] + begin, end - begin, factor);
}

/* dw = -g (log(w + eps) + w/(w + eps)) / rows */
static void entropy_backward(struct exec *x)
{
    if (x->gin[0])
        parallel_ranges(x->threads, count_of(x->node->in[0]), KERNEL_GRAIN, entropy_gradient_range, x);
}

static const struct op entropy_op = {
    .name = "entropy",
    .reads = {READ_IN0},
    .infer = entropy_infer,
    .prepare = sum_prepare,
    .forward = entropy_forward,
    .backward = entropy_backward,
};

struct node *op_entropy(struct graph *g, struct node *weights)
{
    return graph_apply(g, &entropy_op, NULL, 0, 1, &weights);
}

/* ---- weighted sum of two scalars ---- */

struct weighted_spec {
    float a, b;
};

static int weighted_infer(struct node *n, struct err *e)
{
    TRY(check_f32(n, 0, "first loss", e));
    TRY(check_f32(n, 1, "second loss", e));
    n->shape = SHAPE(1);
    n->dtype = F32;
    if (count_of(n->in[0]) == 1 && count_of(n->in[1]) == 1)
        return 0;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    return op_error(n, e, "two single numbers are wanted, but its inputs have shapes %s and %s",
                    shape_text(&n->in[0]->shape, a), shape_text(&n->in[1]->shape, b));
}

static void weighted_forward(struct exec *x)
{
    const struct weighted_spec *spec = x->node->spec;
    *(float *)x->out = spec->a * *(const float *)x->in[0] + spec->b * *(const float *)x->in[1];
}

static void weighted_backward(struct exec *x)
{
    const struct weighted_spec *spec = x->node->spec;
    float g = *(const float *)x->gout;
    if (x->gin[0])
        *(float *)x->gin[0] = spec->a * g;
    if (x->gin[1])
        *(float *)x->gin[1] = spec->b * g;
}

static const struct op weighted_op = {
    .name = "weighted sum",
    .infer = weighted_infer,
    .forward = weighted_forward,
    .backward = weighted_backward,
};

struct node *op_weighted(struct graph *g, struct node *a, float factor_a, struct node *b, float factor_b)
{
    struct weighted_spec spec = {factor_a, factor_b};
    return graph_apply(g, &weighted_op, &spec, sizeof spec, 2, (struct node *[]){a, b});
}
