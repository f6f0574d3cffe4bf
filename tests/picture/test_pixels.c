/* Pixels as cameras deliver them, against values computed by hand: every format, padding behind rows, odd sizes. */
#include "support.h"

#include "picture/pixels.h"

#include <stdlib.h>
#include <string.h>

/* What comes out, by `channels`. The planes are copied to exact allocations first, at an odd address where the format
 * allows it to be seen: a sanitizer notices a read beyond the last row. */
static void check(const struct pixels *p, const size_t size[2], int channels, int made, const uint8_t *expected)
{
    struct pixels copy = *p;
    unsigned char *held[2] = {NULL, NULL};
    for (int i = 0; i < 2 && p->plane[i]; i++) {
        held[i] = malloc(size[i] + 1);
        copy.plane[i] = memcpy(held[i] + 1, p->plane[i], size[i]);
    }
    struct picture out;
    struct err e = ERR_INIT;
    if (pixels_read(&copy, channels, decoder, &out, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(out.width, p->width);
    assert_int_equal(out.height, p->height);
    assert_int_equal(out.channels, made);
    for (int i = 0; i < p->width * p->height * made; i++)
        if (out.pixels[i] != expected[i])
            fail_msg("channels %d: value %d is %d, not %d", channels, i, out.pixels[i], expected[i]);
    free(held[0]);
    free(held[1]);
}

static void test_grey8(void **state)
{
    (void)state;
    const uint8_t plane[] = {1, 2, 3, 99, 4, 5, 255}; /* 3x2, one byte behind the first row */
    const struct pixels p = {PIXELS_GREY8, 3, 2, {plane}, {4}};
    const size_t size[2] = {sizeof plane};
    const uint8_t grey[] = {1, 2, 3, 4, 5, 255};
    const uint8_t rgb[] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 255, 255, 255};
    check(&p, size, 0, 1, grey);
    check(&p, size, 1, 1, grey);
    check(&p, size, 3, 3, rgb);
}

static void test_grey16(void **state)
{
    (void)state;
    /* 255 * v / 65535 = v / 257, to the nearest: 128 is 0.498, 129 is 0.502, 65406 is 254.498. */
    const uint16_t plane[] = {0, 128, 129, 7777, 257, 65406, 65535};
    const struct pixels p = {PIXELS_GREY16, 3, 2, {plane}, {8}};
    check(&p, (const size_t[2]){sizeof plane}, 0, 1, (uint8_t[]){0, 0, 1, 1, 254, 255});
}

static void test_packed(void **state)
{
    (void)state;
    /* 1x2; 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2, and 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15. */
    const uint8_t rgb[] = {200, 100, 50, 0, 0, 10, 20, 30}, bgr[] = {50, 100, 200, 0, 0, 30, 20, 10};
    const uint8_t expected[] = {200, 100, 50, 10, 20, 30};
    const struct pixels p = {PIXELS_RGB, 1, 2, {rgb}, {5}}, q = {PIXELS_BGR, 1, 2, {bgr}, {5}};
    const size_t size[2] = {sizeof rgb};
    check(&p, size, 0, 3, expected);
    check(&q, size, 3, 3, expected);
    check(&p, size, 1, 1, (uint8_t[]){124, 18});
    check(&q, size, 1, 1, (uint8_t[]){124, 18});
}

static void test_alpha(void **state)
{
    (void)state;
    /* 2x1; 128 / 255 of 200, 100 and 50 are 100.4, 50.2 and 25.1. */
    const uint8_t rgba[] = {200, 100, 50, 128, 10, 20, 30, 255, 9}, bgra[] = {50, 100, 200, 128, 30, 20, 10, 255, 9};
    const uint8_t expected[] = {100, 50, 25, 10, 20, 30};
    const size_t size[2] = {8};
    check(&(struct pixels){PIXELS_RGBA, 2, 1, {rgba}, {9}}, size, 0, 3, expected);
    check(&(struct pixels){PIXELS_BGRA, 2, 1, {bgra}, {9}}, size, 0, 3, expected);
}

/* Limited range: Y 16 is black, 235 white, 126 is (126 - 16) * 255 / 219 = 128.1. With U and V of 128 there is no
 * colour. 3x3, so that colours of 2 x 2 reach beyond the edge. */
static void test_nv12_greys(void **state)
{
    (void)state;
    const uint8_t y[] = {16, 126, 235, 0, 0, 16, 255, 126, 0, 0, 126, 235, 16},
                  uv[] = {128, 128, 128, 128, 7, 128, 128, 128, 128};
    const struct pixels p = {PIXELS_NV12, 3, 3, {y, uv}, {5, 5}};
    const size_t size[2] = {sizeof y, sizeof uv};
    const uint8_t grey[] = {0, 128, 255, 0, 255, 128, 128, 255, 0};
    uint8_t rgb[27];
    for (int i = 0; i < 27; i++)
        rgb[i] = grey[i / 3];
    check(&p, size, 1, 1, grey);
    check(&p, size, 0, 3, rgb);
}

/* BT.601: pure red is Y 81.5, U 90.2, V 240; of (82, 90, 240):
 * R = 1.1644 * 66 + 1.5960 * 112 = 255.6, G = 76.85 + 0.3918 * 38 - 0.8130 * 112 = 0.7, B = 76.85 - 2.0172 * 38 = 0.2.
 */
static void test_nv12_red(void **state)
{
    (void)state;
    const uint8_t y[] = {82, 82, 82}, uv[] = {90, 240};
    const uint8_t rgb[] = {255, 1, 0, 255, 1, 0};
    check(&(struct pixels){PIXELS_NV12, 1, 2, {y, uv}, {1, 2}}, (const size_t[2]){2, 2}, 3, 3, rgb);
    check(&(struct pixels){PIXELS_NV12, 2, 1, {y, uv}, {2, 2}}, (const size_t[2]){2, 2}, 3, 3, rgb);
}

/* Two colours side by side: between them 3/4 of the nearer one. V is 128 and then 192, so 128, 144, 176, 192:
 * R = 1.1644 * (126 - 16) + 1.5960 * (V - 128) = 128.1, 153.6, 204.7, 230.2
 * G = 128.1 - 0.8130 * (V - 128) = 128.1, 115.1, 89.1, 76.1; B = 128.1. */
static void test_yuyv(void **state)
{
    (void)state;
    const uint8_t row[] = {126, 128, 126, 128, 126, 128, 126, 192, 5, 5, 126, 128, 126, 128, 126, 128, 126, 192};
    const uint8_t line[] = {128, 128, 128, 154, 115, 128, 205, 89, 128, 230, 76, 128};
    uint8_t both[24], odd[18], grey[8];
    memcpy(both, line, 12);
    memcpy(both + 12, line, 12);
    memcpy(odd, line, 9); /* 3 of the 4 pixels: the last pair is there, and half of it is seen */
    memcpy(odd + 9, line, 9);
    memset(grey, 128, sizeof grey);
    const size_t size[2] = {sizeof row};
    check(&(struct pixels){PIXELS_YUYV, 4, 2, {row}, {10}}, size, 0, 3, both);
    check(&(struct pixels){PIXELS_YUYV, 3, 2, {row}, {10}}, size, 0, 3, odd);
    check(&(struct pixels){PIXELS_YUYV, 4, 2, {row}, {10}}, size, 1, 1, grey);
}

/* The same colours one above the other. */
static void test_nv12_column(void **state)
{
    (void)state;
    const uint8_t y[] = {126, 126, 126, 126}, uv[] = {128, 128, 128, 192};
    const uint8_t column[] = {128, 128, 128, 154, 115, 128, 205, 89, 128, 230, 76, 128};
    check(&(struct pixels){PIXELS_NV12, 1, 4, {y, uv}, {1, 2}}, (const size_t[2]){4, 4}, 0, 3, column);
}

/* The order of the bytes: Y of two pixels differs, and U is not V. */
static void test_yuyv_order(void **state)
{
    (void)state;
    const uint8_t row[] = {82, 90, 235, 240}; /* red, and the same colour brighter: R and G clipped */
    /* of (235, 90, 240): R = 255 + 178.8, G = 255 + 14.9 - 91.1 = 178.8, B = 255 - 76.7 = 178.3 */
    const uint8_t rgb[] = {255, 1, 0, 255, 179, 178};
    check(&(struct pixels){PIXELS_YUYV, 2, 1, {row}, {4}}, (const size_t[2]){4}, 3, 3, rgb);
}

static void refuse(const struct pixels *p, int channels, int code, const char *why)
{
    struct picture out;
    struct err e = ERR_INIT;
    assert_int_equal(pixels_read(p, channels, decoder, &out, &e), code);
    expect_error(&e, code, why, NULL);
}

static void test_refused(void **state)
{
    (void)state;
    const uint8_t b[64] = {0};
    refuse(&(struct pixels){PIXELS_RGB, 3, 3, {NULL}, {9}}, 0, ERR_USAGE, "no plane 0");
    refuse(&(struct pixels){PIXELS_NV12, 3, 3, {b, NULL}, {3, 4}}, 0, ERR_USAGE, "no plane 1 (U and V)");
    refuse(&(struct pixels){PIXELS_GREY16, 3, 3, {b}, {5}}, 0, ERR_USAGE, "rows of 6 bytes in plane 0");
    refuse(&(struct pixels){PIXELS_BGRA, 3, 3, {b}, {11}}, 0, ERR_USAGE, "rows of 12 bytes");
    refuse(&(struct pixels){PIXELS_NV12, 3, 3, {b, b}, {3, 3}}, 0, ERR_USAGE, "rows of 4 bytes in plane 1");
    refuse(&(struct pixels){PIXELS_YUYV, 3, 3, {b}, {6}}, 0, ERR_USAGE, "rows of 8 bytes");
    refuse(&(struct pixels){PIXELS_GREY8, 0, 3, {b}, {3}}, 0, ERR_FORMAT, "0x3");
    refuse(&(struct pixels){PIXELS_GREY8, 3, -1, {b}, {3}}, 0, ERR_FORMAT, "3x-1");
    refuse(&(struct pixels){PIXEL_FORMATS, 3, 3, {b}, {3}}, 0, ERR_USAGE, "no pixel format 8");
    refuse(&(struct pixels){PIXELS_GREY8, 3, 3, {b}, {3}}, 2, ERR_USAGE, "1 channel (grey) or 3");
    refuse(&(struct pixels){PIXELS_GREY8, 1 << 20, 1 << 20, {b}, {1 << 20}}, 0, ERR_FORMAT, "at most 268435456 in all");
    picture_decoder_limit(decoder, &(struct picture_limits){.side = 2});
    refuse(&(struct pixels){PIXELS_GREY8, 3, 3, {b}, {3}}, 0, ERR_FORMAT, "no side may have more than 2");
    picture_decoder_limit(decoder, &(struct picture_limits){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grey8),       cmocka_unit_test(test_grey16),     cmocka_unit_test(test_packed),
        cmocka_unit_test(test_alpha),       cmocka_unit_test(test_nv12_greys), cmocka_unit_test(test_nv12_red),
        cmocka_unit_test(test_nv12_column), cmocka_unit_test(test_yuyv),       cmocka_unit_test(test_yuyv_order),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("picture/pixels", tests, decoder_begin, decoder_end);
}
