/* Calibration: p-values by their definition, thresholds that agree with them, and the promise itself on drawn scores.
 */
#include "stats/calibrate.h"

#include "base/rng.h"
#include "support/within.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
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
                assert_int_equal(held[i] > t, calibration_p_value(&c, held[i]) <= rate);
        }
    }
}

/* Within four deviations of what many draws make of a chance. */
static void assert_chance(double measured, double chance, double draws)
{
    assert_true(fabs(measured - chance) < 4 * sqrt(chance * (1 - chance) / draws));
}

enum { HELD = 199, NEW = 60, ROUNDS = 4000 };

/* What one rate did in many rounds, each with a calibration and new normal scores of its own. */
struct kept {
    double rate;
    size_t flagged, outside, above; /* scores; rounds beyond calibration_expected; beyond calibration_rate_bound */
};

/* Uniform scores: the real rate of a file is what lies above its threshold. */
static void play_round(struct rng *r, struct kept *kept, size_t n)
{
    float held[HELD], new[NEW];
    for (size_t i = 0; i < HELD; i++)
        held[i] = rng_uniform(r);
    for (size_t i = 0; i < NEW; i++)
        new[i] = rng_uniform(r);
    qsort(held, HELD, sizeof *held, by_value);
    struct calibration c = {.n = HELD, .scores = held};
    for (size_t k = 0; k < n; k++) {
        size_t flagged = 0;
        for (size_t i = 0; i < NEW; i++)
            flagged += calibration_p_value(&c, new[i]) <= kept[k].rate;
        struct calibration_range range = calibration_expected(&c, kept[k].rate, NEW);
        double share = (double)flagged / NEW, real = 1 - (double)calibration_threshold(&c, kept[k].rate);
        kept[k].flagged += flagged;
        kept[k].outside += share < range.from || share > range.to;
        kept[k].above += real > calibration_rate_bound(&c, kept[k].rate, 0.9);
    }
}

/* The promise itself. Over many files as many are flagged as calibration_expected has as its centre, to within much
 * less than a place more or less would make; single rounds stay in its range and single files below their bound as
 * often as said. The last rate is none that 199 samples can meet: the next lower is. */
static void promise_is_kept(void **state)
{
    (void)state;
    struct kept kept[] = {{.rate = 0.01}, {.rate = 0.05}, {.rate = 0.1}, {.rate = 0.3}, {.rate = 0.0549}};
    const struct calibration c = {.n = HELD};
    struct rng r = rng_new(3, 1);
    for (int round = 0; round < ROUNDS; round++)
        play_round(&r, kept, 5);
    for (int k = 0; k < 5; k++) {
        double mean = calibration_expected(&c, kept[k].rate, NEW).centre, outside = (double)kept[k].outside / ROUNDS;
        double deviation = sqrt(mean * (1 - mean) * (1.0 / NEW + 1.0 / (HELD + 1)) / ROUNDS); /* at most */
        assert_true(4 * deviation < 1.0 / (HELD + 1));
        assert_true(fabs((double)kept[k].flagged / ((double)NEW * ROUNDS) - mean) < 4 * deviation);
        assert_chance((double)kept[k].above / ROUNDS, 0.1, ROUNDS);
        assert_true(outside > 0 && outside < 0.05 + 4 * sqrt(0.05 * 0.95 / ROUNDS));
    }
}

typedef double p_value_fn(const struct calibration *c, float score);

static double one_too_few(const struct calibration *c, float score)
{
    return calibration_p_value(c, score) - 1 / ((double)c->n + 1);
}

static double one_too_many(const struct calibration *c, float score)
{
    return calibration_p_value(c, score) + 1 / ((double)c->n + 1);
}

static double ties_do_not_count(const struct calibration *c, float score)
{
    return calibration_p_value(c, nextafterf(score, INFINITY)); /* held-out > score, not >= */
}

