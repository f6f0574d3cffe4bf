/* What kinds of picture files there are within one format: each decodes to the same picture, cut anywhere it is an
 * error, and damaged anywhere it is what its bytes say or an error. And pictures that are decoded smaller than they
 * are. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "support/picture_bytes.h"

enum { SIDE = 16 };

static const int quarters[4][3] = {{200, 30, 40}, {20, 180, 60}, {30, 60, 220}, {250, 250, 250}};

/* The picture of pictures.h; its lower half has that alpha. */
static const struct sort {
    const char *name;
    const unsigned char *bytes;
    size_t size;
    int alpha, tolerance;
    size_t may_miss; /* so many bytes at the end are not of the picture */
} sorts[] = {
    {"jpg", jpg_colour, sizeof jpg_colour, 255, 3, 0},
    {"progressive jpg", jpg_progressive, sizeof jpg_progressive, 255, 4, 0},
    {"CMYK in jpg", jpg_cmyk, sizeof jpg_cmyk, 255, 5, 0},
    {"interlaced png", png_interlaced, sizeof png_interlaced, 255, 0, 0},
    {"lossless webp", webp_lossless, sizeof webp_lossless, 128, 1, 1},
    {"lossy webp", webp_lossy, sizeof webp_lossy, 255, 5, 1},
    {"webp with alpha", webp_alpha, sizeof webp_alpha, 128, 5, 1},
    {"tiff", tiff_colour, sizeof tiff_colour, 255, 0, 8},
    {"tiff with alpha", tiff_alpha, sizeof tiff_alpha, 128, 1, 8},
    {"tiff of a palette", tiff_palette, sizeof tiff_palette, 255, 0, 0},
    {"tiff in tiles", tiff_tiled, sizeof tiff_tiled, 255, 0, 0},
    {"tiff of jpg", tiff_jpeg, sizeof tiff_jpeg, 255, 4, 8},
    {"CMYK in tiff", tiff_cmyk, sizeof tiff_cmyk, 255, 2, 8},
};
enum { SORTS = sizeof sorts / sizeof *sorts };

static struct picture_decoder *other;

static int begin(void **state)
{
    struct err e = ERR_INIT;
    return decoder_begin(state) || picture_decoder_new(&other, &e);
}

static int end(void **state)
{
    picture_decoder_free(other);
    return decoder_end(state);
}

static void check_quarters(const struct sort *s, const struct picture *p, int tolerance)
{
    for (int q = 0; q < 4; q++)
        for (int c = 0; c < p->channels; c++) {
            const int *rgb = quarters[q];
            const double grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
            const double want = (p->channels == 3 ? rgb[c] : grey) * (q >= 2 ? s->alpha : 255) / 255;
            const int x = p->width / 4 + q % 2 * p->width / 2, y = p->height / 4 + q / 2 * p->height / 2;
            const int got = p->pixels[(y * p->width + x) * p->channels + c];
            if (got < want - tolerance - 1 || got > want + tolerance + 1)
                fail_msg("%s: quarter %d channel %d is %d, not %.1f", s->name, q, c, got, want);
        }
}

static void all_are_the_same_picture(void **state)
{
    (void)state;
    for (int i = 0; i < SORTS; i++)
        for (int channels = 0; channels <= 3; channels += channels ? 2 : 1) {
            const struct picture p = decode_still(sorts[i].bytes, sorts[i].size, channels);
            assert_int_equal(p.width, SIDE);
            assert_int_equal(p.height, SIDE);
            assert_int_equal(p.channels, channels ? channels : 3);
            check_quarters(&sorts[i], &p, sorts[i].tolerance);
        }
}

static void grey_tiffs(void **state)
{
    (void)state;
    struct picture p = decode_still(tiff_grey16, sizeof tiff_grey16, 0);
    assert_int_equal(p.channels, 1);
    for (int i = 0; i < SIDE * SIDE - 1; i++) /* 257 times as much, and a little more in every second */
        assert_int_equal(p.pixels[i], i);
    p = decode_still(tiff_fax, sizeof tiff_fax, 0);
    assert_int_equal(p.channels, 1);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(p.pixels[i], (i % SIDE / 8 + i / SIDE / 8) % 2 ? 255 : 0);
}

