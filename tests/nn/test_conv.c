/* Convolution and its adjoint in every direction against naive loops in double precision, 2-D and 3-D, F32 and BF16. */
#include "nn/bf16.h"
#include "nn/dnn.h"
#include "convolutions.h"
#include "probe.h"
#include "support/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 77 };

static const float SLOPE = 0.2f;

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
    layer_compare(l, "the output", got, y, n);
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
    layer_compare(l, "the input's gradient", plan_grad(r->plan, r->x), gx, nx);
    for (int twice = 0; twice < 2 && !r->scale; twice++)
        plan_backward(r->plan, 1);
    if (!r->scale)
        layer_compare(l, "the weight's gradient", r->weight->grad, gw, r->weight->count);
    if (r->bias && !r->scale)
        layer_compare(l, "the bias's gradient", r->bias->grad, gb, (size_t)l->out);
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
    double *wide = widened(w, n, layer_rounds(l) ? BF16 : F32);
    free(w);
    return wide;
}

static void check_once(const struct layer *l, int threads)
{
    struct run r;
    struct err e = ERR_INIT;
    build(&r, l);
    if (graph_error(r.graph, &e) < 0)
        fail_msg("%s: %s", layer_describe(l), e.msg);
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
    {3, 1, {9, 6, 5}, 16, 24, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0}, /* one clip, of an odd number of frames */
    {3, 2, {2, 3, 3}, 32, 16, K3, TWO, ONE, ONE, true, false, 0, 0, 0, 0},
    {3, 1, {4, 6, 5}, 24, 1, K3, {1, 2, 2}, ONE, {0, 1, 1}, true, true, 0, 0, 0, 0},
    {3, 1, {3, 4, 5}, 6, 2, {3, 1, 2}, {2, 1, 3}, {1, 0, 1}, {1, 0, 2}, true, true, 0, 0, 0, 0},
    {2, 2, {9, 7}, 16, 32, K3, TWO, ONE, {0}, false, true, ACT_RELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 32, K3, TWO, ONE, {0}, false, true, ACT_LRELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 1100, ONE, ONE, {0}, {0}, true, false, ACT_LRELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 32, K3, TWO, ONE, ONE, true, true, ACT_LRELU, 0, 0, 0},
    {3, 2, {3, 4, 5}, 16, 3, K3, TWO, ONE, ONE, true, true, ACT_RELU, 0, 0, 0},
    {2, 2, {9, 7}, 16, 2, K3, TWO, ONE, ONE, true, false, ACT_LRELU, 0, 0, 0},
    {2, 3, {1, 1}, 24, 3, {4, 4}, ONE, {0}, {0}, true, true, 0, 0, 0, 0},
    {2, 2, {130, 126}, 3, 16, ONE, TWO, {0}, {0}, false, false, 0, 0, 0, 0},
    {3, 2, {8, 40, 40}, 1, 8, ONE, {1, 2, 2}, {0}, {0}, false, false, 0, 0, 0, 0},
    {3, 1, {3, 6, 6}, 1, 16, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0}, /* padding in every window of frames */
    {3, 2, {2, 6, 6}, 16, 32, K3, TWO, ONE, {0}, false, true, 0, 0, 0, 0},
    /* in transformed tiles: whole ones, ones cut off, more and less than a strip of channels */
    {2, 16, {8, 8}, 32, 48, K4, TWO, ONE, {0}, false, true, ACT_LRELU, 0, 0, 0},
    {2, 4, {14, 17}, 80, 33, K4, TWO, ONE, {0}, false, false, 0, 0, 0, 0},
    {2, 4, {8, 7}, 36, 70, K4, TWO, ONE, {0, 1}, true, true, ACT_RELU, 0, 0, 0},
    {2, 2, {13, 16}, 140, 32, K4, TWO, ONE, {1, 0}, true, false, 0, 0, 0, 0},
    {2, 32, {16, 15}, 64, 66, K3, TWO, ONE, {0}, false, true, ACT_RELU, 0, 0, 0},
    {2, 33, {8, 8}, 70, 64, K3, TWO, ONE, ONE, true, true, ACT_LRELU, 0, 0, 0},
    /* their weights' gradient alone */
    {2, 32, {8, 8}, 64, 64, K3, TWO, ONE, {0}, false, false, ACT_LRELU, 0, 0, 0},
    {3, 1, {2, 16, 16}, 64, 64, K3, TWO, ONE, ONE, true, false, 0, 0, 0, 0},
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

static void any_layer(void **state)
{
    (void)state;
    struct rng r = rng_new(21, 0);
    for (int i = 0; i < 150; i++) {
        struct layer l = layer_draw(&r);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
