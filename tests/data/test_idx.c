/* idx files: values, labels, protocols, and every way in which they can be wrong. */
#include "support.h"

#include "base/file.h"
#include "support/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN = 30, TEST = 12, H = 3, W = 4, SMALLEST = 16 /* side that is ever chosen */ };

/* Image i has the values i, i + 1, ...; its label is i mod 3. */
static void write_split(const char *folder, const char *start, int n, const char *gz)
{
    unsigned char images[TRAIN * H * W], labels[TRAIN];
    char name[100];
    for (int i = 0; i < n; i++) {
        labels[i] = (unsigned char)(i % 3);
        for (int k = 0; k < H * W; k++)
            images[i * H * W + k] = (unsigned char)(i + k);
    }
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte%s", folder, start, gz);
    write_idx(name, 3, (uint32_t[]){(uint32_t)n, H, W}, images, (size_t)(n * H * W));
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte%s", folder, start, gz);
    write_idx(name, 1, (uint32_t[]){(uint32_t)n}, labels, (size_t)n);
}

static void check_values(struct dataset *ds)
{
    const struct picture_format own = {W, H, 1}, colour = {W, H, 3};
    uint8_t grey[H * W], rgb[H * W * 3];
    struct err e = ERR_INIT;
    for (enum split s = SPLIT_TRAIN; s < SPLITS; s++)
        for (size_t i = 0; i < dataset_count(ds, s); i++) {
            int64_t place = dataset_sample(ds, s, i)->index;
            assert_int_equal(load_pixels(ds, s, i, &own, grey, &e), 0);
            assert_int_equal(load_pixels(ds, s, i, &colour, rgb, &e), 0);
            for (int k = 0; k < H * W; k++) {
                assert_int_equal(grey[k], place + k);
                assert_int_equal(rgb[3 * k + 1], place + k);
            }
        }
}

static void test_values(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct picture_format f;
    struct preprocess input = pictures_of(W, H, 1);
    write_split("plain", "train", TRAIN, "");
    write_split("plain", "t10k", TEST, "");
    write_split("packed", "train", TRAIN, ".gz");
    write_split("packed", "t10k", TEST, ".gz");
    for (int k = 0; k < 2; k++) {
        struct dataset *ds = open_dataset(in_folder(k ? "packed" : "plain"), DATASET_LEARN);
        assert_int_equal(dataset_count(ds, SPLIT_TRAIN), TRAIN);
        assert_int_equal(dataset_count(ds, SPLIT_TEST), TEST);
        f = fitted_format(ds, SPLIT_TRAIN);
        assert_true(f.width == SMALLEST && f.height == SMALLEST && f.channels == 1);
        const struct sample *s = dataset_sample(ds, SPLIT_TEST, 7);
        assert_string_equal(s->name, "test/00007");
        assert_string_equal(s->kind, "1");
        assert_int_equal(s->label, 1);
        assert_int_equal(s->anomalous, -1);
        check_values(ds);
        assert_int_equal(
            dataset_check(ds, SPLIT_TRAIN, &(struct dataset_needs){.input = &input, .memory = 1 << 20}, NULL, &e), 0);
        check_values(ds);
        dataset_close(ds);
    }
}

static void test_protocols(void **state)
{
    (void)state;
    write_split("d", "train", TRAIN, "");
    write_split("d", "t10k", TEST, "");
    struct dataset *ds = open_dataset(in_folder("d?normal=1"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 10);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), TEST);
    check_values(ds);
    for (size_t i = 0; i < TEST; i++)
        assert_int_equal(dataset_sample(ds, SPLIT_TEST, i)->anomalous, i % 3 != 1);
    assert_true(dataset_known(ds, SPLIT_TEST));
    assert_false(dataset_has_masks(ds));
    dataset_close(ds);
    ds = open_dataset(in_folder("d?anomalous=1"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 20);
    for (size_t i = 0; i < TEST; i++)
        assert_int_equal(dataset_sample(ds, SPLIT_TEST, i)->anomalous, i % 3 == 1);
    dataset_close(ds);
    ds = open_dataset(in_folder("d?anomalous=1&limit=5"), DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 0);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 5);
    dataset_close(ds);
}

