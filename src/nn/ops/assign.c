/* Queries and the items nearest to them (Park et al., CVPR 2020): rows against rows, by inner product, which for rows
 * of length one is the order of their distances. Items are few: a row a query of scratch holds the products. */
#include "nn/dnn.h"
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <string.h>

/* Queries and items lie in groups, one a sample or one for all: a query looks at the items of its own. */
struct sizes {
    size_t groups, queries, items, channels; /* of each group */
};

static struct sizes sizes_of(const struct exec *x, int groups)
{
    const struct shape *q = &x->node->in[0]->shape, *m = &x->node->in[1]->shape;
    size_t n = (size_t)groups;
    return (struct sizes){n, (size_t)q->d[0] / n, (size_t)m->d[0] / n, (size_t)q->d[1]};
}

static int check_rows(const struct node *n, int groups, struct err *e)
{
    TRY(check_matrix(n, 0, "queries", e));
    TRY(check_matrix(n, 1, "items", e));
    const struct shape *q = &n->in[0]->shape, *m = &n->in[1]->shape;
    if (q->d[1] != m->d[1])
        return op_error(n, e, "queries have %lld channels, but items %lld", (long long)q->d[1], (long long)m->d[1]);
    if (groups < 1 || q->d[0] % groups || m->d[0] % groups)
        return op_error(n, e, "%lld queries and %lld items do not divide into %d groups", (long long)q->d[0],
                        (long long)m->d[0], groups);
    return 0;
}

/* products[q][j] = query q . item j, of one group */
static void multiply(struct exec *x, const struct sizes *s, size_t group, float *products)
{
    int64_t queries = (int64_t)s->queries, items = (int64_t)s->items, channels = (int64_t)s->channels;
    exec_note(x, dnn_gemm(false, true, queries, items, channels, 1.0f,
                          (const float *)x->in[0] + group * s->queries * s->channels, channels,
                          (const float *)x->in[1] + group * s->items * s->channels, channels, 0.0f, products, items));
}

/* The largest of n but `without` (n: none); the first of equals. NaN is never chosen, unless there is nothing else. */
static size_t largest(const float *v, size_t n, size_t without)
{
    size_t best = without == 0 && n > 1 ? 1 : 0;
    for (size_t j = best + 1; j < n; j++)
        best = j != without && v[j] > v[best] ? j : best;
    return best;
}

/* ---- nearest: y[q] = the item that is nearest to query q, or the next one ---- */

struct nearest_spec {
    int groups, rank;
};

static int nearest_infer(struct node *n, struct err *e)
{
    const struct nearest_spec *spec = n->spec;
    TRY(check_rows(n, spec->groups, e));
    if (spec->rank < 0 || spec->rank > 1 || n->in[1]->shape.d[0] / spec->groups <= spec->rank)
        return op_error(n, e, "there are %lld items, so there is none of rank %d",
                        (long long)(n->in[1]->shape.d[0] / spec->groups), spec->rank);
    n->shape = n->in[0]->shape;
    n->dtype = F32;
    return 0;
}

static struct sizes nearest_sizes(const struct exec *x)
{
    return sizes_of(x, ((const struct nearest_spec *)x->node->spec)->groups);
}

/* saved: which item each query has, of all. scratch: the products of one group. */
static int nearest_prepare(struct exec *x, struct err *e)
{
    (void)e;
    struct sizes s = nearest_sizes(x);
    x->saved_bytes = s.groups * s.queries * sizeof(int32_t);
    x->scratch_bytes = s.queries * s.items * sizeof(float);
    return 0;
}

static void nearest_forward(struct exec *x)
{
    const struct nearest_spec *spec = x->node->spec;
    struct sizes s = nearest_sizes(x);
    const float *products = x->scratch, *items = x->in[1];
    int32_t *chosen = x->saved;
    float *y = x->out;
    for (size_t g = 0; g < s.groups; g++) {
        multiply(x, &s, g, x->scratch);
        for (size_t q = 0; q < s.queries; q++) {
            const float *row = products + q * s.items;
            size_t best = largest(row, s.items, s.items), at = g * s.queries + q;
            size_t item = g * s.items + (spec->rank ? largest(row, s.items, best) : best);
            chosen[at] = (int32_t)item;
            memcpy(y + at * s.channels, items + item * s.channels, s.channels * sizeof *y);
        }
    }
}

