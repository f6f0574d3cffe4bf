/* Calibration: p-values by their definition, thresholds that agree with them, and the promise itself on drawn scores.
 */
#include "stats/calibrate.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double naive_p(const float *held, size_t n, float s)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += held[i] >= s;
    return (1 + (double)count) / ((double)n + 1);
}

static void p_values_by_definition(void **state)
{
    (void)state;
    struct rng r = rng_new(1, 1);
    float held[60];
    for (size_t n = 0; n <= 60; n++) {
        for (size_t i = 0; i < n; i++)
            held[i] = floorf(rng_uniform(&r) * 20);
        qsort(held, n, sizeof *held, by_value);
        struct calibration c = {.n = n, .scores = held};
        for (float s = -1; s <= 21; s += 0.5f)
            assert_true(calibration_p_value(&c, s) == naive_p(held, n, s));
    }
}

/* Above the threshold and p <= rate are the same thing, at rates on and off the steps of 1/(n+1). */
static void thresholds_agree(void **state)
{
    (void)state;
    struct rng r = rng_new(2, 1);
    static const double rates[] = {0, 0.001, 0.01, 0.049, 0.05, 0.1, 1.0 / 3, 0.5, 0.9999, 1};
    float held[999];
    for (size_t n = 0; n < 999; n = n * 2 + 1) {
        for (size_t i = 0; i < n; i++)
            held[i] = floorf(rng_uniform(&r) * 300);
        qsort(held, n, sizeof *held, by_value);
        struct calibration c = {.n = n, .scores = held, .peaks = held};
        for (size_t k = 0; k < 10 + n; k++) {
            double rate = k < 10 ? rates[k] : (double)(k - 9) / ((double)n + 1);
            float t = calibration_threshold(&c, rate);
            assert_true(calibration_peak_threshold(&c, rate) == t);
            for (float s = -1; s <= 301; s += 7.5f)
                assert_int_equal(s > t, calibration_p_value(&c, s) <= rate);
            for (size_t i = 0; i < n; i += 13)
                assert_int_equal(held[i] > t, calibration_anomalous(&c, held[i], rate));
        }
    }
}

/* Of many calibrations and new normal scores of the same distribution, at most `rate` are flagged; nearly that many. */
static void promise_is_kept(void **state)
{
    (void)state;
    static const double rates[] = {0.01, 0.05, 0.1, 0.3};
    struct rng r = rng_new(3, 1);
    enum { HELD = 199, NEW = 50, ROUNDS = 2000 };
    size_t flagged[4] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        float held[HELD];
        for (size_t i = 0; i < HELD; i++)
            held[i] = expf(rng_normal(&r));
        qsort(held, HELD, sizeof *held, by_value);
        struct calibration c = {.n = HELD, .scores = held};
        for (int i = 0; i < NEW; i++) {
            float s = expf(rng_normal(&r));
            for (int k = 0; k < 4; k++)
                flagged[k] += calibration_anomalous(&c, s, rates[k]);
        }
    }
    for (int k = 0; k < 4; k++) {
        double measured = (double)flagged[k] / (NEW * ROUNDS);
        /* Deviation of one round's rate is about sqrt(rate (1/NEW + 1/HELD)). */
        double tolerance = 4 * sqrt(rates[k] * (1.0 / NEW + 1.0 / HELD) / ROUNDS);
        assert_true(fabs(measured - rates[k]) < tolerance);
    }
}

static void small_rates_are_refused(void **state)
{
    (void)state;
    float held[99] = {0};
    struct calibration c = {.n = 99, .scores = held}, none = {0};
    struct err e = ERR_INIT, f = ERR_INIT, g = ERR_INIT, h = ERR_INIT;
    assert_int_equal(calibration_check_rate(&c, 0.01, &e), 0);
    assert_int_equal(calibration_check_rate(&c, 0.0099, &e), ERR_USAGE);
    assert_non_null(strstr(e.msg, "has 99"));
    assert_int_equal(calibration_check_rate(&c, 1.5, &f), ERR_USAGE);
    assert_int_equal(calibration_check_rate(&c, (double)NAN, &g), ERR_USAGE);
    assert_int_equal(calibration_check_rate(&none, 0.05, &h), ERR_USAGE);
    assert_non_null(strstr(h.msg, "calibration=0.1"));
    assert_true(calibration_threshold(&c, 0.0099) == INFINITY);
    assert_true(calibration_threshold(&none, 0.5) == INFINITY);
    assert_true(calibration_p_value(&none, 3) == 1);
}

/* Sorted scores and peaks, and a colour scale at the map values' quantiles. */
static void collects(void **state)
{
    (void)state;
    enum { SAMPLES = 40, PIXELS = 1000 };
    static float map[PIXELS], all[SAMPLES * PIXELS];
    struct rng r = rng_new(4, 1);
    struct calibrator *c = calibrator_new(SAMPLES, true);
    struct calibration out;
    struct err e = ERR_INIT;
    for (int again = 0; again < 2; again++) {
        float top = 0;
        calibrator_reset(c);
        for (int i = 0; i < SAMPLES; i++) {
            for (int k = 0; k < PIXELS; k++) {
                float x = rng_normal(&r);
                map[k] = all[i * PIXELS + k] = x * x * 0.01f;
                top = fmaxf(top, map[k]);
            }
            assert_int_equal(calibrator_add(c, rng_uniform(&r), map, PIXELS, &e), 0);
        }
        calibrator_finish(c, &out);
        qsort(all, SAMPLES * PIXELS, sizeof *all, by_value);
        assert_int_equal(out.n, SAMPLES);
        assert_true(out.peaks[SAMPLES - 1] == top);
        for (int i = 1; i < SAMPLES; i++)
            assert_true(out.scores[i] >= out.scores[i - 1] && out.peaks[i] >= out.peaks[i - 1]);
        float low = all[SAMPLES * PIXELS / 2], high = all[(size_t)(SAMPLES * PIXELS * 0.999)];
        assert_true(fabsf(out.map_low / low - 1) < 0.01f && fabsf(out.map_high / high - 1) < 0.01f);
    }
    assert_int_equal(calibrator_add(c, 1, map, PIXELS, &e), ERR_FAIL); /* more than announced */
    calibrator_free(c);
}

static void refuses_what_is_not_finite(void **state)
{
    (void)state;
    struct calibrator *c = calibrator_new(4, true);
    struct err e = ERR_INIT, f = ERR_INIT;
    const float map[] = {0, NAN};
    assert_int_equal(calibrator_add(c, NAN, NULL, 0, &e), ERR_FAIL);
    assert_int_equal(calibrator_add(c, 1, map, 2, &f), ERR_FAIL);
    calibrator_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p_values_by_definition),
        cmocka_unit_test(thresholds_agree),
        cmocka_unit_test(promise_is_kept),
        cmocka_unit_test(small_rates_are_refused),
        cmocka_unit_test(collects),
        cmocka_unit_test(refuses_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
