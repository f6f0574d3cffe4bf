/* Convolution and its adjoint in every direction against naive loops in double precision, 2-D and 3-D, F32 and BF16. */
#include "base/rng.h"
#include "nn/bf16.h"
#include "nn/dnn.h"
#include "nn/ops.h"
#include "nn/thin.h"
#include "nn/winograd.h"
#include "probe.h"
#include "support/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

struct layer {
    int nd, n, size[3], in, out, kernel[3], stride[3], pad[3], output_pad[3];
    bool transposed, bias;
    enum act act;
    enum dtype from, to;
    bool scaled; /* factors on the weights, which are not trained */
};

enum { SEED = 77 };

static const float SLOPE = 0.2f;

/* ---- the reference: one loop over every pair of positions that a weight connects ---- */

/* The fine side is the larger: what a convolution reads and its adjoint writes. Three spatial dimensions always. */
struct geometry {
    int n, fine[3], coarse[3], fine_channels, coarse_channels, kernel[3], stride[3], pad[3];
};

/* coarse[c,o] w[o,k,i] fine[f,i] with f = c stride + k - pad; `target` gets the product of the other two. */
static void connect(const struct geometry *g, double *coarse, double *weight, double *fine, const double *target)
{
    const int *k = g->kernel, *cs = g->coarse, *fs = g->fine;
    for (int at = 0; at < g->n * cs[0] * cs[1] * cs[2]; at++)
        for (int tap = 0; tap < k[0] * k[1] * k[2]; tap++) {
            int c[3] = {at / (cs[1] * cs[2]) % cs[0], at / cs[2] % cs[1], at % cs[2]}, f[3];
            int t[3] = {tap / (k[1] * k[2]), tap / k[2] % k[1], tap % k[2]};
            bool inside = true;
            for (int d = 0; d < 3; d++) {
                f[d] = c[d] * g->stride[d] + t[d] - g->pad[d];
                inside = inside && f[d] >= 0 && f[d] < fs[d];
            }
            if (!inside)
                continue;
            int n = at / (cs[0] * cs[1] * cs[2]), fine_at = ((n * fs[0] + f[0]) * fs[1] + f[1]) * fs[2] + f[2];
            for (int o = 0; o < g->coarse_channels; o++)
                for (int i = 0; i < g->fine_channels; i++) {
                    double *a = &coarse[at * g->coarse_channels + o];
                    double *w = &weight[(o * k[0] * k[1] * k[2] + tap) * g->fine_channels + i];
                    double *b = &fine[fine_at * g->fine_channels + i];
                    if (target == coarse)
                        *a += *w * *b;
                    else if (target == weight)
                        *w += *a * *b;
                    else
                        *b += *a * *w;
                }
        }
}

static double *zeros(size_t n)
{
    double *p = calloc(n ? n : 1, sizeof *p);
    assert_non_null(p);
    return p;
}

