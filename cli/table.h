/* Aligned text on stdout, as wide as the terminal: columns are as wide as they need, the widest are narrowed until a
 * row fits, and their cells wrap between words. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS = 32 };

struct table {
    size_t columns;
    char **cells; /* rows that are not printed yet */
    size_t n, room;
    size_t width[TABLE_COLUMNS]; /* of those that are printed */
    double since;                /* when the first of the rows in hand came, in seconds */
};

void table_begin(struct table *t, size_t columns);
/* One row, the first is the names'. Rows are printed some hundred at a time, or
 * after a second. False, as is table_end, with errno where
 * stdout takes no more or memory is out. */
bool table_add(struct table *t, const char *const *cells);
bool table_end(struct table *t);

#endif
