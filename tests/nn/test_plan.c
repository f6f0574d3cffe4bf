/* Plans: whatever the memory layout does (in place, recompute, views, buffers used again), the numbers are those of a
 * plan that keeps everything, bit for bit; and the gradients are right. */
#include "base/rng.h"
#include "nn/adam.h"
#include "nn/bf16.h"
#include "nn/layers.h"
#include "nn/op.h"
#include "nn/ops.h"
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct init uniform = {.kind = INIT_UNIFORM, .a = -0.3f, .b = 0.3f};
static const struct init one = {.kind = INIT_CONSTANT, .a = 1};
static const struct init zero = {.kind = INIT_CONSTANT, .a = 0};

/* ---- random graphs ---- */

enum { VALUES = 14, OUTPUTS = 3, GOALS = 2 };

/* What a random graph is drawn from. */
struct dice {
    struct rng rng;
    bool smooth; /* no kinks: for differences */
    bool half;   /* values in BF16 too */
    int layers;
};

struct net {
    struct params *params;
    struct graph *graph;
    struct node *input, *outputs[OUTPUTS];
    struct objective objectives[GOALS];
    int noutputs, nobjectives;
};

static struct node *draw_norm(struct graph *g, struct dice *d, struct node *x, enum param_group group)
{
    char name[32];
    struct shape s = SHAPE(shape_last(&x->shape));
    struct node *p[4];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "norm%d.%d", d->layers, i);
        p[i] = graph_param(g, name, s, i < 2 ? group : GROUP_STATE, i == 0 || i == 3 ? one : zero);
    }
    d->layers++;
    struct norm_spec spec = {.eps = 1e-5f, .momentum = 0.1f, .act = d->smooth ? ACT_NONE : ACT_LRELU, .slope = 0.2f};
    return op_batch_norm(g, x, p[0], p[1], p[2], p[3], spec);
}

static struct node *draw_conv(struct graph *g, struct dice *d, struct node *x, int64_t out, enum param_group group)
{
    char name[32];
    snprintf(name, sizeof name, "conv%d", d->layers++);
    struct node *w = graph_param(g, name, SHAPE(out, 1, 1, shape_last(&x->shape)), group, uniform);
    struct conv_spec s = {.kernel = {1, 1}, .stride = {1, 1}, .dtype = x->dtype};
    return op_conv(g, x, w, NULL, s);
}

static struct node *draw_act(struct graph *g, struct dice *d, struct node *x)
{
    static const enum act acts[] = {ACT_TANH, ACT_SIGMOID, ACT_RELU, ACT_LRELU};
    return op_act(g, x, acts[rng_below(&d->rng, d->smooth ? 2 : 4)], 0.1f);
}

/* A chain of views that ends in the shape of x. */
static struct node *draw_views(struct graph *g, struct dice *d, struct node *x)
{
    struct shape shape = x->shape, rows = SHAPE(shape_rows(&shape), shape_last(&shape));
    struct node *flat = op_reshape(g, x, rows);
    if (rng_below(&d->rng, 2))
        flat = draw_act(g, d, flat);
    return op_reshape(g, flat, shape);
}

static struct node *draw_pair(struct graph *g, struct dice *d, struct node *a, struct node *b, enum param_group group)
{
    int64_t channels = shape_last(&a->shape);
    b = op_cast(g, b, a->dtype);
    switch (rng_below(&d->rng, 4)) {
    case 0:
        return op_add(g, a, b);
    case 1:
        return op_sub(g, a, b);
    case 2:
        return op_mul(g, a, b);
    default:
        return draw_conv(g, d, op_concat(g, a, b), channels, group);
    }
}

