/* The memory's addressing (Gong et al., ICCV 2019, eq. 3-7), in rows: one query against all items.
 *
 * s_j = scale q.m_j, or scale q.m_j / (|q| |m_j|);  p = softmax(s);  kept: p_j > lambda;
 * w_j = p_j / sum of the kept p, where kept, else 0.
 *
 * The mask is constant almost everywhere, and a softmax renormalised over a fixed set is the softmax over that set:
 *   ds_j = w_j (g_j - sum_k g_k w_k),
 * so backward needs w alone. A row that kept nothing has the best item alone (w = 1: ds = 0) or zeros (ds = 0): no
 * gradient passes through its addressing either way.
 * With cosine similarity and unit vectors q' and m', D_ij = ds_ij scale / (|q_i| |m_j|):
 *   dq_i = sum_j D_ij m_j less its part along q'_i;  dm_j = sum_i D_ij q_i less its part along m'_j.
 * A query or item of length zero has no direction: it is similar to nothing (s = 0) and gets no gradient. */
#include "nn/dnn.h"
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/products.h"
#include "nn/parallel.h"

enum { BLOCK = 64 }; /* queries whose weights stay in cache between the product and the softmax */

struct attend_sizes {
    size_t queries, items, channels;
};

static struct attend_sizes attend_sizes(const struct exec *x)
{
    const struct shape *q = &x->node->in[0]->shape, *m = &x->node->in[1]->shape;
    return (struct attend_sizes){(size_t)q->d[0], (size_t)m->d[0], (size_t)q->d[1]};
}

static bool is_cosine(const struct exec *x)
{
    return ((const struct attend_spec *)x->node->spec)->similarity == SIM_COSINE;
}

static int attend_infer(struct node *n, struct err *e)
{
    const struct attend_spec *spec = n->spec;
    TRY(check_matrices(n, "queries", "memory items", e));
    const struct shape *q = &n->in[0]->shape, *m = &n->in[1]->shape;
    if (q->d[1] != m->d[1])
        return op_error(n, e, "queries have %lld channels, but memory items %lld", (long long)q->d[1],
                        (long long)m->d[1]);
    if (!isfinite(spec->scale) || !(spec->shrink >= 0 && spec->shrink < 1))
        return op_error(n, e,
                        "the scale must be finite and the shrinkage at least 0 and below 1, but they are %g and "
                        "%g",
                        (double)spec->scale, (double)spec->shrink);
    n->shape = SHAPE(q->d[0], m->d[0]);
    n->dtype = F32;
    return 0;
}

static enum dtype type_of(const struct exec *x)
{
    return x->node->in[0]->dtype;
}

/* The products of BF16: q m', D m, D' q. */
enum { SIMILARITIES, TO_QUERIES, TO_ITEMS };

static int add_products(struct exec *x, struct err *e)
{
    struct attend_sizes s = attend_sizes(x);
    int64_t q = (int64_t)s.queries, m = (int64_t)s.items, c = (int64_t)s.channels;
    const struct dnn_product_spec similarities = {.transpose_b = true, .m = q, .n = m, .k = c, .type = F32};
    TRY(products_add(x, SIMILARITIES, &similarities, e));
    const struct dnn_product_spec to_queries = {.m = q, .n = c, .k = m, .type = BF16};
    if (x->wants & 1)
        TRY(products_add(x, TO_QUERIES, &to_queries, e));
    const struct dnn_product_spec to_items = {.transpose_a = true, .m = m, .n = c, .k = q, .type = BF16};
    return x->wants & 2 ? products_add(x, TO_ITEMS, &to_items, e) : 0;
}

/* While scoring, what is made of the items is made once. */
static bool keeps_items(const struct exec *x)
{
    return !x->wants && x->node->in[1]->constant;
}

/* What is saved. */
struct attend_saved {
    uint64_t *version; /* of the items, where they are kept */
    float *inverse_m;  /* 1/|m| of every item, or ones for dot products */
    float *inverse_q;  /* 1/|q| of every query, likewise */
    float *columns;    /* of F32: the items, divided by their lengths, as columns; in scratch where they are not kept */
};

static struct attend_saved saved_of(const struct exec *x)
{
    struct attend_sizes s = attend_sizes(x);
    float *values = (float *)((uint64_t *)x->saved + 1);
    return (struct attend_saved){.version = x->saved,
                                 .inverse_m = values,
                                 .inverse_q = values + s.items,
                                 .columns = keeps_items(x) ? values + s.items + s.queries : x->scratch};
}

