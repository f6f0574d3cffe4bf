/* Convolution and its adjoint, 2-D and 3-D, any kernel, stride, padding and output padding.
 *
 *   conv:    y[n,p,o] = act(b[o] + sum over k, i of x[n, p stride + k - pad, i] w[o,k,i])
 *   deconv:  y[n,p,o] = act(b[o] + sum over k, i, and q with q stride + k - pad = p, of x[n,q,i] w[i,k,o])
 *
 * Where factors on the weights of each output are given, w is w scale[o].
 *
 * deconv is conv's derivative with respect to its input, so one object with three directions serves both: conv runs
 * forward, backward-data, backward-weights; deconv runs backward-data, forward, backward-weights. */
#include "nn/bf16.h"
#include "nn/conv/ways.h"
#include "nn/layout.h"
#include "nn/op.h"
#include "nn/ops.h"
#include "nn/ops/elements.h"
#include "nn/ops/rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A convolution below this work is done by one thread: waking the others costs more. */
static const double SERIAL_FLOPS = 1e6;

enum { X, WEIGHT, BIAS, SCALE, INPUTS };

enum { READ_WEIGHT = READ_IN1 | READ_IN3 }; /* with its factors */

struct own {
    struct conv *conv;
    size_t act_bytes;    /* of the gradient in front of the activation, at the front of scratch; 0: none */
    size_t narrow_bytes; /* of that in BF16 behind it, for an F32 output of BF16 inputs; 0: none */
    uint64_t packed;     /* version of the weights that are packed */
};

static const struct conv_spec *spec_of(const struct node *n)
{
    return n->spec;
}

static bool transposed(const struct node *n);

/* The channels that the convolution (not its adjoint) writes and reads, as the weight has them. */
static int64_t weight_first(const struct node *n)
{
    return n->in[WEIGHT]->shape.d[0];
}

static int64_t weight_last(const struct node *n)
{
    return shape_last(&n->in[WEIGHT]->shape);
}

static double conv_flops(const struct node *n)
{
    const struct node *coarse = transposed(n) ? n->in[X] : n;
    return 2.0 * (double)shape_rows(&coarse->shape) * (double)shape_count(&n->in[WEIGHT]->shape);
}

static int check_operands(struct node *n, struct err *e)
{
    const struct shape *x = &n->in[X]->shape;
    const struct node *w = n->in[WEIGHT], *b = n->in[BIAS], *scale = n->in[SCALE];
    char xs[SHAPE_TEXT], ws[SHAPE_TEXT];
    if (x->nd != 4 && x->nd != 5)
        return op_error(n, e, "takes N,H,W,C or N,D,H,W,C, not %s", shape_text(x, xs));
    if (!w || w->shape.nd != x->nd || !(w->param || w->constant))
        return op_error(n, e, "the weight must be a parameter with as many dimensions as x (%s)", shape_text(x, xs));
    if (shape_last(x) != (transposed(n) ? weight_first(n) : weight_last(n)))
        return op_error(n, e, "x is %s, which does not fit a weight of %s", shape_text(x, xs),
                        shape_text(&w->shape, ws));
    int64_t out = transposed(n) ? weight_last(n) : weight_first(n);
    if (b && (b->shape.nd != 1 || b->shape.d[0] != out))
        return op_error(n, e, "the bias must have %lld elements, not %s", (long long)out, shape_text(&b->shape, xs));
    if (scale && (scale->shape.nd != 1 || scale->shape.d[0] != out || !(scale->param || scale->constant)))
        return op_error(n, e, "the weight's factors must be %lld constants, not %s", (long long)out,
                        shape_text(&scale->shape, xs));
    return 0;
}

/* Below 1 where the kernel does not fit. */
static int64_t out_size(const struct node *n, int dim)
{
    const struct conv_spec *s = spec_of(n);
    int64_t in = n->in[X]->shape.d[dim + 1], room = in + 2 * s->pad[dim] - s->kernel[dim];
    if (transposed(n))
        return (in - 1) * s->stride[dim] - 2 * s->pad[dim] + s->kernel[dim] + s->output_pad[dim];
    return room < 0 ? 0 : room / s->stride[dim] + 1;
}