static double *widened(const float *from, size_t n, enum dtype type)
{
    double *p = zeros(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (double)(type == F32 ? from[i] : bf16_to_f32(bf16_from_f32(from[i])));
    return p;
}

/* ---- one layer, ours and the reference ---- */

struct run {
    const struct layer *l;
    struct params *params;
    struct graph *graph;
    struct plan *plan;
    struct node *x, *y;
    struct param *weight, *bias, *scale;
};

static struct conv_spec spec_of(const struct layer *l)
{
    struct conv_spec s = {.act = l->act, .slope = SLOPE, .dtype = l->to};
    memcpy(s.kernel, l->kernel, sizeof s.kernel);
    memcpy(s.stride, l->stride, sizeof s.stride);
    memcpy(s.pad, l->pad, sizeof s.pad);
    memcpy(s.output_pad, l->output_pad, sizeof s.output_pad);
    return s;
}

static void build(struct run *r, const struct layer *l)
{
    static const struct init init = {.kind = INIT_UNIFORM, .a = -0.5f, .b = 0.5f};
    *r = (struct run){.l = l, .params = params_new()};
    struct graph *g = r->graph = graph_new(GRAPH_TRAIN, F32, r->params);
    struct shape shape = {.nd = l->nd + 2, .d = {l->n}}, weight = shape;
    for (int i = 0; i < l->nd; i++) {
        shape.d[i + 1] = l->size[i];
        weight.d[i + 1] = l->kernel[i];
    }
    shape.d[l->nd + 1] = l->in;
    weight.d[0] = l->transposed ? l->in : l->out;
    weight.d[l->nd + 1] = l->transposed ? l->out : l->in;
    r->x = graph_input(g, "x", shape);
    enum param_group group = l->scaled ? GROUP_STATE : GROUP_MAIN;
    struct node *w = graph_param(g, "w", weight, group, init);
    struct node *b = l->bias ? graph_param(g, "b", SHAPE(l->out), group, init) : NULL;
    struct node *x = op_cast(g, r->x, l->from);
    struct conv_spec spec = spec_of(l);
    spec.scale = l->scaled ? graph_param(g, "s", SHAPE(l->out), group, init) : NULL;
    r->y = l->transposed ? op_deconv(g, x, w, b, spec) : op_conv(g, x, w, b, spec);
    r->weight = params_find(r->params, "w");
    r->bias = params_find(r->params, "b");
    r->scale = params_find(r->params, "s");
}

static void start(struct run *r, int threads)
{
    probe_allocate(r->params, SEED);
    struct node *loss = probe_sum(r->graph, r->y, SEED);
    const struct objective o[] = {{.name = "input", .loss = loss, .wrt = r->x},
                                  {.name = "weights", .loss = loss, .group = GROUP_MAIN}};
    struct plan_spec s = {.graph = r->graph, .outputs = &r->y, .noutputs = 1, .threads = threads};
    s.objectives = o;
    s.nobjectives = r->scale ? 1 : 2;
    r->plan = probe_plan(&s);
    probe_fill(plan_data(r->plan, r->x), (size_t)shape_count(&r->x->shape), SEED, 1);
}

static void finish(struct run *r)
{
    plan_free(r->plan);
    graph_free(r->graph);
    params_free(r->params);
}

static struct geometry geometry_of(const struct run *r)
{
    const struct layer *l = r->l;
    const struct shape *fine = l->transposed ? &r->y->shape : &r->x->shape;
    const struct shape *coarse = l->transposed ? &r->x->shape : &r->y->shape;
    struct geometry g = {.n = l->n, .fine_channels = (int)shape_last(fine), .coarse_channels = (int)shape_last(coarse)};
    for (int i = 0, skip = 3 - l->nd; i < 3; i++) {
        bool there = i >= skip;
        g.fine[i] = there ? (int)fine->d[i - skip + 1] : 1;
        g.coarse[i] = there ? (int)coarse->d[i - skip + 1] : 1;
        g.kernel[i] = there ? l->kernel[i - skip] : 1;
        g.stride[i] = there ? l->stride[i - skip] : 1;
        g.pad[i] = there ? l->pad[i - skip] : 0;
    }
    return g;
}

static const char *describe(const struct layer *l)
{
    static char text[200];
    snprintf(text, sizeof text, "%s%d n%d size %dx%dx%d %d>%d kernel %d,%d,%d stride %d,%d,%d pad %d,%d,%d +%d,%d,%d",
             l->transposed ? "deconv" : "conv", l->nd, l->n, l->size[0], l->size[1], l->size[2], l->in, l->out,
             l->kernel[0], l->kernel[1], l->kernel[2], l->stride[0], l->stride[1], l->stride[2], l->pad[0], l->pad[1],
             l->pad[2], l->output_pad[0], l->output_pad[1], l->output_pad[2]);
    return text;
}

static bool rounds(const struct layer *l)
{
    return l->from == BF16 || l->to == BF16;
}

/* Those that may be computed in transformed tiles. */
static bool tiled(const struct layer *l)
{
    return l->nd == 2 && l->kernel[0] == 4 && l->kernel[1] == 4 && l->stride[0] == 2 && l->stride[1] == 2;
}

/* BF16 has 8 bits: a rounded result is off by up to 1/512, and gradients pass through two roundings. */
static void compare(const struct layer *l, const char *what, const float *got, const double *want, size_t n)
{
    double error = probe_error(got, want, n), tolerance = rounds(l) ? 8e-3 : tiled(l) ? 2e-5 : 5e-6;
    if (!(error < tolerance))
        fail_msg("%s: %s is off by %g of its largest value", describe(l), what, error);
}

static float *values_of(const struct run *r)
{
    size_t n = (size_t)shape_count(&r->y->shape);
    const void *data = plan_data(r->plan, r->y);
    float *f = malloc(n * sizeof *f);
    assert_non_null(f);
    for (size_t i = 0; i < n; i++)
        f[i] = r->l->to == F32 ? ((const float *)data)[i] : bf16_to_f32(((const bf16 *)data)[i]);
    return f;
}

static void check_forward(const struct run *r, const struct geometry *g, double *x, double *w)
{
    const struct layer *l = r->l;
    size_t n = (size_t)shape_count(&r->y->shape);
    double *y = zeros(n);
    connect(g, l->transposed ? x : y, w, l->transposed ? y : x, y);
    for (size_t i = 0; i < n; i++) {
        y[i] += r->bias ? (double)r->bias->value[i % (size_t)l->out] : 0;
        y[i] = y[i] > 0 || l->act == ACT_NONE ? y[i] : l->act == ACT_RELU ? 0 : y[i] * (double)SLOPE;
    }
    float *got = values_of(r);
    compare(l, "the output", got, y, n);
    free(got);
    free(y);
}

static void check_backward(const struct run *r, const struct geometry *g, double *x, double *w)
{
    const struct layer *l = r->l;
    size_t ny = (size_t)shape_count(&r->y->shape), nx = (size_t)shape_count(&r->x->shape);
    double *gy = zeros(ny), *gx = zeros(nx), *gw = zeros(r->weight->count), *gb = zeros((size_t)l->out);
    float *y = values_of(r);
    for (size_t i = 0; i < ny; i++) {
        float v = probe_weight(SEED, i);
        double slope = y[i] > 0 || l->act == ACT_NONE ? 1 : l->act == ACT_RELU ? 0 : (double)SLOPE;
        gy[i] = slope * (double)(l->to == F32 ? v : bf16_to_f32(bf16_from_f32(v)));
        gb[i % (size_t)l->out] += gy[i];
    }
    connect(g, l->transposed ? x : gy, gw, l->transposed ? gy : x, gw);
    connect(g, l->transposed ? gx : gy, w, l->transposed ? gy : gx, gx);
    for (int twice = 0; twice < 2; twice++) /* gradients are written, not added to what is there */
        plan_backward(r->plan, 0);
    compare(l, "the input's gradient", plan_grad(r->plan, r->x), gx, nx);
    for (int twice = 0; twice < 2 && !r->scale; twice++)
        plan_backward(r->plan, 1);
    if (!r->scale)
        compare(l, "the weight's gradient", r->weight->grad, gw, r->weight->count);
    if (r->bias && !r->scale)
        compare(l, "the bias's gradient", r->bias->grad, gb, (size_t)l->out);
    free(y);
    free(gy);
    free(gx);
    free(gw);
    free(gb);
}

/* As the convolution sees it, with the factors in. */
static double *weight_of(const struct run *r)
{
    const struct layer *l = r->l;
    size_t n = r->weight->count, out = (size_t)l->out;
    float *w = malloc(n * sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < n; i++)
        w[i] = r->weight->value[i] * (r->scale ? r->scale->value[l->transposed ? i % out : i / (n / out)] : 1);
    double *wide = widened(w, n, rounds(l) ? BF16 : F32);
    free(w);
    return wide;
}

static void check_once(const struct layer *l, int threads)
{
    struct run r;
    struct err e = ERR_INIT;
    build(&r, l);
    if (graph_error(r.graph, &e) < 0)
        fail_msg("%s: %s", describe(l), e.msg);
    start(&r, threads);
    struct geometry g = geometry_of(&r);
    double *x = widened(plan_data(r.plan, r.x), (size_t)shape_count(&r.x->shape), l->from);
    double *w = weight_of(&r);
    plan_forward(r.plan, 0);
    check_forward(&r, &g, x, w);
    check_backward(&r, &g, x, w);
    free(x);
    free(w);
    finish(&r);
}

static void check(const struct layer *l, int threads)
{
    struct layer scaled = *l;
    scaled.scaled = true;
    check_once(l, threads);
    check_once(&scaled, threads);
}

#define K3                                                                                                             \
    {                                                                                                                  \
        3, 3, 3                                                                                                        \
    }
#define K4                                                                                                             \
    {                                                                                                                  \
        4, 4                                                                                                           \
    }
#define ONE                                                                                                            \
    {                                                                                                                  \
        1, 1, 1                                                                                                        \
    }
#define TWO                                                                                                            \
    {                                                                                                                  \
        2, 2, 2                                                                                                        \
    }

/* The layers of the models, and corners. */
static const struct layer layers[] = {
    {2, 3, {28, 28}, 1, 16, ONE, TWO, {0}, {0}, false, false, 0, 0, 0, 0},
    {2, 2, {14, 13}, 16, 32, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0},
    {2, 2, {9, 7}, 3, 64, K3, ONE, ONE, {0}, false, true, 0, 0, 0, 0},
    {2, 2, {9, 7}, 32, 64, {5, 3}, {2, 1}, {2, 1}, {0}, false, true, 0, 0, 0, 0},
    {2, 2, {12, 11}, 64, 128, K3, ONE, ONE, {0}, false, true, 0, 0, 0, 0}, /* enough arithmetic for the blocked layout
                                                                            */
    {2, 5, {9, 7}, 16, 32, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0},    /* a batch that two threads share unevenly */
    {2, 2, {4, 5}, 64, 32, K3, TWO, ONE, ONE, true, false, 0, 0, 0, 0},
    {2, 2, {4, 5}, 17, 33, K3, TWO, ONE, {0, 1}, true, true, 0, 0, 0, 0},
    {2, 2, {14, 14}, 32, 1, K3, TWO, ONE, ONE, true, true, 0, 0, 0, 0},
    {2, 2, {6, 5}, 24, 3, K3, TWO, ONE, ONE, true, true, 0, 0, 0, 0},
    {2, 2, {6, 5}, 24, 4, {4, 4}, TWO, ONE, {0}, true, false, 0, 0, 0, 0},
    {2, 2, {6, 5}, 24, 5, {2, 2}, TWO, {0}, {0}, true, true, 0, 0, 0, 0},
    {2, 2, {3, 3}, 8, 1500, K3, ONE, ONE, {0}, false, true, 0, 0, 0, 0},
    {2, 1, {3, 3}, 8, 1500, K3, ONE, ONE, {0}, true, true, 0, 0, 0, 0},
    {2, 1, {1, 1}, 5, 7, K3, ONE, ONE, {0}, false, true, 0, 0, 0, 0},
    {2, 3, {4, 4}, 24, 10, {4, 4}, ONE, {0}, {0}, false, true, ACT_LRELU, 0, 0, 0}, /* a kernel over the whole of it */
    {2, 3, {1, 1}, 10, 24, {4, 4}, ONE, {0}, {0}, true, true, ACT_RELU, 0, 0, 0},
    {3, 2, {2, 3, 2}, 5, 7, {2, 3, 2}, TWO, {0}, {0}, false, false, 0, 0, 0, 0},
    {2, 2, {8, 8}, 3, 16, {4, 4}, TWO, ONE, {0}, false, false, 0, 0, 0, 0}, /* of a picture that another net has made */
    {2, 2, {9, 7}, 4, 16, K3, ONE, ONE, {0}, false, true, ACT_LRELU, 0, 0, 0},
    {3, 1, {4, 6, 6}, 2, 16, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0},
    {3, 1, {4, 12, 10}, 1, 24, K3, {1, 2, 2}, ONE, {0}, false, false, 0, 0, 0, 0},
    {3, 2, {4, 6, 5}, 16, 32, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0},
    {3, 1, {4, 6, 6}, 32, 48, K3, ONE, ONE, {0}, false, true, 0, 0, 0, 0},
    {3, 1, {4, 6, 6}, 48, 40, K3, ONE, ONE, {0}, true, true, 0, 0, 0, 0},
    {3, 2, {2, 3, 3}, 32, 16, K3, TWO, ONE, ONE, true, false, 0, 0, 0, 0},
    {3, 1, {4, 6, 5}, 24, 1, K3, {1, 2, 2}, ONE, {0, 1, 1}, true, true, 0, 0, 0, 0},
    {3, 1, {3, 4, 5}, 6, 2, {3, 1, 2}, {2, 1, 3}, {1, 0, 1}, {1, 0, 2}, true, true, 0, 0, 0, 0},
    {2, 2, {9, 7}, 16, 32, K3, TWO, ONE, {0}, false, true, ACT_RELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 32, K3, TWO, ONE, {0}, false, true, ACT_LRELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 1100, ONE, ONE, {0}, {0}, true, false, ACT_LRELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 32, K3, TWO, ONE, ONE, true, true, ACT_LRELU, 0, 0, 0},
    {3, 2, {3, 4, 5}, 16, 3, K3, TWO, ONE, ONE, true, true, ACT_RELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 2, K3, TWO, ONE, ONE, true, false, ACT_LRELU, 0, 0, 0},
    {2, 2, {130, 126}, 3, 16, ONE, TWO, {0}, {0}, false, false, 0, 0, 0, 0},
    {3, 2, {8, 40, 40}, 1, 8, ONE, {1, 2, 2}, {0}, {0}, false, false, 0, 0, 0, 0},
    {3, 1, {3, 6, 6}, 1, 16, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0}, /* padding in every window of frames */
    {3, 2, {2, 6, 6}, 16, 32, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0},
    /* in transformed tiles: whole ones, ones cut off, more and less than a strip of channels */
    {2, 16, {8, 8}, 32, 48, K4, TWO, ONE, {0}, false, true, ACT_LRELU, 0, 0, 0},
    {2, 4, {14, 17}, 80, 33, K4, TWO, ONE, {0}, false, false, 0, 0, 0, 0},
    {2, 4, {8, 7}, 36, 70, K4, TWO, ONE, {0, 1}, true, true, ACT_RELU, 0, 0, 0},
    {2, 2, {13, 16}, 140, 32, K4, TWO, ONE, {1, 0}, true, false, 0, 0, 0, 0},
};

static void models_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int threads = 1; threads <= 2; threads++)
            check(&layers[i], threads);
}

