/* The ground floor: random numbers depend on seed and stream alone, arenas hand out aligned zeros. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/pause.h"
#include "base/rng.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void random_numbers_are_a_function(void **state)
{
    (void)state;
    struct rng a = rng_new(1, 2), b = rng_new(1, 2), other = rng_new(1, 3);
    double sum = 0, squares = 0;
    uint64_t first = rng_u64(&a);
    assert_true(first == rng_u64(&b) && first != rng_u64(&other));
    a.counter = 0;
    assert_true(rng_u64(&a) == first);
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        float v = rng_normal(&a), u = rng_uniform(&a);
        assert_true(u >= 0 && u < 1 && isfinite(v));
        sum += v;
        squares += (double)v * v;
    }
    assert_true(fabs(sum / N) < 0.02 && fabs(squares / N - 1) < 0.03);
    size_t order[1000], seen[1000] = {0};
    rng_permutation(&a, order, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seen[order[i]]++, 0);
}

static void arenas_hand_out_aligned_zeros(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        unsigned char *p = arena_alloc(&arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 255, size);
    }
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_free(&arena);
}

/* Of what takes a thousand times as long there are more; and there is always one. */
static void pauses_are_counted(void **state)
{
    (void)state;
    int some = pause_count(1e-3), many = pause_count(1);
    assert_true(some >= 1 && many > some);
    assert_int_equal(pause_count(0), 1);
    assert_int_equal(pause_count(1e30), INT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_are_a_function),
        cmocka_unit_test(arenas_hand_out_aligned_zeros),
        cmocka_unit_test(pauses_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
