#include "run/train.h"

#include "base/clock.h"
#include "nn/op.h"
#include "run/rate.h"
#include "run/train_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Files are written at the end of an epoch, but not more often than this: writing must not become the work where an
 * epoch takes milliseconds. What is in them does not depend on when they are written. */
static const double save_seconds = 10, save_share = 0.1; /* of all time at most, where calibrating takes its own */

/* ---- held-out shares ---- */

typedef int each_fn(void *user, const struct forward *f, int i, struct err *e);

/* Scores what a loader has, in order, calling `each` for every sample. */
static int score_all(struct trainer *t, struct loader *l, each_fn *each, void *user, struct err *e)
{
    struct batch b;
    int got;
    loader_seek(l, 0, 0);
    while ((got = loader_next(l, &b, e)) > 0) {
        for (size_t i = 0; i < b.n; i++)
            if (b.errors[i])
                return err_set(e, ERR_IO, "%s; it could be read when training began", b.errors[i]);
        memcpy(t->forward.input, b.data, b.n * t->forward.sample_values * sizeof(float));
        forward_run(&t->forward, (int)b.n);
        for (int i = 0; i < (int)b.n; i++)
            TRY(each(user, &t->forward, i, e));
    }
    return got;
}

static int add_score(void *user, const struct forward *f, int i, struct err *e)
{
    (void)e;
    *(double *)user += (double)forward_score(f, i);
    return 0;
}

static int add_usual(void *user, const struct forward *f, int i, struct err *e)
{
    const struct trainer *t = user;
    (void)e;
    judge_learn(t->judge, forward_map(f, i), t->collector);
    return 0;
}

/* Both ways to judge a sample. */
static int add_calibration(void *user, const struct forward *f, int i, struct err *e)
{
    struct trainer *t = user;
    TRY(calibrator_add(t->calibrator, forward_score(f, i), forward_map(f, i), f->map_values, e));
    if (!t->collector)
        return 0;
    float score = judge_map(t->judge, forward_map(f, i), t->map);
    return calibrator_add(t->map_calibrator, score, t->map, f->map_values, e);
}

/* ---- videos ---- */

static int calibrate_frames(struct trainer *t, int64_t until, struct err *e)
{
    struct frame_row row;
    while (frames_take(t->frames, until, &row)) {
        const struct shape map = model_file_map(&t->about);
        const size_t values = (size_t)shape_count(&map);
        TRY(calibrator_add(t->calibrator, row.by[BY_MODEL], row.map, values, e));
        if (t->collector)
            TRY(calibrator_add(t->map_calibrator, row.by[BY_MAP], row.usual, values, e));
    }
    return 0;
}

/* A clip of the held-out stretches, in their order. */
static int add_clip(void *user, const struct forward *f, int i, struct err *e)
{
    struct trainer *t = user;
    const size_t place = t->clips_judged++, first = t->samples[SHARE_TRAIN] + t->samples[SHARE_VALIDATION];
    const struct sample *s = dataset_sample(t->job->data, SPLIT_TRAIN, t->order[first + place]);
    (void)f;
    if (t->stretch_begins[place]) {
        TRY(calibrate_frames(t, INT64_MAX, e));
        frames_begin(t->frames, 0);
        t->stretch_first = s->index;
    }
    const int64_t begin = (s->index - t->stretch_first) / t->about.input.step;
    frames_add(t->frames, i, begin);
    return calibrate_frames(t, begin + frames_hop(&t->forward, &t->about.input), e);
}

static int calibrate_videos(struct trainer *t, struct err *e)
{
    t->clips_judged = 0;
    frames_begin(t->frames, 0);
    TRY(score_all(t, t->loaders[SHARE_CALIBRATION], add_clip, t, e));
    return calibrate_frames(t, INT64_MAX, e);
}

static int validate(struct trainer *t, struct err *e)
{
    double sum = 0;
    t->validation = NAN;
    if (!t->samples[SHARE_VALIDATION])
        return 0;
    TRY(score_all(t, t->loaders[SHARE_VALIDATION], add_score, &sum, e));
    t->validation = sum / (double)t->samples[SHARE_VALIDATION];
    if (!isfinite(t->validation))
        return err_set(e, ERR_FAIL,
                       "the validation loss of epoch %d is %s: training has diverged; train with a lower "
                       "lr than %g",
                       t->at.epoch + 1, isnan(t->validation) ? "NaN" : "infinite", t->job->train->lr);
    return 0;
}

