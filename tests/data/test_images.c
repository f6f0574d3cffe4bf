/* Folders of pictures: layouts, classes, masks, order, what is skipped; and everything that can be wrong with them. */
#include "support.h"

#include "base/file.h"
#include "support/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(struct dataset *ds, enum split split, size_t at_least, struct err *e)
{
    return dataset_check(ds, split, &(struct dataset_needs){.at_least = at_least, .threads = 2}, NULL, e);
}

static void test_plain_folder(void **state)
{
    (void)state;
    struct heard heard;
    struct log log = log_to(&heard);
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_png("p/frame10.png", 8, 6, 1, 0);
    write_png("p/frame2.PNG", 8, 6, 1, 0);
    write_png("p/Frame1.png", 8, 6, 1, 0);
    write_png("p/deep/er/x.png", 8, 6, 1, 0);
    write_file("p/.DS_Store", "x", 1);
    write_file("p/._frame2.PNG", "x", 1);
    write_file("p/deep/Thumbs.db", "x", 1);
    write_file("p/notes.txt", "x", 1);
    assert_int_equal(dataset_open(in_folder("p"), DATASET_LEARN, &log, &ds, &e), 0);
    expect_names(ds, SPLIT_TRAIN, "deep/er/x.png", "Frame1.png", "frame2.PNG", "frame10.png", NULL);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 0);
    assert_int_equal(heard.n[LOG_WARN], 1);
    assert_non_null(strstr(heard.last[LOG_WARN], "skipped 4 files"));
    assert_non_null(strstr(heard.last[LOG_WARN], "2 hidden"));
    const struct sample *s = dataset_sample(ds, SPLIT_TRAIN, 0);
    assert_int_equal(s->anomalous, -1);
    assert_int_equal(s->label, -1);
    assert_string_equal(s->kind, "");
    dataset_close(ds);
    ds = open_dataset(in_folder("p"), DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 0);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 4);
    assert_false(dataset_known(ds, SPLIT_TEST));
    dataset_close(ds);
}

static void test_one_picture(void **state)
{
    (void)state;
    struct picture_format f;
    struct err e = ERR_INIT;
    write_png("one.png", 29, 17, 3, 0);
    struct dataset *ds = open_dataset(in_folder("one.png"), DATASET_SCORE);
    expect_names(ds, SPLIT_TEST, "one.png", NULL);
    f = fitted_format(ds, SPLIT_TEST);
    assert_int_equal(f.width, 29);
    assert_int_equal(f.height, 17);
    assert_int_equal(f.channels, 3);
    dataset_close(ds);
    ds = open_dataset(in_folder("one.png"), DATASET_LEARN);
    assert_int_equal(check(ds, SPLIT_TRAIN, 10, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "one.png", "1 training sample,", "at least 10", NULL);
    dataset_close(ds);
}

static void make_mvtec(void)
{
    for (int i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "m/train/good/%03d.png", i);
        write_png(name, 16, 12, 3, i);
    }
    write_png("m/test/good/000.png", 16, 12, 3, 0);
    write_png("m/test/broken/000.png", 16, 12, 3, 0);
    write_png("m/test/broken/001.png", 16, 12, 3, 0);
    write_png("m/test/crack/a.png", 16, 12, 3, 0);
    write_mask("m/ground_truth/broken/000_mask.png", 16, 12, 4, 2, 8, 6);
    write_mask("m/ground_truth/broken/001_mask.png", 16, 12, 0, 0, 16, 12);
    write_mask("m/ground_truth/crack/A.PNG", 16, 12, 0, 0, 1, 1);
    write_file("m/license.txt", "x", 1);
}

