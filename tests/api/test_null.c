/* What may not be NULL is a sentence or nothing, never a crash; and structs that say no size, or too much. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static engram_error error;

/* Usage, and the sentence names what is missing. */
static void refused(int code, const char *missing)
{
    assert_int_equal(code, ENGRAM_USAGE);
    assert_says(error.message, missing);
    error = (engram_error){0};
}

static int no_row(void *user, const engram_row *row)
{
    (void)user;
    (void)row;
    return 0;
}

static void scoring(void **state)
{
    (void)state;
    static const char *const urls[] = {DATA}, *const none[] = {NULL};
    uint8_t pixels[256] = {0};
    float map[256];
    const engram_picture picture = grey(pixels, 16, 16);
    engram_result r = ENGRAM_RESULT_INIT;
    engram_data_source source = ENGRAM_DATA_SOURCE_INIT;
    engram_model *m;
    engram_scorer *s = scorer_with("maps=true", NULL, NULL, NULL), *t;
    refused(engram_model_load(NULL, &m, &error), "path");
    refused(engram_model_load("model.safetensors", NULL, &error), "model");
    refused(engram_model_load_memory(NULL, 3, &m, &error), "bytes");
    refused(engram_model_load_memory(pixels, 3, NULL, &error), "model");
    refused(engram_scorer_new(NULL, NULL, 0, &t, &error), "model");
    refused(engram_scorer_new(model, NULL, 0, NULL, &error), "scorer");
    refused(engram_scorer_new(model, NULL, 1, &t, &error), "settings");
    refused(engram_scorer_new(model, none, 1, &t, &error), "setting");
    refused(engram_score_picture(NULL, &picture, &r, &error), "scorer");
    refused(engram_score_picture(s, NULL, &r, &error), "picture");
    refused(engram_score_picture(s, &picture, NULL, &error), "result");
    refused(engram_score_pictures(NULL, &picture, 1, &r, &error), "scorer");
    refused(engram_score_pictures(s, NULL, 1, &r, &error), "pictures");
    refused(engram_score_pictures(s, &picture, 1, NULL, &error), "results");
    refused(engram_score_file(NULL, "a.png", &r, &error), "scorer");
    refused(engram_score_file(s, NULL, &r, &error), "path");
    refused(engram_score_file(s, "a.png", NULL, &error), "result");
    refused(engram_score_encoded(NULL, pixels, 256, &r, &error), "scorer");
    refused(engram_score_encoded(s, NULL, 256, &r, &error), "bytes");
    refused(engram_score_encoded(s, pixels, 256, NULL, &error), "result");
    refused(engram_scorer_map(NULL, 0, map, 256, &error), "scorer");
    refused(engram_scorer_map(s, 0, NULL, 256, &error), "values");
    refused(engram_scorer_pixels(NULL, 0, ENGRAM_OUTPUT, pixels, 256, &error), "scorer");
    refused(engram_scorer_pixels(s, 0, ENGRAM_OUTPUT, NULL, 256, &error), "pixels");
    size_t n;
    refused(engram_scorer_map_write(NULL, 0, "m", ENGRAM_MAP_PNG, 0, &error), "scorer");
    refused(engram_scorer_map_write(s, 0, NULL, ENGRAM_MAP_PNG, 0, &error), "path");
    refused(engram_scorer_reasons(NULL, 0, NULL, 0, &n, &error), "scorer");
    refused(engram_scorer_reasons(s, 0, NULL, 0, NULL, &error), "n");
    refused(engram_scorer_reasons(s, 0, NULL, 1, &n, &error), "reasons");
    refused(engram_scorer_regions(NULL, 0, NULL, 0, &n, &error), "scorer");
    refused(engram_scorer_regions(s, 0, NULL, 0, NULL, &error), "n");
    refused(engram_scorer_regions(s, 0, NULL, 1, &n, &error), "regions");
    refused(engram_map_write(NULL, map, 16, 16, "m", ENGRAM_MAP_PNG, 0, &error), "model");
    refused(engram_map_write(model, NULL, 16, 16, "m", ENGRAM_MAP_PNG, 0, &error), "values");
    refused(engram_map_write(model, map, 16, 16, NULL, ENGRAM_MAP_PNG, 0, &error), "path");
    refused(engram_score_rows(NULL, map, 1, 256, &r, &error), "scorer");
    refused(engram_score_rows(s, NULL, 1, 256, &r, &error), "rows");
    refused(engram_score_rows(s, map, 1, 256, NULL, &error), "results");
    refused(engram_score_fields(NULL, urls, 1, 1, &r, &error), "scorer");
    refused(engram_score_fields(s, NULL, 1, 1, &r, &error), "fields");
    refused(engram_score_fields(s, urls, 1, 1, NULL, &error), "results");
    refused(engram_score_data(NULL, urls, 1, NULL, no_row, NULL, &error), "scorer");
    refused(engram_score_data(s, NULL, 1, NULL, no_row, NULL, &error), "urls");
    refused(engram_score_data(s, none, 1, NULL, no_row, NULL, &error), "URL 0");
    refused(engram_score_data(s, urls, 1, NULL, NULL, NULL, &error), "row");
    refused(engram_score_source(NULL, &source, NULL, no_row, NULL, &error), "scorer");
    refused(engram_score_source(s, NULL, NULL, no_row, NULL, &error), "source");
    refused(engram_score_source(s, &source, NULL, NULL, NULL, &error), "row");
    engram_overlay *overlay;
    const engram_row row = {.size = sizeof row, .result = &r};
    refused(engram_overlay_new(NULL, "o.mp4", 0, &overlay, &error), "scorer");
    refused(engram_overlay_new(s, NULL, 0, &overlay, &error), "path");
    refused(engram_overlay_new(s, "o.mp4", 0, NULL, &error), "overlay");
    refused(engram_overlay_add(NULL, &row, &error), "overlay");
    refused(engram_overlay_end(NULL, &error), "overlay");
    engram_overlay_free(NULL);
    assert_int_equal(engram_overlay_new(s, "o.mp4", 0, &overlay, &error), 0);
    refused(engram_overlay_add(overlay, NULL, &error), "row");
    refused(engram_overlay_add(overlay, &row, &error), "pictures=true");
    engram_overlay_free(overlay);
    engram_stream *stream;
    refused(engram_stream_new(NULL, NULL, no_row, NULL, &stream, &error), "scorer");
    refused(engram_stream_new(s, NULL, NULL, NULL, &stream, &error), "row");
    refused(engram_stream_new(s, NULL, no_row, NULL, NULL, &error), "stream");
    refused(engram_stream_push(NULL, &picture, 0, &error), "stream");
    refused(engram_stream_end(NULL, &error), "stream");
    assert_int_equal(engram_stream_latency(NULL), 0);
    engram_stream_free(NULL);
    assert_int_equal(engram_stream_new(s, NULL, no_row, NULL, &stream, &error), 0);
    refused(engram_stream_push(stream, NULL, 0, &error), "picture");
    engram_stream_free(stream);
    engram_scorer_free(s);
}

