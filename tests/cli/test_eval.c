/* engram eval, info, data, demo: what they print and write. */
#include "support.h"

#include "engram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double metric(const char *csv, const char *name, const char *kind)
{
    char key[200];
    double value = -1;
    snprintf(key, sizeof key, ",%s,%s,", name, kind);
    const char *row = strstr(csv, key);
    if (row)
        sscanf(row + strlen(key), "%lf", &value);
    return value;
}

static void eval_prints_and_reports(void **state)
{
    (void)state;
    small_model();
    struct ran r = run("eval small.safetensors " SMALL_DATA " --report out/report.html");
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "model,metric,kind,value");
    assert_true(metric(r.out, "normal", "") + metric(r.out, "anomalous", "") == 12);
    double auroc = metric(r.out, "auroc", "");
    assert_true(auroc >= 0 && auroc <= 1);
    assert_true(metric(r.out, "auroc", "scratch") >= 0);
    assert_true(metric(r.out, "promised_false_alarm_rate", "") == 0.05);
    assert_says(r.err, "out/report.html");
    char *html = read_file("out/report.html", NULL);
    assert_non_null(html);
    assert_says(html, "memae");
    assert_says(html, "data:image/png;base64,");
    free(html);
    r = run("eval small.safetensors " SMALL_DATA " --report out/report.html -q");
    assert_refused(r, 1, "out/report.html");
    assert_string_equal(r.out, "");
    assert_code(run("eval small.safetensors " SMALL_DATA " --report out/report.html -q --force"), 0);
}

/* Both columns always, and the rest by the one that is asked for. */
static void eval_by_model_or_by_map(void **state)
{
    (void)state;
    small_model();
    struct ran r = run("eval small.safetensors " SMALL_DATA " -q");
    double model = metric(r.out, "model_auroc", ""), map = metric(r.out, "map_auroc", "");
    assert_true(model >= 0 && map >= 0);
    assert_true(metric(r.out, "auroc", "") == map); /* the general preset stands on it */
    r = run("eval small.safetensors " SMALL_DATA " -q --score model");
    assert_true(metric(r.out, "auroc", "") == model);
    assert_true(metric(r.out, "model_auroc", "") == model && metric(r.out, "map_auroc", "") == map);
}

/* The anomalous ones of the data are left out, and those with made defects stand in their place. */
static void eval_of_made_defects(void **state)
{
    (void)state;
    small_model();
    struct ran r = run("eval small.safetensors " SMALL_DATA " -q --made 9");
    assert_code(r, 0);
    assert_true(metric(r.out, "normal", "") == 6 && metric(r.out, "anomalous", "") == 9);
    assert_true(metric(r.out, "auroc", "shapes") >= 0 && metric(r.out, "auroc", "cuts") >= 0);
    assert_true(metric(r.out, "auroc", "blends") >= 0 && metric(r.out, "auroc", "scratch") == -1);
    assert_true(metric(r.out, "pixel_auroc", "") >= 0);
    char *first = strdup(r.out);
    r = run("eval small.safetensors " SMALL_DATA " -q --made 9 --threads 2 --batch 3");
    assert_true(metric(r.out, "auroc", "") == metric(first, "auroc", ""));
    free(first);
    r = run("eval small.safetensors " SMALL_DATA " -q --made 4 --made-kind cuts --report out/made.html");
    assert_code(r, 0);
    assert_true(metric(r.out, "auroc", "cuts") >= 0 && metric(r.out, "auroc", "shapes") == -1);
    assert_refused(run("eval small.safetensors synth:?n=4&test=1&size=16 -q --made 4"), 2, "at least 2 good pictures");
}

/* A metric more, and no other score or verdict. */
static void eval_by_min_max(void **state)
{
    (void)state;
    small_model();
    char *without = strdup(run("eval small.safetensors " SMALL_DATA " -q").out);
    struct ran r = run("eval small.safetensors " SMALL_DATA " -q --min-max");
    assert_code(r, 0);
    assert_null(strstr(without, "min_max"));
    assert_true(metric(r.out, "min_max_f1", "") >= 0 && metric(r.out, "min_max_detection_rate", "") >= 0);
    assert_true(metric(r.out, "auroc", "") == metric(without, "auroc", ""));
    assert_true(metric(r.out, "detection_rate", "") == metric(without, "detection_rate", ""));
    free(without);
}

