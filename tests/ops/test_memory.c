/* Memory addressing at its edges: queries and items of length zero, huge scales, rows left empty, NaN. */
#include "harness.h"
#include "nn/dnn.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 5, ITEMS = 37, CHANNELS = 19 };

static struct node *build(struct graph *g, struct node *const in[], const void *options)
{
    return op_attend(g, in[0], in[1], *(const struct attend_spec *)options);
}

static void open_attend(struct bench *b, const struct attend_spec *spec)
{
    struct shape shapes[2] = {SHAPE(ROWS, CHANNELS), SHAPE(ITEMS, CHANNELS)};
    struct rng r = rng_new(1, 2);
    bench_open(b, build, spec, 2, shapes, 0, 3, 0);
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        ((float *)b->in[0])[i] = rng_normal(&r);
    for (size_t i = 0; i < ITEMS * CHANNELS; i++)
        ((float *)b->in[1])[i] = rng_normal(&r);
    for (size_t i = 0; i < ROWS * ITEMS; i++)
        ((float *)b->gout)[i] = rng_normal(&r);
}

static void run_attend(struct bench *b)
{
    bench_forward(b, 2);
    bench_backward(b, 2, 3);
}

/* Weights from 0 to 1 that sum to `sum` in every row; finite gradients. */
static void assert_sound(const struct bench *b, double sum)
{
    for (size_t i = 0; i < ROWS; i++) {
        double total = 0;
        for (size_t j = 0; j < ITEMS; j++) {
            double w = (double)((float *)b->out)[i * ITEMS + j];
            assert_true(w >= 0 && w <= 1 + 1e-6);
            total += w;
        }
        assert_true(fabs(total - sum) < 1e-5);
    }
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        assert_true(isfinite(((float *)b->gin[0])[i]));
    for (size_t i = 0; i < ITEMS * CHANNELS; i++)
        assert_true(isfinite(((float *)b->gin[1])[i]));
}

static void zero_query(void **state)
{
    (void)state;
    static const struct attend_spec spec = {SIM_COSINE, 10, 0, FALLBACK_BEST};
    struct bench b;
    open_attend(&b, &spec);
    memset((float *)b.in[0] + CHANNELS, 0, CHANNELS * sizeof(float));
    run_attend(&b);
    assert_sound(&b, 1);
    for (size_t j = 0; j < ITEMS; j++) /* similar to nothing: all items alike */
        assert_true(fabs((double)((float *)b.out)[ITEMS + j] - 1.0 / ITEMS) < 1e-7);
    for (size_t c = 0; c < CHANNELS; c++)
        assert_true(((float *)b.gin[0])[CHANNELS + c] == 0.0f);
    bench_close(&b);
}

static void zero_item(void **state)
{
    (void)state;
    static const struct attend_spec spec = {SIM_COSINE, 10, 0.5f / ITEMS, FALLBACK_BEST};
    struct bench b;
    open_attend(&b, &spec);
    memset((float *)b.in[1] + 3 * CHANNELS, 0, CHANNELS * sizeof(float));
    run_attend(&b);
    assert_sound(&b, 1);
    for (size_t c = 0; c < CHANNELS; c++)
        assert_true(((float *)b.gin[1])[3 * CHANNELS + c] == 0.0f);
    bench_close(&b);
}

static void huge_and_tiny_lengths(void **state)
{
    (void)state;
    static const struct attend_spec spec = {SIM_COSINE, 10, 0, FALLBACK_BEST};
    struct bench b;
    open_attend(&b, &spec);
    run_attend(&b);
    float *plain = malloc(ROWS * ITEMS * sizeof *plain);
    memcpy(plain, b.out, ROWS * ITEMS * sizeof *plain);
    for (size_t c = 0; c < CHANNELS; c++) {
        ((float *)b.in[0])[c] *= 1e18f;
        ((float *)b.in[0])[CHANNELS + c] *= 1e-18f;
        ((float *)b.in[1])[c] *= 1e15f;
    }
    run_attend(&b);
    assert_sound(&b, 1);
    for (size_t i = 0; i < ROWS * ITEMS; i++) /* cosine does not know lengths */
        assert_true(fabs((double)(((float *)b.out)[i] - plain[i])) < 1e-5);
    free(plain);
    bench_close(&b);
}

static void huge_scale_takes_the_best(void **state)
{
    (void)state;
    static const struct attend_spec specs[] = {{SIM_COSINE, 1e8f, 0.01f, FALLBACK_BEST},
                                               {SIM_DOT, 1e8f, 0.01f, FALLBACK_ZERO},
                                               {SIM_DOT, -1e8f, 0, FALLBACK_ZERO}};
    for (size_t k = 0; k < 3; k++) {
        struct bench b;
        open_attend(&b, &specs[k]);
        run_attend(&b);
        assert_sound(&b, 1);
        for (size_t i = 0; i < ROWS; i++) {
            float top = 0;
            for (size_t j = 0; j < ITEMS; j++)
                top = fmaxf(top, ((float *)b.out)[i * ITEMS + j]);
            assert_true(top > 0.999f);
        }
        bench_close(&b);
    }
}