HOT static void add_row(float *restrict sum, const float *restrict row, float factor, size_t channels)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        sum[c] += factor * row[c];
}

/* dm_j = sum of g over the queries that have item j; which item that is does not change with a small step: dq = 0. */
static void nearest_backward(struct exec *x)
{
    struct sizes s = nearest_sizes(x);
    const int32_t *chosen = x->saved;
    const float *g = x->gout;
    float *to = x->gin[1];
    if (x->gin[0])
        memset(x->gin[0], 0, s.groups * s.queries * s.channels * sizeof *g);
    if (!to)
        return;
    memset(to, 0, s.groups * s.items * s.channels * sizeof *to);
    for (size_t q = 0; q < s.groups * s.queries; q++)
        add_row(to + (size_t)chosen[q] * s.channels, g + q * s.channels, 1.0f, s.channels);
}

static double nearest_flops(const struct node *n)
{
    const struct nearest_spec *spec = n->spec;
    return 2.0 * (double)shape_count(&n->shape) * (double)(n->in[1]->shape.d[0] / spec->groups);
}

static const struct op nearest_op = {
    .name = "nearest item",
    .infer = nearest_infer,
    .prepare = nearest_prepare,
    .forward = nearest_forward,
    .backward = nearest_backward,
    .flops = nearest_flops,
};

struct node *op_nearest(struct graph *g, struct node *queries, struct node *items, int groups, int rank)
{
    struct nearest_spec spec = {groups, rank};
    return graph_apply(g, &nearest_op, &spec, sizeof spec, 2, (struct node *[]){queries, items});
}

/* ---- consolidate: items move towards the queries that are nearest to them ---- */

static int consolidate_infer(struct node *n, struct err *e)
{
    TRY(check_rows(n, 1, e));
    n->shape = SHAPE(n->in[1]->shape.d[0]);
    n->dtype = F32;
    return 0;
}

/* saved: what is added to each item. scratch: the products. */
static int consolidate_prepare(struct exec *x, struct err *e)
{
    (void)e;
    struct sizes s = sizes_of(x, 1);
    x->saved_bytes = s.items * s.channels * sizeof(float);
    x->scratch_bytes = s.queries * s.items * sizeof(float);
    return 0;
}

/* The largest product of any query with item j. */
static float largest_of_item(const float *products, const struct sizes *s, size_t j)
{
    float most = products[j];
    for (size_t q = 1; q < s->queries; q++)
        most = products[q * s->items + j] > most ? products[q * s->items + j] : most;
    return most;
}

/* sum_j = sum over the queries nearest to item j of v_qj q, where v_qj = e^(q.m_j) / max over all queries of the same
 * (eq. 5-7: a softmax over queries, divided by its maximum); y_j = the number of those queries. */
static void consolidate_forward(struct exec *x)
{
    struct sizes s = sizes_of(x, 1);
    const float *products = x->scratch, *queries = x->in[0];
    float *sums = x->saved, *counts = x->out;
    multiply(x, &s, 0, x->scratch);
    memset(sums, 0, s.items * s.channels * sizeof *sums);
    memset(counts, 0, s.items * sizeof *counts);
    for (size_t j = 0; j < s.items; j++) {
        float most = largest_of_item(products, &s, j);
        for (size_t q = 0; q < s.queries; q++) {
            const float *row = products + q * s.items;
            if (largest(row, s.items, s.items) != j)
                continue;
            add_row(sums + j * s.channels, queries + q * s.channels, expf(row[j] - most), s.channels);
            counts[j]++;
        }
    }
}

HOT static void normalise_row(float *row, size_t channels)
{
    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < channels; c++)
        squares += row[c] * row[c];
    float inverse = squares > 0.0f ? 1.0f / sqrtf(squares) : 0.0f;
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        row[c] *= inverse;
}

/* m_j = (m_j + sum_j) / |m_j + sum_j| */
static void consolidate_commit(struct exec *x)
{
    struct sizes s = sizes_of(x, 1);
    float *items = x->in[1];
    for (size_t j = 0; j < s.items; j++) {
        add_row(items + j * s.channels, (const float *)x->saved + j * s.channels, 1.0f, s.channels);
        normalise_row(items + j * s.channels, s.channels);
    }
}

