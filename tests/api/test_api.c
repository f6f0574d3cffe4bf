/* The library as a program uses it, through engram.h alone. */
#include "support.h"
#include "support/within.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- scoring ---- */

struct rows {
    int n;
    double score[20], p_value[20];
    char name[20][40];
};

static int keep_row(void *user, const engram_row *row)
{
    struct rows *rows = user;
    assert_null(row->error);
    assert_within(rows->n, 0, 19);
    rows->score[rows->n] = row->result->score;
    rows->p_value[rows->n] = row->result->p_value;
    snprintf(rows->name[rows->n++], 40, "%s", row->name);
    return 0;
}

static const char *const data_url[] = {DATA};

static struct rows score_all(const char *const *options, size_t n)
{
    struct rows rows = {0};
    engram_scorer *scorer;
    engram_error error;
    assert_int_equal(engram_scorer_new(model, options, n, &scorer, &error), 0);
    assert_int_equal(engram_score_data(scorer, data_url, 1, NULL, keep_row, &rows, &error), 0);
    engram_scorer_free(scorer);
    assert_int_equal(rows.n, 20);
    return rows;
}

struct worker {
    pthread_t thread;
    double score[50];
    int failed;
};

/* The same fifty pictures on every thread. */
static void *work(void *user)
{
    struct worker *w = user;
    engram_scorer *scorer;
    uint8_t pixels[20 * 16];
    static const char *const one[] = {"threads=1", "maps=true"};
    if (engram_scorer_new(model, one, 2, &scorer, NULL))
        return w->failed = 1, NULL;
    for (int i = 0; i < 50 && !w->failed; i++) {
        engram_result result = ENGRAM_RESULT_INIT;
        const engram_picture picture = grey(pixels, 20, 16);
        fill(pixels, sizeof pixels, i);
        w->failed = engram_score_picture(scorer, &picture, &result, NULL);
        w->score[i] = result.score;
    }
    engram_scorer_free(scorer);
    return NULL;
}

static void threads_share_a_model(void **state)
{
    (void)state;
    struct worker serial = {0}, workers[3] = {0};
    work(&serial);
    assert_int_equal(serial.failed, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].failed, 0);
        assert_memory_equal(workers[i].score, serial.score, sizeof serial.score);
    }
}

static void scores_come_in_order_and_again(void **state)
{
    (void)state;
    static const char *const small[] = {"batch=3", "threads=1"};
    struct rows a = score_all(NULL, 0), b = score_all(NULL, 0), c = score_all(small, 2);
    for (int i = 0; i < 20; i++) {
        assert_true(a.score[i] == b.score[i]);
        assert_true(fabs(a.score[i] - c.score[i]) < 1e-5 * a.score[i]);
        assert_true(a.p_value[i] > 0 && a.p_value[i] <= 1);
        assert_string_equal(a.name[i], c.name[i]);
    }
}

/* A higher score never has a higher p-value. */
static void p_values_fall_as_scores_rise(void **state)
{
    (void)state;
    struct rows r = score_all(NULL, 0);
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < 20; k++)
            assert_true(r.score[i] <= r.score[k] || r.p_value[i] <= r.p_value[k]);
}

static void options_out_of_range(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "threads=-1", "batch=0",  "false_alarm_rate=1.5", "false_alarm_rate=-0.1", "false_alarm_rate=nan",
        "maps",       "colour=7", "precision=f8"};
    engram_scorer *scorer = NULL;
    engram_error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(engram_scorer_new(model, &bad[i], 1, &scorer, &error), ENGRAM_USAGE);
        assert_null(scorer);
    }
    assert_non_null(strstr(error.message, "precision"));
}

/* 0 is a rate like any other: nothing is anomalous. */
static void a_rate_of_zero_means_zero(void **state)
{
    (void)state;
    static const char *const none[] = {"false_alarm_rate=0"}, *const all[] = {"false_alarm_rate=1"};
    uint8_t pixels[16 * 16] = {0};
    const engram_picture picture = grey(pixels, 16, 16);
    engram_result a = ENGRAM_RESULT_INIT, b = ENGRAM_RESULT_INIT;
    engram_scorer *strict, *loose;
    assert_int_equal(engram_scorer_new(model, none, 1, &strict, NULL), 0);
    assert_int_equal(engram_scorer_new(model, all, 1, &loose, NULL), 0);
    assert_int_equal(engram_score_picture(strict, &picture, &a, NULL), 0);
    assert_int_equal(engram_score_picture(loose, &picture, &b, NULL), 0);
    assert_int_equal(a.anomalous, 0);
    assert_int_equal(b.anomalous, 1);
    assert_true(a.score == b.score);
    engram_scorer_free(strict);
    engram_scorer_free(loose);
}

