/* What is usual: statistics against their definitions, maps and scores by hand, and whether parts are aligned. */
#include "stats/usual.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { HEIGHT = 5, WIDTH = 7, SIZE = HEIGHT * WIDTH };

static const double blurs[] = {0.4, 1, 5};
static struct smoother *none; /* smooths nothing */

static int setup(void **state)
{
    (void)state;
    none = smoother_new(HEIGHT, WIDTH, 0, NULL);
    return none ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    smoother_free(none);
    return 0;
}

static void near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-5 * (1 + fabs(b)));
}

/* Four positions whose deviations have the mean 0.5, so that 0.15 is added to each. */
static void a_map_by_hand(void **state)
{
    (void)state;
    float mean[] = {1, 2, 3, 4}, deviation[] = {0, 1, 0.5f, 0.5f};
    const struct usual u = {4, mean, deviation};
    const float e[] = {1.15f, 0.85f, 3, 4.65f, 1, 2, 3, 4};
    static const float wanted[] = {1, -1, 0, 1, 0, 0, 0, 0};
    float map[8];
    usual_map(&u, e, 8, map); /* two frames */
    for (int i = 0; i < 8; i++)
        near((double)map[i], (double)wanted[i]);
    usual_map(&(struct usual){1, mean, deviation + 1}, e, 4, map); /* (e - 1) / (1 + 0.3) */
    near((double)map[3], 3.65 / 1.3);
    usual_map(&(struct usual){1, mean, deviation}, e, 4, map); /* nothing ever differed: in units of 1 */
    near((double)map[3], 3.65);
}

static int downwards(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

static void scores_are_means_of_the_highest(void **state)
{
    (void)state;
    struct rng r = rng_new(1, 1);
    float map[300], sorted[300], scratch[300];
    for (size_t n = 1; n <= 300; n += n < 20 ? 1 : 40) {
        for (size_t i = 0; i < n; i++)
            map[i] = floorf(rng_uniform(&r) * (n % 3 ? 1000 : 3)) - 1;
        memcpy(sorted, map, n * sizeof *map);
        qsort(sorted, n, sizeof *sorted, downwards);
        assert_true(usual_score(map, n, 0, NULL) == sorted[0]);
        for (size_t k = 1; k <= n; k++) {
            double sum = 0;
            for (size_t i = 0; i < k; i++)
                sum += (double)sorted[i];
            near((double)usual_score(map, n, ((double)k + 0.5) / (double)n, scratch), sum / (double)k);
        }
    }
}

static void fill(struct rng *r, float *e, size_t frames, double structure)
{
    for (size_t i = 0; i < frames * SIZE; i++)
        e[i] = rng_uniform(r) + (float)(structure * (double)(i % SIZE));
}

/* The same by its definition, without smoothing. */
static void expect_statistics(const float *e, size_t frames, const struct usual *u)
{
    size_t values = frames * SIZE / u->n;
    for (size_t p = 0; p < u->n; p++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < values; i++)
            mean += (double)e[i * u->n + p] / (double)values;
        for (size_t i = 0; i < values; i++)
            variance += pow((double)e[i * u->n + p] - mean, 2) / ((double)values - 1);
        near((double)u->mean[p], mean);
        near((double)u->deviation[p], sqrt(variance));
    }
}

static void statistics_by_definition(void **state)
{
    (void)state;
    struct rng r = rng_new(2, 1);
    float e[12 * SIZE];
    struct usual u;
    struct usual_collector *c = usual_collector_new(HEIGHT, WIDTH, NULL);
    assert_non_null(c);
    for (int round = 0; round < 2; round++) { /* a reset one is as new */
        usual_collector_reset(c);
        usual_collector_finish(c, ALIGNED_YES, none, &u);
        assert_int_equal(u.n, 0);
        fill(&r, e, 12, 0.01);
        for (size_t i = 0; i < 4; i++)
            usual_collector_add(c, e + i * 3 * SIZE, 3 * SIZE); /* clips of three frames */
        usual_collector_finish(c, ALIGNED_YES, none, &u);
        assert_int_equal(u.n, SIZE);
        expect_statistics(e, 12, &u);
        usual_collector_finish(c, ALIGNED_NO, none, &u); /* one pair has nothing to smooth */
        assert_int_equal(u.n, 1);
        expect_statistics(e, 12, &u);
    }
    usual_collector_free(c);
}

/* Normalised Gaussian weights over what lies inside, in both directions. */
static double smoothed(const float *v, const uint8_t *counts, int y0, int x0, double blur)
{
    double sum = 0, weight = 0;
    int radius = (int)ceil(3 * blur);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            if (abs(y - y0) > radius || abs(x - x0) > radius || (counts && !counts[y * WIDTH + x]))
                continue;
            double w = exp(-0.5 * ((y - y0) * (y - y0) + (x - x0) * (x - x0)) / (blur * blur));
            sum += w * (double)v[y * WIDTH + x];
            weight += w;
        }
    return sum / weight;
}

