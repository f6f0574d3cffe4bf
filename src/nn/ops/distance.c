/* How far rows are from the nearest of some items:
 *
 *   y[r] = min over i of |q[r] - m[i]|
 *
 * Which item is nearest, products say (|q - m|^2 = |q|^2 + |m|^2 - 2 q m); how far it is, the difference itself, as
 * near items leave little of that sum but its rounding. No gradient: for scores. */
#include "nn/ops/distance.h"

#include "nn/dnn.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

static int infer(struct node *n, struct err *e)
{
    TRY(check_matrix(n, 0, "queries", e));
    TRY(check_matrix(n, 1, "items", e));
    const struct shape *q = &n->in[0]->shape, *m = &n->in[1]->shape;
    if (q->d[1] != m->d[1])
        return op_error(n, e, "its queries have %lld numbers each, its items %lld", (long long)q->d[1],
                        (long long)m->d[1]);
    n->shape = SHAPE(q->d[0]);
    n->dtype = F32;
    return 0;
}

/* Scratch: the squared lengths of the items, and a block's products. */
static int prepare(struct exec *x, struct err *e)
{
    (void)e;
    size_t items = (size_t)x->node->in[1]->shape.d[0];
    x->scratch_bytes = DISTANCE_SCRATCH(items) * sizeof(float);
    return 0;
}

HOT static float square(const float *restrict a, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += a[i] * a[i];
    return sum;
}

/* The item of the least |m|^2 - 2 q m; the first of equal ones. */
HOT static size_t best_item(const float *restrict squares, const float *restrict products, size_t items)
{
    float least = INFINITY;
#pragma omp simd reduction(min : least)
    for (size_t i = 0; i < items; i++) {
        float v = squares[i] - 2 * products[i];
        least = v < least ? v : least;
    }
    for (size_t i = 0; i < items; i++)
        if (squares[i] - 2 * products[i] <= least)
            return i;
    return 0; /* nothing is a number: nor is the distance */
}

/* Rows of one block. */
struct block {
    const struct distance_of *d;
    size_t first;
    bool lower;
    float *out;
};

static void block_range(void *context, size_t begin, size_t end)
{
    const struct block *b = context;
    const struct distance_of *d = b->d;
    const float *squares = d->scratch, *products = squares + d->nitems;
    for (size_t r = begin; r < end; r++) {
        const float *q = d->queries + (b->first + r) * d->n;
        size_t best = best_item(squares, products + r * d->nitems, d->nitems);
        float far = sqrtf(rows_square_distance(q, d->items + best * d->n, d->n)), *to = b->out + b->first + r;
        *to = !b->lower || far < *to ? far : *to;
    }
}

void distance_nearest(struct exec *x, const struct distance_of *d, bool lower, float *out)
{
    float *squares = d->scratch;
    const int64_t items = (int64_t)d->nitems, n = (int64_t)d->n;
    for (size_t i = 0; i < d->nitems; i++)
        squares[i] = square(d->items + i * d->n, d->n);
    for (size_t first = 0; first < d->nqueries; first += DISTANCE_BLOCK) {
        struct block b = {d, first, lower, out};
        size_t count = d->nqueries - first < DISTANCE_BLOCK ? d->nqueries - first : DISTANCE_BLOCK;
        exec_note(x, dnn_gemm(false, true, (int64_t)count, items, n, 1, d->queries + first * d->n, n, d->items, n, 0,
                              squares + d->nitems, items));
        parallel_ranges(x->threads, count, KERNEL_GRAIN / d->nitems + 1, block_range, &b);
    }
}

static void forward(struct exec *x)
{
    const struct shape *q = &x->node->in[0]->shape, *m = &x->node->in[1]->shape;
    const struct distance_of d = {x->in[0], x->in[1], (size_t)q->d[0], (size_t)m->d[0], (size_t)m->d[1], x->scratch};
    distance_nearest(x, &d, false, x->out);
}

static double flops(const struct node *n)
{
    return 2.0 * (double)shape_count(&n->in[0]->shape) * (double)n->in[1]->shape.d[0];
}

static const struct op distance_op = {
    .name = "distance",
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .flops = flops,
};

struct node *op_distance(struct graph *g, struct node *queries, struct node *items)
{
    return graph_apply(g, &distance_op, NULL, 0, 2, (struct node *[]){queries, items});
}
