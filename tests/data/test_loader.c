/* The loader: right values, every sample once an epoch, the same whatever the threads, resuming bit for bit, errors. */
#include "support.h"

#include "data/loader.h"
#include "support/within.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const float middle = 0.5f, spread = 0.25f;
static const struct picture_format colour = {16, 16, 3};
static struct preprocess input; /* filled in main */

static const struct loader_options usual = {.batch = 8, .input = &input, .shuffled = true, .seed = 7};

static struct loader *start(struct dataset *ds, enum split split, const size_t *indices, size_t n,
                            const struct loader_options *o)
{
    struct loader *l;
    struct err e = ERR_INIT;
    if (loader_new(ds, split, indices, n, o, &l, &e) < 0)
        fail_msg("%s", e.msg);
    return l;
}

static struct batch next(struct loader *l)
{
    struct batch b;
    struct err e = ERR_INIT;
    if (loader_next(l, &b, &e) != 1)
        fail_msg("no batch: %s", e.msg);
    return b;
}

static struct dataset *synth(void)
{
    return open_dataset("synth:?n=45&test=21&size=16&channels=3", DATASET_LEARN);
}

static void test_values(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader *l = start(ds, SPLIT_TRAIN, NULL, 0, &usual);
    struct err e = ERR_INIT;
    assert_int_equal(loader_steps(l), 5);
    for (int step = 0; step < 5; step++) {
        struct batch b = next(l);
        assert_int_equal(b.n, 8);
        assert_int_equal(b.step, step);
        assert_int_equal((uintptr_t)b.data % 64, 0);
        for (size_t i = 0; i < b.n; i++) {
            uint8_t pixels[16 * 16 * 3];
            assert_int_equal(load_pixels(ds, SPLIT_TRAIN, b.samples[i], &colour, pixels, &e), 0);
            for (int k = 0; k < 16 * 16 * 3; k++) {
                float want = ((float)pixels[k] / 255 - middle) / spread;
                assert_true(fabsf(b.data[i * 16 * 16 * 3 + (size_t)k] - want) < 1e-5f);
            }
        }
    }
    loader_free(l);
    dataset_close(ds);
}

static void test_epochs(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader *l = start(ds, SPLIT_TRAIN, NULL, 0, &usual);
    size_t first[2][40];
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[45] = {false};
        for (int step = 0; step < 5; step++) {
            struct batch b = next(l);
            assert_int_equal(b.epoch, epoch);
            for (size_t i = 0; i < b.n; i++) {
                assert_false(seen[b.samples[i]]);
                seen[b.samples[i]] = true;
                first[epoch][step * 8 + (int)i] = b.samples[i];
            }
        }
    }
    assert_memory_not_equal(first[0], first[1], sizeof first[0]);
    loader_free(l);
    dataset_close(ds);
}

/* Remembers what `n` batches hold, one after the other. */
static float *record(struct loader *l, int n)
{
    const size_t size = usual.batch * 16 * 16 * 3;
    float *all = malloc((size_t)n * size * sizeof *all);
    for (int i = 0; i < n; i++)
        memcpy(all + (size_t)i * size, next(l).data, size * sizeof *all);
    return all;
}

static void test_same_on_any_threads_and_after_resuming(void **state)
{
    (void)state;
    const size_t size = usual.batch * 16 * 16 * 3;
    struct dataset *ds = synth();
    struct loader_options o = usual;
    o.augment = (struct augment){.flip_h = true, .flip_v = true, .shift = 0.1, .rotate = 20, .zoom = 0.1, .gain = 0.2};
    struct loader *l = start(ds, SPLIT_TRAIN, NULL, 0, &o);
    float *once = record(l, 20);
    loader_seek(l, 0, 0);
    float *again = record(l, 20);
    assert_memory_equal(once, again, 20 * size * sizeof *once);
    free(again);
    loader_free(l);
    for (int threads = 1; threads <= 4; threads++)
        for (int at = 0; at < 15; at += 7) {
            o.threads = threads;
            o.ahead = threads == 1 ? 1 : 2 * threads;
            l = start(ds, SPLIT_TRAIN, NULL, 0, &o);
            next(l);
            loader_seek(l, at / 5, (size_t)at % 5);
            again = record(l, 20 - at);
            assert_memory_equal(once + (size_t)at * size, again, (size_t)(20 - at) * size * sizeof *once);
            free(again);
            loader_free(l);
        }
    free(once);
    dataset_close(ds);
}

