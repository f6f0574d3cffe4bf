/* What the memory of features is made with: whitening, and centres. */
#include "models/centres.h"
#include "models/whiten.h"
#include "support/files.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 3000, WIDTH = 60, KEPT = 12 };

/* Rows whose first directions vary most: value k is 2^(-k/4) times a normal number, mixed with the one before it, and
 * not centred. */
static float *correlated(size_t n)
{
    float *v = malloc(n * WIDTH * sizeof *v);
    struct rng r = rng_new(5, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < WIDTH; k++) {
            float own = rng_normal(&r) * exp2f(-(float)k / 4);
            v[i * WIDTH + k] = own + (k ? 0.5f * v[i * WIDTH + k - 1] : 3);
        }
    return v;
}

static struct fit_rows rows_of(const float *values, size_t *index, size_t n)
{
    for (size_t i = 0; i < n; i++)
        index[i] = n - 1 - i; /* the order is the index's */
    return (struct fit_rows){.values = values, .index = index, .n = n, .width = WIDTH, .seed = 1, .threads = 1};
}

static double product_mean(const float *y, size_t n, size_t a, size_t b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)y[i * KEPT + a] * (double)y[i * KEPT + b] / (double)n;
    return sum;
}

static void project(const float *v, size_t n, const float *weight, const float *bias, float *y)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < KEPT; k++) {
            double sum = (double)bias[k];
            for (size_t j = 0; j < WIDTH; j++)
                sum += (double)weight[k * WIDTH + j] * (double)v[i * WIDTH + j];
            y[i * KEPT + k] = (float)sum;
        }
}

/* Uncorrelated, centred, and of variance v / (v + a): below 1 by what is added, the less the larger v is. */
static void whitened_rows_are_uncorrelated(void **state)
{
    (void)state;
    static float weight[KEPT * WIDTH], bias[KEPT], y[ROWS * KEPT];
    static size_t index[ROWS];
    float *v = correlated(ROWS);
    struct err e = ERR_INIT;
    const struct fit_rows rows = rows_of(v, index, ROWS);
    assert_int_equal(whiten_fit(&rows, KEPT, weight, bias, &e), 0);
    project(v, ROWS, weight, bias, y);
    double last = 1;
    for (size_t a = 0; a < KEPT; a++) {
        double mean = 0, own = product_mean(y, ROWS, a, a);
        for (size_t i = 0; i < ROWS; i++)
            mean += (double)y[i * KEPT + a] / ROWS;
        assert_true(fabs(mean) < 1e-3);
        assert_true(own > 0.7 && own < 1 && own < last + 1e-4);
        last = own;
        for (size_t b = 0; b < a; b++)
            assert_true(fabs(product_mean(y, ROWS, a, b)) < 2e-3);
    }
    free(v);
}

/* Fewer rows than components, and values that never vary: no direction is made of nothing. */
static void rows_that_hardly_vary_are_whitened(void **state)
{
    (void)state;
    static float weight[KEPT * WIDTH], bias[KEPT], y[4 * KEPT];
    size_t index[4];
    float *v = correlated(4);
    struct err e = ERR_INIT;
    const struct fit_rows rows = rows_of(v, index, 4);
    assert_int_equal(whiten_fit(&rows, KEPT, weight, bias, &e), 0);
    project(v, 4, weight, bias, y);
    for (size_t i = 0; i < 4 * KEPT; i++)
        assert_true(isfinite(y[i]) && fabsf(y[i]) < 3);
    for (size_t i = 0; i < 4 * WIDTH; i++)
        v[i] = 7;
    assert_int_equal(whiten_fit(&rows, KEPT, weight, bias, &e), 0);
    for (size_t i = 0; i < KEPT * WIDTH; i++)
        assert_true(isfinite(weight[i]));
    free(v);
}

