/* Fitting: what a model that declares steps of it (models/model.h) does in place of epochs.
 *
 * Each step sees rows of the normal samples and sets parameters. With `folds` K, the samples are K parts at random; the
 * steps are done once more without each part, which is then scored as new samples will be; those scores together are
 * the calibration (stats/calibrate.md says what such a threshold is worth). The file holds the fit to all samples. */
#include "run/train_parts.h"

#include "base/clock.h"
#include "base/rng.h"
#include "nn/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one step, of all samples. */
struct seen {
    float *values;
    size_t *samples; /* of each row: which of the trainer's */
    size_t n, width;
};

struct fitting {
    struct trainer *t;
    int steps;
    struct seen seen[FIT_STEPS]; /* values NULL: not looked at yet */
    size_t *index;               /* rows of a step that take part */
    size_t *fold;                /* of each sample; NULL: there are none */
    int64_t done, total;         /* samples looked at, and in all */
};

enum { NO_FOLD = -1 };

static void fitting_end(struct fitting *f)
{
    for (int k = 0; k < FIT_STEPS; k++) {
        free(f->seen[k].values);
        free(f->seen[k].samples);
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

typedef int sample_fn(void *user, const struct forward *forward, int i, size_t sample, struct err *e);

/* Runs samples (n numbers into t->order), calling `each` for every one. */
static int pass(struct fitting *f, struct forward *forward, const size_t *samples, size_t n, sample_fn *each,
                void *user, struct err *e)
{
    struct trainer *t = f->t;
    const struct loader_options o = {
        .batch = (size_t)forward->batch, .input = &t->about.input, .ahead = 1, .threads = t->threads};
    size_t *indices = malloc(n * sizeof *indices), at = 0;
    struct loader *loader = NULL;
    struct batch b;
    int got = indices ? 1 : err_memory(e, "the samples to fit to");
    for (size_t i = 0; indices && i < n; i++)
        indices[i] = t->order[samples[i]];
    if (got > 0 && loader_new(t->job->data, SPLIT_TRAIN, indices, n, &o, &loader, e) < 0)
        got = e->code;
    while (got > 0 && (got = loader_next(loader, &b, e)) > 0) {
        for (size_t i = 0; i < b.n && got > 0; i++)
            if (b.errors[i])
                got = err_set(e, ERR_IO, "%s; it could be read when training began", b.errors[i]);
        if (got < 0)
            break;
        memcpy(forward->input, b.data, b.n * forward->sample_values * sizeof(float));
        forward_run(forward, (int)b.n);
        for (size_t i = 0; i < b.n && got > 0; i++)
            got = each(user, forward, (int)i, samples[at++], e) < 0 ? e->code : 1;
        tell(f, b.n);
        if (got > 0 && stopped(t, e) < 0)
            got = e->code;
    }
    loader_free(loader);
    free(indices);
    return got;
}

/* ---- rows ---- */

struct gathering {
    struct fitting *f;
    struct seen *to;
    size_t each; /* rows of a sample */
    size_t *places;
};

/* Rows of a sample, all or so many drawn at random, in the order of their places. */
static int add_rows(void *user, const struct forward *forward, int i, size_t sample, struct err *e)
{
    struct gathering *g = user;
    struct seen *to = g->to;
    size_t n, width;
    (void)e;
    const float *rows = forward_fit(forward, i, &n, &width);
    struct rng r = rng_new((uint64_t)g->f->t->job->train->seed, rng_stream(forward->fit->name) + sample);
    rng_permutation(&r, g->places, n);
    for (size_t k = 0; k < g->each; k++, to->n++) {
        memcpy(to->values + to->n * width, rows + g->places[k] * width, width * sizeof *rows);
        to->samples[to->n] = sample;
    }
    return 0;
}

static int gather_with(struct fitting *f, struct forward *forward, struct seen *to, const size_t *samples,
                       struct err *e)
{
    const size_t n = f->t->samples[SHARE_TRAIN];
    size_t rows;
    forward_fit(forward, 0, &rows, &to->width);
    struct gathering g = {.f = f, .to = to, .each = rows, .places = malloc(rows * sizeof *g.places)};
    if (rows * n > forward->fit->most)
        g.each = forward->fit->most / n ? forward->fit->most / n : 1;
    to->values = malloc(g.each * n * to->width * sizeof *to->values);
    to->samples = malloc(g.each * n * sizeof *to->samples);
    int code = g.places && to->values && to->samples
                   ? pass(f, forward, samples, n, add_rows, &g, e)
                   : err_memory(e, "what a model is fitted to; a smaller size or fewer samples need less");
    free(g.places);
    return code;
}

/* A fit to all samples sees what a fit without some of them sees of the others. */
static int gather(struct fitting *f, int step, struct err *e)
{
    struct trainer *t = f->t;
    const struct forward_spec spec = {.model = t->job->model,
                                      .config = t->about.config,
                                      .params = t->params,
                                      .sample = t->about.input.sample,
                                      .input = &t->about.input,
                                      .batch = t->forward.batch,
                                      .threads = t->threads,
                                      .precision = t->forward.graph->precision,
                                      .seed = (uint64_t)t->job->train->seed,
                                      .fit = step + 1};
    struct forward forward;
    size_t n = t->samples[SHARE_TRAIN], *samples = malloc(n * sizeof *samples);
    for (size_t i = 0; samples && i < n; i++)
        samples[i] = i;
    int code = samples ? forward_build(&forward, &spec, e) : err_memory(e, "the samples to fit to");
    if (samples) {
        if (!code)
            code = forward_plan(&forward, e);
        if (!code)
            code = gather_with(f, &forward, &f->seen[step], samples, e);
        forward_free(&forward);
    }
    free(samples);
    return code;
}

/* ---- steps ---- */

/* One step, without the samples of a fold. */
static int run_step(struct fitting *f, int step, int64_t fold, struct err *e)
{
    struct trainer *t = f->t;
    const struct seen *seen = &f->seen[step];
    struct fit_rows rows = {
        .values = seen->values, .width = seen->width, .seed = (uint64_t)t->job->train->seed, .threads = t->threads};
    free(f->index);
    f->index = malloc(seen->n * sizeof *f->index);
    if (!f->index)
        return err_memory(e, "what a model is fitted to");
    for (size_t i = 0; i < seen->n; i++)
        if (fold == NO_FOLD || f->fold[seen->samples[i]] != (size_t)fold)
            f->index[rows.n++] = i;
    rows.index = f->index;
    unsigned before = parallel_begin(t->threads);
    int code = t->forward.heads.fits[step].run(t->about.config, &rows, t->params, e);
    parallel_end(before);
    params_changed(t->params);
    return code;
}

/* All steps; those that are the same for all folds once. */
static int run_steps(struct fitting *f, int64_t fold, struct err *e)
{
    for (int k = 0; k < f->steps; k++) {
        bool first = !f->seen[k].values, once = f->t->forward.heads.fits[k].once;
        if (first)
            TRY(gather(f, k, e));
        if (first || !once)
            TRY(run_step(f, k, once ? NO_FOLD : fold, e));
    }
    return 0;
}

/* ---- calibration ---- */

static int add_score(void *user, const struct forward *forward, int i, size_t sample, struct err *e)
{
    struct trainer *t = user;
    (void)sample;
    return calibrator_add(t->calibrator, forward_score(forward, i), forward_map(forward, i), forward->map_values, e);
}

/* Scores the samples from `first` on, n of them, with the parameters as they are. */
static int calibrate_on(struct fitting *f, size_t *samples, size_t n, struct err *e)
{
    return n ? pass(f, &f->t->forward, samples, n, add_score, f->t, e) : 0;
}

static int calibrate_fold(struct fitting *f, int64_t fold, size_t *samples, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < f->t->samples[SHARE_TRAIN]; i++)
        if (f->fold[i] == (size_t)fold)
            samples[n++] = i;
    TRY(run_steps(f, fold, e));
    return calibrate_on(f, samples, n, e);
}

/* The held-out share lies behind the others in t->order. */
static int calibrate_share(struct fitting *f, size_t *samples, struct err *e)
{
    const struct trainer *t = f->t;
    for (size_t i = 0; i < t->samples[SHARE_CALIBRATION]; i++)
        samples[i] = t->samples[SHARE_TRAIN] + t->samples[SHARE_VALIDATION] + i;
    return calibrate_on(f, samples, t->samples[SHARE_CALIBRATION], e);
}

/* Parts of equal size, give or take one. */
static int draw_folds(struct fitting *f, int64_t folds, struct err *e)
{
    size_t n = f->t->samples[SHARE_TRAIN], *order = folds ? malloc(n * sizeof *order) : NULL;
    if (!folds)
        return 0;
    f->fold = malloc(n * sizeof *f->fold);
    if (order && f->fold) {
        struct rng r = rng_new((uint64_t)f->t->job->train->seed, rng_stream("folds"));
        rng_permutation(&r, order, n);
        for (size_t i = 0; i < n; i++)
            f->fold[order[i]] = i % (size_t)folds;
    }
    free(order);
    return f->fold ? 0 : err_memory(e, "the parts of the samples");
}

/* ---- */

static int fit(struct fitting *f, size_t *samples, struct err *e)
{
    struct trainer *t = f->t;
    int64_t n = (int64_t)t->samples[SHARE_TRAIN], folds = t->job->train->folds < n ? t->job->train->folds : n;
    f->steps = t->forward.heads.nfits;
    f->total = n * f->steps + t->about.calibrated;
    TRY(draw_folds(f, folds, e));
    for (int64_t k = 0; k < folds; k++)
        TRY(calibrate_fold(f, k, samples, e));
    TRY(run_steps(f, NO_FOLD, e));
    if (!folds)
        TRY(calibrate_share(f, samples, e));
    calibrator_finish(t->calibrator, &t->about.calibration);
    return model_file_write(t->output, true, &t->about, t->params, e);
}

/* A step is given the rows of a sample as the model made them, which with tiles are those of the last one alone. */
static int check_whole(const struct trainer *t, struct err *e)
{
    const struct preprocess *input = &t->about.input;
    if (!input->tile && !input->roi)
        return 0;
    return err_set(e, ERR_USAGE,
                   "model %s is fitted to whole pictures, so option %s cannot be had with it; leave it out (a larger "
                   "size sees smaller defects), or take a model that is trained in epochs",
                   t->job->model->name, input->tile ? "tile" : "roi");
}

int fit_run(struct trainer *t, struct err *e)
{
    struct fitting f = {.t = t};
    TRY(check_whole(t, e));
    size_t n = dataset_count(t->job->data, SPLIT_TRAIN), *samples = malloc(n * sizeof *samples);
    int code = samples ? fit(&f, samples, e) : err_memory(e, "the samples to fit to");
    free(samples);
    fitting_end(&f);
    return code;
}
