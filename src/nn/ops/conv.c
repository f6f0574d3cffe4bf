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
#include "nn/columns.h"
#include "nn/dnn.h"
#include "nn/layout.h"
#include "nn/op.h"
#include "nn/ops.h"
#include "nn/ops/elements.h"
#include "nn/ops/rows.h"
#include "nn/pairs.h"
#include "nn/parallel.h"
#include "nn/thin.h"
#include "nn/whole.h"
#include "nn/winograd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A convolution below this work is done by one thread: waking the others costs more. */
static const double SERIAL_FLOPS = 1e6;

enum { X, WEIGHT, BIAS, SCALE, INPUTS };

enum { READ_WEIGHT = READ_IN1 | READ_IN3 }; /* with its factors */

/* How what `thin` does not do is computed: by oneDNN, as a matrix product in F32 or BF16, in transformed tiles. */
enum way { BY_DNN, BY_PRODUCT, BY_WHOLE, BY_TILES };

struct conv {
    enum way way;
    struct dnn_conv *dnn;       /* NULL: nothing is left for it to do */
    struct winograd_spec tiles; /* of BY_TILES */
    bool tiled_weights;         /* the weights' gradient is computed so, the rest by oneDNN */
    size_t act_bytes;           /* of the gradient in front of the activation, at the front of scratch; 0: none */
    size_t narrow_bytes;        /* of that in BF16 behind it, for an F32 output of BF16 inputs; 0: none */
    float *scaled;              /* the weight with its factors, of BY_PRODUCT; NULL: it has none */
    struct whole *whole;        /* of BY_WHOLE */
    struct dnn_conv_spec pairs; /* whose weights' gradient pairs_backward_weights computes; threads 0: it does not */
    struct columns *columns;    /* NULL: it does nothing */
    unsigned by_columns;        /* DNN_*: the directions that it computes in place of dnn */
    struct thin *thin;          /* towards a picture: a deconv's forward direction, a convolution's backward-data */
    uint64_t packed;            /* version of the weights in these copies */
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

static int prepare_thin(struct exec *x, struct conv *c, const struct dnn_conv_spec *d, struct err *e)
{
    struct thin_spec s = {.src = d->src, .dst = d->dst, .dst_type = d->dst_type, .threads = d->threads};
    memcpy(s.kernel, d->kernel, sizeof d->kernel);
    memcpy(s.stride, d->stride, sizeof d->stride);
    memcpy(s.pad, d->pad, sizeof d->pad);
    TRY(thin_new(&s, &c->thin, e));
    want_scratch(x, c->act_bytes + thin_scratch(c->thin));
    x->own_bytes += thin_bytes(c->thin);
    return 0;
}

static bool halves(const struct dnn_conv_spec *d, int side)
{
    bool all = true;
    for (int i = 0; i < d->src.nd - 2; i++)
        all &= d->kernel[i] == side && d->stride[i] == 2 && d->pad[i] == 1;
    return all;
}

static struct winograd_spec tiles_spec(const struct dnn_conv_spec *d)
{
    return (struct winograd_spec){.src = d->src, .dst = d->dst, .side = d->kernel[0], .threads = d->threads};
}

/* As the tiles know them. */
static bool fits_tiles(const struct dnn_conv_spec *d)
{
    return d->src_type == F32 && d->dst_type == F32 && (halves(d, 3) || (halves(d, 4) && d->src.nd == 4));
}

static int prepare_columns(struct exec *x, struct conv *c, struct dnn_conv_spec *d, struct err *e)
{
    struct dnn_conv_spec s = *d;
    c->by_columns = s.directions = columns_pay(d);
    d->directions &= ~c->by_columns;
    TRY(columns_new(&s, &c->columns, e));
    want_scratch(x, c->act_bytes + c->narrow_bytes + columns_scratch(c->columns));
    x->own_bytes += columns_bytes(c->columns);
    return 0;
}

/* oneDNN has no convolution of one F32 and one BF16 side: the backward directions read gout narrowed to BF16. */
static int prepare_dnn(struct exec *x, struct conv *c, struct dnn_conv_spec *d, struct err *e)
{
    if (d->src_type != d->dst_type) {
        d->src_type = d->dst_type = BF16;
        c->narrow_bytes = layout_padded((size_t)shape_count(&x->node->shape) * sizeof(bf16));
    }
    if (x->wants && columns_pay(d))
        TRY(prepare_columns(x, c, d, e));
    if ((d->directions & DNN_BACKWARD_WEIGHTS) && pairs_pay(d)) {
        c->pairs = *d;
        d->directions &= ~(unsigned)DNN_BACKWARD_WEIGHTS;
        want_scratch(x, c->act_bytes + c->narrow_bytes + pairs_scratch(d));
    }
    if ((d->directions & DNN_BACKWARD_WEIGHTS) && fits_tiles(d) && winograd_pays_for_weights(&c->tiles)) {
        c->tiled_weights = true;
        d->directions &= ~(unsigned)DNN_BACKWARD_WEIGHTS;
        want_scratch(x, c->act_bytes + winograd_scratch(&c->tiles));
    }
    if (!d->directions)
        return 0;
    TRY(dnn_conv_new(d, &c->dnn, e));
    want_scratch(x, c->act_bytes + c->narrow_bytes + dnn_conv_scratch(c->dnn));
    x->own_bytes += dnn_conv_bytes(c->dnn);
    return 0;
}

/* Deconvs that thin_adjoint computes. */
static bool is_thin(int64_t out_channels, const struct conv_spec *s)
{
    return out_channels <= THIN_CHANNELS && s->act == ACT_NONE && s->dtype == F32;
}

/* Convolutions whose backward-data it computes: of pictures that another net has made. */
static bool is_thin_backwards(const struct exec *x)
{
    const struct node *in = x->node->in[X];
    return !transposed(x->node) && (x->wants & (1u << X)) && shape_last(&in->shape) <= THIN_CHANNELS &&
           in->dtype == F32;
}

/* A kernel that covers its input once is a matrix product of numbers as they lie. In BF16 scorers have oneDNN's
 * convolution, whose packed weights they share. */
static enum way way_of_whole(const struct exec *x, const struct dnn_conv_spec *d)
{
    for (int i = 0; i < d->src.nd - 2; i++)
        if (d->dst.d[i + 1] != 1 || d->pad[i] || d->kernel[i] != d->src.d[i + 1])
            return BY_DNN;
    if (d->src_type != d->dst_type)
        return BY_DNN;
    return d->src_type == F32 ? BY_PRODUCT : x->wants && !x->node->in[SCALE] ? BY_WHOLE : BY_DNN;
}

/* Training sees whole batches; a score must not depend on what else is in the batch. */
static bool is_tiled(const struct exec *x, const struct dnn_conv_spec *d)
{
    const struct winograd_spec tiles = tiles_spec(d);
    return fits_tiles(d) && winograd_pays(&tiles, x->wants != 0);
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

/* The convolution, or the one whose adjoint this is; directions are still to be chosen. */
static struct dnn_conv_spec describe(const struct exec *x)
{
    const struct node *n = x->node, *in = n->in[X];
    const struct conv_spec *s = spec_of(n);
    bool t = transposed(n);
    struct dnn_conv_spec d = {
        .src = t ? n->shape : in->shape,
        .dst = t ? in->shape : n->shape,
        .src_type = t ? n->dtype : in->dtype,
        .dst_type = t ? in->dtype : n->dtype,
        .bias = n->in[BIAS] && !t,
        .act = t ? ACT_NONE : s->act,
        .slope = s->slope,
        .threads = conv_flops(n) < SERIAL_FLOPS ? 1 : x->threads,
    };
    memcpy(d.kernel, s->kernel, sizeof d.kernel);
    memcpy(d.stride, s->stride, sizeof d.stride);
    memcpy(d.pad, s->pad, sizeof d.pad);
    if (!x->wants && n->in[WEIGHT]->param)
        d.sharing = sharing(x);
    return d;
}

static size_t weight_bytes(const struct exec *x)
{
    return (size_t)shape_count(&x->node->in[WEIGHT]->shape) * sizeof(float);
}

static int prepare_whole(struct exec *x, struct conv *c, const struct dnn_conv_spec *d, struct err *e)
{
    int64_t outputs = weight_first(x->node), values = shape_count(&x->node->in[WEIGHT]->shape) / outputs;
    const struct whole_spec s = {d->src.d[0], outputs, values, d->directions, d->threads};
    TRY(whole_new(&s, &c->whole, e));
    want_scratch(x, c->act_bytes + whole_scratch(c->whole));
    x->own_bytes += whole_bytes(&s);
    return 0;
}

/* Room for the weight with its factors, while it is packed or for as long as it is multiplied with. */
static int prepare_scaled(struct exec *x, struct conv *c, struct err *e)
{
    size_t bytes = weight_bytes(x);
    if (!x->node->in[SCALE])
        return 0;
    if (x->wants & (1u << WEIGHT | 1u << SCALE))
        return op_error(x->node, e, "weights with factors are not trained, nor are the factors");
    if (c->way != BY_PRODUCT) {
        want_scratch(x, bytes);
        return 0;
    }
    x->own_bytes += bytes;
    c->scaled = malloc(bytes);
    return c->scaled ? 0 : err_memory(e, "a convolution's weights");
}

static int prepare(struct exec *x, struct err *e)
{
    const struct node *n = x->node;
    const struct conv_spec *s = spec_of(n);
    bool t = transposed(n);
    struct dnn_conv_spec d = describe(x);
    struct conv *c = x->own = calloc(1, sizeof *c);
    if (!c)
        return err_memory(e, "a convolution");
    if (x->wants && s->act != ACT_NONE)
        c->act_bytes = layout_padded((size_t)shape_count(&n->shape) * dtype_bytes(n->dtype));
    want_scratch(x, c->act_bytes);
    if ((t && is_thin(shape_last(&n->shape), s)) || is_thin_backwards(x))
        TRY(prepare_thin(x, c, &d, e));
    unsigned adjoint = c->thin ? 0 : DNN_BACKWARD_DATA, back = t ? DNN_FORWARD : adjoint;
    d.directions = (t ? adjoint : DNN_FORWARD) | (x->wants & (1u << X) ? back : 0) |
                   (x->wants & (1u << WEIGHT) ? DNN_BACKWARD_WEIGHTS : 0);
    c->way = is_tiled(x, &d) ? BY_TILES : way_of_whole(x, &d);
    c->tiles = tiles_spec(&d);
    if (d.directions && c->way == BY_TILES)
        want_scratch(x, c->act_bytes + winograd_scratch(&c->tiles));
    if (d.directions && c->way == BY_WHOLE)
        TRY(prepare_whole(x, c, &d, e));
    if (d.directions && c->way == BY_DNN)
        TRY(prepare_dnn(x, c, &d, e));
    if (x->wants & (1u << BIAS))
        want_scratch(x, c->act_bytes + rows_sum_scratch((size_t)shape_rows(&n->shape), (size_t)shape_last(&n->shape)));
    return prepare_scaled(x, c, e);
}

static void release(struct exec *x)
{
    struct conv *c = x->own;
    if (c) {
        dnn_conv_free(c->dnn);
        whole_free(c->whole);
        columns_free(c->columns);
        thin_free(c->thin);
        free(c->scaled);
    }
    free(c);
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

static bool pack_for(const struct conv *c, const float *weight)
{
    if (c->whole)
        whole_pack(c->whole, weight);
    if (c->columns)
        columns_pack(c->columns, weight);
    return (!c->dnn || dnn_conv_pack(c->dnn, weight)) && (!c->thin || thin_pack(c->thin, weight));
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
static bool pack_scaled(const struct exec *x)
{
    const struct conv *c = x->own;
    bool done = pack_for(c, scale_weight(x, c->scaled ? c->scaled : x->scratch));
    if (!c->scaled)
        return_scratch(x, weight_bytes(x));
    return done;
}

/* What could not be packed is packed again the next time. */
static void pack(struct exec *x)
{
    struct conv *c = x->own;
    if (c->packed == *x->version)
        return;
    bool done = c->dnn && !c->thin && dnn_conv_is_packed(c->dnn);
    if (!done)
        done = x->in[SCALE] && (c->scaled || c->dnn || c->thin || c->columns) ? pack_scaled(x)
                                                                              : pack_for(c, x->in[WEIGHT]);
    exec_note(x, done);
    if (done)
        c->packed = *x->version;
}

/* The three directions of the convolution between its fine side, which it reads, and its coarse side. As products of
 * matrices these are fine N,K, coarse N,O and weight O,K. */
static int64_t fine_values(const struct node *n)
{
    return shape_count(&n->in[WEIGHT]->shape) / weight_first(n);
}

static const float *multiplied(const struct exec *x)
{
    const struct conv *c = x->own;
    return c->scaled ? c->scaled : x->in[WEIGHT];
}

static bool run_tiles(struct exec *x, struct winograd_call call, void *scratch)
{
    struct conv *c = x->own;
    call.weight = x->in[WEIGHT];
    *(transposed(x->node) ? &c->tiles.in_scale : &c->tiles.out_scale) = x->in[SCALE];
    return winograd_run(&c->tiles, &call, scratch);
}

static bool to_coarse(struct exec *x, const void *fine, const float *bias, void *coarse, void *scratch)
{
    struct conv *c = x->own;
    int64_t n = x->node->shape.d[0], o = weight_first(x->node), k = fine_values(x->node);
    if (c->way == BY_PRODUCT)
        return dnn_gemm(false, true, n, o, k, 1, fine, k, multiplied(x), k, 0, coarse, o);
    if (c->way == BY_WHOLE)
        return whole_forward(c->whole, fine, coarse, scratch);
    if (c->way == BY_TILES)
        return run_tiles(x, (struct winograd_call){.src = fine, .to_dst = coarse}, scratch);
    if (c->by_columns & DNN_FORWARD)
        return columns_forward(c->columns, fine, coarse, scratch);
    return dnn_conv_forward(c->dnn, fine, bias, coarse, scratch);
}

static bool to_fine(struct exec *x, const void *coarse, void *fine, void *scratch)
{
    struct conv *c = x->own;
    int64_t n = x->node->shape.d[0], o = weight_first(x->node), k = fine_values(x->node);
    if (c->way == BY_PRODUCT)
        return dnn_gemm(false, false, n, k, o, 1, coarse, o, multiplied(x), k, 0, fine, k);
    if (c->way == BY_WHOLE)
        return whole_backward_data(c->whole, coarse, fine, scratch);
    if (c->way == BY_TILES)
        return run_tiles(x, (struct winograd_call){.dst = coarse, .to_src = fine}, scratch);
    if (c->by_columns & DNN_BACKWARD_DATA)
        return columns_backward_data(c->columns, coarse, fine, scratch);
    return dnn_conv_backward_data(c->dnn, coarse, fine, scratch);
}

static bool to_weight(struct exec *x, const void *fine, const void *coarse, void *scratch)
{
    struct conv *c = x->own;
    int64_t n = x->node->shape.d[0], o = weight_first(x->node), k = fine_values(x->node);
    if (c->way == BY_PRODUCT)
        return dnn_gemm(true, false, o, k, n, 1, coarse, o, fine, k, 0, x->gin[WEIGHT], k);
    if (c->way == BY_WHOLE)
        return whole_backward_weights(c->whole, fine, coarse, x->gin[WEIGHT], scratch);
    if (c->way == BY_TILES || c->tiled_weights)
        return run_tiles(x, (struct winograd_call){.src = fine, .dst = coarse, .to_weight = x->gin[WEIGHT]}, scratch);
    if (c->by_columns & DNN_BACKWARD_WEIGHTS)
        return columns_backward_weights(c->columns, fine, coarse, x->gin[WEIGHT], scratch);
    if (c->pairs.threads) {
        pairs_backward_weights(&c->pairs, fine, coarse, x->gin[WEIGHT], scratch);
        return true;
    }
    return dnn_conv_backward_weights(c->dnn, fine, coarse, x->gin[WEIGHT], scratch);
}

/* Bias and activation behind a deconv are one pass of ours: as oneDNN's post-op they cost up to six times more. */
static void bias_act(struct exec *x)
{
    const struct conv_spec *s = spec_of(x->node);
    const struct shape *y = &x->node->shape;
    if (!x->in[BIAS] && s->act == ACT_NONE)
        return;
    rows_bias_act(x->threads, x->node->dtype, x->out, (size_t)shape_rows(y), (size_t)shape_last(y), x->in[BIAS], s->act,
                  s->slope);
}

static void conv_forward(struct exec *x)
{
    const struct conv *c = x->own;
    pack(x);
    exec_note(x, to_coarse(x, x->in[X], x->in[BIAS], x->out, x->scratch));
    if (c->way != BY_DNN || c->by_columns & DNN_FORWARD)
        bias_act(x);
}

static void deconv_forward(struct exec *x)
{
    struct conv *c = x->own;
    pack(x);
    if (c->thin)
        exec_note(x, thin_adjoint(c->thin, x->in[X], x->in[BIAS], x->out, x->scratch));
    else
        exec_note(x, to_fine(x, x->in[X], x->out, x->scratch));
    if (!c->thin)
        bias_act(x);
}

/* g act'(y), where there is an activation; *scratch moves behind it. */
static const void *before_act(struct exec *x, unsigned char **scratch)
{
    const struct conv *c = x->own;
    const struct conv_spec *s = spec_of(x->node);
    void *to = *scratch;
    if (s->act == ACT_NONE)
        return x->gout;
    rows_act_gradient(x->threads, x->node->dtype, x->out, x->gout, to, (size_t)shape_count(&x->node->shape), s->act,
                      s->slope);
    *scratch += c->act_bytes;
    return to;
}

/* dL/db[o] = sum over n, p of g[n,p,o] */
static void bias_gradient(struct exec *x, const void *g, void *scratch)
{
    const struct shape *y = &x->node->shape;
    if (x->gin[BIAS])
        rows_sum(x->threads, x->node->dtype, g, (size_t)shape_rows(y), (size_t)shape_last(y), x->gin[BIAS], scratch);
}

/* Both gradients at once, which share transformed tiles; false: they are not computed so. */
static bool both_by_tiles(struct exec *x, const void *g, void *scratch)
{
    const struct conv *c = x->own;
    struct winograd_call call = {.src = x->in[X], .dst = g, .to_src = x->gin[X], .to_weight = x->gin[WEIGHT]};
    if (transposed(x->node))
        call = (struct winograd_call){.src = g, .dst = x->in[X], .to_dst = x->gin[X], .to_weight = x->gin[WEIGHT]};
    if (c->way != BY_TILES || !x->gin[X] || !x->gin[WEIGHT])
        return false;
    exec_note(x, run_tiles(x, call, scratch));
    return true;
}

static void conv_backward(struct exec *x)
{
    struct conv *c = x->own;
    unsigned char *scratch = x->scratch;
    const void *g = before_act(x, &scratch);
    bias_gradient(x, g, scratch);
    if (both_by_tiles(x, g, scratch))
        return;
    if (x->gin[WEIGHT])
        exec_note(x, to_weight(x, x->in[X], g, scratch));
    if (x->gin[X] && c->thin)
        exec_note(x, thin_adjoint(c->thin, g, NULL, x->gin[X], scratch));
    else if (x->gin[X])
        exec_note(x, to_fine(x, g, x->gin[X], scratch));
}

static void deconv_backward(struct exec *x)
{
    struct conv *c = x->own;
    unsigned char *scratch = x->scratch;
    const void *g = before_act(x, &scratch);
    bias_gradient(x, g, scratch);
    if (both_by_tiles(x, g, scratch))
        return;
    if (c->narrow_bytes && (x->gin[WEIGHT] || x->gin[X])) {
        elements_cast(x->threads, g, scratch, BF16, (size_t)shape_count(&x->node->shape));
        g = scratch;
        scratch += c->narrow_bytes;
    }
    if (x->gin[WEIGHT])
        exec_note(x, to_weight(x, g, x->in[X], scratch));
    if (x->gin[X])
        exec_note(x, to_coarse(x, g, NULL, x->gin[X], scratch));
}

/* `out`: READ_OUT where there is an activation within, whose derivative is taken from the output. */
#define CONV_OP(text, way, out)                                                                                        \
    {                                                                                                                  \
        .name = (text), .reads = {[X] = READ_WEIGHT | (out), [WEIGHT] = READ_IN0 | (out), [BIAS] = (out)},             \
        .infer = infer, .prepare = prepare, .forward = way##_forward, .backward = way##_backward, .release = release,  \
        .flops = conv_flops,                                                                                           \
    }

static const struct op conv = CONV_OP("conv", conv, 0), deconv = CONV_OP("deconv", deconv, 0);
static const struct op conv_act = CONV_OP("conv", conv, READ_OUT), deconv_act = CONV_OP("deconv", deconv, READ_OUT);

static bool transposed(const struct node *n)
{
    return n->op == &deconv || n->op == &deconv_act;
}

/* The output is in x's format and cast where another is asked for; only thin_adjoint writes F32 from BF16 itself. */
static struct node *apply(struct graph *g, const struct op *op, struct node *x, struct node *weight, struct node *bias,
                          struct conv_spec spec)
{
    enum dtype want = spec.dtype;
    bool thin = op == &deconv && weight && is_thin(shape_last(&weight->shape), &spec);
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
