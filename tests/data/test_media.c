/* Pictures of every kind decode to the right values; damaged ones are errors. */
#include "support.h"

#include "base/file.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* 16x16, a colour a quarter: (200,30,40) (20,180,60) / (30,60,220) (250,250,250). In the RGBA ones the lower half has
 * alpha 128. Made with Pillow 9.4. */
#include "pictures.h"

static const int quarters[4][3] = {{200, 30, 40}, {20, 180, 60}, {30, 60, 220}, {250, 250, 250}};

static struct picture_decoder *decoder;

static int decoder_make(void **state)
{
    struct err e = ERR_INIT;
    return folder_begin(state) || picture_decoder_new(&decoder, &e);
}

static int decoder_remove(void **state)
{
    picture_decoder_free(decoder);
    return folder_end(state);
}

static struct picture decode(const void *bytes, size_t size, int channels)
{
    struct picture p;
    struct err e = ERR_INIT;
    if (picture_decode(decoder, bytes, size, "x", channels, &p, &e) < 0)
        fail_msg("%s", e.msg);
    return p;
}

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
    struct picture p = decode("P5 3 2 255\n\0\x01\x7f\x80\xfe\xff", 17, 0);
    check_pixels(&p, 3, 2, 1, (uint8_t[]){0, 1, 127, 128, 254, 255});
    p = decode("P6 2 1 255\n\x0a\x14\x1e\x28\x32\x3c", 17, 0);
    check_pixels(&p, 2, 1, 3, (uint8_t[]){10, 20, 30, 40, 50, 60});
    p = decode("P4 3 2\n\xa0\x40", 9, 0); /* 1 is black */
    check_pixels(&p, 3, 2, 1, (uint8_t[]){0, 255, 0, 255, 0, 255});
    p = decode("P5 2 1 65535\n\xff\xff\x80\x80", 17, 0);
    check_pixels(&p, 2, 1, 1, (uint8_t[]){255, 128});
}

static void test_channels_wanted(void **state)
{
    (void)state;
    struct picture p = decode("P5 2 1 255\n\x07\x09", 13, 3);
    check_pixels(&p, 2, 1, 3, (uint8_t[]){7, 7, 7, 9, 9, 9});
    p = decode("P6 2 1 255\n\xff\x00\x00\x28\x28\x28", 17, 1);
    check_pixels(&p, 2, 1, 1, (uint8_t[]){76, 40}); /* 0.299 * 255 */
}

static void test_bmp(void **state)
{
    (void)state;
    unsigned char bmp[54 + 8] = {'B', 'M', 62, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40,
                                 0,   0,   0,  1, 0, 0, 0, 2, 0, 0, 0,  1, 0, 24};
    memcpy(bmp + 54, "\x01\x02\x03\0\x04\x05\x06\0", 8); /* bottom row first, blue green red */
    struct picture p = decode(bmp, sizeof bmp, 0);
    check_pixels(&p, 1, 2, 3, (uint8_t[]){6, 5, 4, 3, 2, 1});
}

static void test_tiff(void **state)
{
    (void)state;
    struct picture p = decode(tiff_colour, sizeof tiff_colour, 0);
    assert_int_equal(p.channels, 3);
    check_quarters(&p, 255, 0);
}

/* With a tag that the decoder does not know (SampleFormat), whole and with a strip that is too short for its rows. */
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
    struct picture p = decode(tiff, sizeof tiff, 0);
    check_pixels(&p, WIDTH, HEIGHT, 1, tiff + 122);
    struct err e = ERR_INIT;
    tiff[10 + 12 * 7 + 8] = WIDTH * 2; /* the strip's size */
    assert_int_equal(picture_decode(decoder, tiff, sizeof tiff, "short.tif", 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "short.tif", "damaged or truncated tiff", NULL);
}

