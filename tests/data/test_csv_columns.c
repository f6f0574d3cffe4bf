/* What a model learns of a table's columns, other tables by that, and which columns make a row abnormal. */
#include "tables.h"

#include "data/reasons.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void columns_are_scaled_and_categories_become_values(void **state)
{
    (void)state;
    write_text("small.csv", small_table);
    struct learnt l = learn("csv:small.csv?ignore=note");
    assert_int_equal(dataset_count(l.ds, SPLIT_TRAIN), 4);
    assert_int_equal(dataset_count(l.ds, SPLIT_TEST), 1);
    assert_string_equal(dataset_sample(l.ds, SPLIT_TEST, 0)->kind, "odd");
    assert_int_equal(dataset_sample(l.ds, SPLIT_TEST, 0)->index, 4);
    assert_int_equal(l.p.sample.d[0], 3); /* size, blue, red: green is in no training row */
    const double deviation = sqrt(14.0 / 4), blue = sqrt(0.25 * 0.75);
    load_row(&l, SPLIT_TRAIN, 1);
    assert_true(fabs((double)l.values[0] - (2 - 3) / deviation) < 1e-6);
    assert_true(fabs((double)l.values[1] - (1 - 0.25) / blue) < 1e-5);
    assert_true(fabs((double)l.values[2] - (0 - 0.75) / blue) < 1e-5);
    load_row(&l, SPLIT_TEST, 0);
    assert_true(l.kept[1] == -1);
    assert_true(fabs((double)l.values[1] - (0 - 0.25) / blue) < 1e-5 && l.values[0] > 50);
    forget(&l);
    l = learn_with("csv:small.csv?ignore=note", &(struct wishes){.scale = SCALE_MINMAX, .clip = 2});
    load_row(&l, SPLIT_TRAIN, 3);
    assert_true(l.values[0] == 1 && l.values[1] == 0 && l.values[2] == 1);
    load_row(&l, SPLIT_TEST, 0);
    assert_true(l.values[0] == 2); /* clipped */
    forget(&l);
    l = learn_with("csv:small.csv?ignore=note", &(struct wishes){.scale = SCALE_STANDARD, .plain = true});
    load_row(&l, SPLIT_TRAIN, 1);
    assert_true(fabs((double)l.values[0] - (2 - 3) / deviation) < 1e-6 && l.values[1] == 1 && l.values[2] == 0);
    forget(&l);
}

static void empty_cells_are_filled_where_asked(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    write_text("holes.csv", "x,k\n1,a\n,b\nNA,\n3,a\n8,a\n");
    struct learnt l = learn("holes.csv");
    assert_true(dataset_load(l.ds, SPLIT_TRAIN, 1, &l.p, l.kept, &e) < 0);
    expect_error(&e, ERR_FORMAT, "line 3", "column x is missing", "missing=mean", NULL);
    forget(&l);
    l = learn_with("holes.csv", &(struct wishes){.missing = MISSING_MEAN});
    load_row(&l, SPLIT_TRAIN, 1);
    assert_true(fabsf(l.kept[0]) < 1e-6f && l.p.table->columns[0].missing == 2);
    load_row(&l, SPLIT_TRAIN, 2);
    assert_string_equal(l.p.table->columns[1].categories.words[(int)l.kept[1]].text, "");
    forget(&l);
    l = learn_with("holes.csv", &(struct wishes){.missing = MISSING_MEDIAN, .scale = SCALE_NONE});
    load_row(&l, SPLIT_TRAIN, 2);
    assert_true(l.kept[0] == 3);
    forget(&l);
}

/* Large numbers with small differences keep these, and a constant is 0 until it changes. */
static void numbers_keep_their_differences(void **state)
{
    (void)state;
    write_text("times.csv", "time,fixed\n1600000000,7\n1600000001,7\n1600000002,7\n1600000003,7\n");
    struct learnt l = learn("times.csv");
    for (size_t i = 0; i < 4; i++) {
        load_row(&l, SPLIT_TRAIN, i);
        assert_true(fabs((double)l.values[0] - ((double)i - 1.5) / sqrt(1.25)) < 1e-6 && l.values[1] == 0);
    }
    forget(&l);
}

static int match(const char *text, const char *options, const struct preprocess *p, struct err *e)
{
    char url[128];
    struct dataset *ds;
    write_text("other.csv", text);
    snprintf(url, sizeof url, "csv:other.csv?seed=1%s", options);
    const char *const urls[] = {url};
    const struct dataset_purpose purpose = {.use = DATASET_SCORE, .like = p};
    *e = ERR_INIT;
    TRY(dataset_open_for(urls, 1, &purpose, NULL, &ds, e));
    int code = dataset_match(ds, p, e);
    dataset_close(ds);
    return code;
}

