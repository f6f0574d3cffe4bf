/* Tables: rows of cells under columns that have names, and what a model learns of them.
 *
 * A column is a number or a category (any text, of which a model knows those that its training rows have), or it is not
 * learnt: a label, an id that is shown, or ignored. A row is kept as a float a learnt column: a number, already brought
 * to the training rows' scale, or the place of a category, -1 for one that no training row has. For a model it becomes
 * values: a number one, a category as many as there are, of which its own is 1 and the others 0. An unknown category is
 * none of them: all are 0, which no training row shows.
 *
 * A table only describes; any number of threads may read it. */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "table/csv_read.h"
#include "table/dictionary.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CATEGORIES_MAX = 1000, /* of a column */
    COLUMNS_MAX = 65536,
};

enum column_role { COLUMN_NUMBER, COLUMN_CATEGORY, COLUMN_LABEL, COLUMN_ID, COLUMN_IGNORED, COLUMN_ROLES };
/* "number", "category"... */
extern const char *const column_roles[COLUMN_ROLES];

/* What is done where a cell is empty. Of a category an empty cell is one more. */
enum missing { MISSING_ERROR, MISSING_MEAN, MISSING_MEDIAN };
/* How numbers are scaled: to mean 0 and deviation 1, to 0..1, not at all. */
enum scale { SCALE_STANDARD, SCALE_MINMAX, SCALE_NONE };

struct column {
    const char *name; /* "c3" where the file has no header */
    enum column_role role;
    enum column_role looks; /* a number or a category, by its first rows */
    int kept;               /* its place in a kept row; -1: it is not learnt */
    int value;              /* its first value, */
    int values;             /* and how many it becomes */
    /* Of the training rows: */
    double middle, spread; /* a kept number is (number - middle) / spread */
    double low, high;      /* the range of normal: 1 % of the rows have less, 1 % more */
    double least, most;
    double fill; /* stands for a missing number */
    int64_t missing;
    bool names_rows; /* many rows, and each has a higher number than the one before, or a text of its own */
    struct dictionary categories; /* sorted by their bytes */
    double *shares;               /* of each category in the training rows */
};

struct table {
    struct column *columns;
    int n;
    int kept, values; /* of a row */
    bool named;       /* by a header; else columns are known by their places */
    char point;       /* of numbers: '.' or ',' */
    enum missing missing;
    const char *normal, *anomalous; /* which texts of the label are, as the options of the source have it; "" */
};

/* A column by its name, or else by its place: "3" and "c3" from 1, "-1" is the last. -1: there is none. */
int table_find(const struct table *t, const char *name);

/* Gives every learnt column its places in kept rows and in values. */
void table_place(struct table *t);

/* The column of a model for column i of `file`: by its name, where both have a header, or else by its place, where the
 * label may be missing; NULL: there is none. */
const struct column *table_counterpart(const struct table *file, const struct table *model, int i);

/* Where the columns of `file`, of the name `path`, are in those of a model: to[i], -1 for one that is not learnt. By
 * their names, where both have a header; otherwise by their places. ERR_FORMAT: they are not the model's, with what is
 * missing, new or changed. */
int table_match(const struct table *file, const struct table *model, const char *path, int *to, struct err *e);

/* Brings n cells to a kept row; to[i] is the column of cell i. The sentence does not say which row it is. */
int table_keep(const struct table *t, const struct cell *cells, const int *to, size_t n, float *kept, struct err *e);

/* The same of a number for each learnt column in turn, where a category is its place; NaN is missing. `row` and `kept`
 * may be the same; `kept` NULL: only looks. */
int table_keep_numbers(const struct table *t, const float *row, float *kept, struct err *e);

/* From a text for each learnt column in turn to such numbers; NULL and "" are missing. */
int table_read_texts(const struct table *t, const char *const *texts, float *row, struct err *e);

/* Whether the cells under number columns are numbers, or are missing and may be. */
int table_look(const struct table *t, const struct cell *cells, struct err *e);

/* From a kept row to values before scaling: numbers as they are kept, categories as 0 and 1. */
void table_values(const struct table *t, const float *kept, float *values);

/* The number in a cell of a column; NaN: it is missing, and may be. ERR_FORMAT. */
int cell_number(const struct table *t, const struct column *c, const struct cell *cell, double *out, struct err *e);

/* Whether a cell says that there is nothing: empty, NA, NaN, null, None, ?. */
bool cell_missing(const struct cell *c);

/* ---- learning (table_fit.c) ---- */

struct table_fit;

/* Learns of about `rows` rows the columns that `like` has; the result is made in the arena. */
int table_fit_new(const struct table *like, enum missing missing, size_t rows, struct arena *arena,
                  struct table_fit **out, struct err *e);
/* A row: as many cells as `like` has columns. ERR_FORMAT: it cannot be used; ERR_USAGE: too many categories. */
int table_fit_add(struct table_fit *f, const struct cell *cells, struct err *e);
/* The same of a number for each learnt column in turn. */
int table_fit_add_numbers(struct table_fit *f, const float *row, struct err *e);
int table_fit_finish(struct table_fit *f, enum scale scale, const struct table **out, struct err *e);
void table_fit_free(struct table_fit *f); /* NULL is fine */

/* ---- in model files (table_json.c) ---- */

json_t *table_save(const struct table *t); /* NULL: out of memory */
/* `name` is the file's. ERR_FORMAT. */
int table_restore(const json_t *object, const char *name, struct arena *arena, const struct table **out, struct err *e);

#endif
