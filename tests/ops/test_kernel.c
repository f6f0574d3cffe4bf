/* What kernels are made of: exp, log, tanh against the C library's in double, parallel ranges and chunks, sums. */
#include "harness.h"

#include "nn/bf16.h"
#include "nn/ops/kernel.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Units in the last place of a float between `got` and `wanted`. */
static double ulps(float got, double wanted)
{
    double unit = fmax(ldexp(1, ilogb(wanted) - 23), (double)FLT_MIN * (double)FLT_EPSILON);
    return fabs((double)got - wanted) / unit;
}

/* The worst error of f over floats from `low` to `high`, `steps` of them. */
static double worst(float (*f)(float), double (*exact)(double), double low, double high, int steps)
{
    double most = 0;
    for (int i = 0; i <= steps; i++) {
        float x = (float)(low + (high - low) * i / steps);
        double e = exact((double)x), error = e == 0 ? 0 : ulps(f(x), e);
        most = fmax(most, error);
    }
    return most;
}

static float exp_of(float x)
{
    return kernel_exp(x);
}

static float log_of(float x)
{
    return kernel_log(x);
}

static float tanh_of(float x)
{
    return kernel_tanh(x);
}

static void exp_is_accurate(void **state)
{
    (void)state;
    assert_true(worst(exp_of, exp, -87.3, 88.7, 2000000) < 2);
    assert_true(worst(exp_of, exp, -1e-3, 1e-3, 100000) < 2);
    assert_true(kernel_exp(0.0f) == 1.0f);
    assert_true(kernel_exp(-1000.0f) < FLT_MIN);
    assert_true(kernel_exp(-INFINITY) < FLT_MIN);
    assert_true(isinf(kernel_exp(1000.0f)));
    assert_true(isinf(kernel_exp(INFINITY)));
    assert_true(isnan(kernel_exp(NAN)));
}

static void log_is_accurate(void **state)
{
    (void)state;
    assert_true(worst(log_of, log, 1e-12, 2, 2000000) < 2);
    assert_true(worst(log_of, log, 0.99, 1.01, 200000) < 2);
    for (int power = -37; power < 38; power++)
        assert_true(worst(log_of, log, pow(10, power), pow(10, power + 1), 1000) < 2);
    assert_true(kernel_log(1.0f) == 0.0f);
    assert_true(isnan(kernel_log(-1.0f)));
    assert_true(isnan(kernel_log(NAN)));
}

static void tanh_is_accurate(void **state)
{
    (void)state;
    assert_true(worst(tanh_of, tanh, -12, 12, 2000000) < 2);
    assert_true(worst(tanh_of, tanh, -1e-6, 1e-6, 10000) < 2);
    assert_true(kernel_tanh(100.0f) == 1.0f && kernel_tanh(-INFINITY) == -1.0f);
    assert_true(isnan(kernel_tanh(NAN)));
}

static void activations_let_nan_through(void **state)
{
    (void)state;
    assert_true(isnan(kernel_act(NAN, ACT_RELU, 0.0f)));
    assert_true(isnan(kernel_act(NAN, ACT_LRELU, 0.2f)));
    assert_true(isnan(kernel_act(NAN, ACT_TANH, 1.0f)));
    assert_true(isnan(kernel_act(NAN, ACT_SIGMOID, 1.0f)));
    assert_true(kernel_act(-1e30f, ACT_SIGMOID, 1.0f) == 0.0f && kernel_act(1e30f, ACT_SIGMOID, 1.0f) == 1.0f);
}