static void maps_are_smoothed_over_what_counts(void **state)
{
    (void)state;
    struct rng r = rng_new(6, 1);
    float from[SIZE], to[SIZE];
    uint8_t counts[SIZE];
    for (int round = 0; round < 12; round++) {
        const uint8_t *some = round % 2 ? counts : NULL;
        double blur = round < 2 ? 0 : blurs[round % 3];
        for (int i = 0; i < SIZE; i++) {
            counts[i] = rng_uniform(&r) > 0.4f;
            from[i] = rng_uniform(&r);
        }
        struct smoother *s = smoother_new(HEIGHT, WIDTH, blur, some);
        assert_non_null(s);
        smoother_run(s, from, to);
        for (int i = 0; i < SIZE; i++) {
            double wanted = blur > 0 ? smoothed(from, some, i / WIDTH, i % WIDTH, blur) : (double)from[i];
            near((double)to[i], some && !counts[i] ? 0 : wanted);
        }
        smoother_run(s, from, from); /* in place */
        assert_memory_equal(from, to, sizeof to);
        smoother_free(s);
    }
}

/* As if the values that do not count were not there. */
static void what_does_not_count_says_nothing(void **state)
{
    (void)state;
    struct rng r = rng_new(7, 1);
    uint8_t counts[SIZE];
    float e[SIZE];
    struct usual u;
    for (int i = 0; i < SIZE; i++)
        counts[i] = i % WIDTH < 3;
    struct usual_collector *c = usual_collector_new(HEIGHT, WIDTH, counts);
    struct smoother *s = smoother_new(HEIGHT, WIDTH, 0, counts);
    double sum = 0, square = 0, n = 0, deviations = 0;
    for (int k = 0; k < 8; k++) {
        for (int i = 0; i < SIZE; i++) {
            e[i] = counts[i] ? rng_uniform(&r) : 1000;
            sum += counts[i] ? (double)e[i] : 0;
            square += counts[i] ? (double)e[i] * (double)e[i] : 0;
            n += counts[i];
        }
        usual_collector_add(c, e, SIZE);
    }
    usual_collector_finish(c, ALIGNED_NO, s, &u);
    near((double)*u.mean, sum / n);
    near((double)*u.deviation, sqrt((square - sum * sum / n) / (n - 1)));
    usual_collector_finish(c, ALIGNED_YES, s, &u);
    for (int i = 0; i < SIZE; i++)
        deviations += counts[i] ? (double)u.deviation[i] / (3 * HEIGHT) : 0;
    for (int i = 0; i < SIZE; i++)
        if (!counts[i])
            near((double)u.deviation[i], deviations); /* leaves the mean deviation what it is */
    usual_collector_finish(c, ALIGNED_AUTO, s, &u);
    assert_int_equal(u.n, 1);
    smoother_free(s);
    usual_collector_free(c);
}

static void deviations_are_smoothed(void **state)
{
    (void)state;
    struct rng r = rng_new(3, 1);
    float e[6 * SIZE], mean[SIZE], deviation[SIZE];
    struct usual u;
    struct usual_collector *c = usual_collector_new(HEIGHT, WIDTH, NULL);
    fill(&r, e, 6, 0.05);
    for (size_t i = 0; i < 6; i++)
        usual_collector_add(c, e + i * SIZE, SIZE);
    usual_collector_finish(c, ALIGNED_YES, none, &u);
    memcpy(mean, u.mean, sizeof mean);
    memcpy(deviation, u.deviation, sizeof deviation);
    for (int k = 0; k < 3; k++) {
        struct smoother *some = smoother_new(HEIGHT, WIDTH, blurs[k], NULL);
        usual_collector_finish(c, ALIGNED_YES, some, &u);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                near((double)u.mean[y * WIDTH + x], (double)mean[y * WIDTH + x]);
                near((double)u.deviation[y * WIDTH + x], smoothed(deviation, NULL, y, x, blurs[k]));
            }
        smoother_free(some);
    }
    usual_collector_free(c);
}

/* Parts at the same places say more of new pictures than one pair does; noise that is the same everywhere does not. */
static void alignment_is_found_out(void **state)
{
    (void)state;
    struct usual u;
    for (uint64_t seed = 0; seed < 10; seed++)
        for (int aligned = 0; aligned < 2; aligned++) {
            struct rng r = rng_new(seed, 4);
            struct usual_collector *c = usual_collector_new(HEIGHT, WIDTH, NULL);
            float e[SIZE];
            for (size_t i = 0; i < 20; i++) {
                fill(&r, e, 1, aligned ? 0.1 : 0);
                usual_collector_add(c, e, SIZE);
            }
            usual_collector_finish(c, ALIGNED_AUTO, none, &u);
            assert_int_equal(u.n, aligned ? SIZE : 1);
            usual_collector_free(c);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_by_hand),
        cmocka_unit_test(scores_are_means_of_the_highest),
        cmocka_unit_test(statistics_by_definition),
        cmocka_unit_test(deviations_are_smoothed),
        cmocka_unit_test(maps_are_smoothed_over_what_counts),
        cmocka_unit_test(what_does_not_count_says_nothing),
        cmocka_unit_test(alignment_is_found_out),
    };
    return cmocka_run_group_tests_name("what is usual", tests, setup, teardown);
}