static struct node *draw_node(struct graph *g, struct dice *d, struct node *a, struct node *b)
{
    enum param_group group = rng_below(&d->rng, 3) ? GROUP_MAIN : GROUP_ADVERSARY;
    switch (rng_below(&d->rng, 8)) {
    case 0:
        return draw_act(g, d, a);
    case 1:
        return op_scale(g, a, 0.7f, 0.1f);
    case 2:
        return draw_views(g, d, a);
    case 3:
        return draw_norm(g, d, a, group);
    case 4:
        return draw_conv(g, d, a, shape_last(&a->shape), group);
    case 5:
        return d->half ? op_cast(g, a, a->dtype == F32 ? BF16 : F32) : draw_norm(g, d, a, group);
    default:
        return draw_pair(g, d, a, b, group);
    }
}

static struct node *draw_loss(struct graph *g, struct dice *d, struct node *const *values, int n)
{
    struct node *a = values[n - 1 - (int)rng_below(&d->rng, 3)], *b = values[rng_below(&d->rng, (uint64_t)n)];
    return op_weighted(g, op_mse(g, a, b), 1, probe_sum(g, a, 9), 1e-4f);
}

/* A graph of VALUES random nodes over an input; the same dice give the same graph. */
static void draw_net(struct net *n, struct dice d, enum graph_mode mode, struct shape shape)
{
    *n = (struct net){.params = params_new()};
    struct graph *g = n->graph = graph_new(mode, F32, n->params);
    struct node *v[VALUES + 2];
    int count = 0;
    n->input = v[count++] = graph_input(g, "x", shape);
    v[count++] =
        draw_conv(g, &d, draw_conv(g, &d, v[0], shape_last(&shape), GROUP_MAIN), shape_last(&shape), GROUP_ADVERSARY);
    while (count < VALUES + 2) {
        struct node *a = v[rng_below(&d.rng, 3) ? count - 1 : (int)rng_below(&d.rng, (uint64_t)count)];
        v[count] = draw_node(g, &d, a, v[rng_below(&d.rng, (uint64_t)count)]);
        count++;
    }
    n->noutputs = 1 + (int)rng_below(&d.rng, OUTPUTS);
    for (int i = 0; i < n->noutputs; i++)
        n->outputs[i] = v[count - 1 - (i ? (int)rng_below(&d.rng, (uint64_t)count - 2) : 0)];
    if (mode == GRAPH_SCORE)
        return;
    n->nobjectives = 1 + (int)rng_below(&d.rng, GOALS);
    for (int i = 0; i < n->nobjectives; i++)
        n->objectives[i] =
            (struct objective){.loss = draw_loss(g, &d, v, count), .group = i ? GROUP_ADVERSARY : GROUP_MAIN};
}

static struct plan *plan_net(const struct net *n, bool keep_all, int threads)
{
    struct plan_spec s = {.graph = n->graph,
                          .outputs = n->outputs,
                          .noutputs = n->noutputs,
                          .objectives = n->objectives,
                          .nobjectives = n->nobjectives,
                          .keep_all = keep_all,
                          .input_grad = n->nobjectives > 0,
                          .threads = threads};
    return probe_plan(&s);
}

static void free_net(struct net *n)
{
    graph_free(n->graph);
    params_free(n->params);
}

static size_t node_bytes(const struct node *n)
{
    return (size_t)shape_count(&n->shape) * dtype_bytes(n->dtype);
}

/* An input's memory is used again within a run: it is filled before each. */
static void fill_and_forward(const struct net *n, struct plan *p, uint64_t seed)
{
    probe_fill(plan_data(p, n->input), (size_t)shape_count(&n->input->shape), seed, 1);
    plan_forward(p, seed);
}

/* ---- planned = keep-all ---- */

struct pair {
    struct net net[2];
    struct plan *plan[2];
    uint64_t seed; /* for messages */
};

static void same(const struct pair *p, const char *what, const void *a, const void *b, size_t bytes)
{
    if (bytes && memcmp(a, b, bytes))
        fail_msg("graph %d: %s differs between the planned and the keep-all run", (int)p->seed, what);
}

