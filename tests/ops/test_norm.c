/* Batch norm where a table of random cases does not look: data far from zero, outliers, running statistics, NaN. */
#include "harness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { X, GAMMA, BETA, MEAN, VARIANCE };

static struct node *build(struct graph *g, struct node *const in[], const void *options)
{
    return op_batch_norm(g, in[X], in[GAMMA], in[BETA], in[MEAN], in[VARIANCE], *(const struct norm_spec *)options);
}

/* gamma 1, beta 0, running mean 3, running variance 5 */
static void open_norm(struct bench *b, size_t rows, size_t channels)
{
    static const struct norm_spec spec = {.eps = 1e-5f, .momentum = 0.1f, .act = ACT_NONE};
    struct shape shapes[5] = {SHAPE((int64_t)rows, (int64_t)channels)};
    for (int i = GAMMA; i <= VARIANCE; i++)
        shapes[i] = SHAPE((int64_t)channels);
    bench_open(b, build, &spec, 5, shapes, 0, 7, 0);
    static const float start[] = {0, 1, 0, 3, 5};
    for (int i = GAMMA; i <= VARIANCE; i++)
        for (size_t c = 0; c < channels; c++)
            ((float *)b->in[i])[c] = start[i];
}

/* Every channel of the output against double, computed in two passes. */
static void assert_normalised(const struct bench *b, double allowed)
{
    size_t channels = (size_t)shape_last(&b->node->shape), rows = (size_t)shape_rows(&b->node->shape);
    const float *x = b->in[X], *y = b->out;
    for (size_t c = 0; c < channels; c++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < rows; r++)
            mean += (double)x[r * channels + c] / (double)rows;
        for (size_t r = 0; r < rows; r++)
            variance += pow((double)x[r * channels + c] - mean, 2) / (double)rows;
        for (size_t r = 0; r < rows; r++) {
            double wanted = ((double)x[r * channels + c] - mean) / sqrt(variance + 1e-5);
            if (!(fabs((double)y[r * channels + c] - wanted) <= allowed))
                fail_msg("channel %zu, row %zu: got %.9g, wanted %.9g", c, r, (double)y[r * channels + c], wanted);
        }
    }
}

static void far_from_zero(void **state)
{
    (void)state;
    static const size_t channels[] = {1, 3, 16, 17, 96};
    for (size_t k = 0; k < 5; k++) {
        struct bench b;
        struct rng r = rng_new(1, k);
        open_norm(&b, 20000, channels[k]);
        for (size_t i = 0; i < 20000 * channels[k]; i++)
            ((float *)b.in[X])[i] = 1000.0f + rng_normal(&r);
        bench_forward(&b, 2);
        assert_normalised(&b, 5e-4); /* 1000 is known to 3e-5 */
        bench_close(&b);
    }
}

/* The first rows say nothing about the rest. */
static void first_rows_far_off(void **state)
{
    (void)state;
    struct bench b;
    struct rng r = rng_new(1, 2);
    open_norm(&b, 30000, 4);
    for (size_t i = 0; i < 30000 * 4; i++)
        ((float *)b.in[X])[i] = i < 1000 ? -1e4f : 100.0f + rng_normal(&r);
    bench_forward(&b, 2);
    assert_normalised(&b, 2e-3);
    bench_close(&b);
}

static void constant_channels_become_zero(void **state)
{
    (void)state;
    struct bench b;
    open_norm(&b, 5000, 3);
    for (size_t i = 0; i < 15000; i++)
        ((float *)b.in[X])[i] = 0.1f * (float)(i % 3) + 77.7f;
    for (size_t i = 0; i < 15000; i++)
        ((float *)b.gout)[i] = 1;
    bench_forward(&b, 2);
    bench_backward(&b, 2, 7);
    for (size_t i = 0; i < 15000; i++) {
        assert_true(fabs((double)((float *)b.out)[i]) < 0.02); /* 77.7 is known to 4e-6, times 1/sqrt(eps) */
        assert_true(fabs((double)((float *)b.gin[X])[i]) < 1e-2);
    }
    bench_close(&b);
}

static void commit_moves_running_statistics(void **state)
{
    (void)state;
    struct bench b;
    open_norm(&b, 4, 2);
    static const float x[] = {1, 10, 2, 20, 3, 30, 6, 40};
    memcpy(b.in[X], x, sizeof x);
    bench_forward(&b, 1);
    assert_true(((float *)b.in[MEAN])[0] == 3.0f && ((float *)b.in[VARIANCE])[1] == 5.0f); /* forward is pure */
    b.x.in[MEAN] = b.in[MEAN];
    b.x.in[VARIANCE] = b.in[VARIANCE];
    b.node->op->commit(&b.x);
    const float *mean = b.in[MEAN], *variance = b.in[VARIANCE];
    assert_true(fabs((double)mean[0] - (0.9 * 3 + 0.1 * 3)) < 1e-6);
    assert_true(fabs((double)mean[1] - (0.9 * 3 + 0.1 * 25)) < 1e-6);
    assert_true(fabs((double)variance[0] - (0.9 * 5 + 0.1 * 14.0 / 3)) < 1e-5); /* unbiased: divided by 3 */
    assert_true(fabs((double)variance[1] - (0.9 * 5 + 0.1 * 500.0 / 3)) < 1e-4);
    bench_close(&b);
}

static void nan_stays_visible(void **state)
{
    (void)state;
    struct bench b;
    open_norm(&b, 100, 3);
    for (size_t i = 0; i < 300; i++)
        ((float *)b.in[X])[i] = i == 151 ? NAN : (float)i;
    bench_forward(&b, 1);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(isnan(((float *)b.out)[i]) != 0, i % 3 == 151 % 3);
    bench_close(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_from_zero),
        cmocka_unit_test(first_rows_far_off),
        cmocka_unit_test(constant_channels_become_zero),
        cmocka_unit_test(commit_moves_running_statistics),
        cmocka_unit_test(nan_stays_visible),
    };
    return cmocka_run_group_tests_name("batch norm", tests, NULL, NULL);
}