/* scratch: forward the columns, backward D */
static int attend_prepare(struct exec *x, struct err *e)
{
    struct attend_sizes s = attend_sizes(x);
    bool narrow = type_of(x) == BF16;
    size_t columns = narrow ? 0 : s.items * s.channels, gradient = x->wants ? s.queries * s.items : 0;
    x->saved_bytes = sizeof(uint64_t) + (s.items + s.queries) * sizeof(float);
    if (keeps_items(x)) {
        x->saved_bytes += columns * sizeof(float);
        columns = 0;
    }
    x->scratch_bytes = (columns > gradient ? columns : gradient) * dtype_bytes(type_of(x));
    return narrow ? add_products(x, e) : 0;
}

/* ---- lengths ---- */

/* 1/|v| of each row; 0 for a row without length. Squares in double: no overflow, no vanishing. */
KERNEL void inverse_lengths_of(const void *rows, size_t n, size_t channels, float *inverse, enum dtype type)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < channels; c++) {
            double v = (double)kernel_load(rows, i * channels + c, type);
            sum += v * v;
        }
        inverse[i] = sum > 1e-60 ? (float)(1 / sqrt(sum)) : sum * 0.0 == 0.0 ? 0.0f : NAN;
    }
}

HOT static void inverse_lengths(const void *rows, size_t n, size_t channels, float *inverse, enum dtype type)
{
    if (type == F32)
        inverse_lengths_of(rows, n, channels, inverse, F32);
    else
        inverse_lengths_of(rows, n, channels, inverse, BF16);
}

/* Those of items (input 1), or of a block of queries (input 0), into saved. */
static void save_lengths(const struct exec *x, int input, size_t begin, size_t end)
{
    struct attend_sizes s = attend_sizes(x);
    const void *rows = kernel_at(x->in[input], begin * s.channels, type_of(x));
    struct attend_saved saved = saved_of(x);
    float *inverse = (input == 0 ? saved.inverse_q : saved.inverse_m) + begin;
    if (is_cosine(x))
        inverse_lengths(rows, end - begin, s.channels, inverse, type_of(x));
    else
        for (size_t i = begin; i < end; i++)
            *inverse++ = 1.0f;
}

/* ---- forward ---- */

/* Items begin .. end-1, times `factors`, to columns of `to` (channels x items): oneDNN takes the second operand of a
 * product untransposed up to three times as fast when its rows are a multiple of 4 KB apart. */
HOT static void transpose_items(const float *restrict items, const float *restrict factors, float *restrict to,
                                size_t begin, size_t end, size_t n, size_t channels)
{
    enum { WIDTH = 8 };
    size_t j = begin;
    for (; j + WIDTH <= end; j += WIDTH)
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < WIDTH; k++)
                to[c * n + j + k] = items[(j + k) * channels + c] * factors[j + k];
    for (; j < end; j++)
        for (size_t c = 0; c < channels; c++)
            to[c * n + j] = items[j * channels + c] * factors[j];
}

static void items_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    struct attend_sizes s = attend_sizes(x);
    struct attend_saved saved = saved_of(x);
    save_lengths(x, 1, begin, end);
    if (type_of(x) == F32)
        transpose_items(x->in[1], saved.inverse_m, saved.columns, begin, end, s.items, s.channels);
}

/* What the products want of the items. */
static void prepare_items(struct exec *x)
{
    struct attend_sizes s = attend_sizes(x);
    uint64_t *made = saved_of(x).version;
    if (keeps_items(x) && *made == *x->version)
        return;
    parallel_ranges(x->threads, s.items, KERNEL_GRAIN / s.channels + 1, items_range, x);
    *made = *x->version;
}

/* Bits of a float as an integer of the same order (a positive NaN above all), since only integers' maximum is a
 * reduction to every compiler; its own inverse. */
KERNEL int32_t order_key(int32_t bits)
{
    return bits ^ ((bits >> 31) & 0x7fffffff);
}

/* The largest of factor w. */
KERNEL float largest(const float *w, size_t n, float factor)
{
    int32_t top = INT32_MIN;
#pragma omp simd reduction(max : top)
    for (size_t j = 0; j < n; j++) {
        int32_t key = order_key((int32_t)kernel_bits(w[j] * factor));
        top = key > top ? key : top;
    }
    return kernel_float((uint32_t)order_key(top));
}

