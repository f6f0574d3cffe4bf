/* Matrix products: the linear layer with its bias and activation, F32, and the plain product. */
#include "nn/dnn.h"
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/products.h"
#include "nn/ops/rows.h"
#include "nn/ops/rows_product.h"
#include "nn/parallel.h"

struct linear_spec {
    enum act act;
    float slope;
};

static int linear_infer(struct node *n, struct err *e)
{
    const struct linear_spec *spec = n->spec;
    TRY(check_matrix(n, 0, "input", e));
    TRY(check_matrix(n, 1, "weight", e));
    const struct shape *x = &n->in[0]->shape, *w = &n->in[1]->shape;
    if (x->d[1] != w->d[1])
        return op_error(n, e, "its input has %lld columns, but its weight (outputs x inputs) is made for %lld",
                        (long long)x->d[1], (long long)w->d[1]);
    if (n->in[2])
        TRY(check_channels(n, 2, "bias", w->d[0], e));
    if (spec->act == ACT_LRELU && !(spec->slope >= 0 && spec->slope <= 1))
        return op_error(n, e, "the slope of lrelu must be from 0 to 1, but it is %g", (double)spec->slope);
    n->shape = SHAPE(x->d[0], w->d[0]);
    n->dtype = F32;
    return 0;
}

/* rows, inputs, outputs of a linear layer */
struct linear_sizes {
    int64_t rows, in, out;
};

static struct linear_sizes linear_sizes(const struct node *n)
{
    return (struct linear_sizes){n->shape.d[0], n->in[0]->shape.d[1], n->shape.d[1]};
}

/* Many rows are shared out: each thread takes its rows through the product and what follows it, in one parallel region,
 * and in the way back its outputs. Of few rows and many outputs the product is oneDNN's to share out. */
static bool is_shared(const struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    return x->threads > 1 && s.rows >= s.out;
}

static size_t gradient_bytes(const struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    return (size_t)(s.rows * s.out + 15) / 16 * 64;
}

/* scratch: the gradient before the activation, then what rows_sum wants */
static int linear_prepare(struct exec *x, struct err *e)
{
    (void)e;
    struct linear_sizes s = linear_sizes(x->node);
    if (x->wants)
        x->scratch_bytes = gradient_bytes(x) + rows_sum_scratch((size_t)s.rows, (size_t)s.out);
    return 0;
}

/* y = act(x W^T + b) */
static struct rows_product to_y(const struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    return (struct rows_product){
        .transpose_b = true, .m = s.rows, .n = s.out, .k = s.in, .a = x->in[0], .b = x->in[1], .c = x->out};
}

static void forward_rows(struct exec *x, int threads, size_t begin, size_t end)
{
    const struct linear_spec *spec = x->node->spec;
    const struct rows_product y = to_y(x);
    exec_note(x, rows_product(&y, begin, end));
    rows_bias_act(threads, F32, y.c + begin * (size_t)y.n, end - begin, (size_t)y.n, x->in[2], spec->act, spec->slope);
}

static void forward_range(void *context, size_t begin, size_t end)
{
    forward_rows(context, 1, begin, end);
}

static void linear_forward(struct exec *x)
{
    const struct rows_product y = to_y(x);
    if (is_shared(x))
        parallel_ranges(x->threads, (size_t)y.m, rows_product_grain(&y), forward_range, x);
    else
        forward_rows(x, x->threads, 0, (size_t)y.m);
}

/* g' = g act'(y); dx = g' W; dW = g'^T x; db = sum over rows of g' */
static const float *before_act(const struct exec *x)
{
    const struct linear_spec *spec = x->node->spec;
    return spec->act == ACT_NONE ? x->gout : x->scratch;
}

static struct rows_product to_x(const struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    return (struct rows_product){.m = s.rows, .n = s.in, .k = s.out, .a = before_act(x), .b = x->in[1], .c = x->gin[0]};
}