static void test_one_file(void **state)
{
    (void)state;
    const unsigned char rgb[2 * 1 * 2 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    uint8_t out[6];
    struct err e = ERR_INIT;
    write_split("d", "train", TRAIN, ".gz");
    struct dataset *ds = open_dataset(in_folder("d/train-images-idx3-ubyte.gz"), DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), TRAIN);
    assert_string_equal(dataset_sample(ds, SPLIT_TEST, 29)->name, "00029");
    check_values(ds);
    dataset_close(ds);
    write_idx("colour", 4, (uint32_t[]){2, 1, 2, 3}, rgb, sizeof rgb);
    char url[700];
    snprintf(url, sizeof url, "idx:%s", in_folder("colour"));
    ds = open_dataset(url, DATASET_LEARN);
    assert_int_equal(load_pixels(ds, SPLIT_TRAIN, 1, &(struct picture_format){2, 1, 3}, out, &e), 0);
    assert_memory_equal(out, rgb + 6, 6);
    dataset_close(ds);
}

static void expect_refusal(const char *what, int code, const char *file, const char *why)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    if (dataset_open(in_folder("d"), DATASET_LEARN, NULL, &ds, &e) != code)
        fail_msg("%s: %d instead of %d: %s", what, e.code, code, e.msg);
    expect_error(&e, code, file, why, NULL);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const char images[] = "d/train-images-idx3-ubyte", labels[] = "d/train-labels-idx1-ubyte";
    unsigned char body[TRAIN * H * W] = {0};
    write_split("d", "train", TRAIN, "");
    write_idx(images, 3, (uint32_t[]){TRAIN, H, W}, body, sizeof body - 1);
    expect_refusal("short body", ERR_FORMAT, images, "too short: it ends in the middle of its data");
    write_idx(images, 3, (uint32_t[]){TRAIN - 1, H, W}, body, sizeof body);
    expect_refusal("long body", ERR_FORMAT, images, "longer than the 29 items");
    write_idx(images, 3, (uint32_t[]){0xffffffff, H, W}, body, sizeof body);
    expect_refusal("count of 2^32-1", ERR_FORMAT, images, "too short");
    write_idx(images, 3, (uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff}, body, sizeof body);
    expect_refusal("all of 2^32-1", ERR_FORMAT, images, "cannot be");
    write_idx(images, 3, (uint32_t[]){0, H, W}, body, 0);
    expect_refusal("no items", ERR_FORMAT, images, "0 items");
    write_idx(images, 3, (uint32_t[]){TRAIN, 0, W}, body, 0);
    expect_refusal("no height", ERR_FORMAT, images, "30 items of 0x4");
    write_idx(images, 2, (uint32_t[]){TRAIN, H}, body, TRAIN * H);
    expect_refusal("two dimensions", ERR_FORMAT, images, "2 dimensions");
    write_file(images, "\0\0\x0d\x03\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0", 20);
    expect_refusal("floats", ERR_FORMAT, images, "00 00 0d 03");
    write_file(images, "PK\3\4 something else", 20);
    expect_refusal("wrong magic", ERR_FORMAT, images, "50 4b 03 04");
    write_file(images, "\0\0\x08\x03\0\0", 6);
    expect_refusal("short header", ERR_FORMAT, images, "middle of its header");
    write_file(images, "", 0);
    expect_refusal("empty", ERR_FORMAT, images, "too short");
    write_split("d", "train", TRAIN, "");
    write_idx(labels, 1, (uint32_t[]){TRAIN - 1}, body, TRAIN - 1);
    expect_refusal("fewer labels", ERR_FORMAT, labels, "29 labels");
    write_idx(labels, 3, (uint32_t[]){TRAIN, 1, 1}, body, TRAIN);
    expect_refusal("images for labels", ERR_FORMAT, labels, "labels have 1");
}