static void test_seed(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader_options o = usual;
    struct loader *a = start(ds, SPLIT_TRAIN, NULL, 0, &o);
    o.seed = 8;
    struct loader *b = start(ds, SPLIT_TRAIN, NULL, 0, &o);
    assert_memory_not_equal(next(a).samples, next(b).samples, 8 * sizeof(size_t));
    loader_free(a);
    loader_free(b);
    dataset_close(ds);
}

/* Over many samples about half are flipped, and each is either the picture or its mirror image. */
static void test_flips(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader_options o = usual, plain = usual;
    int flipped[2] = {0, 0};
    for (int vertical = 0; vertical < 2; vertical++) {
        o.augment.flip_h = !vertical;
        o.augment.flip_v = vertical;
        struct loader *a = start(ds, SPLIT_TRAIN, NULL, 0, &plain), *b = start(ds, SPLIT_TRAIN, NULL, 0, &o);
        for (int step = 0; step < 25; step++) {
            struct batch x = next(a), y = next(b);
            for (size_t i = 0; i < 8; i++) {
                const float *p = x.data + i * 768, *q = y.data + i * 768;
                bool same = !memcmp(p, q, 768 * sizeof *p);
                flipped[vertical] += !same;
                for (int k = 0; k < 768 && !same; k++) {
                    int row = k / 48, column = k / 3 % 16, c = k % 3;
                    int from = vertical ? (15 - row) * 48 + column * 3 + c : row * 48 + (15 - column) * 3 + c;
                    assert_true(p[from] == q[k]);
                }
            }
        }
        loader_free(a);
        loader_free(b);
    }
    for (int v = 0; v < 2; v++)
        assert_within(flipped[v], 70, 130); /* of 200 */
    dataset_close(ds);
}

static void test_ordered(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader_options o = usual;
    struct batch b;
    struct err e = ERR_INIT;
    o.shuffled = false;
    o.augment.flip_h = true; /* means nothing here */
    struct loader *l = start(ds, SPLIT_TEST, NULL, 0, &o);
    assert_int_equal(loader_steps(l), 3);
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        while (loader_next(l, &b, &e) == 1) {
            assert_int_equal(b.n, at < 16 ? 8 : 5);
            for (size_t i = 0; i < b.n; i++) {
                uint8_t pixels[768];
                assert_int_equal(b.samples[i], at++);
                assert_null(b.errors[i]);
                load_pixels(ds, SPLIT_TEST, b.samples[i], &colour, pixels, &e);
                assert_true(fabsf(b.data[i * 768] - ((float)pixels[0] / 255 - middle) / spread) < 1e-5f);
            }
        }
        assert_int_equal(at, 21);
        assert_int_equal(loader_next(l, &b, &e), 0);
        loader_seek(l, 0, 0);
    }
    loader_free(l);
    dataset_close(ds);
}

static void test_chosen(void **state)
{
    (void)state;
    const size_t chosen[] = {40, 3, 17, 8, 9, 10, 44, 0, 1};
    struct dataset *ds = synth();
    struct loader_options o = usual;
    o.batch = 3;
    struct loader *l = start(ds, SPLIT_TRAIN, chosen, 9, &o);
    bool seen[45] = {false};
    for (int step = 0; step < 3; step++) {
        struct batch b = next(l);
        for (size_t i = 0; i < b.n; i++)
            seen[b.samples[i]] = true;
    }
    for (size_t i = 0; i < 9; i++)
        assert_true(seen[chosen[i]]);
    loader_free(l);
    dataset_close(ds);
}

