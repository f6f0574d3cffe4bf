/* Options as data: one const table a model, source or verb. Command line flags, --set, URL parameters (?normal=3), the
 * JSON in a model file, help texts and documentation are all made from the same rows. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/err.h"

#include <stddef.h>

enum option_type {
    OPTION_INT,    /* int64_t */
    OPTION_FLOAT,  /* double */
    OPTION_BOOL,   /* bool; written true | false (also yes/no/1/0/on/off) */
    OPTION_CHOICE, /* int: index into choices */
    OPTION_STRING, /* char[OPTION_TEXT] */
    OPTION_INTS,   /* struct ints; written 16,32,64; "" is the empty list */
};

enum { OPTION_TEXT = 256, OPTION_LIST = 16 };

struct ints {
    int n;
    int v[OPTION_LIST];
};

struct option {
    const char *name; /* NULL ends a table */
    enum option_type type;
    size_t offset;       /* of the field in the struct the table describes */
    const char *value;   /* the default, as a user would type it */
    double min, max;     /* both ends allowed; INT, FLOAT and each number of INTS */
    const char *choices; /* CHOICE: "cosine|dot" */
    const char *help;    /* what it is, with its unit; no full stop */
};

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

/* The row of that name, or NULL. Minus signs and underscores in names are the same. */
const struct option *option_find(const struct option *table, const char *name);

#endif