static void same_groups(const struct pair *p)
{
    const struct params *a = p->net[0].params, *b = p->net[1].params;
    for (int g = 0; g < GROUP_COUNT; g++) {
        same(p, "a parameter", a->value[g], b->value[g], a->size[g] * sizeof(float));
        if (a->grad[g])
            same(p, "a gradient", a->grad[g], b->grad[g], a->size[g] * sizeof(float));
    }
}

static void forward_both(struct pair *p, uint64_t step)
{
    for (int k = 0; k < 2; k++) {
        fill_and_forward(&p->net[k], p->plan[k], step);
    }
    for (int i = 0; i < p->net[0].noutputs; i++)
        same(p, "an output", plan_data(p->plan[0], p->net[0].outputs[i]), plan_data(p->plan[1], p->net[1].outputs[i]),
             node_bytes(p->net[0].outputs[i]));
}

static void train_both(struct pair *p, uint64_t step)
{
    static const struct adam adam = {.lr = 1e-2f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};
    forward_both(p, step);
    for (int o = 0; o < p->net[0].nobjectives; o++) {
        for (int k = 0; k < 2; k++)
            plan_backward(p->plan[k], o);
        same_groups(p);
        for (int k = 0; k < 2; k++)
            params_adam(p->net[k].params, p->net[k].objectives[o].group, &adam, 1);
    }
    const float *a = plan_grad(p->plan[0], p->net[0].input), *b = plan_grad(p->plan[1], p->net[1].input);
    assert_true(!a == !b);
    if (a)
        same(p, "the input's gradient", a, b, node_bytes(p->net[0].input));
    for (int k = 0; k < 2; k++)
        plan_commit(p->plan[k]);
    same_groups(p);
}

static void compare_with_keep_all(uint64_t seed, enum graph_mode mode, struct shape shape, bool half, size_t *bytes)
{
    struct pair p = {.seed = seed};
    for (int k = 0; k < 2; k++) {
        struct dice d = {.rng = rng_new(seed, 1), .half = half};
        draw_net(&p.net[k], d, mode, shape);
        struct err e = ERR_INIT;
        if (graph_error(p.net[k].graph, &e) < 0)
            fail_msg("graph %d: %s", (int)seed, e.msg);
        probe_allocate(p.net[k].params, seed);
        p.plan[k] = plan_net(&p.net[k], k, 1 + (int)(seed % 2));
        bytes[k] += plan_bytes(p.plan[k]);
    }
    for (uint64_t step = 0; step < 3; step++) {
        if (mode == GRAPH_TRAIN)
            train_both(&p, step);
        else
            forward_both(&p, step);
    }
    for (int k = 0; k < 2; k++) {
        plan_free(p.plan[k]);
        free_net(&p.net[k]);
    }
}

static void training_equals_keep_all(void **state)
{
    (void)state;
    size_t bytes[2] = {0};
    for (uint64_t seed = 0; seed < 60; seed++)
        compare_with_keep_all(seed, GRAPH_TRAIN, SHAPE(2, 5, 7, 16), false, bytes);
    for (uint64_t seed = 100; seed < 140; seed++) /* large enough to be made again rather than kept */
        compare_with_keep_all(seed, GRAPH_TRAIN, SHAPE(2, 26, 26, 64), false, bytes);
    print_message("training: %.1f MB planned, %.1f MB kept\n", (double)bytes[0] * 1e-6, (double)bytes[1] * 1e-6);
    assert_true(bytes[0] < bytes[1] / 2);
}

static void training_in_bf16_equals_keep_all(void **state)
{
    (void)state;
    size_t bytes[2] = {0};
    for (uint64_t seed = 200; seed < 230; seed++)
        compare_with_keep_all(seed, GRAPH_TRAIN, SHAPE(2, 26, 26, 128), true, bytes);
    assert_true(bytes[0] < bytes[1] / 2);
}