static void training(void **state)
{
    (void)state;
    size_t bytes;
    engram_train_job job = small_job("never.safetensors");
    refused(engram_train(NULL, NULL, NULL, &error), "job");
    refused(engram_train_memory(NULL, &bytes, &error), "job");
    refused(engram_train_memory(&job, NULL, &error), "bytes");
    job.model = NULL;
    refused(engram_train(&job, NULL, NULL, &error), "features"); /* it chooses, and these are memae's settings */
    job = small_job("never.safetensors");
    job.data = NULL;
    refused(engram_train(&job, NULL, NULL, &error), "`data`");
    refused(engram_train_memory(&job, &bytes, &error), "`data`");
    job = small_job(NULL);
    refused(engram_train(&job, NULL, NULL, &error), "`output`");
    job = small_job("never.safetensors");
    job.settings = NULL;
    refused(engram_train(&job, NULL, NULL, &error), "settings");
    static const char *const none[] = {"epochs=1", NULL};
    job.settings = none;
    job.nsettings = 2;
    refused(engram_train(&job, NULL, NULL, &error), "setting");
    assert_false(exists("never.safetensors"));
}

static void adding(void **state)
{
    (void)state;
    engram_add_job job = {
        .size = sizeof job, .model = "model.safetensors", .data = DATA, .output = "never.safetensors"};
    engram_add_summary summary = {0};
    refused(engram_add(NULL, NULL, NULL, &error), "job");
    refused(engram_add(&job, NULL, &summary, &error), "size");
    refused(engram_add(&job, NULL, NULL, &error), "trained in epochs");
    job.threads = -1;
    refused(engram_add(&job, NULL, NULL, &error), "threads");
    job.data = NULL;
    refused(engram_add(&job, NULL, NULL, &error), "`data`");
    job.output = NULL;
    refused(engram_add(&job, NULL, NULL, &error), "`output`");
    job.model = NULL;
    refused(engram_add(&job, NULL, NULL, &error), "`model`");
    assert_false(exists("never.safetensors"));
}

