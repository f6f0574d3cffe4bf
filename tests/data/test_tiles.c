/* Tiles and regions: whole coverage, weights that add up to 1, a picture cut and put together, what is left out; and
 * how the loader draws tiles. */
#include "support.h"

#include "data/loader.h"
#include "data/region.h"
#include "data/tiles.h"
#include "support/within.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct tiling *tiles_of(int width, int height, int tile, double overlap, const uint8_t *roi)
{
    struct preprocess p = pictures_of(width, height, 1);
    struct tiling *t;
    struct err e = ERR_INIT;
    p.tile = tile;
    p.overlap = overlap;
    p.roi = roi;
    if (tiling_new(&p, &t, &e) < 0)
        fail_msg("%s", e.msg);
    return t;
}

/* The sum over all tiles of what each says of a picture of ones, or of the picture itself. */
static float *put_together(const struct tiling *t, const float *picture)
{
    size_t n = (size_t)t->height * (size_t)t->width;
    float *sum = calloc(n, sizeof *sum), *tile = malloc(n * sizeof *tile);
    assert_true(sum && tile);
    for (size_t i = 0; i < t->n; i++) {
        tiling_cut(t, t->tiles[i].at, 1, sizeof *tile, picture, tile);
        tiling_add(t, i, 1, 1, tile, sum);
    }
    free(tile);
    return sum;
}

static void check_picture(int width, int height, int tile, double overlap)
{
    struct tiling *t = tiles_of(width, height, tile, overlap, NULL);
    size_t n = (size_t)width * (size_t)height;
    float *picture = malloc(n * sizeof *picture);
    double shares = 0;
    assert_non_null(picture);
    for (size_t i = 0; i < n; i++)
        picture[i] = (float)(i % 251);
    float *again = put_together(t, picture);
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf(again[i] - picture[i]) < 1e-4f);
    for (size_t i = 0; i < t->n; i++)
        shares += (double)t->tiles[i].share;
    assert_true(fabs(shares - 1) < 1e-5);
    assert_int_equal(t->n, t->rows * t->columns);
    free(again);
    free(picture);
    tiling_free(t);
}

static void test_whole(void **state)
{
    (void)state;
    const double overlaps[] = {0, 0.25, 0.5, OVERLAP_MAX};
    for (int i = 0; i < 4; i++) {
        check_picture(64, 64, 64, overlaps[i]);
        check_picture(65, 64, 64, overlaps[i]);
        check_picture(100, 37, 16, overlaps[i]);
        check_picture(20, 300, 32, overlaps[i]); /* narrower than a tile */
        check_picture(129, 128, 64, overlaps[i]);
    }
}