static const struct op consolidate_op = {
    .name = "consolidate",
    .infer = consolidate_infer,
    .prepare = consolidate_prepare,
    .forward = consolidate_forward,
    .commit = consolidate_commit,
};

struct node *op_consolidate(struct graph *g, struct node *queries, struct node *items)
{
    return graph_apply(g, &consolidate_op, NULL, 0, 2, (struct node *[]){queries, items});
}

/* ---- triplet: mean over rows of max(|a - p + eps| - |a - n + eps| + margin, 0) ---- */

static const float TRIPLET_EPS = 1e-6f; /* PyTorch's: no distance is zero */

struct triplet_spec {
    float margin;
};

enum { ANCHOR, POSITIVE, NEGATIVE };

static int triplet_infer(struct node *n, struct err *e)
{
    TRY(check_matrix(n, ANCHOR, "anchor", e));
    TRY(check_f32(n, POSITIVE, "positive", e));
    TRY(check_f32(n, NEGATIVE, "negative", e));
    TRY(check_same_shape(n, e));
    n->shape = SHAPE(1);
    n->dtype = F32;
    return shape_equal(&n->in[ANCHOR]->shape, &n->in[NEGATIVE]->shape)
               ? 0
               : op_error(n, e, "its negative has another shape than its anchor");
}

/* saved: 1/distance to the positive and to the negative of each row that counts; 0 where the margin is kept. */
static int triplet_prepare(struct exec *x, struct err *e)
{
    (void)e;
    x->saved_bytes = 2 * (size_t)x->node->in[ANCHOR]->shape.d[0] * sizeof(float);
    return 0;
}

HOT static float distance(const float *a, const float *b, size_t channels)
{
    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < channels; c++) {
        float d = a[c] - b[c] + TRIPLET_EPS;
        squares += d * d;
    }
    return sqrtf(squares);
}

static void triplet_forward(struct exec *x)
{
    const struct shape *s = &x->node->in[ANCHOR]->shape;
    size_t rows = (size_t)s->d[0], channels = (size_t)s->d[1];
    const float *a = x->in[ANCHOR], *p = x->in[POSITIVE], *n = x->in[NEGATIVE];
    float margin = ((const struct triplet_spec *)x->node->spec)->margin, *inverse = x->saved;
    double sum = 0;
    for (size_t r = 0; r < rows; r++) {
        size_t at = r * channels;
        float near = distance(a + at, p + at, channels), far = distance(a + at, n + at, channels);
        float loss = near - far + margin;
        bool counts = !(loss <= 0.0f); /* a NaN does */
        sum += counts ? (double)loss : 0;
        inverse[2 * r] = counts ? 1.0f / near : 0.0f;
        inverse[2 * r + 1] = counts ? 1.0f / far : 0.0f;
    }
    *(float *)x->out = (float)(sum / (double)rows);
}

/* to = factor (a - b + eps), or its negative towards b */
HOT static void pull(const float *a, const float *b, float *to, float factor, size_t channels)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        to[c] = factor * (a[c] - b[c] + TRIPLET_EPS);
}

HOT static void pull_both(const float *a, const float *p, const float *n, float *to, float to_p, float to_n,
                          size_t channels)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        to[c] = to_p * (a[c] - p[c] + TRIPLET_EPS) - to_n * (a[c] - n[c] + TRIPLET_EPS);
}

/* With u = (a - p + eps)/|a - p + eps| and v the same of n: da = g (u - v)/rows, dp = -g u/rows, dn = g v/rows. */
static void triplet_backward(struct exec *x)
{
    const struct shape *s = &x->node->in[ANCHOR]->shape;
    size_t rows = (size_t)s->d[0], channels = (size_t)s->d[1];
    const float *a = x->in[ANCHOR], *p = x->in[POSITIVE], *n = x->in[NEGATIVE], *inverse = x->saved;
    float *da = x->gin[ANCHOR], *dp = x->gin[POSITIVE], *dn = x->gin[NEGATIVE];
    float g = *(const float *)x->gout / (float)rows;
    for (size_t r = 0, at = 0; r < rows; r++, at += channels) {
        float to_p = g * inverse[2 * r], to_n = g * inverse[2 * r + 1];
        if (da)
            pull_both(a + at, p + at, n + at, da + at, to_p, to_n, channels);
        if (dp)
            pull(a + at, p + at, dp + at, -to_p, channels);
        if (dn)
            pull(a + at, n + at, dn + at, to_n, channels);
    }
}

