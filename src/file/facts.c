#include "file/facts.h"

#include "data/reasons.h"
#include "data/region.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Room for one more: a description of data may have any number of lines. */
static int make_room(struct facts *f, struct err *e)
{
    if (f->n < f->room)
        return 0;
    size_t room = f->room ? 2 * f->room : 128;
    struct fact *rows = arena_alloc(&f->arena, room * sizeof *rows);
    if (!rows)
        return err_memory(e, "what a model file says");
    if (f->n)
        memcpy(rows, f->rows, f->n * sizeof *rows);
    f->rows = rows;
    f->room = room;
    return 0;
}

/* Name and text may be on the caller's stack. */
static int add(struct facts *f, struct fact fact, struct err *e)
{
    TRY(make_room(f, e));
    fact.name = arena_string(&f->arena, fact.name);
    fact.text = arena_string(&f->arena, fact.text);
    if (!fact.name || !fact.text)
        return err_memory(e, "what a model file says");
    fact.unit = fact.unit ? fact.unit : "";
    f->rows[f->n++] = fact;
    return 0;
}

static int add_text(struct facts *f, struct err *e, const char *section, const char *name, const char *text)
{
    return add(f, (struct fact){.section = section, .name = name, .text = text}, e);
}

static int add_int(struct facts *f, struct err *e, const char *section, const char *name, int64_t value,
                   const char *unit)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    const struct fact fact = {.section = section,
                              .name = name,
                              .type = FACT_INT,
                              .text = text,
                              .unit = unit,
                              .integer = value,
                              .number = (double)value};
    return add(f, fact, e);
}

/* `digits` of the text; the value has all of them. */
static int add_float(struct facts *f, struct err *e, const char *section, const char *name, int digits, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.*g", digits, value);
    return add(f, (struct fact){.section = section, .name = name, .type = FACT_FLOAT, .text = text, .number = value},
               e);
}

/* An option's value; choices and strings are texts. */
static int value_of(struct facts *f, const struct option *row, const void *values, struct fact *fact, struct err *e)
{
    const void *at = (const char *)values + row->offset;
    if (row->type == OPTION_INT || row->type == OPTION_BOOL) {
        fact->type = row->type == OPTION_INT ? FACT_INT : FACT_BOOL;
        fact->integer = row->type == OPTION_INT ? *(const int64_t *)at : *(const bool *)at;
        fact->number = (double)fact->integer;
    }
    if (row->type == OPTION_FLOAT) {
        fact->type = FACT_FLOAT;
        fact->number = *(const double *)at;
    }
    if (row->type == OPTION_INTS) {
        const struct ints *ints = at;
        int64_t *list = arena_alloc(&f->arena, (size_t)(ints->n + 1) * sizeof *list);
        if (!list)
            return err_memory(e, "what a model file says");
        for (int i = 0; i < ints->n; i++)
            list[i] = ints->v[i];
        fact->type = FACT_LIST;
        fact->list = list;
        fact->nlist = (size_t)ints->n;
    }
    return 0;
}

static int add_options(struct facts *f, struct err *e, const char *section, const struct option *table,
                       const void *values)
{
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        char text[OPTION_TEXT];
        option_format(&row, values, text, sizeof text);
        struct fact fact = {.section = section, .name = row.name, .text = text};
        TRY(value_of(f, &row, values, &fact, e));
        TRY(add(f, fact, e));
    }
    return 0;
}

/* Its columns are a section of their own. */
static int add_table(struct facts *f, struct err *e, const struct preprocess *p)
{
    TRY(add_int(f, e, "input", "columns", (int64_t)preprocess_columns(p), NULL));
    TRY(add_int(f, e, "input", "values", p->sample.d[0], NULL));
    if (p->clip > 0)
        TRY(add_float(f, e, "input", "clip", 6, p->clip));
    for (int i = 0; i < p->table->n; i++) {
        char text[400];
        column_tell(&p->table->columns[i], text, sizeof text);
        TRY(add_text(f, e, "columns", p->table->columns[i].name, text));
    }
    return 0;
}

static int add_input(struct facts *f, struct err *e, const struct preprocess *p)
{
    static const char *const names[] = {"frames", "height", "width", "channels"};
    const struct shape *s = &p->sample;
    TRY(add_text(f, e, "input", "kind", kind_name(p->kind)));
    if (p->table)
        TRY(add_table(f, e, p));
    for (int i = 0; s->nd > 1 && i < s->nd; i++)
        TRY(add_int(f, e, "input", names[4 - s->nd + i], s->d[i], NULL));
    if (p->tile) {
        TRY(add_int(f, e, "input", "tile", p->tile, "pixels"));
        TRY(add_float(f, e, "input", "overlap", 4, p->overlap));
    }
    if (p->roi)
        TRY(add_int(f, e, "input", "counted", (int64_t)region_pixels(p), "pixels"));
    if (p->n > 1)
        return 0; /* a mean and a deviation for each column are no facts for people */
    TRY(add_float(f, e, "input", "mean", 9, (double)*p->mean));
    return add_float(f, e, "input", "std", 9, (double)*p->std);
}

