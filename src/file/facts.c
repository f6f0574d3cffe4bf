#include "file/facts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FACTS = 160 };

static int add(struct facts *f, struct err *e, const char *section, const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static int add(struct facts *f, struct err *e, const char *section, const char *name, const char *format, ...)
{
    char text[OPTION_TEXT + 400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *value = arena_string(&f->arena, text), *called = arena_string(&f->arena, name);
    if (!value || !called)
        return err_memory(e, "what a model file says");
    if (f->n < FACTS)
        f->rows[f->n++] = (struct fact){section, called, value};
    return 0;
}

static int add_options(struct facts *f, struct err *e, const char *section, const struct option *table,
                       const void *values)
{
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        char text[OPTION_TEXT];
        option_format(&row, values, text, sizeof text);
        TRY(add(f, e, section, row.name, "%s", text));
    }
    return 0;
}

static int add_input(struct facts *f, struct err *e, const struct preprocess *p)
{
    static const char *const names[] = {"frames", "height", "width", "channels"};
    const struct shape *s = &p->sample;
    TRY(add(f, e, "input", "kind", "%s", kind_name(p->kind)));
    if (s->nd == 1)
        TRY(add(f, e, "input", "columns", "%lld", (long long)s->d[0]));
    for (int i = 0; s->nd > 1 && i < s->nd; i++)
        TRY(add(f, e, "input", names[4 - s->nd + i], "%lld", (long long)s->d[i]));
    if (p->n > 1)
        return 0; /* a mean and a deviation for each column are no facts for people */
    TRY(add(f, e, "input", "mean", "%.9g", (double)*p->mean));
    return add(f, e, "input", "std", "%.9g", (double)*p->std);
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
    TRY(add(f, e, "calibration", name, "%.9g", (double)threshold));
    snprintf(name, sizeof name, "90 %% bound of the rate at %g", rate);
    return add(f, e, "calibration", name, "%.4g", calibration_rate_bound(c, rate, 0.9));
}

static int add_calibration(struct facts *f, struct err *e, const struct calibration *c)
{
    TRY(add(f, e, "calibration", "samples", "%zu", c->n));
    TRY(add(f, e, "calibration", "smallest false-alarm rate", "%.4g", calibration_smallest_rate(c)));
    TRY(add_rate(f, e, c, 0.01));
    TRY(add_rate(f, e, c, 0.05));
    TRY(add_rate(f, e, c, 0.1));
    if (c->peaks)
        TRY(add(f, e, "calibration", "map scale", "%.6g to %.6g", (double)c->map_low, (double)c->map_high));
    return 0;
}

/* One fact a line. */
static int add_lines(struct facts *f, struct err *e, const char *section, const char *name, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        TRY(add(f, e, section, name, "%.*s", (int)n, lines));
        lines += n + (lines[n] == '\n');
    }
    return 0;
}

static int add_origin(struct facts *f, struct err *e, const struct model_file *c)
{
    TRY(add(f, e, "origin", "engram", "%s", c->version));
    if (*c->date)
        TRY(add(f, e, "origin", "date", "%s", c->date));
    TRY(add(f, e, "origin", "data", "%s", c->data));
    TRY(add_lines(f, e, "origin", "data", c->data_summary));
    TRY(add(f, e, "origin", "samples trained on", "%lld", (long long)c->trained));
    TRY(add(f, e, "origin", "samples held out for validation", "%lld", (long long)c->validated));
    TRY(add(f, e, "origin", "epochs", "%d", c->curve.epochs));
    TRY(add(f, e, "origin", "kept epoch", "%d", c->kept_epoch));
    if (c->kept_epoch < 1 || c->kept_epoch > c->curve.epochs)
        return 0;
    const struct epoch_row *row = &c->curve.rows[c->kept_epoch - 1];
    for (int i = 0; i < c->curve.nlosses; i++)
        TRY(add(f, e, "origin", c->curve.loss_names[i], "%.6g", row->loss[i]));
    if (isfinite(row->validation))
        TRY(add(f, e, "origin", "validation loss", "%.6g", row->validation));
    return 0;
}

int facts_list(const struct model_file *c, size_t weights_bytes, struct facts *f, struct err *e)
{
    f->rows = arena_alloc(&f->arena, FACTS * sizeof *f->rows);
    if (!f->rows)
        return err_memory(e, "what a model file says");
    TRY(add(f, e, "model", "name", "%s", c->model->name));
    TRY(add(f, e, "model", "title", "%s", c->model->title));
    TRY(add(f, e, "model", "paper", "%s", c->model->paper));
    TRY(add(f, e, "model", "weights", "%zu bytes", weights_bytes));
    TRY(add_options(f, e, "options", c->model->options, c->config));
    TRY(add_input(f, e, &c->input));
    TRY(add_calibration(f, e, &c->calibration));
    TRY(add_origin(f, e, c));
    return add_options(f, e, "training", train_options, &c->train);
}

void facts_free(struct facts *f)
{
    arena_free(&f->arena);
    *f = (struct facts){0};
}
