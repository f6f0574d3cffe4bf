/* Text tables, record by record: RFC 4180 and what goes by its name. Plain or gz, from a file or standard input.
 *
 * A record ends with a line, LF or CRLF, unless that is within quotes; a quote counts where a field begins with it, and
 * "" within quotes is one. Empty lines are no records. A byte order mark is skipped. */
#ifndef TABLE_CSV_READ_H
#define TABLE_CSV_READ_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CSV_HEAD = 1 << 20,    /* bytes that a format is guessed from */
    CSV_RECORD = 16 << 20, /* bytes of one at most */
};

struct csv_record {
    const char *text; /* n bytes, without the end of the line */
    size_t n;
    uint64_t offset; /* of the text in the file, after gz */
    uint64_t line;   /* that it begins in, from 1 */
};

/* A field without its quotes. */
struct cell {
    const char *text;
    size_t n;
};

struct csv_reader;

/* Opens a file, "-" is standard input. ERR_IO, ERR_FORMAT. */
int csv_open(const char *path, struct csv_reader **r, struct err *e);
void csv_close(struct csv_reader *r); /* NULL is fine */

/* Whether offsets are those of the file itself: it is one on a disk, and no gz. */
bool csv_plain(const struct csv_reader *r);

/* The first CSV_HEAD bytes, or all, without taking them; before the first csv_next. */
int csv_head(struct csv_reader *r, const char **text, size_t *n, struct err *e);

/* Whether everything has been read that there is: what was handed out last is the end. */
bool csv_ended(const struct csv_reader *r);

/* What separates fields, from here on. */
void csv_delimiter(struct csv_reader *r, char delimiter);

/* The next record: 1, or 0 at the end. Valid until the next call. ERR_FORMAT: a damaged gz, a record without end. */
int csv_next(struct csv_reader *r, struct csv_record *record, struct err *e);

/* The first record of n bytes: its length with the end of the line, 0 where it does not end there; *open: within
 * quotes. `last`: nothing follows, so that the end of the bytes is an end, too. */
size_t csv_length(const char *text, size_t n, char delimiter, bool last, bool *open);

/* The text of a record without its line end. */
size_t csv_trim(const char *text, size_t n);

/* Splits a record into fields, of which the first `room` are written; returns how many there are. `spare` has room for
 * as many bytes as the record. */
size_t csv_split(const char *text, size_t n, char delimiter, char *spare, struct cell *cells, size_t room);

#endif
