/* Tables on the command line: from a csv file to scored rows that say why, and what cannot be scored. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Normal rows: price is about ten times size, and shops are two; the odd ones break one of these. */
static void write_rows(const char *path, int n, int odd, bool label)
{
    char *text = malloc((size_t)n * 64 + 100);
    size_t used = (size_t)sprintf(text, "number,size,price,shop%s\n", label ? ",label" : "");
    for (int i = 0; i < n; i++) {
        bool wrong = odd && i % odd == odd - 1;
        int size = 1 + i * 7 % 20, price = wrong && i % 2 ? 900 : 10 * size + i % 3;
        used += (size_t)sprintf(text + used, "n%d,%d,%d,%s%s\n", i, size, price,
                                wrong && i % 2 == 0 ? "moon"
                                : i % 3             ? "north"
                                                    : "south",
                                !label  ? ""
                                : wrong ? ",odd"
                                        : ",normal");
    }
    write_file(path, text, used);
    free(text);
}

static const char *table_model(void)
{
    static const char path[] = "table.safetensors";
    if (!exists(path)) {
        write_rows("train.csv", 300, 10, true);
        assert_code(run("train ae train.csv --id number --epochs 40 --seed 2 -q -o table.safetensors"), 0);
    }
    return path;
}

static void rows_are_scored_with_reasons(void **state)
{
    (void)state;
    char words[200];
    write_rows("new.csv", 60, 15, false);
    snprintf(words, sizeof words, "score %s new.csv --reasons 1 --false-alarm-rate 0.04", table_model());
    struct ran r = run(words);
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "path,index,id,score,p_value,anomalous,reasons,error");
    assert_int_equal(count_lines(r.out), 61);
    const char *wrong = line_of(r.out, 1 + 29);
    assert_says(wrong, "new.csv,29,n29,");
    assert_says(wrong, ",true,price=900 (normal 1");
    wrong = line_of(r.out, 1 + 14);
    assert_says(wrong, ",true,\"shop=moon (normal north 6");
    assert_says(line_of(r.out, 1 + 3), ",false,,");
    snprintf(words, sizeof words, "score %s new.csv --reasons 0", table_model());
    r = run(words);
    assert_string_equal(line_of(r.out, 0), "path,index,id,score,p_value,anomalous,error");
}

/* A table on standard input, packed or not, says the same as the file. */
static void tables_come_on_standard_input(void **state)
{
    (void)state;
    char words[200], *whole;
    write_rows("new.csv", 40, 0, false);
    snprintf(words, sizeof words, "score %s new.csv", table_model());
    whole = strdup(run(words).out);
    size_t size;
    char *bytes = read_file("new.csv", &size);
    gzFile out = gzopen("new.csv.gz", "wb");
    assert_true(gzwrite(out, bytes, (unsigned)size) > 0 && gzclose(out) == Z_OK);
    snprintf(words, sizeof words, "score %s -", table_model());
    for (int packed = 0; packed < 2; packed++) {
        const struct how how = {.in_file = packed ? "new.csv.gz" : "new.csv"};
        struct ran r = run_how(&how, words);
        assert_code(r, 0);
        assert_int_equal(count_lines(r.out), 41);
        for (int i = 1; i <= 40; i++) {
            char *line = strdup(line_of(whole, i));
            assert_string_equal(strchr(line_of(r.out, i), ','), strchr(line, ','));
            free(line);
        }
    }
    free(bytes);
    free(whole);
}

static void labels_are_remembered(void **state)
{
    (void)state;
    char words[200];
    write_rows("test.csv", 200, 8, true);
    snprintf(words, sizeof words, "eval %s test.csv --report table.html", table_model());
    struct ran r = run(words);
    assert_code(r, 0);
    assert_says(r.out, "normal,,175");
    assert_says(r.out, "anomalous,,25");
    char *page = read_file("table.html", NULL);
    assert_says(page, "<b>price</b> = <bdi>900</bdi>");
    free(page);
}