/* What a rate means for this file: where a score becomes anomalous, and what its real rate stays below 9 times in 10.
 */
static int add_rate(struct facts *f, struct err *e, const struct calibration *c, double rate)
{
    char name[64];
    float threshold = calibration_threshold(c, rate);
    if (!isfinite(threshold))
        return 0;
    snprintf(name, sizeof name, "threshold at %g", rate);
    TRY(add_float(f, e, "calibration", name, 9, (double)threshold));
    snprintf(name, sizeof name, "90 %% bound of the rate at %g", rate);
    return add_float(f, e, "calibration", name, 4, calibration_rate_bound(c, rate, 0.9));
}

static int add_calibration(struct facts *f, struct err *e, const struct model_file *file)
{
    static const char *const stands[] = {[BY_MODEL] = "model", [BY_MAP] = "map"};
    enum score_by by = model_file_stands(file);
    const struct calibration *c = model_file_calibration(file, by);
    TRY(add_text(f, e, "calibration", "score", stands[by]));
    if (file->usual.n)
        TRY(add_text(f, e, "calibration", "usual", file->usual.n > 1 ? "of each position" : "of all positions"));
    TRY(add_int(f, e, "calibration", "samples", (int64_t)c->n, NULL));
    TRY(add_float(f, e, "calibration", "smallest false-alarm rate", 4, calibration_smallest_rate(c)));
    TRY(add_rate(f, e, c, 0.01));
    TRY(add_rate(f, e, c, 0.05));
    TRY(add_rate(f, e, c, 0.1));
    if (!c->peaks)
        return 0;
    TRY(add_float(f, e, "calibration", "map scale from", 6, (double)c->map_low));
    return add_float(f, e, "calibration", "map scale to", 6, (double)c->map_high);
}

/* One fact a line. */
static int add_lines(struct facts *f, struct err *e, const char *section, const char *name, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        char *text = arena_alloc(&f->arena, n + 1); /* zeroed */
        if (!text)
            return err_memory(e, "what a model file says");
        memcpy(text, lines, n);
        TRY(add_text(f, e, section, name, text));
        lines += n + (lines[n] == '\n');
    }
    return 0;
}

static int add_origin(struct facts *f, struct err *e, const struct model_file *c)
{
    TRY(add_text(f, e, "origin", "engram", c->version));
    if (*c->date)
        TRY(add_text(f, e, "origin", "date", c->date));
    TRY(add_text(f, e, "origin", "data", c->data));
    TRY(add_lines(f, e, "origin", "data", c->data_summary));
    TRY(add_int(f, e, "origin", "samples trained on", c->trained, NULL));
    TRY(add_int(f, e, "origin", "samples held out for validation", c->validated, NULL));
    TRY(add_int(f, e, "origin", "epochs", c->curve.epochs, NULL));
    TRY(add_int(f, e, "origin", "kept epoch", c->kept_epoch, NULL));
    if (c->kept_epoch < 1 || c->kept_epoch > c->curve.epochs)
        return 0;
    const struct epoch_row *row = &c->curve.rows[c->kept_epoch - 1];
    for (int i = 0; i < c->curve.nlosses; i++)
        TRY(add_float(f, e, "origin", c->curve.loss_names[i], 6, row->loss[i]));
    if (isfinite(row->validation))
        TRY(add_float(f, e, "origin", "validation loss", 6, row->validation));
    return 0;
}

int facts_list(const struct model_file *c, size_t weights_bytes, struct facts *f, struct err *e)
{
    TRY(add_text(f, e, "model", "name", c->model->name));
    TRY(add_text(f, e, "model", "title", c->model->title));
    TRY(add_text(f, e, "model", "paper", c->model->paper));
    TRY(add_int(f, e, "model", "weights", (int64_t)weights_bytes, "bytes"));
    TRY(add_options(f, e, "options", c->model->options, c->config));
    TRY(add_input(f, e, &c->input));
    TRY(add_calibration(f, e, c));
    TRY(add_origin(f, e, c));
    return add_options(f, e, "training", train_options, &c->train);
}

void facts_free(struct facts *f)
{
    arena_free(&f->arena);
    *f = (struct facts){0};
}