static void what_moves_is_no_picture(void **state)
{
    (void)state;
    struct picture p;
    struct err e = ERR_INIT;
    assert_int_equal(picture_decode(decoder, webp_moves, sizeof webp_moves, "a.webp", 0, &p, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "a.webp", "it moves", NULL);
}

/* ---- damage ---- */

static void cut_everywhere(void **state)
{
    (void)state;
    for (int i = 0; i < SORTS; i++) {
        const struct sort *s = &sorts[i];
        uint8_t whole[SIDE * SIDE * 3];
        memcpy(whole, decode_still(s->bytes, s->size, 3).pixels, sizeof whole);
        for (size_t cut = 0; cut < s->size; cut++) {
            struct picture p;
            struct err e = ERR_INIT;
            unsigned char *part = malloc(cut + !cut); /* exactly as long, so that a sanitizer sees reads beyond */
            memcpy(part, s->bytes, cut);
            if (picture_decode(decoder, part, cut, "cut", 3, &p, &e) == 0) {
                if (cut + s->may_miss < s->size)
                    fail_msg("%s cut to %zu of %zu bytes was accepted", s->name, cut, s->size);
                assert_memory_equal(p.pixels, whole, sizeof whole);
            } else {
                expect_error(&e, ERR_FORMAT, "cut", NULL);
            }
            free(part);
        }
    }
}

/* Two decoders with different pasts agree on what damaged bytes are. */
static void check_damaged(const unsigned char *bytes, size_t size)
{
    struct picture a, b;
    struct err x = ERR_INIT, y = ERR_INIT;
    const int code = picture_decode(decoder, bytes, size, "damaged", 3, &a, &x);
    assert_int_equal(picture_decode(other, bytes, size, "damaged", 3, &b, &y), code);
    assert_string_equal(x.msg, y.msg);
    if (code < 0)
        expect_error(&x, ERR_FORMAT, "damaged", NULL);
    else
        assert_memory_equal(a.pixels, b.pixels, (size_t)a.width * (size_t)a.height * 3);
}

static void damaged_everywhere(void **state)
{
    (void)state;
    for (int i = 0; i < SORTS; i++) {
        unsigned char *bytes = malloc(sorts[i].size);
        memcpy(bytes, sorts[i].bytes, sorts[i].size);
        for (size_t at = 0; at < sorts[i].size; at++) {
            for (unsigned mask = 1; mask <= 0xff; mask = mask * 4 + 3) {
                bytes[at] = (unsigned char)(sorts[i].bytes[at] ^ mask);
                check_damaged(bytes, sorts[i].size);
                bytes[at] = sorts[i].bytes[at];
            }
            decode_still(sorts[at % SORTS].bytes, sorts[at % SORTS].size, 3);
        }
        free(bytes);
    }
}

/* ---- smaller than they are ---- */

/* The least size that has the pixels that are wanted; its own is known all the same. */
static void decoded_smaller(void **state)
{
    static const struct {
        int wanted_width, wanted_height, width, height;
    } cases[] = {{1, 1, 2, 2}, {2, 2, 2, 2},   {3, 2, 4, 4},     {4, 4, 4, 4},      {4, 5, 8, 8},
                 {8, 8, 8, 8}, {9, 1, 16, 16}, {16, 16, 16, 16}, {100, 100, 16, 16}};
    (void)state;
    for (size_t i = 0; i < 3; i++) /* the jpgs */
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            picture_decoder_aim(decoder, &(struct picture_format){cases[k].wanted_width, cases[k].wanted_height, 3});
            const struct picture p = decode_still(sorts[i].bytes, sorts[i].size, 0);
            assert_int_equal(p.width, cases[k].width);
            assert_int_equal(p.height, cases[k].height);
            assert_int_equal(picture_own_size(decoder, &p).width, SIDE);
            assert_int_equal(picture_own_size(decoder, &p).height, SIDE);
            if (p.width > 2) /* there chroma is of all four quarters, and lies between them */
                check_quarters(&sorts[i], &p, 10);
        }
    picture_decoder_aim(decoder, NULL);
    const struct picture p = decode_still(jpg_colour, sizeof jpg_colour, 0);
    assert_int_equal(p.width, SIDE);
}

/* What is wanted is wanted of the picture as it is seen. */
static void smaller_and_upright(void **state)
{
    (void)state;
    unsigned char jpg[sizeof jpg_colour + 36] = {0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f'};
    make_exif(jpg + 12, true, 6);
    memcpy(jpg + 38, jpg_colour + 2, sizeof jpg_colour - 2);
    unsigned char *frame = memmem(jpg, sizeof jpg, "\xff\xc0", 2);
    assert_non_null(frame);
    frame[6] = 10; /* stored as 16x10, seen as 10x16 */
    picture_decoder_aim(decoder, &(struct picture_format){5, 8, 3});
    const struct picture p = decode_still(jpg, sizeof jpg, 0);
    assert_int_equal(p.width, 5);
    assert_int_equal(p.height, 8);
    assert_int_equal(picture_own_size(decoder, &p).width, 10);
    assert_int_equal(picture_own_size(decoder, &p).height, 16);
    picture_decoder_aim(decoder, &(struct picture_format){8, 5, 3});
    assert_int_equal(decode_still(jpg, sizeof jpg, 0).width, 10);
    picture_decoder_aim(decoder, NULL);
}

/* Damage is seen all the same. */
static void smaller_and_cut(void **state)
{
    picture_decoder_aim(decoder, &(struct picture_format){1, 1, 3});
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t cut = 0; cut < sorts[i].size; cut++) {
            struct picture p;
            struct err e = ERR_INIT;
            assert_int_equal(picture_decode(decoder, sorts[i].bytes, cut, "cut", 3, &p, &e), ERR_FORMAT);
        }
    picture_decoder_aim(decoder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_the_same_picture), cmocka_unit_test(grey_tiffs),
        cmocka_unit_test(what_moves_is_no_picture), cmocka_unit_test(cut_everywhere),
        cmocka_unit_test(damaged_everywhere),       cmocka_unit_test(decoded_smaller),
        cmocka_unit_test(smaller_and_upright),      cmocka_unit_test(smaller_and_cut),
    };
    return cmocka_run_group_tests_name("picture/still sorts", tests, begin, end);
}
