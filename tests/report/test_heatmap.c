/* Heat maps: colours, scales, files. */
#include "support/files.h"

#include "base/file.h"
#include "picture/picture.h"
#include "report/heatmap.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double luminance(const uint8_t c[3])
{
    double y = 0;
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 3; i++)
        y += weight[i] * pow(c[i] / 255.0, 2.2);
    return y;
}

static void test_colors_rise_from_dark_to_light(void **state)
{
    (void)state;
    struct heatmap_scale s;
    heatmap_scale_init(&s, 0, 1, 0.5f);
    assert_true(luminance(s.colors[0]) < 0.005);
    assert_true(luminance(s.colors[HEATMAP_COLORS - 1]) > 0.85);
    for (int i = 4; i < HEATMAP_COLORS; i++)
        assert_true(luminance(s.colors[i]) > luminance(s.colors[i - 4]));
}

static void test_values_are_clamped(void **state)
{
    (void)state;
    struct heatmap_scale s;
    heatmap_scale_init(&s, 1, 3, 2);
    float map[4] = {-9, 9, 2, NAN};
    uint8_t rgb[12];
    heatmap_draw(&s, map, 4, 1, rgb);
    assert_memory_equal(rgb, s.colors[0], 3);
    assert_memory_equal(rgb + 3, s.colors[HEATMAP_COLORS - 1], 3);
    assert_memory_equal(rgb + 6, s.colors[HEATMAP_COLORS / 2], 3);
    assert_memory_equal(rgb + 9, "\x80\x80\x80", 3);
    heatmap_scale_init(&s, 1, 1, 1); /* no range: a step */
    assert_true(heatmap_position(&s, 1) == 0 && heatmap_position(&s, 1.5f) == 1);
}

static void test_scale_of_a_calibration(void **state)
{
    (void)state;
    enum { N = 100 };
    float scores[N], peaks[N];
    for (int i = 0; i < N; i++)
        scores[i] = peaks[i] = 0.5f + 0.001f * (float)i;
    struct calibration c = {.n = N, .scores = scores, .peaks = peaks, .map_low = 0.01f, .map_high = 0.5f};
    struct heatmap_scale a, b;
    assert_true(heatmap_scale_calibrated(&a, &c, 0.05) && heatmap_scale_calibrated(&b, &c, 0.2));
    assert_true(a.low == b.low && a.high == b.high); /* the rate moves the contour, never the colours */
    assert_true(a.level > b.level && a.level < a.high);
    assert_true(heatmap_scale_calibrated(&a, &(struct calibration){.map_high = 2}, 0.05));
    assert_true(a.high == 2 && isinf(a.level));
}

/* Nothing was held out: maps are coloured over their own range, and not by whether they are above 0. */
static void test_scale_without_calibration(void **state)
{
    (void)state;
    struct heatmap_scale s;
    const float map[5] = {0.5f, NAN, 0.2f, 0.3f, INFINITY}, more = 0.7f;
    assert_false(heatmap_scale_calibrated(&s, &(struct calibration){0}, 0.05));
    assert_true(heatmap_position(&s, 1) == 0); /* nothing is known yet */
    heatmap_scale_widen(&s, map, 5);
    assert_true(s.low == 0.2f && s.high == 0.5f && isinf(s.level));
    heatmap_scale_widen(&s, &more, 1);
    assert_true(heatmap_position(&s, 0.2f) == 0 && heatmap_position(&s, 0.7f) == 1);
    assert_true(fabsf(heatmap_position(&s, 0.45f) - 0.5f) < 1e-6f);
}

static void test_bar(void **state)
{
    (void)state;
    struct heatmap_scale s;
    uint8_t rgb[HEATMAP_COLORS * 2 * 3];
    heatmap_scale_init(&s, 0, 1, 0.5f);
    heatmap_bar(&s, HEATMAP_COLORS, 2, rgb);
    assert_memory_equal(rgb, s.colors, sizeof s.colors);
    assert_memory_equal(rgb + sizeof s.colors, s.colors, sizeof s.colors);
}

