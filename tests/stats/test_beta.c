/* The beta distribution against values computed with 30 digits (mpmath), closed forms, and itself. */
#include "stats/beta.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void below_as_known(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846;
    static const struct {
        double x, a, b, below;
    } known[] = {
        {0.05, 1, 19, 0.62264639746469238},           {0.2, 5, 95, 0.99999554798228059},
        {0.3, 2.5, 3.5, 0.2967529892956664},          {0.999, 2.5, 3.5, 0.99999999975487143},
        {0.0501, 50000, 950000, 0.67721252720534134},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(fabs(beta_below(known[i].x, known[i].a, known[i].b) - known[i].below) < 1e-9);
    assert_true(fabs(beta_below(0.001, 3, 4) / 1.995503599e-8 - 1) < 1e-9); /* small ones too, relatively */
    for (double x = -0.5; x <= 1.5; x += 0.0625) {
        double inside = fmin(1, fmax(0, x));
        assert_true(fabs(beta_below(x, 1, 1) - inside) < 1e-12);
        assert_true(fabs(beta_below(x, 0.5, 0.5) - 2 / pi * asin(sqrt(inside))) < 1e-12);
        assert_true(fabs(beta_below(x, 7, 30) + beta_below(1 - x, 30, 7) - 1) < 1e-12);
    }
}

static void quantiles_as_known(void **state)
{
    (void)state;
    static const struct {
        double p, a, b, x;
    } known[] = {
        {0.9, 1, 19, 0.11413320958991737},
        {0.9, 5, 95, 0.079122790894879216},
        {0.9, 50, 950, 0.059001565722817984},
        {0.1, 3, 8, 0.11582527802976292},
        {0.5, 2, 2, 0.5},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(fabs(beta_quantile(known[i].p, known[i].a, known[i].b) - known[i].x) < 1e-9);
    for (double p = 0.01; p < 1; p += 0.01)
        assert_true(fabs(beta_below(beta_quantile(p, 12, 188), 12, 188) - p) < 1e-9);
    assert_true(beta_quantile(0, 3, 4) < 1e-300 && beta_quantile(1, 3, 4) <= 1);
}

static void ranges_as_known(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        double a, b;
        struct count_range range;
    } known[] = {
        {10, 1, 19, {0, 3}},   {200, 5, 95, {2, 22}},        {1000, 50, 950, {32, 70}},
        {50, 19, 1, {40, 50}}, {1000, 500, 500, {456, 544}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct count_range range = beta_binomial_range(known[i].n, known[i].a, known[i].b, 0.95);
        assert_int_equal(range.from, known[i].range.from);
        assert_int_equal(range.to, known[i].range.to);
    }
    /* Of many, the counts' shares are the chance itself. */
    struct count_range many = beta_binomial_range(1000000, 5, 95, 0.8);
    assert_true(fabs((double)many.from * 1e-6 - beta_quantile(0.1, 5, 95)) < 1e-5);
    assert_true(fabs((double)many.to * 1e-6 - beta_quantile(0.9, 5, 95)) < 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_as_known),
        cmocka_unit_test(quantiles_as_known),
        cmocka_unit_test(ranges_as_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
