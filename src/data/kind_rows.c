/* Rows of numbers: C columns. Kept as they are; every column is brought to mean 0 and deviation 1 over the training
 * data. */
#include "data/kind.h"

#include "base/arena.h"
#include "data/dataset_private.h"

#include <math.h>
#include <stdio.h>

/* ---- reading ---- */

static size_t bytes(const struct preprocess *p)
{
    return (size_t)shape_count(&p->sample) * sizeof(float);
}

static int load(const struct part *part, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                void *kept, struct shape *own, struct err *e)
{
    (void)d;
    *own = part->shape;
    if (!p)
        return 0;
    if (!shape_equal(&p->sample, own))
        return err_set(e, ERR_FORMAT, "%s has %lld columns, but the model takes %lld", s->name,
                       (long long)shape_last(own), (long long)shape_last(&p->sample));
    float *row = kept;
    TRY(part->source->row(part, s, row, e));
    for (int64_t c = 0; c < shape_last(own); c++)
        if (!isfinite(row[c]))
            return err_set(e, ERR_FORMAT, "%s has no finite number in column %lld", s->name, (long long)c + 1);
    return 0;
}

/* ---- fitting ---- */

/* Sums over the samples of x (mean NULL: it is not known yet) or of (x - mean)^2, a column each. */
static int sum_columns(const struct dataset *ds, const struct split_samples *s, const struct preprocess *p, float *row,
                       const double *mean, double *sum, struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        struct shape own;
        TRY(load(&ds->parts[s->v[i].part], &s->v[i], NULL, p, row, &own, e));
        for (int c = 0; c < p->n; c++)
            sum[c] += mean ? ((double)row[c] - mean[c]) * ((double)row[c] - mean[c]) : (double)row[c];
    }
    return 0;
}

static int fit(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
               struct err *e)
{
    if (w->height || w->channels || w->frames || w->tile || (w->roi && *w->roi))
        return err_set(e, ERR_USAGE,
                       "options size, channels, frames, tile and roi are for pictures, but %s has rows of numbers",
                       ds->parts[0].path);
    p->sample = ds->parts[0].shape;
    p->n = (int)shape_last(&p->sample);
    const struct split_samples *s = &ds->splits[split];
    size_t n = (size_t)p->n;
    float *scale = arena_alloc(arena, 3 * n * sizeof *scale), *row = scale + 2 * n;
    double *sum = arena_alloc(arena, 2 * n * sizeof *sum), *squares = sum + n;
    if (!scale || !sum)
        return err_memory(e, "the preprocessing");
    TRY(sum_columns(ds, s, p, row, NULL, sum, e));
    for (size_t c = 0; c < n; c++)
        sum[c] /= (double)s->n;
    TRY(sum_columns(ds, s, p, row, sum, squares, e));
    for (size_t c = 0; c < n; c++) {
        double deviation = sqrt(squares[c] / (double)s->n);
        scale[c] = (float)sum[c];
        scale[n + c] = deviation > 0 ? (float)deviation : 1; /* a constant column says nothing, and stays 0 */
    }
    p->mean = scale;
    p->std = scale + n;
    return 0;
}

static int check(const struct preprocess *p, struct err *e)
{
    char text[SHAPE_TEXT];
    if (p->sample.nd == 1 && p->n == shape_last(&p->sample))
        return 0;
    return err_set(e, ERR_FORMAT, "rows should be columns with a mean and a deviation each, not %s of %d",
                   shape_text(&p->sample, text), p->n);
}

/* ---- using ---- */

static void values(const struct preprocess *p, const void *kept, float *out)
{
    const float *row = kept;
    for (int c = 0; c < p->n; c++)
        out[c] = (row[c] - p->mean[c]) / p->std[c];
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
    .bytes = bytes,
    .load = load,
    .values = values,
    .describe = describe,
};
