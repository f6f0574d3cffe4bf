/* Noise: a function of seed, name, step and sample, and of nothing else. */
#include "nn/op.h"
#include "nn/ops.h"
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EACH = 700, MOST = 6 };

/* What a draw depends on. */
struct draw {
    enum noise kind;
    const char *name;
    uint64_t seed, step;
    int rows, threads, before; /* before: noise of the same name that comes first */
    enum graph_mode mode;
    const uint64_t *samples;
};

static const struct draw plain = {.name = "latent", .seed = 1, .step = 5, .rows = MOST, .threads = 1};

static void run(const struct draw *d, float *out)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(d->mode, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(d->rows, 3));
    assert_false(graph_has_noise(g));
    g->scope = d->name;
    for (int i = 0; i < d->before; i++)
        op_noise(g, SHAPE(d->rows, 2), d->kind);
    struct node *y = op_noise(g, SHAPE(d->rows, 7, EACH / 7), d->kind);
    assert_true(graph_has_noise(g));
    struct node *outputs[] = {op_scale(g, x, 1, 0), y};
    probe_allocate(ps, 1);
    struct plan_spec spec = {.graph = g, .outputs = outputs, .noutputs = 2, .threads = d->threads, .seed = d->seed};
    struct plan *p = probe_plan(&spec);
    plan_samples(p, d->samples);
    probe_fill(plan_data(p, x), (size_t)d->rows * 3, 1, 1);
    plan_forward(p, d->step + 1);
    plan_forward(p, d->step);
    memcpy(out, plan_data(p, y), (size_t)d->rows * EACH * sizeof *out);
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

/* Whether each of the other draw's rows is the same as the plain one's. */
static bool same(struct draw other)
{
    float a[MOST * EACH], b[MOST * EACH];
    run(&plain, a);
    run(&other, b);
    size_t equal = 0, n = (size_t)other.rows * EACH;
    for (size_t i = 0; i < n; i++)
        equal += a[i] == b[i];
    assert_true(equal == n || equal < n / 100);
    return equal == n;
}

static void noise_follows_the_sample(void **state)
{
    (void)state;
    static const uint64_t ids[] = {77, 3, UINT64_MAX, 0, 12, 5}, order[] = {4, 2, 0, 5, 1, 3};
    uint64_t permuted[MOST];
    float a[MOST * EACH], b[MOST * EACH];
    struct draw d = plain;
    for (int i = 0; i < MOST; i++)
        permuted[i] = ids[order[i]];
    d.samples = ids;
    run(&d, a);
    d.samples = permuted;
    run(&d, b);
    for (int i = 0; i < MOST; i++) {
        assert_memory_equal(b + i * EACH, a + order[i] * EACH, EACH * sizeof *a);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(a + i * EACH, a + k * EACH, EACH * sizeof *a);
    }
}

static void noise_is_a_function_of_what_it_says(void **state)
{
    (void)state;
    struct draw d = plain;
    assert_true(same(d));
    d.rows = 2;
    assert_true(same(d));
    d = plain;
    d.threads = 3;
    assert_true(same(d));
    d = plain;
    d.mode = GRAPH_SCORE;
    assert_true(same(d));
    static const uint64_t numbers[] = {0, 1, 2, 3, 4, 5};
    d.samples = numbers;
    assert_true(same(d));
    d = plain;
    d.seed++;
    assert_false(same(d));
    d = plain;
    d.step++;
    assert_false(same(d));
    d = plain;
    d.name = "other";
    assert_false(same(d));
    d = plain;
    d.before = 1;
    assert_false(same(d));
}

