/* Tables of text: what is found in them, what a model learns of their columns, and every way in which they can be
 * wrong.
 */
#include "support.h"

#include "base/arena.h"
#include "data/kind.h"
#include "data/reasons.h"
#include "table/csv_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static void write_packed(const char *path, const char *text, size_t keep)
{
    size_t size;
    gzFile out = gzopen(path, "wb");
    assert_true(out && gzwrite(out, text, (unsigned)strlen(text)) > 0 && gzclose(out) == Z_OK);
    unsigned char *bytes = read_file(path, &size);
    write_file(path, bytes, keep ? size - keep : size);
    free(bytes);
}

/* A table that has been opened, and what was learnt of it. */
struct learnt {
    struct dataset *ds;
    struct arena arena;
    struct preprocess p;
    float kept[64], values[64];
};

static struct learnt learn_with(const char *url, const struct wishes *w)
{
    struct learnt l = {.ds = open_dataset(url, DATASET_LEARN)};
    struct err e = ERR_INIT;
    if (dataset_fit(l.ds, SPLIT_TRAIN, w, &l.arena, &l.p, &e) < 0 || dataset_match(l.ds, &l.p, &e) < 0)
        fail_msg("%s", e.msg);
    return l;
}

static struct learnt learn(const char *url)
{
    return learn_with(url, &(struct wishes){.scale = SCALE_STANDARD});
}

static void load_row(struct learnt *l, enum split split, size_t i)
{
    struct err e = ERR_INIT;
    if (dataset_load(l->ds, split, i, &l->p, l->kept, &e) < 0)
        fail_msg("%s", e.msg);
    preprocess_values(&l->p, l->kept, l->values);
}

static void forget(struct learnt *l)
{
    dataset_close(l->ds);
    arena_free(&l->arena);
}

static const char small[] = "size,colour,note,label\n"
                            "1,red,a,normal\n"
                            "2,blue,b,normal\n"
                            "3,red,c,normal\n"
                            "6,red,d,normal\n"
                            "100,green,e,odd\n";

/* ---- what is found ---- */

static void columns_are_scaled_and_categories_become_values(void **state)
{
    (void)state;
    write_text("small.csv", small);
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
    write_text("small.csv", small);
    write_packed("small.csv.gz", small, 0);
    struct learnt a = learn("small.csv"), b = learn("small.csv.gz");
    for (size_t i = 0; i < 4; i++) {
        load_row(&a, SPLIT_TRAIN, i);
        load_row(&b, SPLIT_TRAIN, i);
        assert_memory_equal(a.values, b.values, (size_t)a.p.n * sizeof(float));
    }
    forget(&a);
    forget(&b);
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

/* ---- splits and classes ---- */

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

static struct dataset *open_like(const char *url, const struct preprocess *like, bool pass)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    const struct dataset_purpose purpose = {.use = DATASET_SCORE, .like = like, .pass = pass};
    if (dataset_open_for(&url, 1, &purpose, NULL, &ds, &e) < 0)
        fail_msg("%s", e.msg);
    return ds;
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

/* ---- another file ---- */

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
    write_text("small.csv", small);
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

/* ---- what makes a row abnormal ---- */

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

/* ---- what is wrong ---- */

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
    write_text("small.csv", small);
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
        cmocka_unit_test(columns_are_scaled_and_categories_become_values),
        cmocka_unit_test(formats_are_found_out),
        cmocka_unit_test(lines_within_quotes),
        cmocka_unit_test(headers_are_found_out),
        cmocka_unit_test(gz_is_read_as_plain),
        cmocka_unit_test(empty_cells_are_filled_where_asked),
        cmocka_unit_test(numbers_keep_their_differences),
        cmocka_unit_test(shares_are_drawn_by_the_seed),
        cmocka_unit_test(many_rows_are_there_in_parts),
        cmocka_unit_test(rows_are_read_in_any_order),
        cmocka_unit_test(other_columns_are_told),
        cmocka_unit_test(a_row_is_read_as_the_model_knows_it),
        cmocka_unit_test(reasons_name_columns),
        cmocka_unit_test(columns_in_words),
        cmocka_unit_test(files_that_are_no_tables),
        cmocka_unit_test(rows_that_cannot_be_used),
        cmocka_unit_test(too_many_categories),
        cmocka_unit_test(gz_that_breaks_off),
        cmocka_unit_test(a_line_of_100_megabytes),
        cmocka_unit_test(a_file_that_shrinks),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
