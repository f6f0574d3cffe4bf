#include "table/csv_sniff.h"

#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 1000 }; /* records that are looked at */

/* The first records, taken apart. */
struct head {
    size_t n, columns;  /* of the first */
    struct cell *cells; /* n x columns; {NULL} where a record is shorter */
    char *spare;
};

static void head_free(struct head *h)
{
    free(h->cells);
    free(h->spare);
}

/* ---- what separates ---- */

/* How many of the first records have as many fields as the first, which has that many. */
static size_t count_alike(const char *text, size_t n, bool whole, char delimiter, size_t *fields, size_t *records,
                          char *spare)
{
    size_t alike = 0;
    bool open;
    *fields = *records = 0;
    for (size_t length; *records < LOOKS && n && (length = csv_length(text, n, delimiter, whole, &open));
         text += length, n -= length) {
        size_t trimmed = csv_trim(text, length);
        if (!trimmed)
            continue;
        size_t found = csv_split(text, trimmed, delimiter, spare, NULL, 0);
        *fields = *records ? *fields : found;
        alike += found == *fields;
        ++*records;
    }
    return alike;
}

/* The comma last: it is what stands in texts and in numbers of other separators. */
static char guess_delimiter(const char *text, size_t n, bool whole, char *spare)
{
    static const char candidates[] = {'\t', ';', '|', ','};
    for (size_t i = 0; i < sizeof candidates; i++) {
        size_t fields, records, alike = count_alike(text, n, whole, candidates[i], &fields, &records, spare);
        if (fields > 1 && 10 * alike >= 9 * records)
            return candidates[i];
    }
    return ',';
}

/* ---- the first records ---- */

static int read_head(struct head *h, const char *text, size_t n, bool whole, char delimiter, const char *path,
                     struct err *e)
{
    size_t fields, records;
    bool open;
    count_alike(text, n, whole, delimiter, &fields, &records, h->spare);
    if (!records)
        return err_set(e, ERR_FORMAT, "%s is empty: a table has a row a line", path);
    if (fields > COLUMNS_MAX)
        return err_set(e, ERR_FORMAT, "%s has %zu columns, and at most %d can be handled", path, fields, COLUMNS_MAX);
    h->columns = fields;
    h->cells = calloc(records * fields, sizeof *h->cells);
    if (!h->cells)
        return err_memory(e, "the first rows of a table");
    char *spare = h->spare;
    for (size_t length; h->n < records && (length = csv_length(text, n, delimiter, whole, &open));
         text += length, n -= length) {
        size_t trimmed = csv_trim(text, length);
        if (!trimmed)
            continue;
        csv_split(text, trimmed, delimiter, spare, h->cells + h->n++ * fields, fields);
        spare += trimmed;
    }
    return 0;
}

static bool is_number(const struct cell *c, char point)
{
    double value;
    return c->text && number_read(c->text, c->n, point, &value);
}

/* Of the rows from `first` on: whether most of what a column has are numbers. A column of nothing is one of numbers,
 * too. */
static bool has_numbers(const struct head *h, size_t column, size_t first, char point)
{
    size_t numbers = 0, texts = 0;
    for (size_t i = first; i < h->n; i++) {
        const struct cell *c = &h->cells[i * h->columns + column];
        if (!c->text || cell_missing(c))
            continue;
        bool number = is_number(c, point);
        numbers += number;
        texts += !number;
    }
    return numbers >= texts;
}

static bool recurs(const struct head *h, size_t column)
{
    const struct cell *name = &h->cells[column];
    for (size_t i = 1; i < h->n; i++) {
        const struct cell *c = &h->cells[i * h->columns + column];
        if (c->text && c->n == name->n && !memcmp(c->text, name->text, c->n))
            return true;
    }
    return false;
}

/* Names are no numbers; and they stand above numbers, or above texts that are others. */
static bool guess_header(const struct head *h, char point)
{
    bool above_numbers = false, again = false;
    for (size_t k = 0; k < h->columns; k++) {
        if (is_number(&h->cells[k], point))
            return false;
        above_numbers |= h->n > 1 && has_numbers(h, k, 1, point);
        again |= recurs(h, k);
    }
    return above_numbers || !again;
}

