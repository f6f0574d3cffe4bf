/* Heat maps: colours, contour, overlay, files. */
#include "support/files.h"

#include "base/file.h"
#include "data/media.h"
#include "report/heatmap.h"

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
    heatmap_draw(&s, map, 4, 1, &(struct heatmap_style){.zoom = 1}, rgb);
    assert_memory_equal(rgb, s.colors[0], 3);
    assert_memory_equal(rgb + 3, s.colors[HEATMAP_COLORS - 1], 3);
    assert_memory_equal(rgb + 6, s.colors[HEATMAP_COLORS / 2], 3);
    assert_memory_equal(rgb + 9, "\x80\x80\x80", 3);
    heatmap_scale_init(&s, 1, 1, 1); /* no range: a step */
    assert_true(heatmap_position(&s, 1) == 0 && heatmap_position(&s, 1.5f) == 1);
}

static void test_contour_and_overlay(void **state)
{
    (void)state;
    struct heatmap_scale s;
    heatmap_scale_init(&s, 0, 1, 0.5f);
    float map[9] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
    uint8_t grey[9], rgb[9 * 9 * 3];
    memset(grey, 200, sizeof grey);
    heatmap_draw(&s, map, 3, 3, &(struct heatmap_style){.zoom = 3, .grey = grey, .opacity = 1, .contour = true}, rgb);
    assert_memory_equal(rgb, "\xc8\xc8\xc8", 3);                                 /* normal: the picture shows through */
    assert_memory_equal(rgb + 3 * (3 * 9 + 3), "\xff\xff\xff", 3);               /* the corner of the middle: contour */
    assert_memory_equal(rgb + 3 * (4 * 9 + 4), s.colors[HEATMAP_COLORS - 1], 3); /* within: the map's colour */
    s.level = INFINITY;
    heatmap_draw(&s, map, 3, 3, &(struct heatmap_style){.zoom = 3, .contour = true}, rgb);
    assert_memory_equal(rgb + 3 * (3 * 9 + 3), s.colors[HEATMAP_COLORS - 1], 3);
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
    heatmap_scale_calibrated(&a, &c, 0.05);
    heatmap_scale_calibrated(&b, &c, 0.2);
    assert_true(a.low == b.low && a.high == b.high); /* the rate moves the contour, never the colours */
    assert_true(a.level > b.level && a.level < a.high);
    heatmap_scale_calibrated(&a, &(struct calibration){.map_high = 2}, 0.05);
    assert_true(a.high == 2 && isinf(a.level));
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

static void test_png_file(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct heatmap_scale s;
    struct picture_decoder *d;
    struct picture p;
    float map[6] = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1};
    const char *path = in_folder("map.png");
    heatmap_scale_init(&s, 0, 1, 2);
    assert_int_equal(heatmap_write_png(path, &s, map, 3, 2, &(struct heatmap_style){.zoom = 4}, false, &e), 0);
    assert_int_equal(picture_decoder_new(&d, &e), 0);
    assert_int_equal(picture_read(d, path, 3, &p, &e), 0);
    assert_int_equal(p.width, 12);
    assert_int_equal(p.height, 8);
    assert_memory_equal(p.pixels, s.colors[0], 3);
    assert_memory_equal(p.pixels + 3 * (8 * 12 - 1), s.colors[HEATMAP_COLORS - 1], 3);
    picture_decoder_free(d);
    assert_int_equal(heatmap_write_png(path, &s, map, 3, 2, &(struct heatmap_style){.zoom = 1}, false, &e), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colors_rise_from_dark_to_light),
        cmocka_unit_test(test_values_are_clamped),
        cmocka_unit_test(test_contour_and_overlay),
        cmocka_unit_test(test_scale_of_a_calibration),
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_npy),
        cmocka_unit_test(test_png_file),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
