/* Memory layout by liveness, against the naive rule: alive together means apart. */
#include "base/rng.h"
#include "nn/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

enum { BUFFERS = 60, ROUNDS = 300 };

static bool used(const struct buffer *b)
{
    return b->bytes && !b->external && b->begin <= b->end;
}

static bool collide(const struct buffer *a, const struct buffer *b)
{
    bool together = a->begin <= b->end && b->begin <= a->end;
    return together && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static struct buffer draw(struct rng *r)
{
    static int elsewhere;
    struct buffer b = {.bytes = rng_below(r, 4) ? (size_t)rng_below(r, 5000) : (size_t)rng_below(r, 200000)};
    b.begin = (int)rng_below(r, 40);
    b.end = b.begin + (int)rng_below(r, 12) - 1; /* now and then never used */
    if (rng_below(r, 10) == 0)
        b.begin = LAYOUT_BEFORE;
    if (rng_below(r, 10) == 0)
        b.end = LAYOUT_FOREVER;
    if (rng_below(r, 15) == 0)
        b.external = &elsewhere;
    return b;
}

static size_t most_alive(const struct buffer *b, int n)
{
    size_t most = 0;
    for (int t = -1; t < 60; t++) {
        size_t sum = 0;
        for (int i = 0; i < n; i++)
            sum += used(&b[i]) && b[i].begin <= t && t <= b[i].end ? b[i].bytes : 0;
        most = sum > most ? sum : most;
    }
    return most;
}

static void live_buffers_never_overlap(void **state)
{
    (void)state;
    struct rng r = rng_new(11, 0);
    size_t taken = 0, least = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct buffer b[BUFFERS];
        int n = (int)rng_below(&r, BUFFERS + 1);
        size_t bytes = 0;
        struct err e = ERR_INIT;
        for (int i = 0; i < n; i++)
            b[i] = draw(&r);
        assert_int_equal(layout_solve(b, n, &bytes, &e), 0);
        for (int i = 0; i < n; i++) {
            if (!used(&b[i]))
                continue;
            assert_int_equal(b[i].offset % 64, 0);
            assert_true(b[i].offset + b[i].bytes <= bytes);
            for (int k = 0; k < i; k++)
                assert_false(used(&b[k]) && collide(&b[i], &b[k]));
        }
        taken += bytes;
        least += most_alive(b, n);
    }
    assert_true((double)taken < 1.15 * (double)least); /* and little room is wasted */
}

static void ends_of_lives_are_included(void **state)
{
    (void)state;
    struct buffer b[] = {
        {.bytes = 64, .begin = 0, .end = 3}, {.bytes = 64, .begin = 3, .end = 5}, {.bytes = 64, .begin = 6, .end = 9}};
    size_t bytes = 0;
    struct err e = ERR_INIT;
    assert_int_equal(layout_solve(b, 3, &bytes, &e), 0);
    assert_int_equal(bytes, 128);
    assert_true(b[0].offset != b[1].offset);
}

static void layout_is_the_same_every_time(void **state)
{
    (void)state;
    struct buffer first[BUFFERS], again[BUFFERS];
    for (int i = 0; i < BUFFERS; i++)
        first[i] = (struct buffer){.bytes = 64 * (size_t)(1 + i % 4), .begin = i % 7, .end = i % 7 + i % 5};
    memcpy(again, first, sizeof first);
    size_t a = 0, b = 0;
    struct err e = ERR_INIT;
    assert_int_equal(layout_solve(first, BUFFERS, &a, &e), 0);
    assert_int_equal(layout_solve(again, BUFFERS, &b, &e), 0);
    assert_int_equal(a, b);
    for (int i = 0; i < BUFFERS; i++)
        assert_int_equal(first[i].offset, again[i].offset);
}

static void nothing_needs_nothing(void **state)
{
    (void)state;
    size_t bytes = 1;
    struct err e = ERR_INIT;
    assert_int_equal(layout_solve(NULL, 0, &bytes, &e), 0);
    assert_int_equal(bytes, 0);
}

/* Tries are bounded by their steps: without, this many buffers would take minutes. */
static void many_buffers_are_laid_out(void **state)
{
    (void)state;
    enum { MANY = 12000 };
    static struct buffer b[MANY];
    struct rng r = rng_new(3, 0);
    size_t bytes = 0;
    struct err e = ERR_INIT;
    for (int i = 0; i < MANY; i++) {
        b[i] = (struct buffer){.bytes = (size_t)rng_below(&r, 10 << 20), .begin = (int)rng_below(&r, MANY)};
        b[i].end = b[i].begin + (int)rng_below(&r, MANY / 60);
    }
    assert_int_equal(layout_solve(b, MANY, &bytes, &e), 0);
    for (int i = 0; i < MANY; i++) {
        assert_true(b[i].offset + b[i].bytes <= bytes);
        for (int k = 0; k < i; k++)
            assert_false(used(&b[i]) && used(&b[k]) && collide(&b[i], &b[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_buffers_never_overlap),    cmocka_unit_test(ends_of_lives_are_included),
        cmocka_unit_test(layout_is_the_same_every_time), cmocka_unit_test(nothing_needs_nothing),
        cmocka_unit_test(many_buffers_are_laid_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