/* Dot products to weights, in place. */
HOT static void address_row(float *w, size_t n, float factor, const struct attend_spec *spec)
{
    float top = largest(w, n, factor), sum = 0.0f, kept = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        w[j] = kernel_exp(w[j] * factor - top);
        sum += w[j];
    }
    /* e/sum > lambda is asked as e > lambda sum; "not below" rather than "above" keeps a NaN to be seen. */
    float least = spec->shrink * sum;
#pragma omp simd reduction(+ : kept)
    for (size_t j = 0; j < n; j++)
        kept += w[j] <= least ? 0.0f : w[j];
    float normal = kept == 0.0f ? 0.0f : 1.0f / kept;
    size_t best = 0; /* by comparison: with a fused multiply-add the largest need not be exactly e^0 */
    for (size_t j = 1; kept == 0.0f && j < n; j++)
        best = w[j] > w[best] ? j : best;
#pragma omp simd
    for (size_t j = 0; j < n; j++)
        w[j] = w[j] <= least ? 0.0f : w[j] * normal;
    if (kept == 0.0f && spec->fallback == FALLBACK_BEST)
        w[best] = 1.0f;
}

static void forward_block(struct exec *x, size_t begin, size_t end)
{
    const struct attend_spec *spec = x->node->spec;
    struct attend_sizes s = attend_sizes(x);
    struct attend_saved saved = saved_of(x);
    float *w = (float *)x->out + begin * s.items;
    int64_t rows = (int64_t)(end - begin), channels = (int64_t)s.channels, items = (int64_t)s.items;
    exec_note(x, dnn_gemm(false, false, rows, items, channels, 1.0f, (const float *)x->in[0] + begin * s.channels,
                          channels, saved.columns, items, 0.0f, w, items));
    save_lengths(x, 0, begin, end);
    for (size_t i = begin; i < end; i++, w += s.items)
        address_row(w, s.items, spec->scale * saved.inverse_q[i], spec);
}

static void forward_range(void *context, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += BLOCK)
        forward_block(context, i, end - i < BLOCK ? end : i + BLOCK);
}

/* In BF16 the product is one call, and what items are divided by comes behind it. */
HOT static void scale_row(float *restrict w, const float *restrict inverse, size_t n)
{
#pragma omp simd
    for (size_t j = 0; j < n; j++)
        w[j] *= inverse[j];
}

static void address_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct attend_spec *spec = x->node->spec;
    struct attend_sizes s = attend_sizes(x);
    struct attend_saved saved = saved_of(x);
    float *w = (float *)x->out + begin * s.items;
    save_lengths(x, 0, begin, end);
    for (size_t i = begin; i < end; i++, w += s.items) {
        scale_row(w, saved.inverse_m, s.items);
        address_row(w, s.items, spec->scale * saved.inverse_q[i], spec);
    }
}

static void forward_bf16(struct exec *x)
{
    struct attend_sizes s = attend_sizes(x);
    prepare_items(x);
    products_run(x, SIMILARITIES, x->in[0], x->in[1], x->out);
    parallel_ranges(x->threads, s.queries, KERNEL_GRAIN / (s.items + s.channels) + 1, address_range, x);
}

static void forward_f32(struct exec *x)
{
    struct attend_sizes s = attend_sizes(x);
    prepare_items(x);
    parallel_ranges(x->threads, s.queries, KERNEL_GRAIN / s.items + 1, forward_range, x);
}

static void attend_forward(struct exec *x)
{
    if (type_of(x) == BF16)
        forward_bf16(x);
    else
        forward_f32(x);
}

/* ---- backward ---- */

/* D = w (g - sum g w) factor / |m| */
KERNEL void gradient_of(const float *restrict w, const float *restrict g, const float *restrict inverse,
                        void *restrict d, size_t n, float factor, enum dtype type)
{
    float mean = 0.0f;
#pragma omp simd reduction(+ : mean)
    for (size_t j = 0; j < n; j++)
        mean += g[j] * w[j];
    float line[KERNEL_LINE];
    for (size_t at = 0, length; at < n; at += length) {
        length = kernel_line_length(at, n, 0, n);
        float *to = kernel_line(d, at, line, type);
#pragma omp simd
        for (size_t i = 0; i < length; i++)
            to[i] = w[at + i] * (g[at + i] - mean) * (factor * inverse[at + i]);
        kernel_flush(d, at, line, length, type);
    }
}

HOT static void gradient_row(const float *w, const float *g, const float *inverse, void *d, size_t n, float factor,
                             enum dtype type)
{
    if (type == F32)
        gradient_of(w, g, inverse, d, n, factor, F32);
    else
        gradient_of(w, g, inverse, d, n, factor, BF16);
}

