/* The training step: what is updated from what, and each objective's own rule. */
#include "run/update.h"

#include "nn/ops.h"
#include "support/gradients.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* x -> W1 (main) -> W2 (adversary); both objectives are the distance of the end from what it was at first. */
enum { ROWS = 6, WIDE = 5 };

struct net {
    struct params *params;
    struct graph *graph;
    struct plan *plan;
    struct heads heads;
    struct update update;
};

static void make(struct net *n, struct rule rule, bool fresh)
{
    struct err e = ERR_INIT;
    const struct init init = {.kind = INIT_UNIFORM, .a = -1, .b = 1};
    *n = (struct net){.params = params_new()};
    struct graph *g = n->graph = graph_new(GRAPH_TRAIN, F32, n->params);
    struct heads *h = &n->heads;
    h->input = graph_input(g, "x", SHAPE(ROWS, WIDE));
    struct node *first = graph_param(g, "first", SHAPE(WIDE, WIDE), GROUP_MAIN, init);
    struct node *second = graph_param(g, "second", SHAPE(WIDE, WIDE), GROUP_ADVERSARY, init);
    struct node *y = op_linear(g, op_linear(g, h->input, first, NULL, ACT_TANH, 0), second, NULL, ACT_NONE, 0);
    struct node *loss = op_mse(g, y, h->input);
    h->objectives[0] = (struct objective){.name = "adversary", .loss = loss, .group = GROUP_ADVERSARY, .rule = rule};
    h->objectives[1] = (struct objective){.name = "main", .loss = loss, .group = GROUP_MAIN, .fresh = fresh};
    h->nobjectives = 2;
    assert_int_equal(graph_error(g, &e), 0);
    assert_int_equal(params_allocate(n->params, 5, true, &e), 0);
    struct plan_spec spec = {.graph = g, .objectives = h->objectives, .nobjectives = 2, .threads = 1};
    if (plan_new(&spec, &n->plan, &e))
        fail_msg("%s", e.msg);
    n->update = (struct update){.plan = n->plan,
                                .params = n->params,
                                .heads = h,
                                .adam = {.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f},
                                .seed = 5,
                                .threads = 1};
}

static void fill(struct net *n)
{
    float *x = plan_data(n->plan, n->heads.input);
    for (int i = 0; i < ROWS * WIDE; i++)
        x[i] = sinf((float)(3 * i));
}

static void step(struct net *n, double *loss)
{
    fill(n);
    assert_int_equal(update_step(&n->update, 0, loss), ALL_FINITE);
}

static void end(struct net *n)
{
    plan_free(n->plan);
    graph_free(n->graph);
    params_free(n->params);
}

static bool same_gradients(const struct net *a, const struct net *b, enum param_group group)
{
    float *x = gradients_of(a->params, group), *y = gradients_of(b->params, group);
    bool same = !memcmp(x, y, a->params->size[group] * sizeof *x);
    free(x);
    free(y);
    return same;
}

static size_t group_bytes(const struct net *n, enum param_group group)
{
    return n->params->size[group] * sizeof(float);
}

/* The gradient of the first weights goes through the second, which another objective updates in the same step. */
static void gradients_come_before_any_update(void **state)
{
    (void)state;
    struct net moved, still;
    double loss[OBJECTIVES];
    make(&moved, (struct rule){0}, false);
    make(&still, (struct rule){0}, false);
    step(&moved, loss);
    fill(&still);
    plan_forward(still.plan, 0);
    for (int k = 0; k < 2; k++)
        plan_backward(still.plan, k);
    for (enum param_group g = GROUP_MAIN; g <= GROUP_ADVERSARY; g++)
        assert_true(same_gradients(&moved, &still, g));
    assert_memory_not_equal(moved.params->value[GROUP_MAIN], still.params->value[GROUP_MAIN],
                            group_bytes(&still, GROUP_MAIN));
    end(&moved);
    end(&still);
}