static void evaluating(void **state)
{
    (void)state;
    engram_evaluation *ev = NULL;
    engram_metric metric = ENGRAM_METRIC_INIT;
    engram_roc_point point = ENGRAM_ROC_POINT_INIT;
    engram_scored scored = ENGRAM_SCORED_INIT;
    engram_data_source source = ENGRAM_DATA_SOURCE_INIT;
    const engram_evaluation *const none[] = {NULL};
    refused(engram_evaluate(NULL, DATA, NULL, 0, NULL, &ev, &error), "model");
    refused(engram_evaluate(model, NULL, NULL, 0, NULL, &ev, &error), "url");
    refused(engram_evaluate(model, DATA, NULL, 0, NULL, NULL, &error), "evaluation");
    refused(engram_evaluate(model, DATA, NULL, 2, NULL, &ev, &error), "settings");
    refused(engram_evaluate_source(NULL, &source, NULL, 0, NULL, &ev, &error), "model");
    refused(engram_evaluate_source(model, NULL, NULL, 0, NULL, &ev, &error), "source");
    refused(engram_evaluate_source(model, &source, NULL, 0, NULL, NULL, &error), "evaluation");
    refused(engram_report_write(NULL, 1, NULL, NULL, "r.html", 0, NULL, &error), "evaluations");
    refused(engram_report_write(none, 1, NULL, NULL, NULL, 0, NULL, &error), "path");
    refused(engram_report_write(none, 1, NULL, NULL, "r.html", 0, NULL, &error), "evaluation 0");
    assert_int_equal(engram_evaluation_metric(NULL, 0, &metric), 0);
    assert_int_equal(engram_evaluation_roc(NULL, 0, &point), 0);
    assert_int_equal(engram_evaluation_sample(NULL, 0, &scored), 0);
    assert_true(isnan(engram_evaluation_value(NULL, "auroc")));
    engram_evaluation_training(NULL, 1, 1);
    assert_int_equal(engram_evaluate(model, DATA, NULL, 0, NULL, &ev, &error), 0);
    assert_true(isnan(engram_evaluation_value(ev, NULL)));
    assert_int_equal(engram_evaluation_metric(ev, 0, NULL), 0);
    assert_int_equal(engram_evaluation_roc(ev, 0, NULL), 0);
    assert_int_equal(engram_evaluation_sample(ev, 0, NULL), 0);
    engram_evaluation_free(ev);
}

static void looking(void **state)
{
    (void)state;
    engram_data *data;
    engram_sample sample = ENGRAM_SAMPLE_INIT;
    uint8_t pixels[256];
    size_t bytes;
    engram_fact fact = ENGRAM_FACT_INIT;
    engram_epoch epoch = ENGRAM_EPOCH_INIT;
    engram_format format = ENGRAM_FORMAT_INIT;
    refused(engram_data_open(NULL, NULL, &data, &error), "url");
    refused(engram_data_open(DATA, NULL, NULL, &error), "data");
    refused(engram_data_open_source(NULL, NULL, &data, &error), "source");
    refused(engram_data_check(NULL, NULL, &error), "data");
    refused(engram_data_summary(NULL, NULL, &error), "data");
    assert_int_equal(engram_data_count(NULL, ENGRAM_DATA_TRAIN), 0);
    assert_int_equal(engram_data_sample(NULL, ENGRAM_DATA_TRAIN, 0, &sample), 0);
    refused(engram_model_item(NULL, 0, 0, pixels, 256, &error), "model");
    refused(engram_model_item(model, 0, 0, NULL, 256, &error), "pixels");
    refused(engram_model_memory(NULL, NULL, 0, &bytes, &error), "model");
    refused(engram_model_memory(model, NULL, 0, NULL, &error), "bytes");
    assert_int_equal(engram_model_items(NULL, 0), 0);
    assert_int_equal(engram_model_fact_at(NULL, 0, &fact), 0);
    assert_int_equal(engram_model_column_at(NULL, 0, NULL), 0);
    assert_null(engram_model_category_at(NULL, 0, 0));
    assert_int_equal(engram_model_fact_at(model, 0, NULL), 0);
    assert_int_equal(engram_model_curve_at(NULL, 0, &epoch), 0);
    assert_int_equal(engram_model_curve_at(model, 0, NULL), 0);
    assert_int_equal(engram_model_format(NULL, &format), 0);
    assert_int_equal(engram_model_format(model, NULL), 0);
    assert_true(isnan(engram_model_threshold(NULL, 0.1)) && isnan(engram_model_p_value(NULL, 0)));
    assert_true(isnan(engram_model_smallest_rate(NULL)) && isnan(engram_model_rate_bound(NULL, 0.1, 0.9)));
}

