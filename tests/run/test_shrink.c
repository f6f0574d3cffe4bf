/* Pictures made smaller by whole blocks: means of pixels, maxima of maps, and edges that do not fill a block. */
#include "run/shrink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_block(void **state)
{
    (void)state;
    assert_int_equal(shrink_block(&(struct picture_format){1024, 20, 1}, 1024), 1);
    assert_int_equal(shrink_block(&(struct picture_format){20, 1025, 1}, 1024), 2);
    assert_int_equal(shrink_block(&(struct picture_format){4000, 3000, 1}, 1024), 4);
    struct picture_format f = shrink_format(&(struct picture_format){5, 3, 3}, 2);
    assert_true(f.width == 3 && f.height == 2 && f.channels == 3);
}

static void test_same(void **state)
{
    (void)state;
    const struct picture_format f = {2, 2, 3};
    const uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, mask[] = {0, 1, 1, 0};
    const float map[] = {-1, 2, 3, 4};
    uint8_t out[12];
    float values[4];
    shrink_pixels(&f, 1, pixels, out);
    assert_memory_equal(out, pixels, sizeof pixels);
    shrink_map(&f, 1, map, values);
    assert_memory_equal(values, map, sizeof map);
    shrink_mask(&f, 1, mask, out);
    assert_memory_equal(out, mask, sizeof mask);
}

static void test_blocks(void **state)
{
    (void)state;
    const struct picture_format f = {3, 3, 1};
    const uint8_t pixels[] = {0, 1, 10, 2, 4, 20, 5, 6, 7}, mask[] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
    const float map[] = {-4, -3, 1, -2, -5, 0, 9, 8, -7};
    uint8_t out[4];
    float values[4];
    shrink_pixels(&f, 2, pixels, out);
    assert_memory_equal(out, ((uint8_t[]){2, 15, 6, 7}), 4); /* 1.75, 15, 5.5, 7 */
    shrink_map(&f, 2, map, values);
    assert_true(values[0] == -2 && values[1] == 1 && values[2] == 9 && values[3] == -7);
    shrink_mask(&f, 2, mask, out);
    assert_memory_equal(out, ((uint8_t[]){1, 0, 0, 0}), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests_name("shrink", tests, NULL, NULL);
}