static void test_jpg(void **state)
{
    (void)state;
    struct picture p = decode(jpg_colour, sizeof jpg_colour, 0);
    assert_int_equal(p.channels, 3);
    check_quarters(&p, 255, 3);
    p = decode(jpg_colour, sizeof jpg_colour, 1);
    assert_int_equal(p.channels, 1);
    check_quarters(&p, 255, 2);
    p = decode(jpg_grey, sizeof jpg_grey, 0);
    assert_int_equal(p.channels, 1);
    assert_int_equal(p.pixels[4 * 16 + 4], 200);
    assert_int_equal(p.pixels[12 * 16 + 12], 250);
}

static void test_webp(void **state)
{
    (void)state;
    struct picture p = decode(webp_lossless, sizeof webp_lossless, 0);
    check_quarters(&p, 128, 1);
    p = decode(webp_lossless, sizeof webp_lossless, 1);
    check_quarters(&p, 128, 1);
    p = decode(webp_lossy, sizeof webp_lossy, 3);
    check_quarters(&p, 255, 5);
    p = decode(webp_lossy, sizeof webp_lossy, 1);
    check_quarters(&p, 255, 4);
    p = decode(webp_alpha, sizeof webp_alpha, 3);
    check_quarters(&p, 128, 5);
}

static void check_png(const struct png *png, int channels, const uint8_t *expected)
{
    size_t size;
    unsigned char *bytes = make_png(png, &size);
    struct picture p = decode(bytes, size, 0);
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
        struct picture p = decode(png, size, 0);
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

/* Cut anywhere, a picture is an error or (only bytes behind the pixels are missing) whole. */
static void check_cuts(const unsigned char *bytes, size_t size, const char *kind, size_t may_miss)
{
    struct picture whole = decode(bytes, size, 0), p;
    const size_t n = (size_t)whole.width * (size_t)whole.height * (size_t)whole.channels;
    uint8_t *kept = malloc(n);
    memcpy(kept, whole.pixels, n);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *part = malloc(cut + 1); /* exactly as long, so that a sanitizer sees reads beyond */
        memcpy(part, bytes, cut);
        struct err e = ERR_INIT;
        if (picture_decode(decoder, part, cut, "cut", 0, &p, &e) == 0) {
            if (cut + may_miss < size)
                fail_msg("%s cut to %zu of %zu bytes was accepted", kind, cut, size);
            assert_memory_equal(p.pixels, kept, n);
        } else {
            expect_error(&e, ERR_FORMAT, "cut", NULL);
        }
        free(part);
    }
    free(kept);
}

