/* Damaged bytes never crash and never hang: each run decodes a fixed, pseudo-random set of mutations of good files.
 * More rounds with ENGRAM_MUTATIONS=N. Worth most under the sanitizers. */
#include "support.h"

#include "base/file.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

#include "support/picture_bytes.h"

static int rounds(int usual)
{
    const char *wanted = getenv("ENGRAM_MUTATIONS");
    return wanted ? atoi(wanted) : usual;
}

/* Flips bits, writes extreme values, cuts, doubles a stretch. Returns an exact allocation. */
static unsigned char *mutate(struct rng *r, const unsigned char *good, size_t n, size_t *size)
{
    static const unsigned char extremes[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x10};
    unsigned char *bytes = malloc(2 * n + 1);
    memcpy(bytes, good, n);
    *size = n;
    for (int changes = 1 + (int)rng_below(r, 6); changes > 0; changes--) {
        size_t at = rng_below(r, *size ? *size : 1);
        switch (rng_below(r, 8)) {
        case 0:
            *size = at;
            break;
        case 1:
            if (*size + (*size - at) <= 2 * n) {
                memmove(bytes + at + (*size - at), bytes + at, *size - at);
                *size += *size - at;
            }
            break;
        case 2:
        case 3:
            bytes[at] = extremes[rng_below(r, sizeof extremes)];
            break;
        default:
            bytes[at] ^= (unsigned char)(1 << rng_below(r, 8));
        }
    }
    unsigned char *exact = malloc(*size + (*size == 0));
    memcpy(exact, bytes, *size);
    free(bytes);
    return exact;
}

struct seed {
    const unsigned char *bytes;
    size_t size;
};

/* What came out of a decoder: a picture's copy, or an error. */
struct outcome {
    int code;
    struct err e;
    struct picture picture;
    uint8_t *pixels;
};

static struct outcome decode(struct picture_decoder *d, const unsigned char *bytes, size_t size, int channels)
{
    struct outcome o = {.e = ERR_INIT};
    o.code = picture_decode(d, bytes, size, "mutant", channels, &o.picture, &o.e);
    if (o.code < 0)
        return o;
    assert_true(o.picture.width > 0 && o.picture.height > 0);
    assert_true(channels ? o.picture.channels == channels : o.picture.channels == 1 || o.picture.channels == 3);
    size_t n = (size_t)o.picture.width * (size_t)o.picture.height * (size_t)o.picture.channels;
    o.pixels = malloc(n);
    memcpy(o.pixels, o.picture.pixels, n); /* every byte is there to be read */
    return o;
}

/* Two decoders with different pasts agree: nothing comes out but what the bytes say. A refusal names the file. */
static bool check_mutant(struct picture_decoder *const *decoders, const unsigned char *bytes, size_t size, int channels)
{
    struct outcome a = decode(decoders[0], bytes, size, channels), b = decode(decoders[1], bytes, size, channels);
    assert_int_equal(a.code, b.code);
    if (a.code < 0) {
        expect_error(&a.e, ERR_FORMAT, "mutant", NULL);
        assert_string_equal(a.e.msg, b.e.msg);
        return false;
    }
    assert_int_equal(a.picture.width, b.picture.width);
    assert_int_equal(a.picture.height, b.picture.height);
    assert_int_equal(a.picture.channels, b.picture.channels);
    assert_memory_equal(a.pixels, b.pixels,
                        (size_t)a.picture.width * (size_t)a.picture.height * (size_t)a.picture.channels);
    free(a.pixels);
    free(b.pixels);
    return true;
}

static void mutate_pictures(const struct seed *seeds, size_t n)
{
    struct picture_decoder *decoders[2];
    struct err e = ERR_INIT;
    struct rng r = rng_new(1, rng_stream("mutation test"));
    int accepted = 0, refused = 0;
    assert_int_equal(picture_decoder_new(&decoders[0], &e), 0);
    assert_int_equal(picture_decoder_new(&decoders[1], &e), 0);
    for (int i = 0; i < rounds(4000); i++) {
        const struct seed *seed = &seeds[(size_t)i % n], *other = &seeds[rng_below(&r, n)];
        const int channels = (int[]){0, 1, 3}[rng_below(&r, 3)];
        size_t size;
        unsigned char *bytes = mutate(&r, seed->bytes, seed->size, &size);
        struct outcome past = decode(decoders[1], other->bytes, other->size, channels);
        assert_int_equal(past.code, 0);
        free(past.pixels);
        *(check_mutant(decoders, bytes, size, channels) ? &accepted : &refused) += 1;
        free(bytes);
    }
    assert_true(accepted > rounds(4000) / 20 && refused > rounds(4000) / 4);
    picture_decoder_free(decoders[0]);
    picture_decoder_free(decoders[1]);
}

