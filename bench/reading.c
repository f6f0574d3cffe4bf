/* How fast a table of text is read. Prints two numbers, rows a second: of the reader, which makes floats of all fields
 * of every row, and of all that training does with the file before its first epoch is over: find out what the columns
 * are, learn their scales, and bring every row to a model's values. bench/reading.py compares them with Python.
 *
 *     reading FILE DELIMITER THREADS */
#include "base/arena.h"
#include "base/clock.h"
#include "base/number.h"
#include "data/loader.h"
#include "table/csv_read.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELDS = 1000, RECORD = 1 << 16 };

static volatile float kept; /* so that nothing is left out */

static int read_fields(struct csv_reader *r, char delimiter, size_t *rows, struct err *e)
{
    static struct cell cells[FIELDS];
    static char spare[RECORD];
    static float row[FIELDS];
    struct csv_record record;
    int code;
    while ((code = csv_next(r, &record, e)) > 0) {
        size_t n = record.n <= RECORD ? csv_split(record.text, record.n, delimiter, spare, cells, FIELDS) : FIELDS + 1;
        if (n > FIELDS)
            return err_set(e, ERR_FORMAT, "a row is too long for this program");
        for (size_t i = 0; i < n; i++) {
            double value = 0;
            number_read(cells[i].text, cells[i].n, '.', &value);
            row[i] = (float)value;
        }
        kept = row[n - 1];
        (*rows)++;
    }
    return code;
}

static int measure_reader(const char *path, char delimiter, double *rate, struct err *e)
{
    struct csv_reader *r;
    size_t rows = 0;
    double start = clock_seconds();
    TRY(csv_open(path, &r, e));
    csv_delimiter(r, delimiter);
    int code = read_fields(r, delimiter, &rows, e);
    *rate = (double)rows / (clock_seconds() - start);
    csv_close(r);
    return code;
}

static int read_all(struct dataset *ds, int threads, size_t *rows, struct err *e)
{
    struct arena arena = {0};
    struct preprocess input;
    struct wishes wishes = {0};
    struct loader_options o = {.batch = 1024, .input = &input, .threads = threads};
    struct loader *l = NULL;
    struct batch b;
    int code = dataset_fit(ds, SPLIT_TRAIN, &wishes, &arena, &input, e);
    if (code == 0)
        code = loader_new(ds, SPLIT_TRAIN, NULL, 0, &o, &l, e);
    while (code >= 0 && (code = loader_next(l, &b, e)) > 0)
        *rows += b.n;
    loader_free(l);
    arena_free(&arena);
    return code;
}

static int measure_all(const char *path, int threads, double *rate, struct err *e)
{
    struct dataset *ds = NULL;
    size_t rows = 0;
    double start = clock_seconds();
    int code = dataset_open(path, DATASET_LEARN, NULL, &ds, e);
    if (code == 0)
        code = read_all(ds, threads, &rows, e);
    *rate = (double)rows / (clock_seconds() - start);
    dataset_close(ds);
    return code;
}

int main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    double reader, all;
    if (argc != 4) {
        fprintf(stderr, "usage: reading FILE DELIMITER THREADS\n");
        return 2;
    }
    if (measure_reader(argv[1], *argv[2], &reader, &e) < 0 || measure_all(argv[1], atoi(argv[3]), &all, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    printf("%.1f %.1f\n", reader, all);
    return 0;
}
