/* Pictures of every kind decode to the right values. */
#include "support.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* 16x16, a colour a quarter: (200,30,40) (20,180,60) / (30,60,220) (250,250,250). In the RGBA ones the lower half has
 * alpha 128. Made with Pillow 9.4. */
#include "support/picture_bytes.h"

static const int quarters[4][3] = {{200, 30, 40}, {20, 180, 60}, {30, 60, 220}, {250, 250, 250}};

static void check_pixels(const struct picture *p, int width, int height, int channels, const uint8_t *expected)
{
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, height);
    assert_int_equal(p->channels, channels);
    for (int i = 0; i < width * height * channels; i++)
        if (p->pixels[i] != expected[i])
            fail_msg("value %d is %d, not %d", i, p->pixels[i], expected[i]);
}

/* The middle of each quarter, within `tolerance`; the lower two scaled by alpha / 255. */
static void check_quarters(const struct picture *p, int alpha, int tolerance)
{
    assert_int_equal(p->width, 16);
    assert_int_equal(p->height, 16);
    for (int q = 0; q < 4; q++)
        for (int c = 0; c < p->channels; c++) {
            const int *rgb = quarters[q];
            double grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
            double want = (p->channels == 3 ? rgb[c] : grey) * (q >= 2 ? alpha : 255) / 255;
            int got = p->pixels[((q / 2 * 8 + 4) * 16 + q % 2 * 8 + 4) * p->channels + c];
            if (got < want - tolerance || got > want + tolerance)
                fail_msg("quarter %d channel %d is %d, not %.1f", q, c, got, want);
        }
}

static void test_netpbm(void **state)
{
    (void)state;
    struct picture p = decode_still("P5 3 2 255\n\0\x01\x7f\x80\xfe\xff", 17, 0);
    check_pixels(&p, 3, 2, 1, (uint8_t[]){0, 1, 127, 128, 254, 255});
    p = decode_still("P6 2 1 255\n\x0a\x14\x1e\x28\x32\x3c", 17, 0);
    check_pixels(&p, 2, 1, 3, (uint8_t[]){10, 20, 30, 40, 50, 60});
    p = decode_still("P4 3 2\n\xa0\x40", 9, 0); /* 1 is black */
    check_pixels(&p, 3, 2, 1, (uint8_t[]){0, 255, 0, 255, 0, 255});
    p = decode_still("P5 2 1 65535\n\xff\xff\x80\x80", 17, 0);
    check_pixels(&p, 2, 1, 1, (uint8_t[]){255, 128});
}

static void test_channels_wanted(void **state)
{
    (void)state;
    struct picture p = decode_still("P5 2 1 255\n\x07\x09", 13, 3);
    check_pixels(&p, 2, 1, 3, (uint8_t[]){7, 7, 7, 9, 9, 9});
    p = decode_still("P6 2 1 255\n\xff\x00\x00\x28\x28\x28", 17, 1);
    check_pixels(&p, 2, 1, 1, (uint8_t[]){76, 40}); /* 0.299 * 255 */
}

static void test_bmp(void **state)
{
    (void)state;
    struct picture p = decode_still(bmp_rows, sizeof bmp_rows, 0);
    check_pixels(&p, 1, 2, 3, (uint8_t[]){6, 5, 4, 3, 2, 1});
    p = decode_still(bmp_runs, sizeof bmp_runs, 0);
    check_pixels(&p, 3, 2, 3, (uint8_t[]){7, 8, 9, 7, 8, 9, 30, 40, 50, 30, 40, 50, 30, 40, 50, 30, 40, 50});
}

static void test_tiff(void **state)
{
    (void)state;
    struct picture p = decode_still(tiff_colour, sizeof tiff_colour, 0);
    assert_int_equal(p.channels, 3);
    check_quarters(&p, 255, 0);
}

