/* The learning rate of a step. */
#include "run/rate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct train_config options(const char *pairs)
{
    struct train_config c;
    struct err e = ERR_INIT;
    options_default(train_options, &c);
    if (options_parse(train_options, &c, "training", pairs, ' ', &e) < 0)
        fail_msg("%s", e.msg);
    return c;
}

static void near(float a, double b)
{
    assert_true(fabs((double)a - b) < 1e-6 * b + 1e-12);
}

static void is_constant_unless_asked(void **state)
{
    (void)state;
    const struct train_config c = options("lr=0.01");
    near(rate_of(&c, 0, 0, 100), 0.01);
    near(rate_of(&c, 9, 99, 100), 0.01);
}

static void falls_after_epochs(void **state)
{
    (void)state;
    const struct train_config c = options("lr=0.01 lr_epochs=2,4 lr_factor=0.5");
    near(rate_of(&c, 1, 19, 100), 0.01);
    near(rate_of(&c, 2, 20, 100), 0.005);
    near(rate_of(&c, 4, 40, 100), 0.0025);
}

static void rises_and_falls(void **state)
{
    (void)state;
    const struct train_config c = options("lr=0.01 lr_cosine=true lr_warmup=10");
    near(rate_of(&c, 0, 0, 110), 0.001);
    near(rate_of(&c, 0, 9, 110), 0.01);
    near(rate_of(&c, 0, 10, 110), 0.01);
    near(rate_of(&c, 0, 60, 110), 0.005);
    near(rate_of(&c, 0, 109, 110), 0.01 * (1 + cos(3.14159265358979323846 * 0.99)) / 2);
}

/* A training shorter than its warm-up has positive, finite rates. */
static void short_trainings_have_rates(void **state)
{
    (void)state;
    const struct train_config c = options("lr=0.01 lr_cosine=true lr_warmup=50");
    for (int step = 0; step < 51; step++)
        for (int steps = 1; steps < 53; steps++)
            assert_true(rate_of(&c, 0, step, steps) > 0 && rate_of(&c, 0, step, steps) <= 0.01f);
}

static void steps_are_epochs(void **state)
{
    (void)state;
    const struct train_config few = options("epochs=10 steps=101"), none = options("epochs=10");
    assert_int_equal(rate_epochs(&few, 5), 21);
    assert_int_equal(rate_epochs(&few, 20), 10);
    assert_int_equal(rate_epochs(&none, 1), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_constant_unless_asked), cmocka_unit_test(falls_after_epochs),
        cmocka_unit_test(rises_and_falls),          cmocka_unit_test(short_trainings_have_rates),
        cmocka_unit_test(steps_are_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