static void other_columns_are_told(void **state)
{
    (void)state;
    struct err e;
    write_text("small.csv", small_table);
    struct learnt l = learn("csv:small.csv?ignore=note");
    assert_int_equal(match("colour,size\nred,1\n", "", &l.p, &e), 0); /* in another order */
    assert_int_equal(match("note,label,colour,size\n1,x,red,1\n", "", &l.p, &e), 0);
    assert_int_equal(match("1,red,x,normal\n", "", &l.p, &e), 0); /* without names, by their places */
    assert_int_equal(match("1,red,x\n", "", &l.p, &e), 0);        /* and without the label */
    assert_true(match("size,weight,hue\n1,3,red\n", "", &l.p, &e) < 0);
    expect_error(&e, ERR_FORMAT, "other.csv", "missing are colour", "new are weight, hue", "ignore=", NULL);
    assert_int_equal(match("size,weight,colour\n1,3,red\n", "&ignore=weight", &l.p, &e), 0);
    assert_true(match("size,colour\nlarge,red\nsmall,red\n", "", &l.p, &e) < 0);
    expect_error(&e, ERR_FORMAT, "of another type are size (texts, and were numbers)", NULL);
    assert_true(match("size,colour\n1,2\n3,4\n", "", &l.p, &e) < 0);
    expect_error(&e, ERR_FORMAT, "colour (numbers, and were texts)", NULL);
    assert_true(match("1,2\n", "", &l.p, &e) < 0);
    expect_error(&e, ERR_FORMAT, "2 columns", "table of 4", NULL);
    forget(&l);
}

/* A single row: nothing of it is guessed. */
static void a_row_is_read_as_the_model_knows_it(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    float kept[2];
    write_text("codes.csv", "code,x\n1,5\n2,6\n1,7\n");
    struct learnt l = learn("csv:codes.csv?categorical=code");
    write_text("one.csv", "code,x\n2,6\n");
    struct dataset *ds = open_like("one.csv", &l.p, true);
    assert_int_equal(dataset_match(ds, &l.p, &e), 0);
    assert_int_equal(dataset_load(ds, SPLIT_TEST, 0, &l.p, kept, &e), 0);
    assert_true(kept[0] == 1 && kept[1] == 0);
    dataset_close(ds);
    forget(&l);
}

static void reasons_name_columns(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct reason found[3];
    char text[100];
    write_text("ids.csv", "who,size,colour,fixed\nann,1,red,2\nbob,2,blue,2\n\"cy, d\",3,red,2\n");
    struct learnt l = learn("csv:ids.csv?id=who,fixed");
    const float map[3] = {1, 5, 2}; /* size, blue, red */
    assert_int_equal(reasons_find(l.p.table, map, found, 3), 2);
    assert_int_equal(found[0].column, 2);
    assert_true(fabs(found[0].share - 7.0 / 8) < 1e-9);
    assert_int_equal(found[1].column, 1);
    const float quiet[3] = {0, -1, -2};
    assert_int_equal(reasons_find(l.p.table, quiet, found, 3), 0);
    const float mixed[3] = {3, 5, -4}; /* a column is not more usual for one of its values that is */
    assert_int_equal(reasons_find(l.p.table, mixed, found, 3), 2);
    assert_int_equal(found[0].column, 2);
    assert_int_equal(reason_cell(l.ds, SPLIT_TRAIN, 1, l.p.table, 2, text, sizeof text, &e), 0);
    assert_string_equal(text, "blue");
    reason_normal(&l.p.table->columns[2], text, sizeof text);
    assert_string_equal(text, "red 67 %, blue 33 %");
    reason_normal(&l.p.table->columns[1], text, sizeof text);
    assert_string_equal(text, "1..3");
    assert_int_equal(row_id(l.ds, SPLIT_TRAIN, 2, text, sizeof text, &e) > 0, 1);
    assert_string_equal(text, "cy, d, 2");
    forget(&l);
}

static void columns_in_words(void **state)
{
    (void)state;
    char rows[4000] = "kind,size\n", text[200];
    for (int i = 0; i < 300; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "%c,%d\n", 'a' + i % 5, i == 7 ? 9 : 5);
    write_text("words.csv", rows);
    struct learnt l = learn("csv:words.csv");
    const struct column *kind = &l.p.table->columns[0], *size = &l.p.table->columns[1];
    reason_normal(kind, text, sizeof text);
    assert_string_equal(text, "a 20 %, b 20 %, c 20 %, 2 more");
    reason_normal(size, text, sizeof text); /* 98 % of the rows have that */
    assert_string_equal(text, "5");
    column_tell(size, text, sizeof text);
    assert_string_equal(text, "number, 5 (least 5, most 9)");
    reason_number(kind, 1, text, sizeof text);
    assert_string_equal(text, "b");
    reason_number(kind, 5, text, sizeof text); /* where there are five */
    assert_string_equal(text, "(unknown)");
    forget(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_scaled_and_categories_become_values),
        cmocka_unit_test(empty_cells_are_filled_where_asked),
        cmocka_unit_test(numbers_keep_their_differences),
        cmocka_unit_test(other_columns_are_told),
        cmocka_unit_test(a_row_is_read_as_the_model_knows_it),
        cmocka_unit_test(reasons_name_columns),
        cmocka_unit_test(columns_in_words),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