static void noise_has_its_distribution(void **state)
{
    (void)state;
    for (enum noise kind = NOISE_NORMAL; kind <= NOISE_UNIFORM; kind++) {
        float y[MOST * EACH];
        struct draw d = plain;
        d.kind = kind;
        run(&d, y);
        double sum = 0, squares = 0, products = 0, n = MOST * EACH;
        for (int i = 0; i < MOST * EACH; i++) {
            sum += (double)y[i];
            squares += (double)y[i] * (double)y[i];
            products += i ? (double)y[i] * (double)y[i - 1] : 0;
            assert_true(kind == NOISE_NORMAL || (y[i] >= 0 && y[i] < 1));
        }
        double mean = sum / n, variance = squares / n - mean * mean;
        assert_true(fabs(mean - (kind == NOISE_NORMAL ? 0 : 0.5)) < 0.05);
        assert_true(fabs(variance - (kind == NOISE_NORMAL ? 1 : 1.0 / 12)) < 0.05);
        assert_true(fabs(products / n - mean * mean) < 0.05);
    }
}

static void noise_that_fits_no_sample_is_refused(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct err e = ERR_INIT;
    struct plan *p;
    graph_input(g, "x", SHAPE(4, 3));
    g->scope = "latent";
    op_noise(g, SHAPE(8, 3), NOISE_NORMAL);
    assert_true(plan_new(&(struct plan_spec){.graph = g, .threads = 1}, &p, &e) < 0);
    assert_string_equal(e.msg,
                        "noise 'latent': it has 8 rows, but there are 4 samples in a batch ('x'); it wants one a "
                        "sample");
    assert_null(op_noise(g, SHAPE(4, 0), NOISE_NORMAL));
    e = ERR_INIT;
    assert_true(graph_error(g, &e) < 0);
    assert_non_null(strstr(e.msg, "noise 'latent': noise of no elements is wanted: dimension 1 is 0"));
    graph_free(g);
    params_free(ps);
}

/* While training what is left is scaled up and the rest is nothing, forwards and backwards; scoring is not touched. */
static void values_are_dropped_at_the_rate(void **state)
{
    (void)state;
    static const float rate = 0.25f;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps), *scoring = graph_new(GRAPH_SCORE, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(MOST, EACH)), *same = graph_input(scoring, "x", SHAPE(MOST, EACH));
    assert_ptr_equal(op_dropout(g, x, 0), x);
    assert_ptr_equal(op_dropout(scoring, same, rate), same);
    struct node *y = op_dropout(g, x, rate), *loss = op_mse(g, y, op_scale(g, y, 0, 0));
    const struct objective o = {.name = "o", .loss = loss, .wrt = x};
    struct plan_spec spec = {.graph = g, .outputs = &y, .noutputs = 1, .objectives = &o, .nobjectives = 1};
    spec.threads = 2;
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&spec);
    float *in = plan_data(p, x);
    for (int i = 0; i < MOST * EACH; i++)
        in[i] = 1 + (float)i;
    plan_forward(p, 3);
    plan_backward(p, 0);
    const float *out = plan_data(p, y), *gradient = plan_grad(p, x);
    int dropped = 0;
    for (int i = 0; i < MOST * EACH; i++) {
        float factor = out[i] / (1 + (float)i), slope = 2 * factor * out[i] / (MOST * EACH);
        dropped += factor == 0;
        assert_true(factor == 0 || fabsf(factor * (1 - rate) - 1) < 1e-6f);
        assert_true(fabsf(gradient[i] - slope) <= 1e-6f * slope);
    }
    assert_true(fabs((double)dropped / (MOST * EACH) - (double)rate) < 0.03);
    plan_free(p);
    assert_null(op_mask(g, SHAPE(MOST, 2), 0));
    struct err e = ERR_INIT;
    assert_true(graph_error(g, &e) < 0);
    assert_non_null(strstr(e.msg, "the share to keep must be above 0 and at most 1, but it is 0"));
    graph_free(g);
    graph_free(scoring);
    params_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_follows_the_sample),       cmocka_unit_test(noise_is_a_function_of_what_it_says),
        cmocka_unit_test(noise_has_its_distribution),     cmocka_unit_test(noise_that_fits_no_sample_is_refused),
        cmocka_unit_test(values_are_dropped_at_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