static void models_layers_in_bf16(void **state)
{
    (void)state;
    if (!dnn_has_bf16()) {
        print_message("this processor does not compute in bf16: nothing to test\n");
        skip();
    }
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct layer l = layers[i];
        l.from = l.to = BF16;
        check(&l, 2);
        l.to = F32; /* the last layer of a decoder */
        check(&l, 2);
    }
}

static struct layer draw(struct rng *r)
{
    static const int channels[] = {1, 2, 3, 4, 5, 8, 16, 17, 33};
    struct layer l = {.nd = 2 + (int)rng_below(r, 2), .n = 1 + (int)rng_below(r, 3)};
    l.in = channels[rng_below(r, 9)];
    l.out = channels[rng_below(r, 9)];
    l.transposed = rng_below(r, 2);
    l.bias = rng_below(r, 2);
    for (int i = 0; i < l.nd; i++) {
        l.kernel[i] = 1 + (int)rng_below(r, 5);
        l.stride[i] = 1 + (int)rng_below(r, 3);
        l.pad[i] = (int)rng_below(r, (uint64_t)l.kernel[i]);
        l.output_pad[i] = l.transposed ? (int)rng_below(r, (uint64_t)l.stride[i]) : 0;
        l.size[i] = (l.transposed ? 1 + l.pad[i] : l.kernel[i]) + (int)rng_below(r, 6);
    }
    return l;
}

