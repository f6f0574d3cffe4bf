/* Fitting: what a model that declares steps of it (models/model.h) does in place of epochs.
 *
 * Each step sees rows of the normal samples and sets parameters. With `folds` K, the samples are K parts at random; the
 * steps are done once more without each part, which is then scored as new samples will be; those scores together are
 * the calibration (stats/calibrate.md says what such a threshold is worth). The file holds the fit to all samples. */
#include "run/fit_parts.h"

#include "nn/parallel.h"

#include <stdlib.h>

/* ---- steps ---- */

/* One step, without the samples of a fold. */
static int run_step(struct fitting *f, int step, int64_t fold, struct err *e)
{
    struct trainer *t = f->t;
    struct fit_rows rows;
    TRY(fit_rows_without(f, step, fold, &rows, e));
    unsigned before = parallel_begin(t->threads);
    int code = t->forward.heads.fits[step].run(t->about.config, &rows, t->params, e);
    parallel_end(before);
    params_changed(t->params);
    return code;
}

/* All steps; those that are the same for all folds once. A fit to all samples sees what a fit without some of them sees
 * of the others. */
static int run_steps(struct fitting *f, int64_t fold, struct err *e)
{
    for (int k = 0; k < f->steps; k++) {
        bool first = !f->seen[k].values, once = f->t->forward.heads.fits[k].once;
        if (first)
            TRY(fit_gather(f, k, f->t->samples[SHARE_TRAIN], e));
        if (first || !once)
            TRY(run_step(f, k, once ? NO_FOLD : fold, e));
    }
    return 0;
}

/* The held-out share lies behind the others in t->order. */
static int calibrate_share(struct fitting *f, struct err *e)
{
    const struct trainer *t = f->t;
    size_t n = t->samples[SHARE_CALIBRATION], *samples = malloc((n + 1) * sizeof *samples);
    if (!samples)
        return err_memory(e, "the held-out samples");
    for (size_t i = 0; i < n; i++)
        samples[i] = t->samples[SHARE_TRAIN] + t->samples[SHARE_VALIDATION] + i;
    int code = fit_calibrate(f, samples, n, e);
    free(samples);
    return code;
}

/* ---- */

static int fit(struct fitting *f, struct err *e)
{
    struct trainer *t = f->t;
    const size_t n = t->samples[SHARE_TRAIN];
    int64_t folds = t->job->train->folds < (int64_t)n ? t->job->train->folds : (int64_t)n;
    f->steps = t->forward.heads.nfits;
    f->total = (int64_t)n * f->steps + t->about.calibrated;
    TRY(fit_draw_folds(f, n, folds, e));
    for (int64_t k = 0; k < folds; k++) {
        TRY(run_steps(f, k, e));
        TRY(fit_calibrate_fold(f, k, n, e));
    }
    TRY(run_steps(f, NO_FOLD, e));
    if (!folds)
        TRY(calibrate_share(f, e));
    calibrator_finish(t->calibrator, &t->about.calibration);
    TRY(model_file_write(t->output, true, &t->about, t->params, e));
    fit_tell_oddest(f);
    return 0;
}

static int check_whole(const struct trainer *t, struct err *e)
{
    if (!t->forward.heads.whole || !t->about.input.tile)
        return 0;
    return err_set(e, ERR_USAGE,
                   "model %s with these options compares what is at the same place of whole pictures, so option tile "
                   "means nothing to it; leave it out, or take another head",
                   t->job->model->name);
}

int fit_run(struct trainer *t, struct err *e)
{
    struct fitting f = {.t = t};
    TRY(check_whole(t, e));
    int code = fit(&f, e);
    fitting_end(&f);
    return code;
}
