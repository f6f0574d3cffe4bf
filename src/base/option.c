#include "base/option.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *field(const struct option *row, void *values)
{
    return (char *)values + row->offset;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
            return false;
    return *a == *b;
}

/* Counts `i` down over the rows of a table whose struct begins at `base`, and on into the tables that it links. */
static bool count_down(const struct option *table, size_t base, size_t *i, struct option *row)
{
    for (; table->name; table++) {
        if (table->type == OPTION_TABLE) {
            if (count_down(table->table, base + table->offset, i, row))
                return true;
        } else if ((*i)-- == 0) {
            *row = *table;
            row->offset += base;
            return true;
        }
    }
    return false;
}

bool option_at(const struct option *table, size_t i, struct option *row)
{
    return count_down(table, 0, &i, row);
}

bool option_find(const struct option *table, const char *name, struct option *row)
{
    struct option found;
    for (size_t i = 0; option_at(table, i, &found); i++)
        if (same_name(found.name, name)) {
            if (row)
                *row = found;
            return true;
        }
    return false;
}

static int set_number(const struct option *row, const char *text, double *out, struct err *e)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    bool whole = row->type == OPTION_FLOAT || v == floor(v);
    if (end == text || *end || errno || !isfinite(v) || !whole)
        return err_set(e, ERR_USAGE, "option %s takes %s, not '%s' (%s)", row->name,
                       row->type == OPTION_FLOAT ? "a number" : "a whole number", text, row->help);
    if (v < row->min || v > row->max)
        return err_set(e, ERR_USAGE, "option %s takes a number from %g to %g, not %s (%s)", row->name, row->min,
                       row->max, text, row->help);
    *out = v;
    return 0;
}

/* Whole numbers keep every digit: a double, which also reads 1e6, has 53 bits. */
static int set_integer(const struct option *row, const char *text, int64_t *out, struct err *e)
{
    double v;
    char *end;
    TRY(set_number(row, text, &v, e));
    errno = 0;
    long long exact = strtoll(text, &end, 10);
    if (!*end && !errno) {
        *out = exact;
        return 0;
    }
    if (fabs(v) > 0x1p53)
        return err_set(e, ERR_USAGE, "option %s takes a whole number below 2^63, not %s (%s)", row->name, text,
                       row->help);
    *out = (int64_t)v;
    return 0;
}

static int set_bool(const struct option *row, const char *text, bool *out, struct err *e)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
    for (int i = 0; i < 4; i++) {
        if (!strcasecmp(text, yes[i]))
            return *out = true, 0;
        if (!strcasecmp(text, no[i]))
            return *out = false, 0;
    }
    return err_set(e, ERR_USAGE, "option %s takes true or false, not '%s' (%s)", row->name, text, row->help);
}

static int set_choice(const struct option *row, const char *text, int *out, struct err *e)
{
    int index = 0;
    size_t length = strlen(text);
    for (const char *c = row->choices;; index++) {
        size_t n = strcspn(c, "|");
        if (n == length && !strncasecmp(c, text, n))
            return *out = index, 0;
        if (!c[n])
            break;
        c += n + 1;
    }
    return err_set(e, ERR_USAGE, "option %s takes one of %s, not '%s' (%s)", row->name, row->choices, text, row->help);
}

static int set_ints(const struct option *row, const char *text, struct ints *out, struct err *e)
{
    struct ints list = {0};
    while (*text) {
        char word[32];
        size_t n = strcspn(text, ",");
        if (list.n == OPTION_LIST)
            return err_set(e, ERR_USAGE, "option %s takes at most %d numbers (%s)", row->name, OPTION_LIST, row->help);
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), text);
        double v;
        TRY(set_number(row, word, &v, e));
        list.v[list.n++] = (int)v;
        text += n + (text[n] == ',');
    }
    *out = list;
    return 0;
}

