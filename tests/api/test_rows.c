/* Rows of a program's own: as texts, as numbers, as a file has them, all the same. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 20, COLUMNS = 3 };

static engram_model *table;

/* Row i: speed, load (which goes with it) and colour. */
static void make_row(int i, char text[COLUMNS][16])
{
    static const char *const colours[] = {"red", "green", "blue"};
    snprintf(text[0], 16, "%d", 10 + i % 17);
    snprintf(text[1], 16, "%.1f", 3.5 * (10 + i % 17) + i % 5);
    snprintf(text[2], 16, "%s", colours[i % 3]);
}

static void write_table(const char *path, int rows)
{
    char *text = malloc((size_t)rows * 64 + 64), row[COLUMNS][16];
    int n = sprintf(text, "speed,load,colour\n");
    for (int i = 0; i < rows; i++) {
        make_row(i, row);
        n += sprintf(text + n, "%s,%s,%s\n", row[0], row[1], row[2]);
    }
    write_file(path, text, (size_t)n);
    free(text);
}

static int begin(void **state)
{
    static const char *const settings[] = {"epochs=3", "threads=1", "calibration=0.2"};
    const engram_train_job job = {.size = sizeof job,
                                  .model = "ae",
                                  .settings = settings,
                                  .nsettings = 3,
                                  .data = "csv:normal.csv",
                                  .output = "table"};
    engram_error error;
    if (model_begin(state))
        return -1;
    write_table("normal.csv", 200);
    write_table("some.csv", ROWS);
    if (engram_train(&job, NULL, NULL, &error) || engram_model_load("table", &table, &error)) {
        print_error("%s\n", error.message);
        return -1;
    }
    return 0;
}

static int end(void **state)
{
    engram_model_free(table);
    return model_end(state);
}

struct seen {
    int n;
    double score[ROWS], p_value[ROWS];
};

static int note(void *user, const engram_row *row)
{
    struct seen *s = user;
    assert_null(row->error);
    s->score[s->n] = row->result->score;
    s->p_value[s->n++] = row->result->p_value;
    return 0;
}

static engram_scorer *scorer_of_table(void)
{
    static const char *const settings[] = {"batch=8"};
    engram_scorer *scorer;
    assert_int_equal(engram_scorer_new(table, settings, 1, &scorer, NULL), 0);
    return scorer;
}

static void texts_numbers_and_files_agree(void **state)
{
    static const char *const urls[] = {"csv:some.csv"};
    static char text[ROWS][COLUMNS][16];
    const char *fields[ROWS * COLUMNS];
    engram_result results[ROWS];
    engram_error error;
    engram_scorer *scorer = scorer_of_table();
    struct seen seen = {0};
    (void)state;
    if (engram_score_data(scorer, urls, 1, NULL, note, &seen, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < ROWS; i++) {
        make_row(i, text[i]);
        for (int c = 0; c < COLUMNS; c++)
            fields[i * COLUMNS + c] = text[i][c];
    }
    results[0].size = sizeof *results;
    if (engram_score_fields(scorer, fields, ROWS, COLUMNS, results, &error))
        fail_msg("%s", error.message);
    assert_int_equal(seen.n, ROWS);
    for (int i = 0; i < ROWS; i++) {
        assert_true(fabs(results[i].score - seen.score[i]) <= 1e-4 * fabs(seen.score[i]) + 1e-6);
        assert_true(results[i].p_value > 0 && results[i].p_value <= 1);
    }
    /* a colour that nobody knows is worse than any */
    const double before = results[3].score;
    fields[3 * COLUMNS + 2] = "ultraviolet";
    assert_int_equal(engram_score_fields(scorer, fields, ROWS, COLUMNS, results, &error), 0);
    assert_true(results[3].score > before);
    engram_scorer_free(scorer);
}

static void what_is_no_row(void **state)
{
    (void)state;
    const char *fields[] = {"12", "45.5", "red", "fast", "45.5", "red", NULL, "45.5", "red"};
    engram_result results[3] = {{.size = sizeof(engram_result), .score = 77}};
    engram_error error;
    engram_scorer *scorer = scorer_of_table(), *of_pictures = scorer_with(NULL, NULL, NULL, NULL);
    assert_int_equal(engram_score_fields(scorer, fields, 1, COLUMNS, results, &error), 0);
    results[0].score = 77;
    assert_int_equal(engram_score_fields(scorer, fields, 2, COLUMNS, results, &error), ENGRAM_FORMAT);
    assert_says(error.message, "row 1 of 2");
    assert_says(error.message, "speed is 'fast'");
    assert_int_equal(engram_score_fields(scorer, fields + 6, 1, COLUMNS, results, &error), ENGRAM_FORMAT);
    assert_says(error.message, "speed is missing");
    assert_int_equal(engram_score_fields(scorer, fields, 1, 2, results, &error), ENGRAM_USAGE);
    assert_says(error.message, "2 columns");
    assert_int_equal(engram_score_fields(of_pictures, fields, 1, COLUMNS, results, &error), ENGRAM_USAGE);
    assert_says(error.message, "pictures");
    assert_true(results[0].score == 77);
    engram_scorer_free(scorer);
    engram_scorer_free(of_pictures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_numbers_and_files_agree),
        cmocka_unit_test(what_is_no_row),
    };
    return cmocka_run_group_tests_name("rows", tests, begin, end);
}
