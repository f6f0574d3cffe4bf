/* y = G_v (G_h x): separable Gaussian over H and W. A tap outside the picture is left out and the rest scaled up:
 *
 *   y[p] = sum over k in [-r, r], p + k inside, of w[k] x[p + k]  /  sum of the same w[k] */
#include "nn/op.h"
#include "nn/ops.h"
#include "nn/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct blur_spec {
    float sigma;
};

struct blur {
    int radius;
    float *taps;    /* w[0] .. w[radius] */
    float *columns; /* by position in a line: the factor that makes the taps sum to one */
    size_t height, width, channels;
};

static int infer(struct node *n, struct err *e)
{
    const struct node *x = n->in[0];
    if (x->dtype != F32 || x->shape.nd < 4)
        return op_error(n, e, "takes F32 pictures N,[D],H,W,C");
    n->shape = x->shape;
    n->dtype = F32;
    return 0;
}

/* Factor that makes the taps inside 0 .. size-1 around `at` sum to one. */
static float normaliser(const struct blur *b, int64_t at, int64_t size)
{
    float sum = 0;
    for (int64_t k = -b->radius; k <= b->radius; k++)
        if (at + k >= 0 && at + k < size)
            sum += b->taps[llabs(k)];
    return 1 / sum;
}

static int prepare(struct exec *x, struct err *e)
{
    const struct blur_spec *s = x->node->spec;
    const struct shape *shape = &x->node->shape;
    struct blur *b = x->own = calloc(1, sizeof *b);
    if (!b)
        return err_memory(e, "a blur");
    b->radius = (int)ceilf(3 * s->sigma);
    b->height = (size_t)shape->d[shape->nd - 3];
    b->width = (size_t)shape->d[shape->nd - 2];
    b->channels = (size_t)shape_last(shape);
    b->taps = malloc((size_t)(b->radius + 1) * sizeof *b->taps);
    b->columns = malloc(b->width * sizeof *b->columns);
    if (!b->taps || !b->columns)
        return err_memory(e, "a blur");
    for (int k = 0; k <= b->radius; k++)
        b->taps[k] = expf(-0.5f * (float)(k * k) / (s->sigma * s->sigma));
    for (size_t p = 0; p < b->width; p++)
        b->columns[p] = normaliser(b, (int64_t)p, (int64_t)b->width);
    x->scratch_bytes = (size_t)shape_count(shape) * sizeof(float);
    return 0;
}

static void release(struct exec *x)
{
    struct blur *b = x->own;
    if (b) {
        free(b->taps);
        free(b->columns);
    }
    free(b);
}

HOT static void add_scaled(float *restrict to, const float *restrict from, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * from[i];
}

HOT static void scale(float *restrict to, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] *= factor;
}

/* Vertically: whole lines are added up, so the inner loop is long whatever the channels. */
static void vertical_lines(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct blur *b = x->own;
    size_t line = b->width * b->channels;
    const float *from = x->in[0];
    float *to = x->scratch;
    for (size_t i = begin; i < end; i++) {
        int64_t y = (int64_t)(i % b->height), height = (int64_t)b->height;
        memset(to + i * line, 0, line * sizeof *to);
        for (int64_t k = -b->radius; k <= b->radius; k++)
            if (y + k >= 0 && y + k < height)
                add_scaled(to + i * line, from + (size_t)((int64_t)i + k) * line, b->taps[llabs(k)], line);
        scale(to + i * line, normaliser(b, y, height), line);
    }
}

/* Horizontally: the line shifted by k pixels is added to itself, cut off at its ends. */
static void horizontal_lines(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct blur *b = x->own;
    size_t line = b->width * b->channels;
    for (size_t i = begin; i < end; i++) {
        const float *from = (const float *)x->scratch + i * line;
        float *to = (float *)x->out + i * line;
        memset(to, 0, line * sizeof *to);
        for (int64_t k = -b->radius; k <= b->radius; k++) {
            size_t shift = (size_t)llabs(k) * b->channels;
            if (shift < line)
                add_scaled(to + (k < 0 ? shift : 0), from + (k > 0 ? shift : 0), b->taps[llabs(k)], line - shift);
        }
        for (size_t p = 0; p < b->width; p++)
            for (size_t c = 0; c < b->channels; c++)
                to[p * b->channels + c] *= b->columns[p];
    }
}

static void forward(struct exec *x)
{
    const struct blur *b = x->own;
    size_t line = b->width * b->channels, lines = (size_t)shape_count(&x->node->shape) / line;
    parallel_ranges(x->threads, lines, 1 + 16384 / line, vertical_lines, x);
    parallel_ranges(x->threads, lines, 1 + 16384 / line, horizontal_lines, x);
}

static double flops(const struct node *n)
{
    const struct blur_spec *s = n->spec;
    return 4.0 * (2 * ceil(3 * s->sigma) + 1) * (double)shape_count(&n->shape);
}

static const struct op blur = {
    .name = "blur",
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .release = release,
    .flops = flops,
};

struct node *op_blur(struct graph *g, struct node *x, float sigma)
{
    struct blur_spec s = {.sigma = sigma};
    return graph_apply(g, &blur, &s, sizeof s, 1, (struct node *[]){x});
}