static int infer_dimension(struct node *n, int dim, struct err *e)
{
    const struct conv_spec *s = spec_of(n);
    if (s->kernel[dim] < 1 || s->stride[dim] < 1 || s->pad[dim] < 0 || s->output_pad[dim] < 0 ||
        (s->output_pad[dim] && s->output_pad[dim] >= s->stride[dim]))
        return op_error(n, e, "kernel and stride must be at least 1, paddings at least 0, output padding < stride");
    if (s->kernel[dim] != n->in[WEIGHT]->shape.d[dim + 1])
        return op_error(n, e, "the kernel is %d in dimension %d, but the weight has %lld", s->kernel[dim], dim,
                        (long long)n->in[WEIGHT]->shape.d[dim + 1]);
    n->shape.d[dim + 1] = out_size(n, dim);
    if (n->shape.d[dim + 1] < 1)
        return op_error(n, e, "a size of %lld is too small for a kernel of %d", (long long)n->in[X]->shape.d[dim + 1],
                        s->kernel[dim]);
    return 0;
}

static int infer(struct node *n, struct err *e)
{
    const struct conv_spec *s = n->spec;
    TRY(check_operands(n, e));
    if (s->act != ACT_NONE && s->act != ACT_RELU && s->act != ACT_LRELU)
        return op_error(n, e, "only relu and leaky relu can follow within the convolution");
    n->shape = n->in[X]->shape;
    n->dtype = s->dtype;
    n->shape.d[n->shape.nd - 1] = transposed(n) ? weight_last(n) : weight_first(n);
    for (int dim = 0; dim < n->shape.nd - 2; dim++)
        TRY(infer_dimension(n, dim, e));
    return 0;
}

static void want_scratch(struct exec *x, size_t bytes)
{
    if (bytes > x->scratch_bytes)
        x->scratch_bytes = bytes;
}

/* Weights that nobody trains, as those of scorers, are packed once for all plans. Factors on them come of the gain of
 * one norm, with its other parameters. */
static struct dnn_sharing sharing(const struct exec *x)
{
    const struct node *scale = x->node->in[SCALE], *gain = scale && !scale->param ? scale->in[0] : scale;
    return (struct dnn_sharing){.packs = gain && !gain->param ? NULL : x->packs,
                                .weight = x->node->in[WEIGHT]->param,
                                .scale = gain ? gain->param : NULL,
                                .version = x->version};
}

/* What the op is: a direction of the convolution. */
static enum dnn_direction direction(const struct node *n)
{
    return transposed(n) ? DNN_BACKWARD_DATA : DNN_FORWARD;
}

/* And what the gradient of its input is. */
static enum dnn_direction back(const struct node *n)
{
    return transposed(n) ? DNN_FORWARD : DNN_BACKWARD_DATA;
}

static unsigned gradients(const struct exec *x)
{
    return (x->wants & 1u << X ? 1u << back(x->node) : 0) | (x->wants & 1u << WEIGHT ? 1u << DNN_BACKWARD_WEIGHTS : 0);
}

/* The convolution, or the one whose adjoint this is. */
static struct conv_task task_of(const struct exec *x)
{
    const struct node *n = x->node, *in = n->in[X];
    const struct conv_spec *s = spec_of(n);
    bool t = transposed(n);
    struct conv_task task = {.data_type = t ? n->dtype : in->dtype, .adjoint = t, .training = x->wants != 0};
    struct dnn_conv_spec *d = &task.conv;
    task.scaled = n->in[SCALE];
    d->src = t ? n->shape : in->shape;
    d->dst = t ? in->shape : n->shape;
    d->src_type = d->dst_type = in->dtype;
    d->bias = n->in[BIAS];
    d->act = s->act;
    d->slope = s->slope;
    d->directions = 1u << direction(n) | gradients(x);
    d->threads = conv_flops(n) < SERIAL_FLOPS ? 1 : x->threads;
    memcpy(d->kernel, s->kernel, sizeof d->kernel);
    memcpy(d->stride, s->stride, sizeof d->stride);
    memcpy(d->pad, s->pad, sizeof d->pad);
    if (!x->wants && n->in[WEIGHT]->param)
        d->sharing = sharing(x);
    return task;
}

static size_t weight_bytes(const struct exec *x)
{
    return (size_t)shape_count(&x->node->in[WEIGHT]->shape) * sizeof(float);
}