/* Plain rows, whole and with the last one cut short. */
static void test_raw_tiff(void **state)
{
    (void)state;
    enum { WIDTH = 5, HEIGHT = 3, ENTRIES = 9 };
    const unsigned tags[ENTRIES][2] = {{256, WIDTH},  {257, HEIGHT},         {258, 8}, {259, 1}, {262, 1}, {273, 122},
                                       {278, HEIGHT}, {279, WIDTH * HEIGHT}, {339, 1}};
    unsigned char tiff[122 + WIDTH * HEIGHT] = {'I', 'I', '*', 0, 8, 0, 0, 0, ENTRIES};
    for (int i = 0; i < ENTRIES; i++) {
        unsigned char *at = tiff + 10 + 12 * i;
        at[0] = (unsigned char)tags[i][0];
        at[1] = (unsigned char)(tags[i][0] >> 8);
        at[2] = 3; /* 16 bits, one value */
        at[4] = 1;
        at[8] = (unsigned char)tags[i][1];
    }
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        tiff[122 + i] = (unsigned char)(10 * i);
    struct picture p = decode_still(tiff, sizeof tiff, 0);
    check_pixels(&p, WIDTH, HEIGHT, 1, tiff + 122);
    struct err e = ERR_INIT;
    assert_int_equal(picture_decode(decoder, tiff, sizeof tiff - 1, "short.tif", 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "short.tif", "damaged or truncated tiff", NULL);
}

static void test_jpg(void **state)
{
    (void)state;
    struct picture p = decode_still(jpg_colour, sizeof jpg_colour, 0);
    assert_int_equal(p.channels, 3);
    check_quarters(&p, 255, 3);
    p = decode_still(jpg_colour, sizeof jpg_colour, 1);
    assert_int_equal(p.channels, 1);
    check_quarters(&p, 255, 2);
    p = decode_still(jpg_grey, sizeof jpg_grey, 0);
    assert_int_equal(p.channels, 1);
    assert_int_equal(p.pixels[4 * 16 + 4], 200);
    assert_int_equal(p.pixels[12 * 16 + 12], 250);
}

static void test_webp(void **state)
{
    (void)state;
    struct picture p = decode_still(webp_lossless, sizeof webp_lossless, 0);
    check_quarters(&p, 128, 1);
    p = decode_still(webp_lossless, sizeof webp_lossless, 1);
    check_quarters(&p, 128, 1);
    p = decode_still(webp_lossy, sizeof webp_lossy, 3);
    check_quarters(&p, 255, 5);
    p = decode_still(webp_lossy, sizeof webp_lossy, 1);
    check_quarters(&p, 255, 4);
    p = decode_still(webp_alpha, sizeof webp_alpha, 3);
    check_quarters(&p, 128, 5);
}

static void check_png(const struct png *png, int channels, const uint8_t *expected)
{
    size_t size;
    unsigned char *bytes = make_png(png, &size);
    struct picture p = decode_still(bytes, size, 0);
    check_pixels(&p, png->width, png->height, channels, expected);
    free(bytes);
}

static void test_png_kinds(void **state)
{
    (void)state;
    const unsigned char grey[] = {0, 100, 200, 255}, la[] = {200, 255, 200, 128, 90, 0};
    const unsigned char rgba[] = {10, 20, 30, 255, 200, 100, 50, 128}, grey16[] = {0xff, 0xff, 0x80, 0x80, 0x01, 0x80};
    const unsigned char rgb16[] = {0xff, 0xff, 0x01, 0x01, 0x10, 0x10}, bits[] = {0xa0, 0x40}, indices[] = {0, 1, 2};
    const unsigned char palette[] = {255, 0, 0, 0, 255, 0, 10, 20, 30}, alpha[] = {255, 0, 128};
    const unsigned char greys[] = {5, 5, 5, 99, 99, 99, 250, 250, 250};
    check_png(&(struct png){2, 2, 8, 0, grey, 2, NULL, NULL, 0}, 1, (uint8_t[]){0, 100, 200, 255});
    check_png(&(struct png){3, 1, 8, 4, la, 6, NULL, NULL, 0}, 1, (uint8_t[]){200, 100, 0});
    check_png(&(struct png){2, 1, 8, 6, rgba, 8, NULL, NULL, 0}, 3, (uint8_t[]){10, 20, 30, 100, 50, 25});
    check_png(&(struct png){3, 1, 16, 0, grey16, 6, NULL, NULL, 0}, 1, (uint8_t[]){255, 128, 1});
    check_png(&(struct png){1, 1, 16, 2, rgb16, 6, NULL, NULL, 0}, 3, (uint8_t[]){255, 1, 16});
    check_png(&(struct png){3, 2, 1, 0, bits, 1, NULL, NULL, 0}, 1, (uint8_t[]){255, 0, 255, 0, 255, 0});
    check_png(&(struct png){3, 1, 8, 3, indices, 3, palette, NULL, 3}, 3,
              (uint8_t[]){255, 0, 0, 0, 255, 0, 10, 20, 30});
    check_png(&(struct png){3, 1, 8, 3, indices, 3, palette, alpha, 3}, 3, (uint8_t[]){255, 0, 0, 0, 0, 0, 5, 10, 15});
    check_png(&(struct png){3, 1, 8, 3, indices, 3, greys, NULL, 3}, 1, (uint8_t[]){5, 99, 250});
}

static void test_png_round_trip(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        uint8_t pixels[37 * 23 * 3];
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)(i * i / 7 + i);
        unsigned char *png;
        size_t size;
        struct err e = ERR_INIT;
        assert_int_equal(picture_encode_png(&(struct picture){37, 23, channels, pixels}, &png, &size, &e), 0);
        struct picture p = decode_still(png, size, 0);
        check_pixels(&p, 37, 23, channels, pixels);
        free(png);
    }
}