static void bf16_rounds_to_even(void **state)
{
    (void)state;
    static const struct {
        float from;
        bf16 to;
    } rows[] = {{1.0f, 0x3f80},     {1.00390625f, 0x3f80}, {1.01171875f, 0x3f82},
                {1.0040f, 0x3f81},  {-2.0f, 0xc000},       {FLT_MAX, 0x7f80},
                {INFINITY, 0x7f80}, {-INFINITY, 0xff80},   {1.1754944e-38f, 0x80},
                {0.0f, 0},          {-0.0f, 0x8000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(bf16_from_f32(rows[i].from), rows[i].to);
    assert_true(isnan(bf16_to_f32(bf16_from_f32(NAN))));
    for (unsigned i = 0; i < 0x7f80; i++)
        assert_int_equal(bf16_from_f32(bf16_to_f32((bf16)i)), i);
}

/* Many at once are what they are one by one; of denormal numbers zeros may come. */
static void bf16_narrows_many(void **state)
{
    (void)state;
    enum { MOST = 100 };
    float from[MOST];
    bf16 to[MOST + 1];
    struct rng r = rng_new(7, 1);
    for (size_t n = 0; n <= MOST; n++) {
        for (size_t i = 0; i < n; i++)
            from[i] = kernel_float((uint32_t)rng_u64(&r));
        to[n] = 0x1234;
        bf16_narrow(from, to, n);
        assert_int_equal(to[n], 0x1234);
        for (size_t i = 0; i < n; i++) {
            if (isnan(from[i]))
                assert_true(isnan(bf16_to_f32(to[i])));
            else if (fabsf(from[i]) < FLT_MIN)
                assert_true(to[i] == bf16_from_f32(from[i]) || (to[i] & 0x7fff) == 0);
            else
                assert_int_equal(to[i], bf16_from_f32(from[i]));
        }
    }
}

/* ---- parallel ---- */

struct visits {
    unsigned char *seen;
    int chunks;
    size_t begin[64], end[64];
};

static void visit(void *context, size_t begin, size_t end)
{
    struct visits *v = context;
    for (size_t i = begin; i < end; i++)
        v->seen[i]++;
}

static void ranges_cover_everything_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 63, 64, 65, 511, 512, 513, 1000, 100003};
    static const size_t grains[] = {0, 1, 7, 64, 1000000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
            for (int threads = 1; threads <= 5; threads++) {
                struct visits v = {.seen = calloc(sizes[s] + 1, 1)};
                parallel_ranges(threads, sizes[s], grains[g], visit, &v);
                for (size_t i = 0; i <= sizes[s]; i++)
                    assert_int_equal(v.seen[i], i < sizes[s]);
                free(v.seen);
            }
}

static void visit_chunk(void *context, int chunk, size_t begin, size_t end)
{
    struct visits *v = context;
    v->begin[chunk] = begin;
    v->end[chunk] = end;
}

static void chunks_do_not_depend_on_threads(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 5, 64, 1000, 100003};
    static const int chunks[] = {1, 2, 7, 64};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
            struct visits one = {0}, more = {0};
            parallel_chunks(1, sizes[s], chunks[c], visit_chunk, &one);
            parallel_chunks(3, sizes[s], chunks[c], visit_chunk, &more);
            assert_memory_equal(&one, &more, sizeof one);
            for (int i = 0; i < chunks[c]; i++)
                assert_true(one.begin[i] == (i ? one.end[i - 1] : 0));
            assert_true(one.end[chunks[c] - 1] == sizes[s]);
        }
}

static volatile float tiny = FLT_MIN;

static void denormals_vanish_in_between(void **state)
{
    (void)state;
    assert_true(tiny * 0.5f > 0.0f);
    unsigned before = parallel_begin(2);
#if defined(__SSE__) || defined(__aarch64__)
    assert_true(tiny * 0.5f == 0.0f);
#endif
    parallel_end(before);
    assert_true(tiny * 0.5f > 0.0f);
}

/* By thread: whether a denormal number is nothing there. */
static void note_flushing(void *context, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        ((bool *)context)[i] = !(tiny * 0.5f > 0.0f);
}