static void scoring_equals_keep_all(void **state)
{
    (void)state;
    size_t bytes[2] = {0};
    for (uint64_t seed = 300; seed < 360; seed++)
        compare_with_keep_all(seed, GRAPH_SCORE, SHAPE(2, 9, 7, 32), seed % 2, bytes);
    print_message("scoring: %.1f MB planned, %.1f MB kept\n", (double)bytes[0] * 1e-6, (double)bytes[1] * 1e-6);
    assert_true(bytes[0] < bytes[1] / 2);
}

/* ---- gradients against differences ---- */

static double loss_along(struct net *n, struct plan *p, enum param_group group, const float *at, const float *direction,
                         float step, uint64_t seed)
{
    for (size_t i = 0; i < n->params->size[group]; i++)
        n->params->value[group][i] = at[i] + step * direction[i];
    params_changed(n->params);
    fill_and_forward(n, p, seed);
    return (double)*(float *)plan_data(p, n->objectives[group == GROUP_ADVERSARY].loss);
}

static double difference_along(struct net *n, struct plan *p, enum param_group group, const float *at,
                               const float *direction, float h, uint64_t seed)
{
    double above = loss_along(n, p, group, at, direction, h, seed);
    return (above - loss_along(n, p, group, at, direction, -h, seed)) / (2 * (double)h);
}

static void check_objective(struct net *n, struct plan *p, int objective, uint64_t seed)
{
    enum param_group group = n->objectives[objective].group;
    size_t size = n->params->size[group];
    float *at = malloc(size * sizeof *at), *direction = malloc(size * sizeof *direction);
    memcpy(at, n->params->value[group], size * sizeof *at);
    fill_and_forward(n, p, seed);
    plan_backward(p, objective);
    double slope = 0, norm = 0;
    for (size_t i = 0; i < size; i++)
        norm += pow((double)n->params->grad[group][i], 2);
    norm = sqrt(norm) + 1e-12;
    /* Along the gradient, with a share of noise: every parameter takes part, and the slope is not lost in rounding. */
    for (size_t i = 0; i < size; i++) {
        double g = (double)n->params->grad[group][i];
        direction[i] = (float)(g / norm) + 0.3f * probe_weight(seed, i) / sqrtf((float)size);
        slope += g * (double)direction[i];
    }
    /* A step that changes the loss by some percent: far above rounding; a half step takes the curvature out. */
    double loss = (double)*(float *)plan_data(p, n->objectives[objective].loss);
    float h = (float)fmin(4e-3, 0.02 * fabs(loss) / norm);
    double whole = difference_along(n, p, group, at, direction, h, seed);
    double difference = (4 * difference_along(n, p, group, at, direction, h / 2, seed) - whole) / 3;
    if (!(fabs(slope - difference) < 0.02 * fabs(slope) + 2e-4))
        fail_msg("graph %d, objective %d: the gradient says %g, differences say %g", (int)seed, objective, slope,
                 difference);
    memcpy(n->params->value[group], at, size * sizeof *at);
    params_changed(n->params);
    free(at);
    free(direction);
}

static void gradients_equal_differences(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct net n;
        struct dice d = {.rng = rng_new(seed, 2), .smooth = true};
        draw_net(&n, d, GRAPH_TRAIN, SHAPE(2, 4, 5, 6));
        probe_allocate(n.params, seed);
        struct plan *p = plan_net(&n, false, 1);
        for (int o = 0; o < n.nobjectives; o++)
            check_objective(&n, p, o, seed);
        plan_free(p);
        free_net(&n);
    }
}

/* ---- recompute ---- */

static int forwards, recomputes;

static int twice_infer(struct node *n, struct err *e)
{
    (void)e;
    n->shape = n->in[0]->shape;
    n->dtype = n->in[0]->dtype;
    return 0;
}

static void twice(struct exec *x)
{
    for (size_t i = 0; i < (size_t)shape_count(&x->node->shape); i++)
        ((float *)x->out)[i] = 2 * ((const float *)x->in[0])[i];
}