static void test_mvtec(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    make_mvtec();
    struct dataset *ds = open_dataset(in_folder("m/"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 12);
    expect_names(ds, SPLIT_TEST, "test/broken/000.png", "test/broken/001.png", "test/crack/a.png", "test/good/000.png",
                 NULL);
    assert_true(dataset_known(ds, SPLIT_TEST));
    assert_true(dataset_has_masks(ds));
    const struct sample *broken = dataset_sample(ds, SPLIT_TEST, 0), *good = dataset_sample(ds, SPLIT_TEST, 3);
    assert_int_equal(broken->anomalous, 1);
    assert_string_equal(broken->kind, "broken");
    assert_string_equal(dataset_class(ds, broken->label), "broken");
    assert_non_null(strstr(broken->mask_path, "ground_truth/broken/000_mask.png"));
    assert_non_null(strstr(dataset_sample(ds, SPLIT_TEST, 2)->mask_path, "crack/A.PNG"));
    assert_int_equal(good->anomalous, 0);
    assert_null(good->mask_path);
    assert_int_equal(dataset_sample(ds, SPLIT_TRAIN, 0)->anomalous, 0);
    assert_int_equal(check(ds, SPLIT_TRAIN, 10, &e), 0);
    assert_int_equal(check(ds, SPLIT_TEST, 0, &e), 0);
    uint8_t mask[8 * 6];
    assert_int_equal(dataset_mask(ds, SPLIT_TEST, 0, 8, 6, mask, &e), 1);
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 8; x++)
            assert_int_equal(mask[y * 8 + x], x >= 2 && x < 6 && y >= 1 && y < 4);
    assert_int_equal(dataset_mask(ds, SPLIT_TEST, 3, 8, 6, mask, &e), 1);
    assert_int_equal(mask[20], 0);
    dataset_close(ds);
    ds = open_dataset(in_folder("m"), DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 0);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 4);
    dataset_close(ds);
}