static void test_odd_sizes(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {8000, 20}, {20, 8000}, {1, 300}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture p;
        struct err e = ERR_INIT;
        write_png("odd.png", sizes[i][0], sizes[i][1], 3, 100);
        assert_int_equal(picture_read(decoder, in_folder("odd.png"), 0, &p, &e), 0);
        assert_int_equal(p.width, sizes[i][0]);
        assert_int_equal(p.height, sizes[i][1]);
        uint8_t out[32 * 32];
        assert_int_equal(picture_fit(decoder, &p, &(struct picture_format){32, 32, 1}, out, &e), 0);
    }
}

static void test_not_a_picture(void **state)
{
    (void)state;
    struct picture p;
    struct err e = ERR_INIT;
    write_file("text.png", "hello, world", 12);
    assert_int_equal(picture_read(decoder, in_folder("text.png"), 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "text.png", "begins with 'hello, world'", NULL);
    e = ERR_INIT;
    write_file("empty.png", "", 0);
    assert_int_equal(picture_read(decoder, in_folder("empty.png"), 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "empty.png", "empty (0 bytes)", NULL);
    e = ERR_INIT;
    assert_int_equal(picture_read(decoder, in_folder("absent.png"), 0, &p, &e), ERR_IO);
    expect_error(&e, ERR_IO, "absent.png", "No such file", NULL);
    e = ERR_INIT;
    assert_int_equal(picture_read(decoder, in_folder("."), 0, &p, &e), ERR_IO);
    expect_error(&e, ERR_IO, "folder", NULL);
}

/* ---- orientation ---- */

/* What is stored is a b c / d e f; what is to be seen, row by row. */
static const struct {
    int width;
    const char *seen;
} uprights[9] = {{0, ""},       {3, "abcdef"}, {3, "cbafed"}, {3, "fedcba"}, {3, "defabc"},
                 {2, "adbecf"}, {2, "daebfc"}, {2, "fcebda"}, {2, "cfbead"}};

static void check_upright(const struct picture *p, int orientation, int colours)
{
    const int width = uprights[orientation].width;
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, 6 / width);
    assert_int_equal(p->channels, colours);
    for (int i = 0; i < 6; i++)
        for (int c = 0; c < colours; c++)
            if (p->pixels[i * colours + c] != uprights[orientation].seen[i] + c)
                fail_msg("orientation %d: pixel %d is %c, not %c", orientation, i, p->pixels[i * colours + c],
                         uprights[orientation].seen[i] + c);
}

static void test_upright_png(void **state)
{
    (void)state;
    const unsigned char grey[] = "abcdef", rgb[] = "abcbcdcdedefefgfgh";
    for (int colours = 1; colours <= 3; colours += 2)
        for (int orientation = 1; orientation <= 8; orientation++) {
            size_t size;
            unsigned char *png = make_png(&(struct png){3, 2, 8, colours == 1 ? 0 : 2, colours == 1 ? grey : rgb,
                                                        3 * (size_t)colours, NULL, NULL, 0},
                                          &size);
            png = turn_png(png, &size, orientation & 2 ? 33 : size - 12, orientation); /* before the pixels or behind */
            struct picture p = decode_still(png, size, 0);
            check_upright(&p, orientation, colours);
            free(png);
        }
}

static void test_upright_tiff(void **state)
{
    (void)state;
    for (int orientation = 0; orientation <= 9; orientation++) {
        const unsigned tags[][2] = {
            {256, 3}, {257, 2}, {258, 8}, {259, 1}, {262, 1}, {273, 122}, {274, (unsigned)orientation},
            {278, 2}, {279, 6}};
        unsigned char tiff[122 + 6] = {'I', 'I', '*', 0, 8, 0, 0, 0, 9};
        for (int i = 0; i < 9; i++)
            memcpy(tiff + 10 + 12 * i,
                   (unsigned char[]){(unsigned char)tags[i][0], (unsigned char)(tags[i][0] >> 8), 3, 0, 1, 0, 0, 0,
                                     (unsigned char)tags[i][1]},
                   9);
        memcpy(tiff + 122, "abcdef", 6);
        struct picture p = decode_still(tiff, sizeof tiff, 0);
        check_upright(&p, orientation < 1 || orientation > 8 ? 1 : orientation, 1); /* 0 and 9 mean nothing */
    }
}

/* Which of the four quarters is seen where: upper left, upper right, lower left, lower right. */
static const int quarters_seen[9][4] = {{0},          {0, 1, 2, 3}, {1, 0, 3, 2}, {3, 2, 1, 0}, {2, 3, 0, 1},
                                        {0, 2, 1, 3}, {2, 0, 3, 1}, {3, 1, 2, 0}, {1, 3, 0, 2}};

static void check_seen(const struct picture *p, int orientation, int width, int height)
{
    assert_int_equal(p->width, orientation > 4 ? height : width);
    assert_int_equal(p->height, orientation > 4 ? width : height);
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < 3; c++) {
            const int x = i % 2 ? p->width - 2 : 1, y = i / 2 ? p->height - 2 : 1;
            const int got = p->pixels[(y * p->width + x) * 3 + c], want = quarters[quarters_seen[orientation][i]][c];
            if (abs(got - want) > 8) /* the colours of neighbours reach over */
                fail_msg("orientation %d: corner %d channel %d is %d, not %d", orientation, i, c, got, want);
        }
}