static void tables(void **state)
{
    (void)state;
    engram_option option = ENGRAM_OPTION_INIT;
    engram_preset preset = ENGRAM_PRESET_INIT;
    assert_int_equal(engram_model_kind_at(0, NULL), 0);
    assert_int_equal(engram_model_option_at(NULL, 0, &option), 0);
    assert_int_equal(engram_model_option_at("memae", 0, NULL), 0);
    assert_int_equal(engram_train_option_at(0, NULL), 0);
    assert_int_equal(engram_scorer_option_at(0, NULL), 0);
    assert_int_equal(engram_evaluate_option_at(0, NULL), 0);
    assert_int_equal(engram_preset_at(NULL, 0, &preset), 0);
    assert_int_equal(engram_preset_at("memae", 0, NULL), 0);
    assert_int_equal(engram_source_at(0, NULL), 0);
    assert_int_equal(engram_source_option_at(NULL, 0, &option), 0);
    assert_int_equal(engram_source_option_at("synth", 0, NULL), 0);
    option.size = 0;
    assert_int_equal(engram_train_option_at(0, &option), 0);
}

static void measuring(void **state)
{
    (void)state;
    engram_bench_job job = ENGRAM_BENCH_JOB_INIT;
    engram_bench_summary summary = ENGRAM_BENCH_SUMMARY_INIT;
    engram_stop *stop = NULL;
    refused(engram_bench(NULL, NULL, &summary, NULL, NULL, &error), "job");
    refused(engram_bench(&job, NULL, NULL, NULL, NULL, &error), "summary");
    refused(engram_bench(&job, NULL, &summary, NULL, NULL, &error), "`model`");
    refused(engram_machine_measure(1, NULL, &error), "machine");
    refused(engram_stop_new(NULL, &error), "stop");
    engram_stop_set(stop);
    engram_stop_clear(stop);
    assert_int_equal(engram_stop_is_set(stop), 0);
}

/* ---- sizes ---- */

static void no_size_is_a_sentence(void **state)
{
    (void)state;
    uint8_t pixels[256] = {0};
    engram_picture picture = grey(pixels, 16, 16);
    engram_result r = {0};
    engram_train_job job = small_job("never.safetensors");
    engram_hooks hooks = {0};
    engram_train_summary summary = {0};
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    refused(engram_score_picture(s, &picture, &r, &error), "engram_result");
    picture.size = 0;
    r.size = sizeof r;
    refused(engram_score_picture(s, &picture, &r, &error), "engram_picture");
    refused(engram_train(&job, &hooks, NULL, &error), "engram_hooks");
    refused(engram_train(&job, NULL, &summary, &error), "engram_train_summary");
    job.size = 0;
    refused(engram_train(&job, NULL, NULL, &error), "engram_train_job");
    engram_scorer_free(s);
}

/* A program built with a later header: what it leaves 0 is ignored, what it asks for cannot be done here. */
static void a_later_header(void **state)
{
    (void)state;
    struct {
        engram_hooks now;
        void *later;
    } hooks = {.now = ENGRAM_HOOKS_INIT};
    struct {
        engram_format now;
        int64_t later;
    } format = {.now = ENGRAM_FORMAT_INIT, .later = 5};
    engram_data *data;
    hooks.now.size = sizeof hooks;
    assert_int_equal(engram_data_open(DATA, &hooks.now, &data, &error), 0);
    engram_data_free(data);
    hooks.later = &hooks;
    refused(engram_data_open(DATA, &hooks.now, &data, &error), "newer");
    format.now.size = sizeof format;
    assert_int_equal(engram_model_format(model, &format.now), 1);
    assert_int_equal(format.now.size, sizeof format);
    assert_int_equal(format.later, 0);
}

/* One that ends earlier: its members are read and filled, nothing behind them is touched. */
static void an_earlier_header(void **state)
{
    (void)state;
    engram_format format = ENGRAM_FORMAT_INIT;
    engram_train_job job = small_job("earlier.safetensors");
    const engram_data_source wild = ENGRAM_DATA_SOURCE_INIT;
    format.size = offsetof(engram_format, width);
    format.width = 77;
    assert_int_equal(engram_model_format(model, &format), 1);
    assert_int_equal(format.height, 16);
    assert_int_equal(format.width, 77);
    job.size = offsetof(engram_train_job, source);
    job.source = &wild; /* behind its end: not seen */
    assert_int_equal(engram_train(&job, NULL, NULL, &error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scoring),        cmocka_unit_test(training),
        cmocka_unit_test(adding),         cmocka_unit_test(evaluating),
        cmocka_unit_test(looking),        cmocka_unit_test(tables),
        cmocka_unit_test(measuring),      cmocka_unit_test(no_size_is_a_sentence),
        cmocka_unit_test(a_later_header), cmocka_unit_test(an_earlier_header),
    };
    return cmocka_run_group_tests_name("null", tests, model_begin, model_end);
}
