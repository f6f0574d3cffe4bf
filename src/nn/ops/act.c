/* Activations on their own. The derivative is taken from the output, so that the input's memory can be reused. */
#include "nn/op.h"
#include "nn/ops/kernel.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

struct act_spec {
    enum act act;
    float slope; /* of ACT_LRELU */
};

static int act_infer(struct node *n, struct err *e)
{
    const struct act_spec *spec = n->spec;
    n->shape = n->in[0]->shape;
    n->dtype = n->in[0]->dtype;
    if (spec->act < ACT_NONE || spec->act > ACT_SIGMOID)
        return op_error(n, e, "there is no activation number %d", (int)spec->act);
    if (spec->act == ACT_LRELU && !(spec->slope >= 0 && spec->slope <= 1))
        return op_error(n, e, "the slope of lrelu must be from 0 to 1, but it is %g", (double)spec->slope);
    return 0;
}

KERNEL void forward_loop(const void *x, void *y, size_t n, float slope, enum dtype type, enum act act)
{
    float line[KERNEL_LINE];
    for (size_t at = 0, length; at < n; at += length) {
        length = kernel_line_length(at, n, 0, n);
        float *to = kernel_line(y, at, line, type);
#pragma omp simd
        for (size_t i = 0; i < length; i++)
            to[i] = kernel_act(kernel_load(x, at + i, type), act, slope);
        kernel_flush(y, at, line, length, type);
    }
}

/* y = relu, leaky relu, tanh or sigmoid of x */
HOT static void forward_hot(const void *x, void *y, size_t n, float slope, enum dtype type, enum act act)
{
    if (act == ACT_TANH && type == F32)
        forward_loop(x, y, n, slope, F32, ACT_TANH);
    else if (act == ACT_TANH)
        forward_loop(x, y, n, slope, BF16, ACT_TANH);
    else if (act == ACT_SIGMOID && type == F32)
        forward_loop(x, y, n, slope, F32, ACT_SIGMOID);
    else if (act == ACT_SIGMOID)
        forward_loop(x, y, n, slope, BF16, ACT_SIGMOID);
    else if (type == F32)
        forward_loop(x, y, n, slope, F32, ACT_LRELU);
    else
        forward_loop(x, y, n, slope, BF16, ACT_LRELU);
}

static void forward_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct act_spec *spec = x->node->spec;
    enum dtype type = x->node->dtype;
    forward_hot(kernel_at(x->in[0], begin, type), kernel_at(x->out, begin, type), end - begin,
                kernel_slope(spec->act, spec->slope), type, spec->act);
}

static void act_forward(struct exec *x)
{
    parallel_ranges(x->threads, (size_t)shape_count(&x->node->shape), KERNEL_GRAIN, forward_range, x);
}

/* dx = g act'(x) */
static void act_backward(struct exec *x)
{
    const struct act_spec *spec = x->node->spec;
    if (x->gin[0])
        rows_act_gradient(x->threads, x->node->dtype, x->out, x->gout, x->gin[0], (size_t)shape_count(&x->node->shape),
                          spec->act, spec->slope);
}

static const struct op act_op = {
    .name = "activation",
    .reads = {READ_OUT},
    .flags = OP_INPLACE | OP_INPLACE_GRAD,
    .infer = act_infer,
    .forward = act_forward,
    .backward = act_backward,
};

struct node *op_act(struct graph *g, struct node *x, enum act act, float slope)
{
    struct act_spec spec = {act, slope};
    return x && act == ACT_NONE ? x : graph_apply(g, &act_op, &spec, sizeof spec, 1, &x);
}
