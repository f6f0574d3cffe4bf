/* oneDNN behind a narrow door: no other file includes dnnl.h. */
#ifndef NN_DNN_H
#define NN_DNN_H

#include "base/err.h"
#include "nn/ops.h"
#include "nn/shape.h"

/* Packed copies of one model's weights, which outlive none of their users. */
struct dnn_packs;
struct dnn_packs *dnn_packs_new(void); /* NULL: out of memory */
void dnn_packs_free(struct dnn_packs *packs);

/* Who may use one packed copy together: who packs the same weights, with the same factors on them, in the same order.
 */
struct dnn_sharing {
    struct dnn_packs *packs;    /* NULL: the copy is one's own */
    const void *weight, *scale; /* whatever tells them from others */
    const uint64_t *version;    /* of their values */
};

/* What a convolution does: forward, or one of its two adjoints. */
enum dnn_direction { DNN_FORWARD, DNN_BACKWARD_DATA, DNN_BACKWARD_WEIGHTS, DNN_DIRECTIONS };

/* One convolution and its two adjoints over fixed shapes. `src` is the side the convolution reads (N,[D],H,W,I), `dst`
 * the side it writes; weights are O,[kD],kH,kW,I in F32 whatever the data's formats, and are packed by dnn_conv_pack.
 */
struct dnn_conv_spec {
    struct shape src, dst;
    enum dtype src_type, dst_type;
    int kernel[3], stride[3], pad[3];
    bool bias;    /* of the forward direction */
    enum act act; /* of the forward direction: NONE, RELU or LRELU */
    float slope;
    unsigned directions; /* by bit, 1u << DNN_* */
    int threads;
    struct dnn_sharing sharing;
};

struct dnn_conv;

int dnn_conv_new(const struct dnn_conv_spec *spec, struct dnn_conv **out, struct err *e);
void dnn_conv_free(struct dnn_conv *c);
size_t dnn_conv_scratch(const struct dnn_conv *c); /* bytes the calls below want at `scratch` */
size_t dnn_conv_bytes(const struct dnn_conv *c);   /* bytes it holds itself or shares: packed weights */

/* Whether somebody else has packed what it shares since the weights changed last. */
bool dnn_conv_is_packed(const struct dnn_conv *c);
/* False: oneDNN failed, and what was to be written is anything. */
bool dnn_conv_pack(struct dnn_conv *c, const float *weight); /* after every change of the weights, before the rest */
bool dnn_conv_forward(struct dnn_conv *c, const void *src, const float *bias, void *dst, void *scratch);
bool dnn_conv_backward_data(struct dnn_conv *c, const void *dst, void *src, void *scratch);
bool dnn_conv_backward_weights(struct dnn_conv *c, const void *src, const void *dst, float *weight, void *scratch);

/* C = alpha op(A) op(B) + beta C, row-major, F32; m x k times k x n. Within a parallel region it runs on the calling
 * thread alone. Does not allocate beyond oneDNN's own per-thread buffers; false where it finds no room for those. */
bool dnn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
              int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* A product of matrices in BF16 of fixed sizes, row-major: op(A) m x k times op(B) k x n. */
struct dnn_product_spec {
    bool transpose_a, transpose_b;
    int64_t m, n, k;
    enum dtype type; /* of the result; it is added up in F32 */
    int threads;
};

struct dnn_product;

int dnn_product_new(const struct dnn_product_spec *spec, struct dnn_product **out, struct err *e);
void dnn_product_free(struct dnn_product *p);            /* NULL is fine */
size_t dnn_product_scratch(const struct dnn_product *p); /* bytes that a run wants; of NULL none */
bool dnn_product_run(struct dnn_product *p, const void *a, const void *b, void *c, void *scratch);

/* Whether bfloat16 convolutions and products run natively here. */
bool dnn_has_bf16(void);
/* Whether a set of instructions, as oneDNN numbers them, has them. */
bool dnn_isa_has_bf16(unsigned isa);
/* Whether they run in tiles (AMX). */
bool dnn_has_amx(void);

#endif