/* An objective that asks for a fresh pass sees what the one before it has made of the weights. */
static void a_fresh_pass_sees_the_update_before_it(void **state)
{
    (void)state;
    struct net same, fresh;
    double a[OBJECTIVES], b[OBJECTIVES];
    make(&same, (struct rule){0}, false);
    make(&fresh, (struct rule){0}, true);
    step(&same, a);
    step(&fresh, b);
    assert_true(a[0] == a[1] && b[0] == a[0]);
    assert_true(b[1] < 0.99 * b[0]);
    assert_false(same_gradients(&same, &fresh, GROUP_MAIN));
    end(&same);
    end(&fresh);
}

/* The first step of Adam moves a weight by the learning rate, whatever the gradient. */
static void a_rule_is_its_objective_s_own(void **state)
{
    (void)state;
    struct net before, after;
    double loss[OBJECTIVES];
    make(&before, (struct rule){0}, false);
    make(&after, (struct rule){.lr_factor = 0.5f, .own_betas = true, .beta1 = 0.5f, .beta2 = 0.9f}, false);
    step(&after, loss);
    for (enum param_group g = GROUP_MAIN; g <= GROUP_ADVERSARY; g++)
        for (int i = 0; i < WIDE; i++) {
            float moved = fabsf(after.params->value[g][i] - before.params->value[g][i]);
            assert_true(fabsf(moved - (g == GROUP_ADVERSARY ? 0.05f : 0.1f)) < 1e-3f);
        }
    float *gradients = gradients_of(after.params, GROUP_ADVERSARY), gradient = gradients[0];
    free(gradients);
    assert_true(fabsf(after.params->m[GROUP_ADVERSARY][0] - 0.5f * gradient) < 1e-6f);
    end(&before);
    end(&after);
}

static void weights_are_drawn_anew_when_a_loss_collapses(void **state)
{
    (void)state;
    struct net n, other;
    double loss[OBJECTIVES];
    make(&n, (struct rule){.redraw_below = 1e9f}, false); /* any loss is */
    make(&other, (struct rule){0}, false);
    step(&n, loss);
    assert_int_equal(n.params->adam_steps[GROUP_ADVERSARY], 0);
    assert_int_equal(n.params->adam_steps[GROUP_MAIN], 1);
    assert_true(n.params->m[GROUP_ADVERSARY][0] == 0 && n.params->m[GROUP_MAIN][0] != 0);
    for (int i = 0; i < WIDE; i++) /* new values of the same spread, not the first ones, nor a step from those */
        assert_true(fabsf(n.params->value[GROUP_ADVERSARY][i]) <= 1);
    params_draw(other.params, GROUP_ADVERSARY, n.update.seed + 1);
    assert_memory_equal(n.params->value[GROUP_ADVERSARY], other.params->value[GROUP_ADVERSARY],
                        group_bytes(&n, GROUP_ADVERSARY));
    end(&n);
    end(&other);
}

static void a_loss_that_is_not_finite_updates_nothing(void **state)
{
    (void)state;
    struct net n, other;
    double loss[OBJECTIVES];
    make(&n, (struct rule){0}, false);
    make(&other, (struct rule){0}, false);
    fill(&n);
    ((float *)plan_data(n.plan, n.heads.input))[3] = NAN;
    assert_int_equal(update_step(&n.update, 0, loss), 0);
    assert_true(isnan(loss[0]));
    for (enum param_group g = GROUP_MAIN; g <= GROUP_ADVERSARY; g++)
        assert_memory_equal(n.params->value[g], other.params->value[g], group_bytes(&n, g));
    end(&n);
    end(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_come_before_any_update),
        cmocka_unit_test(a_fresh_pass_sees_the_update_before_it),
        cmocka_unit_test(a_rule_is_its_objective_s_own),
        cmocka_unit_test(weights_are_drawn_anew_when_a_loss_collapses),
        cmocka_unit_test(a_loss_that_is_not_finite_updates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
