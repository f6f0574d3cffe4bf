/* The rows of a text table, to be read in any order: where each begins, and the text itself. That is a copy in memory,
 * or where it is large the file, or of what cannot be read in any order (gz, standard input) a copy in a file without a
 * name in TMPDIR or /var/tmp. 8 bytes a row beside the text. */
#ifndef TABLE_CSV_ROWS_H
#define TABLE_CSV_ROWS_H

#include "table/csv_read.h"

struct csv_rows;

enum { CSV_MEMORY = 256 << 20 }; /* bytes of text that may be in memory */

/* Rows of the file `path`. `plain`: it may be read by the offsets of its records, if it has more than `memory` bytes.
 */
int csv_rows_new(const char *path, bool plain, size_t memory, struct csv_rows **out, struct err *e);
void csv_rows_free(struct csv_rows *r); /* NULL is fine */

int csv_rows_add(struct csv_rows *r, const struct csv_record *record, struct err *e);
/* After the last of them, before the first is read. */
int csv_rows_finish(struct csv_rows *r, struct err *e);
/* Forgets them all; of those in memory. */
void csv_rows_clear(struct csv_rows *r);
size_t csv_rows_count(const struct csv_rows *r);
/* The line of the file that row i begins in, from 1. */
uint64_t csv_rows_line(const struct csv_rows *r, size_t i);

/* One row and its cells. It may be read into again and again between row_text_begin and row_text_free. */
enum { ROW_CELLS = 64, ROW_BYTES = 1024 };
struct row_text {
    struct cell *cells;
    size_t n;      /* of them */
    uint64_t line; /* of the file, from 1 */
    struct cell few[ROW_CELLS];
    char little[2 * ROW_BYTES];
    struct cell *many; /* of `room` */
    char *text;        /* of `size` bytes, twice */
    size_t room, size;
};
void row_text_begin(struct row_text *t);
void row_text_free(struct row_text *t);
/* Splits a record into cells, which stay with its text; of a record with more than `most` they are counted alone. */
int row_text_split(struct row_text *t, const char *text, size_t n, char delimiter, size_t most, struct err *e);

/* Reads row i and splits it; of a row with more than `most` cells these are counted alone. Any number of threads. */
int csv_rows_read(const struct csv_rows *r, size_t i, char delimiter, size_t most, struct row_text *out, struct err *e);

#endif
