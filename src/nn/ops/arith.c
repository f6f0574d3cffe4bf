/* Element by element: sum, difference, product of two values; scale and offset of one. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

enum binary { ADD, SUB, MUL };

struct scale_spec {
    float factor, offset;
};

static int binary_infer(struct node *n, struct err *e)
{
    TRY(check_same_shape(n, e));
    n->shape = n->in[0]->shape;
    n->dtype = n->in[0]->dtype;
    return n->in[1]->dtype == n->dtype
               ? 0
               : op_error(n, e, "one input is float32 and the other bfloat16; cast one of them first");
}

KERNEL void binary_loop(const void *a, const void *b, void *y, size_t n, enum dtype type, enum binary kind)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float u = kernel_load(a, i, type), v = kernel_load(b, i, type);
        kernel_store(y, i, kind == ADD ? u + v : kind == SUB ? u - v : u * v, type);
    }
}

/* y = a + b, a - b or a b */
HOT static void binary_hot(const void *a, const void *b, void *y, size_t n, enum dtype type, enum binary kind)
{
    if (type == F32 && kind == ADD)
        binary_loop(a, b, y, n, F32, ADD);
    else if (type == F32 && kind == SUB)
        binary_loop(a, b, y, n, F32, SUB);
    else if (type == F32)
        binary_loop(a, b, y, n, F32, MUL);
    else if (kind == ADD)
        binary_loop(a, b, y, n, BF16, ADD);
    else if (kind == SUB)
        binary_loop(a, b, y, n, BF16, SUB);
    else
        binary_loop(a, b, y, n, BF16, MUL);
}

KERNEL void linear_loop(const void *x, void *y, size_t n, float factor, float offset, enum dtype type)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        kernel_store(y, i, kernel_load(x, i, type) * factor + offset, type);
}

/* y = factor x + offset */
HOT static void linear_hot(const void *x, void *y, size_t n, float factor, float offset, enum dtype type)
{
    if (type == F32)
        linear_loop(x, y, n, factor, offset, F32);
    else
        linear_loop(x, y, n, factor, offset, BF16);
}

/* A pass over whole tensors: y = a b (kind) or, without b, y = factor a + offset. */
struct pass {
    enum dtype type;
    const void *a, *b;
    void *y;
    enum binary kind;
    float factor, offset;
};

static void pass_range(void *context, size_t begin, size_t end)
{
    const struct pass *p = context;
    const void *a = kernel_at(p->a, begin, p->type), *b = kernel_at(p->b, begin, p->type);
    void *y = kernel_at(p->y, begin, p->type);
    if (b)
        binary_hot(a, b, y, end - begin, p->type, p->kind);
    else
        linear_hot(a, y, end - begin, p->factor, p->offset, p->type);
}

static void pass_run(const struct exec *x, struct pass p)
{
    p.type = x->node->dtype;
    bool nothing = !p.y || (!p.b && p.y == p.a && p.factor == 1.0f && p.offset == 0.0f);
    if (!nothing)
        parallel_ranges(x->threads, (size_t)shape_count(&x->node->shape), KERNEL_GRAIN, pass_range, &p);
}

static void add_forward(struct exec *x)
{
    pass_run(x, (struct pass){.a = x->in[0], .b = x->in[1], .y = x->out, .kind = ADD});
}

static void sub_forward(struct exec *x)
{
    pass_run(x, (struct pass){.a = x->in[0], .b = x->in[1], .y = x->out, .kind = SUB});
}

static void mul_forward(struct exec *x)
{
    pass_run(x, (struct pass){.a = x->in[0], .b = x->in[1], .y = x->out, .kind = MUL});
}

/* gin[0] may lie over gout, so it is written last. */

/* da = g, db = g */
static void add_backward(struct exec *x)
{
    pass_run(x, (struct pass){.a = x->gout, .y = x->gin[1], .factor = 1.0f});
    pass_run(x, (struct pass){.a = x->gout, .y = x->gin[0], .factor = 1.0f});
}

/* da = g, db = -g */
static void sub_backward(struct exec *x)
{
    pass_run(x, (struct pass){.a = x->gout, .y = x->gin[1], .factor = -1.0f});
    pass_run(x, (struct pass){.a = x->gout, .y = x->gin[0], .factor = 1.0f});
}

/* da = g b, db = g a */
static void mul_backward(struct exec *x)
{
    pass_run(x, (struct pass){.a = x->gout, .b = x->in[0], .y = x->gin[1], .kind = MUL});
    pass_run(x, (struct pass){.a = x->gout, .b = x->in[1], .y = x->gin[0], .kind = MUL});
}

static const struct op add_op = {
    .name = "add",
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = binary_infer,
    .forward = add_forward,
    .backward = add_backward,
};

static const struct op sub_op = {
    .name = "subtract",
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = binary_infer,
    .forward = sub_forward,
    .backward = sub_backward,
};

static const struct op mul_op = {
    .name = "multiply",
    .reads = {READ_IN1, READ_IN0},
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = binary_infer,
    .forward = mul_forward,
    .backward = mul_backward,
};

struct node *op_add(struct graph *g, struct node *a, struct node *b)
{
    return graph_apply(g, &add_op, NULL, 0, 2, (struct node *[]){a, b});
}

struct node *op_sub(struct graph *g, struct node *a, struct node *b)
{
    return graph_apply(g, &sub_op, NULL, 0, 2, (struct node *[]){a, b});
}

struct node *op_mul(struct graph *g, struct node *a, struct node *b)
{
    return graph_apply(g, &mul_op, NULL, 0, 2, (struct node *[]){a, b});
}

/* ---- scale ---- */

static int scale_infer(struct node *n, struct err *e)
{
    const struct scale_spec *spec = n->spec;
    n->shape = n->in[0]->shape;
    n->dtype = n->in[0]->dtype;
    return isfinite(spec->factor) && isfinite(spec->offset)
               ? 0
               : op_error(n, e, "factor and offset must be finite, but they are %g and %g", (double)spec->factor,
                          (double)spec->offset);
}

static void scale_forward(struct exec *x)
{
    const struct scale_spec *spec = x->node->spec;
    pass_run(x, (struct pass){.a = x->in[0], .y = x->out, .factor = spec->factor, .offset = spec->offset});
}

/* dx = factor g */
static void scale_backward(struct exec *x)
{
    const struct scale_spec *spec = x->node->spec;
    pass_run(x, (struct pass){.a = x->gout, .y = x->gin[0], .factor = spec->factor});
}

static const struct op scale_op = {
    .name = "scale",
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = scale_infer,
    .forward = scale_forward,
    .backward = scale_backward,
};

struct node *op_scale(struct graph *g, struct node *x, float factor, float offset)
{
    struct scale_spec spec = {factor, offset};
    return graph_apply(g, &scale_op, &spec, sizeof spec, 1, &x);
}