static void test_npy(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    float map[6] = {0, 1, 2, 3, 4, -0.5f};
    const char *path = in_folder("map.npy");
    assert_int_equal(heatmap_write_npy(path, map, 3, 2, false, &e), 0);
    size_t size;
    char *data = read_file(path, &size);
    assert_int_equal(size, 128 + sizeof map);
    assert_memory_equal(data, "\x93NUMPY\x01\x00\x76\x00", 10);
    static const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ";
    assert_memory_equal(data + 10, text, sizeof text - 1);
    assert_int_equal(data[127], '\n');
    assert_memory_equal(data + 128, map, sizeof map);
    free(data);
    assert_int_equal(heatmap_write_npy(path, map, 2, 3, false, &e), ERR_IO); /* it is there already */
}

/* Writes a map of 3 x 2 and gives back its six colours. */
static void write_and_read(const char *path, const struct calibration *c, const float *map, uint8_t colors[18])
{
    struct err e = ERR_INIT;
    struct picture_decoder *d;
    struct picture p;
    assert_int_equal(heatmap_write_png(path, c, map, 3, 2, false, &e), 0);
    assert_int_equal(picture_decoder_new(&d, &e), 0);
    assert_int_equal(picture_read(d, path, 3, &p, &e), 0);
    assert_true(p.width == 3 && p.height == 2);
    memcpy(colors, p.pixels, 18);
    picture_decoder_free(d);
}

static void test_png_file(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct heatmap_scale s;
    const float map[6] = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1}, dim[6] = {0, 0.02f, 0.04f, 0.06f, 0.08f, 0.1f};
    const struct calibration c = {.map_high = 1}, none = {0};
    uint8_t colors[18];
    const char *path = in_folder("map.png");
    heatmap_scale_init(&s, 0, 1, 2);
    write_and_read(path, &c, map, colors);
    assert_memory_equal(colors, s.colors[0], 3);
    assert_memory_equal(colors + 6, s.colors[(HEATMAP_COLORS - 1) * 2 / 5], 3);
    assert_memory_equal(colors + 15, s.colors[HEATMAP_COLORS - 1], 3);
    assert_int_equal(heatmap_write_png(path, &c, map, 3, 2, false, &e), ERR_IO); /* it is there already */
    write_and_read(in_folder("dim.png"), &c, dim, colors);
    assert_memory_equal(colors + 15, s.colors[26], 3); /* a good part stays dark */
    write_and_read(in_folder("own.png"), &none, dim, colors);
    assert_memory_equal(colors + 6, s.colors[(HEATMAP_COLORS - 1) * 2 / 5], 3);
    assert_memory_equal(colors + 15, s.colors[HEATMAP_COLORS - 1], 3);
}

static void test_sizes_of_no_picture(void **state)
{
    (void)state;
    static const int sizes[][2] = {{-3, 2}, {3, -2}, {0, 2}, {3, 0}, {1 << 21, 1}, {1 << 20, 1 << 20}, {INT_MIN, 1}};
    const float map[6] = {0};
    const struct calibration c = {0};
    const char *path = in_folder("never");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct err e = ERR_INIT;
        assert_int_equal(heatmap_write_npy(path, map, sizes[i][0], sizes[i][1], true, &e), ERR_USAGE);
        assert_says(e.msg, "never");
        e = ERR_INIT;
        assert_int_equal(heatmap_write_png(path, &c, map, sizes[i][0], sizes[i][1], true, &e), ERR_USAGE);
        assert_says(e.msg, "sides from 1 to");
    }
    struct err e = ERR_INIT;
    assert_int_equal(heatmap_write_npy(path, NULL, 3, 2, true, &e), ERR_USAGE);
    assert_says(e.msg, "without values");
    assert_false(exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colors_rise_from_dark_to_light),
        cmocka_unit_test(test_values_are_clamped),
        cmocka_unit_test(test_scale_of_a_calibration),
        cmocka_unit_test(test_scale_without_calibration),
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_npy),
        cmocka_unit_test(test_png_file),
        cmocka_unit_test(test_sizes_of_no_picture),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
