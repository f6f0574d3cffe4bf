/* What a model is fitted to: rows of the samples, and the samples that are judged. */
#include "run/fit_parts.h"

#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fitting_end(struct fitting *f)
{
    for (int k = 0; k < FIT_STEPS; k++) {
        free(f->seen[k].values);
        free(f->seen[k].samples);
        free(f->seen[k].places);
    }
    free(f->index);
    free(f->fold);
}

/* ---- looking at samples ---- */

static int stopped(const struct trainer *t, struct err *e)
{
    if (!t->job->should_stop || !t->job->should_stop(t->job->user))
        return 0;
    return err_set(e, ERR_STOPPED,
                   "fitting was stopped, and nothing was written; it begins anew with the same command");
}

static void tell(struct fitting *f, size_t samples)
{
    const struct train_job *job = f->t->job;
    double seconds = clock_seconds() - f->t->started;
    f->done += (int64_t)samples;
    const struct train_progress p = {.step = f->done,
                                     .steps = f->total,
                                     .validation = (double)NAN,
                                     .seconds = seconds,
                                     .seconds_left = seconds / (double)f->done * (double)(f->total - f->done)};
    if (job->progress)
        job->progress(job->user, &p);
}

static int run_batch(struct fitting *f, struct forward *forward, const struct batch *b, const size_t *samples,
                     struct err *e)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->errors[i])
            return err_set(e, ERR_IO, "%s; it could be read when fitting began", b->errors[i]);
    memcpy(forward->input, b->data, b->n * forward->sample_values * sizeof(float));
    f->running = samples;
    forward_run(forward, (int)b->n);
    tell(f, b->n);
    return stopped(f->t, e);
}

static int pass_with(struct fitting *f, struct forward *forward, struct loader *loader, const size_t *samples,
                     sample_fn *each, void *user, struct err *e)
{
    struct batch b;
    int got;
    for (size_t at = 0; (got = loader_next(loader, &b, e)) > 0; at += b.n) {
        TRY(run_batch(f, forward, &b, samples + at, e));
        for (size_t i = 0; each && i < b.n; i++)
            TRY(each(user, forward, (int)i, samples[at + i], e));
    }
    return got;
}

int fit_pass(struct fitting *f, struct forward *forward, const size_t *samples, size_t n, sample_fn *each, void *user,
             struct err *e)
{
    struct trainer *t = f->t;
    const struct loader_options o = {
        .batch = (size_t)forward->batch, .input = &t->about.input, .ahead = 1, .threads = t->threads};
    struct loader *loader = NULL;
    size_t *indices = n ? malloc(n * sizeof *indices) : NULL;
    if (!n)
        return 0;
    if (!indices)
        return err_memory(e, "the samples to fit to");
    for (size_t i = 0; i < n; i++)
        indices[i] = t->order[samples[i]];
    int code = loader_new(t->job->data, SPLIT_TRAIN, indices, n, &o, &loader, e);
    if (!code)
        code = pass_with(f, forward, loader, samples, each, user, e);
    loader_free(loader);
    free(indices);
    return code;
}

/* ---- rows ---- */

struct gathering {
    struct fitting *f;
    struct seen *to;
    const char *step;
    size_t *counting, ncounting; /* places of the rows that count, the same for all samples */
    size_t *drawn, each;         /* which of those are taken of the sample in hand, ascending; */
    size_t taken;                /* and how many of them are */
};

static void note_counting(void *user, const struct forward_rows *rows)
{
    struct gathering *g = user;
    for (size_t k = 0; k < rows->n; k++)
        if (!rows->counts || rows->counts[k] != 0)
            g->counting[g->ncounting++] = rows->first + k;
}