static struct rows_product to_weight(const struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    return (struct rows_product){
        .transpose_a = true, .m = s.out, .n = s.in, .k = s.rows, .a = before_act(x), .b = x->in[0], .c = x->gin[1]};
}

/* The gradients of rows begin .. end-1 of x. */
static void backward_rows(struct exec *x, int threads, size_t begin, size_t end)
{
    const struct linear_spec *spec = x->node->spec;
    const struct rows_product dx = to_x(x);
    size_t first = begin * (size_t)dx.k, count = (end - begin) * (size_t)dx.k;
    if (spec->act != ACT_NONE)
        rows_act_gradient(threads, F32, (const float *)x->out + first, (const float *)x->gout + first,
                          (float *)x->scratch + first, count, spec->act, spec->slope);
    if (dx.c)
        exec_note(x, rows_product(&dx, begin, end));
}

static void backward_rows_range(void *context, size_t begin, size_t end)
{
    backward_rows(context, 1, begin, end);
}

/* The gradients of outputs begin .. end-1 of W. */
static void backward_outputs(struct exec *x, size_t begin, size_t end)
{
    const struct rows_product dw = to_weight(x);
    if (dw.c)
        exec_note(x, rows_product(&dw, begin, end));
}

static void backward_outputs_range(void *context, size_t begin, size_t end)
{
    backward_outputs(context, begin, end);
}

static void linear_backward(struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    const struct rows_product dx = to_x(x), dw = to_weight(x);
    if (is_shared(x)) {
        parallel_ranges(x->threads, (size_t)s.rows, rows_product_grain(&dx), backward_rows_range, x);
        parallel_ranges(x->threads, (size_t)s.out, rows_product_grain(&dw), backward_outputs_range, x);
    } else {
        backward_rows(x, x->threads, 0, (size_t)s.rows);
        backward_outputs(x, 0, (size_t)s.out);
    }
    if (x->gin[2])
        rows_sum(x->threads, F32, before_act(x), (size_t)s.rows, (size_t)s.out, x->gin[2],
                 (char *)x->scratch + gradient_bytes(x));
}

static double linear_flops(const struct node *n)
{
    struct linear_sizes s = linear_sizes(n);
    return 2.0 * (double)s.rows * (double)s.in * (double)s.out;
}

static const struct op linear_op = {
    .name = "linear",
    .reads = {READ_IN1, READ_IN0},
    .infer = linear_infer,
    .prepare = linear_prepare,
    .forward = linear_forward,
    .backward = linear_backward,
    .flops = linear_flops,
};

/* With an activation within, whose derivative is taken from the output. */
static const struct op linear_act_op = {
    .name = "linear",
    .reads = {READ_IN1 | READ_OUT, READ_IN0 | READ_OUT, READ_OUT},
    .infer = linear_infer,
    .prepare = linear_prepare,
    .forward = linear_forward,
    .backward = linear_backward,
    .flops = linear_flops,
};

struct node *op_linear(struct graph *g, struct node *x, struct node *weight, struct node *bias, enum act act,
                       float slope)
{
    struct linear_spec spec = {act, slope};
    const struct op *op = act == ACT_NONE ? &linear_op : &linear_act_op;
    return graph_apply(g, op, &spec, sizeof spec, 3, (struct node *[]){x, weight, bias});
}

/* ---- matmul ---- */

static bool transposed(const struct node *n)
{
    return *(const bool *)n->spec;
}

static int matmul_infer(struct node *n, struct err *e)
{
    TRY(check_matrices(n, "first input", "second input", e));
    const struct shape *a = &n->in[0]->shape, *b = &n->in[1]->shape;
    int inner = transposed(n) ? 1 : 0;
    char text_a[SHAPE_TEXT], text_b[SHAPE_TEXT];
    if (a->d[1] != b->d[inner])
        return op_error(n, e, "%s times %s%s: the inner sizes differ", shape_text(a, text_a), shape_text(b, text_b),
                        inner ? " transposed" : "");
    n->shape = SHAPE(a->d[0], b->d[1 - inner]);
    n->dtype = n->in[0]->dtype;
    return 0;
}

