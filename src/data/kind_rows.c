/* Rows: C values. Of a table (table/table.h) with its columns of numbers and categories, or of numbers without names.
 * Kept as the table keeps them. */
#include "data/kind.h"

#include "base/arena.h"
#include "data/dataset_private.h"
#include "data/reasons.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static size_t bytes(const struct preprocess *p)
{
    return (size_t)p->table->kept * sizeof(float);
}

static int match(struct part *part, const struct preprocess *p, struct err *e)
{
    const struct table *own = part->table;
    if (!own || part->matched == p->table)
        return 0;
    if (!part->to && !(part->to = arena_alloc(part_arena(part), (size_t)own->n * sizeof *part->to)))
        return err_memory(e, "the columns of a table");
    TRY(table_match(own, p->table, part->path, part->to, e));
    part->matched = p->table;
    return 0;
}

/* The cells of a row; `p` NULL: only looks whether numbers are some. */
static int take_cells(const struct part *part, const struct row_text *row, const struct preprocess *p, float *kept,
                      struct err *e)
{
    struct err why = ERR_INIT;
    int code =
        p ? table_keep(p->table, row->cells, part->to, row->n, kept, &why) : table_look(part->table, row->cells, &why);
    return code < 0 ? err_set(e, code, "%s, line %llu: %s", part->path, (unsigned long long)row->line, why.msg) : 0;
}

static int load_cells(const struct part *part, const struct sample *s, const struct preprocess *p, float *kept,
                      struct err *e)
{
    struct row_text row;
    row_text_begin(&row);
    int code = part->source->cells(part, s, &row, e);
    if (code >= 0)
        code = take_cells(part, &row, p, kept, e);
    row_text_free(&row);
    return code;
}

/* Numbers without names. */
static int load_numbers(const struct part *part, const struct sample *s, const struct preprocess *p, float *kept,
                        struct err *e)
{
    int64_t n = shape_last(&part->shape);
    struct err why = ERR_INIT;
    if (!p)
        return 0;
    if (n != p->table->kept)
        return err_set(e, ERR_FORMAT, "%s has %lld columns, but the model takes %d", s->name, (long long)n,
                       p->table->kept);
    TRY(part->source->row(part, s, kept, e));
    int code = table_keep_numbers(p->table, kept, kept, &why);
    return code < 0 ? err_set(e, code, "%s: %s", s->name, why.msg) : 0;
}

static int load(const struct part *part, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                void *kept, struct shape *own, struct err *e)
{
    (void)d;
    *own = part->table ? SHAPE(part->table->n) : part->shape;
    return part->table ? load_cells(part, s, p, kept, e) : load_numbers(part, s, p, kept, e);
}

size_t preprocess_columns(const struct preprocess *p)
{
    return (size_t)p->table->kept;
}

int preprocess_row(const struct preprocess *p, const float *row, void *kept, struct err *e)
{
    return table_keep_numbers(p->table, row, kept, e);
}

int preprocess_texts(const struct preprocess *p, const char *const *texts, float *row, struct err *e)
{
    return table_read_texts(p->table, texts, row, e);
}

/* ---- fitting ---- */

/* A table of numbers without names. */
static int make_unnamed(int n, struct arena *arena, struct table *t, struct err *e)
{
    *t = (struct table){.n = n,
                        .point = '.',
                        .normal = "",
                        .anomalous = "",
                        .columns = arena_alloc(arena, (size_t)n * sizeof *t->columns)};
    if (!t->columns)
        return err_memory(e, "the columns of rows");
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i + 1);
        t->columns[i] = (struct column){.role = COLUMN_NUMBER, .name = arena_string(arena, name), .spread = 1};
        if (!t->columns[i].name)
            return err_memory(e, "the names of columns");
    }
    table_place(t);
    return 0;
}