enum { READ_ALL = READ_IN0 | READ_IN1 | READ_IN2 };

static const struct op triplet_op = {
    .name = "triplet",
    .reads = {READ_ALL, READ_IN0 | READ_IN1, READ_IN0 | READ_IN2},
    .infer = triplet_infer,
    .prepare = triplet_prepare,
    .forward = triplet_forward,
    .backward = triplet_backward,
};

struct node *op_triplet(struct graph *g, struct node *anchor, struct node *positive, struct node *negative,
                        float margin)
{
    struct triplet_spec spec = {margin};
    return graph_apply(g, &triplet_op, &spec, sizeof spec, 3, (struct node *[]){anchor, positive, negative});
}

/* ---- distinction: items of one group are to lie apart, each pair at least a squared distance of 1 ---- */

struct distinct_spec {
    int groups;
};

static int distinct_infer(struct node *n, struct err *e)
{
    const struct distinct_spec *spec = n->spec;
    TRY(check_matrix(n, 0, "items", e));
    n->shape = SHAPE(1);
    n->dtype = F32;
    int64_t items = n->in[0]->shape.d[0];
    return spec->groups >= 1 && items % spec->groups == 0 && items / spec->groups >= 2
               ? 0
               : op_error(n, e, "%lld items do not make %d groups of at least two", (long long)items, spec->groups);
}

HOT static float squared_distance(const float *a, const float *b, size_t channels)
{
    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < channels; c++)
        squares += (a[c] - b[c]) * (a[c] - b[c]);
    return squares;
}

/* to += factor (a - b) */
HOT static void push(const float *a, const float *b, float *to, float factor, size_t channels)
{
#pragma omp simd
    for (size_t c = 0; c < channels; c++)
        to[c] += factor * (a[c] - b[c]);
}

/* Items of a group, and what a pair weighs: the mean over its pairs and over groups. */
static size_t distinct_group(const struct exec *x, float *weight)
{
    const struct distinct_spec *spec = x->node->spec;
    size_t each = (size_t)(x->node->in[0]->shape.d[0] / spec->groups);
    *weight = 2.0f / (float)(each * (each - 1)) / (float)spec->groups;
    return each;
}

/* y = mean over groups and pairs i < j of max(1 - |m_i - m_j|^2, 0) */
static void distinct_forward(struct exec *x)
{
    size_t n = (size_t)x->node->in[0]->shape.d[0], channels = (size_t)x->node->in[0]->shape.d[1];
    const float *m = x->in[0];
    float weight;
    size_t each = distinct_group(x, &weight);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < (i / each + 1) * each; j++) {
            float lacks = 1.0f - squared_distance(m + i * channels, m + j * channels, channels);
            sum += lacks <= 0.0f ? 0 : (double)lacks; /* a NaN counts */
        }
    *(float *)x->out = (float)(sum * (double)weight);
}

/* dm_i = -2 g weight sum over those j that are too near of (m_i - m_j) */
static void distinct_backward(struct exec *x)
{
    size_t n = (size_t)x->node->in[0]->shape.d[0], channels = (size_t)x->node->in[0]->shape.d[1];
    const float *m = x->in[0];
    float weight, *to = x->gin[0];
    size_t each = distinct_group(x, &weight);
    if (!to)
        return;
    memset(to, 0, n * channels * sizeof *to);
    float factor = -2.0f * *(const float *)x->gout * weight;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i / each * each; j < (i / each + 1) * each; j++)
            if (squared_distance(m + i * channels, m + j * channels, channels) < 1.0f)
                push(m + i * channels, m + j * channels, to + i * channels, factor, channels);
}

static const struct op distinct_op = {
    .name = "distinction",
    .reads = {READ_IN0},
    .infer = distinct_infer,
    .forward = distinct_forward,
    .backward = distinct_backward,
};

struct node *op_distinction(struct graph *g, struct node *items, int groups)
{
    struct distinct_spec spec = {groups};
    return graph_apply(g, &distinct_op, &spec, sizeof spec, 1, &items);
}