/* A jpg of 16x12: the lowest rows are there, and not shown. */
static void test_upright_jpg(void **state)
{
    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++) {
        unsigned char jpg[sizeof jpg_colour + 36] = {0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f'};
        make_exif(jpg + 12, orientation & 1, orientation);
        memcpy(jpg + 38, jpg_colour + 2, sizeof jpg_colour - 2);
        unsigned char *frame = memmem(jpg, sizeof jpg, "\xff\xc0", 2);
        assert_non_null(frame);
        frame[6] = 12;
        struct picture p = decode_still(jpg, sizeof jpg, 3);
        check_seen(&p, orientation, 16, 12);
    }
}

static void test_upright_webp(void **state)
{
    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++) {
        unsigned char webp[sizeof webp_lossy + 1 + 8 + 26] = {0};
        unsigned char *at = mempcpy(webp, webp_lossy, sizeof webp_lossy);
        at = mempcpy(at + sizeof webp_lossy % 2, "EXIF\x1a\0\0\0", 8);
        at += make_exif(at, orientation & 1, orientation);
        webp[4] = (unsigned char)(at - webp - 8);
        webp[5] = (unsigned char)((at - webp - 8) >> 8);
        struct picture p = decode_still(webp, (size_t)(at - webp), 3);
        check_seen(&p, orientation, 16, 16);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_true(picture_name("a.png"));
    assert_true(picture_name("a.b.JPeG"));
    assert_true(picture_name("IMG.TIF"));
    assert_false(picture_name("png"));
    assert_false(picture_name("a.png.txt"));
    assert_false(picture_name("Thumbs.db"));
}

static void test_write_png(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const uint8_t pixel[3] = {1, 2, 3};
    struct picture p = {1, 1, 3, pixel};
    assert_int_equal(picture_write_png(in_folder("a.png"), &p, false, &e), 0);
    assert_int_equal(picture_write_png(in_folder("a.png"), &p, false, &e), ERR_IO);
    expect_error(&e, ERR_IO, "a.png", "exists already", NULL);
    e = ERR_INIT;
    assert_int_equal(picture_write_png(in_folder("no/where/a.png"), &p, false, &e), ERR_IO);
    expect_error(&e, ERR_IO, "no/where/a.png", NULL);
    e = ERR_INIT;
    assert_int_equal(picture_write_png(in_folder("b.png"), &(struct picture){1, 1, 2, pixel}, false, &e), ERR_USAGE);
    assert_int_equal(file_kind(in_folder("b.png")), FILE_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_netpbm),
        cmocka_unit_test(test_channels_wanted),
        cmocka_unit_test(test_bmp),
        cmocka_unit_test(test_tiff),
        cmocka_unit_test(test_raw_tiff),
        cmocka_unit_test(test_jpg),
        cmocka_unit_test(test_webp),
        cmocka_unit_test(test_png_kinds),
        cmocka_unit_test(test_png_round_trip),
        cmocka_unit_test(test_odd_sizes),
        cmocka_unit_test(test_upright_png),
        cmocka_unit_test(test_upright_tiff),
        cmocka_unit_test(test_upright_jpg),
        cmocka_unit_test(test_upright_webp),
        cmocka_unit_test(test_not_a_picture),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_write_png),
    };
    return cmocka_run_group_tests_name("picture/stills", tests, decoder_begin, decoder_end);
}
