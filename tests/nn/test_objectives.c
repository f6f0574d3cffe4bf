/* Objectives: several over one net, with respect to groups of parameters or to an input, with and without a forward
 * pass of their own; and the state that moves behind them. */
#include "nets.h"
#include "nn/layers.h"
#include "nn/ops.h"
#include "probe.h"
#include "support/gradients.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two objectives of one net that share parameters of one group; `only`: plan that one alone, or -1 for both. */
static void two_objectives(int only, float *main_gradient, float *adversary_gradient)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct dice d = {.rng = rng_new(1, 1)};
    struct node *x = graph_input(g, "x", SHAPE(2, 3, 3, 8));
    struct node *made = net_conv(g, &d, x, 8, GROUP_MAIN);
    struct node *judged = op_act(g, net_conv(g, &d, made, 8, GROUP_ADVERSARY), ACT_TANH, 0);
    struct objective o[] = {{.loss = op_mse(g, judged, x), .group = GROUP_MAIN},
                            {.loss = probe_sum(g, judged, 3), .group = GROUP_ADVERSARY}};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){
        .graph = g, .objectives = only < 0 ? o : &o[only], .nobjectives = only < 0 ? 2 : 1, .threads = 1});
    probe_fill(plan_data(p, x), 2 * 3 * 3 * 8, 1, 1);
    plan_forward(p, 0);
    for (int k = 0; k < (only < 0 ? 2 : 1); k++)
        plan_backward(p, k);
    float *of_main = gradients_of(ps, GROUP_MAIN), *of_adversary = gradients_of(ps, GROUP_ADVERSARY);
    memcpy(main_gradient, of_main, 64 * sizeof(float));
    memcpy(adversary_gradient, of_adversary, 64 * sizeof(float));
    free(of_main);
    free(of_adversary);
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
    struct node *a = net_conv(g, &d, x, 8, GROUP_MAIN), *b = net_conv(g, &d, x, 8, GROUP_MAIN);
    struct objective o[] = {{.loss = probe_sum(g, a, 1), .group = GROUP_MAIN},
                            {.loss = probe_sum(g, b, 2), .group = GROUP_MAIN, .fresh = true}};
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

static void refuses(const struct plan_spec *spec, const char *words)
{
    struct err e = ERR_INIT;
    struct plan *p;
    assert_true(plan_new(spec, &p, &e) < 0);
    assert_null(p);
    if (!strstr(e.msg, words))
        fail_msg("'%s' does not say '%s'", e.msg, words);
}

static void what_cannot_be_an_objective_is_refused(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct dice d = {.rng = rng_new(1, 1)};
    struct node *x = graph_input(g, "x", SHAPE(2, 3, 3, 8)), *z = graph_input(g, "z", SHAPE(2, 3, 3, 1));
    struct node *a = net_conv(g, &d, x, 8, GROUP_MAIN), *square = op_square_mean(g, a); /* which has no gradient */
    struct objective o[] = {{.name = "first", .loss = probe_sum(g, a, 1), .group = GROUP_MAIN},
                            {.name = "second", .loss = probe_sum(g, a, 2), .group = GROUP_ADVERSARY},
                            {.name = "third", .loss = probe_sum(g, a, 2), .group = GROUP_MAIN},
                            {.name = "fourth", .loss = op_mse(g, square, z)}};
    struct plan_spec spec = {.graph = g, .objectives = o, .nobjectives = 3, .threads = 1};
    probe_allocate(ps, 1);
    refuses(&spec, "objectives 'first' and 'third' train one group of parameters in one forward pass");
    o[2].fresh = true;
    plan_free(probe_plan(&spec));
    o[2] = (struct objective){.name = "third", .loss = o[2].loss, .wrt = a};
    refuses(&spec, "objective 'third' wants a gradient with respect to '', which is not an input");
    o[2].wrt = x;
    plan_free(probe_plan(&spec));
    spec.nobjectives = 4;
    o[3].wrt = x;
    refuses(&spec, "objective 'fourth' has no gradient with respect to 'x'");
    o[3].wrt = z;
    plan_free(probe_plan(&spec));
    graph_free(g);
    params_free(ps);
}

/* ---- with respect to an input ---- */

/* A small decoder of layers of every form; without norms the two modes compute the same. */
struct decoder {
    struct graph *graph;
    struct node *z, *loss;
    struct plan *plan;
};

enum { LATENTS = 2 * 4 * 5 * 8 };