static void any_layer(void **state)
{
    (void)state;
    struct rng r = rng_new(21, 0);
    for (int i = 0; i < 150; i++) {
        struct layer l = draw(&r);
        check(&l, 1 + i % 2);
    }
}

/* ---- what is refused ---- */

static void expect_refusal(struct layer l, const char *words)
{
    struct run r;
    struct err e = ERR_INIT;
    build(&r, &l);
    assert_null(r.y);
    assert_true(graph_error(r.graph, &e) < 0);
    if (!strstr(e.msg, words))
        fail_msg("'%s' does not say '%s'", e.msg, words);
    graph_free(r.graph);
    params_free(r.params);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct layer good = layers[1];
    struct layer l = good;
    l.stride[0] = 0;
    expect_refusal(l, "stride must be at least 1");
    l = good;
    l.size[1] = 0;
    l.pad[1] = 0;
    expect_refusal(l, "too small for a kernel of 3");
    l = good;
    l.act = ACT_TANH;
    expect_refusal(l, "only relu and leaky relu");
    l = layers[4];
    l.output_pad[0] = 2;
    expect_refusal(l, "output padding < stride");
    l.output_pad[0] = -1;
    expect_refusal(l, "at least 0");
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(2, 8, 8, 3));
    struct node *w = graph_param(g, "w", SHAPE(16, 3, 3, 4), GROUP_MAIN, (struct init){0});
    struct conv_spec s = {.kernel = {3, 3}, .stride = {1, 1}, .dtype = F32};
    g->scope = "enc.0";
    assert_null(op_conv(g, x, w, NULL, s));
    struct err e = ERR_INIT;
    assert_true(graph_error(g, &e) < 0);
    assert_string_equal(e.msg, "conv 'enc.0': x is 2x8x8x3, which does not fit a weight of 16x3x3x4");
    graph_free(g);
    params_free(ps);
}