/* No more tiles than needed, evenly spread from edge to edge, with at least the overlap that was asked for. */
static void test_places(void **state)
{
    (void)state;
    struct tiling *t = tiles_of(160, 64, 64, 0.25, NULL);
    assert_int_equal(t->rows, 1);
    assert_int_equal(t->columns, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(t->tiles[i].at.x, 48 * i);
    /* In the overlap of 16 the weight rises by 1/17 a pixel; elsewhere a tile is alone. */
    assert_true(fabsf(t->across[64] - 1.0f / 17) < 1e-6f);
    assert_true(fabsf(t->across[64 + 15] - 16.0f / 17) < 1e-6f);
    assert_true(t->across[64 + 16] == 1);
    assert_true(t->across[0] == 1);
    tiling_free(t);
    t = tiles_of(161, 64, 64, 0.25, NULL);
    assert_int_equal(t->columns, 4);
    tiling_free(t);
}

/* One tile says what it says, bit for bit. */
static void test_single(void **state)
{
    (void)state;
    struct tiling *t = tiles_of(20, 30, 64, 0.5, NULL);
    assert_int_equal(t->n, 1);
    assert_true(t->tiles[0].share == 1);
    for (int i = 0; i < 30; i++)
        assert_true(t->down[i] == 1);
    tiling_free(t);
}

/* Tiles without anything that counts are left out; where something counts the weights still add up to 1. */
static void test_region_tiles(void **state)
{
    (void)state;
    uint8_t roi[96 * 96] = {0};
    float ones[96 * 96];
    for (int y = 10; y < 40; y++)
        for (int x = 50; x < 90; x++)
            roi[y * 96 + x] = 1;
    for (int i = 0; i < 96 * 96; i++)
        ones[i] = 1;
    struct tiling *t = tiles_of(96, 96, 32, 0.25, roi);
    float *sum = put_together(t, ones);
    double shares = 0;
    assert_true(t->n < (size_t)(t->rows * t->columns));
    for (int i = 0; i < 96 * 96; i++)
        assert_true(!roi[i] || fabsf(sum[i] - 1) < 1e-6f);
    for (size_t i = 0; i < t->n; i++)
        shares += (double)t->tiles[i].share;
    assert_true(fabs(shares - 1) < 1e-5);
    free(sum);
    tiling_free(t);
}

/* Draws stay within the picture, are different, and see its edges too. */
static void test_draws(void **state)
{
    (void)state;
    struct tiling *t = tiles_of(100, 70, 32, 0.25, NULL);
    struct rng r = rng_new(1, 2);
    int seen[70][100] = {{0}};
    for (int k = 0; k < 200; k++)
        for (size_t i = 0; i < t->n; i++) {
            struct tile_place at = tiling_draw(t, i, &r);
            assert_within(at.y, 0, 70 - 32);
            assert_within(at.x, 0, 100 - 32);
            seen[at.y + 16][at.x + 16]++;
        }
    int places = 0;
    for (int y = 0; y < 70; y++)
        for (int x = 0; x < 100; x++)
            places += seen[y][x] > 0;
    assert_true(places > 1000);
    assert_true(seen[16][16] && seen[70 - 16][100 - 16]);
    tiling_free(t);
}

/* ---- the region ---- */

static int fit_region(const char *url, const struct wishes *w, struct arena *arena, struct preprocess *p, struct err *e)
{
    struct dataset *ds = open_dataset(url, DATASET_LEARN);
    int code = dataset_fit(ds, SPLIT_TRAIN, w, arena, p, e);
    dataset_close(ds);
    return code;
}

static void test_region(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct preprocess p;
    struct err e = ERR_INIT;
    write_png(in_folder("good/0.png"), 40, 20, 1, 7);
    write_mask(in_folder("roi.png"), 80, 40, 20, 10, 30, 20); /* twice the size */
    struct dataset *ds = open_dataset(in_folder("good"), DATASET_LEARN);
    const struct wishes w = {.roi = in_folder("roi.png")};
    assert_int_equal(dataset_fit(ds, SPLIT_TRAIN, &w, &arena, &p, &e), 0);
    assert_int_equal(region_pixels(&p), 15 * 10);
    const struct dataset_needs needs = {.at_least = 1, .input = &p, .memory = 1 << 20};
    for (int kept = 0; kept < 2; kept++) { /* read anew, and out of memory */
        uint8_t pixels[20 * 40];
        assert_int_equal(dataset_load(ds, SPLIT_TRAIN, 0, &p, pixels, &e), 0);
        for (int y = 0; y < 20; y++)
            for (int x = 0; x < 40; x++) {
                bool inside = x >= 10 && x < 25 && y >= 5 && y < 15;
                assert_int_equal(p.roi[y * 40 + x], inside);
                assert_int_equal(pixels[y * 40 + x], inside ? x + 2 * y + 7 : 0);
            }
        assert_int_equal(dataset_check(ds, SPLIT_TRAIN, &needs, NULL, &e), 0);
    }
    dataset_close(ds);
    arena_free(&arena);
}

static void test_bad_regions(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct preprocess p;
    write_png(in_folder("good/0.png"), 40, 20, 1, 7);
    write_mask(in_folder("turned.png"), 20, 40, 2, 2, 10, 10);
    write_mask(in_folder("black.png"), 40, 20, 0, 0, 0, 0);
    struct wishes w = {.roi = in_folder("turned.png")};
    struct err e = ERR_INIT;
    assert_true(fit_region(in_folder("good"), &w, &arena, &p, &e) < 0);
    expect_error(&e, ERR_FORMAT, "turned.png", "20x40", "40x20", NULL);
    w.roi = in_folder("black.png");
    e = ERR_INIT;
    assert_true(fit_region(in_folder("good"), &w, &arena, &p, &e) < 0);
    expect_error(&e, ERR_FORMAT, "black.png", "white counts", NULL);
    w.roi = in_folder("none.png");
    e = ERR_INIT;
    assert_true(fit_region(in_folder("good"), &w, &arena, &p, &e) < 0);
    expect_error(&e, ERR_IO, "none.png", NULL);
    arena_free(&arena);
}

/* ---- the loader ---- */

/* Every tile of an epoch is of the picture that it is said to be of, and all pictures come as often. */
static void test_loader(void **state)
{
    (void)state;
    struct dataset *ds = open_dataset("synth:?n=10&test=3&size=48&channels=3", DATASET_LEARN);
    struct preprocess p = pictures_of(48, 48, 3);
    p.tile = 16;
    p.overlap = 0.25;
    const struct loader_options o = {.batch = 8, .input = &p, .shuffled = true, .seed = 3, .threads = 2};
    struct loader *l;
    struct batch b;
    struct err e = ERR_INIT;
    static uint8_t pictures[10][48 * 48 * 3];
    int times[10] = {0};
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(dataset_load(ds, SPLIT_TRAIN, i, &p, pictures[i], &e), 0);
    assert_int_equal(loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, &e), 0);
    size_t steps = loader_steps(l);
    assert_int_equal(steps, 10 * 16 / 8);
    float *first = malloc(8 * 16 * 16 * 3 * sizeof *first);
    assert_non_null(first);
    for (size_t step = 0; step < steps; step++) {
        assert_int_equal(loader_next(l, &b, &e), 1);
        for (size_t i = 0; i < b.n; i++) {
            times[b.samples[i]]++;
            bool found = false;
            for (int y = 0; y <= 32 && !found; y++)
                for (int x = 0; x <= 32 && !found; x++) {
                    found = true;
                    for (int k = 0; k < 16 * 16 * 3 && found; k++) {
                        int at = ((y + k / 48) * 48 + x) * 3 + k % 48;
                        found = fabsf(b.data[i * 16 * 16 * 3 + (size_t)k] - (float)pictures[b.samples[i]][at] / 255) <
                                1e-6f;
                    }
                }
            assert_true(found);
        }
        if (step == 5)
            memcpy(first, b.data, 8 * 16 * 16 * 3 * sizeof *first);
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(times[i], 16);
    loader_seek(l, 0, 5);
    assert_int_equal(loader_next(l, &b, &e), 1);
    assert_memory_equal(first, b.data, 8 * 16 * 16 * 3 * sizeof *first);
    loader_seek(l, 1, 5);
    assert_int_equal(loader_next(l, &b, &e), 1);
    assert_memory_not_equal(first, b.data, 8 * 16 * 16 * 3 * sizeof *first);
    free(first);
    loader_free(l);
    dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_region_tiles),
        cmocka_unit_test(test_draws),
        cmocka_unit_test_setup_teardown(test_region, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_bad_regions, folder_begin, folder_end),
        cmocka_unit_test(test_loader),
    };
    return cmocka_run_group_tests_name("tiles", tests, NULL, NULL);
}