static void open_decoder(struct decoder *d, struct params *ps, enum graph_mode mode, bool norm, bool keep_all)
{
    struct layer_spec l = {
        .transposed = true, .out = 16, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}, .output_pad = {1, 1}};
    struct graph *g = d->graph = graph_new(mode, F32, ps);
    d->z = graph_input(g, "z", SHAPE(2, 4, 5, 8));
    l.norm = norm;
    l.act = ACT_LRELU;
    l.slope = 0.2f;
    struct node *x = layer_conv(g, "0", d->z, &l);
    l.act = ACT_TANH;
    x = layer_conv(g, "1", x, &l);
    l.transposed = false;
    l.act = ACT_LRELU;
    x = layer_conv(g, "2", x, &l);
    l = (struct layer_spec){.transposed = true, .out = 3, .kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
    x = layer_conv(g, "3", x, &l);
    d->loss = probe_sum(g, x, 4);
    if (!ps->allocated)
        probe_allocate(ps, 3);
    struct objective o = {.name = "search", .loss = d->loss, .wrt = d->z};
    struct plan_spec spec = {.graph = g, .objectives = &o, .nobjectives = 1, .keep_all = keep_all, .threads = 2};
    d->plan = probe_plan(&spec);
}

static void close_decoder(struct decoder *d)
{
    plan_free(d->plan);
    graph_free(d->graph);
}

static double run_decoder(const struct decoder *d, const float *z, float *gradient)
{
    memcpy(plan_data(d->plan, d->z), z, LATENTS * sizeof *z);
    plan_forward(d->plan, 0);
    if (gradient) {
        plan_backward(d->plan, 0);
        memcpy(gradient, plan_grad(d->plan, d->z), LATENTS * sizeof *z);
        plan_forward(d->plan, 0);
        assert_memory_equal(gradient, plan_grad(d->plan, d->z), LATENTS * sizeof *z);
    }
    return (double)*(const float *)plan_data(d->plan, d->loss);
}

static void a_score_graph_has_the_gradient_of_training(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct decoder train, score;
    float z[LATENTS], wanted[LATENTS], got[LATENTS];
    double wide[LATENTS];
    open_decoder(&train, ps, GRAPH_TRAIN, false, false);
    open_decoder(&score, ps, GRAPH_SCORE, false, false);
    probe_fill(z, LATENTS, 2, 1);
    run_decoder(&train, z, wanted);
    run_decoder(&score, z, got);
    for (int i = 0; i < LATENTS; i++)
        wide[i] = (double)wanted[i];
    assert_true(probe_error(got, wide, LATENTS) < 1e-5);
    close_decoder(&train);
    close_decoder(&score);
    params_free(ps);
}

/* Statistics that the folding has something to do with. */
static void set_statistics(struct params *ps)
{
    for (struct param *p = ps->first; p; p = p->next)
        for (size_t i = 0; i < p->count && p->group == GROUP_STATE; i++)
            p->value[i] += 0.3f * fabsf(probe_weight(8, i));
    params_changed(ps);
}

static void a_score_graph_has_the_gradient_of_differences(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct decoder d, kept;
    float z[LATENTS], moved[LATENTS], gradient[LATENTS], same[LATENTS];
    open_decoder(&d, ps, GRAPH_SCORE, true, false);
    open_decoder(&kept, ps, GRAPH_SCORE, true, true);
    set_statistics(ps);
    probe_fill(z, LATENTS, 2, 1);
    run_decoder(&d, z, gradient);
    run_decoder(&kept, z, same);
    assert_memory_equal(gradient, same, sizeof same);
    for (int k = 0; k < 40; k++) {
        int i = k * 37 % LATENTS;
        double difference = 0;
        memcpy(moved, z, sizeof z);
        for (int sign = 1; sign >= -1; sign -= 2) {
            moved[i] = z[i] + 1e-2f * (float)sign;
            difference += sign * run_decoder(&d, moved, NULL) / 2e-2;
        }
        assert_true(fabs(difference - (double)gradient[i]) < 0.02 * fabs(difference) + 2e-3);
    }
    close_decoder(&d);
    close_decoder(&kept);
    params_free(ps);
}