/* What cannot be read is left to dataset_check, which counts it. */
static int fit_row(const struct part *part, const struct sample *s, struct table_fit *f, struct row_text *row,
                   float *numbers, struct err *e)
{
    struct err why = ERR_INIT;
    int code = part->table ? part->source->cells(part, s, row, &why) : part->source->row(part, s, numbers, &why);
    if (code >= 0)
        code = part->table ? table_fit_add(f, row->cells, &why) : table_fit_add_numbers(f, numbers, &why);
    return code == ERR_USAGE || code == ERR_MEMORY ? err_set(e, code, "%s: %s", part->path, why.msg) : 0;
}

static int fit_rows(const struct dataset *ds, const struct split_samples *s, struct table_fit *f, float *numbers,
                    struct err *e)
{
    struct row_text row;
    row_text_begin(&row);
    int code = 0;
    for (size_t i = 0; i < s->n && code >= 0; i++)
        code = fit_row(&ds->parts[s->v[i].part], &s->v[i], f, &row, numbers, e);
    row_text_free(&row);
    return code;
}

/* A mean and a deviation of each value, as everything else knows them. */
static int spread_scale(const struct wishes *w, struct arena *arena, struct preprocess *p, struct err *e)
{
    const struct table *t = p->table;
    p->sample = SHAPE(t->values);
    p->n = t->values;
    p->clip = w->clip;
    float *scale = arena_alloc(arena, 2 * (size_t)p->n * sizeof *scale);
    if (!scale)
        return err_memory(e, "the preprocessing");
    for (int i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        for (int k = 0; k < c->values; k++) {
            bool category = c->role == COLUMN_CATEGORY;
            bool standard = category && w->scale == SCALE_STANDARD && !w->plain;
            double share = category ? c->shares[k] : 0, deviation = sqrt(share * (1 - share));
            scale[c->value + k] = (float)(standard ? share : category ? 0 : c->middle);
            scale[p->n + c->value + k] = (float)(standard && deviation > 0 ? deviation : category ? 1 : c->spread);
        }
    }
    p->mean = scale;
    p->std = scale + p->n;
    return 0;
}

static int fit(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
               struct err *e)
{
    const struct part *first = &ds->parts[0];
    const struct split_samples *s = &ds->splits[split];
    if (w->height || w->channels || w->frames || w->tile || (w->roi && *w->roi))
        return err_set(e, ERR_USAGE,
                       "options size, channels, frames, tile and roi are for pictures, but %s has rows of numbers",
                       first->path);
    struct table unnamed;
    struct table_fit *f;
    if (!first->table)
        TRY(make_unnamed((int)shape_last(&first->shape), arena, &unnamed, e));
    TRY(table_fit_new(first->table ? first->table : &unnamed, w->missing, s->n, arena, &f, e));
    float *numbers = malloc((size_t)(first->table ? first->table->n : unnamed.n) * sizeof *numbers);
    int code = numbers ? fit_rows(ds, s, f, numbers, e) : err_memory(e, "a row");
    if (code >= 0)
        code = table_fit_finish(f, w->scale, &p->table, e);
    free(numbers);
    table_fit_free(f);
    return code < 0 ? code : spread_scale(w, arena, p, e);
}

static void doubt(const struct preprocess *p, const struct log *out)
{
    for (int i = 0; i < p->table->n; i++) {
        const struct column *c = &p->table->columns[i];
        if (c->names_rows)
            log_line(
                out, LOG_WARN,
                "column %s %s: it seems to name rows, and later rows would be odd for being later; with --id %s (in "
                "a path id=%s) it is shown beside scores and not learnt",
                c->name,
                c->role == COLUMN_NUMBER ? "rises from each row to the next, as numbers of rows and times do"
                                         : "has another text in every row",
                c->name, c->name);
    }
}

/* Of the names of columns, which stand one below the other. */
static int widest_name(const struct table *t)
{
    enum { LEAST = 20, MOST = 40 };
    size_t width = LEAST;
    for (int i = 0; i < t->n; i++)
        width = strlen(t->columns[i].name) > width ? strlen(t->columns[i].name) : width;
    return width < MOST ? (int)width : MOST;
}

