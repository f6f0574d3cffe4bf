/* Plans: whatever the memory layout does (in place, recompute, views, buffers used again), the numbers are those of a
 * plan that keeps everything, bit for bit; and the gradients are right. */
#include "base/rng.h"
#include "nn/adam.h"
#include "nn/bf16.h"
#include "nn/dnn.h"
#include "nn/layers.h"
#include "nn/op.h"
#include "nn/ops.h"
#include "nets.h"
#include "probe.h"
#include "support/gradients.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct init uniform = {.kind = INIT_UNIFORM, .a = -0.3f, .b = 0.3f};

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
    for (enum param_group g = 0; g < GROUP_COUNT; g++) {
        same(p, "a parameter", a->value[g], b->value[g], a->size[g] * sizeof(float));
        float *x = gradients_of(a, g), *y = gradients_of(b, g);
        same(p, "a gradient", x, y, a->size[g] * sizeof(float));
        free(x);
        free(y);
    }
}

static void forward_both(struct pair *p, uint64_t step)
{
    for (int k = 0; k < 2; k++)
        plan_forward(p->plan[k], step);
    for (int i = 0; i < p->net[0].noutputs; i++)
        same(p, "an output", plan_data(p->plan[0], p->net[0].outputs[i]), plan_data(p->plan[1], p->net[1].outputs[i]),
             node_bytes(p->net[0].outputs[i]));
}

static void backward_both(struct pair *p, int objective)
{
    for (int k = 0; k < 2; k++)
        plan_backward(p->plan[k], objective);
    same_groups(p);
    const float *a = plan_grad(p->plan[0], p->net[0].input), *b = plan_grad(p->plan[1], p->net[1].input);
    assert_int_equal(a != NULL, p->net[0].objectives[objective].wrt != NULL);
    if (a)
        same(p, "the input's gradient", a, b, node_bytes(p->net[0].input));
}

/* As the trainer does: all backward passes of a forward pass, then their updates. */
static void pass_both(struct pair *p, uint64_t step, int first, int last)
{
    static const struct adam adam = {.lr = 1e-2f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};
    forward_both(p, step);
    for (int o = first; o < last; o++)
        backward_both(p, o);
    for (int o = first; o < last; o++)
        for (int k = 0; k < 2 && !p->net[k].objectives[o].wrt; k++)
            params_adam(p->net[k].params, p->net[k].objectives[o].group, &adam, 1);
}

static void fill_both(struct pair *p, uint64_t step)
{
    for (int k = 0; k < 2; k++)
        probe_fill(plan_data(p->plan[k], p->net[k].input), (size_t)shape_count(&p->net[k].input->shape), step, 1);
}

static void train_both(struct pair *p, uint64_t step)
{
    fill_both(p, step);
    for (int first = 0, last; first < p->net[0].nobjectives; first = last) {
        last = net_pass(&p->net[0], first);
        pass_both(p, step, first, last);
    }
    for (int k = 0; k < 2; k++)
        plan_commit(p->plan[k]);
    same_groups(p);
}

static void compare_with_keep_all(uint64_t seed, enum graph_mode mode, struct shape shape, bool half, size_t *bytes)
{
    struct pair p = {.seed = seed};
    for (int k = 0; k < 2; k++) {
        struct dice d = {.rng = rng_new(seed, 1), .half = half};
        net_draw(&p.net[k], d, mode, shape);
        struct err e = ERR_INIT;
        if (graph_error(p.net[k].graph, &e) < 0)
            fail_msg("graph %d: %s", (int)seed, e.msg);
        probe_allocate(p.net[k].params, seed);
        p.plan[k] = net_plan(&p.net[k], k, 1 + (int)(seed % 2));
        bytes[k] += plan_bytes(p.plan[k]);
    }
    for (uint64_t step = 0; step < 3; step++) {
        if (mode == GRAPH_TRAIN) {
            train_both(&p, step);
        } else {
            fill_both(&p, step);
            forward_both(&p, step);
        }
    }
    for (int k = 0; k < 2; k++) {
        plan_free(p.plan[k]);
        net_free(&p.net[k]);
    }
}

static void training_equals_keep_all(void **state)
{
    (void)state;
    size_t bytes[2] = {0};
    for (uint64_t seed = 0; seed < 40; seed++)
        compare_with_keep_all(seed, GRAPH_TRAIN, SHAPE(2, 5, 7, 16), false, bytes);
    for (uint64_t seed = 100; seed < 115; seed++) /* large enough to be made again rather than kept */
        compare_with_keep_all(seed, GRAPH_TRAIN, SHAPE(2, 52, 52, 16), false, bytes);
    print_message("training: %.1f MB planned, %.1f MB kept\n", (double)bytes[0] * 1e-6, (double)bytes[1] * 1e-6);
    assert_true(bytes[0] < bytes[1] / 2);
}