static void factors_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    struct layer l = layers[1];
    build(&r, &l);
    struct conv_spec s = spec_of(&l);
    s.scale = graph_param(r.graph, "s", SHAPE(7), GROUP_STATE, (struct init){0});
    struct node *w = graph_param(r.graph, "w", r.weight->shape, GROUP_MAIN, r.weight->init);
    assert_null(op_conv(r.graph, r.x, w, NULL, s));
    assert_true(graph_error(r.graph, &e) < 0);
    assert_says(e.msg, "the weight's factors must be 32 constants, not 7");
    graph_free(r.graph);
    params_free(r.params);
}

static void weights_with_factors_are_not_trained(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    struct layer l = layers[1];
    build(&r, &l);
    struct conv_spec s = spec_of(&l);
    s.scale = graph_param(r.graph, "s", SHAPE(l.out), GROUP_STATE, (struct init){0});
    struct node *w = graph_param(r.graph, "w", r.weight->shape, GROUP_MAIN, r.weight->init);
    struct objective o = {.loss = probe_sum(r.graph, op_conv(r.graph, r.x, w, NULL, s), 1), .group = GROUP_MAIN};
    probe_allocate(r.params, 1);
    struct plan_spec spec = {.graph = r.graph, .objectives = &o, .nobjectives = 1, .threads = 1};
    assert_true(plan_new(&spec, &r.plan, &e) < 0);
    assert_says(e.msg, "weights with factors are not trained");
    graph_free(r.graph);
    params_free(r.params);
}

