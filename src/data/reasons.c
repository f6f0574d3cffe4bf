#include "data/reasons.h"

#include "data/dataset_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMONEST = 3 }; /* categories that are named */

/* ---- which columns ---- */

static double part_of(const struct column *c, const float *map)
{
    double sum = 0;
    for (int v = c->value; v < c->value + c->values; v++)
        sum += map[v] > 0 ? (double)map[v] : 0; /* what is more usual than usual speaks for nothing */
    return sum;
}

/* Puts it where it belongs among the n that are there, of which the last may fall out. */
static int insert(struct reason *list, int n, int room, struct reason r)
{
    int at = n < room ? n : room;
    for (; at > 0 && list[at - 1].share < r.share; at--)
        if (at < room)
            list[at] = list[at - 1];
    if (at < room)
        list[at] = r;
    return n < room ? n + 1 : room;
}

int reasons_find(const struct table *t, const float *map, struct reason *out, int room)
{
    int n = 0;
    double all = 0;
    for (int i = 0; i < t->n; i++) {
        struct reason r = {i, part_of(&t->columns[i], map)};
        all += r.share;
        if (r.share > 0)
            n = insert(out, n, room, r);
    }
    for (int k = 0; k < n; k++)
        out[k].share /= all;
    return n;
}

/* ---- in words ---- */

static void add_text(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* The commonest category after `last`; ties in their order. -1: there is none. */
static int next_common(const struct column *c, int last)
{
    int best = -1;
    for (int i = 0; i < c->categories.n; i++) {
        bool after = last < 0 || c->shares[i] < c->shares[last] || (c->shares[i] == c->shares[last] && i > last);
        if (after && (best < 0 || c->shares[i] > c->shares[best]))
            best = i;
    }
    return best;
}

static void normal_categories(const struct column *c, char *text, size_t size)
{
    int named = 0;
    *text = 0;
    for (int i = next_common(c, -1); i >= 0 && named < COMMONEST; i = next_common(c, i), named++) {
        char one[80];
        const char *word = c->categories.words[i].text;
        snprintf(one, sizeof one, "%s%.40s %.2g %%", named ? ", " : "", *word ? word : "(empty)", 100 * c->shares[i]);
        add_text(text, size, one);
    }
    if (c->categories.n > named) {
        char rest[32];
        snprintf(rest, sizeof rest, ", %d more", c->categories.n - named);
        add_text(text, size, rest);
    }
}

void reason_normal(const struct column *c, char *text, size_t size)
{
    if (c->role == COLUMN_CATEGORY)
        normal_categories(c, text, size);
    else if (c->least == c->most)
        snprintf(text, size, "always %.7g", c->least);
    else if (c->low == c->high)
        snprintf(text, size, "%.7g", c->low);
    else
        snprintf(text, size, "%.7g..%.7g", c->low, c->high);
}

void column_tell(const struct column *c, char *text, size_t size)
{
    char normal[200], more[120] = "", missing[40] = "";
    reason_normal(c, normal, sizeof normal);
    if (c->role == COLUMN_NUMBER && c->least < c->most)
        snprintf(more, sizeof more, " (least %.7g, most %.7g)", c->least, c->most);
    if (c->missing)
        snprintf(missing, sizeof missing, ", %lld missing", (long long)c->missing);
    if (c->kept < 0)
        snprintf(text, size, "%s", column_roles[c->role]);
    else
        snprintf(text, size, "%s, %s%s%s", column_roles[c->role], normal, more, missing);
}

void reason_number(const struct column *c, float number, char *text, size_t size)
{
    bool known = number >= 0 && number < (float)c->categories.n;
    if (c->role == COLUMN_CATEGORY)
        snprintf(text, size, "%s", known ? c->categories.words[(int)number].text : "(unknown)");
    else
        snprintf(text, size, "%.7g", (double)number);
}

/* ---- in the data ---- */

static void copy_cell(const struct cell *c, char *text, size_t size)
{
    size_t n = c->n < size - 1 ? c->n : size - 1;
    while (n && n < c->n && ((unsigned char)c->text[n] & 0xc0) == 0x80)
        n--; /* no character of UTF-8 is cut */
    memcpy(text, c->text, n);
    text[n] = 0;
}

static int number_cell(const struct part *part, const struct sample *s, const struct table *t, int column, char *text,
                       size_t size, struct err *e)
{
    float *row = malloc((size_t)shape_last(&part->shape) * sizeof *row);
    if (!row)
        return err_memory(e, "a row");
    int code = part->source->row(part, s, row, e);
    if (code >= 0)
        reason_number(&t->columns[column], row[t->columns[column].kept], text, size);
    free(row);
    return code;
}

/* The cells of a row for which `wanted` says so, given part and column of its own table. */
typedef bool cell_wanted(const struct part *part, int own, int column);

static bool is_of(const struct part *part, int own, int column)
{
    return part->to[own] == column;
}

static bool is_id(const struct part *part, int own, int column)
{
    (void)column;
    return part->table->columns[own].role == COLUMN_ID;
}

static int cells_as_text(const struct part *part, const struct sample *s, cell_wanted *wanted, int column, char *text,
                         size_t size, struct err *e)
{
    struct row_text row;
    row_text_begin(&row);
    int found = 0, code = part->source->cells(part, s, &row, e);
    *text = 0;
    for (int i = 0; code >= 0 && i < part->table->n; i++) {
        size_t used = strlen(text);
        if (!wanted(part, i, column) || size - used < 4)
            continue;
        if (found++) {
            add_text(text, size, ", ");
            used += 2;
        }
        copy_cell(&row.cells[i], text + used, size - used);
    }
    row_text_free(&row);
    return code < 0 ? code : found;
}

int reason_cell(const struct dataset *ds, enum split split, size_t i, const struct table *t, int column, char *text,
                size_t size, struct err *e)
{
    const struct sample *s = &ds->splits[split].v[i];
    const struct part *part = &ds->parts[s->part];
    int code = part->table ? cells_as_text(part, s, is_of, column, text, size, e)
                           : number_cell(part, s, t, column, text, size, e);
    return code < 0 ? code : 0;
}

int row_id(const struct dataset *ds, enum split split, size_t i, char *text, size_t size, struct err *e)
{
    const struct sample *s = &ds->splits[split].v[i];
    const struct part *part = &ds->parts[s->part];
    *text = 0;
    if (!part->table)
        return 0;
    for (int k = 0; k < part->table->n; k++)
        if (part->table->columns[k].role == COLUMN_ID)
            return cells_as_text(part, s, is_id, 0, text, size, e);
    return 0;
}