static void twice_forward(struct exec *x)
{
    forwards++;
    twice(x);
}

static void twice_recompute(struct exec *x)
{
    recomputes++;
    twice(x);
}

static const struct op twice_op = {
    .name = "twice", .keeps = KEEP_IN0, .infer = twice_infer, .forward = twice_forward, .recompute = twice_recompute};

/* Gradient of sum r (2a w) with a = tanh(x) and w a parameter. a itself leads to no parameter, and somebody else would
 * like to write over it. */
static void train_twice(struct shape shape, bool keep_all)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct node *x = graph_input(g, "x", shape), *a = op_act(g, x, ACT_TANH, 0);
    struct node *y = graph_apply(g, &twice_op, NULL, 0, 1, (struct node *[]){a});
    struct node *over = op_scale(g, a, 0, 0), *w = graph_param(g, "w", shape, GROUP_MAIN, uniform);
    struct node *loss = op_add(g, probe_sum(g, op_mul(g, y, w), 5), probe_sum(g, over, 6));
    struct objective o = {.loss = loss, .group = GROUP_MAIN};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(
        &(struct plan_spec){.graph = g, .objectives = &o, .nobjectives = 1, .keep_all = keep_all, .threads = 1});
    size_t n = (size_t)shape_count(&shape);
    float *input = malloc(n * sizeof *input);
    probe_fill(input, n, 1, 1);
    memcpy(plan_data(p, x), input, n * sizeof *input);
    forwards = recomputes = 0;
    plan_forward(p, 0);
    plan_backward(p, 0);
    for (size_t i = 0; i < n; i++) {
        double want = 2 * tanh((double)input[i]) * (double)probe_weight(5, i);
        assert_true(fabs((double)ps->grad[GROUP_MAIN][i] - want) < 1e-5);
    }
    free(input);
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

static void large_values_are_made_again(void **state)
{
    (void)state;
    train_twice(SHAPE(8, 100, 100), false); /* 312 KiB */
    assert_int_equal(forwards, 1);
    assert_int_equal(recomputes, 1);
    train_twice(SHAPE(8, 10, 10), false);
    assert_int_equal(recomputes, 0);
    train_twice(SHAPE(8, 100, 100), true);
    assert_int_equal(recomputes, 0);
}

/* ---- objectives ---- */

/* Two objectives of one net that share parameters of one group; `only`: plan that one alone, or -1 for both. */
static void two_objectives(int only, float *main_gradient, float *adversary_gradient)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct dice d = {.rng = rng_new(1, 1)};
    struct node *x = graph_input(g, "x", SHAPE(2, 3, 3, 8));
    struct node *made = draw_conv(g, &d, x, 8, GROUP_MAIN);
    struct node *judged = op_act(g, draw_conv(g, &d, made, 8, GROUP_ADVERSARY), ACT_TANH, 0);
    struct objective o[] = {{.loss = op_mse(g, judged, x), .group = GROUP_MAIN},
                            {.loss = probe_sum(g, judged, 3), .group = GROUP_ADVERSARY}};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){
        .graph = g, .objectives = only < 0 ? o : &o[only], .nobjectives = only < 0 ? 2 : 1, .threads = 1});
    probe_fill(plan_data(p, x), 2 * 3 * 3 * 8, 1, 1);
    plan_forward(p, 0);
    for (int k = 0; k < (only < 0 ? 2 : 1); k++)
        plan_backward(p, k);
    memcpy(main_gradient, ps->grad[GROUP_MAIN], 64 * sizeof(float));
    memcpy(adversary_gradient, ps->grad[GROUP_ADVERSARY], 64 * sizeof(float));
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

