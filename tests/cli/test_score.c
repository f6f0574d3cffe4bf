/* engram score: rows, formats, maps, bad samples, exit codes. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scores a folder of pictures that also holds what is none. */
static void make_pictures(void)
{
    if (exists("pictures"))
        return;
    write_png("pictures/frame2.png", 16, 16, 1, 1);
    write_png("pictures/frame10.png", 16, 16, 3, 2);
    write_png("pictures/Frame3.PNG", 40, 20, 3, 3);
    write_png("pictures/sub/odd, \"name\".png", 16, 16, 1, 4);
    write_file("pictures/notes.txt", "no picture", 10);
}

static void rows_in_natural_order(void **state)
{
    (void)state;
    const char *model = small_model();
    make_pictures();
    char words[200];
    snprintf(words, sizeof words, "score %s pictures", model);
    struct ran r = run(words);
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 5);
    assert_string_equal(line_of(r.out, 0), "path,index,score,p_value,anomalous,error");
    assert_says(line_of(r.out, 1), "pictures/frame2.png,0,");
    assert_says(line_of(r.out, 2), "pictures/Frame3.PNG,0,");
    assert_says(line_of(r.out, 3), "pictures/frame10.png,0,");
    assert_says(line_of(r.out, 4), "\"pictures/sub/odd, \"\"name\"\".png\",0,");
    assert_says(r.err, "skipped 1 file that is no picture"); /* notes.txt */
    assert_says(r.err, "4 scored");
}

/* Thresholds of bf16 scores are not those of f32 scores: where the processor lacks bf16 that is said. */
static void another_precision_than_the_calibration_s_is_said(void **state)
{
    (void)state;
    make_pictures();
    struct ran r = run("train memae " SMALL_DATA " -o half.safetensors " SMALL_FLAGS " --precision bf16");
    assert_code(r, 0);
    if (strstr(r.err, "does not compute in bf16")) {
        print_message("this processor does not compute in bf16: nothing to test\n");
        skip();
    }
    r = run("score half.safetensors pictures");
    assert_code(r, 0);
    assert_null(strstr(r.err, "calibrated in"));
    r = run_how(&(struct how){.environment = "ONEDNN_MAX_CPU_ISA=AVX2"}, "score half.safetensors pictures");
    assert_code(r, 0);
    assert_says(r.err, "calibrated in bf16 and is used in f32");
}

/* A row of JSON has the numbers of the CSV row. */
static void jsonl_says_the_same(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    struct ran r = run("score small.safetensors pictures -q");
    char *csv = strdup(r.out);
    r = run("score small.safetensors pictures -q --format jsonl");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 4);
    for (int i = 0; i < 3; i++) {
        char path[200], score[40], p[40], anomalous[10], expected[600];
        assert_int_equal(sscanf(line_of(csv, i + 1), "%199[^,],0,%39[^,],%39[^,],%9[^,],", path, score, p, anomalous),
                         4);
        snprintf(expected, sizeof expected,
                 "{\"path\":\"%s\",\"index\":0,\"score\":%s,\"p_value\":%s,\"anomalous\":%s,\"error\":null}", path,
                 score, p, anomalous);
        assert_string_equal(line_of(r.out, i), expected);
    }
    assert_says(line_of(r.out, 3), "\"pictures/sub/odd, \\\"name\\\".png\"");
    free(csv);
}

static void library_says_the_same(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    struct ran r = run("score small.safetensors pictures/frame10.png -q");
    float score = 0, p = 0, library_score, library_p;
    assert_int_equal(sscanf(line_of(r.out, 1), "pictures/frame10.png,0,%f,%f,", &score, &p), 2);
    r = run_how(&(struct how){.program = getenv("ENGRAM_EXAMPLE")}, "small.safetensors pictures/frame10.png");
    assert_code(r, 0);
    assert_int_equal(sscanf(r.out, "score %f, p-value %f:", &library_score, &library_p), 2);
    assert_true(score == library_score);
    assert_true(p == library_p);
    r = run_how(&(struct how){.program = getenv("ENGRAM_EXAMPLE")}, "small.safetensors pictures/notes.txt");
    assert_code(r, 1);
    assert_says(r.err, "pictures/notes.txt");
}

/* A sample's score does not depend on how many are computed at once, nor on threads (to rounding). */
static void batches_and_threads_do_not_matter(void **state)
{
    (void)state;
    small_model();
    char *all = strdup(run("score small.safetensors " SMALL_DATA " -q").out);
    static const char *const ways[] = {"--batch 1", "--batch 5", "--threads 1"};
    for (int w = 0; w < 3; w++) {
        char words[200];
        snprintf(words, sizeof words, "score small.safetensors %s -q %s", SMALL_DATA, ways[w]);
        struct ran r = run(words);
        assert_int_equal(count_lines(r.out), 13);
        for (int i = 1; i <= 12; i++) {
            double a, b;
            const char *comma = strchr(line_of(all, i), ',');
            assert_int_equal(sscanf(strchr(comma + 1, ',') + 1, "%lf", &a), 1);
            comma = strchr(line_of(r.out, i), ',');
            assert_int_equal(sscanf(strchr(comma + 1, ',') + 1, "%lf", &b), 1);
            assert_true(a > 0 && a - b < 1e-5 * a && b - a < 1e-5 * a);
        }
    }
    free(all);
}

