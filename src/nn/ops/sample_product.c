/* Matrix products, one a sample: y[n] = op(a[n]) op(b[n]), where op may transpose. With g of y,
 * d op(a) = g op(b)^T and d op(b) = op(a)^T g, transposed back where a or b was. */
#include "nn/dnn.h"
#include "nn/op.h"
#include "nn/ops/check.h"

struct product_spec {
    bool transpose_a, transpose_b;
};

/* y is rows x columns, summed over `inner`. */
struct sizes {
    int64_t samples, rows, columns, inner, a, b; /* a, b: columns of these as they lie */
};

static struct sizes sizes_of(const struct node *n)
{
    const struct product_spec *s = n->spec;
    const int64_t *a = n->in[0]->shape.d, *b = n->in[1]->shape.d;
    return (struct sizes){.samples = a[0],
                          .rows = s->transpose_a ? a[2] : a[1],
                          .columns = s->transpose_b ? b[1] : b[2],
                          .inner = s->transpose_a ? a[1] : a[2],
                          .a = a[2],
                          .b = b[2]};
}

static int product_infer(struct node *n, struct err *e)
{
    const struct product_spec *spec = n->spec;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    TRY(check_f32(n, 0, "first matrices", e));
    TRY(check_f32(n, 1, "second matrices", e));
    const struct shape *sa = &n->in[0]->shape, *sb = &n->in[1]->shape;
    shape_text(sa, a);
    shape_text(sb, b);
    if (sa->nd != 3 || sb->nd != 3 || sa->d[0] != sb->d[0])
        return op_error(n, e, "as many matrices on either side are wanted, but they have shapes %s and %s", a, b);
    struct sizes s = sizes_of(n);
    if (s.inner != (spec->transpose_b ? sb->d[2] : sb->d[1]))
        return op_error(n, e, "its inner sizes differ: %s and %s", a, b);
    n->shape = SHAPE(s.samples, s.rows, s.columns);
    n->dtype = F32;
    return 0;
}

static void product_forward(struct exec *x)
{
    const struct product_spec *p = x->node->spec;
    struct sizes s = sizes_of(x->node);
    const float *a = x->in[0], *b = x->in[1];
    float *y = x->out;
    for (int64_t n = 0; n < s.samples; n++)
        exec_note(x,
                  dnn_gemm(p->transpose_a, p->transpose_b, s.rows, s.columns, s.inner, 1.0f, a + n * s.rows * s.inner,
                           s.a, b + n * s.inner * s.columns, s.b, 0.0f, y + n * s.rows * s.columns, s.columns));
}

/* da = g op(b)^T, or its transpose op(b) g^T. */
static void gradient_a(struct exec *x, const struct product_spec *p, const struct sizes *s, const float *g,
                       const float *b, float *da)
{
    if (p->transpose_a)
        exec_note(x, dnn_gemm(p->transpose_b, true, s->inner, s->rows, s->columns, 1.0f, b, s->b, g, s->columns, 0.0f,
                              da, s->a));
    else
        exec_note(x, dnn_gemm(false, !p->transpose_b, s->rows, s->inner, s->columns, 1.0f, g, s->columns, b, s->b, 0.0f,
                              da, s->a));
}

/* db = op(a)^T g, or its transpose g^T op(a). */
static void gradient_b(struct exec *x, const struct product_spec *p, const struct sizes *s, const float *g,
                       const float *a, float *db)
{
    if (p->transpose_b)
        exec_note(x, dnn_gemm(true, p->transpose_a, s->columns, s->inner, s->rows, 1.0f, g, s->columns, a, s->a, 0.0f,
                              db, s->b));
    else
        exec_note(x, dnn_gemm(!p->transpose_a, false, s->inner, s->columns, s->rows, 1.0f, a, s->a, g, s->columns, 0.0f,
                              db, s->b));
}

static void product_backward(struct exec *x)
{
    const struct product_spec *p = x->node->spec;
    struct sizes s = sizes_of(x->node);
    for (int64_t n = 0; n < s.samples; n++) {
        const float *g = (const float *)x->gout + n * s.rows * s.columns;
        int64_t at_a = n * s.rows * s.inner, at_b = n * s.inner * s.columns;
        if (x->gin[0])
            gradient_a(x, p, &s, g, (const float *)x->in[1] + at_b, (float *)x->gin[0] + at_a);
        if (x->gin[1])
            gradient_b(x, p, &s, g, (const float *)x->in[0] + at_a, (float *)x->gin[1] + at_b);
    }
}

static double product_flops(const struct node *n)
{
    struct sizes s = sizes_of(n);
    return 2.0 * (double)shape_count(&n->shape) * (double)s.inner;
}

static const struct op product_op = {
    .name = "sample product",
    .reads = {READ_IN1, READ_IN0},
    .infer = product_infer,
    .forward = product_forward,
    .backward = product_backward,
    .flops = product_flops,
};

struct node *op_sample_product(struct graph *g, struct node *a, bool transpose_a, struct node *b, bool transpose_b)
{
    struct product_spec spec = {transpose_a, transpose_b};
    return graph_apply(g, &product_op, &spec, sizeof spec, 2, (struct node *[]){a, b});
}
