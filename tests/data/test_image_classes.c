/* Folders of pictures whose folders are classes: which are normal, and which is trained on. */
#include "support.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check(struct dataset *ds, enum split split, size_t at_least, struct err *e)
{
    return dataset_check(ds, split, &(struct dataset_needs){.at_least = at_least, .threads = 2}, NULL, e);
}

static void make_classes(void)
{
    static const char *const classes[] = {"10", "2", "cat"};
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "c/train/%s/%d.png", classes[c], i);
            write_png(name, 4, 4, 1, 0);
            snprintf(name, sizeof name, "c/test/%s/%d.png", classes[c], i);
            write_png(name, 4, 4, 1, 0);
        }
}

static void test_classes(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct dataset *ds;
    make_classes();
    ds = open_dataset(in_folder("c"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 9);
    assert_false(dataset_known(ds, SPLIT_TEST));
    assert_string_equal(dataset_class(ds, 0), "2");
    assert_string_equal(dataset_class(ds, 1), "10");
    assert_string_equal(dataset_class(ds, 2), "cat");
    assert_null(dataset_class(ds, 3));
    assert_null(dataset_class(ds, -1));
    dataset_close(ds);
    ds = open_dataset(in_folder("c?normal=CAT"), DATASET_LEARN);
    expect_names(ds, SPLIT_TRAIN, "train/cat/0.png", "train/cat/1.png", "train/cat/2.png", NULL);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(dataset_sample(ds, SPLIT_TEST, i)->anomalous, i < 6);
    dataset_close(ds);
    ds = open_dataset(in_folder("c?anomalous=2"), DATASET_LEARN); /* a name goes before a number */
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 6);
    assert_string_equal(dataset_sample(ds, SPLIT_TRAIN, 0)->kind, "10");
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 0)->anomalous, 1);
    dataset_close(ds);
    ds = open_dataset(in_folder("c?normal=0,cat&limit=4"), DATASET_LEARN); /* number 0 is the class called 2 */
    expect_names(ds, SPLIT_TRAIN, "train/2/0.png", "train/2/1.png", "train/cat/0.png", "train/cat/1.png", NULL);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 4);
    dataset_close(ds);
    assert_int_equal(dataset_open(in_folder("c?normal=dog"), DATASET_LEARN, NULL, &ds, &e), ERR_USAGE);
    expect_error(&e, ERR_USAGE, "no class 'dog'", "2, 10, cat", NULL);
    e = ERR_INIT;
    assert_int_equal(dataset_open(in_folder("c?normal=2&anomalous=cat"), DATASET_LEARN, NULL, &ds, &e), ERR_USAGE);
    e = ERR_INIT;
    assert_int_equal(dataset_open(in_folder("c?anomalous=2,10,cat"), DATASET_LEARN, NULL, &ds, &e), ERR_USAGE);
    expect_error(&e, ERR_USAGE, "no class is normal", NULL);
    e = ERR_INIT;
    assert_int_equal(dataset_open(in_folder("c/train/cat?normal=2"), DATASET_LEARN, NULL, &ds, &e), ERR_USAGE);
    expect_error(&e, ERR_USAGE, "has no classes", NULL);
}

/* parts/good and parts/scratch without train/ and test/: scratches are never trained on. */
static void make_parts(void)
{
    write_png("parts/Good/0.png", 16, 12, 1, 0);
    write_png("parts/Good/1.png", 16, 12, 1, 0);
    write_png("parts/Good/2.png", 16, 12, 1, 0);
    write_png("parts/dent/0.png", 16, 12, 1, 0);
    write_png("parts/scratch/deep/0.png", 16, 12, 1, 0);
    write_mask("parts/ground_truth/dent/0.png", 16, 12, 0, 0, 16, 6);
    write_mask("parts/ground_truth/scratch/deep/0_mask.png", 16, 12, 0, 0, 8, 12);
    write_png("parts/stray.png", 16, 12, 1, 0);
    write_file("parts/notes.txt", "x", 1);
}

static struct dataset *open_heard(const char *url, enum dataset_use use, struct heard *heard)
{
    struct log log = log_to(heard);
    struct dataset *ds;
    struct err e = ERR_INIT;
    if (dataset_open(url, use, &log, &ds, &e) < 0)
        fail_msg("%s", e.msg);
    return ds;
}

