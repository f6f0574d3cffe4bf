/* Damaged pictures are errors, and so are those that would unpack into more than is allowed; nothing is printed, and
 * nothing is kept of the picture before. */
#include "support.h"

#include "base/file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "support/picture_bytes.h"

/* ---- damage ---- */

/* Cut anywhere, a picture is an error or (only bytes behind the pixels are missing) whole. */
static void check_cuts(const unsigned char *bytes, size_t size, const char *kind, size_t may_miss)
{
    struct picture whole = decode_still(bytes, size, 0), p;
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
    struct picture p = decode_still(png, size, 0);
    assert_int_equal(p.width, SIDE);
    assert_int_equal(p.pixels[SIDE * SIDE / 2 - 1], 0);
    free(png);
    png = make_png(&(struct png){WIDTH, HEIGHT, 1, 3, rows, WIDTH / 8, palette, NULL, 2}, &size);
    assert_true(size < WIDTH * HEIGHT / 5000);
    p = decode_still(png, size, 0);
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
    decode_still(jpg_grey, sizeof jpg_grey, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_png_bombs),
        cmocka_unit_test(test_other_bombs),
        cmocka_unit_test(test_packed_far),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nothing_on_stderr),
        cmocka_unit_test(test_no_memory_between_pictures),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("picture/still damage", tests, decoder_begin, decoder_end);
}