/* ---- the pieces underneath ---- */

static void check_thin(const struct layer *l, enum dtype type)
{
    struct geometry g = {.n = l->n, .fine_channels = l->out, .coarse_channels = l->in};
    struct thin_spec t = {.dst_type = type, .threads = 2};
    t.src.nd = t.dst.nd = l->nd + 2;
    t.src.d[0] = t.dst.d[0] = l->n;
    t.src.d[l->nd + 1] = l->out;
    t.dst.d[l->nd + 1] = l->in;
    for (int i = 0; i < 3; i++)
        g.fine[i] = g.coarse[i] = g.kernel[i] = g.stride[i] = 1;
    for (int i = 0, at = 3 - l->nd; i < l->nd; i++, at++) {
        t.kernel[i] = g.kernel[at] = l->kernel[i];
        t.stride[i] = g.stride[at] = l->stride[i];
        t.pad[i] = g.pad[at] = l->pad[i];
        g.coarse[at] = l->size[i];
        g.fine[at] = (l->size[i] - 1) * l->stride[i] - 2 * l->pad[i] + l->kernel[i] + l->output_pad[i];
        t.src.d[i + 1] = g.fine[at];
        t.dst.d[i + 1] = g.coarse[at];
    }
    size_t nsrc = (size_t)shape_count(&t.src), ndst = (size_t)shape_count(&t.dst);
    size_t nw = (size_t)(l->in * l->out * g.kernel[0] * g.kernel[1] * g.kernel[2]);
    float *dst = malloc(ndst * sizeof *dst), *w = malloc(nw * sizeof *w), *src = malloc((nsrc + 1) * sizeof *src);
    bf16 *narrow = malloc(ndst * sizeof *narrow);
    struct thin *thin;
    struct err e = ERR_INIT;
    assert_int_equal(thin_new(&t, &thin, &e), 0);
    void *scratch = aligned_alloc(64, (thin_scratch(thin) + 64) / 64 * 64);
    float bias[THIN_CHANNELS] = {0.5f, -1, 2, 3};
    probe_fill(dst, ndst, 1, 1);
    probe_fill(w, nw, 2, 1);
    for (size_t i = 0; i < ndst; i++)
        narrow[i] = bf16_from_f32(dst[i]);
    double *want = zeros(nsrc), *wide = widened(dst, ndst, type), *weight = widened(w, nw, type);
    connect(&g, wide, weight, want, want);
    for (size_t i = 0; i < nsrc; i++)
        want[i] += l->bias ? (double)bias[i % (size_t)l->out] : 0;
    src[nsrc] = 12345;
    thin_pack(thin, w);
    thin_adjoint(thin, type == F32 ? (void *)dst : narrow, l->bias ? bias : NULL, src, scratch);
    compare(l, "thin_adjoint", src, want, nsrc);
    assert_true(src[nsrc] == 12345);
    thin_free(thin);
    free(want);
    free(wide);
    free(weight);
    free(dst);
    free(w);
    free(src);
    free(narrow);
    free(scratch);
}

static void thin_adjoint_of_any_kernel(void **state)
{
    (void)state;
    struct rng r = rng_new(5, 0);
    for (int i = 0; i < 80; i++) {
        struct layer l = draw(&r);
        if (!l.transposed)
            for (int k = 0; k < l.nd; k++)
                l.size[k] = 1 + l.pad[k] + (int)rng_below(&r, 6);
        l.out = 1 + (int)rng_below(&r, THIN_CHANNELS);
        check_thin(&l, F32);
        if (dnn_has_bf16())
            check_thin(&l, BF16);
    }
    const struct layer large = {2, 5, {21, 22}, 40, 1, K3, TWO, ONE, ONE, true, true, 0, 0, 0, 0}; /* several blocks */
    check_thin(&large, F32);
}

