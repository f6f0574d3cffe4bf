#include "table/table.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const column_roles[COLUMN_ROLES] = {[COLUMN_NUMBER] = "number",
                                                [COLUMN_CATEGORY] = "category",
                                                [COLUMN_LABEL] = "label",
                                                [COLUMN_ID] = "id",
                                                [COLUMN_IGNORED] = "ignored"};

static bool learnt(const struct column *c)
{
    return c->role == COLUMN_NUMBER || c->role == COLUMN_CATEGORY;
}

int table_find(const struct table *t, const char *name)
{
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->columns[i].name, name))
            return i;
    char *end;
    long place = strtol(name + (name[0] == 'c'), &end, 10);
    if (*end || end == name + (name[0] == 'c'))
        return -1;
    place = place < 0 && name[0] != 'c' ? t->n + place : place - 1;
    return place >= 0 && place < t->n ? (int)place : -1;
}

void table_place(struct table *t)
{
    t->kept = t->values = 0;
    for (int i = 0; i < t->n; i++) {
        struct column *c = &t->columns[i];
        c->kept = learnt(c) ? t->kept++ : -1;
        c->values = c->role == COLUMN_CATEGORY ? c->categories.n : c->role == COLUMN_NUMBER;
        c->value = t->values;
        t->values += c->values;
    }
}

/* ---- another file's columns ---- */

/* A list of names in a sentence, cut where there are many. */
struct names {
    char text[300];
    size_t used;
    int n;
};

static void add_name(struct names *list, const char *name, const char *more)
{
    if (++list->n <= 8 && list->used + strlen(name) + strlen(more) + 8 < sizeof list->text)
        list->used += (size_t)snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s%s",
                                       list->n > 1 ? ", " : "", name, more);
    else if (list->used + 5 < sizeof list->text && list->text[list->used - 1] != '.')
        list->used += (size_t)snprintf(list->text + list->used, sizeof list->text - list->used, ", ...");
}

struct difference {
    struct names missing, new, changed;
};

static int explain_difference(const struct difference *d, const char *path, struct err *e)
{
    if (!d->missing.n && !d->new.n && !d->changed.n)
        return 0;
    return err_set(e, ERR_FORMAT, "%s has other columns than the model learnt:%s%s%s%s%s%s%s%s%s", path,
                   d->missing.n ? " missing are " : "", d->missing.text, d->missing.n ? ";" : "",
                   d->new.n ? " new are " : "", d->new.text, d->new.n ? " (ignore=NAME leaves one out);" : "",
                   d->changed.n ? " of another type are " : "", d->changed.text,
                   d->changed.n ? "; give the columns that the model was trained with"
                                : " give the columns that the model was trained with");
}

