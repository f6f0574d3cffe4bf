/* How far what is at each position of a picture is from what is usual there, by a Gaussian of its own:
 *
 *   y[n p] = |W[p] (x[n p] - m[p])|,   W[p] lower triangular
 *
 * which is Mahalanobis' distance where W[p] is the inverse of the Cholesky factor of the covariance. What lies above
 * the diagonals is not read. No gradient: for scores. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

enum { NUMBERS_MOST = 4096 }; /* of a row: a difference of that many fits on the stack */

static int infer(struct node *n, struct err *e)
{
    TRY(check_matrix(n, 0, "rows", e));
    TRY(check_matrix(n, 1, "means", e));
    TRY(check_f32(n, 2, "whitening", e));
    const struct shape *x = &n->in[0]->shape, *m = &n->in[1]->shape, *w = &n->in[2]->shape;
    char text[SHAPE_TEXT];
    if (x->d[1] != m->d[1] || x->d[0] % m->d[0] || x->d[1] > NUMBERS_MOST)
        return op_error(n, e, "%lld rows of %lld numbers are no whole samples of %lld positions with %lld numbers",
                        (long long)x->d[0], (long long)x->d[1], (long long)m->d[0], (long long)m->d[1]);
    if (w->nd != 3 || w->d[0] != m->d[0] || w->d[1] != m->d[1] || w->d[2] != m->d[1])
        return op_error(n, e, "its whitening is %s, but a square of %lld numbers is wanted for each of %lld positions",
                        shape_text(w, text), (long long)m->d[1], (long long)m->d[0]);
    n->shape = SHAPE(x->d[0]);
    n->dtype = F32;
    return 0;
}

HOT static float length(const float *restrict w, const float *restrict d, size_t n)
{
    float square = 0;
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t k = 0; k <= i; k++)
            sum += w[i * n + k] * d[k];
        square += sum * sum;
    }
    return sqrtf(square);
}

/* A position's matrix is read once for all samples. */
static void range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const size_t positions = (size_t)x->node->in[1]->shape.d[0], n = (size_t)x->node->in[1]->shape.d[1];
    const size_t rows = (size_t)x->node->shape.d[0];
    const float *values = x->in[0], *means = x->in[1], *whitening = x->in[2];
    float difference[NUMBERS_MOST];
    for (size_t p = begin; p < end; p++)
        for (size_t r = p; r < rows; r += positions) {
            for (size_t k = 0; k < n; k++)
                difference[k] = values[r * n + k] - means[p * n + k];
            ((float *)x->out)[r] = length(whitening + p * n * n, difference, n);
        }
}

static void forward(struct exec *x)
{
    const size_t n = (size_t)x->node->in[1]->shape.d[1];
    parallel_ranges(x->threads, (size_t)x->node->in[1]->shape.d[0], KERNEL_GRAIN / (n * n) + 1, range, x);
}

static double flops(const struct node *n)
{
    return (double)shape_count(&n->in[0]->shape) * (double)n->in[1]->shape.d[1];
}

static const struct op positions_op = {
    .name = "positions",
    .infer = infer,
    .forward = forward,
    .flops = flops,
};

struct node *op_positions(struct graph *g, struct node *x, struct node *means, struct node *whitening)
{
    return graph_apply(g, &positions_op, NULL, 0, 3, (struct node *[]){x, means, whitening});
}