/* ---- in transformed tiles ---- */

static float *noise(int64_t n, int stream)
{
    float *p = malloc((size_t)n * sizeof *p);
    assert_non_null(p);
    probe_fill(p, (size_t)n, (uint64_t)(SEED + stream), 1);
    return p;
}

static void expect_near(const char *what, const float *got, const float *want, int64_t n)
{
    double *wide = widened(want, (size_t)n, F32), error = probe_error(got, wide, (size_t)n);
    if (!(error < 2e-5))
        fail_msg("%s is off by %g of its largest value", what, error);
    free(wide);
}

/* More samples than are transformed at once: every direction against oneDNN's. */
static void tiles_in_blocks(void **state)
{
    (void)state;
    struct winograd_spec s = {.src = SHAPE(9, 128, 128, 32), .dst = SHAPE(9, 64, 64, 40), .threads = 2};
    struct dnn_conv_spec d = {.src = s.src, .dst = s.dst, .kernel = {4, 4}, .stride = {2, 2}, .pad = {1, 1}};
    int64_t ns = shape_count(&s.src), nd = shape_count(&s.dst), nw = 16 * 32 * 40;
    float *src = noise(ns, 1), *dst = noise(nd, 2), *weight = noise(nw, 3);
    float *got = noise(ns, 4), *want = noise(ns, 5);
    struct dnn_conv *c;
    struct err e = ERR_INIT;
    d.directions = DNN_FORWARD | DNN_BACKWARD_DATA | DNN_BACKWARD_WEIGHTS;
    d.threads = 2;
    assert_int_equal(dnn_conv_new(&d, &c, &e), 0);
    assert_true(winograd_scratch(&s) < (size_t)9 * 100 * 256 * (4 * 32 + 40)); /* in less than one block */
    void *room = malloc(winograd_scratch(&s)), *scratch = malloc(dnn_conv_scratch(c));
    assert_true(dnn_conv_pack(c, weight));
    assert_true(winograd_forward(&s, src, weight, got, room) && dnn_conv_forward(c, src, NULL, want, scratch));
    expect_near("the convolution", got, want, nd);
    assert_true(winograd_backward_data(&s, dst, weight, got, room) && dnn_conv_backward_data(c, dst, want, scratch));
    expect_near("its adjoint", got, want, ns);
    assert_true(winograd_backward_weights(&s, src, dst, got, room) &&
                dnn_conv_backward_weights(c, src, dst, want, scratch));
    expect_near("its weight gradient", got, want, nw);
    dnn_conv_free(c);
    free(src);
    free(dst);
    free(weight);
    free(got);
    free(want);
    free(room);
    free(scratch);
}

/* A score must not depend on what else is in the batch: there, samples do not count. */
static void tiles_pay_where_there_are_many(void **state)
{
    (void)state;
    struct winograd_spec s = {.src = SHAPE(64, 8, 8, 128), .dst = SHAPE(64, 4, 4, 256), .threads = 1};
    assert_true(winograd_pays(&s, true));
    assert_false(winograd_pays(&s, false));
    s = (struct winograd_spec){.src = SHAPE(1, 32, 32, 128), .dst = SHAPE(1, 16, 16, 256), .threads = 1};
    assert_true(winograd_pays(&s, false));
    s.src.d[3] = 3;
    assert_false(winograd_pays(&s, false));
    s = (struct winograd_spec){.src = SHAPE(64, 10, 10, 64), .dst = SHAPE(64, 5, 5, 64), .threads = 1};
    assert_false(winograd_pays(&s, true)); /* mostly beyond the end */
}

static void matrix_product(void **state)
{
    (void)state;
    enum { M = 7, N = 19, K = 33, LD = 40 };
    float a[LD * LD], b[LD * LD], c[LD * LD], old[LD * LD];
    probe_fill(a, LD * LD, 1, 1);
    probe_fill(b, LD * LD, 2, 1);
    for (int form = 0; form < 8; form++) {
        bool ta = form & 1, tb = form & 2;
        float beta = form & 4 ? 0.5f : 0;
        probe_fill(c, LD * LD, 3, 1);
        memcpy(old, c, sizeof c);
        dnn_gemm(ta, tb, M, N, K, 2, a, LD, b, LD, beta, c, LD);
        for (int i = 0; i < LD * LD; i++) {
            int m = i / LD, n = i % LD;
            double want = (double)old[i];
            if (m < M && n < N) {
                want *= (double)beta;
                for (int k = 0; k < K; k++)
                    want += 2 * (double)a[ta ? k * LD + m : m * LD + k] * (double)b[tb ? n * LD + k : k * LD + n];
            }
            assert_true(fabs(want - (double)c[i]) < 2e-5);
        }
    }
}