static const struct column *by_name(const struct table *t, const char *name)
{
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

/* Whether a column has categories that no number can be. */
static bool all_texts(const struct table *t, const struct column *c)
{
    double value;
    for (int i = 0; i < c->categories.n; i++)
        if (!c->categories.words[i].n ||
            number_read(c->categories.words[i].text, c->categories.words[i].n, t->point, &value))
            return false;
    return c->categories.n > 0;
}

static int match_names(const struct table *file, const struct table *model, const char *path, int *to, struct err *e)
{
    struct difference d = {0};
    for (int i = 0; i < model->n; i++)
        if (learnt(&model->columns[i]) && !by_name(file, model->columns[i].name))
            add_name(&d.missing, model->columns[i].name, "");
    for (int i = 0; i < file->n; i++) {
        const struct column *own = &file->columns[i], *there = by_name(model, own->name);
        to[i] = there && learnt(there) ? (int)(there - model->columns) : -1;
        if (!there && learnt(own))
            add_name(&d.new, own->name, "");
        if (to[i] >= 0 && own->looks == COLUMN_CATEGORY && there->role == COLUMN_NUMBER)
            add_name(&d.changed, own->name, " (texts, and were numbers)");
        if (to[i] >= 0 && own->looks == COLUMN_NUMBER && all_texts(model, there))
            add_name(&d.changed, own->name, " (numbers, and were texts)");
    }
    return explain_difference(&d, path, e);
}

static int count_labels(const struct table *t)
{
    int labels = 0;
    for (int i = 0; i < t->n; i++)
        labels += t->columns[i].role == COLUMN_LABEL;
    return labels;
}

static const struct column *by_place(const struct table *file, const struct table *model, int i)
{
    bool all = file->n == model->n;
    for (int k = 0; k < model->n; k++)
        if (all || model->columns[k].role != COLUMN_LABEL)
            if (i-- == 0)
                return &model->columns[k];
    return NULL;
}

const struct column *table_counterpart(const struct table *file, const struct table *model, int i)
{
    if (file->named && model->named)
        return by_name(model, file->columns[i].name);
    return by_place(file, model, i);
}

/* All columns, or all but the label. */
static int match_places(const struct table *file, const struct table *model, const char *path, int *to, struct err *e)
{
    const int labels = count_labels(model);
    if (file->n != model->n && file->n != model->n - labels)
        return err_set(e, ERR_FORMAT,
                       "%s has %d columns, and the model learnt from a table of %d; where no header names columns, a "
                       "file needs as many as that one had%s",
                       path, file->n, model->n, labels ? ", or its label alone may be missing" : "");
    for (int i = 0; i < file->n; i++) {
        const struct column *there = by_place(file, model, i);
        to[i] = learnt(there) ? (int)(there - model->columns) : -1;
    }
    return 0;
}

int table_match(const struct table *file, const struct table *model, const char *path, int *to, struct err *e)
{
    return file->named && model->named ? match_names(file, model, path, to, e) : match_places(file, model, path, to, e);
}

/* ---- rows ---- */

bool cell_missing(const struct cell *c)
{
    static const char *const words[] = {"", "na", "n/a", "nan", "null", "none", "?"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == c->n && !strncasecmp(words[i], c->text, c->n))
            return true;
    return false;
}

static int explain_missing(const struct column *c, const struct cell *cell, struct err *e)
{
    return err_set(e, ERR_FORMAT,
                   "column %s is missing ('%.*s'); fill it in, leave the row out, or train with missing=mean or "
                   "missing=median",
                   c->name, (int)cell->n, cell->text);
}

static int explain_number(const struct column *c, const struct cell *cell, double value, struct err *e)
{
    const int shown = cell->n < 60 ? (int)cell->n : 60;
    if (isinf(value) || (cell->n >= 3 && !strncasecmp(cell->text + strspn(cell->text, "+-"), "inf", 3)))
        return err_set(e, ERR_FORMAT,
                       "column %s is '%.*s', which is no finite number; correct it, or empty the cell and train with "
                       "missing=median",
                       c->name, shown, cell->text);
    return err_set(e, ERR_FORMAT,
                   "column %s is '%.*s', and numbers are wanted there; correct it, or say categorical=%s where its "
                   "texts are categories",
                   c->name, shown, cell->text, c->name);
}

/* The number in a cell; NaN: it is missing. */
int cell_number(const struct table *t, const struct column *c, const struct cell *cell, double *out, struct err *e)
{
    *out = 0;
    if (number_read(cell->text, cell->n, t->point, out) && isfinite(*out))
        return 0;
    if (!cell_missing(cell))
        return explain_number(c, cell, *out, e);
    *out = NAN;
    return t->missing == MISSING_ERROR ? explain_missing(c, cell, e) : 0;
}

/* How far a number may lie from normal: what is beyond is as good as there. */
static const double FAR = 1e30;

static float kept_number(const struct column *c, double value)
{
    double scaled = ((isnan(value) ? c->fill : value) - c->middle) / c->spread;
    return (float)(scaled > FAR ? FAR : scaled < -FAR ? -FAR : scaled);
}

int table_keep(const struct table *t, const struct cell *cells, const int *to, size_t n, float *kept, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (to[i] < 0)
            continue;
        const struct column *c = &t->columns[to[i]];
        double value;
        if (c->role == COLUMN_NUMBER) {
            TRY(cell_number(t, c, &cells[i], &value, e));
            kept[c->kept] = kept_number(c, value);
        } else {
            if (!cells[i].n && t->missing == MISSING_ERROR)
                return explain_missing(c, &cells[i], e);
            kept[c->kept] = (float)dictionary_find(&c->categories, cells[i].text, cells[i].n);
        }
    }
    return 0;
}

static int check_number(const struct table *t, const struct column *c, float value, struct err *e)
{
    if (isnan(value) && t->missing == MISSING_ERROR)
        return explain_missing(c, &(struct cell){"NaN", 3}, e);
    if (isinf(value))
        return err_set(e, ERR_FORMAT, "column %s has no finite number", c->name);
    return 0;
}

int table_keep_numbers(const struct table *t, const float *row, float *kept, struct err *e)
{
    for (int i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        if (c->kept < 0)
            continue;
        float value = row[c->kept];
        TRY(check_number(t, c, value, e));
        if (!kept)
            continue;
        if (c->role == COLUMN_NUMBER)
            kept[c->kept] = kept_number(c, (double)value);
        else
            kept[c->kept] = value >= 0 && value < (float)c->categories.n ? floorf(value) : -1;
    }
    return 0;
}

static int read_text(const struct table *t, const struct column *c, const char *text, float *out, struct err *e)
{
    const struct cell cell = {text ? text : "", text ? strlen(text) : 0};
    double value;
    if (c->role == COLUMN_NUMBER) {
        TRY(cell_number(t, c, &cell, &value, e));
        *out = (float)value;
        return 0;
    }
    if (!cell.n && t->missing == MISSING_ERROR)
        return explain_missing(c, &cell, e);
    *out = (float)dictionary_find(&c->categories, cell.text, cell.n);
    return 0;
}

int table_read_texts(const struct table *t, const char *const *texts, float *row, struct err *e)
{
    for (int i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        if (c->kept >= 0)
            TRY(read_text(t, c, texts[c->kept], &row[c->kept], e));
    }
    return 0;
}

int table_look(const struct table *t, const struct cell *cells, struct err *e)
{
    for (int i = 0; i < t->n; i++) {
        double value;
        if (t->columns[i].role == COLUMN_NUMBER)
            TRY(cell_number(t, &t->columns[i], &cells[i], &value, e));
    }
    return 0;
}

void table_values(const struct table *t, const float *kept, float *values)
{
    memset(values, 0, (size_t)t->values * sizeof *values);
    for (int i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        if (c->role == COLUMN_NUMBER)
            values[c->value] = kept[c->kept];
        else if (c->role == COLUMN_CATEGORY && kept[c->kept] >= 0)
            values[c->value + (int)kept[c->kept]] = 1;
    }
}
