/* Made defects: drawn from seed, epoch and sample alone; what is true is where the picture has changed. */
#include "support.h"

#include "data/loader.h"
#include "data/made_set.h"
#include "picture/made.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 48, MOST = SIDE * SIDE * 3, KINDS = MADE_MIXED + 1 };

static uint8_t before[MOST], after[MOST], again[MOST], other_pixels[MOST], truth[SIDE * SIDE], truth_again[SIDE * SIDE];

/* Waves with a little noise: neighbours are alike, as in pictures. */
static void draw(uint8_t *pixels, int height, int width, int channels, uint64_t seed)
{
    struct rng r = rng_new(seed, 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *pixels++ = (uint8_t)(127 + 80 * sin(0.3 * x + 0.2 * y + c + (double)seed) + 8 * rng_uniform(&r));
}

/* One picture of h x w x channels with defects, filled with one of other sizes. */
static void spoil(int height, int width, int channels, enum made_kind kind, size_t index, const uint8_t *counts,
                  uint8_t *pixels, uint8_t *where)
{
    const struct picture_format f = {width, height, channels};
    const struct picture other = {SIDE - 8, SIDE - 20, channels, other_pixels};
    struct maker *m;
    struct err e = ERR_INIT;
    struct rng r = made_draw(7, 2, index);
    draw(pixels, height, width, channels, index);
    draw(other_pixels, SIDE - 20, SIDE - 8, channels, index + 1000);
    assert_int_equal(maker_new(&f, &m, &e), 0);
    maker_run(m, kind, &r, &other, counts, pixels, where);
    maker_free(m);
}

/* ---- by the definition ---- */

static double change_of(int pixel, int channels)
{
    double sum = 0;
    for (int c = 0; c < channels; c++)
        sum += fabs((double)before[pixel * channels + c] - (double)after[pixel * channels + c]) / 255 / channels;
    return sum;
}

static double mean_change(int height, int width, int channels, int y, int x)
{
    double sum = 0;
    int n = 0;
    for (int i = y - 1; i <= y + 1; i++)
        for (int k = x - 1; k <= x + 1; k++)
            if (i >= 0 && i < height && k >= 0 && k < width) {
                sum += change_of(i * width + k, channels);
                n++;
            }
    return sum / n;
}

static void expect_truth(int height, int width, int channels)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double change = mean_change(height, width, channels, y, x);
            if (fabs(change - 0.02) > 1e-6 && truth[y * width + x] != (change > 0.02))
                fail_msg("at %d, %d the change is %g, and the truth %d", y, x, change, truth[y * width + x]);
        }
}

static void truth_is_where_it_changed(void **state)
{
    (void)state;
    static const int sizes[][3] = {{SIDE, SIDE, 3}, {SIDE, 17, 1}, {16, 41, 3}, {16, 16, 1}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < KINDS; kind++)
            for (size_t i = 0; i < 40; i++) {
                const int *d = sizes[s];
                draw(before, d[0], d[1], d[2], i);
                spoil(d[0], d[1], d[2], (enum made_kind)kind, i, NULL, after, truth);
                expect_truth(d[0], d[1], d[2]);
            }
}

/* Most pictures get a defect that can be seen, and no kind spoils all of the picture always. */
static void defects_are_seen_and_local(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        int spoilt = 0;
        double area = 0;
        for (size_t i = 0; i < 100; i++) {
            int marked = 0;
            spoil(SIDE, SIDE, 3, (enum made_kind)kind, i, NULL, after, truth);
            for (int k = 0; k < SIDE * SIDE; k++)
                marked += truth[k];
            spoilt += marked > 0;
            area += (double)marked / (SIDE * SIDE) / 100;
        }
        print_message("kind %d: %d of 100 with defects, %.3f of the area\n", kind, spoilt, area);
        assert_true(spoilt > 80 && area > 0.01 && area < 0.4);
    }
}

static void what_does_not_count_stays(void **state)
{
    (void)state;
    static uint8_t counts[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        counts[i] = i % SIDE > SIDE / 3;
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < 20; i++) {
            draw(before, SIDE, SIDE, 3, i);
            spoil(SIDE, SIDE, 3, (enum made_kind)kind, i, counts, after, truth);
            for (int k = 0; k < SIDE * SIDE; k++)
                assert_true(counts[k] || (!truth[k] && change_of(k, 3) == 0));
        }
}

static void equal_draws_are_equal_defects(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        spoil(SIDE, SIDE, 3, (enum made_kind)kind, 3, NULL, after, truth);
        spoil(SIDE, SIDE, 3, (enum made_kind)kind, 3, NULL, again, truth_again);
        assert_memory_equal(after, again, MOST);
        assert_memory_equal(truth, truth_again, sizeof truth);
    }
    struct rng a = made_draw(7, 2, 3), b = made_draw(7, 3, 3), c = made_draw(8, 2, 3), d = made_draw(7, 2, 4);
    uint64_t first = rng_u64(&a);
    assert_true(first != rng_u64(&b) && first != rng_u64(&c) && first != rng_u64(&d));
}

/* ---- through the loader ---- */