static int tell(struct dataset *ds, enum split split, const struct log *out, struct err *e)
{
    struct arena arena = {0};
    struct preprocess p = {.kind = &kind_rows};
    struct err why = ERR_INIT;
    int code = fit(ds, split, &(struct wishes){.missing = MISSING_MEDIAN}, &arena, &p, &why);
    if (code == ERR_MEMORY)
        err_set(e, code, "%s", why.msg);
    else if (code < 0)
        log_line(out, LOG_INFO, "  %s", why.msg);
    const int width = code < 0 ? 0 : widest_name(p.table);
    for (int i = 0; code >= 0 && i < p.table->n; i++) {
        char text[400];
        column_tell(&p.table->columns[i], text, sizeof text);
        log_line(out, LOG_INFO, "    %-*s %s", width, p.table->columns[i].name, text);
    }
    if (code >= 0)
        doubt(&p, out);
    arena_free(&arena);
    return code == ERR_MEMORY ? code : 0;
}

static int check(const struct preprocess *p, struct err *e)
{
    char text[SHAPE_TEXT];
    if (p->sample.nd == 1 && p->n == shape_last(&p->sample) && p->table && p->table->values == p->n && p->clip >= 0)
        return 0;
    return err_set(e, ERR_FORMAT, "rows should be columns with a mean and a deviation each, not %s of %d",
                   shape_text(&p->sample, text), p->n);
}

/* ---- in model files ---- */

static json_t *save(const struct preprocess *p, json_t *input)
{
    if (!p->table)
        return input;
    input = json_put(input, "clip", json_number(p->clip));
    return json_put(input, "table", table_save(p->table));
}

/* Files of before tables know means and deviations alone. */
static int restore_unnamed(struct preprocess *p, struct arena *arena, struct err *e)
{
    struct table *t = arena_alloc(arena, sizeof *t);
    if (!t)
        return err_memory(e, "the columns of rows");
    TRY(make_unnamed(p->n, arena, t, e));
    for (int i = 0; i < t->n; i++) {
        t->columns[i].middle = (double)p->mean[i];
        t->columns[i].spread = (double)p->std[i];
    }
    p->table = t;
    return 0;
}

static int restore(struct preprocess *p, const json_t *input, const char *name, struct arena *arena, struct err *e)
{
    json_t *object;
    if (!json_object_get(input, "table"))
        return restore_unnamed(p, arena, e);
    TRY(json_want_object(input, "table", name, &object, e));
    TRY(json_want_number(input, "clip", name, &p->clip, e));
    return table_restore(object, name, arena, &p->table, e);
}

/* ---- using ---- */

/* Numbers are scaled where they are kept: a sum of their own digits and a large mean would lose the small ones. */
static void values(const struct preprocess *p, const void *kept, float *out)
{
    const struct table *t = p->table;
    table_values(t, kept, out);
    for (int i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        for (int v = c->value; c->role == COLUMN_CATEGORY && v < c->value + c->values; v++)
            out[v] = (out[v] - p->mean[v]) / p->std[v];
    }
    const float clip = (float)p->clip;
    for (int v = 0; clip > 0 && v < p->n; v++)
        out[v] = out[v] > clip ? clip : out[v] < -clip ? -clip : out[v];
}

static void describe(const struct shape *least, const struct shape *most, char *text, size_t size)
{
    (void)least;
    snprintf(text, size, "%lld columns", (long long)shape_last(most));
}

const struct kind kind_rows = {
    .name = "rows",
    .samples = "rows",
    .fit = fit,
    .check = check,
    .match = match,
    .save = save,
    .restore = restore,
    .bytes = bytes,
    .load = load,
    .values = values,
    .tell = tell,
    .doubt = doubt,
    .describe = describe,
};