/* The gradients' scratch lies behind that of the gradient that they read. */
static void want_all_scratch(struct exec *x, const struct own *o)
{
    const struct shape *y = &x->node->shape;
    size_t front = o->act_bytes + o->narrow_bytes;
    want_scratch(x, conv_scratch(o->conv, 1u << direction(x->node)));
    want_scratch(x, front + conv_scratch(o->conv, gradients(x)));
    if (x->wants & 1u << BIAS)
        want_scratch(x, o->act_bytes + rows_sum_scratch((size_t)shape_rows(y), (size_t)shape_last(y)));
    if (x->node->in[SCALE])
        want_scratch(x, weight_bytes(x));
}

static int prepare(struct exec *x, struct err *e)
{
    const struct node *n = x->node;
    size_t values = (size_t)shape_count(&n->shape);
    const struct conv_task task = task_of(x);
    struct own *o = x->own = calloc(1, sizeof *o);
    if (!o)
        return err_memory(e, "a convolution");
    if (n->in[SCALE] && x->wants & (1u << WEIGHT | 1u << SCALE))
        return op_error(n, e, "weights with factors are not trained, nor are the factors");
    TRY(conv_new(&task, &o->conv, e));
    if (x->wants && spec_of(n)->act != ACT_NONE)
        o->act_bytes = layout_padded(values * dtype_bytes(n->dtype));
    if (gradients(x) && n->dtype != n->in[X]->dtype)
        o->narrow_bytes = layout_padded(values * sizeof(bf16));
    want_all_scratch(x, o);
    x->own_bytes += conv_bytes(o->conv);
    return 0;
}

static void release(struct exec *x)
{
    struct own *o = x->own;
    if (o)
        conv_free(o->conv);
    free(o);
}

/* The weight with its factors, written to `to`. */
static const float *scale_weight(const struct exec *x, float *restrict to)
{
    const float *weight = x->in[WEIGHT], *scale = x->in[SCALE];
    bool last = transposed(x->node); /* the output is the weight's last dimension, else its first */
    size_t columns = (size_t)weight_last(x->node), rows = (size_t)shape_count(&x->node->in[WEIGHT]->shape) / columns;
    size_t taps = rows / (size_t)weight_first(x->node);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            to[r * columns + c] = weight[r * columns + c] * scale[last ? c : r / taps];
    return to;
}