static const struct loader_options usual = {
    .shuffled = true, .seed = 5, .truth = true, .made = {.made_share = 0.8, .made_kind = MADE_MIXED}};

/* Of one epoch, by sample and tile: its values and truth. */
struct epoch {
    float *values, *truth;
    size_t n, each, pixels;
};

static struct epoch load_epoch(struct dataset *ds, const struct preprocess *p, size_t batch, int threads,
                               const struct augment *augment, size_t tiles)
{
    struct loader_options o = usual;
    const struct preprocess view = preprocess_view(p);
    struct loader *l;
    struct err e = ERR_INIT;
    struct batch b;
    o.batch = batch;
    o.threads = threads;
    o.input = p;
    o.augment = *augment;
    if (loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, &e) < 0)
        fail_msg("%s", e.msg);
    struct epoch x = {.n = dataset_count(ds, SPLIT_TRAIN) * tiles, .each = (size_t)shape_count(&view.sample)};
    x.pixels = x.each / (size_t)shape_last(&view.sample);
    x.values = calloc(x.n * x.each, sizeof(float));
    x.truth = calloc(x.n * x.pixels, sizeof(float));
    loader_seek(l, 3, 0);
    for (size_t step = 0; step < loader_steps(l); step++) {
        assert_int_equal(loader_next(l, &b, &e), 1);
        assert_int_equal(b.epoch, 3);
        for (size_t i = 0; i < b.n; i++) {
            size_t row = b.samples[i] * tiles + b.tiles[i];
            memcpy(x.values + row * x.each, b.data + i * x.each, x.each * sizeof(float));
            memcpy(x.truth + row * x.pixels, b.truth + i * x.pixels, x.pixels * sizeof(float));
        }
    }
    loader_free(l);
    return x;
}

static void epoch_free(struct epoch *x)
{
    free(x->values);
    free(x->truth);
}

static void same_epoch(const struct epoch *a, const struct epoch *b)
{
    assert_memory_equal(a->values, b->values, a->n * a->each * sizeof(float));
    assert_memory_equal(a->truth, b->truth, a->n * a->pixels * sizeof(float));
}

static void batches_and_threads_do_not_matter(void **state)
{
    (void)state;
    static const struct augment all = {.flip_h = true, .shift = 0.1, .rotate = 20, .gain = 0.2};
    struct dataset *ds = open_dataset("synth:?n=24&test=4&size=32&channels=3", DATASET_LEARN);
    struct preprocess p = pictures_of(32, 32, 3);
    struct epoch one = load_epoch(ds, &p, 1, 1, &all, 1), four = load_epoch(ds, &p, 4, 3, &all, 1);
    same_epoch(&one, &four);
    epoch_free(&one);
    epoch_free(&four);
    p.tile = 16;
    p.overlap = 0.25; /* 9 tiles, in two runs of 5 rows */
    one = load_epoch(ds, &p, 1, 1, &all, 10);
    four = load_epoch(ds, &p, 8, 3, &all, 10);
    same_epoch(&one, &four);
    epoch_free(&one);
    epoch_free(&four);
    dataset_close(ds);
}

/* Without other changes: a row is the sample's own picture wherever the truth and its surroundings are 0, and the share
 * of rows that are spoilt is the one asked for. */
static void rows_change_where_the_truth_is(void **state)
{
    (void)state;
    static const struct augment none = {0};
    struct dataset *ds = open_dataset("synth:?n=60&test=4&size=32&channels=3", DATASET_LEARN);
    const struct preprocess p = pictures_of(32, 32, 3);
    const struct picture_format format = {32, 32, 3};
    struct epoch x = load_epoch(ds, &p, 4, 1, &none, 1);
    size_t spoilt = 0;
    for (size_t i = 0; i < x.n; i++) {
        struct err e = ERR_INIT;
        uint8_t pixels[32 * 32 * 3];
        float most = 0;
        assert_int_equal(load_pixels(ds, SPLIT_TRAIN, i, &format, pixels, &e), 0);
        for (size_t k = 0; k < x.each; k++) {
            float change = fabsf(x.values[i * x.each + k] - (float)pixels[k] / 255);
            if (x.truth[i * x.pixels + k / 3] == 0)
                assert_true(change < 9 * 3 * 0.02f + 1e-5f); /* else the mean of 3x3 would exceed 0.02 */
            most = fmaxf(most, change);
        }
        spoilt += most > 1e-5f;
    }
    assert_true(spoilt > 36 && spoilt < 59); /* 48 expected */
    epoch_free(&x);
    dataset_close(ds);
}

/* With a region in tiles: nothing is made in what is black to every model. */
static void the_region_is_kept_in_tiles(void **state)
{
    (void)state;
    static const struct augment none = {0};
    static uint8_t roi[32 * 32];
    struct dataset *ds = open_dataset("synth:?n=12&test=4&size=32&channels=1", DATASET_LEARN);
    struct preprocess p = pictures_of(32, 32, 1);
    for (int i = 0; i < 32 * 32; i++)
        roi[i] = i / 32 < 16;
    p.roi = roi;
    struct epoch x = load_epoch(ds, &p, 4, 1, &none, 1);
    for (size_t i = 0; i < x.n * x.pixels; i++)
        assert_true(i / 32 % 32 < 16 || (x.truth[i] == 0 && x.values[i] == 0));
    epoch_free(&x);
    dataset_close(ds);
}