static int stop_at_five(void *user, const engram_row *row)
{
    (void)row;
    return ++*(int *)user == 5;
}

static void rows_can_stop(void **state)
{
    (void)state;
    int n = 0;
    engram_scorer *scorer;
    engram_error error;
    assert_int_equal(engram_scorer_new(model, NULL, 0, &scorer, NULL), 0);
    assert_int_equal(engram_score_data(scorer, data_url, 1, NULL, stop_at_five, &n, &error), ENGRAM_STOPPED);
    assert_int_equal(n, 5);
    engram_scorer_free(scorer);
}

/* ---- training ---- */

static void training_checks_its_job(void **state)
{
    (void)state;
    engram_error error;
    engram_train_job job = small_job("never.safetensors");
    job.model = "nothing";
    assert_int_equal(engram_train(&job, NULL, NULL, &error), ENGRAM_USAGE);
    assert_non_null(strstr(error.message, "memae"));
    job = small_job("never.safetensors");
    job.preset = "mnist,nothing";
    assert_int_equal(engram_train(&job, NULL, NULL, &error), ENGRAM_USAGE);
    job = small_job("never.safetensors");
    const char *const wrong[] = {"items=-3", "itmes=3", "items", "epochs=many"};
    for (size_t i = 0; i < 4; i++) {
        job.settings = &wrong[i];
        job.nsettings = 1;
        assert_int_equal(engram_train(&job, NULL, NULL, &error), ENGRAM_USAGE);
    }
    job = small_job("model.safetensors");
    assert_int_equal(engram_train(&job, NULL, NULL, &error), ENGRAM_IO);
    assert_non_null(strstr(error.message, "model.safetensors"));
    assert_int_not_equal(access("never.safetensors", F_OK), 0);
}

struct watched {
    int steps, epochs, lines;
    engram_stop *stop; /* set after three steps; NULL: never */
};

static void on_progress(void *user, const engram_progress *p)
{
    struct watched *w = user;
    assert_string_equal(p->what, "training");
    assert_true(p->done >= 1 && p->done <= p->total && p->epoch >= 1 && p->epoch <= p->epochs);
    assert_true(p->nvalues >= 1 && isfinite(p->values[0]));
    w->steps += !p->epoch_done;
    w->epochs += p->epoch_done;
    if (w->steps >= 3)
        engram_stop_set(w->stop);
}

static void on_log(void *user, int level, const char *text)
{
    struct watched *w = user;
    assert_true(level >= ENGRAM_LOG_WARN && level <= ENGRAM_LOG_DEBUG);
    assert_null(strchr(text, '\n'));
    w->lines++;
}

static void training_tells_stops_and_goes_on(void **state)
{
    (void)state;
    struct watched w = {0};
    engram_hooks hooks = {.size = sizeof hooks, .user = &w, .log = on_log, .progress = on_progress};
    engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
    engram_error error;
    assert_int_equal(engram_stop_new(&w.stop, &error), 0);
    hooks.stop = w.stop;
    engram_train_job job = small_job("stopped.safetensors");
    assert_int_equal(engram_train(&job, &hooks, &summary, &error), ENGRAM_STOPPED);
    assert_int_equal(w.steps, 3);
    assert_true(w.lines > 0);
    assert_int_equal(engram_train(&job, &hooks, &summary, &error), ENGRAM_IO); /* its state is there */
    engram_stop_free(w.stop);
    w.stop = NULL;
    hooks.stop = NULL;
    job.resume = 1;
    assert_int_equal(engram_train(&job, &hooks, &summary, &error), 0);
    assert_int_equal(w.epochs, 2);
    assert_int_equal(summary.epochs, 2);
    assert_true(summary.trained + summary.validated + summary.calibrated == 60);
    assert_int_equal(summary.calibrated, 19);
    assert_true(summary.bytes > 0 && summary.seconds > 0);
}

/* ---- evaluation ---- */

/* From nothing to everything, and the area under it is the number. */
static void roc_is_a_curve(const engram_evaluation *ev)
{
    engram_roc_point p = ENGRAM_ROC_POINT_INIT, last = ENGRAM_ROC_POINT_INIT;
    double area = 0;
    size_t n = 0;
    for (; engram_evaluation_roc(ev, n, &p); n++) {
        assert_true(n || (p.false_alarm_rate == 0 && p.detection_rate == 0));
        assert_true(p.false_alarm_rate >= last.false_alarm_rate && p.detection_rate >= last.detection_rate);
        area += (p.false_alarm_rate - last.false_alarm_rate) * (p.detection_rate + last.detection_rate) / 2;
        last = p;
    }
    assert_true(n >= 3 && last.false_alarm_rate == 1 && last.detection_rate == 1);
    assert_true(fabs(area - engram_evaluation_value(ev, "auroc")) < 1e-9);
}