static void make_folder(void)
{
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "f/%d.png", i);
        write_png(name, 24, 16, 3, i);
    }
}

/* A row of zeros and a sentence, and the rest goes on. */
static void test_bad_row(void **state)
{
    (void)state;
    struct loader_options o = usual;
    o.shuffled = false;
    make_folder();
    write_file("f/4.png", "junk", 4);
    struct dataset *ds = open_dataset(in_folder("f"), DATASET_SCORE);
    struct loader *l = start(ds, SPLIT_TEST, NULL, 0, &o);
    for (int step = 0; step < 2; step++) {
        struct batch b = next(l);
        for (size_t i = 0; i < b.n; i++) {
            if (b.samples[i] == 4) {
                assert_non_null(b.errors[i]);
                assert_non_null(strstr(b.errors[i], "4.png"));
                assert_true(b.data[i * 768] == 0 && b.data[i * 768 + 767] == 0);
            } else {
                assert_null(b.errors[i]);
            }
        }
    }
    loader_free(l);
    dataset_close(ds);
}

/* A file that vanishes in mid-training stops it, again and again, until a seek. */
static void test_vanished_file(void **state)
{
    (void)state;
    struct loader_options o = usual;
    struct batch b;
    struct err e = ERR_INIT;
    o.batch = 5;
    make_folder();
    struct dataset *ds = open_dataset(in_folder("f"), DATASET_LEARN);
    assert_int_equal(dataset_check(ds, SPLIT_TRAIN, &(struct dataset_needs){.at_least = 10}, NULL, &e), 0);
    assert_int_equal(unlink(in_folder("f/6.png")), 0);
    struct loader *l = start(ds, SPLIT_TRAIN, NULL, 0, &o);
    int got = 1;
    for (int step = 0; step < 2 && got == 1; step++)
        got = loader_next(l, &b, &e);
    assert_int_equal(got, ERR_IO);
    expect_error(&e, ERR_IO, "6.png", "No such file", NULL);
    e = ERR_INIT;
    assert_int_equal(loader_next(l, &b, &e), ERR_IO);
    write_png("f/6.png", 24, 16, 3, 6);
    loader_seek(l, 0, 0);
    for (int step = 0; step < 10; step++)
        next(l);
    loader_free(l);
    dataset_close(ds);
}

static void test_refused(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader_options o = usual;
    struct loader *l;
    struct err e = ERR_INIT;
    o.batch = 46;
    assert_int_equal(loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "45 samples", "batch of 46", NULL);
    assert_null(l);
    e = ERR_INIT;
    o.batch = 0;
    assert_int_equal(loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, &e), ERR_USAGE);
    e = ERR_INIT;
    o.batch = 1;
    assert_int_equal(loader_new(ds, SPLIT_TRAIN, &(size_t){0}, 0, &o, &l, &e), ERR_FORMAT);
    e = ERR_INIT;
    o.shuffled = false;
    o.batch = (size_t)1 << 60;
    assert_int_equal(loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, &e), ERR_MEMORY);
    dataset_close(ds);
}

/* Freed while threads are at work, at any moment. */
static void test_free_any_time(void **state)
{
    (void)state;
    struct dataset *ds = synth();
    struct loader_options o = usual;
    o.threads = 3;
    for (int i = 0; i < 40; i++) {
        struct loader *l = start(ds, SPLIT_TRAIN, NULL, 0, &o);
        for (int k = 0; k < i % 4; k++)
            next(l);
        loader_free(l);
    }
    loader_free(NULL);
    dataset_close(ds);
}

int main(void)
{
    input = pictures_of(colour.width, colour.height, colour.channels);
    input.mean = &middle;
    input.std = &spread;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_same_on_any_threads_and_after_resuming),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_ordered),
        cmocka_unit_test(test_chosen),
        cmocka_unit_test_setup_teardown(test_bad_row, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_vanished_file, folder_begin, folder_end),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_free_any_time),
    };
    return cmocka_run_group_tests_name("data/loader", tests, NULL, NULL);
}
