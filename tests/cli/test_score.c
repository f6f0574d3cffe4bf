/* engram score: rows, formats, maps, bad samples, exit codes. */
#include "support.h"
#include "support/within.h"

#include <math.h>
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

/* What verdicts stand on; both have their own scores, and each its own p-values. */
static void by_model_or_by_map(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    char *file = strdup(run("score small.safetensors pictures").out);
    char *map = strdup(run("score small.safetensors pictures --score map").out);
    struct ran r = run("score small.safetensors pictures --score model");
    assert_code(r, 0);
    assert_string_equal(file, map); /* the general preset stands on it */
    assert_string_not_equal(r.out, map);
    free(file);
    free(map);
    assert_refused(run("score small.safetensors pictures --score both"), 2, "both");
}

/* The highest of them has the score's value: it is what the score is. */
static void regions_are_a_column(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    struct ran r = run("score small.safetensors pictures/frame10.png --regions -r 0.9");
    float score, p, area, peak, box[4];
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "path,index,score,p_value,anomalous,regions,error");
    assert_int_equal(sscanf(line_of(r.out, 1), "pictures/frame10.png,0,%f,%f,true,%f %f %f %f %f %f", &score, &p,
                            &box[0], &box[1], &box[2], &box[3], &area, &peak),
                     8);
    assert_true(fabsf(peak - score) < 1e-3f * score && area >= 1 && area <= box[2] * box[3]);
    r = run("score small.safetensors pictures/frame10.png --regions -r 0");
    assert_says(line_of(r.out, 1), ",false,,");
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
    struct ran r = run("score small.safetensors bad --score model");
    assert_code(r, 4);
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
    write_png("sizes/high.png", 20, 8000, 1, 0);
    struct ran r = run("score small.safetensors sizes");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 4);
}

/* A model of oblong pictures, for oblong pictures. */
static void oblong_pictures(void **state)
{
    (void)state;
    for (int i = 0; i < 24; i++) {
        char path[80];
        snprintf(path, sizeof path, "oblong/%02d.png", i);
        write_png(path, 40, 24, 3, i);
    }
    assert_code(run("train memae oblong -q -o oblong.safetensors --size 24x40 " SMALL_FLAGS), 0);
    assert_says(run("info oblong.safetensors").out, "24x40");
    struct ran r = run("score oblong.safetensors oblong --maps oblong-maps --npy -q");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 25);
    char *npy = read_file("oblong-maps/00.png.map.npy", NULL);
    assert_says(npy + 10, "'shape': (24, 40)");
    free(npy);
    char *png = read_file("oblong-maps/00.png.map.png", NULL);
    assert_memory_equal(png + 16, "\0\0\0\x28\0\0\0\x18", 8); /* 40 x 24 */
    free(png);
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

/* One bad of many, and nothing but bad ones, are different ends. */
static void exit_codes(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    write_file("broken/a.png", "text", 4);
    struct ran r = run("score small.safetensors pictures broken");
    assert_code(r, 4);
    assert_says(r.err, "4 scored");
    assert_says(r.err, "1 sample could not be scored");
    assert_code(run("score small.safetensors pictures broken -r 1 --exit-code"), 4);
    r = run("score small.safetensors broken");
    assert_code(r, 1);
    assert_says(line_of(r.out, 0), "path,index,score,");
    assert_says(line_of(r.out, 1), "broken/a.png,0,,,,");
    assert_code(run("score small.safetensors pictures broken --strict"), 1);
    assert_says(run("score --help").out, "exit code is then 4");
    assert_says(run("--help").out, "4 done but for some samples");
}

static void rate_of_nothing(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    struct ran r = run("score small.safetensors pictures -r 0");
    assert_code(r, 0);
    assert_null(strstr(r.out, ",true,"));
    assert_null(strstr(r.err, "warning: at a false-alarm rate"));
    assert_says(r.err, "0 anomalous at a false-alarm rate of 0\n");
    r = run("eval small.safetensors " SMALL_DATA " --false-alarm-rate 0 -q");
    assert_says(r.out, ",promised_false_alarm_rate,,0\n");
    assert_says(r.out, ",detection_rate,,0\n");
}

static void lists_of_paths(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    static const char lines[] = "pictures/frame10.png\n\npictures/sub\r\npictures/frame2.png"; /* no end of line */
    static const char zeros[] = "pictures/frame10.png\0pictures/sub\0pictures/frame2.png";
    write_file("list", lines, sizeof lines - 1);
    write_file("zeros", zeros, sizeof zeros);
    struct ran r = run("score small.safetensors pictures/Frame3.PNG --files-from list -q");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 5);
    assert_says(line_of(r.out, 1), "pictures/Frame3.PNG,0,");
    assert_says(line_of(r.out, 2), "pictures/frame10.png,0,");
    assert_says(line_of(r.out, 3), "odd");
    assert_says(line_of(r.out, 4), "pictures/frame2.png,0,");
    r = run_how(&(struct how){.in_file = "list"}, "score small.safetensors --files-from - -q");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 4);
    r = run_how(&(struct how){.in_file = "zeros"}, "score small.safetensors --files-from - --null -q");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 4);
    assert_says(line_of(r.out, 3), "pictures/frame2.png,0,");
    assert_refused(run("score small.safetensors --files-from zeros"), 1, "--null");
    assert_refused(run("score small.safetensors --files-from none"), 1, "none cannot be read");
    assert_refused(run("score small.safetensors --files-from /dev/null"), 1, "/dev/null names nothing to score");
    assert_refused(run("score small.safetensors pictures --null"), 2, "--files-from");
    assert_refused(run("score small.safetensors"), 2, "--files-from");
}