static void test_folder_a_class(void **state)
{
    (void)state;
    struct heard heard, told;
    struct err e = ERR_INIT;
    make_parts();
    struct dataset *ds = open_heard(in_folder("parts"), DATASET_LEARN, &heard);
    expect_names(ds, SPLIT_TRAIN, "Good/0.png", "Good/1.png", "Good/2.png", NULL);
    expect_names(ds, SPLIT_TEST, "stray.png", "dent/0.png", "scratch/deep/0.png", NULL);
    assert_int_equal(dataset_sample(ds, SPLIT_TRAIN, 0)->anomalous, 0);
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 0)->anomalous, -1);
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 1)->anomalous, 1);
    assert_string_equal(dataset_sample(ds, SPLIT_TEST, 2)->kind, "scratch");
    assert_int_equal(heard.n[LOG_WARN], 2); /* and of notes.txt */
    assert_non_null(strstr(heard.last[LOG_WARN], "skipped 1 file"));
    assert_int_equal(check(ds, SPLIT_TEST, 0, &e), 0);
    uint8_t mask[4];
    assert_int_equal(dataset_mask(ds, SPLIT_TEST, 1, 2, 2, mask, &e), 1);
    assert_memory_equal(mask, "\1\1\0\0", 4);
    assert_int_equal(dataset_mask(ds, SPLIT_TEST, 2, 2, 2, mask, &e), 1);
    assert_memory_equal(mask, "\1\0\1\0", 4);
    struct log tell = log_to(&told);
    assert_int_equal(dataset_summary(ds, &tell, &e), 0);
    assert_non_null(strstr(told.all, "trained on is Good and nothing else"));
    dataset_close(ds);
}

/* To be scored and measured are all, so that a measurement has both kinds. */
static void test_folder_a_class_to_score(void **state)
{
    (void)state;
    struct heard heard;
    make_parts();
    assert_int_equal(remove(in_folder("parts/notes.txt")), 0);
    struct dataset *ds = open_heard(in_folder("parts"), DATASET_SCORE, &heard);
    expect_names(ds, SPLIT_TEST, "stray.png", "dent/0.png", "Good/0.png", "Good/1.png", "Good/2.png",
                 "scratch/deep/0.png", NULL);
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 1)->anomalous, 1);
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 2)->anomalous, 0);
    assert_int_equal(heard.n[LOG_WARN], 1);
    assert_non_null(strstr(heard.last[LOG_WARN], "normal is Good;"));
    dataset_close(ds);
}

static void test_folder_a_class_by_option(void **state)
{
    (void)state;
    struct heard heard;
    make_parts();
    struct dataset *ds = open_dataset(in_folder("parts?normal=dent"), DATASET_LEARN);
    expect_names(ds, SPLIT_TRAIN, "dent/0.png", NULL);
    dataset_close(ds);
    ds = open_dataset(in_folder("parts?anomalous=scratch"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 4);
    dataset_close(ds);
    expect_no_opening(in_folder("parts?normal=ground_truth"), DATASET_LEARN, ERR_USAGE, "its classes are: dent, Good");
    /* A folder good that is alone, or no folder of that name, makes no classes. */
    write_png("alone/good/0.png", 4, 4, 1, 0);
    write_png("alone/1.png", 4, 4, 1, 0);
    ds = open_heard(in_folder("alone"), DATASET_LEARN, &heard);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 2);
    assert_int_equal(heard.n[LOG_WARN], 0);
    dataset_close(ds);
    write_png("days/monday/0.png", 4, 4, 1, 0);
    write_png("days/tuesday/0.png", 4, 4, 1, 0);
    ds = open_dataset(in_folder("days"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 2);
    dataset_close(ds);
    /* Nothing to learn from is an error, never the anomalies. */
    file_make_folder(in_folder("bare/ok"), &(struct err){0});
    write_png("bare/scratch/0.png", 4, 4, 1, 0);
    expect_no_opening(in_folder("bare"), DATASET_LEARN, ERR_FORMAT, "trained on is ok and nothing else");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_classes, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_folder_a_class, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_folder_a_class_to_score, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_folder_a_class_by_option, folder_begin, folder_end),
    };
    return cmocka_run_group_tests_name("data/images: classes", tests, NULL, NULL);
}
