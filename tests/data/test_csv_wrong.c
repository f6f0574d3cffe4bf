/* Every way in which tables of text can be wrong. */
#include "tables.h"

#include "table/csv_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(const char *text, const char *options, int code, const char *word, const char *another)
{
    char url[128];
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_text("bad.csv", text);
    snprintf(url, sizeof url, "csv:bad.csv?seed=1%s", options);
    if (dataset_open(url, DATASET_LEARN, NULL, &ds, &e) >= 0)
        fail_msg("it can be opened:\n%s", text);
    expect_error(&e, code, "bad.csv", word, another, NULL);
}

static void files_that_are_no_tables(void **state)
{
    (void)state;
    struct dataset *ds;
    struct err why = ERR_INIT;
    write_file("wide.csv", "a\0,\0b\0\n\0", 8); /* as UTF-16 has it */
    assert_true(dataset_open("csv:wide.csv", DATASET_LEARN, NULL, &ds, &why) < 0);
    expect_error(&why, ERR_FORMAT, "wide.csv", "UTF-16", "UTF-8", NULL);
    refuse("", "", ERR_FORMAT, "is empty", "a row a line");
    refuse("\n\r\n\n", "", ERR_FORMAT, "is empty", "a row a line");
    refuse("x,y\n", "", ERR_FORMAT, "no rows", "header=no");
    refuse("x,y,x\n1,2,3\n", "", ERR_FORMAT, "number 1 and number 3", "'x'");
    refuse("x,y\n1,2\n", "&label=kind", ERR_USAGE, "no column 'kind'", "x, ..., y");
    refuse("x,y\n1,2\n", "&ignore=x,y", ERR_USAGE, "none of them is left", "2 columns");
    refuse("x,y\n1,2\n", "&normal=a", ERR_USAGE, "label=", "normal=");
    refuse("x,label\n1,a\n2,b\n", "&normal=c", ERR_USAGE, "no class 'c'", "a, b");
    refuse("x,y\n1,2\n3,\"4\n5,6\n", "", ERR_FORMAT, "line 3", "not closed before the file ends");
}

/* Rows are checked before anything is trained, and those that are wrong are named. */
static void check_row(const char *text, const char *word, const char *another, const char *remedy)
{
    struct learnt l;
    struct err e = ERR_INIT;
    write_text("row.csv", text);
    l = learn("row.csv");
    const struct dataset_needs needs = {.at_least = 1, .input = &l.p, .memory = 1 << 20, .threads = 2};
    assert_true(dataset_check(l.ds, SPLIT_TRAIN, &needs, NULL, &e) < 0);
    expect_error(&e, ERR_FORMAT, "1 of the 4 training samples", "row.csv, line 3", word, another, remedy, NULL);
    forget(&l);
}

static void rows_that_cannot_be_used(void **state)
{
    (void)state;
    check_row("x,y\n1,2\n3,4,5\n5,6\n7,8\n", "the row has 3 cells", "2 columns", "quote");
    check_row("x,y\n1,2\n3\n5,6\n7,8\n", "the row has 1 cell,", "2 columns", "quote");
    check_row("x,y\n1,2\n3,abc\n5,6\n7,8\n", "column y is 'abc'", "numbers are wanted", "categorical=y");
    check_row("x,y\n1,2\n3,NaN\n5,6\n7,8\n", "column y is missing", "'NaN'", "missing=median");
    check_row("x,y\n1,2\n3,-inf\n5,6\n7,8\n", "column y is '-inf'", "no finite number", "missing=median");
    check_row("x,y\n1,2\n3,1e999\n5,6\n7,8\n", "column y is '1e999'", "no finite number", "missing=median");
}

static void too_many_categories(void **state)
{
    (void)state;
    char text[60000] = "name,x\n";
    struct err e = ERR_INIT;
    struct arena arena = {0};
    struct preprocess p;
    for (int i = 0; i < 1500; i++)
        sprintf(text + strlen(text), "n%d,%d\n", i, i);
    write_text("names.csv", text);
    struct dataset *ds = open_dataset("names.csv", DATASET_LEARN);
    assert_true(dataset_fit(ds, SPLIT_TRAIN, &(struct wishes){0}, &arena, &p, &e) < 0);
    expect_error(&e, ERR_USAGE, "names.csv", "column name", "1000", "id=name", NULL);
    dataset_close(ds);
    arena_free(&arena);
}

static void gz_that_breaks_off(void **state)
{
    (void)state;
    struct dataset *ds;
    struct err e = ERR_INIT;
    char *text = malloc(3 << 20);
    size_t used = (size_t)sprintf(text, "x,y\n");
    for (int i = 0; used < (size_t)(3 << 20) - 64; i++)
        used += (size_t)sprintf(text + used, "%d,%d\n", i, i % 10007 * 7919 % 10007);
    write_packed("broken.csv.gz", text, 1000);
    free(text);
    assert_true(dataset_open("broken.csv.gz", DATASET_LEARN, NULL, &ds, &e) < 0);
    expect_error(&e, ERR_FORMAT, "broken.csv.gz", "behind line", "ends too early", "copy it again", NULL);
}

/* Nothing of it is kept but what a record may have. */
static void a_line_of_100_megabytes(void **state)
{
    (void)state;
    enum { MEGABYTES = 100, STEP = 1 << 20 };
    struct dataset *ds;
    struct err e = ERR_INIT;
    char *step = malloc(STEP);
    for (int quoted = 0; quoted < 2; quoted++) {
        FILE *out = fopen("long.csv", "wb");
        fputs(quoted ? "x,y\n1,2\n3,\"" : "x,y\n1,2\n", out);
        memset(step, '1', STEP);
        for (int i = 0; i < MEGABYTES; i++)
            fwrite(step, 1, STEP, out);
        fclose(out);
        e = ERR_INIT;
        assert_true(dataset_open("long.csv", DATASET_LEARN, NULL, &ds, &e) < 0);
        expect_error(&e, ERR_FORMAT, "long.csv", quoted ? "line 3" : "line 3", "16 MiB", NULL);
    }
    free(step);
}

static void a_file_that_shrinks(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct csv_rows *rows;
    struct row_text row;
    write_text("small.csv", small_table);
    assert_int_equal(csv_rows_new("small.csv", true, 10, &rows, &e), 0);
    const struct csv_record record = {.text = "6,red,d,normal", .n = 14, .offset = 69, .line = 5};
    assert_int_equal(csv_rows_add(rows, &record, &e), 0);
    row_text_begin(&row);
    assert_int_equal(csv_rows_read(rows, 0, ',', 4, &row, &e), 0);
    FILE *out = fopen("small.csv", "wb");
    fputs("size\n", out);
    fclose(out);
    assert_true(csv_rows_read(rows, 0, ',', 4, &row, &e) < 0);
    expect_error(&e, ERR_IO, "small.csv, line 5", "was changed", NULL);
    row_text_free(&row);
    csv_rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_tables), cmocka_unit_test(rows_that_cannot_be_used),
        cmocka_unit_test(too_many_categories),      cmocka_unit_test(gz_that_breaks_off),
        cmocka_unit_test(a_line_of_100_megabytes),  cmocka_unit_test(a_file_that_shrinks),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