static void each_objective_moves_its_own_group(void **state)
{
    (void)state;
    static const float zeros[64];
    float both[2][64], first[2][64], second[2][64];
    two_objectives(-1, both[0], both[1]);
    two_objectives(0, first[0], first[1]);
    two_objectives(1, second[0], second[1]);
    assert_memory_equal(both[0], first[0], sizeof zeros);
    assert_memory_equal(first[1], zeros, sizeof zeros);
    assert_memory_equal(both[1], second[1], sizeof zeros);
    assert_memory_equal(second[0], zeros, sizeof zeros);
    assert_true(memcmp(both[0], zeros, sizeof zeros) && memcmp(both[1], zeros, sizeof zeros));
}

static void what_an_objective_does_not_reach_gets_zero(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct dice d = {.rng = rng_new(1, 1)};
    struct node *x = graph_input(g, "x", SHAPE(2, 3, 3, 8));
    struct node *a = draw_conv(g, &d, x, 8, GROUP_MAIN), *b = draw_conv(g, &d, x, 8, GROUP_MAIN);
    struct objective o[] = {{.loss = probe_sum(g, a, 1), .group = GROUP_MAIN},
                            {.loss = probe_sum(g, b, 2), .group = GROUP_MAIN}};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .objectives = o, .nobjectives = 2, .threads = 1});
    probe_fill(plan_data(p, x), 2 * 3 * 3 * 8, 1, 1);
    plan_forward(p, 0);
    for (int k = 0; k < 2; k++) {
        plan_backward(p, k);
        for (int i = 0; i < 64; i++) {
            assert_true((params_find(ps, "conv0")->grad[i] != 0) == (k == 0));
            assert_true((params_find(ps, "conv1")->grad[i] != 0) == (k == 1));
        }
    }
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

/* ---- constants ---- */

static void build_folded(struct graph *g, struct node **x, struct node **y)
{
    const struct layer_spec l = {
        .out = 16, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}, .norm = true, .act = ACT_RELU, .dtype = F32};
    *x = graph_input(g, "x", SHAPE(2, 8, 8, 4));
    *y = layer_conv(g, "enc.0", *x, &l);
}

/* The folded layer's output with the weights scaled by `factor` after the first run. */
static void run_folded(float factor, bool change_late, float *out)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, ps);
    struct node *x, *y;
    build_folded(g, &x, &y);
    probe_allocate(ps, 2);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .outputs = &y, .noutputs = 1, .threads = 1});
    for (int run = 0; run < 3; run++) {
        probe_fill(plan_data(p, x), 2 * 8 * 8 * 4, 1, 1);
        if (run == (change_late ? 1 : 0)) {
            for (size_t i = 0; i < params_find(ps, "enc.0.gain")->count; i++)
                params_find(ps, "enc.0.gain")->value[i] *= factor;
            params_changed(ps);
        }
        plan_forward(p, 0);
    }
    memcpy(out, plan_data(p, y), node_bytes(y));
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

static void constants_follow_the_parameters(void **state)
{
    (void)state;
    float before[512], early[512], late[512];
    run_folded(1, true, before);
    run_folded(3, false, early);
    run_folded(3, true, late);
    assert_memory_equal(early, late, sizeof late);
    assert_true(memcmp(before, late, sizeof late));
}

/* ---- profile and non-finite values ---- */

static void add_timing(void *user, const struct plan_timing *t)
{
    double *sums = user;
    assert_true(t->forward_ms >= 0 && t->backward_ms >= 0 && t->flops > 0 && t->bytes > 0);
    sums[0] += t->forward_ms;
    sums[1] += t->backward_ms;
    sums[2]++;
}

static void profile_covers_the_nodes(void **state)
{
    (void)state;
    struct net n;
    draw_net(&n, (struct dice){.rng = rng_new(4, 1)}, GRAPH_TRAIN, SHAPE(2, 20, 20, 16));
    probe_allocate(n.params, 1);
    struct plan *p = plan_net(&n, false, 1);
    struct err e = ERR_INIT;
    double sums[3] = {0};
    assert_int_equal(plan_profile_start(p, &e), 0);
    for (int i = 0; i < 2; i++) {
        plan_forward(p, 0);
        plan_backward(p, 0);
    }
    plan_profile(p, add_timing, sums);
    assert_true(sums[0] > 0 && sums[1] > 0 && sums[2] >= 3);
    plan_free(p);
    free_net(&n);
}

