/* Pictures of every kind decode to the right values; damaged ones are errors. */
#include "support.h"

#include "base/file.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

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

/* 1x2, bottom row first, blue green red, rows padded to 4 bytes. */
static const unsigned char bmp_rows[] = {'B', 'M', 62, 0, 0, 0, 0, 0,  0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0,
                                         0,   2,   0,  0, 0, 1, 0, 24, 0, 0, 0,  0, 0, 8, 0,  0, 0, 0, 0, 0, 0,
                                         0,   0,   0,  0, 0, 0, 0, 0,  0, 0, 0,  0, 1, 2, 3,  0, 4, 5, 6, 0};

/* 3x2, 2 colours, packed in runs: three times 1; twice 0 and once 1; the end. */
static const unsigned char bmp_runs[] = {'B', 'M', 78, 0,  0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 40, 0,  0, 0, 3,
                                         0,   0,   0,  2,  0, 0, 0, 1, 0, 8, 0,  1, 0, 0, 0,  12, 0, 0, 0,
                                         0,   0,   0,  0,  0, 0, 0, 0, 2, 0, 0,  0, 0, 0, 0,  0,  9, 8, 7,
                                         0,   50,  40, 30, 0, 3, 1, 0, 0, 2, 0,  1, 1, 0, 0,  0,  1};

static void test_bmp(void **state)
{
    (void)state;
    struct picture p = decode(bmp_rows, sizeof bmp_rows, 0);
    check_pixels(&p, 1, 2, 3, (uint8_t[]){6, 5, 4, 3, 2, 1});
    p = decode(bmp_runs, sizeof bmp_runs, 0);
    check_pixels(&p, 3, 2, 3, (uint8_t[]){7, 8, 9, 7, 8, 9, 30, 40, 50, 30, 40, 50, 30, 40, 50, 30, 40, 50});
}

static void test_tiff(void **state)
{
    (void)state;
    struct picture p = decode(tiff_colour, sizeof tiff_colour, 0);
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
    struct picture p = decode(tiff, sizeof tiff, 0);
    check_pixels(&p, WIDTH, HEIGHT, 1, tiff + 122);
    struct err e = ERR_INIT;
    assert_int_equal(picture_decode(decoder, tiff, sizeof tiff - 1, "short.tif", 0, &p, &e), ERR_FORMAT);
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
            struct picture p = decode(png, size, 0);
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
        struct picture p = decode(tiff, sizeof tiff, 0);
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
        struct picture p = decode(jpg, sizeof jpg, 3);
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
        struct picture p = decode(webp, (size_t)(at - webp), 3);
        check_seen(&p, orientation, 16, 16);
    }
}

/* ---- damage ---- */

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
    check_cuts(webp_lossy, sizeof webp_lossy, "lossy webp", 1);
    check_cuts(webp_alpha, sizeof webp_alpha, "webp with alpha", 1);
    check_cuts((const unsigned char *)"P5 3 2 255\n\0\x01\x7f\x80\xfe\xff", 17, "pgm", 0);
    check_cuts((const unsigned char *)"P6 2 1 255\n\x0a\x14\x1e\x28\x32\x3c", 17, "ppm", 0);
    check_cuts((const unsigned char *)"P4 3 2\n\xa0\x40", 9, "pbm", 0);
    check_cuts((const unsigned char *)"P2 2 2 255 1 2 3 4\n", 19, "plain pgm", 1);
    check_cuts(bmp_rows, sizeof bmp_rows, "bmp", 0);
    check_cuts(bmp_runs, sizeof bmp_runs, "bmp of runs", 0);
    /* All chunks whole, but the packed rows end too early: half a picture. */
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

/* ---- size ---- */

