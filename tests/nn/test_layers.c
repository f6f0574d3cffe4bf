/* Layers: which parameters they have, and the same numbers whether the norm is folded or not. */
#include "nets.h"
#include "nn/layers.h"
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct layer_spec conv = {.out = 5, .kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
static const struct layer_spec linear = {.out = 5};

/* The names of the parameters, and where they are, in one text. */
static const char *declared(struct node *(*build)(struct graph *, const char *, struct node *,
                                                  const struct layer_spec *),
                            struct shape shape, const struct layer_spec *l, enum graph_mode mode)
{
    static char text[400];
    static const char *const groups[] = {"main", "adversary", "encoder", "state"};
    struct params *ps = params_new();
    struct graph *g = graph_new(mode, F32, ps);
    size_t used = 0;
    assert_non_null(build(g, "n", graph_input(g, "x", shape), l));
    for (const struct param *p = ps->first; p; p = p->next) {
        char size[SHAPE_TEXT];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %s %s; ", p->name, shape_text(&p->shape, size),
                                 groups[p->group]);
    }
    graph_free(g);
    params_free(ps);
    return text;
}

static void layers_declare_what_they_have(void **state)
{
    (void)state;
    const struct shape picture = SHAPE(2, 4, 4, 3), row = SHAPE(2, 3);
    for (enum graph_mode mode = GRAPH_TRAIN; mode <= GRAPH_SCORE; mode++) {
        struct layer_spec c = conv, l = linear;
        assert_string_equal(declared(layer_conv, picture, &c, mode), "n.weight 5x3x3x3 main; n.bias 5 main; ");
        c.no_bias = true;
        c.group = l.group = GROUP_ADVERSARY;
        assert_string_equal(declared(layer_conv, picture, &c, mode), "n.weight 5x3x3x3 adversary; ");
        c.norm = l.norm = true;
        assert_string_equal(declared(layer_conv, picture, &c, mode),
                            "n.weight 5x3x3x3 adversary; n.gain 5 adversary; n.shift 5 adversary; n.mean 5 state; "
                            "n.var 5 state; ");
        assert_string_equal(declared(layer_linear, row, &l, mode),
                            "n.weight 5x3 adversary; n.gain 5 adversary; n.shift 5 adversary; n.mean 5 state; n.var 5 "
                            "state; ");
        l.norm = false;
        assert_string_equal(declared(layer_linear, row, &l, mode), "n.weight 5x3 adversary; n.bias 5 adversary; ");
        l.no_bias = true;
        assert_string_equal(declared(layer_linear, row, &l, mode), "n.weight 5x3 adversary; ");
    }
}

static void weights_begin_by_their_fan_in(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    layer_linear(g, "l", graph_input(g, "x", SHAPE(2, 16)), &linear);
    layer_conv(g, "c", graph_input(g, "y", SHAPE(2, 4, 4, 4)), &conv);
    const struct init l = params_find(ps, "l.weight")->init, c = params_find(ps, "c.weight")->init;
    assert_true(l.kind == INIT_UNIFORM && l.a == -0.25f && l.b == 0.25f);
    assert_true(c.kind == INIT_UNIFORM && fabsf(c.b - 1.0f / 6) < 1e-6f);
    graph_free(g);
    params_free(ps);
}

/* ---- numbers ---- */

enum { ROWS = 6, IN = 7, OUT = 5, STEPS = 3 };

/* A net of one linear layer; runs it once, commits as often as it says. */
static void run_linear(struct params *ps, enum graph_mode mode, const struct layer_spec *l, int commits, float *out)
{
    struct graph *g = graph_new(mode, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(ROWS, IN)), *y = layer_linear(g, "n", x, l);
    struct objective o = {.loss = probe_sum(g, y, 1), .group = GROUP_MAIN};
    if (!ps->allocated)
        probe_allocate(ps, 3);
    struct plan *p = probe_plan(&(struct plan_spec){
        .graph = g, .outputs = &y, .noutputs = 1, .objectives = &o, .nobjectives = mode == GRAPH_TRAIN, .threads = 1});
    for (int i = 0; i <= commits; i++) {
        probe_fill(plan_data(p, x), (size_t)ROWS * IN, 1, 1);
        plan_forward(p, 0);
        if (i < commits)
            plan_commit(p);
    }
    memcpy(out, plan_data(p, y), node_bytes(y));
    plan_free(p);
    graph_free(g);
}

/* act((x W^T - mean) gain / sqrt(var + eps) + shift), or with a bias; statistics of the batch or the running ones */
static void expect_linear(const struct params *ps, const struct layer_spec *l, bool batch, const float *got)
{
    float x[ROWS * IN];
    probe_fill(x, ROWS * IN, 1, 1);
    for (int c = 0; c < OUT; c++) {
        double y[ROWS], mean = 0, var = 0;
        for (int r = 0; r < ROWS; r++) {
            y[r] = 0;
            for (int k = 0; k < IN; k++)
                y[r] += (double)x[r * IN + k] * (double)params_find(ps, "n.weight")->value[c * IN + k];
            mean += y[r] / ROWS;
        }
        for (int r = 0; r < ROWS; r++)
            var += (y[r] - mean) * (y[r] - mean) / ROWS;
        if (l->norm && !batch) {
            mean = (double)params_find(ps, "n.mean")->value[c];
            var = (double)params_find(ps, "n.var")->value[c];
        }
        for (int r = 0; r < ROWS; r++) {
            double want = l->norm ? (y[r] - mean) / sqrt(var + 1e-5) : y[r];
            want = l->act == ACT_TANH ? tanh(want) : want > 0 ? want : 0.2 * want;
            assert_true(fabs(want - (double)got[r * OUT + c]) < 1e-4);
        }
    }
}

static void linear_layers_compute_what_they_say(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_TANH, ACT_LRELU};
    for (int form = 0; form < 4; form++) {
        struct params *ps = params_new();
        struct layer_spec l = {.out = OUT, .norm = form & 1, .act = acts[form >> 1], .slope = 0.2f};
        float out[ROWS * OUT];
        run_linear(ps, GRAPH_TRAIN, &l, STEPS, out);
        expect_linear(ps, &l, true, out);
        run_linear(ps, GRAPH_SCORE, &l, 0, out);
        expect_linear(ps, &l, false, out);
        params_free(ps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_declare_what_they_have),
        cmocka_unit_test(weights_begin_by_their_fan_in),
        cmocka_unit_test(linear_layers_compute_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