/* The pool is the host's: all its threads get back what they had, and one that comes meanwhile what the caller has. */
static void pools_are_left_as_they_were(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    bool flushes[THREADS] = {true, true, true};
    for (int known = 0; known < THREADS; known++) {
        parallel_ranges(1 + known, (size_t)known + 1, 1, note_flushing, flushes);
        unsigned before = parallel_begin(1 + known);
        unsigned within = parallel_begin(1 + known / 2); /* a pair within: neither prepares nor puts back */
        parallel_end(within);
        parallel_ranges(THREADS, THREADS, 1, note_flushing, flushes);
#if defined(__SSE__) || defined(__aarch64__)
        assert_true(flushes[0] && flushes[known]);
#endif
        parallel_end(before);
        parallel_ranges(1 + known, (size_t)known + 1, 1, note_flushing, flushes);
        for (int i = 0; i <= known; i++)
            assert_false(flushes[i]);
    }
}

/* ---- rows ---- */

static void sums_of_rows_are_exact(void **state)
{
    (void)state;
    static const size_t channels[] = {1, 3, 16, 17, 96, 300}, rows[] = {1, 2, 63, 64, 65, 1000};
    for (size_t c = 0; c < 6; c++)
        for (size_t r = 0; r < 6; r++) {
            size_t n = channels[c] * rows[r];
            float *x = malloc(n * sizeof *x), sum[300];
            void *scratch = malloc(rows_sum_scratch(rows[r], channels[c]));
            for (size_t i = 0; i < n; i++)
                x[i] = (float)(i % 7 + i % channels[c]); /* whole numbers: every order gives the same */
            rows_sum(2, F32, x, rows[r], channels[c], sum, scratch);
            for (size_t k = 0; k < channels[c]; k++) {
                double wanted = 0;
                for (size_t i = k; i < n; i += channels[c])
                    wanted += (double)x[i];
                assert_true((double)sum[k] == wanted);
            }
            free(x);
            free(scratch);
        }
}

static void check_bias_act(enum dtype type, size_t rows, size_t channels, enum act act)
{
    size_t n = rows * channels;
    struct rng r = rng_new(1, n);
    void *x = malloc(n * dtype_bytes(type));
    double *was = malloc(n * sizeof *was);
    float *bias = malloc(channels * sizeof *bias);
    for (size_t i = 0; i < channels; i++)
        bias[i] = rng_normal(&r);
    for (size_t i = 0; i < n; i++) {
        set_element(x, type, i, (double)rng_normal(&r));
        was[i] = element(x, type, i);
    }
    rows_bias_act(2, type, x, rows, channels, bias, act, 0.25f);
    for (size_t i = 0; i < n; i++) {
        double v = was[i] + (double)bias[i % channels];
        double wanted = act == ACT_TANH      ? tanh(v)
                        : act == ACT_SIGMOID ? 1 / (1 + exp(-v))
                        : v > 0              ? v
                                             : v * (act == ACT_NONE   ? 1
                                                    : act == ACT_RELU ? 0
                                                                      : 0.25);
        assert_true(fabs(element(x, type, i) - wanted) < (type == F32 ? 1e-6 : 1.0 / 128) * fmax(1, fabs(v)));
    }
    free(x);
    free(was);
    free(bias);
}

static void bias_and_activation(void **state)
{
    (void)state;
    static const size_t channels[] = {1, 3, 16, 17, 96, 300}, rows[] = {1, 7, 500};
    for (size_t c = 0; c < 6; c++)
        for (size_t r = 0; r < 3; r++)
            for (int act = ACT_NONE; act <= ACT_SIGMOID; act++) {
                check_bias_act(F32, rows[r], channels[c], (enum act)act);
                check_bias_act(BF16, rows[r], channels[c], (enum act)act);
            }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_accurate),
        cmocka_unit_test(log_is_accurate),
        cmocka_unit_test(tanh_is_accurate),
        cmocka_unit_test(activations_let_nan_through),
        cmocka_unit_test(bf16_rounds_to_even),
        cmocka_unit_test(bf16_narrows_many),
        cmocka_unit_test(ranges_cover_everything_once),
        cmocka_unit_test(chunks_do_not_depend_on_threads),
        cmocka_unit_test(denormals_vanish_in_between),
        cmocka_unit_test(pools_are_left_as_they_were),
        cmocka_unit_test(sums_of_rows_are_exact),
        cmocka_unit_test(bias_and_activation),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
