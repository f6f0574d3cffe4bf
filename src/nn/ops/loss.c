/* Losses and scores: what ends in one number, or in one a sample. Sums go through double, chunk by chunk. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

enum {
    BLOCK = 4096,
    CHUNKS = 64
}; /* elements added up in float; chunks of a sum at most, each one double of scratch */

static const float entropy_eps = 1e-12f; /* within the logarithm, as in the official code */

static size_t count_of(const struct node *n)
{
    return (size_t)shape_count(&n->shape);
}

static int chunks_of(size_t elements)
{
    size_t chunks = elements / KERNEL_GRAIN;
    return chunks < 1 ? 1 : chunks > CHUNKS ? CHUNKS : (int)chunks;
}

static int sum_prepare(struct exec *x, struct err *e)
{
    (void)e;
    x->scratch_bytes = CHUNKS * sizeof(double);
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

/* ---- mse ---- */

static int mse_infer(struct node *n, struct err *e)
{
    TRY(check_same_shape(n, e));
    n->shape = SHAPE(1);
    n->dtype = F32;
    return 0;
}

KERNEL double squares(const void *a, const void *b, size_t n, enum dtype type_a, enum dtype type_b)
{
    double total = 0;
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t end = n - at < BLOCK ? n : at + BLOCK;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = at; i < end; i++) {
            float d = kernel_load(a, i, type_a) - kernel_load(b, i, type_b);
            sum += d * d;
        }
        total += (double)sum;
    }
    return total;
}

HOT static double squares_hot(const void *a, const void *b, size_t n, enum dtype type_a, enum dtype type_b)
{
    if (type_a == F32)
        return type_b == F32 ? squares(a, b, n, F32, F32) : squares(a, b, n, F32, BF16);
    return type_b == F32 ? squares(a, b, n, BF16, F32) : squares(a, b, n, BF16, BF16);
}

static void squares_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct exec *x = context;
    enum dtype a = x->node->in[0]->dtype, b = x->node->in[1]->dtype;
    ((double *)x->scratch)[chunk] =
        squares_hot(kernel_at(x->in[0], begin, a), kernel_at(x->in[1], begin, b), end - begin, a, b);
}

/* y = sum (a - b)^2 / n */
static void mse_forward(struct exec *x)
{
    *(float *)x->out = (float)(sum_chunks(x, squares_chunk) / (double)count_of(x->node->in[0]));
}

KERNEL void difference(const void *a, const void *b, void *to, size_t n, float factor, enum dtype type_a,
                       enum dtype type_b, enum dtype type_to)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        kernel_store(to, i, factor * (kernel_load(a, i, type_a) - kernel_load(b, i, type_b)), type_to);
}

/* to = factor (a - b), in a's format */
HOT static void difference_hot(const void *a, const void *b, void *to, size_t n, float factor, enum dtype type_a,
                               enum dtype type_b)
{
    if (type_a == F32 && type_b == F32)
        difference(a, b, to, n, factor, F32, F32, F32);
    else if (type_a == F32)
        difference(a, b, to, n, factor, F32, BF16, F32);
    else if (type_b == F32)
        difference(a, b, to, n, factor, BF16, F32, BF16);
    else
        difference(a, b, to, n, factor, BF16, BF16, BF16);
}

static void mse_gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    float factor = *(const float *)x->gout * (float)(2.0 / (double)count_of(x->node->in[0]));
    for (int i = 0; i < 2; i++) {
        enum dtype type = x->node->in[i]->dtype, other = x->node->in[1 - i]->dtype;
        if (x->gin[i])
            difference_hot(kernel_at(x->in[i], begin, type), kernel_at(x->in[1 - i], begin, other),
                           kernel_at(x->gin[i], begin, type), end - begin, factor, type, other);
    }
}

/* da = 2 g (a - b)/n, db = -da */
static void mse_backward(struct exec *x)
{
    parallel_ranges(x->threads, count_of(x->node->in[0]), KERNEL_GRAIN, mse_gradient_range, x);
}

static const struct op mse_op = {
    .name = "mse",
    .reads = {READ_IN0 | READ_IN1, READ_IN0 | READ_IN1},
    .infer = mse_infer,
    .prepare = sum_prepare,
    .forward = mse_forward,
    .backward = mse_backward,
};

struct node *op_mse(struct graph *g, struct node *a, struct node *b)
{
    return graph_apply(g, &mse_op, NULL, 0, 2, (struct node *[]){a, b});
}

/* ---- binary cross entropy with one target for all ---- */

struct bce_spec {
    float target;
};

static int bce_infer(struct node *n, struct err *e)
{
    const struct bce_spec *spec = n->spec;
    n->shape = SHAPE(1);
    n->dtype = F32;
    return spec->target >= 0 && spec->target <= 1
               ? 0
               : op_error(n, e, "its target must be from 0 to 1, but it is %g", (double)spec->target);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): nothing overflows. */