/* Any sample says which rows count, even one that is none. */
static int find_counting(struct gathering *g, struct forward *forward, struct err *e)
{
    const size_t all = forward_fit_rows(forward);
    g->counting = malloc(all * sizeof *g->counting);
    g->drawn = malloc(all * sizeof *g->drawn);
    if (!g->counting || !g->drawn)
        return err_memory(e, "the places that a model is fitted to");
    forward->taking = note_counting;
    forward->user = g;
    memset(forward->input, 0, forward->sample_values * sizeof *forward->input);
    forward_run(forward, 1);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void begin_sample(struct gathering *g, size_t sample)
{
    struct rng r = rng_new((uint64_t)g->f->t->job->train->seed, rng_stream(g->step) + sample);
    rng_permutation(&r, g->drawn, g->ncounting);
    qsort(g->drawn, g->each, sizeof *g->drawn, by_place);
    g->taken = 0;
}

/* All rows of a sample come one part behind the other, before those of the next. */
static void take_rows(void *user, const struct forward_rows *rows)
{
    struct gathering *g = user;
    struct seen *to = g->to;
    const size_t sample = g->f->running[rows->i];
    if (!rows->first)
        begin_sample(g, sample);
    for (; g->taken < g->each; g->taken++, to->n++) {
        const size_t place = g->counting[g->drawn[g->taken]];
        if (place >= rows->first + rows->n)
            return;
        memcpy(to->values + to->n * to->width, rows->values + (place - rows->first) * to->width,
               to->width * sizeof *to->values);
        to->samples[to->n] = sample;
        to->places[to->n] = place;
    }
}

static int gather_all(struct gathering *g, struct forward *forward, size_t n, struct err *e)
{
    struct seen *to = g->to;
    const size_t most = forward->fit->most;
    size_t *samples = malloc(n * sizeof *samples);
    g->each = g->ncounting;
    if (most && g->each * n > most)
        g->each = most / n ? most / n : 1;
    to->width = (size_t)shape_last(&forward->fit->rows->shape);
    to->values = malloc(g->each * n * to->width * sizeof *to->values);
    to->samples = malloc(g->each * n * sizeof *to->samples);
    to->places = malloc(g->each * n * sizeof *to->places);
    bool there = samples && to->values && to->samples && to->places;
    for (size_t i = 0; there && i < n; i++)
        samples[i] = i;
    forward->taking = take_rows;
    int code = there ? fit_pass(g->f, forward, samples, n, NULL, NULL, e)
                     : err_memory(e, "what a model is fitted to; a smaller size or fewer samples need less");
    free(samples);
    return code;
}

int fit_gather(struct fitting *f, int step, size_t n, struct err *e)
{
    struct trainer *t = f->t;
    const struct forward_spec spec = {.model = t->about.model,
                                      .config = t->about.config,
                                      .params = t->params,
                                      .sample = t->about.input.sample,
                                      .input = &t->about.input,
                                      .batch = t->forward.rows,
                                      .threads = t->threads,
                                      .precision = t->forward.graph->precision,
                                      .seed = (uint64_t)t->job->train->seed,
                                      .fit = step + 1};
    struct forward forward;
    struct gathering g = {.f = f, .to = &f->seen[step]};
    int code = forward_build(&forward, &spec, e);
    if (!code)
        code = forward_plan(&forward, e);
    if (!code) {
        g.step = forward.fit->name;
        code = find_counting(&g, &forward, e);
    }
    if (!code)
        code = gather_all(&g, &forward, n, e);
    forward_free(&forward);
    free(g.counting);
    free(g.drawn);
    return code;
}

int fit_rows_without(struct fitting *f, int step, int64_t fold, struct fit_rows *rows, struct err *e)
{
    const struct seen *seen = &f->seen[step];
    *rows = (struct fit_rows){.values = seen->values,
                              .samples = seen->samples,
                              .places = seen->places,
                              .width = seen->width,
                              .seed = (uint64_t)f->t->job->train->seed,
                              .threads = f->t->threads};
    free(f->index);
    f->index = malloc(seen->n * sizeof *f->index);
    if (!f->index)
        return err_memory(e, "what a model is fitted to");
    for (size_t i = 0; i < seen->n; i++)
        if (fold == NO_FOLD || f->fold[seen->samples[i]] != (size_t)fold)
            f->index[rows->n++] = i;
    rows->index = f->index;
    return 0;
}

/* ---- calibration ---- */

int fit_draw_folds(struct fitting *f, size_t n, int64_t folds, struct err *e)
{
    size_t *order = folds ? malloc(n * sizeof *order) : NULL;
    if (!folds)
        return 0;
    f->fold = malloc(n * sizeof *f->fold);
    if (order && f->fold) {
        struct rng r = rng_new((uint64_t)f->t->job->train->seed, rng_stream("folds"));
        rng_permutation(&r, order, n);
        for (size_t i = 0; i < n; i++)
            f->fold[order[i]] = i % (size_t)folds;
    }
    bool done = order && f->fold;
    free(order);
    return done ? 0 : err_memory(e, "the parts of the samples");
}

static void note_odd(struct fitting *f, size_t sample, float score)
{
    size_t at = f->nodd < ODDEST ? f->nodd++ : ODDEST;
    for (; at > 0 && score > f->oddest[at - 1].score; at--)
        if (at < ODDEST)
            f->oddest[at] = f->oddest[at - 1];
    if (at < ODDEST)
        f->oddest[at] = (struct odd_sample){sample, score};
}

void fit_tell_oddest(const struct fitting *f)
{
    const struct trainer *t = f->t;
    char text[1024];
    size_t end = 0;
    for (size_t i = 0; i < f->nodd && end < sizeof text; i++)
        end += (size_t)snprintf(text + end, sizeof text - end, "%s%s (%.4g)", i ? ", " : "",
                                dataset_sample(t->job->data, SPLIT_TRAIN, t->order[f->oddest[i].sample])->name,
                                (double)f->oddest[i].score);
    if (f->nodd)
        log_line(
            t->job->log, LOG_INFO,
            "the oddest of the good samples: %s; thresholds follow their scores: if one of them is not good, leave "
            "it out and train again",
            text);
}

static int add_score(void *user, const struct forward *forward, int i, size_t sample, struct err *e)
{
    struct fitting *f = user;
    const struct trainer *t = f->t;
    note_odd(f, sample, forward_score(forward, i));
    return calibrator_add(t->calibrator, forward_score(forward, i), forward_map(forward, i), forward->map_values, e);
}

int fit_calibrate(struct fitting *f, const size_t *samples, size_t n, struct err *e)
{
    return fit_pass(f, &f->t->forward, samples, n, add_score, f, e);
}

int fit_calibrate_fold(struct fitting *f, int64_t fold, size_t n, struct err *e)
{
    size_t *samples = malloc(n * sizeof *samples), count = 0;
    if (!samples)
        return err_memory(e, "a part of the samples");
    for (size_t i = 0; i < n; i++)
        if (f->fold[i] == (size_t)fold)
            samples[count++] = i;
    int code = fit_calibrate(f, samples, count, e);
    free(samples);
    return code;
}