static void bad_pictures_are_rows(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    size_t size;
    char *good = read_file("pictures/frame2.png", &size);
    write_file("bad/a-truncated.png", good, size / 2);
    write_file("bad/b-text.png", "I am no picture", 15);
    write_file("bad/c-empty.png", "", 0);
    write_file("bad/d-good.png", good, size);
    free(good);
    struct ran r = run("score small.safetensors bad");
    assert_code(r, 1);
    assert_int_equal(count_lines(r.out), 5);
    assert_says(line_of(r.out, 1), "bad/a-truncated.png,0,,,,");
    assert_says(line_of(r.out, 2), "bad/b-text.png,0,,,,");
    assert_says(line_of(r.out, 3), "bad/c-empty.png,0,,,,");
    assert_says(line_of(r.out, 4), "bad/d-good.png,0,0.");
    assert_says(r.err, "3 samples could not be scored");
    r = run("score small.safetensors bad --format jsonl");
    assert_says(line_of(r.out, 0), "\"score\":null,\"p_value\":null,\"anomalous\":null,\"error\":\"");
    r = run("score small.safetensors bad --strict");
    assert_refused(r, 1, "bad/a-truncated.png");
    assert_int_equal(count_lines(r.out), 2);
}

static void sizes_and_modes_do_not_matter(void **state)
{
    (void)state;
    small_model();
    write_png("sizes/tiny.png", 1, 1, 1, 0);
    write_png("sizes/wide.png", 8000, 20, 3, 0);
    struct ran r = run("score small.safetensors sizes");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 3);
}

static void maps_mirror_the_data(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    assert_code(run("score small.safetensors pictures --maps maps/deep --npy -q"), 0);
    assert_true(exists("maps/deep/frame2.png"));
    assert_true(exists("maps/deep/Frame3.PNG"));
    assert_true(exists("maps/deep/sub/odd, \"name\".png"));
    size_t size;
    char *npy = read_file("maps/deep/frame2.png.npy", &size);
    assert_non_null(npy);
    assert_memory_equal(npy, "\x93NUMPY\x01\x00", 8);
    assert_says(npy + 10, "'shape': (16, 16)");
    assert_int_equal(size % 64, 16 * 16 * 4 % 64);
    free(npy);
    struct ran r = run("score small.safetensors pictures --maps maps/deep");
    assert_refused(r, 1, "maps/deep/frame2.png");
    assert_code(run("score small.safetensors pictures --maps maps/deep -q --force"), 0);
    write_file("in-the-way", "x", 1);
    assert_refused(run("score small.safetensors pictures --maps in-the-way"), 1, "in-the-way");
}

static void exit_code_on_request(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    /* With 20 calibration samples nothing is below 1/21; at 1 everything is anomalous. */
    assert_code(run("score small.safetensors pictures -q --false-alarm-rate 1"), 0);
    assert_code(run("score small.safetensors pictures -q --false-alarm-rate 1 --exit-code"), 3);
    struct ran r = run("score small.safetensors pictures --false-alarm-rate 0.01 --exit-code");
    assert_code(r, 0);
    assert_says(r.err, "warning: at a false-alarm rate of 0.01 this model can call nothing anomalous");
    assert_says(r.out, ",false,");
    assert_null(strstr(r.out, ",true,"));
}

static void many_data_and_idx(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    unsigned char idx[16 + 2 * 256] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 16, 0, 0, 0, 16};
    for (int i = 16; i < 16 + 512; i++)
        idx[i] = (unsigned char)i;
    write_file("t10k-images-idx3-ubyte", idx, sizeof idx);
    struct ran r = run("score small.safetensors pictures/frame2.png t10k-images-idx3-ubyte pictures/sub -q");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 5);
    assert_says(line_of(r.out, 1), "pictures/frame2.png,0,");
    assert_says(line_of(r.out, 2), "t10k-images-idx3-ubyte,0,");
    assert_says(line_of(r.out, 3), "t10k-images-idx3-ubyte,1,");
    assert_says(line_of(r.out, 4), "odd");
}

static void stdout_that_ends_early(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    const char *words = "score small.safetensors pictures/frame2.png --false-alarm-rate 0.2 -q";
    struct ran r = run_how(&(struct how){.reader_gone = true}, words);
    assert_code(r, 0);
    assert_string_equal(r.err, "");
    r = run_how(&(struct how){.out_file = "/dev/full"}, "score small.safetensors pictures -q");
    assert_refused(r, 1, "standard output");
}

/* What is there is whole when Ctrl-C comes. */
static void interrupted(void **state)
{
    (void)state;
    small_model();
    const struct how interrupt = {.interrupt = "stopped/test/00009.png"};
    struct ran r =
        run_how(&interrupt, "score small.safetensors synth:?n=4&test=20000&size=16 --maps stopped --batch 4");
    assert_code(r, 130);
    int lines = count_lines(r.out);
    assert_in_range(lines, 10, 20000);
    assert_says(line_of(r.out, lines - 1), "e,"); /* true or false, then no error */
    assert_int_equal(r.out[strlen(r.out) - 1], '\n');
}

static void no_model_or_no_data(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    assert_refused(run("score none.safetensors pictures"), 1, "none.safetensors");
    struct ran r = run("score small.safetensors nothing.png");
    assert_refused(r, 1, "nothing.png");
    assert_string_equal(r.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_natural_order),
        cmocka_unit_test(another_precision_than_the_calibration_s_is_said),
        cmocka_unit_test(jsonl_says_the_same),
        cmocka_unit_test(library_says_the_same),
        cmocka_unit_test(batches_and_threads_do_not_matter),
        cmocka_unit_test(bad_pictures_are_rows),
        cmocka_unit_test(sizes_and_modes_do_not_matter),
        cmocka_unit_test(maps_mirror_the_data),
        cmocka_unit_test(exit_code_on_request),
        cmocka_unit_test(many_data_and_idx),
        cmocka_unit_test(stdout_that_ends_early),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(no_model_or_no_data),
    };
    return cmocka_run_group_tests_name("cli: score", tests, command_begin, folder_end);
}