static void training_in_bf16_equals_keep_all(void **state)
{
    (void)state;
    if (!dnn_has_bf16()) {
        print_message("this processor does not compute in bf16: nothing to test\n");
        skip();
    }
    size_t bytes[2] = {0};
    for (uint64_t seed = 200; seed < 210; seed++)
        compare_with_keep_all(seed, GRAPH_TRAIN, SHAPE(2, 52, 52, 32), true, bytes);
    assert_true(bytes[0] < bytes[1] / 2);
}

static void scoring_equals_keep_all(void **state)
{
    (void)state;
    size_t bytes[2] = {0};
    for (uint64_t seed = 300; seed < 340; seed++)
        compare_with_keep_all(seed, GRAPH_SCORE, SHAPE(2, 9, 7, 32), seed % 2 && dnn_has_bf16(), bytes);
    print_message("scoring: %.1f MB planned, %.1f MB kept\n", (double)bytes[0] * 1e-6, (double)bytes[1] * 1e-6);
    assert_true(bytes[0] < bytes[1] / 2);
}

/* ---- gradients against differences ---- */

/* What an objective's gradient is with respect to: a group of parameters, or the input. */
struct spot {
    struct net *net;
    struct plan *plan;
    const struct objective *objective;
    float *value, *x; /* x: the input's values */
    size_t size;
};

static double loss_at(const struct spot *s)
{
    params_changed(s->net->params);
    memcpy(plan_data(s->plan, s->net->input), s->x, node_bytes(s->net->input));
    plan_forward(s->plan, 0);
    return (double)*(float *)plan_data(s->plan, s->objective->loss);
}

static double difference_along(const struct spot *s, const float *at, const float *direction, float h)
{
    double sum = 0;
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (size_t i = 0; i < s->size; i++)
            s->value[i] = at[i] + (float)sign * h * direction[i];
        sum += sign * loss_at(s);
    }
    memcpy(s->value, at, s->size * sizeof *at);
    return sum / (2 * (double)h);
}

static void check_spot(const struct spot *s, uint64_t seed)
{
    float *at = malloc(s->size * sizeof *at), *direction = malloc(s->size * sizeof *direction);
    memcpy(at, s->value, s->size * sizeof *at);
    double slope = 0, norm = 0, loss = loss_at(s);
    plan_backward(s->plan, (int)(s->objective - s->net->objectives));
    float *grad =
        s->objective->wrt ? malloc(s->size * sizeof *grad) : gradients_of(s->net->params, s->objective->group);
    if (s->objective->wrt)
        memcpy(grad, plan_grad(s->plan, s->objective->wrt), s->size * sizeof *grad);
    for (size_t i = 0; i < s->size; i++)
        norm += pow((double)grad[i], 2);
    norm = sqrt(norm) + 1e-12;
    /* Along the gradient, with a share of noise: every value takes part, and the slope is not lost in rounding. */
    for (size_t i = 0; i < s->size; i++) {
        double g = (double)grad[i];
        direction[i] = (float)(g / norm) + 0.3f * probe_weight(seed, i) / sqrtf((float)s->size);
        slope += g * (double)direction[i];
    }
    /* A step that changes the loss by some percent: far above rounding; a half step takes the curvature out. */
    float h = (float)fmin(4e-3, 0.02 * fabs(loss) / norm);
    double whole = difference_along(s, at, direction, h);
    double difference = (4 * difference_along(s, at, direction, h / 2) - whole) / 3;
    if (!(fabs(slope - difference) < 0.02 * fabs(slope) + 2e-4))
        fail_msg("graph %d, objective %s: the gradient says %g, differences say %g", (int)seed, s->objective->name,
                 slope, difference);
    free(grad);
    free(at);
    free(direction);
}

static void check_objective(struct net *n, struct plan *p, const struct objective *o, uint64_t seed)
{
    size_t count = (size_t)shape_count(&n->input->shape);
    struct spot s = {.net = n, .plan = p, .objective = o, .x = malloc(count * sizeof(float))};
    probe_fill(s.x, count, seed, 1);
    s.value = o->wrt ? s.x : n->params->value[o->group];
    s.size = o->wrt ? count : n->params->size[o->group];
    check_spot(&s, seed);
    free(s.x);
}