/* From samples that were trained on, so that the held-out ones meet it as new ones will (stats/usual.md). */
static int learn_usual(struct trainer *t, struct err *e)
{
    usual_collector_reset(t->collector);
    TRY(score_all(t, t->usual, add_usual, t, e));
    judge_learnt(t->judge, t->collector, &t->about.usual);
    return 0;
}

static int calibrate(struct trainer *t, struct err *e)
{
    if (t->forward.search)
        log_line(t->job->log, LOG_DEBUG, "scoring %zu held-out samples, each of which is searched for",
                 t->samples[SHARE_CALIBRATION]);
    calibrator_reset(t->calibrator);
    if (t->collector) {
        calibrator_reset(t->map_calibrator);
        TRY(learn_usual(t, e));
    }
    if (t->samples[SHARE_CALIBRATION])
        TRY(t->frames ? calibrate_videos(t, e) : score_all(t, t->loaders[SHARE_CALIBRATION], add_calibration, t, e));
    calibrator_finish(t->calibrator, &t->about.calibration);
    if (t->collector)
        calibrator_finish(t->map_calibrator, &t->about.map_calibration);
    return 0;
}

/* ---- files ---- */

static void swap_weights(struct trainer *t)
{
    for (int g = 0; g < GROUP_COUNT; g++)
        for (size_t i = 0; i < t->params->size[g]; i++) {
            float x = t->params->value[g][i];
            t->params->value[g][i] = t->kept[g][i];
            t->kept[g][i] = x;
        }
    params_changed(t->params);
}

/* The output, where its weights are not in it yet or the curve has grown: calibrated for the weights it holds. */
static int save_model(struct trainer *t, struct err *e)
{
    if (!t->model_due)
        return 0;
    swap_weights(t);
    int code = calibrate(t, e);
    if (!code)
        code = model_file_write(t->output, true, &t->about, t->params, e);
    swap_weights(t);
    t->model_due = code != 0;
    return code;
}

static int save_state(struct trainer *t, struct err *e)
{
    memcpy(t->at.adam_steps, t->params->adam_steps, sizeof t->at.adam_steps);
    TRY(state_write(t->state_path, &t->about, t->params, &t->at, t->kept, e));
    t->saved = clock_seconds();
    return 0;
}

/* ---- steps ---- */

static void fill_plan(const struct trainer *t, struct plan *p, const struct batch *b)
{
    const struct node *truth = t->heads.truth;
    memcpy(plan_data(p, t->heads.input), b->data, b->n * t->forward.row_values * sizeof(float));
    if (truth)
        memcpy(plan_data(p, truth), b->truth, (size_t)shape_count(&truth->shape) * sizeof(float));
}

/* The name of the first node that is not finite: the batch runs once more in a plan that keeps every value. */
static void find_culprit(const struct trainer *t, const struct batch *b, uint64_t step, const struct objective *o,
                         char *name, size_t size)
{
    struct plan_spec spec = {
        .graph = t->graph,
        .outputs = &(struct node *){o->loss},
        .noutputs = 1,
        .keep_all = true,
        .threads = t->threads,
        .seed = (uint64_t)t->job->train->seed,
    };
    struct plan *p;
    struct err ignored = ERR_INIT;
    snprintf(name, size, "%s", o->name);
    if (plan_new(&spec, &p, &ignored))
        return;
    fill_plan(t, p, b);
    plan_samples(p, t->identities);
    plan_forward(p, step);
    const struct node *n = plan_find_nonfinite(p);
    if (n)
        snprintf(name, size, "%s%s%s%s", n->name ? n->name : "", n->op ? " (" : "", n->op ? n->op->name : "",
                 n->op ? ")" : "");
    plan_free(p);
}

static int diverged(const struct trainer *t, const struct batch *b, uint64_t step, const struct objective *o,
                    double loss, struct err *e)
{
    char culprit[160];
    const struct node *failed = plan_failed(t->plan);
    if (failed)
        return err_set(e, ERR_MEMORY,
                       "oneDNN could not compute '%s' (%s), most likely for want of memory; give a smaller "
                       "batch",
                       failed->name, failed->op->name);
    find_culprit(t, b, step, o, culprit, sizeof culprit);
    return err_set(e, ERR_FAIL,
                   "training has diverged in epoch %d, step %lld: the loss '%s' is %s, and the first value "
                   "that is not finite is in %s; %s %s; train with a lower lr than %g",
                   t->at.epoch + 1, (long long)t->at.step + 1, o->name, isnan(loss) ? "NaN" : "infinite", culprit,
                   t->about.kept_epoch ? "the last good model is in" : "no epoch was finished, so there is no model at",
                   t->output, t->job->train->lr);
}

