/* Bad input, as a user meets it: each gives a sentence that names the file, exit 1 or 2, and spoils nothing. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS " -o out.safetensors " SMALL_FLAGS

/* ---- pictures ---- */

static void missing_and_empty_folders(void **state)
{
    (void)state;
    assert_refused(run("train memae no-such-folder" FLAGS), 1, "no-such-folder");
    write_file("empty/notes.txt", "nothing here", 12);
    assert_refused(run("train memae empty" FLAGS), 1, "empty");
    assert_refused(run("data empty"), 1, "empty");
    assert_false(exists("out.safetensors"));
}

static void one_picture_is_not_enough(void **state)
{
    (void)state;
    write_png("single/a.png", 16, 16, 1, 0);
    assert_refused(run("train memae single" FLAGS), 1, "single");
    assert_refused(run("train memae single/a.png" FLAGS), 1, "a.png");
}

/* What is wrong in a folder of good pictures is found before the first step. */
static void damaged_pictures(void **state)
{
    size_t size;
    (void)state;
    for (int i = 0; i < 20; i++) {
        char path[80];
        snprintf(path, sizeof path, "damaged/%02d.png", i);
        write_png(path, 16, 16, 1, i);
    }
    assert_code(run("train memae damaged -q -o good.safetensors " SMALL_FLAGS), 0);
    char *good = read_file("damaged/00.png", &size);
    const struct {
        const char *path, *bytes;
        size_t size;
    } cases[] = {
        {"damaged/cut.png", good, size / 2}, {"damaged/text.png", "no picture", 10}, {"damaged/nil.png", "", 0}};
    for (int i = 0; i < 3; i++) {
        write_file(cases[i].path, cases[i].bytes, cases[i].size);
        struct ran r = run("train memae damaged" FLAGS);
        assert_refused(r, 1, cases[i].path);
        assert_null(strstr(r.err, "epoch 1"));
        assert_int_equal(remove(cases[i].path), 0);
    }
    free(good);
    assert_false(exists("out.safetensors"));
}

static void odd_sizes_and_modes_are_fine(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        char path[80];
        snprintf(path, sizeof path, "mixed/%02d.png", i);
        write_png(path, 10 + 7 * i, 30, i % 2 ? 3 : 1, i);
    }
    write_png("mixed/tiny.png", 1, 1, 1, 0);
    write_png("mixed/wide.png", 8000, 20, 3, 0);
    assert_code(run("train memae mixed -q --size 16 -o mixed.safetensors " SMALL_FLAGS), 0);
}

static void masks_that_do_not_fit(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        char path[80];
        snprintf(path, sizeof path, "mvtec/train/good/%03d.png", i);
        write_png(path, 16, 16, 1, i);
        snprintf(path, sizeof path, "mvtec/test/%s/%03d.png", i % 2 ? "good" : "dent", i);
        write_png(path, 16, 16, 1, i);
        snprintf(path, sizeof path, "mvtec/ground_truth/dent/%03d_mask.png", i);
        if (i % 2 == 0)
            write_mask(path, 16, 16, 4, 4, 8, 8);
    }
    assert_code(run("data mvtec"), 0);
    write_mask("mvtec/ground_truth/dent/004_mask.png", 20, 16, 4, 4, 8, 8);
    assert_refused(run("data mvtec"), 1, "004_mask.png");
    assert_int_equal(remove("mvtec/ground_truth/dent/004_mask.png"), 0);
    assert_refused(run("data mvtec"), 1, "004");
}

/* ---- idx ---- */

