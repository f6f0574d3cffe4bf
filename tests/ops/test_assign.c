/* What commit does to items, and queries and items that have no direction. */
#include "harness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct node *build(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_consolidate(g, in[0], in[1]);
}

/* Three queries in the plane; two items: (1, 0) takes the first two, (0, 1) the third. */
static void items_move_in_commit(void **state)
{
    (void)state;
    static const float queries[] = {1, 0, 0.8f, 0.6f, 0, 1}, items[] = {1, 0, 0, 1};
    struct bench b;
    bench_open(&b, build, NULL, 2, (struct shape[]){SHAPE(3, 2), SHAPE(2, 2)}, 0, 0, 2);
    memcpy(b.in[0], queries, sizeof queries);
    memcpy(b.in[1], items, sizeof items);
    bench_forward(&b, 1);
    assert_memory_equal(b.in[1], items, sizeof items); /* forward is pure */
    assert_float_equal(((float *)b.out)[0], 2, 0);
    assert_float_equal(((float *)b.out)[1], 1, 0);
    memset(b.in[0], 0, sizeof queries); /* by the time of commit the queries may be gone */
    b.node->op->commit(&b.x);
    /* (1, 0) + 1 (1, 0) + e^(0.8 - 1) (0.8, 0.6), and (0, 1) + 1 (0, 1), of length one. */
    double v = exp(-0.2), x = 2 + v * 0.8, y = v * 0.6, length = hypot(x, y);
    const float *m = b.in[1];
    assert_float_equal(m[0], (float)(x / length), 1e-6f);
    assert_float_equal(m[1], (float)(y / length), 1e-6f);
    assert_float_equal(m[2], 0, 0);
    assert_float_equal(m[3], 1, 1e-6f);
    bench_close(&b);
}

/* v is relative to the largest product of any query, also of one that another item has. */
static void an_item_that_none_is_nearest_to_stays(void **state)
{
    (void)state;
    static const float queries[] = {1, 0, 0.6f, 0.8f}, items[] = {1, 0, 0, 1, 0, -1};
    struct bench b;
    bench_open(&b, build, NULL, 2, (struct shape[]){SHAPE(2, 2), SHAPE(3, 2)}, 0, 0, 2);
    memcpy(b.in[0], queries, sizeof queries);
    memcpy(b.in[1], items, sizeof items);
    bench_forward(&b, 1);
    b.node->op->commit(&b.x);
    assert_memory_equal((float *)b.in[1] + 4, items + 4, 2 * sizeof(float));
    bench_close(&b);
}

static struct node *build_unit(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_unit(g, in[0]);
}

static void a_row_of_zeros_has_no_direction(void **state)
{
    (void)state;
    static const float rows[] = {0, 0, 3, 4};
    struct bench b;
    bench_open(&b, build_unit, NULL, 1, (struct shape[]){SHAPE(2, 2)}, 0, 1, 0);
    memcpy(b.in[0], rows, sizeof rows);
    bench_forward(&b, 1);
    assert_float_equal(((float *)b.out)[0], 0, 0);
    assert_float_equal(((float *)b.out)[3], 0.8f, 1e-6f);
    for (int i = 0; i < 4; i++)
        ((float *)b.gout)[i] = 1;
    bench_backward(&b, 1, 1);
    assert_float_equal(((float *)b.gin[0])[0], 0, 0);
    assert_float_equal(((float *)b.gin[0])[2], (1 - 0.6f * 1.4f) / 5, 1e-6f);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_move_in_commit),
        cmocka_unit_test(an_item_that_none_is_nearest_to_stays),
        cmocka_unit_test(a_row_of_zeros_has_no_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
