/* Measurements of speed: the numbers fit each other. How fast they are is not tested. */
#include "run/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sums {
    int nodes, convolutions;
    double ms, forward_flops, backward_flops;
    bool adam;
};

static void add(void *user, const struct bench_node *n)
{
    struct sums *s = user;
    assert_non_null(n->name);
    assert_true(n->forward_ms >= 0 && n->backward_ms >= 0);
    s->nodes++;
    s->convolutions += !strcmp(n->op, "conv") || !strcmp(n->op, "deconv");
    s->adam |= !strcmp(n->op, "adam");
    s->ms += n->forward_ms + n->backward_ms;
    s->forward_flops += n->forward_flops;
    s->backward_flops += n->backward_flops;
}

static int measure(const char *model, const char *options, const char *training, bool train, struct sums *sums,
                   struct bench_result *r, struct err *e)
{
    const struct model *m = model_find(model, e);
    struct train_config config;
    void *values = calloc(1, m->config_bytes);
    options_default(m->options, values);
    options_default(train_options, &config);
    assert_int_equal(options_parse(m->options, values, model, options, ' ', e), 0);
    assert_int_equal(options_parse(train_options, &config, "training", training, ' ', e), 0);
    *sums = (struct sums){0};
    const struct bench_job job = {
        .model = m, .config = values, .train = &config, .training = train, .repeat = 3, .user = sums, .node = add};
    int code = bench_run(&job, r, e);
    free(values);
    return code;
}

static void a_step_is_measured(void **state)
{
    (void)state;
    struct sums scoring, training;
    struct bench_result score, train;
    struct err e = ERR_INIT;
    const char *options = "widths=8,16", *run = "size=24x20 channels=3 batch=5 threads=1";
    assert_int_equal(measure("memae", options, run, false, &scoring, &score, &e), 0);
    assert_int_equal(measure("memae", options, run, true, &training, &train, &e), 0);
    assert_true(score.batch == 5 && score.threads == 1 && score.precision == F32);
    assert_true(score.ms > 0 && train.ms > 0 && train.bytes > score.bytes);
    assert_true(scoring.convolutions == 4 && training.convolutions == 4);
    assert_true(training.adam && !scoring.adam);
    assert_true(scoring.ms > 0);
    assert_true(scoring.backward_flops == 0 && score.flops == scoring.forward_flops);
    /* Two products backward for each one forward, but for the first layer, whose input wants no gradient. */
    assert_true(training.backward_flops > 1.5 * training.forward_flops);
    assert_true(training.backward_flops < 2 * training.forward_flops);
    /* First layer: 12x10 positions, 9 taps, 3 to 8 channels, 5 samples; and more behind it. */
    assert_true(scoring.forward_flops > 2.0 * 5 * 120 * 9 * 3 * 8);
}

static void clips_are_measured(void **state)
{
    (void)state;
    struct sums sums;
    struct bench_result r;
    struct err e = ERR_INIT;
    assert_int_equal(measure("ae", "widths=4,6", "frames=4 size=16 channels=1 batch=1 threads=1", true, &sums, &r, &e),
                     0);
    assert_int_equal(sums.convolutions, 4);
}

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    struct sums sums;
    struct bench_result r;
    struct err e = ERR_INIT, two = ERR_INIT;
    assert_int_equal(measure("ae", "widths=8,16 decoder=8,8", "size=24", false, &sums, &r, &e), ERR_USAGE);
    assert_non_null(strstr(e.msg, "decoder"));
    assert_int_equal(measure("ae", "", "channels=2", false, &sums, &r, &two), ERR_USAGE);
    assert_non_null(strstr(two.msg, "channels"));
}

static void the_machine_has_peaks(void **state)
{
    (void)state;
    struct bench_machine m;
    struct err e = ERR_INIT;
    assert_int_equal(bench_machine(1, &m, &e), 0);
    assert_true(m.fma_gflops > 0 && m.conv_gflops > 0 && m.copy_gbytes > 0 && m.conv_bf16_gflops >= 0);
    print_message("one thread: %.0f GFLOP/s in registers, %.0f in a convolution (%.0f bf16), %.1f GB/s copied\n",
                  m.fma_gflops, m.conv_gflops, m.conv_bf16_gflops, m.copy_gbytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_measured),
        cmocka_unit_test(clips_are_measured),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(the_machine_has_peaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