static bool has_name(const struct head *h, const struct table *names)
{
    for (size_t k = 0; k < h->columns; k++)
        for (int i = 0; i < names->n; i++)
            if (strlen(names->columns[i].name) == h->cells[k].n &&
                !memcmp(names->columns[i].name, h->cells[k].text, h->cells[k].n))
                return true;
    return false;
}

static bool choose_header(const struct head *h, const struct csv_known *known)
{
    if (known->header != HEADER_AUTO)
        return known->header == HEADER_YES;
    if (known->names && has_name(h, known->names))
        return true;
    return !(known->names && h->n == 1) && guess_header(h, known->point);
}

/* ---- columns ---- */

static char *copy_name(struct arena *arena, const struct cell *c)
{
    char *name = arena_alloc(arena, c->n + 1); /* zeroed */
    return name ? memcpy(name, c->text, c->n) : NULL;
}

static char *place_name(struct arena *arena, size_t place)
{
    char name[24];
    snprintf(name, sizeof name, "c%zu", place + 1);
    return arena_string(arena, name);
}

static int check_names(const struct table *t, const char *path, struct arena *arena, struct err *e)
{
    struct dictionary names = {0};
    for (int i = 0; i < t->n; i++) {
        const char *name = t->columns[i].name;
        int before = dictionary_find(&names, name, strlen(name));
        if (before >= 0)
            return err_set(e, ERR_FORMAT,
                           "%s: two columns, number %d and number %d, have the name '%s'; give each its own, or "
                           "say header=no where the first line is a row",
                           path, before + 1, i + 1, name);
        TRY(dictionary_add(&names, arena, name, strlen(name), e));
    }
    return 0;
}

static int make_columns(const struct head *h, const struct csv_sniffed *s, struct arena *arena, struct table *t,
                        struct err *e)
{
    t->n = (int)h->columns;
    t->normal = t->anomalous = "";
    t->named = s->header;
    t->columns = arena_alloc(arena, h->columns * sizeof *t->columns);
    if (!t->columns)
        return err_memory(e, "the columns of a table");
    for (size_t k = 0; k < h->columns; k++) {
        struct column *c = &t->columns[k];
        bool named = s->header && h->cells[k].n;
        c->role = c->looks = has_numbers(h, k, s->header, t->point) ? COLUMN_NUMBER : COLUMN_CATEGORY;
        c->name = named ? copy_name(arena, &h->cells[k]) : place_name(arena, k);
        if (!c->name)
            return err_memory(e, "the names of columns");
    }
    return 0;
}

static int sniff(struct head *h, const char *text, size_t n, bool whole, const struct csv_known *known,
                 const char *path, struct arena *arena, struct csv_sniffed *out, struct err *e)
{
    *out = (struct csv_sniffed){.table.point = known->point};
    out->delimiter = known->delimiter ? known->delimiter : guess_delimiter(text, n, whole, h->spare);
    TRY(read_head(h, text, n, whole, out->delimiter, path, e));
    out->header = choose_header(h, known);
    if (h->n == 1 && out->header)
        return err_set(e, ERR_FORMAT,
                       "%s has no rows, its one line is taken for a header; add rows, or say header=no where it is a "
                       "row",
                       path);
    TRY(make_columns(h, out, arena, &out->table, e));
    return check_names(&out->table, path, arena, e);
}

int csv_sniff(const char *text, size_t n, bool whole, const struct csv_known *known, const char *path,
              struct arena *arena, struct csv_sniffed *out, struct err *e)
{
    if (memchr(text, 0, n))
        return err_set(
            e, ERR_FORMAT,
            "%s is no text, as it has bytes of 0 in it: is it a table? One that is stored as UTF-16 is to be "
            "saved as UTF-8",
            path);
    struct head h = {.spare = malloc(n + 1)};
    if (!h.spare)
        return err_memory(e, "the first rows of a table");
    int code = sniff(&h, text, n, whole, known, path, arena, out, e);
    head_free(&h);
    return code;
}
