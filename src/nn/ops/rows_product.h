/* Products of F32 matrices by parts, for what computes in one parallel region what belongs together. */
#ifndef NN_OPS_ROWS_PRODUCT_H
#define NN_OPS_ROWS_PRODUCT_H

#include "nn/dnn.h"

/* c = op(a) op(b), row-major and dense: m x k times k x n. */
struct rows_product {
    bool transpose_a, transpose_b;
    int64_t m, n, k;
    const float *a, *b;
    float *c;
};

/* Rows begin .. end-1 of c; as dnn_gemm, within a parallel region on the calling thread alone. */
static inline bool rows_product(const struct rows_product *p, size_t begin, size_t end)
{
    int64_t first = (int64_t)begin, lda = p->transpose_a ? p->m : p->k, ldb = p->transpose_b ? p->k : p->n;
    const float *a = p->a + (p->transpose_a ? first : first * p->k);
    return dnn_gemm(p->transpose_a, p->transpose_b, (int64_t)end - first, p->n, p->k, 1.0f, a, lda, p->b, ldb, 0.0f,
                    p->c + first * p->n, p->n);
}

/* Rows of c below which a thread of its own does not pay for being woken. */
static inline size_t rows_product_grain(const struct rows_product *p)
{
    static const double flops = 1e6; /* some ten microseconds */
    return 1 + (size_t)(flops / (2.0 * (double)p->n * (double)p->k));
}

#endif