/* Three heaps of very different size: three centres find one each, the rare one too. */
static void centres_are_far_apart(void **state)
{
    (void)state;
    enum { N = 500, W = 5 };
    static const float heaps[3] = {0, 10, -10};
    static float rows[N * W];
    struct rng r = rng_new(3, 0);
    struct err e = ERR_INIT;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < W; k++)
            rows[i * W + k] = heaps[i == 77 ? 2 : i % 100 == 0] + 0.1f * rng_normal(&r);
    for (uint64_t seed = 1; seed < 6; seed++) {
        unsigned found = 0;
        size_t chosen[3];
        assert_int_equal(centres_choose(&(struct centre_rows){rows, N, W, 2}, 3, seed, chosen, &e), 0);
        for (size_t c = 0; c < 3; c++)
            for (unsigned h = 0; h < 3; h++)
                found |= fabsf(rows[chosen[c] * W] - heaps[h]) < 2 ? 1u << h : 0;
        assert_int_equal(found, 7);
    }
}

/* More centres than rows: every row is one, and none is made up. */
static void every_row_may_be_a_centre(void **state)
{
    (void)state;
    static const float rows[] = {1, 2, 3, 4};
    size_t chosen[7];
    struct err e = ERR_INIT;
    unsigned found = 0;
    assert_int_equal(centres_choose(&(struct centre_rows){rows, 4, 1, 1}, 7, 9, chosen, &e), 0);
    for (int i = 0; i < 7; i++) {
        assert_true(chosen[i] < 4);
        found |= 1u << chosen[i];
    }
    assert_int_equal(found, 15);
}

/* One centre at a time, each against all rows. */
static void naive_centres(const float *rows, size_t n, size_t width, size_t first, size_t count, size_t *chosen)
{
    double *distance = malloc(n * sizeof *distance);
    for (size_t k = 0; k < count; k++) {
        chosen[k] = first;
        for (size_t i = 0; i < n; i++) {
            double d = 0;
            for (size_t j = 0; j < width; j++)
                d += pow((double)(rows[i * width + j] - rows[chosen[k] * width + j]), 2);
            distance[i] = k && distance[i] < d ? distance[i] : d;
        }
        first = 0;
        for (size_t i = 1; i < n; i++)
            first = distance[i] > distance[first] ? i : first;
    }
    free(distance);
}

static void many_at_once_choose_what_one_at_a_time_does(void **state)
{
    (void)state;
    enum { COUNT = 120 };
    struct err e = ERR_INIT;
    size_t chosen[2][COUNT], naive[COUNT];
    float *v = correlated(ROWS);
    for (int threads = 1; threads <= 2; threads++)
        assert_int_equal(
            centres_choose(&(struct centre_rows){v, ROWS, WIDTH, threads}, COUNT, 4, chosen[threads - 1], &e), 0);
    naive_centres(v, ROWS, WIDTH, chosen[0][0], COUNT, naive);
    assert_memory_equal(chosen[0], naive, sizeof naive);
    assert_memory_equal(chosen[1], naive, sizeof naive);
    free(v);
}

/* On a line: centres at 0, 4, 10 are 4 apart, so nothing within 4 of one needs another. */
static void centres_are_added_where_none_is_near(void **state)
{
    (void)state;
    static const float centres[] = {0, 4, 10, 4}, rows[] = {1, 7, -3.5f, 20, 21, 30, 14};
    struct err e = ERR_INIT;
    size_t chosen[7], n;
    const struct centre_rows line = {rows, 7, 1, 1};
    assert_int_equal(centres_add(&line, centres, 4, 7, chosen, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(chosen[0], 5); /* 30; then 20, which is 10 from all, where 21 is 9 from that one */
    assert_int_equal(chosen[1], 3);
    assert_int_equal(centres_add(&line, centres, 4, 1, chosen, &n, &e), 0);
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whitened_rows_are_uncorrelated),
        cmocka_unit_test(rows_that_hardly_vary_are_whitened),
        cmocka_unit_test(centres_are_far_apart),
        cmocka_unit_test(every_row_may_be_a_centre),
        cmocka_unit_test(many_at_once_choose_what_one_at_a_time_does),
        cmocka_unit_test(centres_are_added_where_none_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