/* A PNG of 1x1 that says in its header, with the right checksum, that it is larger. */
static unsigned char *make_bomb(int depth, int colour_type, int side, size_t *size)
{
    const unsigned char row[8] = {0};
    unsigned char *png = make_png(&(struct png){1, 1, depth, colour_type, row, 8, NULL, NULL, 0}, size);
    for (int i = 0; i < 4; i++)
        png[16 + i] = png[20 + i] = (unsigned char)(side >> (24 - 8 * i));
    const uLong sum = crc32(0, png + 12, 17);
    for (int i = 0; i < 4; i++)
        png[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
    return png;
}

static void expect_bomb(const unsigned char *bytes, size_t size, const char *sides, const char *why)
{
    struct picture p;
    struct err e = ERR_INIT;
    assert_int_equal(picture_decode(decoder, bytes, size, "bomb", 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "bomb", sides, why, NULL);
}

static void test_png_bombs(void **state)
{
    (void)state;
    static const struct {
        int depth, colour_type, side;
        const char *sides, *why;
    } bombs[] = {
        {16, 6, 16000, "16000x16000", "unpack into 2048000000 bytes; a picture may have at most 1073741824"},
        {16, 0, 16000, "16000x16000", "would unpack into 512000000: no honest png is packed that far"},
        {8, 2, 10000, "10000x10000", "would unpack into 300000000: no honest png is packed that far"},
        {1, 0, 16300, "16300x16300", "would unpack into 265690000: no honest png is packed that far"},
        {8, 0, 20000, "20000x20000", "at most 268435456 in all"},
        {8, 0, 1 << 21, "2097152x2097152", "no side may have more than 1048576"},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        size_t size;
        unsigned char *png = make_bomb(bombs[i].depth, bombs[i].colour_type, bombs[i].side, &size);
        expect_bomb(png, size, bombs[i].sides, bombs[i].why);
        free(png);
    }
}

static void test_other_bombs(void **state)
{
    (void)state;
    unsigned char jpg[sizeof jpg_grey], webp[sizeof webp_lossless], tiff[sizeof tiff_colour];
    memcpy(jpg, jpg_grey, sizeof jpg);
    unsigned char *frame = memmem(jpg, sizeof jpg, "\xff\xc0", 2);
    assert_non_null(frame);
    memcpy(frame + 5, "\x3e\x80\x3e\x80", 4);
    expect_bomb(jpg, sizeof jpg, "16000x16000", "no honest jpg");
    memcpy(webp, webp_lossless, sizeof webp);
    memcpy(webp + 21, "\x7f\xfe\x9f\x1f", 4); /* 14 bits each of 15999, and that there is alpha */
    expect_bomb(webp, sizeof webp, "16000x16000", "no honest webp");
    memcpy(tiff, tiff_colour, sizeof tiff);
    for (size_t i = 0; i + 12 < sizeof tiff; i++) /* the entries of width and height, 16 bits each */
        if (!memcmp(tiff + i, "\0\1\3\0\1\0\0\0\x10", 9) || !memcmp(tiff + i, "\1\1\3\0\1\0\0\0\x10", 9))
            memcpy(tiff + i + 8, "\x80\x3e", 2);
    expect_bomb(tiff, sizeof tiff, "16000x16000", "no honest tiff");
}

/* The emptiest pictures that are honest: a plain PNG, and one whose bits become bytes, far above what any may have. */
static void test_packed_far(void **state)
{
    (void)state;
    enum { SIDE = 4000, WIDTH = 12000, HEIGHT = 9000 };
    unsigned char *rows = calloc(WIDTH / 8, HEIGHT), *png;
    const unsigned char palette[] = {254, 254, 254, 0, 0, 0};
    size_t size;
    png = make_png(&(struct png){SIDE, SIDE / 2, 8, 0, rows, SIDE, NULL, NULL, 0}, &size);
    assert_true(size < SIDE * SIDE / 2 / 500);
    struct picture p = decode(png, size, 0);
    assert_int_equal(p.width, SIDE);
    assert_int_equal(p.pixels[SIDE * SIDE / 2 - 1], 0);
    free(png);
    png = make_png(&(struct png){WIDTH, HEIGHT, 1, 3, rows, WIDTH / 8, palette, NULL, 2}, &size);
    assert_true(size < WIDTH * HEIGHT / 5000);
    p = decode(png, size, 0);
    assert_int_equal(p.height, HEIGHT);
    assert_int_equal(p.pixels[WIDTH * HEIGHT - 1], 254);
    free(png);
    free(rows);
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

/* A table of as many codes as before, but 3 of them of 1 bit. */
static void decode_impossible_codes(void)
{
    unsigned char bytes[sizeof jpg_grey];
    struct picture p;
    struct err e = ERR_INIT;
    memcpy(bytes, jpg_grey, sizeof jpg_grey);
    unsigned char *table = memmem(bytes, sizeof bytes, "\xff\xc4", 2);
    assert_true(table && table[5] == 0 && table[6] == 3);
    table[5] = 3;
    table[6] = 0;
    assert_int_equal(picture_decode(decoder, bytes, sizeof bytes, "codes", 0, &p, &e), ERR_FORMAT);
}

static void decode_damaged(void)
{
    decode_impossible_codes();
    unsigned char bytes[2000], *png;
    size_t size;
    struct err e = ERR_INIT;
    write_png("damaged.png", 40, 30, 3, 0);
    assert_int_equal(file_read(in_folder("damaged.png"), 1 << 20, &png, &size, &e), 0);
    const struct {
        const unsigned char *bytes;
        size_t size;
    } good[] = {{png, size},
                {jpg_colour, sizeof jpg_colour},
                {webp_lossy, sizeof webp_lossy},
                {tiff_colour, sizeof tiff_colour},
                {bmp_rows, sizeof bmp_rows},
                {(const unsigned char *)"P5 3 2 255\n\0\x01\x7f\x80\xfe\xff", 17}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        for (size_t at = 0; at < good[i].size; at++) {
            struct picture p;
            e = ERR_INIT;
            memcpy(bytes, good[i].bytes, good[i].size);
            for (unsigned mask = 1; mask <= 0xff; mask = mask * 4 + 3) {
                bytes[at] = (unsigned char)(good[i].bytes[at] ^ mask);
                picture_decode(decoder, bytes, good[i].size, "damaged", 0, &p, &e);
            }
            picture_decode(decoder, good[i].bytes, at, "damaged", 0, &p, &e);
        }
    free(png);
}

static void test_nothing_on_stderr(void **state)
{
    (void)state;
    const int kept = dup(STDERR_FILENO);
    assert_non_null(freopen(in_folder("stderr"), "w", stderr));
    decode_damaged();
    fflush(stderr);
    const long said = ftell(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(said, 0);
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
        cmocka_unit_test(test_upright_png),
        cmocka_unit_test(test_upright_tiff),
        cmocka_unit_test(test_upright_jpg),
        cmocka_unit_test(test_upright_webp),
        cmocka_unit_test(test_not_a_picture),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_png_bombs),
        cmocka_unit_test(test_other_bombs),
        cmocka_unit_test(test_packed_far),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nothing_on_stderr),
        cmocka_unit_test(test_no_memory_between_pictures),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_write_png),
    };
    return cmocka_run_group_tests_name("data/stills", tests, decoder_make, decoder_remove);
}
