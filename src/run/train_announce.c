/* What a training says of itself before its first step. */
#include "run/train_parts.h"

#include <math.h>

static const char *plural(size_t n, const char *ending)
{
    return n == 1 ? "" : ending;
}

/* Too few for the usual rate. */
static void announce_few(const struct trainer *t, size_t held, double smallest)
{
    const double left = 1 - t->job->train->validation;
    if (t->stretches)
        log_line(t->job->log, LOG_WARN,
                 "with %zu frame%s held out for calibration nothing can be flagged at false-alarm rates below %.4g; %g "
                 "needs %d: give it more video, or hold out a larger share of it (calibration=0.3)",
                 held, plural(held, "s"), smallest, TRAIN_RATE, TRAIN_PROMISE);
    else if (t->job->train->folds)
        log_line(t->job->log, LOG_WARN,
                 "with %zu sample%s nothing can be flagged at false-alarm rates below %.4g; %g needs %d", held,
                 plural(held, "s"), smallest, TRAIN_RATE, TRAIN_PROMISE);
    else
        log_line(t->job->log, LOG_WARN,
                 "with %zu sample%s held out for calibration nothing can be flagged at false-alarm rates below %.4g; "
                 "%g needs %d samples, which are held out of %.0f and more",
                 held, plural(held, "s"), smallest, TRAIN_RATE, TRAIN_PROMISE, ceil(2 * TRAIN_PROMISE / left));
}

/* What the file will be able to promise. */
static void announce_promise(const struct trainer *t)
{
    const struct log *log = t->job->log;
    const struct calibration c = {.n = (size_t)t->about.calibrated};
    const double smallest = calibration_smallest_rate(&c);
    if (!c.n)
        log_line(log, LOG_WARN,
                 "nothing is held out for calibration, so the file will never flag anything; train with "
                 "calibration=0.1 for p-values and thresholds");
    else if (smallest > TRAIN_RATE)
        announce_few(t, c.n, smallest);
    else if (t->stretches)
        log_line(
            log, LOG_INFO,
            "%zu frames of %zu stretch%s of video are held out for calibration and can flag at false-alarm rates "
            "from %.4g on; frames that follow each other are alike, so that the promise is about as good as one from "
            "%zu sample%s: more video, of other hours, makes it better",
            c.n, t->held_stretches, plural(t->held_stretches, "es"), smallest, t->held_stretches,
            plural(t->held_stretches, "s"));
    else
        log_line(log, LOG_INFO,
                 "%zu samples %scan flag at false-alarm rates from %.4g on; at %g the real rate "
                 "of 9 trainings in 10 stays below %.4g",
                 c.n, t->job->train->folds ? "" : "held out for calibration ", smallest, TRAIN_RATE,
                 calibration_rate_bound(&c, TRAIN_RATE, 0.9));
}

static void announce_tiles(const struct tiled *t, const struct log *log)
{
    if (t->input->roi)
        log_line(log, LOG_INFO, "%.3g %% of a picture counts, the rest is ignored",
                 100 * (double)t->counted / (double)t->pixels);
    if (t->input->tile)
        log_line(log, LOG_INFO,
                 "a picture is looked at in %zu tile%s of %dx%d pixels, of which every epoch sees as many",
                 t->tiling->n, t->tiling->n == 1 ? "" : "s", t->tiling->tile_width, t->tiling->tile_height);
}

static void announce_fit(const struct trainer *t)
{
    const struct log *log = t->job->log;
    char shape[SHAPE_TEXT];
    log_line(log, LOG_INFO, "%s on %zu samples of %s; memory: %.1f MiB", t->job->model->name, t->samples[SHARE_TRAIN],
             shape_text(&t->about.input.sample, shape), (double)forward_bytes(&t->forward) / (1 << 20));
    size_t n = t->samples[SHARE_TRAIN], parts = (size_t)t->job->train->folds;
    if (parts)
        log_line(log, LOG_INFO, "calibrated on all of them, in %zu parts, each by a fit to the others",
                 parts < n ? parts : n);
}

static void announce_steps(const struct trainer *t, size_t batch)
{
    const struct log *log = t->job->log;
    char shape[SHAPE_TEXT];
    size_t weights = 0;
    for (int g = 0; g < GROUP_COUNT; g++)
        weights += t->params->m[g] ? t->params->size[g] : 0;
    log_line(log, LOG_INFO, "%s on %zu samples of %s; %zu more for validation, %zu for calibration",
             t->job->model->name, t->samples[SHARE_TRAIN], shape_text(&t->about.input.sample, shape),
             t->samples[SHARE_VALIDATION], t->samples[SHARE_CALIBRATION]);
    if (t->forward.tiled)
        announce_tiles(t->forward.tiled, log);
    log_line(log, LOG_INFO,
             "%zu steps an epoch of %zu %s; %.3g million weights; memory: %.1f MiB to train, %.1f MiB to validate",
             loader_steps(t->loaders[SHARE_TRAIN]), batch, t->about.input.tile ? "tiles" : "samples",
             (double)weights * 1e-6, (double)plan_bytes(t->plan) / (1 << 20),
             (double)forward_bytes(&t->forward) / (1 << 20));
}

/* Verdicts that cannot stand on what was asked for. */
static void announce_score(const struct trainer *t)
{
    if (t->job->train->score == t->about.train.score)
        return;
    log_line(t->job->log, LOG_INFO, "verdicts stand on the model's own score, not on its map (score=map): %s",
             t->forward.maps ? "what is odd in a video has no place of its own, and the map says less there; score "
                               "with --score map to see it"
                             : "it has none");
}

void train_announce(const struct trainer *t, size_t batch)
{
    preprocess_doubt(&t->about.input, t->job->log);
    if (t->job->model->fitted)
        announce_fit(t);
    else
        announce_steps(t, batch);
    announce_score(t);
    announce_promise(t);
}
