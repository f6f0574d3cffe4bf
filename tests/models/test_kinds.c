/* Models and data of another kind than the library has, through the public interface: two objectives, a search at
 * scoring time, rows of numbers. Nothing above the tables knows them. */
#include "engram.h"

#include "support/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    size_t n, flagged[2], of[2];
    double score[400];
};

static int note_row(void *user, const engram_row *row)
{
    struct seen *s = user;
    assert_null(row->error);
    const engram_result *r = row->result;
    assert_true(isfinite(r->score) && r->p_value > 0 && r->p_value <= 1);
    if (s->n < 400)
        s->score[s->n] = r->score;
    s->n++;
    s->of[row->truth]++;
    s->flagged[row->truth] += r->anomalous != 0;
    return 0;
}

static void train(const char *model, const char *data, const char *path)
{
    engram_error e;
    const engram_train_job job = {.size = sizeof job, .model = model, .data = data, .output = path, .force = 1};
    if (engram_train(&job, NULL, NULL, &e))
        fail_msg("%s", e.message);
}

static void score(const engram_model *m, const char *data, const char *batch, struct seen *seen)
{
    engram_error e;
    engram_scorer *scorer;
    const char *const settings[] = {"threads=1", batch, "maps=true"};
    *seen = (struct seen){0};
    assert_int_equal(engram_scorer_new(m, settings, 3, &scorer, &e), 0);
    if (engram_score_data(scorer, &data, 1, NULL, note_row, seen, &e))
        fail_msg("%s", e.message);
    engram_scorer_free(scorer);
}

static engram_evaluation *evaluate(const engram_model *m, const char *data)
{
    engram_error e;
    engram_evaluation *evaluation;
    if (engram_evaluate(m, data, NULL, 0, NULL, &evaluation, &e))
        fail_msg("%s", e.message);
    return evaluation;
}

/* Trains, scores, evaluates, reports: finds what is odd, and says the same of a sample whatever is beside it. */
/* Scores in deviations lie around 0, where rounding is large beside a score, though never beside what tells scores
 * apart. */
static void check_alike(const struct seen *one, const struct seen *other)
{
    double least = one->score[0], most = one->score[0];
    assert_int_equal(one->n, other->n);
    for (size_t i = 0; i < one->n && i < 400; i++) {
        least = fmin(least, one->score[i]);
        most = fmax(most, one->score[i]);
    }
    for (size_t i = 0; i < one->n && i < 400; i++)
        assert_true(fabs(one->score[i] - other->score[i]) <= 1e-4 * (most - least));
}

static void whole_way(const char *model, const char *data, double least)
{
    engram_error e;
    engram_model *m;
    static struct seen together, alone;
    const char *path = in_folder("kind.safetensors"), *page = in_folder("kind.html");
    train(model, data, path);
    assert_int_equal(engram_model_load(path, &m, &e), 0);
    score(m, data, "batch=64", &together);
    score(m, data, "batch=1", &alone);
    check_alike(&together, &alone);
    engram_evaluation *evaluation = evaluate(m, data);
    double auroc = engram_evaluation_value(evaluation, "auroc");
    print_message("%s on %s: AUROC %.3f\n", model, data, auroc);
    assert_true(auroc > least);
    const engram_evaluation *all[] = {evaluation};
    if (engram_report_write(all, 1, NULL, NULL, page, 1, NULL, &e))
        fail_msg("%s", e.message);
    engram_evaluation_free(evaluation);
    engram_model_free(m);
}

static void two_objectives(void **state)
{
    (void)state;
    whole_way("toy-gan", "synth:?n=200&test=60&size=12", 0.6);
}

static void a_search_at_scoring_time(void **state)
{
    (void)state;
    whole_way("toy-search", "synth:?n=200&test=20&size=12", 0.5);
}

/* The loss that is not finite is named, be it the second. */
static void a_second_objective_that_diverges_is_named(void **state)
{
    (void)state;
    engram_error e;
    const char *settings[] = {"explode=true"};
    const engram_train_job job = {.size = sizeof job,
                                  .model = "toy-gan",
                                  .settings = settings,
                                  .nsettings = 1,
                                  .data = "synth:?n=60&test=4&size=12",
                                  .output = in_folder("never.safetensors")};
    assert_int_equal(engram_train(&job, NULL, NULL, &e), ENGRAM_FAIL);
    assert_says(e.message, "the loss 'discriminator' is infinite");
    assert_null(strstr(e.message, "generator' is"));
    assert_false(exists(job.output));
}

static void rows_of_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        double least;
    } takers[] = {{"toy-rows", 0.9}, {"ae", 0.9}, {"vae", 0.9}, {"memae", 0.9}, {"ganomaly", 0.9}, {"egbad", 0.5}};
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        whole_way(takers[i].model, "toyrows:?n=400&test=200", takers[i].least);
}

