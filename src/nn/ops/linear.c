/* Matrix products: the linear layer with its bias and activation, and the plain product. */
#include "nn/dnn.h"
#include "nn/layout.h"
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/elements.h"
#include "nn/ops/products.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

struct linear_spec {
    enum act act;
    float slope;
};

static int linear_infer(struct node *n, struct err *e)
{
    const struct linear_spec *spec = n->spec;
    TRY(check_matrices(n, "input", "weight", e));
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

static bool is_narrow(const struct exec *x)
{
    return x->node->in[0]->dtype == BF16;
}

/* Many rows are shared out: each thread takes its own through all that is computed of them, in one parallel region, and
 * finds in its cache what it left there; what the parts make of the weights' gradient is added up. Of few rows and many
 * outputs the product is oneDNN's to share out. */
static int parts_of(const struct exec *x)
{
    enum { ROWS = 128 }; /* below which adding up would be felt */
    struct linear_sizes s = linear_sizes(x->node);
    int64_t most = s.rows >= s.out && !is_narrow(x) ? s.rows / ROWS : 1;
    return most < 1 ? 1 : most < x->threads ? (int)most : x->threads;
}

/* Scratch of the gradients, in bytes: g', then for each part dW, db and what rows_sum wants. In BF16 there is one part,
 * whose dW is where it belongs, and in its place g' in BF16. */
struct gradient_room {
    size_t before_act, weight, bias, part;
};

static struct gradient_room gradient_room(const struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    struct gradient_room room = {.before_act = (size_t)(s.rows * s.out + 15) / 16 * 64,
                                 .weight = (size_t)(s.out * s.in + 15) / 16 * 64,
                                 .bias = (size_t)(s.out + 15) / 16 * 64};
    if (is_narrow(x))
        room.weight = (size_t)(s.rows * s.out + 31) / 32 * 64;
    size_t sums = layout_padded(rows_sum_scratch((size_t)s.rows, (size_t)s.out));
    room.part = room.weight + room.bias + sums;
    return room;
}

/* The products of BF16: x W^T, g' W, g'^T x. */
enum { OUTPUT, TO_INPUT, TO_WEIGHT };

static int add_linear_products(struct exec *x, struct err *e)
{
    struct linear_sizes s = linear_sizes(x->node);
    const struct dnn_product_spec output = {.transpose_b = true, .m = s.rows, .n = s.out, .k = s.in, .type = F32};
    TRY(products_add(x, OUTPUT, &output, e));
    const struct dnn_product_spec to_input = {.m = s.rows, .n = s.in, .k = s.out, .type = BF16};
    if (x->wants & 1)
        TRY(products_add(x, TO_INPUT, &to_input, e));
    const struct dnn_product_spec to_weight = {.transpose_a = true, .m = s.out, .n = s.in, .k = s.rows, .type = BF16};
    return x->wants & 2 ? products_add(x, TO_WEIGHT, &to_weight, e) : 0;
}

static int linear_prepare(struct exec *x, struct err *e)
{
    struct gradient_room room = gradient_room(x);
    if (x->wants)
        x->scratch_bytes = room.before_act + (size_t)parts_of(x) * room.part;
    return is_narrow(x) ? add_linear_products(x, e) : 0;
}

/* y = act(x W^T + b), rows begin .. end-1 */
static void forward_rows(struct exec *x, int threads, size_t begin, size_t end)
{
    const struct linear_spec *spec = x->node->spec;
    struct linear_sizes s = linear_sizes(x->node);
    const float *from = (const float *)x->in[0] + begin * (size_t)s.in;
    float *y = (float *)x->out + begin * (size_t)s.out;
    int64_t rows = (int64_t)(end - begin);
    exec_note(x, dnn_gemm(false, true, rows, s.out, s.in, 1.0f, from, s.in, x->in[1], s.in, 0.0f, y, s.out));
    rows_bias_act(threads, F32, y, end - begin, (size_t)s.out, x->in[2], spec->act, spec->slope);
}

static void forward_part(void *context, int part, size_t begin, size_t end)
{
    (void)part;
    forward_rows(context, 1, begin, end);
}

static void linear_forward_bf16(struct exec *x)
{
    const struct linear_spec *spec = x->node->spec;
    struct linear_sizes s = linear_sizes(x->node);
    products_run(x, OUTPUT, x->in[0], x->in[1], x->out);
    rows_bias_act(x->threads, F32, x->out, (size_t)s.rows, (size_t)s.out, x->in[2], spec->act, spec->slope);
}

static void linear_forward_f32(struct exec *x)
{
    size_t rows = (size_t)linear_sizes(x->node).rows;
    int parts = parts_of(x);
    if (parts > 1)
        parallel_chunks(x->threads, rows, parts, forward_part, x);
    else
        forward_rows(x, x->threads, 0, rows);
}

static void linear_forward(struct exec *x)
{
    if (is_narrow(x))
        linear_forward_bf16(x);
    else
        linear_forward_f32(x);
}

/* Where part `part` writes its dW, and behind the weights its db: the first part writes the gradients themselves. */
static float *weight_target(const struct exec *x, int part)
{
    struct gradient_room room = gradient_room(x);
    return part ? (float *)((char *)x->scratch + room.before_act + (size_t)part * room.part) : x->gin[1];
}

static float *bias_target(const struct exec *x, int part)
{
    return part ? weight_target(x, part) + gradient_room(x).weight / sizeof(float) : x->gin[2];
}

static void *sums_room(const struct exec *x, int part)
{
    struct gradient_room room = gradient_room(x);
    return (char *)x->scratch + room.before_act + (size_t)part * room.part + room.weight + room.bias;
}

/* g' = g act'(y) of rows begin .. end-1. */
static const float *before_act(struct exec *x, int threads, size_t begin, size_t end)
{
    const struct linear_spec *spec = x->node->spec;
    size_t out = (size_t)linear_sizes(x->node).out, first = begin * out;
    const float *g = (const float *)x->gout + first;
    float *to = (float *)x->scratch + first;
    if (spec->act == ACT_NONE)
        return g;
    rows_act_gradient(threads, F32, (const float *)x->out + first, g, to, (end - begin) * out, spec->act, spec->slope);
    return to;
}

/* dx = g' W; dW = g'^T x; db = sum over rows of g': all of rows begin .. end-1. */
static void backward_rows(struct exec *x, int threads, int part, size_t begin, size_t end)
{
    struct linear_sizes s = linear_sizes(x->node);
    size_t rows = end - begin;
    const float *g = before_act(x, threads, begin, end);
    if (x->gin[0])
        exec_note(x, dnn_gemm(false, false, (int64_t)rows, s.in, s.out, 1.0f, g, s.out, x->in[1], s.in, 0.0f,
                              (float *)x->gin[0] + begin * (size_t)s.in, s.in));
    if (x->gin[1])
        exec_note(x,
                  dnn_gemm(true, false, s.out, s.in, (int64_t)rows, 1.0f, g, s.out,
                           (const float *)x->in[0] + begin * (size_t)s.in, s.in, 0.0f, weight_target(x, part), s.in));
    if (x->gin[2])
        rows_sum(threads, F32, g, rows, (size_t)s.out, bias_target(x, part), sums_room(x, part));
}

static void backward_part(void *context, int part, size_t begin, size_t end)
{
    backward_rows(context, 1, part, begin, end);
}

static void linear_backward_bf16(struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    size_t rows = (size_t)s.rows, out = (size_t)s.out;
    const float *g = before_act(x, x->threads, 0, rows);
    void *narrow = (char *)x->scratch + gradient_room(x).before_act;
    if (x->gin[0] || x->gin[1])
        elements_cast(x->threads, g, narrow, BF16, rows * out);
    if (x->gin[0])
        products_run(x, TO_INPUT, narrow, x->in[1], x->gin[0]);
    if (x->gin[1])
        products_run(x, TO_WEIGHT, narrow, x->in[0], x->gin[1]);
    if (x->gin[2])
        rows_sum(x->threads, F32, g, rows, out, x->gin[2], sums_room(x, 0));
}

static void linear_backward_f32(struct exec *x)
{
    struct linear_sizes s = linear_sizes(x->node);
    int parts = parts_of(x);
    if (parts > 1)
        parallel_chunks(x->threads, (size_t)s.rows, parts, backward_part, x);
    else
        backward_rows(x, x->threads, 0, 0, (size_t)s.rows);
    for (int part = 1; part < parts; part++) {
        if (x->gin[1])
            elements_add(x->threads, F32, x->gin[1], weight_target(x, part), (size_t)(s.out * s.in));
        if (x->gin[2])
            elements_add(x->threads, F32, x->gin[2], bias_target(x, part), (size_t)s.out);
    }
}

static void linear_backward(struct exec *x)
{
    if (is_narrow(x))
        linear_backward_bf16(x);
    else
        linear_backward_f32(x);
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
    .release = products_release,
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
    .release = products_release,
    .flops = linear_flops,
};

struct node *op_linear(struct graph *g, struct node *x, struct node *weight, struct node *bias, enum act act,
                       float slope)
{
    struct linear_spec spec = {act, slope};
    const struct op *op = act == ACT_NONE ? &linear_op : &linear_act_op;
    struct node *same = x && weight ? op_cast(g, weight, x->dtype) : weight;
    return graph_apply(g, op, &spec, sizeof spec, 3, (struct node *[]){x, same, bias});
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