/* ---- a set of good pictures and of the same with defects ---- */

static void a_set_has_both(void **state)
{
    (void)state;
    static uint8_t mask[32 * 32];
    struct dataset *good = open_dataset("synth:?n=4&test=10&size=32&channels=3", DATASET_SCORE), *set;
    const struct made_set wish = {.n = 9, .kind = MADE_MIXED, .seed = 1};
    const struct picture_format colour = {32, 32, 3}, grey = {32, 32, 1};
    struct err e = ERR_INIT;
    assert_int_equal(dataset_open_made(good, &wish, NULL, &set, &e), 0);
    assert_int_equal(dataset_count(set, SPLIT_TEST), 5 + 9);
    assert_true(dataset_has_masks(set));
    for (size_t i = 0; i < 14; i++) {
        const struct sample *s = dataset_sample(set, SPLIT_TEST, i);
        size_t of = i < 5 ? i : (i - 5) % 5, marked = 0;
        assert_int_equal(s->anomalous, i >= 5);
        assert_int_equal(load_pixels(set, SPLIT_TEST, of, &colour, before, &e), 0);
        assert_int_equal(load_pixels(set, SPLIT_TEST, i, &colour, after, &e), 0);
        assert_int_equal(load_pixels(set, SPLIT_TEST, i, &colour, again, &e), 0);
        assert_memory_equal(after, again, 32 * 32 * 3);
        assert_int_equal(dataset_mask(set, SPLIT_TEST, i, 32, 32, mask, &e), 1);
        memcpy(truth, mask, sizeof mask);
        expect_truth(32, 32, 3);
        for (int k = 0; k < 32 * 32; k++)
            marked += mask[k];
        assert_true(i >= 5 || marked == 0);
        assert_int_equal(load_pixels(set, SPLIT_TEST, i, &grey, again, &e), 0); /* the same defects, in grey */
        for (int k = 0; k < 32 * 32; k++)
            assert_true(abs(again[k] - (int)lround(0.299 * after[3 * k] + 0.587 * after[3 * k + 1] +
                                                   0.114 * after[3 * k + 2])) <= 1);
    }
    assert_string_equal(dataset_sample(set, SPLIT_TEST, 5)->kind, "shapes");
    assert_string_equal(dataset_sample(set, SPLIT_TEST, 6)->kind, "cuts");
    assert_string_equal(dataset_sample(set, SPLIT_TEST, 7)->kind, "blends");
    dataset_close(set);
    dataset_close(good);
}

static void a_set_wants_good_pictures(void **state)
{
    (void)state;
    const struct made_set wish = {.n = 9, .kind = MADE_CUTS, .seed = 1};
    const struct picture_format small = {8, 8, 1};
    struct dataset *good = open_dataset("synth:?n=4&test=3&size=32&defects=1", DATASET_SCORE), *set;
    struct err e = ERR_INIT;
    assert_int_equal(dataset_open_made(good, &wish, NULL, &set, &e), ERR_USAGE);
    expect_error(&e, ERR_USAGE, "at least 2 good pictures", "are 0", NULL);
    dataset_close(good);
    e = ERR_INIT;
    good = open_dataset("synth:?n=4&test=6&size=8", DATASET_SCORE);
    assert_int_equal(dataset_open_made(good, &wish, NULL, &set, &e), 0);
    assert_int_equal(load_pixels(set, SPLIT_TEST, 3, &small, after, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "8x8", "16x16", NULL);
    dataset_close(set);
    dataset_close(good);
}

static void rows_of_numbers_are_refused(void **state)
{
    (void)state;
    struct dataset *ds = open_dataset("synth:?n=12&test=4&size=32&channels=1", DATASET_LEARN);
    struct err e = ERR_INIT;
    struct loader *l;
    static const float zero = 0, one = 1;
    const struct preprocess rows = {
        .kind = kind_find("rows", &e), .sample = SHAPE(7), .n = 1, .mean = &zero, .std = &one};
    struct loader_options o = usual;
    o.batch = 2;
    o.input = &rows;
    assert_int_equal(loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, &e), ERR_USAGE);
    expect_error(&e, ERR_USAGE, "pictures alone", "rows", NULL);
    dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_is_where_it_changed),
        cmocka_unit_test(defects_are_seen_and_local),
        cmocka_unit_test(what_does_not_count_stays),
        cmocka_unit_test(equal_draws_are_equal_defects),
        cmocka_unit_test(batches_and_threads_do_not_matter),
        cmocka_unit_test(rows_change_where_the_truth_is),
        cmocka_unit_test(the_region_is_kept_in_tiles),
        cmocka_unit_test(rows_of_numbers_are_refused),
        cmocka_unit_test(a_set_has_both),
        cmocka_unit_test(a_set_wants_good_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