static void samples_are_those_of_the_data(const engram_evaluation *ev)
{
    engram_scored s = ENGRAM_SCORED_INIT;
    struct rows r = score_all(NULL, 0);
    int n = 0;
    for (; engram_evaluation_sample(ev, (size_t)n, &s); n++) {
        assert_string_equal(s.name, r.name[n]);
        assert_true(s.score == r.score[n] && s.p_value == r.p_value[n]);
        assert_true((s.truth == 1) == (*s.kind != 0 && strcmp(s.kind, "good") != 0));
    }
    assert_int_equal(n, 20);
}

static void evaluation_counts_and_reports(void **state)
{
    (void)state;
    engram_evaluation *ev;
    engram_error error;
    engram_metric metric = ENGRAM_METRIC_INIT;
    assert_int_equal(engram_evaluate(model, DATA, NULL, 0, NULL, &ev, &error), 0);
    assert_true(engram_evaluation_value(ev, "normal") + engram_evaluation_value(ev, "anomalous") == 20);
    assert_true(isnan(engram_evaluation_value(ev, "no such number")));
    size_t n = 0;
    while (engram_evaluation_metric(ev, n, &metric)) {
        assert_true(strlen(metric.name) > 0 && strlen(metric.help) > 0 && metric.kind);
        n++;
    }
    assert_true(n > 10);
    roc_is_a_curve(ev);
    samples_are_those_of_the_data(ev);
    engram_evaluation_training(ev, 12.5, 1 << 20);
    const engram_evaluation *const both[] = {ev, ev};
    assert_int_equal(engram_report_write(both, 2, "A < B", "2001-02-03", "r/report.html", 0, NULL, &error), 0);
    assert_int_equal(engram_report_write(both, 1, NULL, NULL, "r/report.html", 0, NULL, &error), ENGRAM_IO);
    assert_int_equal(engram_report_write(both, 0, NULL, NULL, "r/none.html", 0, NULL, &error), ENGRAM_USAGE);
    engram_evaluation_free(ev);
    const char *const more[] = {"min_max=true", "batch=4"};
    assert_int_equal(engram_evaluate(model, DATA, more, 2, NULL, &ev, &error), 0);
    assert_true(engram_evaluation_value(ev, "min_max_f1") >= 0);
    engram_evaluation_free(ev);
    assert_int_equal(engram_evaluate(model, "nowhere", NULL, 0, NULL, &ev, &error), ENGRAM_IO);
}

/* ---- looking ---- */

static void names_are_unique(const char *kind)
{
    engram_option a = ENGRAM_OPTION_INIT, b = ENGRAM_OPTION_INIT;
    for (size_t i = 0; engram_model_option_at(kind, i, &a); i++)
        for (size_t k = 0; engram_train_option_at(k, &b); k++)
            assert_string_not_equal(a.name, b.name);
}

/* Flags of the command are made from all tables at once: a name means one thing, and every text is there. */
static void tables_are_whole(void **state)
{
    (void)state;
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    engram_option option = ENGRAM_OPTION_INIT;
    engram_preset preset = ENGRAM_PRESET_INIT;
    engram_source source = ENGRAM_SOURCE_INIT;
    size_t n = 0;
    for (; engram_model_kind_at(n, &kind); n++) {
        assert_true(strlen(kind.title) && strlen(kind.paper) && strlen(kind.idea) > 40);
        assert_int_equal(engram_preset_at(kind.name, 0, &preset), 1);
        for (size_t i = 0; engram_model_option_at(kind.name, i, &option); i++)
            assert_true(strlen(option.help) && strlen(option.type));
        names_are_unique(kind.name);
    }
    assert_true(n >= 2);
    bool min_max = false, threads = false;
    for (size_t i = 0; engram_evaluate_option_at(i, &option); i++) {
        min_max = min_max || !strcmp(option.name, "min_max");
        threads = threads || !strcmp(option.name, "threads"); /* a scorer's are among them */
    }
    assert_true(min_max && threads);
    assert_int_equal(engram_model_option_at("nothing", 0, &option), 0);
    assert_int_equal(engram_preset_at("nothing", 0, &preset), 0);
    assert_int_equal(engram_source_at(0, &source), 1);
    assert_int_equal(engram_source_option_at("synth", 0, &option), 1);
    assert_int_equal(engram_source_option_at("nothing", 0, &option), 0);
}

