/* Data from functions of the program's own, wherever a URL is. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 16, SAMPLES = 48, ODD = 8 }; /* the last ODD are anomalous */

struct store {
    uint8_t pixels[SIDE * SIDE];
    int bad;    /* -1: none */
    int inside; /* calls at this moment: never more than one */
    int reads;
};

/* Stripes, and where they are anomalous a bright square. */
static int read_sample(void *user, size_t i, engram_picture *picture, engram_error *error)
{
    struct store *s = user;
    assert_int_equal(s->inside++, 0);
    s->reads++;
    for (int k = 0; k < SIDE * SIDE; k++)
        s->pixels[k] = (uint8_t)(60 + (k % SIDE + (int)i) % 4 * 20);
    for (int y = 4; i >= SAMPLES - ODD && y < 12; y++)
        memset(s->pixels + y * SIDE + 4, 255, 8);
    *picture = grey(s->pixels, SIDE, SIDE);
    s->inside--;
    if ((int)i != s->bad)
        return 0;
    snprintf(error->message, sizeof error->message, "the camera was unplugged");
    return 1;
}

static void describe_sample(void *user, size_t i, engram_sample *sample)
{
    static char name[40];
    (void)user;
    assert_int_equal(sample->truth, -1);
    snprintf(name, sizeof name, "shot-%zu", i);
    sample->name = name;
    sample->truth = i >= SAMPLES - ODD;
    sample->kind = sample->truth ? "square" : "good";
}

static engram_data_source source_of(struct store *s)
{
    engram_data_source source = ENGRAM_DATA_SOURCE_INIT;
    source.name = "line 3";
    source.count = SAMPLES;
    source.user = s;
    source.describe = describe_sample;
    source.read = read_sample;
    return source;
}

struct rows {
    engram_scorer *alone;
    int n, errors;
};

/* Every row has the score of its picture alone. */
static int compare_row(void *user, const engram_row *row)
{
    struct rows *r = user;
    struct store again = {.bad = -1};
    engram_picture picture;
    engram_result result = ENGRAM_RESULT_INIT;
    char name[40];
    snprintf(name, sizeof name, "shot-%d", r->n);
    assert_string_equal(row->name, name);
    assert_string_equal(row->kind, r->n >= SAMPLES - ODD ? "square" : "good");
    assert_int_equal(row->truth, r->n >= SAMPLES - ODD);
    if (row->error) {
        assert_says(row->error, "unplugged");
        r->errors++;
    } else {
        read_sample(&again, (size_t)r->n, &picture, NULL);
        assert_int_equal(engram_score_picture(r->alone, &picture, &result, NULL), 0);
        assert_true(fabs(result.score - row->result->score) < 1e-5 * result.score);
    }
    r->n++;
    return 0;
}

static void scoring(void **state)
{
    (void)state;
    struct store store = {.bad = 5};
    struct rows rows = {.alone = scorer_with(NULL, NULL, NULL, NULL)};
    engram_scorer *s = scorer_with("threads=2", "batch=8", NULL, NULL);
    engram_error error;
    const engram_data_source source = source_of(&store);
    if (engram_score_source(s, &source, NULL, compare_row, &rows, &error))
        fail_msg("%s", error.message);
    assert_int_equal(rows.n, SAMPLES);
    assert_int_equal(rows.errors, 1);
    engram_scorer_free(s);
    engram_scorer_free(rows.alone);
}