static void test_pipe(void **state)
{
    (void)state;
    static const char images[] = "d/train-images-idx3-ubyte", labels[] = "d/train-labels-idx1-ubyte";
    alarm((unsigned)limit_of(20)); /* opening a pipe that nobody writes to waits for ever */
    write_split("d", "train", TRAIN, "");
    assert_int_equal(remove(in_folder(labels)), 0);
    assert_int_equal(mkfifo(in_folder(labels), 0600), 0);
    expect_refusal("pipe of labels", ERR_IO, labels, "a pipe or a device");
    assert_int_equal(remove(in_folder(images)), 0);
    assert_int_equal(mkfifo(in_folder(images), 0600), 0);
    expect_refusal("pipe of images", ERR_IO, images, "a pipe or a device");
    alarm(0);
}

static void test_bad_gz(void **state)
{
    (void)state;
    static const char images[] = "d/train-images-idx3-ubyte.gz";
    unsigned char *gz;
    size_t size;
    struct err e = ERR_INIT;
    write_split("d", "train", TRAIN, ".gz");
    assert_int_equal(file_read(in_folder(images), 1 << 20, &gz, &size, &e), 0);
    for (size_t cut = 0; cut < size; cut++) {
        write_file(images, gz, cut);
        expect_refusal("cut gz", ERR_FORMAT, images, "copy it again");
    }
    gz[size - 6] ^= 1; /* the checksum */
    write_file(images, gz, size);
    expect_refusal("wrong checksum", ERR_FORMAT, images, "copy it again");
    free(gz);
}

static void test_missing(void **state)
{
    (void)state;
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_split("d", "t10k", TEST, "");
    assert_int_equal(dataset_open(in_folder("d"), DATASET_LEARN, NULL, &ds, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "train-images-idx3-ubyte", NULL);
    e = ERR_INIT;
    assert_int_equal(unlink(in_folder("d/t10k-labels-idx1-ubyte")), 0);
    ds = open_dataset(in_folder("d"), DATASET_SCORE);
    assert_int_equal(dataset_sample(ds, SPLIT_TEST, 0)->label, -1);
    dataset_close(ds);
    assert_int_equal(dataset_open(in_folder("d?normal=1"), DATASET_SCORE, NULL, &ds, &e), ERR_USAGE);
    expect_error(&e, ERR_USAGE, "no class '1'", NULL);
    e = ERR_INIT;
    assert_int_equal(dataset_open("idx:/no/such/folder", DATASET_SCORE, NULL, &ds, &e), ERR_IO);
    expect_error(&e, ERR_IO, "/no/such/folder", NULL);
}

/* The real thing, where it is. */
static void test_mnist(void **state)
{
    (void)state;
    const char *data = getenv("ENGRAM_DATA");
    char url[600];
    snprintf(url, sizeof url, "%s/mnist", data ? data : "");
    if (!data || file_kind(url) != FILE_FOLDER) {
        print_message("ENGRAM_DATA names no folder with mnist in it: skipped\n");
        skip();
    }
    struct dataset *ds = open_dataset(strcat(url, "?normal=3"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 6131);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 10000);
    size_t normal = 0;
    for (size_t i = 0; i < 10000; i++)
        normal += dataset_sample(ds, SPLIT_TEST, i)->anomalous == 0;
    assert_int_equal(normal, 1010);
    dataset_close(ds);
}

static void test_fashion_names(void **state)
{
    (void)state;
    write_split("Fashion", "train", TRAIN, "");
    struct dataset *ds = open_dataset(in_folder("Fashion?normal=trouser"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 10);
    assert_string_equal(dataset_sample(ds, SPLIT_TRAIN, 0)->kind, "Trouser");
    dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_protocols, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_one_file, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_bad_files, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_pipe, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_bad_gz, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_missing, folder_begin, folder_end),
        cmocka_unit_test(test_mnist),
        cmocka_unit_test_setup_teardown(test_fashion_names, folder_begin, folder_end),
    };
    return cmocka_run_group_tests_name("data/idx", tests, NULL, NULL);
}
