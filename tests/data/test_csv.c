/* Tables of text as files: what they are written in is found out, and their rows are read, in parts and in any order.
 */
#include "tables.h"

#include "table/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same table in other clothes. */
static void formats_are_found_out(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\xef\xbb\xbfx,name\r\n1,a b\r\n2,\"c, \"\"d\"\"\"\r\n\r\n3,e\r\n",
        "x;name\n1;a b\n2;c, \"d\"\n3;e",
        "x\tname\n1\ta b\n2\t\"c, \"\"d\"\"\"\n3\te\n",
        "x|name\n1|a b\n\n2|\"c, \"\"d\"\"\"\n3|e\n",
    };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        write_text("clothes.csv", texts[k]);
        struct learnt l = learn("csv:clothes.csv?categorical=name");
        assert_int_equal(dataset_count(l.ds, SPLIT_TRAIN), 3);
        assert_true(l.p.table->named && l.p.table->n == 2);
        const struct dictionary *names = &l.p.table->columns[1].categories;
        assert_int_equal(names->n, 3);
        assert_string_equal(names->words[0].text, "a b");
        assert_string_equal(names->words[1].text, "c, \"d\"");
        load_row(&l, SPLIT_TRAIN, 2);
        assert_true(l.kept[1] == 2 && l.kept[0] > 1);
        forget(&l);
    }
    write_text("comma.csv", "x;y\n1,5;2\n2,5;3\n");
    struct learnt l = learn("csv:comma.csv?decimal=comma");
    assert_true(l.p.table->columns[0].least == 1.5 && l.p.table->columns[0].most == 2.5);
    forget(&l);
}

/* A quoted field may have lines in it; lines of what follows are counted right. */
static void lines_within_quotes(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    write_text("lines.csv", "t,x\n\"one\ntwo\",1\n\n\"three\",2\n\"one\ntwo\",x\n");
    struct learnt l = learn("csv:lines.csv?numeric=x");
    assert_int_equal(dataset_count(l.ds, SPLIT_TRAIN), 3);
    load_row(&l, SPLIT_TRAIN, 0);
    assert_int_equal(l.kept[0], 0);
    assert_true(dataset_load(l.ds, SPLIT_TRAIN, 2, &l.p, l.kept, &e) < 0);
    expect_error(&e, ERR_FORMAT, "line 6", "column x", "'x'", "numbers are wanted", NULL);
    forget(&l);
}

static void headers_are_found_out(void **state)
{
    (void)state;
    static const struct {
        const char *text, *options;
        bool named;
        size_t rows;
    } cases[] = {
        {"a,b\n1,2\n3,4\n", "", true, 2},
        {"5,6\n1,2\n3,4\n", "", false, 3},
        {"a,b\n1,2\n3,4\n", "&header=no", false, 3},
        {"1,2\n3,4\n", "&header=yes", true, 1},
        {"red,x\nred,y\n", "", false, 2},
        {"colour,kind\nred,y\nblue,y\n", "", true, 2},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char url[64];
        snprintf(url, sizeof url, "csv:head.csv?seed=1%s", cases[k].options);
        write_text("head.csv", cases[k].text);
        struct dataset *ds = open_dataset(url, DATASET_LEARN);
        assert_int_equal(dataset_count(ds, SPLIT_TRAIN), cases[k].rows);
        struct learnt l = {.ds = ds};
        forget(&l);
    }
}

static void gz_is_read_as_plain(void **state)
{
    (void)state;
    write_text("small.csv", small_table);
    write_packed("small.csv.gz", small_table, 0);
    struct learnt a = learn("small.csv"), b = learn("small.csv.gz");
    for (size_t i = 0; i < 4; i++) {
        load_row(&a, SPLIT_TRAIN, i);
        load_row(&b, SPLIT_TRAIN, i);
        assert_memory_equal(a.values, b.values, (size_t)a.p.n * sizeof(float));
    }
    forget(&a);
    forget(&b);
}

static void shares_are_drawn_by_the_seed(void **state)
{
    (void)state;
    char text[40000] = "x,label\n";
    for (int i = 0; i < 2000; i++)
        sprintf(text + strlen(text), "%d,%s\n", i, i % 4 ? "normal" : "odd");
    write_text("share.csv", text);
    struct dataset *a = open_dataset("csv:share.csv?train=0.5&seed=3", DATASET_LEARN);
    struct dataset *b = open_dataset("csv:share.csv?train=0.5&seed=3", DATASET_SCORE);
    struct dataset *c = open_dataset("csv:share.csv?train=0.5&seed=4", DATASET_LEARN);
    const size_t n = dataset_count(a, SPLIT_TRAIN);
    assert_true(n > 650 && n < 850);
    assert_int_equal(dataset_count(a, SPLIT_TEST), 2000 - n);
    assert_int_equal(dataset_count(b, SPLIT_TEST), 2000 - n);
    assert_int_equal(dataset_sample(a, SPLIT_TEST, 100)->index, dataset_sample(b, SPLIT_TEST, 100)->index);
    size_t same = 0;
    for (size_t i = 0; i < 100; i++)
        same += dataset_sample(a, SPLIT_TRAIN, i)->index == dataset_sample(c, SPLIT_TRAIN, i)->index;
    assert_true(same < 50);
    dataset_close(a);
    dataset_close(b);
    dataset_close(c);
    a = open_dataset("csv:share.csv?normal=odd&limit=100", DATASET_LEARN);
    assert_int_equal(dataset_count(a, SPLIT_TRAIN), 100);
    assert_string_equal(dataset_sample(a, SPLIT_TRAIN, 7)->kind, "odd");
    dataset_close(a);
}