/* The whole way: learn from what is normal, find what is not. */
static void training_and_evaluating(void **state)
{
    (void)state;
    struct store store = {.bad = -1};
    const engram_data_source source = source_of(&store);
    engram_train_job job = small_job("own.safetensors");
    engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
    engram_model *own;
    engram_evaluation *ev;
    engram_scored scored = ENGRAM_SCORED_INIT;
    engram_error error;
    job.data = NULL;
    job.source = &source;
    if (engram_train(&job, NULL, &summary, &error))
        fail_msg("%s", error.message);
    assert_int_equal(summary.trained + summary.validated + summary.calibrated, SAMPLES - ODD);
    assert_int_equal(engram_model_load("own.safetensors", &own, &error), 0);
    assert_int_equal(engram_evaluate_source(own, &source, NULL, 0, NULL, &ev, &error), 0);
    assert_true(engram_evaluation_value(ev, "auroc") == 1);
    assert_true(engram_evaluation_value(ev, "anomalous") == ODD);
    assert_int_equal(engram_evaluation_sample(ev, SAMPLES - 1, &scored), 1);
    assert_string_equal(scored.name, "shot-47");
    engram_fact fact = ENGRAM_FACT_INIT;
    int named = 0;
    for (size_t i = 0; engram_model_fact_at(own, i, &fact); i++)
        named |= !strcmp(fact.name, "data") && !strcmp(fact.text, "line 3");
    assert_true(named);
    engram_evaluation_free(ev);
    engram_model_free(own);
}

static void a_training_fails_on_a_bad_sample(void **state)
{
    (void)state;
    struct store store = {.bad = 7};
    const engram_data_source source = source_of(&store);
    engram_train_job job = small_job("bad.safetensors");
    engram_error error;
    job.data = NULL;
    job.source = &source;
    assert_int_equal(engram_train(&job, NULL, NULL, &error), ENGRAM_FORMAT);
    assert_says(error.message, "unplugged");
    assert_false(exists("bad.safetensors"));
}

static void looking(void **state)
{
    (void)state;
    struct store store = {.bad = -1};
    engram_data_source source = source_of(&store);
    engram_sample sample = ENGRAM_SAMPLE_INIT;
    engram_data *data;
    engram_error error;
    assert_int_equal(engram_data_open_source(&source, NULL, &data, &error), 0);
    assert_int_equal(store.reads, 0);
    assert_int_equal(engram_data_count(data, ENGRAM_DATA_TRAIN), SAMPLES - ODD);
    assert_int_equal(engram_data_count(data, ENGRAM_DATA_TEST), ODD);
    assert_int_equal(engram_data_sample(data, ENGRAM_DATA_TEST, 0, &sample), 1);
    assert_string_equal(sample.name, "shot-40");
    assert_int_equal(sample.part, ENGRAM_DATA_TEST);
    assert_int_equal(engram_data_check(data, NULL, &error), 0);
    assert_int_equal(store.reads, SAMPLES);
    engram_data_free(data);
    source.describe = NULL;
    assert_int_equal(engram_data_open_source(&source, NULL, &data, &error), 0);
    assert_int_equal(engram_data_count(data, ENGRAM_DATA_TRAIN), SAMPLES);
    engram_data_free(data);
}

static void sources_that_are_none(void **state)
{
    (void)state;
    struct store store = {.bad = -1};
    engram_data_source source = source_of(&store);
    engram_data *data;
    engram_error error;
    source.read = NULL;
    assert_int_equal(engram_data_open_source(&source, NULL, &data, &error), ENGRAM_USAGE);
    source = source_of(&store);
    source.count = 0;
    assert_true(engram_data_open_source(&source, NULL, &data, &error) < 0);
    source = source_of(&store);
    source.size = 0;
    assert_int_equal(engram_data_open_source(&source, NULL, &data, &error), ENGRAM_USAGE);
    engram_train_job job = small_job("both.safetensors");
    job.source = &source; /* and a URL */
    assert_int_equal(engram_train(&job, NULL, NULL, &error), ENGRAM_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scoring),
        cmocka_unit_test(training_and_evaluating),
        cmocka_unit_test(a_training_fails_on_a_bad_sample),
        cmocka_unit_test(looking),
        cmocka_unit_test(sources_that_are_none),
    };
    return cmocka_run_group_tests_name("source", tests, model_begin, model_end);
}
