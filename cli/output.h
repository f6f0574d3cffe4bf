/* Results on stdout: rows of named cells as CSV (quoted as RFC 4180 says), JSON Lines or aligned text; the same fields.
 * Control characters in names: CSV and text show \xNN (CSV quotes tab, CR and LF as they are), JSON escapes them. Bytes
 * that are no UTF-8 stay in CSV; JSON, which cannot say them, has U+FFFD in their place. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_CSV, OUTPUT_JSONL, OUTPUT_TEXT };

enum { OUTPUT_COLUMNS = 20 };

struct output {
    enum output_format format;
    const char *const *columns; /* NULL-terminated, at most OUTPUT_COLUMNS */
    struct table table;         /* OUTPUT_TEXT: rows are kept until widths are known */
    bool failed;
};

enum cell_type { CELL_NONE, CELL_TEXT, CELL_FLOAT, CELL_WHOLE, CELL_BOOL };

struct cell {
    enum cell_type type;
    const char *text;
    double number; /* FLOAT: written in the fewest digits that read back to the same float; not finite: as NONE */
    int64_t whole; /* WHOLE, BOOL */
};

#define CELL_OF_TEXT(t)  ((struct cell){.type = CELL_TEXT, .text = (t)})
#define CELL_OF_FLOAT(v) ((struct cell){.type = CELL_FLOAT, .number = (v)})
#define CELL_OF_WHOLE(v) ((struct cell){.type = CELL_WHOLE, .whole = (v)})
#define CELL_OF_BOOL(v)  ((struct cell){.type = CELL_BOOL, .whole = (v)})
#define CELL_EMPTY       ((struct cell){.type = CELL_NONE})

/* `format`: "csv", "jsonl" or "text"; NULL: text on a terminal, else csv. output_begin
 * writes CSV's line of names. */
enum output_format output_format(const char *format);
void output_begin(struct output *o, const char *format, const char *const *columns);
/* One row of as many cells as there are columns. False when stdout takes no more. */
bool output_row(struct output *o, const struct cell *cells);
/* Writes what is left; returns an exit code: a reader that went away is no failure, a full disk is. */
int output_end(struct output *o);

/* The same check for what was printed to stdout by hand. */
int output_flush(void);

#endif