/* A row for a model of pictures, and a picture for a model of rows. */
static void kinds_do_not_mix(void **state)
{
    (void)state;
    engram_error e;
    engram_model *m;
    engram_scorer *scorer;
    struct seen seen = {0};
    const char *path = in_folder("rows.safetensors"), *pictures = "synth:?n=4&test=4&size=12";
    const engram_train_job job = {
        .size = sizeof job, .model = "ae-skip", .data = "toyrows:", .output = in_folder("no.safetensors")};
    assert_int_equal(engram_train(&job, NULL, NULL, &e), ENGRAM_USAGE);
    assert_says(e.message, "7");
    train("toy-rows", "toyrows:?n=60&test=2", path);
    assert_int_equal(engram_model_load(path, &m, &e), 0);
    assert_int_equal(engram_scorer_new(m, NULL, 0, &scorer, &e), 0);
    const uint8_t pixels[4] = {0};
    engram_result result = ENGRAM_RESULT_INIT;
    const engram_picture picture = {.size = sizeof picture, .width = 2, .height = 2, .plane = {pixels}};
    assert_int_equal(engram_score_picture(scorer, &picture, &result, &e), ENGRAM_USAGE);
    assert_says(e.message, "rows");
    assert_true(engram_score_data(scorer, &pictures, 1, NULL, note_row, &seen, &e) < 0);
    assert_says(e.message, "pictures");
    engram_scorer_free(scorer);
    engram_model_free(m);
}

/* Rows in memory: in one call, in batches, one by one, all the same; and what cannot be scored. */
static void rows_in_memory(void **state)
{
    (void)state;
    enum { N = 11, COLUMNS = 7 };
    engram_error e;
    engram_model *m;
    engram_scorer *scorer;
    engram_format format = ENGRAM_FORMAT_INIT;
    const char *const settings[] = {"batch=4"};
    const char *path = in_folder("memory.safetensors");
    float rows[N * COLUMNS];
    engram_result together[N], one = ENGRAM_RESULT_INIT;
    train("ae", "toyrows:?n=60&test=2", path);
    assert_int_equal(engram_model_load(path, &m, &e), 0);
    assert_int_equal(engram_scorer_new(m, settings, 1, &scorer, &e), 0);
    engram_model_format(m, &format);
    assert_int_equal(format.channels, COLUMNS);
    for (int i = 0; i < N * COLUMNS; i++)
        rows[i] = (float)(i * 7 % 11) / 5;
    together[0].size = sizeof one;
    if (engram_score_rows(scorer, rows, N, COLUMNS, together, &e))
        fail_msg("%s", e.message);
    for (int i = 0; i < N; i++) {
        assert_int_equal(engram_score_rows(scorer, rows + i * COLUMNS, 1, COLUMNS, &one, &e), 0);
        assert_true(one.score > 0 && fabs(one.score - together[i].score) <= 1e-5 * one.score);
        assert_true(one.p_value == together[i].p_value && one.anomalous == together[i].anomalous);
        assert_int_equal(together[i].size, sizeof one);
    }
    engram_scorer *telling;
    const char *const maps[] = {"batch=4", "maps=true"};
    engram_reason reasons[COLUMNS] = {ENGRAM_REASON_INIT};
    size_t n;
    engram_column column = ENGRAM_COLUMN_INIT;
    assert_int_equal(engram_model_column_at(m, 2, &column), 1);
    assert_string_equal(column.name, "c3");
    assert_string_equal(column.role, "number");
    assert_true(column.place == 2 && column.low < column.high && !column.ncategories);
    assert_null(engram_model_category_at(m, 2, 0));
    assert_int_equal(engram_model_column_at(m, COLUMNS, &column), 0);
    assert_int_equal(engram_scorer_new(m, maps, 2, &telling, &e), 0);
    assert_int_equal(engram_score_rows(telling, rows, 3, COLUMNS, together, &e), 0);
    if (engram_scorer_reasons(telling, 2, reasons, COLUMNS, &n, &e) == 0) { /* of a model that has maps of rows */
        assert_int_equal(n, COLUMNS);
        double sum = 0, share = 1;
        for (size_t i = 0; i < n; i++, sum += share) {
            assert_true(reasons[i].column[0] == 'c' && reasons[i].share <= share);
            share = reasons[i].share;
            long place = strtol(reasons[i].column + 1, NULL, 10);
            assert_true(fabs(strtod(reasons[i].value, NULL) - (double)rows[2 * COLUMNS + place - 1]) < 1e-4);
            assert_non_null(strstr(reasons[i].normal, ".."));
        }
        assert_true(fabs(sum - 1) < 1e-6);
    }
    assert_int_equal(engram_scorer_reasons(telling, 3, reasons, COLUMNS, &n, &e), ENGRAM_USAGE);
    engram_scorer_free(telling);
    assert_int_equal(engram_score_rows(scorer, rows, N, COLUMNS - 1, together, &e), ENGRAM_USAGE);
    assert_says(e.message, "6 columns");
    rows[8 * COLUMNS + 2] = NAN;
    together[0].score = 77;
    assert_int_equal(engram_score_rows(scorer, rows, N, COLUMNS, together, &e), ENGRAM_FORMAT);
    assert_says(e.message, "row 8 of 11");
    assert_says(e.message, "column c3");
    assert_true(together[0].score == 77);
    engram_scorer_free(scorer);
    engram_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_objectives),
        cmocka_unit_test(a_search_at_scoring_time),
        cmocka_unit_test(a_second_objective_that_diverges_is_named),
        cmocka_unit_test(rows_of_numbers),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(rows_in_memory),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