/* Of many, a path that leads nowhere is a row. */
static void lists_with_gaps(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    static const char lines[] = "gone.png\npictures/frame2.png\nnowhere/b.png\n";
    write_file("gaps", lines, sizeof lines - 1);
    struct ran r = run("score small.safetensors --files-from gaps --score model");
    assert_code(r, 4);
    assert_int_equal(count_lines(r.out), 4);
    assert_says(line_of(r.out, 1), "gone.png,0,,,,");
    assert_says(line_of(r.out, 2), "pictures/frame2.png,0,0.");
    assert_says(line_of(r.out, 3), "nowhere/b.png,0,,,,");
    assert_says(r.err, "2 samples could not be scored");
}

static void a_picture_on_standard_input(void **state)
{
    (void)state;
    small_model();
    make_pictures();
    float from_file = 0, from_input = 1;
    struct ran r = run("score small.safetensors pictures/frame10.png -q");
    assert_int_equal(sscanf(line_of(r.out, 1), "pictures/frame10.png,0,%f,", &from_file), 1);
    const struct how input = {.in_file = "pictures/frame10.png"};
    r = run_how(&input, "score small.safetensors - -q --maps input-maps");
    assert_code(r, 0);
    assert_int_equal(sscanf(line_of(r.out, 1), "-,0,%f,", &from_input), 1);
    assert_true(from_file == from_input);
    assert_true(exists("input-maps/stdin.map.png"));
    r = run_how(&(struct how){.in_file = "pictures/notes.txt"}, "score small.safetensors -");
    assert_code(r, 1);
    assert_says(line_of(r.out, 1), "-,0,,,,");
    assert_refused(run("score small.safetensors - pictures"), 2, "stands alone");
}

/* Names may hold any byte but 0 and /. */
static void odd_names(void **state)
{
    (void)state;
    small_model();
    write_png("odd/a\033[31m.png", 16, 16, 1, 0);
    write_png("odd/b\nc\td.png", 16, 16, 1, 0);
    write_png("odd/e\xff.png", 16, 16, 1, 0);
    write_png("odd/f\xc2\x9b.png", 16, 16, 1, 0); /* C1 */
    write_png("odd/g\xc3\xa9.png", 16, 16, 1, 0); /* e with acute */
    struct ran r = run("score small.safetensors odd -q");
    assert_code(r, 0);
    assert_null(strchr(r.out, '\033'));
    assert_says(r.out, "\nodd/a\\x1B[31m.png,0,");
    assert_says(r.out, "\n\"odd/b\nc\td.png\",0,");
    assert_says(r.out, "\nodd/e\xff.png,0,");
    assert_says(r.out, "\nodd/f\\xC2\\x9B.png,0,");
    assert_says(r.out, "\nodd/g\xc3\xa9.png,0,");
    r = run("score small.safetensors odd -q --format jsonl");
    assert_int_equal(count_lines(r.out), 5);
    assert_says(r.out, "\"odd/a\\u001b[31m.png\"");
    assert_says(r.out, "\"odd/b\\u000ac\\u0009d.png\"");
    assert_says(r.out, "\"odd/e\\ufffd.png\"");
    assert_says(r.out, "\"odd/g\xc3\xa9.png\"");
    r = run("score small.safetensors odd -q --format text");
    assert_int_equal(count_lines(r.out), 6);
    assert_says(r.out, "odd/b\\x0Ac\\x09d.png  ");
    assert_says(r.out, "odd/e\\xFF.png  ");
    r = run("info odd/a\033[31m.png");
    assert_refused(r, 1, "odd/a\\x1B[31m.png");
    assert_null(strchr(r.err, '\033'));
}

static void more_threads_than_cores(void **state)
{
    (void)state;
    small_model();
    struct ran r = run("score small.safetensors " SMALL_DATA " --threads 1024");
    assert_code(r, 0);
    const char *warning = strstr(r.err, "1024 threads are asked for");
    assert_non_null(warning);
    assert_null(strstr(warning + 1, "1024 threads"));
    r = run("bench --preset mnist --batch 1 --repeat 1 --threads 1024");
    assert_code(r, 0);
    assert_null(strstr(r.out, "1024 threads"));
    assert_says(r.err, "1024 threads are asked for");
    assert_null(strstr(run("bench --preset mnist --batch 1 --repeat 1 --threads 1").err, "asked for"));
}

/* What is there is whole when Ctrl-C comes. */
static void interrupted(void **state)
{
    (void)state;
    small_model();
    const struct how interrupt = {.interrupt = "stopped/test/00009.map.png"};
    struct ran r =
        run_how(&interrupt, "score small.safetensors synth:?n=4&test=20000&size=16 --maps stopped --batch 4");
    assert_code(r, 130);
    int lines = count_lines(r.out);
    assert_within(lines, 10, 20000);
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
        cmocka_unit_test(by_model_or_by_map),
        cmocka_unit_test(regions_are_a_column),
        cmocka_unit_test(library_says_the_same),
        cmocka_unit_test(batches_and_threads_do_not_matter),
        cmocka_unit_test(bad_pictures_are_rows),
        cmocka_unit_test(sizes_and_modes_do_not_matter),
        cmocka_unit_test(oblong_pictures),
        cmocka_unit_test(exit_code_on_request),
        cmocka_unit_test(many_data_and_idx),
        cmocka_unit_test(stdout_that_ends_early),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(rate_of_nothing),
        cmocka_unit_test(lists_of_paths),
        cmocka_unit_test(lists_with_gaps),
        cmocka_unit_test(a_picture_on_standard_input),
        cmocka_unit_test(odd_names),
        cmocka_unit_test(more_threads_than_cores),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(no_model_or_no_data),
    };
    return cmocka_run_group_tests_name("cli: score", tests, command_begin, folder_end);
}
