/* Options as data: one const table a model, source or verb. Command line flags, --set, URL parameters (?normal=3), the
 * JSON in a model file, help texts and documentation are all made from the same rows. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_INT,    /* int64_t */
    OPTION_FLOAT,  /* double */
    OPTION_BOOL,   /* bool; written true | false (also yes/no/1/0/on/off) */
    OPTION_CHOICE, /* an enum: its enumerators in the order of choices */
    OPTION_STRING, /* char[OPTION_TEXT] */
    OPTION_INTS,   /* struct ints; written 16,32,64; "" is the empty list */
    OPTION_TABLE,  /* no option: the rows of another table stand here */
};

enum { OPTION_TEXT = 256, OPTION_LIST = 16 };

struct ints {
    int n;
    int v[OPTION_LIST];
};

struct option {
    const char *name; /* NULL ends a table */
    enum option_type type;
    size_t offset;              /* of the field in the struct the table describes */
    const char *value;          /* the default, as a user would type it */
    double min, max;            /* both ends allowed; INT, FLOAT and each number of INTS */
    const char *choices;        /* CHOICE: "cosine|dot" */
    const char *help;           /* what it is, with its unit; no full stop */
    const struct option *table; /* TABLE: whose fields begin at offset */
};

/* The rows of a table. OPTIONS_OF names the struct that the table describes; an option is called as its field, and a
 * field of another type than the row's does not compile.
 *
 *     #define OPTIONS_OF struct memae_config
 *     // clang-format off
 *     static const struct option options[] = {
 *         ROW_TABLE(autoencoder_options, net),
 *         ROW_INT(items, "200", 1, 100000, "rows of the memory, N"),
 *         {0}};
 *     // clang-format on
 *
 * The formatter is off around tables because it breaks rows where they are long, and one row a line is what makes
 * them a table. */
// clang-format off
#define ROW_INT(field, value, min, max, help)      ROW(field, OPTION_INT, int64_t, value, min, max, help)
#define ROW_FLOAT(field, value, min, max, help)    ROW(field, OPTION_FLOAT, double, value, min, max, help)
#define ROW_BOOL(field, value, help)               ROW(field, OPTION_BOOL, bool, value, 0, 0, help)
#define ROW_STRING(field, value, help)             ROW(field, OPTION_STRING, option_text, value, 0, 0, help)
#define ROW_INTS(field, value, min, max, help)     ROW(field, OPTION_INTS, struct ints, value, min, max, help)
#define ROW_CHOICE(field, value, choices, help)    {#field, OPTION_CHOICE, OFFSET_ENUM(field), value, 0, 0, choices, help, NULL}
#define ROW_TABLE(table, field)                    {"", OPTION_TABLE, offsetof(OPTIONS_OF, field), NULL, 0, 0, NULL, NULL, table}
#define ROW_PART(table)                            {"", OPTION_TABLE, 0, NULL, 0, 0, NULL, NULL, table} /* of the same struct */
#define ROW(field, kind, type, value, min, max, help) {#field, kind, OFFSET(field, type), value, min, max, NULL, help, NULL}

/* Offsets that do not compile for a field of another type; an enum is known by its size. */
#define OFFSET(field, type) _Generic(&((OPTIONS_OF *)0)->field, type *: offsetof(OPTIONS_OF, field))
#define OFFSET_ENUM(field)  (offsetof(OPTIONS_OF, field) + 0 * sizeof(char[sizeof(((OPTIONS_OF *)0)->field) == sizeof(int) ? 1 : -1]))
typedef char option_text[OPTION_TEXT];
// clang-format on

/* Walks a table, and where it links another, that one in its place: copies option i, its offset counted in the struct
 * of `table` itself; false behind the last.
 *
 *     for (size_t i = 0; option_at(table, i, &row); i++)
 */
bool option_at(const struct option *table, size_t i, struct option *row);

/* Fills every field of `values` with its default. Defaults are checked by a test, so this cannot fail. */
void options_default(const struct option *table, void *values);

/* Sets one option from text. `owner` ("model memae") names the table in the error, which lists what exists. ERR_USAGE.
 */
int options_set(const struct option *table, void *values, const char *owner, const char *name, const char *text,
                struct err *e);

/* Sets several from "name=value name=value" with `separator` between the pairs; values contain no separator. */
int options_parse(const struct option *table, void *values, const char *owner, const char *pairs, char separator,
                  struct err *e);

/* Writes one option's value as text that options_set reads back to the same bits; returns the length as snprintf does.
 */
int option_format(const struct option *row, const void *values, char *text, size_t size);

/* Whether a table has an option of that name, copied to *row as option_at does (row may be NULL). Minus signs and
 * underscores in names are the same. */
bool option_find(const struct option *table, const char *name, struct option *row);

#endif