static void a_nan_is_found_where_it_began(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(2, 8));
    g->scope = "first";
    struct node *a = op_scale(g, x, 1, 0);
    g->scope = "second";
    struct node *b = op_mul(g, a, a);
    g->scope = "third";
    struct node *outputs[] = {a, b, op_act(g, b, ACT_TANH, 0)};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .outputs = outputs, .noutputs = 3, .threads = 1});
    float *data = plan_data(p, x);
    probe_fill(data, 16, 1, 1);
    plan_forward(p, 0);
    assert_null(plan_find_nonfinite(p));
    data[3] = 1e30f; /* its square is infinite */
    plan_forward(p, 0);
    assert_ptr_equal(plan_find_nonfinite(p), b);
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

/* ---- what a graph refuses ---- */

static void the_first_error_stays(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(2, 8, 8, 3));
    struct err e = ERR_INIT, planned = ERR_INIT;
    g->scope = "joined";
    struct node *bad = op_add(g, x, graph_input(g, "y", SHAPE(2, 8, 8, 4)));
    assert_null(bad);
    const struct layer_spec l = {.out = 4, .kernel = {3, 3}, .stride = {1, 1}, .act = ACT_RELU};
    assert_null(layer_conv(g, "later", bad, &l));
    assert_null(op_mse(g, bad, x));
    assert_null(op_reshape(g, x, SHAPE(1, 2)));
    assert_null(graph_input(g, "z", SHAPE(1)));
    assert_true(graph_error(g, &e) < 0);
    assert_non_null(strstr(e.msg, "'joined'"));
    assert_non_null(strstr(e.msg, "2x8x8x3"));
    assert_non_null(strstr(e.msg, "2x8x8x4"));
    struct plan *p;
    assert_true(plan_new(&(struct plan_spec){.graph = g, .threads = 1}, &p, &planned) < 0);
    assert_null(p);
    assert_string_equal(planned.msg, e.msg);
    graph_free(g);
    params_free(ps);
}

static void a_missing_input_is_a_sentence(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct err e = ERR_INIT;
    g->scope = "loss";
    assert_null(op_mse(g, NULL, NULL));
    assert_true(graph_error(g, &e) < 0);
    assert_non_null(strstr(e.msg, "'loss': its first input is missing"));
    graph_free(g);
    params_free(ps);
}

static void a_parameter_of_another_shape_is_a_sentence(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct err e = ERR_INIT;
    struct node *w = graph_param(g, "w", SHAPE(3, 4), GROUP_MAIN, uniform);
    assert_ptr_equal(graph_param(g, "w", SHAPE(3, 4), GROUP_MAIN, uniform), w);
    assert_null(graph_param(g, "w", SHAPE(4, 3), GROUP_MAIN, uniform));
    assert_true(graph_error(g, &e) < 0);
    assert_non_null(strstr(e.msg, "parameter w is 3x4, but this graph wants 4x3"));
    graph_free(g);
    params_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_equals_keep_all),
        cmocka_unit_test(training_in_bf16_equals_keep_all),
        cmocka_unit_test(scoring_equals_keep_all),
        cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(large_values_are_made_again),
        cmocka_unit_test(each_objective_moves_its_own_group),
        cmocka_unit_test(what_an_objective_does_not_reach_gets_zero),
        cmocka_unit_test(constants_follow_the_parameters),
        cmocka_unit_test(profile_covers_the_nodes),
        cmocka_unit_test(a_nan_is_found_where_it_began),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(a_missing_input_is_a_sentence),
        cmocka_unit_test(a_parameter_of_another_shape_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