static void a_bad_row_is_a_row_with_its_error(void **state)
{
    (void)state;
    char words[200];
    write_rows("new.csv", 3, 0, false);
    FILE *out = fopen("new.csv", "a");
    fputs("n3,many,4,north\nn4,5\nn5,1,11,south\n", out);
    fclose(out);
    snprintf(words, sizeof words, "score %s new.csv", table_model());
    struct ran r = run(words);
    assert_code(r, 4);
    assert_int_equal(count_lines(r.out), 7);
    assert_says(line_of(r.out, 4), "new.csv,3,n3,,,,,\"new.csv, line 5: column size is 'many'");
    assert_says(line_of(r.out, 5), "line 6: the row has 2 cells, and there are 4 columns");
    assert_says(line_of(r.out, 6), "new.csv,5,n5,");
}

static void another_table_is_refused(void **state)
{
    (void)state;
    char words[200];
    write_file("other.csv", "number,size,cost\nn1,3,40\n", 25);
    snprintf(words, sizeof words, "score %s other.csv", table_model());
    struct ran r = run(words);
    assert_refused(r, 1, "missing are price, shop; new are cost");
    assert_string_equal(r.out, "");
    assert_refused(run("train ae other.csv --label kind -o other.safetensors"), 2, "no column 'kind'");
    assert_refused(run("train ae other.csv --id a&b -o other.safetensors"), 2, "without & and ?");
    write_file("other.csv", "", 0);
    assert_refused(run("train ae other.csv -o other.safetensors"), 1, "other.csv is empty");
    write_rows("holes.csv", 40, 0, false);
    FILE *out = fopen("holes.csv", "a");
    fputs("n41,,40,north\n", out);
    fclose(out);
    assert_refused(run("train ae holes.csv --id number -o other.safetensors"), 1, "line 42: column size is missing");
    assert_code(run("train ae holes.csv --id number --missing median --epochs 1 -o other.safetensors"), 0);
}

static void columns_are_told(void **state)
{
    (void)state;
    char words[200];
    table_model();
    struct ran r = run("data train.csv --id number");
    assert_code(r, 0);
    assert_says(r.out, "number               id");
    assert_says(r.out, "size                 number, 1..20");
    assert_says(r.out, "shop                 category, north 6");
    assert_says(r.out, "label                label");
    snprintf(words, sizeof words, "info %s", table_model());
    r = run(words);
    assert_says(r.out, "columns,price,\"number, 1");
    assert_says(r.out, "columns,number,id");
    assert_says(r.out, "input,columns,3");
}

/* What names rows is no property of them. */
static void columns_that_name_rows(void **state)
{
    (void)state;
    write_rows("named.csv", 60, 0, false);
    struct ran r = run("train ae named.csv --epochs 1 -q -o named.safetensors");
    assert_code(r, 0);
    assert_says(r.err, "column number has another text in every row");
    assert_says(r.err, "with --id number");
    assert_null(strstr(r.err, "column size"));
    r = run("train ae named.csv --id number --epochs 1 -q -f -o named.safetensors");
    assert_string_equal(r.err, "");
    char text[2000] = "";
    for (int i = 0; i < 60; i++)
        sprintf(text + strlen(text), "%d,%d,%s\n", 7 + i, i % 9, i % 2 ? "a" : "b");
    write_file("numbered.csv", text, strlen(text));
    r = run("train ae numbered.csv --epochs 1 -q -o numbered.safetensors");
    assert_says(r.err, "column c1 rises from each row to the next");
    assert_says(r.err, "with --id c1");
    r = run("data numbered.csv");
    assert_says(r.out, "column c1 rises from each row to the next");
    assert_null(strstr(r.out, "column c2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_scored_with_reasons), cmocka_unit_test(tables_come_on_standard_input),
        cmocka_unit_test(labels_are_remembered),        cmocka_unit_test(a_bad_row_is_a_row_with_its_error),
        cmocka_unit_test(another_table_is_refused),     cmocka_unit_test(columns_are_told),
        cmocka_unit_test(columns_that_name_rows),
    };
    return cmocka_run_group_tests(tests, command_begin, folder_end);
}