/* avx2_vnni, 0x407 in oneDNN, is a larger number than avx512_core_bf16, 0xe7. */
static void instruction_sets_are_sets(void **state)
{
    (void)state;
    static const unsigned with[] = {0xe7, 0x3e7}, without[] = {0, 1, 7, 0x27, 0x67, 0x407};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        assert_true(dnn_isa_has_bf16(with[i]));
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        assert_false(dnn_isa_has_bf16(without[i]));
}

/* A gradient of the weights a thread costs memory by the thread. */
static void large_weights_are_not_computed_in_parts(void **state)
{
    (void)state;
    struct dnn_conv_spec s = {.src = SHAPE(16, 2, 2, 1024),
                              .dst = SHAPE(16, 2, 2, 2048),
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .pad = {1, 1},
                              .directions = DNN_BACKWARD_WEIGHTS,
                              .threads = 16};
    struct dnn_conv *c;
    struct err e = ERR_INIT;
    assert_int_equal(dnn_conv_new(&s, &c, &e), 0);
    size_t weights = 9 * 1024 * 2048 * sizeof(float);
    assert_true(dnn_conv_scratch(c) < 8 * weights); /* of 16 threads; without AVX-512 oneDNN itself takes 5 */
    dnn_conv_free(c);
}

/* Zeroed, with its end at a page that nobody may touch. */
static void *fenced(size_t size)
{
    const size_t page = 4096, bytes = (size + page - 1) / page * page;
    unsigned char *at = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    assert_int_equal(mprotect(at + bytes, page, PROT_NONE), 0);
    return at + (bytes - size) / 64 * 64;
}

/* What oneDNN gathers beyond its workspace (dnn_faults.c) ends the process here, or gives wrong numbers. */
static void few_channels_with_a_stride(void **state)
{
    (void)state;
    enum { N = 33, SIDE = 64, IN = 4, OUT = 16, PIXELS = N * SIDE * SIDE, SUMS = PIXELS / 4 };
    struct dnn_conv_spec s = {.src = SHAPE(N, SIDE, SIDE, IN),
                              .dst = SHAPE(N, SIDE / 2, SIDE / 2, OUT),
                              .kernel = {1, 1},
                              .stride = {2, 2},
                              .directions = DNN_BACKWARD_WEIGHTS,
                              .threads = 1};
    struct dnn_conv *c;
    struct err e = ERR_INIT;
    assert_int_equal(dnn_conv_new(&s, &c, &e), 0);
    float *x = fenced(PIXELS * IN * sizeof *x), *g = fenced(SUMS * OUT * sizeof *g), w[OUT * IN];
    for (int i = 0; i < PIXELS * IN; i++)
        x[i] = (float)(i * 7 % 5 - 2);
    for (int i = 0; i < SUMS * OUT; i++)
        g[i] = (float)(i % 7 - 3);
    assert_true(dnn_conv_backward_weights(c, x, g, w, fenced(dnn_conv_scratch(c))));
    for (int i = 0; i < OUT * IN; i++) {
        double want = 0;
        for (int p = 0; p < SUMS; p++) {
            int row = p / (SIDE / 2), column = p % (SIDE / 2); /* of all pictures */
            want += (double)g[p * OUT + i / IN] * (double)x[(row * 2 * SIDE + column * 2) * IN + i % IN];
        }
        assert_true(fabs(want - (double)w[i]) < 0.5); /* whole numbers */
    }
    dnn_conv_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_layers),
        cmocka_unit_test(models_layers_in_bf16),
        cmocka_unit_test(any_layer),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused),
        cmocka_unit_test(factors_that_do_not_fit_are_refused),
        cmocka_unit_test(weights_with_factors_are_not_trained),
        cmocka_unit_test(thin_adjoint_of_any_kernel),
        cmocka_unit_test(tiles_in_blocks),
        cmocka_unit_test(tiles_pay_where_there_are_many),
        cmocka_unit_test(matrix_product),
        cmocka_unit_test(instruction_sets_are_sets),
        cmocka_unit_test(large_weights_are_not_computed_in_parts),
        cmocka_unit_test(few_channels_with_a_stride),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