static void test_bad_masks(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    make_mvtec();
    write_mask("m/ground_truth/broken/000_mask.png", 15, 12, 4, 2, 8, 6);
    write_mask("m/ground_truth/broken/001_mask.png", 16, 12, 0, 0, 0, 0);
    assert_int_equal(unlink(in_folder("m/ground_truth/crack/A.PNG")), 0);
    struct dataset *ds = open_dataset(in_folder("m"), DATASET_LEARN);
    assert_int_equal(check(ds, SPLIT_TEST, 0, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "3 of the 4 test samples", "000_mask.png has 15x12 pixels", "16x12",
                 "001_mask.png marks nothing", "crack/a.png has no mask", NULL);
    dataset_close(ds);
}

static uint64_t fingerprint(const char *url, int threads, size_t memory)
{
    struct err e = ERR_INIT;
    struct preprocess p = pictures_of(8, 6, 1);
    struct dataset *ds = open_dataset(url, DATASET_LEARN);
    struct dataset_needs needs = {.input = &p, .threads = threads, .memory = memory};
    if (dataset_check(ds, SPLIT_TRAIN, &needs, NULL, &e) < 0)
        fail_msg("%s", e.msg);
    const uint64_t print = dataset_fingerprint(ds, SPLIT_TRAIN);
    dataset_close(ds);
    return print;
}

/* Other pixels under the same names are other data, however they are read. */
static void test_fingerprint(void **state)
{
    (void)state;
    write_png("p/0.png", 8, 6, 1, 0);
    write_png("p/1.png", 8, 6, 1, 1);
    write_png("p/2.png", 8, 6, 1, 2);
    const uint64_t first = fingerprint(in_folder("p"), 1, 0);
    assert_true(fingerprint(in_folder("p"), 3, 1 << 20) == first);
    write_png("p/1.png", 8, 6, 1, 7);
    assert_true(fingerprint(in_folder("p"), 1, 0) != first);
    write_png("p/1.png", 8, 6, 1, 2);
    write_png("p/2.png", 8, 6, 1, 1);
    assert_true(fingerprint(in_folder("p"), 1, 0) != first);
    write_png("p/1.png", 8, 6, 1, 1);
    write_png("p/2.png", 8, 6, 1, 2);
    assert_true(fingerprint(in_folder("p"), 1, 0) == first);
    assert_int_equal(rename(in_folder("p/2.png"), in_folder("p/3.png")), 0);
    assert_true(fingerprint(in_folder("p"), 1, 0) != first);
}

static void turn_file(const char *path, int orientation)
{
    size_t size;
    unsigned char *png = turn_png(read_file(in_folder("%s", path), &size), &size, 33, orientation);
    write_file(path, png, size);
    free(png);
}

/* A picture that lies on its side comes upright, and so does its mask; one that was drawn on the upright picture fits
 * as it is. */
static void test_turned(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    make_mvtec();
    write_png("m/test/broken/000.png", 12, 16, 1, 0);
    write_mask("m/ground_truth/broken/000_mask.png", 12, 16, 0, 0, 12, 4); /* above */
    turn_file("m/test/broken/000.png", 6);
    turn_file("m/ground_truth/broken/000_mask.png", 6);
    write_png("m/test/broken/001.png", 12, 16, 1, 0);
    turn_file("m/test/broken/001.png", 8);
    struct dataset *ds = open_dataset(in_folder("m"), DATASET_LEARN);
    assert_int_equal(check(ds, SPLIT_TEST, 0, &e), 0);
    uint8_t pixels[16 * 12], mask[16 * 12];
    assert_int_equal(load_pixels(ds, SPLIT_TEST, 0, &(struct picture_format){16, 12, 1}, pixels, &e), 0);
    assert_int_equal(dataset_mask(ds, SPLIT_TEST, 0, 16, 12, mask, &e), 1);
    for (int y = 0; y < 12; y++)
        for (int x = 0; x < 16; x++) {
            assert_int_equal(pixels[16 * y + x], y + 2 * (15 - x)); /* turned to the right: what was below is left */
            assert_int_equal(mask[16 * y + x], x >= 12);
        }
    dataset_close(ds);
}

/* Opening a pipe that nobody writes to waits for ever. */
static void test_pipes(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    alarm((unsigned)limit_of(20));
    make_mvtec();
    assert_int_equal(unlink(in_folder("m/ground_truth/crack/A.PNG")), 0);
    assert_int_equal(mkfifo(in_folder("m/ground_truth/crack/A.PNG"), 0600), 0);
    struct dataset *ds = open_dataset(in_folder("m"), DATASET_LEARN);
    assert_int_equal(check(ds, SPLIT_TEST, 0, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "1 of the 4 test samples", "crack/A.PNG", "a pipe or a device", NULL);
    dataset_close(ds);
    assert_int_equal(mkfifo(in_folder("pipe.png"), 0600), 0);
    e = ERR_INIT;
    ds = open_dataset(in_folder("pipe.png"), DATASET_SCORE);
    assert_int_equal(check(ds, SPLIT_TEST, 0, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "pipe.png", "a pipe or a device", NULL);
    dataset_close(ds);
    alarm(0);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    file_make_folder(in_folder("empty"), &e);
    write_file("foreign/a.txt", "x", 1);
    write_png("half/train/good/a.png", 4, 4, 1, 0);
    expect_no_opening(in_folder("missing"), DATASET_LEARN, ERR_IO, "missing");
    expect_no_opening(in_folder("empty"), DATASET_LEARN, ERR_FORMAT, "no pictures");
    expect_no_opening(in_folder("empty"), DATASET_SCORE, ERR_FORMAT, "no pictures");
    expect_no_opening(in_folder("foreign"), DATASET_SCORE, ERR_FORMAT, "no pictures");
    expect_no_opening(in_folder("half"), DATASET_SCORE, ERR_FORMAT, "folder test");
    expect_no_opening("images:/no/such", DATASET_SCORE, ERR_IO, "/no/such");
    expect_no_opening("movie:x", DATASET_SCORE, ERR_USAGE, "images, idx, synth");
    expect_no_opening(in_folder("half?colour=3"), DATASET_LEARN, ERR_USAGE, "no option 'colour'");
    expect_no_opening(in_folder("half?limit=x"), DATASET_LEARN, ERR_USAGE, "limit");
    expect_no_opening("", DATASET_LEARN, ERR_IO, "");
}

/* Every bad file is found before training, and named. */
static void test_bad_pictures(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    unsigned char *png;
    size_t size;
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "b/%02d.png", i);
        write_png(name, 20, 10, 1, i);
    }
    assert_int_equal(file_read(in_folder("b/00.png"), 1 << 20, &png, &size, &e), 0);
    write_file("b/03.png", png, size / 2);
    write_file("b/05.png", "some text", 9);
    write_file("b/11.png", "", 0);
    write_file("b/17.png", png, 30);
    free(png);
    struct dataset *ds = open_dataset(in_folder("b"), DATASET_LEARN);
    assert_int_equal(check(ds, SPLIT_TRAIN, 1, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "4 of the 20", "03.png", "05.png", "11.png", "and so on", NULL);
    assert_null(strstr(e.msg, "17.png"));
    e = ERR_INIT;
    uint8_t out[20 * 10];
    const struct picture_format f = {20, 10, 1};
    assert_int_equal(load_pixels(ds, SPLIT_TRAIN, 3, &f, out, &e), ERR_FORMAT);
    e = ERR_INIT;
    assert_int_equal(load_pixels(ds, SPLIT_TRAIN, 4, &f, out, &e), 0);
    dataset_close(ds);
}

/* As many pixels as a square has, in the picture's shape; small pictures grow, though not beyond four times. Of several
 * squares the largest that is no larger. */
static void test_square(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        struct ints square;
        int tile, to_width, to_height;
    } cases[] = {{1000, 500, {1, {64}}, 0, 96, 48},
                 {20, 20, {1, {64}}, 0, 64, 64},
                 {10, 10, {1, {64}}, 0, 48, 48},
                 {64, 64, {1, {64}}, 0, 64, 64},
                 {1000, 500, {0}, 0, 256, 128},
                 {20, 10, {0}, 0, 20, 16},
                 {900, 3, {1, {64}}, 0, 1104, 16},
                 {300, 90, {1, {64}}, 16, 300, 90},
                 {1000, 500, {2, {64, 256}}, 0, 368, 176},
                 {250, 250, {2, {64, 256}}, 0, 64, 64},
                 {250, 250, {3, {64, 128, 256}}, 0, 128, 128}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct preprocess p;
        struct err e = ERR_INIT;
        const struct wishes w = {.square = cases[i].square, .tile = cases[i].tile};
        write_png("square.png", cases[i].width, cases[i].height, 1, 0);
        struct dataset *ds = open_dataset(in_folder("square.png"), DATASET_LEARN);
        assert_int_equal(dataset_fit(ds, SPLIT_TRAIN, &w, &arena, &p, &e), 0);
        assert_int_equal(p.sample.d[0], cases[i].to_height);
        assert_int_equal(p.sample.d[1], cases[i].to_width);
        dataset_close(ds);
        arena_free(&arena);
    }
}

static void test_mixed(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct heard heard;
    struct log log = log_to(&heard);
    struct picture_format f;
    write_png("x/1.png", 1, 1, 1, 0);
    write_png("x/2.png", 8000, 20, 3, 0);
    write_png("x/3.png", 30, 30, 3, 0);
    write_png("x/4.png", 31, 29, 1, 0);
    write_file("x/5.pgm", "P5 2 2 255\nabcd", 15);
    struct dataset *ds = open_dataset(in_folder("x"), DATASET_LEARN);
    f = fitted_format(ds, SPLIT_TRAIN);
    assert_int_equal(f.width, 30);
    assert_int_equal(f.height, 20);
    assert_int_equal(f.channels, 3);
    f = (struct picture_format){32, 32, 3};
    uint8_t before[5][32 * 32 * 3], after[32 * 32 * 3];
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(load_pixels(ds, SPLIT_TRAIN, i, &f, before[i], &e), 0);
    struct preprocess input = pictures_of(32, 32, 3);
    struct dataset_needs needs = {.input = &input, .memory = 3 * sizeof after + 1, .threads = 3};
    assert_int_equal(dataset_check(ds, SPLIT_TRAIN, &needs, NULL, &e), 0);
    for (size_t i = 0; i < 5; i++) { /* the first three from memory */
        assert_int_equal(load_pixels(ds, SPLIT_TRAIN, i, &f, after, &e), 0);
        assert_memory_equal(before[i], after, sizeof after);
    }
    assert_int_equal(dataset_summary(ds, &log, &e), 0);
    assert_int_equal(heard.n[LOG_INFO], 2);
    assert_non_null(strstr(heard.last[LOG_INFO], "5 samples, widths 1 to 8000, heights 1 to 30, colour"));
    assert_int_equal(unlink(in_folder("x/2.png")), 0);
    assert_int_equal(unlink(in_folder("x/4.png")), 0);
    assert_int_equal(load_pixels(ds, SPLIT_TRAIN, 1, &f, after, &e), 0); /* kept in memory */
    assert_int_equal(load_pixels(ds, SPLIT_TRAIN, 3, &f, after, &e), ERR_IO);
    expect_error(&e, ERR_IO, "4.png", NULL);
    dataset_close(ds);
}

static void test_links(void **state)
{
    (void)state;
    struct heard heard;
    struct log log = log_to(&heard);
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_png("elsewhere/a.png", 4, 4, 1, 0);
    write_png("l/b.png", 4, 4, 1, 0);
    write_png("c.png", 4, 4, 1, 0);
    assert_int_equal(symlink("../elsewhere", in_folder("l/to")), 0);
    assert_int_equal(symlink("../c.png", in_folder("l/c.png")), 0);
    assert_int_equal(symlink("../l", in_folder("l/loop")), 0);
    assert_int_equal(symlink("nowhere.png", in_folder("l/broken.png")), 0);
    assert_int_equal(dataset_open(in_folder("l"), DATASET_LEARN, &log, &ds, &e), 0);
    expect_names(ds, SPLIT_TRAIN, "b.png", "c.png", "to/a.png", NULL);
    assert_int_equal(heard.n[LOG_WARN], 2);
    dataset_close(ds);
}

static void test_several_paths(void **state)
{
    (void)state;
    struct heard heard;
    struct log log = log_to(&heard);
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_png("a/1.png", 4, 4, 1, 0);
    write_png("b/1.png", 4, 4, 1, 7);
    write_png("b/2.png", 4, 4, 1, 0);
    char paths[4][600];
    snprintf(paths[0], sizeof paths[0], "%s", in_folder("a/1.png"));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder("b/1.png"));
    snprintf(paths[2], sizeof paths[2], "%s", in_folder("b"));
    snprintf(paths[3], sizeof paths[3], "%s", in_folder("a/1.png"));
    const char *const urls[] = {paths[0], paths[1], paths[2], paths[3]};
    assert_int_equal(dataset_open_all(urls, 4, DATASET_SCORE, &log, &ds, &e), 0);
    /* b/1.png is there by itself and in b, a/1.png twice */
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 3);
    assert_int_equal(heard.n[LOG_WARN], 1);
    assert_non_null(strstr(heard.last[LOG_WARN], "2 files"));
    assert_string_equal(dataset_sample(ds, SPLIT_TEST, 0)->name, "1.png");
    assert_string_equal(dataset_sample(ds, SPLIT_TEST, 1)->name, paths[1] + 1);
    assert_string_equal(dataset_sample(ds, SPLIT_TEST, 2)->name, "2.png");
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 2)->part, 2);
    uint8_t out[16];
    assert_int_equal(load_pixels(ds, SPLIT_TEST, 1, &(struct picture_format){4, 4, 1}, out, &e), 0);
    assert_int_equal(out[0], 7);
    dataset_close(ds);
    assert_int_equal(dataset_open_all(NULL, 0, DATASET_SCORE, NULL, &ds, &e), ERR_FORMAT);
}

