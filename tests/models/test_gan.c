/* What is particular to the stacks of 4x4 convolutions and to GANomaly: sizes, weights, distances, two versions of the
 * losses. */
#include "models/gan.h"
#include "run/forward.h"
#include "subject.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void squares_of_four_doubled_are_taken(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    for (int64_t size = 8; size <= 1024; size *= 2)
        assert_int_equal(gan_check(&SHAPE(size, size, 3), &e), 0);
}

static void other_sizes_are_refused_with_those_that_would_do(void **state)
{
    (void)state;
    static const struct {
        int64_t height, width;
        const char *below, *above;
    } rows[] = {{4, 4, "8x8", "16x16"},       {28, 28, "16x16", "32x32"},
                {48, 48, "32x32", "64x64"},   {32, 64, "64x64", "128x128"},
                {64, 32, "64x64", "128x128"}, {1000000, 1000000, "4096x4096", "8192x8192"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        assert_int_equal(gan_check(&SHAPE(rows[i].height, rows[i].width, 1), &e), ERR_USAGE);
        if (!strstr(e.msg, rows[i].below) || !strstr(e.msg, rows[i].above))
            fail_msg("%s", e.msg);
    }
}

/* A model with options "name=value name=value" at one size, its configuration freed by the caller. */
static struct subject subject_of(const char *model, const char *pairs, int64_t size)
{
    struct err e = ERR_INIT;
    struct subject s = {.model = model_find(model, &e), .sample = SHAPE(size, size, 3)};
    s.config = calloc(1, s.model->config_bytes);
    s.input = shape_with_batch(&s.sample, 4);
    snprintf(s.name, sizeof s.name, "%s", model);
    options_default(s.model->options, s.config);
    if (options_parse(s.model->options, s.config, model, pairs, ' ', &e) < 0)
        fail_msg("%s", e.msg);
    return s;
}

static size_t weights(const struct params *ps, enum param_group group)
{
    size_t n = 0;
    for (const struct param *p = ps->first; p; p = p->next)
        n += p->group == group ? p->count : 0;
    return n;
}

/* The official nets', counted by hand from their layers: 32x32 has 3.21 million in G and 0.66 in D. */
static void ganomaly_has_as_many_weights_as_the_official_nets(void **state)
{
    (void)state;
    static const struct {
        int64_t size;
        size_t generator, discriminator;
    } rows[] = {{32, 3206528, 663296}, {64, 10729856, 2765568}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct subject s = subject_of("ganomaly", "", rows[i].size);
        struct params *ps = params_new();
        struct instance run;
        instance_build(&run, &s, ps, GRAPH_TRAIN, F32);
        assert_int_equal(weights(ps, GROUP_MAIN), rows[i].generator);
        assert_int_equal(weights(ps, GROUP_ADVERSARY), rows[i].discriminator);
        graph_free(run.graph);
        params_free(ps);
        free(s.config);
    }
}

/* Scores of four samples after a few steps; which they are is a matter of the options that training does not see. */
static void scores_of(const char *pairs, float *out)
{
    struct subject s = subject_of("ganomaly", pairs, 16);
    struct trainee t;
    struct instance score;
    trainee_make(&t, &s, F32, 1, false);
    for (int i = 0; i < 3; i++)
        trainee_step(&t, (uint64_t)i, 1e-3f);
    instance_build(&score, &s, t.params, GRAPH_SCORE, F32);
    instance_plan(&score, 1, false);
    subject_fill(plan_data(score.plan, score.heads.input), &s.input, 1);
    plan_forward(score.plan, 0);
    assert_int_equal(score.heads.nscores, 1);
    assert_string_equal(score.heads.scores[0].name, "latent");
    memcpy(out, plan_data(score.plan, score.heads.scores[0].value), 4 * sizeof *out);
    instance_free(&score);
    trainee_free(&t);
    free(s.config);
}

/* Of one value in the code the mean of squares is the square of the mean of absolute values. */
static void the_score_is_either_distance_of_the_codes(void **state)
{
    (void)state;
    float squared[4], absolute[4];
    scores_of("width=4 latent=1", squared);
    scores_of("width=4 latent=1 distance=l1", absolute);
    for (int i = 0; i < 4; i++) {
        assert_true(squared[i] > 0);
        assert_true(fabsf(absolute[i] * absolute[i] - squared[i]) < 1e-4f * squared[i]);
    }
}

static float watched(const struct trainee *t, const char *name)
{
    return (float)trainee_mean(t, name);
}

/* G's loss is what its options say of what is watched, in both versions. */
static void the_generator_loss_is_its_weighted_parts(void **state)
{
    (void)state;
    static const char *const versions[] = {"width=4 latent=3", "width=4 latent=3 adversarial=verdict verdict_weight=1",
                                           "width=4 latent=3 extra=1"};
    for (int i = 0; i < 3; i++) {
        struct subject s = subject_of("ganomaly", versions[i], 16);
        struct trainee t;
        trainee_make(&t, &s, F32, 1, false);
        trainee_forward(&t, 1);
        float want = watched(&t, "adversarial") + 50 * watched(&t, "error") + watched(&t, "latent");
        assert_true(fabsf(want - (float)trainee_loss(&t, 0)) < 1e-4f * want);
        /* A D that knows nothing yet has a cross entropy of about log 2 for real and for rebuilt pictures. */
        float verdicts = (float)trainee_loss(&t, 1), both = i == 1 ? 2 : 1;
        assert_true(fabsf(verdicts - both * logf(2)) < 0.2f * both);
        trainee_free(&t);
        free(s.config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squares_of_four_doubled_are_taken),
        cmocka_unit_test(other_sizes_are_refused_with_those_that_would_do),
        cmocka_unit_test(ganomaly_has_as_many_weights_as_the_official_nets),
        cmocka_unit_test(the_score_is_either_distance_of_the_codes),
        cmocka_unit_test(the_generator_loss_is_its_weighted_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