/* The gradient that plan_grad tells is the last backward's, not whichever lies in the memory. */
static void a_gradient_is_of_the_last_backward(void **state)
{
    (void)state;
    for (int keep_all = 0; keep_all < 2; keep_all++) {
        struct params *ps = params_new();
        struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
        struct dice d = {.rng = rng_new(1, 1)};
        struct node *x = graph_input(g, "x", SHAPE(1, 2, 2, 8)), *a = net_conv(g, &d, x, 8, GROUP_MAIN);
        struct objective o[] = {{.loss = probe_sum(g, x, 1), .wrt = x},
                                {.loss = probe_sum(g, a, 2), .wrt = x},
                                {.loss = probe_sum(g, a, 2), .group = GROUP_MAIN}};
        probe_allocate(ps, 1);
        struct plan *p = probe_plan(
            &(struct plan_spec){.graph = g, .objectives = o, .nobjectives = 3, .keep_all = keep_all, .threads = 1});
        assert_null(plan_grad(p, x));
        probe_fill(plan_data(p, x), 32, 1, 1);
        plan_forward(p, 0);
        for (int run = 0; run < 2; run++)
            for (int k = 2; k >= 0; k--) {
                plan_backward(p, k);
                const float *gx = plan_grad(p, x), *ga = plan_grad(p, a);
                assert_int_equal(gx != NULL, k < 2);
                assert_int_equal(ga != NULL, keep_all && k > 0);
                for (size_t i = 0; i < 32; i++) {
                    assert_true(k != 0 || gx[i] == probe_weight(1, i));
                    assert_true(k != 1 || gx[i] != probe_weight(1, i));
                    assert_true(!ga || ga[i] == probe_weight(2, i));
                }
            }
        plan_free(p);
        graph_free(g);
        params_free(ps);
    }
}

/* ---- a forward pass of its own ---- */

static void inputs_are_there_for_a_fresh_pass(void **state)
{
    (void)state;
    enum { COUNT = 2 * 16 * 16 * 8 };
    for (int fresh = 0; fresh < 2; fresh++) {
        struct params *ps = params_new();
        struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
        struct dice d = {.rng = rng_new(1, 1)};
        struct node *x = graph_input(g, "x", SHAPE(2, 16, 16, 8)), *a = op_act(g, x, ACT_TANH, 0);
        for (int i = 0; i < 4; i++)
            a = op_act(g, net_conv(g, &d, a, 8, i % 2 ? GROUP_ADVERSARY : GROUP_MAIN), ACT_TANH, 0);
        struct objective o[] = {{.loss = probe_sum(g, a, 1), .group = GROUP_MAIN},
                                {.loss = op_mse(g, a, a), .group = GROUP_ADVERSARY, .fresh = fresh}};
        probe_allocate(ps, 1);
        struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .objectives = o, .nobjectives = 2, .threads = 1});
        float *input = malloc(COUNT * sizeof *input);
        probe_fill(input, COUNT, 1, 1);
        memcpy(plan_data(p, x), input, COUNT * sizeof *input);
        plan_forward(p, 0);
        plan_backward(p, 0);
        /* Without, its memory is used again: that is what makes this test one. */
        assert_int_equal(memcmp(plan_data(p, x), input, COUNT * sizeof *input) == 0, fresh);
        free(input);
        plan_free(p);
        graph_free(g);
        params_free(ps);
    }
}

/* ---- state ---- */

static void state_moves_whoever_reads_the_value_beside_it(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct layer_spec l = {.out = 8, .kernel = {1, 1}, .stride = {1, 1}, .norm = true};
    struct node *x = graph_input(g, "x", SHAPE(2, 3, 3, 4)), *a = layer_conv(g, "read", x, &l);
    assert_non_null(layer_conv(g, "unread", a, &l));
    struct objective o = {.loss = probe_sum(g, a, 1), .group = GROUP_MAIN};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .objectives = &o, .nobjectives = 1, .threads = 1});
    probe_fill(plan_data(p, x), 2 * 3 * 3 * 4, 1, 1);
    plan_forward(p, 0);
    plan_backward(p, 0);
    for (int i = 0; i < 8; i++)
        assert_true(params_find(ps, "unread.mean")->value[i] == 0 && params_find(ps, "unread.var")->value[i] == 1);
    plan_commit(p);
    for (int i = 0; i < 8; i++)
        assert_true(params_find(ps, "unread.mean")->value[i] != 0 && params_find(ps, "unread.var")->value[i] != 1);
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_objective_moves_its_own_group),
        cmocka_unit_test(what_an_objective_does_not_reach_gets_zero),
        cmocka_unit_test(what_cannot_be_an_objective_is_refused),
        cmocka_unit_test(a_score_graph_has_the_gradient_of_training),
        cmocka_unit_test(a_score_graph_has_the_gradient_of_differences),
        cmocka_unit_test(a_gradient_is_of_the_last_backward),
        cmocka_unit_test(inputs_are_there_for_a_fresh_pass),
        cmocka_unit_test(state_moves_whoever_reads_the_value_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
