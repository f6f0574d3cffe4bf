/* Graphs: what they refuse, in sentences. */
#include "nn/layers.h"
#include "nn/ops.h"
#include "nn/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct init uniform = {.kind = INIT_UNIFORM, .a = -0.3f, .b = 0.3f};

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
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(a_missing_input_is_a_sentence),
        cmocka_unit_test(a_parameter_of_another_shape_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