static void eval_compares_models(void **state)
{
    (void)state;
    small_model();
    assert_code(run("train ae " SMALL_DATA " -q -o ae.safetensors --widths 4,8 --epochs 1 --batch 8"), 0);
    struct ran r = run("eval small.safetensors ae.safetensors " SMALL_DATA " -q --report both.html --format jsonl");
    assert_code(r, 0);
    assert_says(r.out, "{\"model\":\"small.safetensors\",\"metric\":\"auroc\",\"kind\":\"\",\"value\":");
    assert_says(r.out, "{\"model\":\"ae.safetensors\",\"metric\":\"auroc\",\"kind\":\"\",\"value\":");
    assert_says(r.out, "{\"model\":\"small.safetensors\",\"metric\":\"memory_items\",\"kind\":\"\",\"value\":10}");
    assert_null(strstr(r.out, "{\"model\":\"ae.safetensors\",\"metric\":\"memory_items\"")); /* it has no memory */
    assert_true(exists("both.html"));
}

/* The rows of score and eval's false-alarm rate are the same verdicts. */
static void eval_and_score_agree(void **state)
{
    (void)state;
    small_model();
    char *scores = strdup(run("score small.safetensors " SMALL_DATA " -q --false-alarm-rate 0.3").out);
    struct ran r = run("eval small.safetensors " SMALL_DATA " -q --false-alarm-rate 0.3");
    double flagged = 0, found = metric(r.out, "false_alarm_rate", "") * metric(r.out, "normal", "") +
                                metric(r.out, "detection_rate", "") * metric(r.out, "anomalous", "");
    for (const char *at = scores; (at = strstr(at, ",true,")); at++)
        flagged++;
    assert_true(found - flagged < 1e-4 && flagged - found < 1e-4);
    free(scores);
}

static void eval_needs_labels(void **state)
{
    (void)state;
    small_model();
    write_png("plain/a.png", 16, 16, 1, 0);
    write_png("plain/b.png", 16, 16, 1, 1);
    assert_refused(run("eval small.safetensors plain"), 1, "images:FOLDER?truth=normal");
    struct ran r = run("eval small.safetensors images:plain?truth=normal -q"); /* the promise on fresh good parts */
    assert_code(r, 0);
    assert_says(r.out, "small.safetensors,normal,,2");
    assert_says(r.out, "small.safetensors,false_alarm_rate,,1"); /* noise, unlike what was learnt */
    assert_refused(run("train ae images:plain?truth=anomalous -o x.safetensors"), 2, "truth=anomalous");
    assert_refused(run("eval small.safetensors no-such-folder"), 1, "no-such-folder");
}

/* What cannot be read is left out, counted, and told by the exit code. */
static void eval_without_what_cannot_be_read(void **state)
{
    (void)state;
    small_model();
    for (int i = 0; i < 4; i++) {
        char path[80];
        snprintf(path, sizeof path, "marked/train/good/%d.png", i);
        write_png(path, 24, 16, 1, i);
        snprintf(path, sizeof path, "marked/test/%s/%d.png", i % 2 ? "good" : "dent", i);
        write_png(path, 24, 16, 1, 40 * i);
    }
    assert_code(run("eval small.safetensors marked -q"), 0);
    write_file("marked/test/dent/broken.png", "text", 4);
    struct ran r = run("eval small.safetensors marked");
    assert_code(r, 4);
    assert_true(metric(r.out, "unreadable", "") == 1);
    assert_says(r.err, "warning: ");
}

static void info_says_what_is_inside(void **state)
{
    (void)state;
    small_model();
    struct ran r = run("info small.safetensors --format csv");
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "section,name,value");
    assert_says(r.out, "\nmodel,name,memae\n");
    assert_says(r.out, "\noptions,items,10\n");
    assert_says(r.out, "\noptions,widths,\"4,8\"\n");
    assert_says(r.out, "\ncalibration,samples,20\n");
    /* One of 21 places: the real rate is Beta(1, 20), below 1 - 0.1^(1/20) 9 times in 10. At 0.01 nothing is flagged.
     */
    assert_says(r.out, "\ncalibration,90 % bound of the rate at 0.05,0.1087\n");
    assert_null(strstr(r.out, "rate at 0.01"));
    assert_says(r.out, "\norigin,engram," ENGRAM_VERSION "\n");
    assert_says(r.out, "\ntraining,epochs,2\n");
    assert_says(run("info small.safetensors").out, "items");
}