static void gradients_equal_differences(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct net n;
        struct dice d = {.rng = rng_new(seed, 2), .smooth = true};
        net_draw(&n, d, GRAPH_TRAIN, SHAPE(2, 4, 5, 6));
        probe_allocate(n.params, seed);
        struct plan *p = net_plan(&n, false, 1);
        for (int o = 0; o < n.nobjectives; o++)
            check_objective(&n, p, &n.objectives[o], seed);
        plan_free(p);
        net_free(&n);
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

static void twice_backward(struct exec *x)
{
    for (size_t i = 0; i < (size_t)shape_count(&x->node->shape); i++)
        ((float *)x->gin[0])[i] = 2 * ((const float *)x->gout)[i];
}

static const struct op twice_op = {.name = "twice",
                                   .remakes = READ_IN0,
                                   .infer = twice_infer,
                                   .forward = twice_forward,
                                   .backward = twice_backward,
                                   .recompute = twice_recompute};

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
        assert_true(fabs((double)ps->first->grad[i] - want) < 1e-5);
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

/* Two layers with a value between them that can be made again; trains the first, the second or both. */
static size_t train_two(unsigned groups)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct dice d = {.rng = rng_new(1, 1)};
    struct node *x = graph_input(g, "x", SHAPE(2, 64, 64, 16)), *made = net_conv(g, &d, x, 16, GROUP_MAIN);
    struct node *y = graph_apply(g, &twice_op, NULL, 0, 1, (struct node *[]){made});
    struct node *loss = probe_sum(g, net_conv(g, &d, y, 16, GROUP_ADVERSARY), 5);
    struct objective o[2];
    int n = 0;
    for (int k = 0; k < 2; k++)
        if (groups >> k & 1)
            o[n++] = (struct objective){.loss = loss, .group = (enum param_group)k};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .objectives = o, .nobjectives = n, .threads = 1});
    probe_fill(plan_data(p, x), (size_t)shape_count(&x->shape), 1, 1);
    recomputes = 0;
    plan_forward(p, 0);
    for (int k = 0; k < n; k++)
        plan_backward(p, k);
    size_t bytes = plan_bytes(p);
    plan_free(p);
    graph_free(g);
    params_free(ps);
    return bytes;
}

/* The gradient through the second layer's data reads no data; that of its weights does. */
static void a_frozen_path_makes_nothing_again(void **state)
{
    (void)state;
    size_t frozen = train_two(1u << GROUP_MAIN);
    assert_int_equal(recomputes, 0);
    train_two(1u << GROUP_ADVERSARY);
    assert_int_equal(recomputes, 1);
    size_t both = train_two(1u << GROUP_MAIN | 1u << GROUP_ADVERSARY);
    assert_int_equal(recomputes, 1);
    assert_true(frozen + 2 * 64 * 64 * 16 * sizeof(float) <= both);
}

/* Two convolutions: three tensors are alive at most, as the second's input is dead when its gradient is written.
 * Besides them oneDNN may want room for one sample: of many small ones that is little. */
static void a_value_and_its_gradient_need_not_be_alive_together(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct dice d = {.rng = rng_new(1, 1)};
    struct node *x = graph_input(g, "x", SHAPE(8, 64, 64, 16)), *made = net_conv(g, &d, x, 16, GROUP_MAIN);
    struct objective o = {.loss = probe_sum(g, net_conv(g, &d, made, 16, GROUP_MAIN), 5), .group = GROUP_MAIN};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .objectives = &o, .nobjectives = 1, .threads = 1});
    assert_true((double)plan_bytes(p) < 3.5 * (double)node_bytes(x));
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
    net_draw(&n, (struct dice){.rng = rng_new(4, 1)}, GRAPH_TRAIN, SHAPE(2, 20, 20, 16));
    probe_allocate(n.params, 1);
    struct plan *p = net_plan(&n, false, 1);
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
    net_free(&n);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_equals_keep_all),
        cmocka_unit_test(training_in_bf16_equals_keep_all),
        cmocka_unit_test(scoring_equals_keep_all),
        cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(large_values_are_made_again),
        cmocka_unit_test(a_frozen_path_makes_nothing_again),
        cmocka_unit_test(a_value_and_its_gradient_need_not_be_alive_together),
        cmocka_unit_test(constants_follow_the_parameters),
        cmocka_unit_test(profile_covers_the_nodes),
        cmocka_unit_test(a_nan_is_found_where_it_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