/* y = a b, or a b^T; da = g b^T, db = a^T g; of a b^T: da = g b, db = g^T a */
enum { Y, DA, DB };

static int matmul_prepare(struct exec *x, struct err *e)
{
    int64_t m = x->node->shape.d[0], n = x->node->shape.d[1], k = x->node->in[0]->shape.d[1];
    bool t = transposed(x->node);
    if (x->node->dtype == F32)
        return 0;
    TRY(products_add(x, Y, &(struct dnn_product_spec){.transpose_b = t, .m = m, .n = n, .k = k, .type = BF16}, e));
    if (x->wants & 1)
        TRY(products_add(x, DA, &(struct dnn_product_spec){.transpose_b = !t, .m = m, .n = k, .k = n, .type = BF16},
                         e));
    if (x->wants & 2 && t)
        return products_add(x, DB,
                            &(struct dnn_product_spec){.transpose_a = true, .m = n, .n = k, .k = m, .type = BF16}, e);
    if (x->wants & 2)
        return products_add(x, DB,
                            &(struct dnn_product_spec){.transpose_a = true, .m = k, .n = n, .k = m, .type = BF16}, e);
    return 0;
}

static void matmul_forward(struct exec *x)
{
    int64_t m = x->node->shape.d[0], n = x->node->shape.d[1], k = x->node->in[0]->shape.d[1];
    bool t = transposed(x->node);
    if (x->own)
        products_run(x, Y, x->in[0], x->in[1], x->out);
    else
        exec_note(x, dnn_gemm(false, t, m, n, k, 1.0f, x->in[0], k, x->in[1], t ? k : n, 0.0f, x->out, n));
}

static void matmul_backward_bf16(struct exec *x)
{
    bool t = transposed(x->node);
    if (x->gin[0])
        products_run(x, DA, x->gout, x->in[1], x->gin[0]);
    if (x->gin[1])
        products_run(x, DB, t ? x->gout : x->in[0], t ? x->in[0] : x->gout, x->gin[1]);
}

static void matmul_backward_f32(struct exec *x)
{
    int64_t m = x->node->shape.d[0], n = x->node->shape.d[1], k = x->node->in[0]->shape.d[1];
    bool t = transposed(x->node);
    if (x->gin[0])
        exec_note(x, dnn_gemm(false, !t, m, k, n, 1.0f, x->gout, n, x->in[1], t ? k : n, 0.0f, x->gin[0], k));
    if (x->gin[1] && t)
        exec_note(x, dnn_gemm(true, false, n, k, m, 1.0f, x->gout, n, x->in[0], k, 0.0f, x->gin[1], k));
    else if (x->gin[1])
        exec_note(x, dnn_gemm(true, false, k, n, m, 1.0f, x->in[0], k, x->gout, n, 0.0f, x->gin[1], n));
}

static void matmul_backward(struct exec *x)
{
    if (x->own)
        matmul_backward_bf16(x);
    else
        matmul_backward_f32(x);
}

static double matmul_flops(const struct node *n)
{
    return 2.0 * (double)shape_count(&n->shape) * (double)n->in[0]->shape.d[1];
}

static const struct op matmul_op = {
    .name = "matmul",
    .reads = {READ_IN1, READ_IN0},
    .infer = matmul_infer,
    .prepare = matmul_prepare,
    .forward = matmul_forward,
    .backward = matmul_backward,
    .release = products_release,
    .flops = matmul_flops,
};

struct node *op_matmul(struct graph *g, struct node *a, struct node *b, bool transpose_b)
{
    return graph_apply(g, &matmul_op, &transpose_b, sizeof transpose_b, 2, (struct node *[]){a, b});
}