static void data_says_what_is_there(void **state)
{
    (void)state;
    struct ran r = run("data " SMALL_DATA);
    assert_code(r, 0);
    assert_says(r.out, "40");
    assert_says(r.out, "scratch");
    r = run("data " SMALL_DATA " --list");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 1 + 40 + 12);
    assert_string_equal(line_of(r.out, 0), "part,name,path,index,kind,anomalous");
    assert_says(line_of(r.out, 1), "train,");
    assert_says(line_of(r.out, 1), ",good,false");
    r = run("data");
    assert_says(r.out, "synth: ");
    assert_says(r.out, "normal");
}

static void data_says_what_is_wrong(void **state)
{
    (void)state;
    write_png("wrong/a.png", 16, 16, 1, 0);
    write_file("wrong/b.png", "text", 4);
    assert_refused(run("data wrong"), 1, "b.png");
}

static void demo_without_its_data(void **state)
{
    (void)state;
    assert_refused(run("demo --data no-such-place"), 1, "dataset-fashion-mnist");
    assert_refused(run("demo --data . --parts no-such-part"), 1, "no-such-part");
    assert_false(exists("demo"));
}

/* Every other one a bag (class 8). */
static void write_fashion(const char *start, int n)
{
    enum { SIDE = 28, MOST = 128 };
    static unsigned char images[MOST * SIDE * SIDE], labels[MOST];
    char name[60];
    for (int i = 0; i < n; i++) {
        labels[i] = (unsigned char)(i % 2 ? 8 : i / 2 % 10);
        for (int k = 0; k < SIDE * SIDE; k++)
            images[i * SIDE * SIDE + k] = (unsigned char)(20 * labels[i] + 5 * (k % SIDE) + i % 3 * (k / SIDE));
    }
    snprintf(name, sizeof name, "fashion/%s-images-idx3-ubyte.gz", start);
    write_idx(name, 3, (uint32_t[]){(uint32_t)n, SIDE, SIDE}, images, (size_t)(n * SIDE * SIDE));
    snprintf(name, sizeof name, "fashion/%s-labels-idx1-ubyte.gz", start);
    write_idx(name, 1, (uint32_t[]){(uint32_t)n}, labels, (size_t)n);
}

/* A few steps, on a few pictures, suffice to see all of it work. */
static void demo_shows_both_models(void **state)
{
    (void)state;
    write_fashion("train", 128);
    write_fashion("t10k", 40);
    for (int i = 0; i < 28; i++) {
        char path[60];
        const char *kind = i < 20 ? "train/good" : i < 24 ? "test/good" : "test/dent";
        snprintf(path, sizeof path, "bolts/%s/%02d.png", kind, i);
        write_png(path, 16, 12, 3, i < 24 ? i : 200);
    }
    struct ran r = run("demo show --data fashion --epochs 1 --parts bolts");
    assert_code(r, 0);
    assert_says(r.out, "AUROC");
    assert_says(r.out, "\nparts ");
    assert_says(r.out, "show/parts.html");
    assert_true(exists("show/parts.html"));
    assert_says(r.out, "\nmemae ");
    assert_says(r.out, "\nae ");
    assert_says(r.out, "show/report.html");
    assert_true(exists("show/report.html"));
    assert_true(exists("show/memae.safetensors"));
    assert_refused(run("demo show --data fashion --epochs 1"), 1, "show/report.html");
    assert_says(run("info show/parts.safetensors").out, "features");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eval_by_model_or_by_map),  cmocka_unit_test(eval_prints_and_reports),
        cmocka_unit_test(eval_by_min_max),          cmocka_unit_test(eval_of_made_defects),
        cmocka_unit_test(eval_compares_models),     cmocka_unit_test(eval_and_score_agree),
        cmocka_unit_test(eval_needs_labels),        cmocka_unit_test(eval_without_what_cannot_be_read),
        cmocka_unit_test(info_says_what_is_inside), cmocka_unit_test(data_says_what_is_there),
        cmocka_unit_test(data_says_what_is_wrong),  cmocka_unit_test(demo_without_its_data),
        cmocka_unit_test(demo_shows_both_models),
    };
    return cmocka_run_group_tests_name("cli: eval, info, data, demo", tests, command_begin, folder_end);
}