static bool fact_named(const char *section, const char *name, engram_fact *fact)
{
    for (size_t i = 0; engram_model_fact_at(model, i, fact); i++)
        if (!strcmp(fact->section, section) && !strcmp(fact->name, name))
            return true;
    return false;
}

/* Facts are values, and texts for people. */
static void model_tells_of_itself(void **state)
{
    (void)state;
    engram_fact f = ENGRAM_FACT_INIT;
    assert_true(fact_named("options", "items", &f));
    assert_int_equal(f.type, ENGRAM_FACT_INT);
    assert_int_equal(f.integer, 10);
    assert_true(f.number == 10);
    assert_string_equal(f.text, "10");
    assert_true(fact_named("options", "widths", &f));
    assert_int_equal(f.type, ENGRAM_FACT_LIST);
    assert_int_equal(f.nlist, 2);
    assert_true(f.list[0] == 4 && f.list[1] == 8);
    assert_string_equal(f.text, "4,8");
    assert_true(fact_named("training", "lr", &f));
    assert_int_equal(f.type, ENGRAM_FACT_FLOAT);
    assert_true(f.number == 0.001);
    assert_true(fact_named("training", "flip_h", &f));
    assert_int_equal(f.type, ENGRAM_FACT_BOOL);
    assert_int_equal(f.integer, 0);
    assert_true(fact_named("model", "name", &f));
    assert_int_equal(f.type, ENGRAM_FACT_TEXT);
    assert_string_equal(f.text, "memae");
    assert_true(fact_named("model", "weights", &f));
    assert_int_equal(f.type, ENGRAM_FACT_INT);
    assert_true(f.integer > 1000);
    assert_string_equal(f.unit, "bytes");
}

static void model_shows_its_memory(void **state)
{
    (void)state;
    engram_format format = ENGRAM_FORMAT_INIT;
    uint8_t pixels[256];
    engram_error error;
    assert_int_equal(engram_model_format(model, &format), 1);
    assert_true(format.width == 16 && format.height == 16 && format.channels == 1 && format.frames == 0);
    assert_true(format.tile_width == 16 && format.tile_height == 16);
    assert_int_equal(engram_model_items(model, 0), 10);
    assert_int_equal(engram_model_items(model, 1), 0);
    assert_int_equal(engram_model_item(model, 0, 9, pixels, sizeof pixels, &error), 0);
    assert_int_equal(engram_model_item(model, 0, 10, pixels, sizeof pixels, &error), ENGRAM_USAGE);
    assert_int_equal(engram_model_item(model, 1, 0, pixels, sizeof pixels, &error), ENGRAM_USAGE);
    assert_int_equal(engram_model_item(model, 0, 0, pixels, 255, &error), ENGRAM_USAGE);
    assert_non_null(strstr(error.message, "256"));
}

/* Threshold, p-value and verdict say the same: anomalous is what scores above the threshold. */
static void thresholds_agree_with_verdicts(void **state)
{
    (void)state;
    assert_true(engram_model_smallest_rate(model) == 1.0 / 20);
    assert_true(isinf(engram_model_threshold(model, 0.04)));
    assert_true(engram_model_rate_bound(model, 0.04, 0.9) == 0);
    const char *const loose[] = {"false_alarm_rate=0.2"};
    struct rows r = score_all(loose, 1);
    double threshold = engram_model_threshold(model, 0.2);
    assert_true(isfinite(threshold));
    for (int i = 0; i < r.n; i++) {
        assert_true(engram_model_p_value(model, r.score[i]) == r.p_value[i]);
        assert_true((r.p_value[i] <= 0.2) == (r.score[i] > threshold));
    }
    /* Its real rate is Beta(4, 16): 0.2 on average, and below this 9 times in 10. */
    assert_true(fabs(engram_model_rate_bound(model, 0.2, 0.9) - 0.318591) < 1e-5);
    assert_true(isnan(engram_model_threshold(model, 2)) && isnan(engram_model_p_value(model, NAN)));
}

static void curve_of_the_training(void **state)
{
    (void)state;
    engram_epoch epoch = ENGRAM_EPOCH_INIT;
    int kept = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(engram_model_curve_at(model, i, &epoch), 1);
        assert_int_equal(epoch.epoch, i + 1);
        assert_true(epoch.nvalues >= 2 && isfinite(epoch.validation_loss));
        for (size_t k = 0; k < epoch.nvalues; k++)
            assert_true(strlen(epoch.names[k]) && isfinite(epoch.values[k]));
        kept += epoch.kept;
    }
    assert_int_equal(kept, 1);
    assert_int_equal(engram_model_curve_at(model, 2, &epoch), 0);
}