static void fill_batch(struct trainer *t, const struct batch *b)
{
    fill_plan(t, t->plan, b);
    for (size_t i = 0; t->identities && i < b->n; i++)
        t->identities[i] = dataset_identity(t->job->data, SPLIT_TRAIN, b->samples[i]) + b->tiles[i];
}

static int train_step(struct trainer *t, const struct batch *b, struct err *e)
{
    const struct heads *h = &t->heads;
    double loss[OBJECTIVES];
    const int64_t steps = (int64_t)loader_steps(t->loaders[SHARE_TRAIN]);
    uint64_t step = (uint64_t)(t->at.epoch * steps + t->at.step);
    fill_batch(t, b);
    t->update.adam.lr = rate_of(t->job->train, t->at.epoch, (int64_t)step, t->epochs * steps);
    int bad = update_step(&t->update, step, loss);
    if (bad != ALL_FINITE)
        return diverged(t, b, step, &h->objectives[bad], loss[bad], e);
    for (int i = 0; i < h->nobjectives; i++)
        t->at.loss[i] += loss[i];
    for (int i = 0; i < h->nwatches; i++)
        t->at.watch[i] += (double)*(const float *)plan_data(t->plan, h->watches[i].value);
    t->at.step++;
    t->steps_run++;
    return 0;
}

/* ---- telling ---- */

/* What the end of an epoch adds; NULL within one. */
struct epoch_end {
    bool kept, saved;
};

static void tell(const struct trainer *t, const struct epoch_row *row, int epoch, int64_t step,
                 const struct epoch_end *end)
{
    const struct train_job *job = t->job;
    const struct curve *c = &t->about.curve;
    if (!job->progress)
        return;
    int64_t steps = (int64_t)loader_steps(t->loaders[SHARE_TRAIN]);
    double seconds = clock_seconds() - t->started;
    double left = (double)((t->epochs - epoch) * steps + steps - step);
    struct train_progress p = {
        .epoch = epoch,
        .epochs = (int)t->epochs,
        .step = step,
        .steps = steps,
        .nlosses = c->nlosses,
        .nwatches = c->nwatches,
        .loss_names = c->loss_names,
        .watch_names = c->watch_names,
        .losses = row->loss,
        .watches = row->watch,
        .validation = t->validation,
        .seconds = seconds,
        .seconds_left = t->steps_run ? seconds / (double)t->steps_run * left : (double)NAN,
        .epoch_done = end != NULL,
        .kept = end && end->kept,
        .saved = end && end->saved,
    };
    job->progress(job->user, &p);
}

static struct epoch_row mean_row(const struct trainer *t)
{
    struct epoch_row row = {.validation = t->validation};
    for (int i = 0; i < t->about.curve.nlosses; i++)
        row.loss[i] = t->at.loss[i] / (double)t->at.step;
    for (int i = 0; i < t->about.curve.nwatches; i++)
        row.watch[i] = t->at.watch[i] / (double)t->at.step;
    return row;
}

/* ---- epochs ---- */

/* Whether the epoch that ends here is the one to keep. */
static bool is_best(struct trainer *t)
{
    if (t->job->train->keep == KEEP_LAST || !t->samples[SHARE_VALIDATION]) {
        t->at.since_best = t->validation < t->at.best || isnan(t->at.best) ? 0 : t->at.since_best + 1;
        t->at.best = fmin(t->at.best, t->validation);
        return true;
    }
    if (!isnan(t->at.best) && t->validation >= t->at.best) {
        t->at.since_best++;
        return false;
    }
    t->at.best = t->validation;
    t->at.since_best = 0;
    return true;
}

/* Takes the finished epoch into the books; the weights have passed validation. */
static bool close_epoch(struct trainer *t)
{
    t->about.curve.rows[t->about.curve.epochs++] = mean_row(t);
    t->at.epoch++;
    t->at.step = 0;
    memset(t->at.loss, 0, sizeof t->at.loss);
    memset(t->at.watch, 0, sizeof t->at.watch);
    t->model_due = true; /* the curve at least has grown */
    bool keep = is_best(t);
    if (!keep)
        return false;
    t->about.kept_epoch = t->at.epoch;
    for (int g = 0; g < GROUP_COUNT; g++)
        memcpy(t->kept[g], t->params->value[g], t->params->size[g] * sizeof(float));
    return true;
}