static void gradient_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct attend_spec *spec = x->node->spec;
    struct attend_sizes s = attend_sizes(x);
    struct attend_saved saved = saved_of(x);
    for (size_t i = begin; i < end; i++)
        gradient_row((const float *)x->out + i * s.items, (const float *)x->gout + i * s.items, saved.inverse_m,
                     kernel_at(x->scratch, i * s.items, type_of(x)), s.items, spec->scale * saved.inverse_q[i],
                     type_of(x));
}

/* Takes from a row `g` its part along the same row of `v`. */
KERNEL void project_of(const void *restrict v, void *restrict g, float length, size_t channels, enum dtype type)
{
    float along = 0.0f;
#pragma omp simd reduction(+ : along)
    for (size_t c = 0; c < channels; c++)
        along += (kernel_load(v, c, type) * length) * kernel_load(g, c, type);
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        kernel_store(g, c, kernel_load(g, c, type) - along * (kernel_load(v, c, type) * length), type);
}

HOT static void project_row(const void *v, void *g, float length, size_t channels, enum dtype type)
{
    if (type == F32)
        project_of(v, g, length, channels, F32);
    else
        project_of(v, g, length, channels, BF16);
}

struct projection {
    const void *rows;
    const float *inverse;
    void *gradient;
    size_t channels;
    enum dtype type;
};

static void projection_range(void *context, size_t begin, size_t end)
{
    const struct projection *p = context;
    for (size_t i = begin; i < end; i++)
        project_row(kernel_at(p->rows, i * p->channels, p->type), kernel_at(p->gradient, i * p->channels, p->type),
                    p->inverse[i], p->channels, p->type);
}

/* gq = D m, gm = D' q, D being in scratch. */
static void multiply_f32(struct exec *x)
{
    struct attend_sizes s = attend_sizes(x);
    int64_t queries = (int64_t)s.queries, items = (int64_t)s.items, channels = (int64_t)s.channels;
    const float *q = x->in[0], *m = x->in[1], *d = x->scratch;
    float *gq = x->gin[0], *gm = x->gin[1];
    if (gq)
        exec_note(x, dnn_gemm(false, false, queries, channels, items, 1.0f, d, items, m, channels, 0.0f, gq, channels));
    if (gm)
        exec_note(x, dnn_gemm(true, false, items, channels, queries, 1.0f, d, items, q, channels, 0.0f, gm, channels));
}

static void multiply_bf16(struct exec *x)
{
    if (x->gin[0])
        products_run(x, TO_QUERIES, x->scratch, x->in[1], x->gin[0]);
    if (x->gin[1])
        products_run(x, TO_ITEMS, x->scratch, x->in[0], x->gin[1]);
}

static void attend_backward(struct exec *x)
{
    struct attend_sizes s = attend_sizes(x);
    struct attend_saved saved = saved_of(x);
    size_t grain = KERNEL_GRAIN / s.channels + 1;
    parallel_ranges(x->threads, s.queries, KERNEL_GRAIN / s.items + 1, gradient_range, x);
    if (type_of(x) == BF16)
        multiply_bf16(x);
    else
        multiply_f32(x);
    struct projection to_q = {x->in[0], saved.inverse_q, x->gin[0], s.channels, type_of(x)};
    struct projection to_m = {x->in[1], saved.inverse_m, x->gin[1], s.channels, type_of(x)};
    if (x->gin[0] && is_cosine(x))
        parallel_ranges(x->threads, s.queries, grain, projection_range, &to_q);
    if (x->gin[1] && is_cosine(x))
        parallel_ranges(x->threads, s.items, grain, projection_range, &to_m);
}

static double attend_flops(const struct node *n)
{
    return 2.0 * (double)shape_count(&n->shape) * (double)n->in[0]->shape.d[1];
}

static const struct op attend_op = {
    .name = "memory attend",
    .reads = {READ_IN0 | READ_IN1 | READ_OUT, READ_IN0 | READ_IN1 | READ_OUT},
    .flags = OP_KEEPS,
    .infer = attend_infer,
    .prepare = attend_prepare,
    .forward = attend_forward,
    .backward = attend_backward,
    .release = products_release,
    .flops = attend_flops,
};

struct node *op_attend(struct graph *g, struct node *queries, struct node *items, struct attend_spec spec)
{
    return graph_apply(g, &attend_op, &spec, sizeof spec, 2, (struct node *[]){queries, items});
}
