#include "nn/dnn_prim.h"

#include <omp.h>
#include <stdlib.h>

struct dnn_product {
    struct dnn_prim run;
    int threads;
};

/* The arguments in this order. */
enum { A, B, C, SCRATCH, ARGUMENTS };

static const struct {
    int id;
    dnnl_query_t md;
} arguments[ARGUMENTS] = {
    {DNNL_ARG_SRC, dnnl_query_src_md},
    {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
    {DNNL_ARG_DST, dnnl_query_dst_md},
    {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md},
};

static dnnl_status_t describe(int64_t rows, int64_t columns, bool transposed, enum dtype type, dnn_desc *out)
{
    const dnnl_dim_t dims[] = {rows, columns};
    return dnn_desc_new(2, dims, dnn_data_type(type), transposed ? dnnl_ba : dnnl_ab, out);
}

static dnnl_status_t choose(const struct dnn_product_spec *s, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *out)
{
    dnn_desc a = NULL, b = NULL, c = NULL;
    dnnl_status_t status = describe(s->m, s->k, s->transpose_a, BF16, &a);
    if (status == dnnl_success)
        status = describe(s->k, s->n, s->transpose_b, BF16, &b);
    if (status == dnnl_success)
        status = describe(s->m, s->n, false, s->type, &c);
    if (status == dnnl_success)
        status = dnn_choose_product(a, b, c, attr, out);
    dnn_desc_free(a);
    dnn_desc_free(b);
    dnn_desc_free(c);
    return status;
}

static int fill(struct dnn_product *p, dnnl_primitive_desc_t pd, struct err *e)
{
    for (int i = 0; i < ARGUMENTS; i++)
        TRY(dnn_prim_add(&p->run, arguments[i].id, dnn_desc_of(pd, arguments[i].md), e));
    p->run.scratch = dnnl_memory_desc_get_size(dnn_desc_of(pd, dnnl_query_scratchpad_md));
    dnnl_status_t status = dnnl_primitive_create(&p->run.run, pd);
    return status == dnnl_success ? 0 : dnn_failed(e, "a product", status);
}

static int build(struct dnn_product *p, const struct dnn_product_spec *spec, struct err *e)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnn_attributes_new(&attr);
    if (status == dnnl_success)
        status = choose(spec, attr, &pd);
    int code = status == dnnl_success ? fill(p, pd, e) : dnn_failed(e, "a product", status);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return code;
}

int dnn_product_new(const struct dnn_product_spec *spec, struct dnn_product **out, struct err *e)
{
    TRY(dnn_start("a product", e));
    struct dnn_product *p = calloc(1, sizeof *p);
    if (!p)
        return err_memory(e, "a product");
    p->threads = spec->threads;
    int before = omp_get_max_threads();
    omp_set_num_threads(spec->threads);
    int code = build(p, spec, e);
    omp_set_num_threads(before);
    if (code < 0) {
        dnn_product_free(p);
        return code;
    }
    *out = p;
    return 0;
}

void dnn_product_free(struct dnn_product *p)
{
    if (p)
        dnn_prim_free(&p->run);
    free(p);
}

size_t dnn_product_scratch(const struct dnn_product *p)
{
    return p ? p->run.scratch : 0;
}

bool dnn_product_run(struct dnn_product *p, const void *a, const void *b, void *c, void *scratch)
{
    dnn_prim_bind(&p->run, A, a);
    dnn_prim_bind(&p->run, B, b);
    dnn_prim_bind(&p->run, C, c);
    dnn_prim_bind(&p->run, SCRATCH, scratch);
    return dnn_prim_run(&p->run, p->threads);
}

bool dnn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
              int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    return dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) ==
           dnnl_success;
}