/* What the caller asked to stop leaves behind: both files, as far as there is something to write. */
static int stop(struct trainer *t, struct err *e)
{
    TRY(save_state(t, e)); /* first: whoever asked to stop may lose patience */
    TRY(save_model(t, e));
    return err_set(e, ERR_STOPPED, "training was stopped in epoch %d after step %lld; go on with --resume",
                   t->at.epoch + 1, (long long)t->at.step);
}

static int run_steps(struct trainer *t, struct err *e)
{
    struct loader *l = t->loaders[SHARE_TRAIN];
    struct batch b;
    int64_t steps = (int64_t)loader_steps(l);
    if (t->at.step < steps)
        loader_seek(l, t->at.epoch, (size_t)t->at.step);
    while (t->at.step < steps) {
        TRY(loader_next(l, &b, e));
        TRY(train_step(t, &b, e));
        struct epoch_row row = mean_row(t);
        tell(t, &row, t->at.epoch + 1, t->at.step, NULL);
        if (t->job->should_stop && t->job->should_stop(t->job->user))
            return stop(t, e);
    }
    return 0;
}

static bool save_is_due(const struct trainer *t)
{
    return clock_seconds() - t->saved >= fmax(save_seconds, t->saving / save_share);
}

static int save_both(struct trainer *t, struct err *e)
{
    double start = clock_seconds();
    TRY(save_model(t, e));
    TRY(save_state(t, e));
    t->saving = clock_seconds() - start;
    return 0;
}

static int run_epoch(struct trainer *t, struct err *e)
{
    TRY(run_steps(t, e));
    TRY(validate(t, e));
    int64_t steps = t->at.step;
    struct epoch_end end = {.kept = close_epoch(t), .saved = save_is_due(t)};
    if (end.saved)
        TRY(save_both(t, e));
    tell(t, &t->about.curve.rows[t->at.epoch - 1], t->at.epoch, steps, &end);
    return 0;
}

static bool finished(struct trainer *t)
{
    const struct train_config *c = t->job->train;
    t->stopped_early = c->patience && t->at.since_best >= c->patience;
    return t->stopped_early || t->at.epoch >= t->epochs;
}

static int finish(struct trainer *t, struct err *e)
{
    TRY(save_model(t, e));
    if (t->job->train->keep_state)
        return save_state(t, e);
    if (unlink(t->state_path) && errno != ENOENT)
        log_line(t->job->log, LOG_WARN, "%s is not needed any more but cannot be removed: %s", t->state_path,
                 strerror(errno));
    return 0;
}

static int run(struct trainer *t, struct err *e)
{
    t->saved = t->started;
    while (!finished(t)) {
        int code = run_epoch(t, e);
        if (code == ERR_STOPPED)
            return code;
        if (code) {
            /* What was learnt until the last good epoch is worth keeping; the first error is the one to report. */
            struct err second = ERR_INIT;
            if (t->about.kept_epoch && save_model(t, &second))
                log_line(t->job->log, LOG_WARN, "%s", second.msg);
            return code;
        }
    }
    return finish(t, e);
}

static void fill_result(const struct trainer *t, struct train_result *r)
{
    const struct curve *c = &t->about.curve;
    *r = (struct train_result){
        .epochs = t->at.epoch,
        .kept_epoch = t->about.kept_epoch,
        .stopped_early = t->stopped_early,
        .validation = t->about.kept_epoch ? c->rows[t->about.kept_epoch - 1].validation : (double)NAN,
        .trained = t->about.trained,
        .validated = t->about.validated,
        .calibrated = t->about.calibrated,
        .seconds = clock_seconds() - t->started,
        .plan_bytes = (t->plan ? plan_bytes(t->plan) : 0) + forward_bytes(&t->forward),
    };
}

int train_run(const struct train_job *job, struct train_result *result, struct err *e)
{
    struct trainer t = {0};
    *result = (struct train_result){0};
    int code = train_prepare(&t, job, e);
    if (!code) {
        t.started = clock_seconds();
        code = job->model->fitted ? fit_run(&t, e) : run(&t, e);
        fill_result(&t, result);
    }
    train_end(&t);
    return code;
}
