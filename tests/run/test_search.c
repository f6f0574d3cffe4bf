/* A search takes the steps that were asked for, from its start, and leaves the values of what it found. */
#include "nn/ops.h"
#include "run/search.h"
#include "support/files.h"

#include <limits.h>
#include <math.h>

enum { ROWS = 2, WIDTH = 3, VALUES = ROWS * WIDTH };

struct told {
    int done, last; /* the step after which to break off */
};

static bool on_step(void *user, int done, int steps)
{
    struct told *t = user;
    assert_int_equal(done, t->done + 1);
    assert_int_equal(steps, 5);
    t->done = done;
    return done == t->last;
}

/* Finds a latent near the input: |latent - input|^2. The slopes are steep and never turn, so that each of Adam's steps
 * is as long as the rate. */
static void takes_its_steps(void **state)
{
    (void)state;
    static const float wanted[VALUES] = {10, -10, 20, 10, 10, -20};
    struct err e = ERR_INIT;
    struct params *params = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, params);
    struct node *input = graph_input(g, "input", SHAPE(ROWS, WIDTH));
    struct refine r = {.steps = 5, .rate = 0.01f, .latent = graph_input(g, "latent", SHAPE(ROWS, WIDTH))};
    r.start = op_scale(g, input, 0, 1);
    r.loss = op_mse(g, r.latent, input);
    const struct objective o = {.name = "search", .loss = r.loss, .wrt = r.latent};
    const struct plan_spec spec = {.graph = g,
                                   .outputs = (struct node *[]){input, r.latent, r.start, r.loss},
                                   .noutputs = 4,
                                   .objectives = &o,
                                   .nobjectives = 1,
                                   .threads = 1};
    struct plan *plan;
    struct search *s;
    if (graph_error(g, &e) || params_allocate(params, 1, false, &e) || plan_new(&spec, &plan, &e) ||
        search_new(&r, plan, 1, &s, &e))
        fail_msg("%s", e.msg);
    float *in = plan_data(plan, input);
    const float *found = plan_data(plan, r.latent);
    for (int run = 0; run < 2; run++) { /* the second begins anew */
        double loss = 0;
        for (int i = 0; i < VALUES; i++)
            in[i] = wanted[i];
        struct told told = {.last = run == 0 ? 2 : INT_MAX};
        assert_int_equal(search_run(s, on_step, &told), run == 1);
        assert_int_equal(told.done, run == 0 ? 2 : 5);
        if (run == 0) /* broken off */
            continue;
        for (int i = 0; i < VALUES; i++) {
            assert_true(fabs((double)found[i] - (wanted[i] > 0 ? 1.05 : 0.95)) < 1e-3);
            loss += pow((double)found[i] - (double)wanted[i], 2) / VALUES;
        }
        assert_true(fabs((double)*(const float *)plan_data(plan, r.loss) - loss) < 1e-3 * loss);
    }
    search_free(s);
    plan_free(plan);
    graph_free(g);
    params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_its_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