static void data_can_be_looked_at(void **state)
{
    (void)state;
    engram_data *data;
    engram_error error;
    engram_sample sample = ENGRAM_SAMPLE_INIT;
    struct watched w = {0};
    const engram_hooks hooks = {.size = sizeof hooks, .user = &w, .log = on_log};
    assert_int_equal(engram_data_open(DATA, NULL, &data, &error), 0);
    assert_int_equal(engram_data_count(data, ENGRAM_DATA_TRAIN), 60);
    assert_int_equal(engram_data_count(data, ENGRAM_DATA_TEST), 20);
    assert_int_equal(engram_data_count(data, 7), 0);
    assert_int_equal(engram_data_sample(data, ENGRAM_DATA_TEST, 19, &sample), 1);
    assert_int_equal(engram_data_sample(data, ENGRAM_DATA_TEST, 20, &sample), 0);
    assert_int_equal(engram_data_check(data, NULL, &error), 0);
    assert_int_equal(engram_data_summary(data, &hooks, &error), 0);
    assert_true(w.lines >= 3);
    engram_data_free(data);
    assert_int_equal(engram_data_open("synth:?n=", NULL, &data, &error), ENGRAM_USAGE);
}

/* A locale of numbers with a decimal comma, in the form that glibc reads; no package has to be there for it. */
static void write_comma_locale(const char *path)
{
    struct numbers {
        uint32_t magic, items, at[6];
        char point[2], separator, groups;
        uint32_t wide_point, wide_separator;
        char codeset[8];
    };
    const struct numbers numbers = {.magic = 0x20031115u ^ (uint32_t)LC_NUMERIC,
                                    .items = 6,
                                    .at = {offsetof(struct numbers, point), offsetof(struct numbers, separator),
                                           offsetof(struct numbers, groups), offsetof(struct numbers, wide_point),
                                           offsetof(struct numbers, wide_separator), offsetof(struct numbers, codeset)},
                                    .point = ",",
                                    .wide_point = ',',
                                    .codeset = "UTF-8"};
    write_file(path, &numbers, sizeof numbers);
}

/* Numbers are read and written with a point in a program that speaks otherwise. */
static void other_locales(void **state)
{
    (void)state;
    engram_error error;
    char there[80];
    write_comma_locale("locales/comma/LC_NUMERIC");
    setenv("LOCPATH", "locales", 1);
    if (!setlocale(LC_NUMERIC, "comma")) {
        print_message("this C library does not take a hand-made locale\n");
        skip();
    }
    const char *const lr[] = {"lr=0.002", "epochs=1"};
    engram_train_job job = small_job("comma.safetensors");
    job.settings = lr;
    job.nsettings = 2;
    int failed = engram_train(&job, NULL, NULL, &error);
    snprintf(there, sizeof there, "%.1f", 0.5); /* and the program's own locale is left as it was */
    setlocale(LC_ALL, "C");
    assert_int_equal(failed, 0);
    assert_string_equal(there, "0,5");
}

static void nothing_is_freed_twice_or_at_all(void **state)
{
    (void)state;
    engram_model_free(NULL);
    engram_scorer_free(NULL);
    engram_evaluation_free(NULL);
    engram_data_free(NULL);
    assert_string_equal(engram_version(), ENGRAM_VERSION);
    assert_true(engram_spin_count() >= 1);
    assert_true(engram_threads(0) >= 1);
    assert_int_equal(engram_threads(1), 1);
    assert_int_equal(engram_threads(1000000), engram_threads(0));
    engram_model *none = NULL;
    assert_int_equal(engram_model_load("none", &none, NULL), ENGRAM_IO);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_a_model),
        cmocka_unit_test(scores_come_in_order_and_again),
        cmocka_unit_test(p_values_fall_as_scores_rise),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(a_rate_of_zero_means_zero),
        cmocka_unit_test(rows_can_stop),
        cmocka_unit_test(training_checks_its_job),
        cmocka_unit_test(training_tells_stops_and_goes_on),
        cmocka_unit_test(evaluation_counts_and_reports),
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(model_tells_of_itself),
        cmocka_unit_test(model_shows_its_memory),
        cmocka_unit_test(thresholds_agree_with_verdicts),
        cmocka_unit_test(curve_of_the_training),
        cmocka_unit_test(data_can_be_looked_at),
        cmocka_unit_test(other_locales),
        cmocka_unit_test(nothing_is_freed_twice_or_at_all),
    };
    return cmocka_run_group_tests_name("api", tests, model_begin, model_end);
}