/* Whether over many files more (1) or fewer (-1) are flagged than promised. `steps`: of distinct scores; 0: no ties. */
static int compare_to_promise(double rate, float steps, p_value_fn *p_value)
{
    const struct calibration sizes = {.n = HELD};
    const double promised = calibration_expected(&sizes, rate, NEW).centre;
    double deviation = sqrt(promised * (1 - promised) * (1.0 / NEW + 1.0 / (HELD + 1)) / ROUNDS);
    struct rng r = rng_new(5, 1);
    size_t flagged = 0;
    for (int round = 0; round < ROUNDS; round++) {
        float held[HELD];
        for (size_t i = 0; i < HELD; i++)
            held[i] = steps > 0 ? floorf(rng_uniform(&r) * steps) : rng_uniform(&r);
        qsort(held, HELD, sizeof *held, by_value);
        const struct calibration c = {.n = HELD, .scores = held};
        for (size_t i = 0; i < NEW; i++)
            flagged += p_value(&c, steps > 0 ? floorf(rng_uniform(&r) * steps) : rng_uniform(&r)) <= rate;
    }
    double off = (double)flagged / ((double)NEW * ROUNDS) - promised;
    return (off > 4 * deviation) - (off < -4 * deviation);
}

/* Ties may cost verdicts, but never make false alarms; and each way of getting the rank wrong is noticed. */
static void wrong_ranks_break_the_promise(void **state)
{
    (void)state;
    static const double rates[] = {0.01, 0.05, 0.1};
    for (int k = 0; k < 3; k++) {
        assert_int_equal(compare_to_promise(rates[k], 0, calibration_p_value), 0);
        assert_within(-compare_to_promise(rates[k], 7, calibration_p_value), 0, 1);
        assert_int_equal(compare_to_promise(rates[k], 0, one_too_few), 1);
        assert_int_equal(compare_to_promise(rates[k], 0, one_too_many), -1);
        assert_int_equal(compare_to_promise(rates[k], 7, ties_do_not_count), 1);
    }
}

/* Beta(k, n + 1 - k): one held-out sample in the tail tells little, a thousand tell much. */
static void expectations_as_known(void **state)
{
    (void)state;
    const struct calibration few = {.n = 19}, many = {.n = 999}, none = {0};
    assert_true(fabs(calibration_rate_bound(&few, 0.05, 0.9) - 0.11413320958991737) < 1e-9);
    assert_true(fabs(calibration_rate_bound(&many, 0.05, 0.9) - 0.059001565722817984) < 1e-9);
    assert_true(calibration_rate_bound(&few, 0.0499, 0.9) == 0 && calibration_rate_bound(&none, 0.05, 0.9) == 0);
    assert_true(calibration_rate_bound(&few, 1, 0.9) == 1);
    struct calibration_range range = calibration_expected(&many, 0.05, 1000);
    assert_true(range.from == 0.032 && range.centre == 0.05 && range.to == 0.07);
    range = calibration_expected(&few, 0.09, 10); /* as 0.05: the next step is 0.1 */
    assert_true(range.from == 0 && range.centre == 0.05 && range.to == 0.3);
    range = calibration_expected(&none, 0.05, 10);
    assert_true(range.from == 0 && range.centre == 0 && range.to == 0);
    range = calibration_expected(&few, 1, 10);
    assert_true(range.from == 1 && range.centre == 1 && range.to == 1);
}

static void small_rates_flag_nothing(void **state)
{
    (void)state;
    float held[99] = {0};
    const struct calibration c = {.n = 99, .scores = held}, none = {0};
    assert_true(calibration_smallest_rate(&c) == 0.01 && calibration_smallest_rate(&none) == 1);
    assert_true(calibration_threshold(&c, 0.01) == 0);
    assert_true(calibration_threshold(&c, 0.0099) == INFINITY);
    assert_true(calibration_threshold(&c, (double)NAN) == INFINITY);
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

/* The colour scale is of what counts; the rest is 0 in every map. */
static void scales_leave_out_what_does_not_count(void **state)
{
    (void)state;
    const float map[] = {0, 2, 0, 2, 0, 0};
    const uint8_t roi[] = {0, 1, 0, 1, 0, 0};
    struct calibrator *c = calibrator_new(1, true);
    struct calibration out;
    struct err e = ERR_INIT;
    calibrator_region(c, roi);
    assert_int_equal(calibrator_add(c, 1, map, 6, &e), 0);
    calibrator_finish(c, &out);
    assert_true(out.map_low == 2 && out.map_high == 2);
    calibrator_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_leave_out_what_does_not_count),
        cmocka_unit_test(p_values_by_definition),
        cmocka_unit_test(thresholds_agree),
        cmocka_unit_test(promise_is_kept),
        cmocka_unit_test(wrong_ranks_break_the_promise),
        cmocka_unit_test(expectations_as_known),
        cmocka_unit_test(small_rates_flag_nothing),
        cmocka_unit_test(collects),
        cmocka_unit_test(refuses_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