/* A path that exists is that path, whatever it looks like. */
static void test_odd_paths(void **state)
{
    (void)state;
    write_png("idx:what?normal=3/a.png", 4, 4, 1, 0);
    write_png("b?c/a.png", 4, 4, 1, 0);
    assert_int_equal(chdir(in_folder(".")), 0);
    struct dataset *ds = open_dataset("idx:what?normal=3", DATASET_LEARN);
    expect_names(ds, SPLIT_TRAIN, "a.png", NULL);
    dataset_close(ds);
    ds = open_dataset("images:b?c?limit=1", DATASET_LEARN);
    expect_names(ds, SPLIT_TRAIN, "a.png", NULL);
    dataset_close(ds);
    assert_int_equal(chdir("/"), 0);
}

static void test_synth(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct dataset *a = open_dataset("synth:?n=20&test=30&size=32&channels=3&defects=0.3", DATASET_LEARN);
    struct dataset *b = open_dataset("synth:?n=20&test=30&size=32&channels=3&defects=0.3&seed=2", DATASET_LEARN);
    const struct picture_format f = {32, 32, 3};
    uint8_t x[32 * 32 * 3], y[32 * 32 * 3], mask[32 * 32];
    assert_int_equal(dataset_count(a, SPLIT_TRAIN), 20);
    assert_int_equal(dataset_count(a, SPLIT_TEST), 30);
    assert_true(dataset_known(a, SPLIT_TEST) == 30 && dataset_has_masks(a));
    assert_string_equal(dataset_sample(a, SPLIT_TEST, 29)->path, "synth:?n=20&test=30&size=32&channels=3&defects=0.3");
    assert_int_equal(check(a, SPLIT_TRAIN, 20, &e), 0);
    assert_int_equal(check(a, SPLIT_TEST, 30, &e), 0);
    int bad = 0;
    for (size_t i = 0; i < 30; i++) {
        int marked = 0;
        assert_int_equal(dataset_mask(a, SPLIT_TEST, i, 32, 32, mask, &e), 1);
        for (int k = 0; k < 32 * 32; k++)
            marked += mask[k];
        assert_int_equal(dataset_sample(a, SPLIT_TEST, i)->anomalous, marked > 0);
        bad += marked > 0;
    }
    assert_int_equal(bad, 9);
    load_pixels(a, SPLIT_TRAIN, 4, &f, x, &e);
    load_pixels(a, SPLIT_TRAIN, 5, &f, y, &e);
    assert_memory_not_equal(x, y, sizeof x);
    load_pixels(a, SPLIT_TRAIN, 4, &f, y, &e);
    assert_memory_equal(x, y, sizeof x);
    load_pixels(b, SPLIT_TRAIN, 4, &f, y, &e);
    assert_memory_not_equal(x, y, sizeof x);
    dataset_close(a);
    dataset_close(b);
    expect_no_opening("synth:?n=0", DATASET_LEARN, ERR_FORMAT, "nothing to learn");
    expect_no_opening("synth:?channels=2", DATASET_LEARN, ERR_USAGE, "1 or 3");
}

/* Option tables of all sources: every default parses, names are unique. */
static void test_option_tables(void **state)
{
    (void)state;
    for (size_t i = 0; dataset_source(i); i++) {
        const struct option *table = source_options(dataset_source(i));
        struct option o, found;
        assert_true(source_name(dataset_source(i))[0] && source_help(dataset_source(i))[0]);
        for (size_t k = 0; option_at(table, k, &o); k++) {
            char values[8192];
            struct err e = ERR_INIT;
            assert_true(o.offset < sizeof values - OPTION_TEXT);
            assert_int_equal(options_set(table, values, "x", o.name, o.value, &e), 0);
            assert_true(option_find(table, o.name, &found) && found.offset == o.offset);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_folder, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_one_picture, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_mvtec, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_bad_masks, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_fingerprint, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_turned, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_pipes, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_nothing_there, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_bad_pictures, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_square, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_mixed, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_links, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_several_paths, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_odd_paths, folder_begin, folder_end),
        cmocka_unit_test(test_synth),
        cmocka_unit_test(test_option_tables),
    };
    return cmocka_run_group_tests_name("data/images", tests, NULL, NULL);
}
