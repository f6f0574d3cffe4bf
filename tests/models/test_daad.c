/* What is particular to block-wise memories: rates decide what reaches the decoder, and sizes that do not divide are
 * refused with those that would. */
#include "subject.h"

#include "support/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct model *daad(void **config, const char *settings)
{
    struct err e = ERR_INIT;
    const struct model *m = model_find("daad", &e);
    assert_non_null(m);
    *config = calloc(1, m->config_bytes);
    options_default(m->options, *config);
    if (options_parse(m->options, *config, m->name, settings, ' ', &e) < 0)
        fail_msg("%s", e.msg);
    return m;
}

enum { SIDE = 16, PIXELS = SIDE * SIDE };

/* Two pictures go through a net with its first weights; the largest difference of what comes out, in the first
 * `columns`. `alike`: they differ on the right alone, from column 10 on. */
static double difference(const char *settings, bool alike, int columns)
{
    struct subject s = {.name = "daad", .sample = SHAPE(SIDE, SIDE, 1), .input = SHAPE(2, SIDE, SIDE, 1)};
    struct instance i;
    struct err e = ERR_INIT;
    double apart = 0;
    s.model = daad(&s.config, settings);
    struct params *ps = params_new();
    instance_build(&i, &s, ps, GRAPH_SCORE, F32);
    assert_int_equal(params_allocate(ps, 3, false, &e), 0);
    instance_plan(&i, 1, false);
    float *in = plan_data(i.plan, i.heads.input);
    subject_fill(in, &s.input, 1);
    for (int k = 0; alike && k < PIXELS; k++)
        in[PIXELS + k] = k % SIDE < 10 ? in[k] : -in[k];
    plan_forward(i.plan, 0);
    const float *out = plan_data(i.plan, i.heads.output);
    for (int k = 0; k < PIXELS; k++)
        if (k % SIDE < columns)
            apart = fmax(apart, fabs((double)out[k] - (double)out[PIXELS + k]));
    instance_free(&i);
    params_free(ps);
    free(s.config);
    return apart;
}

/* Of one item, whatever the picture, every block becomes that item: nothing of the picture passes any connection. */
static void nothing_passes_by_the_memories(void **state)
{
    (void)state;
    assert_true(difference("widths=4,6 rates=1,1,1 items=1", false, SIDE) < 1e-6);
    assert_true(difference("widths=4,6 rates=4,4,1 items=1", false, SIDE) < 1e-6);
    assert_true(difference("widths=4,6 rates=1,1,1 items=20 scale=50", false, SIDE) > 1e-4);
}

/* A block of half a picture knows nothing of the other half, one of the whole does. */
static void rates_decide_what_a_block_sees(void **state)
{
    (void)state;
    assert_true(difference("widths=4 rates=1,2,1 items=9 scale=20", true, 7) < 1e-6);
    assert_true(difference("widths=4 rates=1,1,1 items=9 scale=20", true, 7) > 1e-5);
}

static void sizes_that_do_not_divide_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        struct shape sample;
        const char *says; /* NULL: it fits */
    } cases[] = {
        {"widths=4,8,16 rates=8,8,1", {3, {64, 128, 3}}, NULL},
        {"widths=4,8 rates=7,7,4", {3, {28, 29, 1}}, NULL},
        {"widths=4,8,16 rates=8,8,1",
         {3, {100, 64, 3}},
         "height 100 do not divide: halved 3 times, each map has to be a multiple of the rate 8. The nearest that "
         "would is 65 or 128"},
        {"widths=4,8,16 rates=8,8,1",
         {3, {64, 40, 3}},
         "width 40 do not divide: halved 3 times, each map has to be a multiple of the rate 8. The nearest that would "
         "is 64;"},
        {"widths=4,8,16 rates=8,8", {3, {64, 64, 3}}, "rates has 2 numbers"},
        {"widths=4,6,16 rates=8,8,4", {3, {64, 64, 3}}, "6 channels, which do not divide by the rate 4"},
        {"widths=4,6,16 rates=1,1,1", {3, {4, 64, 3}}, "too small"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct err e = ERR_INIT;
        void *config;
        const struct model *m = daad(&config, cases[k].settings);
        assert_int_equal(m->check(config, &cases[k].sample, &e), cases[k].says ? ERR_USAGE : 0);
        if (cases[k].says)
            assert_says(e.msg, cases[k].says);
        free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_passes_by_the_memories),
        cmocka_unit_test(rates_decide_what_a_block_sees),
        cmocka_unit_test(sizes_that_do_not_divide_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