static void test_truncated(void **state)
{
    (void)state;
    static const unsigned char rows[40 * 30] = {1};
    unsigned char *png, *data;
    size_t size;
    struct err e = ERR_INIT;
    write_png("cut.png", 40, 30, 3, 0);
    assert_int_equal(file_read(in_folder("cut.png"), 1 << 20, &png, &size, &e), 0);
    check_cuts(png, size, "png", 12); /* the end chunk */
    check_cuts(jpg_colour, sizeof jpg_colour, "jpg", 0);
    check_cuts(jpg_grey, sizeof jpg_grey, "jpg", 0);
    check_cuts(tiff_colour, sizeof tiff_colour, "tiff", 100);
    check_cuts(webp_lossless, sizeof webp_lossless, "webp", 1);
    check_cuts((const unsigned char *)"P5 3 2 255\n\0\x01\x7f\x80\xfe\xff", 17, "pgm", 0);
    /* All chunks whole, but the packed rows end too early: FFmpeg would give half a picture. */
    data = make_png(&(struct png){40, 15, 8, 0, rows, 40, NULL, NULL, 0}, &size);
    data[23] = 30; /* height, and its checksum made right */
    unsigned char *taller = make_png(&(struct png){40, 30, 8, 0, rows, 40, NULL, NULL, 0}, &(size_t){0});
    memcpy(data + 29, taller + 29, 4);
    struct picture p;
    assert_int_equal(picture_decode(decoder, data, size, "short.png", 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "short.png", "damaged or truncated png", NULL);
    free(taller);
    free(data);
    free(png);
}

static void test_bomb(void **state)
{
    (void)state;
    unsigned char row[1] = {0};
    size_t size;
    struct picture p;
    struct err e = ERR_INIT;
    unsigned char *png = make_png(&(struct png){1, 1, 8, 0, row, 1, NULL, NULL, 0}, &size);
    memcpy(png + 16, "\0\1\0\0\0\1\0\0", 8); /* 65536 x 65536 */
    memcpy(png + 29, "\x49\xef\x6f\x3f", 4);
    assert_int_equal(picture_decode(decoder, png, size, "bomb.png", 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "bomb.png", NULL);
    free(png);
}

static void refuse(const char *path, struct picture_limits limits, const char *why)
{
    struct picture p;
    struct err e = ERR_INIT;
    picture_decoder_limit(decoder, &limits);
    assert_int_equal(picture_read(decoder, path, 1, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, path, "40x30", why, NULL);
}

static void test_limits(void **state)
{
    (void)state;
    const char *path = in_folder("limits.png");
    struct picture p;
    struct err e = ERR_INIT;
    write_png(path, 40, 30, 3, 0);
    refuse(path, (struct picture_limits){.side = 39}, "no side may have more than 39");
    refuse(path, (struct picture_limits){.pixels = 40 * 30 - 1}, "at most 1199 in all");
    refuse(path, (struct picture_limits){.bytes = 40 * 30 * 3 - 1}, "unpack into 3600 bytes");
    picture_decoder_limit(decoder, &(struct picture_limits){40, 40 * 30, 40 * 30 * 3});
    assert_int_equal(picture_read(decoder, path, 1, &p, &e), 0);
    picture_decoder_limit(decoder, &(struct picture_limits){0});
}

/* A jpg without tables must not borrow those of the picture before it. */
static void test_no_memory_between_pictures(void **state)
{
    (void)state;
    unsigned char bare[sizeof jpg_grey];
    size_t n = 2, at = 2;
    memcpy(bare, jpg_grey, 2);
    while (jpg_grey[at + 1] != 0xda) {
        size_t length = 2 + (size_t)jpg_grey[at + 2] * 256 + jpg_grey[at + 3];
        if (jpg_grey[at + 1] != 0xc4 && jpg_grey[at + 1] != 0xdb) {
            memcpy(bare + n, jpg_grey + at, length);
            n += length;
        }
        at += length;
    }
    memcpy(bare + n, jpg_grey + at, sizeof jpg_grey - at);
    n += sizeof jpg_grey - at;
    struct picture p;
    struct err before = ERR_INIT, after = ERR_INIT;
    int first = picture_decode(decoder, bare, n, "bare", 0, &p, &before);
    uint8_t value = first == 0 ? p.pixels[0] : 0;
    decode(jpg_grey, sizeof jpg_grey, 0);
    assert_int_equal(picture_decode(decoder, bare, n, "bare", 0, &p, &after), first);
    if (first == 0)
        assert_int_equal(p.pixels[0], value);
    else
        assert_string_equal(before.msg, after.msg);
}

static void *decode_many(void *user)
{
    struct picture_decoder *d;
    struct err e = ERR_INIT;
    int *bad = user;
    *bad = picture_decoder_new(&d, &e) < 0;
    for (int i = 0; i < 50 && !*bad; i++) {
        struct picture p;
        *bad |= picture_decode(d, jpg_colour, sizeof jpg_colour, "jpg", 3, &p, &e) < 0 || p.pixels[0] < 190;
        *bad |= picture_decode(d, jpg_colour, 100, "cut", 3, &p, &e) == 0;
        e = ERR_INIT;
        *bad |= picture_decode(d, webp_lossless, sizeof webp_lossless, "webp", 3, &p, &e) < 0 || p.pixels[0] != 200;
    }
    picture_decoder_free(d);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    int bad[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decode_many, &bad[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(bad[i], 0);
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
        cmocka_unit_test(test_not_a_picture),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory_between_pictures),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_write_png),
    };
    return cmocka_run_group_tests_name("data/media", tests, decoder_make, decoder_remove);
}