KERNEL double crosses(const void *x, size_t n, float target, enum dtype type)
{
    double total = 0;
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t end = n - at < BLOCK ? n : at + BLOCK;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = at; i < end; i++) {
            float v = kernel_load(x, i, type);
            sum += (v > 0.0f ? v : 0.0f) - target * v + kernel_log(1.0f + kernel_exp(-fabsf(v)));
        }
        total += (double)sum;
    }
    return total;
}

HOT static double crosses_hot(const void *x, size_t n, float target, enum dtype type)
{
    return type == F32 ? crosses(x, n, target, F32) : crosses(x, n, target, BF16);
}

static void crosses_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct bce_spec *spec = x->node->spec;
    enum dtype type = x->node->in[0]->dtype;
    ((double *)x->scratch)[chunk] = crosses_hot(kernel_at(x->in[0], begin, type), end - begin, spec->target, type);
}

/* y = sum (log(1 + e^x) - target x) / n */
static void bce_forward(struct exec *x)
{
    *(float *)x->out = (float)(sum_chunks(x, crosses_chunk) / (double)count_of(x->node->in[0]));
}

KERNEL void cross_gradient(const void *x, void *to, size_t n, float factor, float target, enum dtype type)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        kernel_store(to, i, factor * (kernel_sigmoid(kernel_load(x, i, type)) - target), type);
}

HOT static void cross_gradient_hot(const void *x, void *to, size_t n, float factor, float target, enum dtype type)
{
    if (type == F32)
        cross_gradient(x, to, n, factor, target, F32);
    else
        cross_gradient(x, to, n, factor, target, BF16);
}

static void cross_gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct bce_spec *spec = x->node->spec;
    enum dtype type = x->node->in[0]->dtype;
    cross_gradient_hot(kernel_at(x->in[0], begin, type), kernel_at(x->gin[0], begin, type), end - begin,
                       *(const float *)x->gout / (float)count_of(x->node->in[0]), spec->target, type);
}

/* dx = g (sigmoid(x) - target) / n */
static void bce_backward(struct exec *x)
{
    if (x->gin[0])
        parallel_ranges(x->threads, count_of(x->node->in[0]), KERNEL_GRAIN, cross_gradient_range, x);
}

static const struct op bce_op = {
    .name = "binary cross entropy",
    .reads = {READ_IN0},
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
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t end = n - at < BLOCK ? n : at + BLOCK;
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

/* ---- mean of squares over channels: y = sum over c of x^2 / channels ---- */

static int square_infer(struct node *n, struct err *e)
{
    (void)e;
    n->shape = n->in[0]->shape;
    n->shape.d[n->shape.nd - 1] = 1;
    n->dtype = F32;
    return 0;
}

/* Few channels, a constant: the compiler takes rows as vectors. */
KERNEL void square_few(const void *x, float *y, size_t rows, size_t channels, enum dtype type)
{
#pragma omp simd
    for (size_t r = 0; r < rows; r++) {
        float sum = 0.0f;
        for (size_t c = 0; c < channels; c++) {
            float v = kernel_load(x, r * channels + c, type);
            sum += v * v;
        }
        y[r] = sum / (float)channels;
    }
}

KERNEL void square_many(const void *x, float *y, size_t rows, size_t channels, enum dtype type)
{
    for (size_t r = 0; r < rows; r++) {
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t c = r * channels; c < (r + 1) * channels; c++) {
            float v = kernel_load(x, c, type);
            sum += v * v;
        }
        y[r] = sum / (float)channels;
    }
}

KERNEL void square_rows(const void *x, float *y, size_t rows, size_t channels, enum dtype type)
{
    if (channels == 1)
        square_few(x, y, rows, 1, type);
    else if (channels == 3)
        square_few(x, y, rows, 3, type);
    else
        square_many(x, y, rows, channels, type);
}

HOT static void square_hot(const void *x, float *y, size_t rows, size_t channels, enum dtype type)
{
    if (type == F32)
        square_rows(x, y, rows, channels, F32);
    else
        square_rows(x, y, rows, channels, BF16);
}

static void square_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    enum dtype type = x->node->in[0]->dtype;
    size_t channels = (size_t)shape_last(&x->node->in[0]->shape);
    square_hot(kernel_at(x->in[0], begin * channels, type), (float *)x->out + begin, end - begin, channels, type);
}

static void square_forward(struct exec *x)
{
    size_t grain = (size_t)(KERNEL_GRAIN / shape_last(&x->node->in[0]->shape) + 1);
    parallel_ranges(x->threads, count_of(x->node), grain, square_range, x);
}

static const struct op square_op = {.name = "square mean", .infer = square_infer, .forward = square_forward};

struct node *op_square_mean(struct graph *g, struct node *x)
{
    return graph_apply(g, &square_op, NULL, 0, 1, &x);
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
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t end = n - at < BLOCK ? n : at + BLOCK;
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
