/* How far rows are from the nearest of some items:
 *
 *   y[r] = min over i of |q[r] - m[i]|
 *
 * Which item is nearest, products say (|q - m|^2 = |q|^2 + |m|^2 - 2 q m); how far it is, the difference itself, as
 * near items leave little of that sum but its rounding. No gradient: for scores. */
#include "nn/dnn.h"
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

enum { BLOCK = 512 }; /* rows whose products are made at once: they stay in the cache */

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
    x->scratch_bytes = (BLOCK + 1) * items * sizeof(float);
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
    const struct exec *x;
    size_t first;
};

static void block_range(void *context, size_t begin, size_t end)
{
    const struct block *b = context;
    const struct exec *x = b->x;
    size_t items = (size_t)x->node->in[1]->shape.d[0], n = (size_t)x->node->in[1]->shape.d[1];
    const float *squares = x->scratch, *products = squares + items;
    for (size_t r = begin; r < end; r++) {
        const float *q = (const float *)x->in[0] + (b->first + r) * n;
        size_t best = best_item(squares, products + r * items, items);
        ((float *)x->out)[b->first + r] = sqrtf(rows_square_distance(q, (const float *)x->in[1] + best * n, n));
    }
}

static void forward(struct exec *x)
{
    size_t items = (size_t)x->node->in[1]->shape.d[0], n = (size_t)x->node->in[1]->shape.d[1];
    size_t rows = (size_t)x->node->shape.d[0];
    float *squares = x->scratch;
    for (size_t i = 0; i < items; i++)
        squares[i] = square((const float *)x->in[1] + i * n, n);
    for (size_t first = 0; first < rows; first += BLOCK) {
        struct block b = {x, first};
        size_t count = rows - first < BLOCK ? rows - first : BLOCK;
        exec_note(x, dnn_gemm(false, true, (int64_t)count, (int64_t)items, (int64_t)n, 1,
                              (const float *)x->in[0] + first * n, (int64_t)n, x->in[1], (int64_t)n, 0, squares + items,
                              (int64_t)items));
        parallel_ranges(x->threads, count, KERNEL_GRAIN / items + 1, block_range, &b);
    }
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
