/* Other shapes and formats of the same numbers: reshape, concatenation, frames of clips, cast. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/kernel.h"
#include "nn/ops/elements.h"
#include "nn/parallel.h"

#include <string.h>

/* ---- reshape: a view, nothing to run ---- */

static int reshape_infer(struct node *n, struct err *e)
{
    const struct shape *to = n->spec, *from = &n->in[0]->shape;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    bool right = to->nd >= 1 && to->nd <= SHAPE_MAX;
    for (int i = 0; right && i < to->nd; i++)
        right = to->d[i] > 0;
    if (!right || shape_count(to) != shape_count(from))
        return op_error(n, e, "a tensor of shape %s cannot be seen as %s", shape_text(from, a),
                        right ? shape_text(to, b) : "one with an empty dimension");
    n->shape = *to;
    n->dtype = n->in[0]->dtype;
    return 0;
}

static const struct op reshape_op = {.name = "reshape", .flags = OP_VIEW, .infer = reshape_infer};

struct node *op_reshape(struct graph *g, struct node *x, struct shape shape)
{
    return graph_apply(g, &reshape_op, &shape, sizeof shape, 1, &x);
}

/* ---- concat: y = (a, b) along the last dimension, made again where it is needed again ---- */

static int concat_infer(struct node *n, struct err *e)
{
    TRY(check_there(n, 1, "second input", e));
    struct shape a = n->in[0]->shape, b = n->in[1]->shape;
    char text_a[SHAPE_TEXT], text_b[SHAPE_TEXT];
    if (n->in[0]->dtype != n->in[1]->dtype)
        return op_error(n, e, "one input is float32 and the other bfloat16; cast one of them first");
    n->dtype = n->in[0]->dtype;
    n->shape = a;
    n->shape.d[a.nd - 1] += shape_last(&b);
    if (a.nd == b.nd)
        b.d[b.nd - 1] = shape_last(&a);
    return shape_equal(&a, &b) ? 0
                               : op_error(n, e,
                                          "its inputs may differ in the last dimension only, but they have %s "
                                          "and %s",
                                          shape_text(&a, text_a), shape_text(&n->in[1]->shape, text_b));
}

/* Bytes of a row of a and of b. */
static void concat_bytes(const struct exec *x, size_t *a, size_t *b)
{
    *a = (size_t)shape_last(&x->node->in[0]->shape) * dtype_bytes(x->node->dtype);
    *b = (size_t)shape_last(&x->node->in[1]->shape) * dtype_bytes(x->node->dtype);
}

static void concat_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t na, nb;
    concat_bytes(x, &na, &nb);
    const char *a = x->in[0], *b = x->in[1];
    char *y = x->out;
    for (size_t r = begin; r < end; r++) {
        memcpy(y + r * (na + nb), a + r * na, na);
        memcpy(y + r * (na + nb) + na, b + r * nb, nb);
    }
}

static void split_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t na, nb;
    concat_bytes(x, &na, &nb);
    const char *g = x->gout;
    char *a = x->gin[0], *b = x->gin[1];
    for (size_t r = begin; r < end; r++) {
        if (a)
            memcpy(a + r * na, g + r * (na + nb), na);
        if (b)
            memcpy(b + r * nb, g + r * (na + nb) + na, nb);
    }
}

static void concat_run(struct exec *x, range_fn *fn)
{
    size_t grain = (size_t)(KERNEL_GRAIN / shape_last(&x->node->shape) + 1);
    parallel_ranges(x->threads, (size_t)shape_rows(&x->node->shape), grain, fn, x);
}

static void concat_forward(struct exec *x)
{
    concat_run(x, concat_range);
}

static void concat_backward(struct exec *x)
{
    concat_run(x, split_range);
}

static const struct op concat_op = {
    .name = "concat",
    .remakes = READ_IN0 | READ_IN1,
    .infer = concat_infer,
    .forward = concat_forward,
    .backward = concat_backward,
    .recompute = concat_forward,
};

struct node *op_concat(struct graph *g, struct node *a, struct node *b)
{
    return graph_apply(g, &concat_op, NULL, 0, 2, (struct node *[]){a, b});
}

/* ---- frames: y[n,h,w,(k,c)] = x[n,first + k,h,w,c] ---- */

struct frames_spec {
    int first, count;
};

static int frames_infer(struct node *n, struct err *e)
{
    const struct frames_spec *spec = n->spec;
    const struct shape *in = &n->in[0]->shape;
    char text[SHAPE_TEXT];
    TRY(check_f32(n, 0, "input", e));
    if (in->nd != 5)
        return op_error(n, e, "clips N,D,H,W,C are wanted, but its input has shape %s", shape_text(in, text));
    if (spec->first < 0 || spec->count < 1 || spec->first + spec->count > in->d[1])
        return op_error(n, e, "clips of %lld frames have not %d from frame %d on", (long long)in->d[1], spec->count,
                        spec->first);
    n->shape = SHAPE(in->d[0], in->d[2], in->d[3], spec->count * in->d[4]);
    n->dtype = F32;
    return 0;
}

/* Ranges over pixels of all samples. */
static void frames_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct frames_spec *spec = x->node->spec;
    const struct shape *in = &x->node->in[0]->shape;
    size_t frame = (size_t)(in->d[2] * in->d[3]), channels = (size_t)in->d[4], count = (size_t)spec->count;
    for (size_t i = begin; i < end; i++) {
        size_t first = i / frame * (size_t)in->d[1] + (size_t)spec->first;
        const float *from = (const float *)x->in[0] + (first * frame + i % frame) * channels;
        float *to = (float *)x->out + i * count * channels;
        for (size_t k = 0; k < count; k++)
            memcpy(to + k * channels, from + k * frame * channels, channels * sizeof *to);
    }
}

static void frames_forward(struct exec *x)
{
    const struct shape *out = &x->node->shape;
    parallel_ranges(x->threads, (size_t)shape_rows(out), (size_t)(KERNEL_GRAIN / shape_last(out) + 1), frames_range, x);
}

static const struct op frames_op = {.name = "frames", .infer = frames_infer, .forward = frames_forward};

struct node *op_frames(struct graph *g, struct node *clips, int first, int count)
{
    struct frames_spec spec = {first, count};
    return graph_apply(g, &frames_op, &spec, sizeof spec, 1, &clips);
}

/* ---- cast ---- */

static int cast_infer(struct node *n, struct err *e)
{
    (void)e;
    n->shape = n->in[0]->shape;
    n->dtype = *(const enum dtype *)n->spec;
    return 0;
}

static void cast_forward(struct exec *x)
{
    elements_cast(x->threads, x->in[0], x->out, x->node->dtype, (size_t)shape_count(&x->node->shape));
}

static void cast_backward(struct exec *x)
{
    if (x->gin[0])
        elements_cast(x->threads, x->gout, x->gin[0], x->node->in[0]->dtype, (size_t)shape_count(&x->node->shape));
}

static const struct op cast_op = {
    .name = "cast",
    .infer = cast_infer,
    .forward = cast_forward,
    .backward = cast_backward,
};

struct node *op_cast(struct graph *g, struct node *x, enum dtype to)
{
    return x && x->dtype == to ? x : graph_apply(g, &cast_op, &to, sizeof to, 1, &x);
}
