/* Regions: drawn maps with known ones, and a check by flooding of random maps. */
#include "stats/regions.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct region *find(const float *map, int width, int height, float level, size_t *n)
{
    struct region *r;
    struct err e = ERR_INIT;
    assert_int_equal(regions_find(map, width, height, level, &r, n, &e), 0);
    return r;
}

static void drawn_ones(void **state)
{
    (void)state;
    static const char drawing[] = "5....3"
                                  ".7..3."
                                  "......"
                                  "22..44"
                                  ".2..44";
    float map[30];
    size_t n;
    for (int i = 0; i < 30; i++)
        map[i] = drawing[i] == '.' ? 0 : (float)(drawing[i] - '0');
    struct region *r = find(map, 6, 5, 1, &n);
    static const struct region wanted[] = {
        {0, 0, 2, 2, 2, 7, 1, 1}, /* corners touch */
        {4, 3, 2, 2, 4, 4, 4, 3}, /* the first of equal peaks */
        {4, 0, 2, 2, 2, 3, 5, 0},
        {0, 3, 2, 2, 3, 2, 0, 3},
    };
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(r[i].x == wanted[i].x && r[i].y == wanted[i].y);
        assert_true(r[i].width == wanted[i].width && r[i].height == wanted[i].height && r[i].area == wanted[i].area);
        assert_true(r[i].peak == wanted[i].peak && r[i].peak_x == wanted[i].peak_x && r[i].peak_y == wanted[i].peak_y);
    }
    free(r);
    r = find(map, 6, 5, 4, &n); /* above, not at */
    assert_int_equal(n, 1);
    free(r);
    r = find(map, 6, 5, -1, &n); /* everything is one */
    assert_true(n == 1 && r->area == 30 && r->width == 6 && r->height == 5);
    free(r);
    free(find(map, 6, 5, 7, &n));
    assert_int_equal(n, 0);
    free(find(map, 6, 5, INFINITY, &n));
    assert_int_equal(n, 0);
}

static void what_is_not_finite_is_in_none(void **state)
{
    (void)state;
    const float map[] = {1, NAN, 2, INFINITY, -INFINITY};
    size_t n;
    struct region *r = find(map, 5, 1, 0, &n);
    assert_true(n == 2 && r[0].peak == 2 && r[0].area == 1 && r[1].area == 1);
    free(r);
}

enum { SIDE = 24 };

/* Gives all values connected to i the label. */
static void flood(const float *map, int *labels, int i, int label)
{
    labels[i] = label;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            int x = i % SIDE + dx, y = i / SIDE + dy, k = y * SIDE + x;
            if (x >= 0 && y >= 0 && x < SIDE && y < SIDE && !labels[k] && map[k] > 0.6f)
                flood(map, labels, k, label);
        }
}

static void random_ones(void **state)
{
    (void)state;
    struct rng rng = rng_new(5, 1);
    for (int round = 0; round < 50; round++) {
        float map[SIDE * SIDE];
        int labels[SIDE * SIDE] = {0}, count = 0;
        size_t n, area[SIDE * SIDE] = {0}, all = 0;
        for (int i = 0; i < SIDE * SIDE; i++)
            map[i] = rng_uniform(&rng);
        for (int i = 0; i < SIDE * SIDE; i++)
            if (map[i] > 0.6f && !labels[i])
                flood(map, labels, i, ++count);
        for (int i = 0; i < SIDE * SIDE; i++)
            area[labels[i]]++;
        struct region *r = find(map, SIDE, SIDE, 0.6f, &n);
        assert_int_equal(n, count);
        for (size_t i = 0; i < n; i++) {
            int at = r[i].peak_y * SIDE + r[i].peak_x;
            assert_true(map[at] == r[i].peak && r[i].area == area[labels[at]]);
            assert_true(!i || r[i].peak <= r[i - 1].peak);
            all += r[i].area;
        }
        assert_int_equal(all + area[0], SIDE * SIDE);
        free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_ones),
        cmocka_unit_test(what_is_not_finite_is_in_none),
        cmocka_unit_test(random_ones),
    };
    return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