static int set_value(const struct option *row, void *values, const char *text, struct err *e)
{
    void *at = field(row, values);
    switch (row->type) {
    case OPTION_INT:
        return set_integer(row, text, at, e);
    case OPTION_FLOAT:
        return set_number(row, text, at, e);
    case OPTION_BOOL:
        return set_bool(row, text, at, e);
    case OPTION_CHOICE:
        return set_choice(row, text, at, e);
    case OPTION_INTS:
        return set_ints(row, text, at, e);
    case OPTION_STRING:
        if (strlen(text) >= OPTION_TEXT)
            return err_set(e, ERR_USAGE, "option %s takes at most %d characters", row->name, OPTION_TEXT - 1);
        strcpy(at, text);
        return 0;
    case OPTION_TABLE: /* option_at never hands one out */
        break;
    }
    return err_set(e, ERR_USAGE, "option %s has an unknown type", row->name);
}

void options_default(const struct option *table, void *values)
{
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        struct err e = ERR_INIT;
        set_value(&row, values, row.value, &e);
    }
}

static int unknown_option(const struct option *table, const char *owner, const char *name, struct err *e)
{
    char names[700] = "";
    size_t used = 0;
    struct option row;
    for (size_t i = 0; used < sizeof names - 40 && option_at(table, i, &row); i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", row.name);
    return err_set(e, ERR_USAGE, "%s has no option '%s'; it has: %s", owner, name, names[0] ? names : "none");
}

int options_set(const struct option *table, void *values, const char *owner, const char *name, const char *text,
                struct err *e)
{
    struct option row;
    return option_find(table, name, &row) ? set_value(&row, values, text, e) : unknown_option(table, owner, name, e);
}

int options_parse(const struct option *table, void *values, const char *owner, const char *pairs, char separator,
                  struct err *e)
{
    const char stop[2] = {separator, 0};
    while (*pairs) {
        size_t n = strcspn(pairs, stop);
        char pair[OPTION_TEXT + 64];
        if (n >= sizeof pair)
            return err_set(e, ERR_USAGE, "%s: the option '%.40s...' is longer than %zu characters", owner, pairs,
                           sizeof pair - 1);
        memcpy(pair, pairs, n);
        pair[n] = 0;
        char *equals = strchr(pair, '=');
        if (n && !equals)
            return err_set(e, ERR_USAGE, "%s: '%s' is not of the form option=value", owner, pair);
        if (n) {
            *equals = 0;
            TRY(options_set(table, values, owner, pair, equals + 1, e));
        }
        pairs += n + (pairs[n] == separator);
    }
    return 0;
}

static int format_choice(const struct option *row, int index, char *text, size_t size)
{
    const char *c = row->choices;
    for (; index > 0; index--)
        c += strcspn(c, "|") + 1;
    return snprintf(text, size, "%.*s", (int)strcspn(c, "|"), c);
}

static int format_ints(const struct ints *list, char *text, size_t size)
{
    int used = 0;
    if (size)
        *text = 0;
    for (int i = 0; i < list->n; i++) {
        size_t at = (size_t)used < size ? (size_t)used : size;
        used += snprintf(text + at, size - at, "%s%d", i ? "," : "", list->v[i]);
    }
    return used;
}

/* The shortest of the decimal forms that reads back to the same double. */
static int format_double(double v, char *text, size_t size)
{
    char word[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(word, sizeof word, "%.*g", digits, v);
        if (strtod(word, NULL) == v)
            break;
    }
    return snprintf(text, size, "%s", word);
}

int option_format(const struct option *row, const void *values, char *text, size_t size)
{
    const void *at = (const char *)values + row->offset;
    switch (row->type) {
    case OPTION_INT:
        return snprintf(text, size, "%lld", (long long)*(const int64_t *)at);
    case OPTION_FLOAT:
        return format_double(*(const double *)at, text, size);
    case OPTION_BOOL:
        return snprintf(text, size, "%s", *(const bool *)at ? "true" : "false");
    case OPTION_CHOICE:
        return format_choice(row, *(const int *)at, text, size);
    case OPTION_STRING:
        return snprintf(text, size, "%s", (const char *)at);
    case OPTION_INTS:
        return format_ints(at, text, size);
    case OPTION_TABLE:
        break;
    }
    return 0;
}