static void broken_idx_files(void **state)
{
    (void)state;
    const struct {
        const char *name;
        unsigned char head[16];
        size_t body;
    } cases[] = {
        {"magic-idx3-ubyte", {1, 2, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4}, 32},
        {"short-idx3-ubyte", {0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 4}, 32},
        {"count-idx3-ubyte", {0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 4, 0, 0, 0, 4}, 32},
        {"sides-idx3-ubyte", {0, 0, 8, 3, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255}, 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[64] = {0};
        char words[200];
        memcpy(bytes, cases[i].head, 16);
        write_file(cases[i].name, bytes, 16 + cases[i].body);
        snprintf(words, sizeof words, "train memae idx:%s" FLAGS, cases[i].name);
        assert_refused(run(words), 1, cases[i].name);
    }
    write_file("cut-idx3-ubyte", "\0\0\b", 3);
    assert_refused(run("train memae idx:cut-idx3-ubyte" FLAGS), 1, "cut-idx3-ubyte");
}

/* ---- model files ---- */

/* A copy of the small model with its header changed: `from` becomes `to`, of the same length. */
static void write_changed(const char *path, const char *from, const char *to)
{
    size_t size, header;
    char *model = read_file(small_model(), &size);
    assert_non_null(model);
    memcpy(&header, model, 8);
    char *at = memmem(model + 8, header, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    write_file(path, model, size);
    free(model);
}

static void refuse_model(const char *path)
{
    static const char *const verbs[] = {"info %s", "score %s " SMALL_DATA, "eval %s " SMALL_DATA};
    for (int i = 0; i < 3; i++) {
        char words[200];
        snprintf(words, sizeof words, verbs[i], path);
        struct ran r = run(words);
        assert_refused(r, 1, path);
        assert_string_equal(r.out, "");
    }
}

static void model_files_cut_short(void **state)
{
    (void)state;
    size_t size, header;
    char *model = read_file(small_model(), &size);
    memcpy(&header, model, 8);
    const size_t cuts[] = {
        0, 1, 7, 8, 9, 8 + header / 2, 8 + header - 1, 8 + header, 8 + header + 1, size / 2, size - 4, size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        write_file("cut.safetensors", model, cuts[i]);
        assert_refused(run("score cut.safetensors " SMALL_DATA), 1, "cut.safetensors");
    }
    char *longer = realloc(model, size + 4);
    memset(longer + size, 0, 4);
    write_file("long.safetensors", longer, size + 4);
    refuse_model("long.safetensors");
    free(longer);
}

static void model_files_with_a_wrong_header(void **state)
{
    (void)state;
    write_changed("dtype.safetensors", "\"F32\"", "\"F16\"");
    refuse_model("dtype.safetensors");
    write_changed("json.safetensors", "\"dtype\"", "\"dtype ");
    refuse_model("json.safetensors");
    write_changed("name.safetensors", "\"memory.items\"", "\"memory.itemz\"");
    refuse_model("name.safetensors");
    write_changed("overlap.safetensors", "\"data_offsets\":[0,", "\"data_offsets\":[4,");
    refuse_model("overlap.safetensors");
    unsigned char huge[64] = {0, 0, 0, 0, 0, 0, 0, 0x10, '{'};
    write_file("huge.safetensors", huge, sizeof huge);
    refuse_model("huge.safetensors");
    write_png("picture.safetensors", 16, 16, 1, 0);
    refuse_model("picture.safetensors");
}

/* Model and data the wrong way round, a folder for a model. */
static void things_in_the_wrong_place(void **state)
{
    (void)state;
    small_model();
    write_png("some/a.png", 16, 16, 1, 0);
    assert_refused(run("score some small.safetensors"), 1, "some");
    struct ran r = run("score small.safetensors small.safetensors");
    assert_code(r, 1);
    assert_says(line_of(r.out, 1), "small.safetensors,0,,,,");
    assert_refused(run("info no-such-model"), 1, "no-such-model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_and_empty_folders), cmocka_unit_test(one_picture_is_not_enough),
        cmocka_unit_test(damaged_pictures),          cmocka_unit_test(odd_sizes_and_modes_are_fine),
        cmocka_unit_test(masks_that_do_not_fit),     cmocka_unit_test(broken_idx_files),
        cmocka_unit_test(model_files_cut_short),     cmocka_unit_test(model_files_with_a_wrong_header),
        cmocka_unit_test(things_in_the_wrong_place),
    };
    return cmocka_run_group_tests_name("cli: bad input", tests, command_begin, folder_end);
}
