/* Bilinear interpolation over H and W. Output place o lies at s = (o + 1/2) size / out - 1/2 of the input, at 0 where
 * that is below it, between place k = floor(s) and the next one (the last has itself for a neighbour):
 *
 *   y[o] = (1 - f) x[k] + f x[k + 1],  f = s - k, along both axes;  dx[k] = sum of dy[o] times its weights */
#include "nn/op.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <stdlib.h>
#include <string.h>

struct resize_spec {
    int64_t height, width;
};

/* Where an output place lies along one axis. */
struct place {
    int64_t at, next;
    float share; /* of the next */
};

struct resize {
    struct place *rows, *columns;
};

static int infer(struct node *n, struct err *e)
{
    const struct resize_spec *s = n->spec;
    const struct shape *x = &n->in[0]->shape;
    char text[SHAPE_TEXT];
    if (x->nd != 4 || s->height < 1 || s->width < 1)
        return op_error(n, e, "brings pictures N,H,W,C to a size of at least 1x1, not %s to %lldx%lld",
                        shape_text(x, text), (long long)s->height, (long long)s->width);
    n->shape = SHAPE(x->d[0], s->height, s->width, x->d[3]);
    n->dtype = n->in[0]->dtype;
    return 0;
}

static struct place *places(int64_t size, int64_t out)
{
    struct place *p = malloc((size_t)out * sizeof *p);
    for (int64_t o = 0; p && o < out; o++) {
        double s = ((double)o + 0.5) * (double)size / (double)out - 0.5;
        s = s < 0 ? 0 : s;
        int64_t at = (int64_t)s < size - 1 ? (int64_t)s : size - 1;
        p[o] = (struct place){at, at + 1 < size ? at + 1 : at, (float)(s - (double)at)};
    }
    return p;
}

static int prepare(struct exec *x, struct err *e)
{
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    struct resize *r = x->own = calloc(1, sizeof *r);
    if (r) {
        r->rows = places(in->d[1], out->d[1]);
        r->columns = places(in->d[2], out->d[2]);
    }
    return r && r->rows && r->columns ? 0 : err_memory(e, "the places of a resized picture");
}

static void release(struct exec *x)
{
    struct resize *r = x->own;
    if (r) {
        free(r->rows);
        free(r->columns);
    }
    free(r);
}

/* The four places of an output place, as elements of x, and their weights. */
struct taps {
    size_t at[4];
    float weight[4];
};

static struct taps taps_of(const struct exec *x, size_t sample, int64_t row, int64_t column)
{
    const struct resize *r = x->own;
    const struct shape *in = &x->node->in[0]->shape;
    const struct place v = r->rows[row], h = r->columns[column];
    struct taps t;
    for (int i = 0; i < 4; i++) {
        int64_t y = i / 2 ? v.next : v.at, c = i % 2 ? h.next : h.at;
        t.at[i] = (size_t)((((int64_t)sample * in->d[1] + y) * in->d[2] + c) * in->d[3]);
        t.weight[i] = (i / 2 ? v.share : 1 - v.share) * (i % 2 ? h.share : 1 - h.share);
    }
    return t;
}

KERNEL void mix(const void *x, const struct taps *t, void *y, size_t to, size_t n, enum dtype type)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++) {
        float v = t->weight[0] * kernel_load(x, t->at[0] + c, type) + t->weight[1] * kernel_load(x, t->at[1] + c, type);
        v += t->weight[2] * kernel_load(x, t->at[2] + c, type) + t->weight[3] * kernel_load(x, t->at[3] + c, type);
        kernel_store(y, to + c, v, type);
    }
}

HOT static void mix_hot(const void *x, const struct taps *t, void *y, size_t to, size_t n, enum dtype type)
{
    if (type == F32)
        mix(x, t, y, to, n, F32);
    else
        mix(x, t, y, to, n, BF16);
}

static void forward_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct shape *out = &x->node->shape;
    for (size_t line = begin; line < end; line++)
        for (int64_t o = 0; o < out->d[2]; o++) {
            struct taps t = taps_of(x, line / (size_t)out->d[1], (int64_t)(line % (size_t)out->d[1]), o);
            mix_hot(x->in[0], &t, x->out, (line * (size_t)out->d[2] + (size_t)o) * (size_t)out->d[3], (size_t)out->d[3],
                    x->node->dtype);
        }
}

static void forward(struct exec *x)
{
    const struct shape *out = &x->node->shape;
    size_t line = (size_t)(out->d[2] * out->d[3]);
    parallel_ranges(x->threads, (size_t)(out->d[0] * out->d[1]), KERNEL_GRAIN / line + 1, forward_range, x);
}

HOT static void add_scaled(float *restrict to, const void *g, size_t at, float weight, size_t n, enum dtype type)
{
    for (size_t c = 0; c < n; c++)
        to[c] += weight * kernel_load(g, at + c, type);
}

/* A range of samples, as neighbours share their places. Sums are made in F32: in scratch, where the gradient is not. */
static void backward_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct shape *in = &x->node->in[0]->shape, *out = &x->node->shape;
    size_t picture = (size_t)(in->d[1] * in->d[2] * in->d[3]), channels = (size_t)out->d[3];
    float *sums = x->node->dtype == F32 ? x->gin[0] : x->scratch;
    memset(sums + begin * picture, 0, (end - begin) * picture * sizeof *sums);
    for (size_t sample = begin; sample < end; sample++)
        for (int64_t o = 0; o < out->d[1] * out->d[2]; o++) {
            struct taps t = taps_of(x, sample, o / out->d[2], o % out->d[2]);
            size_t from = (sample * (size_t)(out->d[1] * out->d[2]) + (size_t)o) * channels;
            for (int i = 0; i < 4; i++)
                add_scaled(sums + t.at[i], x->gout, from, t.weight[i], channels, x->node->dtype);
        }
    for (size_t i = begin * picture; x->node->dtype != F32 && i < end * picture; i++)
        kernel_store(x->gin[0], i, sums[i], x->node->dtype);
}

static void backward(struct exec *x)
{
    if (x->gin[0])
        parallel_ranges(x->threads, (size_t)x->node->shape.d[0], 1, backward_range, x);
}

static int prepare_both(struct exec *x, struct err *e)
{
    if (x->node->dtype != F32 && x->wants)
        x->scratch_bytes = (size_t)shape_count(&x->node->in[0]->shape) * sizeof(float);
    return prepare(x, e);
}

static double flops(const struct node *n)
{
    return 8.0 * (double)shape_count(&n->shape);
}

static const struct op resize_op = {
    .name = "resize",
    .infer = infer,
    .prepare = prepare_both,
    .forward = forward,
    .backward = backward,
    .release = release,
    .flops = flops,
};

struct node *op_resize(struct graph *g, struct node *x, int64_t height, int64_t width)
{
    struct resize_spec s = {height, width};
    if (x && x->shape.nd == 4 && x->shape.d[1] == height && x->shape.d[2] == width)
        return x;
    return graph_apply(g, &resize_op, &s, sizeof s, 1, &x);
}