/* Lets the system have the memory of scratch, whose contents are nobody's, until it is written to again. */
static void return_scratch(const struct exec *x, size_t bytes)
{
    enum { PAGE = 4096, WORTH = 1 << 20 };
    uintptr_t begin = ((uintptr_t)x->scratch + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = ((uintptr_t)x->scratch + bytes) & ~(uintptr_t)(PAGE - 1);
    if (bytes >= WORTH)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* The weight with its factors is wanted while it is packed, and then no longer: a scorer packs once. */
static bool pack_weight(const struct exec *x)
{
    const struct own *o = x->own;
    if (!x->in[SCALE])
        return conv_pack(o->conv, x->in[WEIGHT]);
    bool done = conv_pack(o->conv, scale_weight(x, x->scratch));
    return_scratch(x, weight_bytes(x));
    return done;
}

/* What could not be packed is packed again the next time. */
static void pack(struct exec *x)
{
    struct own *o = x->own;
    if (o->packed == *x->version)
        return;
    bool done = conv_is_packed(o->conv) || pack_weight(x);
    exec_note(x, done);
    if (done)
        o->packed = *x->version;
}

/* `in` and `out`: of the op; NULL: what is written. */
static struct conv_call call_of(const struct exec *x, const void *in, const void *out, void *to, void *scratch)
{
    bool t = transposed(x->node);
    return (struct conv_call){.src = t ? out : in,
                              .dst = t ? in : out,
                              .weight = x->in[WEIGHT],
                              .scale = x->in[SCALE],
                              .to = to,
                              .scratch = scratch};
}

static void bias_act(struct exec *x)
{
    const struct conv_spec *s = spec_of(x->node);
    const struct shape *y = &x->node->shape;
    if (!x->in[BIAS] && s->act == ACT_NONE)
        return;
    rows_bias_act(x->threads, x->node->dtype, x->out, (size_t)shape_rows(y), (size_t)shape_last(y), x->in[BIAS], s->act,
                  s->slope);
}

static void forward(struct exec *x)
{
    struct own *o = x->own;
    enum dnn_direction d = direction(x->node);
    struct conv_call call = call_of(x, x->in[X], NULL, x->out, x->scratch);
    call.bias = x->in[BIAS];
    pack(x);
    exec_note(x, conv_run(o->conv, d, &call));
    if (!conv_finishes(o->conv, d))
        bias_act(x);
}

/* g act'(y), where there is an activation; *scratch moves behind it. */
static const void *before_act(struct exec *x, unsigned char **scratch)
{
    const struct own *o = x->own;
    const struct conv_spec *s = spec_of(x->node);
    void *to = *scratch;
    if (s->act == ACT_NONE)
        return x->gout;
    rows_act_gradient(x->threads, x->node->dtype, x->out, x->gout, to, (size_t)shape_count(&x->node->shape), s->act,
                      s->slope);
    *scratch += o->act_bytes;
    return to;
}

/* dL/db[o] = sum over n, p of g[n,p,o] */
static void bias_gradient(struct exec *x, const void *g, void *scratch)
{
    const struct shape *y = &x->node->shape;
    if (x->gin[BIAS])
        rows_sum(x->threads, x->node->dtype, g, (size_t)shape_rows(y), (size_t)shape_last(y), x->gin[BIAS], scratch);
}

/* g in the inputs' format; *scratch moves behind it. */
static const void *narrowed(struct exec *x, const void *g, unsigned char **scratch)
{
    const struct own *o = x->own;
    void *to = *scratch;
    if (!o->narrow_bytes || !(x->gin[WEIGHT] || x->gin[X]))
        return g;
    elements_cast(x->threads, g, to, BF16, (size_t)shape_count(&x->node->shape));
    *scratch += o->narrow_bytes;
    return to;
}

static void backward(struct exec *x)
{
    struct own *o = x->own;
    unsigned char *scratch = x->scratch;
    const void *g = before_act(x, &scratch);
    bias_gradient(x, g, scratch);
    g = narrowed(x, g, &scratch);
    struct conv_call weight = call_of(x, x->in[X], g, x->gin[WEIGHT], scratch);
    struct conv_call data = call_of(x, NULL, g, x->gin[X], scratch);
    if (x->gin[WEIGHT])
        exec_note(x, conv_run(o->conv, DNN_BACKWARD_WEIGHTS, &weight));
    if (x->gin[X])
        exec_note(x, conv_run(o->conv, back(x->node), &data));
}

/* `out`: READ_OUT where there is an activation within, whose derivative is taken from the output. */
#define CONV_OP(text, out)                                                                                             \
    {                                                                                                                  \
        .name = (text), .reads = {[X] = READ_WEIGHT | (out), [WEIGHT] = READ_IN0 | (out), [BIAS] = (out)},             \
        .infer = infer, .prepare = prepare, .forward = forward, .backward = backward, .release = release,              \
        .flops = conv_flops,                                                                                           \
    }

static const struct op conv = CONV_OP("conv", 0), deconv = CONV_OP("deconv", 0);
static const struct op conv_act = CONV_OP("conv", READ_OUT), deconv_act = CONV_OP("deconv", READ_OUT);

static bool transposed(const struct node *n)
{
    return n->op == &deconv || n->op == &deconv_act;
}

/* The output is in x's format and cast where another is asked for; only conv/thin.c writes F32 from BF16 itself. */
static struct node *apply(struct graph *g, const struct op *op, struct node *x, struct node *weight, struct node *bias,
                          struct conv_spec spec)
{
    enum dtype want = spec.dtype;
    bool thin = op == &deconv && weight && shape_last(&weight->shape) <= CONV_THIN && want == F32;
    if (x && !thin)
        spec.dtype = x->dtype;
    struct node *y = graph_apply(g, op, &spec, sizeof spec, INPUTS, (struct node *[]){x, weight, bias, spec.scale});
    return op_cast(g, y, want);
}

struct node *op_conv(struct graph *g, struct node *x, struct node *weight, struct node *bias, struct conv_spec spec)
{
    return apply(g, spec.act == ACT_NONE ? &conv : &conv_act, x, weight, bias, spec);
}

struct node *op_deconv(struct graph *g, struct node *x, struct node *weight, struct node *bias, struct conv_spec spec)
{
    return apply(g, spec.act == ACT_NONE ? &deconv : &deconv_act, x, weight, bias, spec);
}