static void test_pictures(void **state)
{
    (void)state;
    const unsigned char rgba[2 * 2 * 4] = {1, 2, 3, 4, 5, 6, 7, 8}, indices[] = {0, 1, 2, 1};
    const unsigned char palette[] = {255, 0, 0, 0, 255, 0, 10, 20, 30}, alpha[] = {255, 0, 128};
    unsigned char *made[3],
        bmp[54 + 8] = {'B', 'M', 62, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24};
    size_t size[3];
    struct err e = ERR_INIT;
    write_png("a.png", 13, 9, 3, 0);
    assert_int_equal(file_read(in_folder("a.png"), 1 << 20, &made[0], &size[0], &e), 0);
    made[1] = make_png(&(struct png){2, 2, 8, 6, rgba, 8, NULL, NULL, 0}, &size[1]);
    made[2] = make_png(&(struct png){2, 2, 8, 3, indices, 2, palette, alpha, 3}, &size[2]);
    const struct seed seeds[] = {
        {jpg_colour, sizeof jpg_colour},
        {jpg_grey, sizeof jpg_grey},
        {webp_lossless, sizeof webp_lossless},
        {webp_lossy, sizeof webp_lossy},
        {webp_alpha, sizeof webp_alpha},
        {tiff_colour, sizeof tiff_colour},
        {jpg_progressive, sizeof jpg_progressive},
        {jpg_cmyk, sizeof jpg_cmyk},
        {tiff_palette, sizeof tiff_palette},
        {tiff_alpha, sizeof tiff_alpha},
        {tiff_jpeg, sizeof tiff_jpeg},
        {tiff_tiled, sizeof tiff_tiled},
        {tiff_fax, sizeof tiff_fax},
        {png_interlaced, sizeof png_interlaced},
        {made[0], size[0]},
        {made[1], size[1]},
        {made[2], size[2]},
        {bmp, sizeof bmp},
        {(const unsigned char *)"P6 2 1 255\n\x0a\x14\x1e\x28\x32\x3c", 17},
        {(const unsigned char *)"P2 2 2 255 1 2 3 4\n", 19},
        {(const unsigned char *)"P4 3 2\n\xa0\x40", 9},
    };
    mutate_pictures(seeds, sizeof seeds / sizeof *seeds);
    for (int i = 0; i < 3; i++)
        free(made[i]);
}

static void test_idx(void **state)
{
    (void)state;
    static const char *const names[] = {"d/train-images-idx3-ubyte", "d/train-images-idx3-ubyte.gz"};
    struct rng r = rng_new(2, rng_stream("mutation test"));
    unsigned char body[6 * 5 * 3] = {1, 2, 3}, *good;
    size_t n;
    struct err e = ERR_INIT;
    for (int gz = 0; gz < 2; gz++) {
        write_idx(names[gz], 3, (uint32_t[]){6, 5, 3}, body, sizeof body);
        assert_int_equal(file_read(in_folder("%s", names[gz]), 1 << 20, &good, &n, &e), 0);
        for (int i = 0; i < rounds(500); i++) {
            size_t size;
            struct dataset *ds;
            unsigned char *bytes = mutate(&r, good, n, &size);
            write_file(names[gz], bytes, size);
            struct err why = ERR_INIT;
            if (dataset_open(in_folder("d"), DATASET_LEARN, NULL, &ds, &why) == 0) {
                uint8_t out[5 * 3];
                for (size_t k = 0; k < dataset_count(ds, SPLIT_TRAIN); k++)
                    assert_int_equal(load_pixels(ds, SPLIT_TRAIN, k, &(struct picture_format){3, 5, 1}, out, &why), 0);
                dataset_close(ds);
            } else {
                expect_error(&why, ERR_FORMAT, "train-images", NULL);
            }
            free(bytes);
        }
        free(good);
        assert_int_equal(remove(in_folder("%s", names[gz])), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pictures, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_idx, folder_begin, folder_end),
    };
    return cmocka_run_group_tests_name("data/mutation", tests, NULL, NULL);
}