/* Passed through it is the same rows, a part at a time. */
static void many_rows_are_there_in_parts(void **state)
{
    (void)state;
    enum { ROWS = 40000 };
    char *text = malloc(ROWS * 32);
    size_t used = (size_t)sprintf(text, "x,label\n");
    for (int i = 0; i < ROWS; i++)
        used += (size_t)sprintf(text + used, "%d,%s\n", i, i % 3 ? "normal" : "odd");
    write_file("many.csv", text, used);
    free(text);
    struct learnt l = learn("many.csv");
    struct dataset *ds = open_like("many.csv", &l.p, true);
    struct err e = ERR_INIT;
    float kept;
    size_t seen = 0, parts = 0;
    int more = 1;
    assert_int_equal(dataset_match(ds, &l.p, &e), 0);
    for (; more > 0; more = dataset_more(ds, &e), parts++)
        for (size_t i = 0; i < dataset_count(ds, SPLIT_TEST); i++, seen++) {
            const struct sample *s = dataset_sample(ds, SPLIT_TEST, i);
            assert_int_equal(s->index, seen);
            assert_int_equal(s->anomalous, seen % 3 == 0);
            assert_int_equal(dataset_load(ds, SPLIT_TEST, i, &l.p, &kept, &e), 0);
            const struct column *x = &l.p.table->columns[0];
            assert_true(fabs((double)kept * x->spread + x->middle - (double)seen) < 0.01);
        }
    assert_int_equal(more, 0);
    assert_int_equal(seen, ROWS);
    assert_true(parts > 1 && dataset_whole(ds));
    dataset_close(ds);
    forget(&l);
}

/* Where it is kept makes no difference: in memory, in the file, in a copy. */
static void rows_are_read_in_any_order(void **state)
{
    (void)state;
    enum { ROWS = 50000 };
    char *text = malloc(ROWS * 40);
    size_t used = 0;
    for (int i = 0; i < ROWS; i++)
        used += (size_t)sprintf(text + used, i % 7 ? "%d,row\r\n" : "%d,\"a \"\"row\"\"\n\"\n\n", i);
    write_file("rows.csv", text, used);
    const int files = count_files();
    setenv("TMPDIR", in_folder("."), 1);
    for (int way = 0; way < 3; way++) {
        struct err e = ERR_INIT;
        struct csv_reader *reader;
        struct csv_rows *rows;
        struct csv_record record;
        struct row_text row;
        assert_int_equal(csv_open("rows.csv", &reader, &e), 0);
        assert_true(csv_plain(reader));
        assert_int_equal(csv_rows_new("rows.csv", way == 1, way ? 1000 : CSV_MEMORY, &rows, &e), 0);
        while (csv_next(reader, &record, &e) > 0)
            assert_int_equal(csv_rows_add(rows, &record, &e), 0);
        assert_int_equal(csv_rows_finish(rows, &e), 0);
        csv_close(reader);
        assert_int_equal(csv_rows_count(rows), ROWS);
        row_text_begin(&row);
        for (size_t k = 0; k < ROWS; k++) {
            size_t i = k * 7919 % ROWS;
            if (csv_rows_read(rows, i, ',', 2, &row, &e) < 0)
                fail_msg("%s", e.msg);
            assert_int_equal(row.n, 2);
            assert_int_equal(strtol(row.cells[0].text, NULL, 10), i);
            assert_int_equal(row.cells[1].n, i % 7 ? 3 : 8);
            assert_memory_equal(row.cells[1].text, i % 7 ? "row" : "a \"row\"\n", row.cells[1].n);
            assert_int_equal(row.line, i + 1 + 2 * ((i + 6) / 7));
        }
        row_text_free(&row);
        csv_rows_free(rows);
    }
    assert_int_equal(count_files(), files); /* the copy has no name */
    unsetenv("TMPDIR");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_found_out),        cmocka_unit_test(lines_within_quotes),
        cmocka_unit_test(headers_are_found_out),        cmocka_unit_test(gz_is_read_as_plain),
        cmocka_unit_test(shares_are_drawn_by_the_seed), cmocka_unit_test(many_rows_are_there_in_parts),
        cmocka_unit_test(rows_are_read_in_any_order),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