static void emptied_rows_fall_back(void **state)
{
    (void)state;
    static const struct attend_spec best = {SIM_COSINE, 1, 0.5f, FALLBACK_BEST},
                                    zero = {SIM_COSINE, 1, 0.5f, FALLBACK_ZERO};
    struct bench b;
    open_attend(&b, &best);
    run_attend(&b);
    assert_sound(&b, 1);
    for (size_t i = 0; i < ROWS * ITEMS; i++)
        assert_true(((float *)b.out)[i] == 0.0f || ((float *)b.out)[i] == 1.0f);
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        assert_true(((float *)b.gin[0])[i] == 0.0f);
    bench_close(&b);
    open_attend(&b, &zero);
    run_attend(&b);
    assert_sound(&b, 0);
    for (size_t i = 0; i < ITEMS * CHANNELS; i++)
        assert_true(((float *)b.gin[1])[i] == 0.0f);
    bench_close(&b);
}

/* The first of equals, so that the choice does not depend on the machine. */
static void ties_go_to_the_first(void **state)
{
    (void)state;
    static const struct attend_spec spec = {SIM_DOT, 1, 0.5f, FALLBACK_BEST};
    struct bench b;
    open_attend(&b, &spec);
    memset(b.in[1], 0, ITEMS * CHANNELS * sizeof(float));
    run_attend(&b);
    for (size_t i = 0; i < ROWS * ITEMS; i++)
        assert_true(((float *)b.out)[i] == (i % ITEMS == 0 ? 1.0f : 0.0f));
    bench_close(&b);
}

static void nan_stays_visible(void **state)
{
    (void)state;
    static const struct attend_spec specs[] = {{SIM_COSINE, 10, 0.03f, FALLBACK_BEST},
                                               {SIM_DOT, 1, 0.03f, FALLBACK_ZERO}};
    for (size_t k = 0; k < 2; k++) {
        struct bench b;
        open_attend(&b, &specs[k]);
        ((float *)b.in[0])[2 * CHANNELS + 1] = NAN;
        bench_forward(&b, 1);
        for (size_t i = 0; i < ROWS * ITEMS; i++)
            assert_int_equal(isnan(((float *)b.out)[i]) != 0, i / ITEMS == 2);
        ((float *)b.in[0])[2 * CHANNELS + 1] = 0;
        ((float *)b.in[1])[4 * CHANNELS + 1] = NAN; /* one bad item spoils every row */
        bench_forward(&b, 1);
        for (size_t i = 0; i < ROWS; i++)
            assert_true(isnan(((float *)b.out)[i * ITEMS + 4]));
        bench_close(&b);
    }
}

static void fill(void *data, enum dtype type, size_t n, uint64_t seed)
{
    struct rng r = rng_new(seed, 2);
    for (size_t i = 0; i < n; i++)
        set_element(data, type, i, (double)rng_normal(&r));
}

/* Addressing of constant items: `other` of them come after the first pass, noted as a change or not. */
static void address_constants(enum dtype type, bool other, bool noted, float out[ROWS * ITEMS])
{
    static const struct attend_spec spec = {SIM_COSINE, 10, 0, FALLBACK_BEST};
    struct shape shapes[2] = {SHAPE(ROWS, CHANNELS), SHAPE(ITEMS, CHANNELS)};
    struct bench b;
    bench_open(&b, build, &spec, 2, shapes, type == BF16 ? 3 : 0, 0, 2);
    fill(b.in[0], type, ROWS * CHANNELS, 1);
    fill(b.in[1], type, ITEMS * CHANNELS, other && !noted ? 3 : 2);
    bench_forward(&b, 2);
    if (other) {
        fill(b.in[1], type, ITEMS * CHANNELS, 3);
        b.version += noted;
        bench_forward(&b, 2);
    }
    memcpy(out, b.out, ROWS * ITEMS * sizeof *out);
    bench_close(&b);
}

/* What scoring makes of the items once is made again when they change. */
static void constant_items_may_change(void **state)
{
    (void)state;
    for (int type = F32; type <= BF16; type++) {
        float before[ROWS * ITEMS], after[ROWS * ITEMS], fresh[ROWS * ITEMS];
        if (type == BF16 && !dnn_has_bf16())
            continue;
        address_constants((enum dtype)type, false, false, before);
        address_constants((enum dtype)type, true, true, after);
        address_constants((enum dtype)type, true, false, fresh);
        assert_memory_equal(after, fresh, sizeof after);
        assert_memory_not_equal(before, after, sizeof after);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_query),
        cmocka_unit_test(zero_item),
        cmocka_unit_test(huge_and_tiny_lengths),
        cmocka_unit_test(huge_scale_takes_the_best),
        cmocka_unit_test(emptied_rows_fall_back),
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(nan_stays_visible),
        cmocka_unit_test(constant_items_may_change),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
