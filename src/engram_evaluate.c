/* The public interface: evaluations, and the report of them. */
#include "engram_private.h"

#include "data/dataset.h"
#include "data/made_set.h"
#include "report/report.h"
#include "run/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct engram_evaluation {
    struct evaluation inner;
    struct dataset *data; /* whose samples have names */
    struct dataset *good; /* of which defects are made; NULL: none are */
    struct own_data own;
};

static void forward_samples(void *user, size_t done, size_t total, double seconds)
{
    hooks_samples(user, "evaluating", done, total, seconds);
}

/* The data become the good ones among them, and the same with defects. */
static int make_defects(const struct evaluate_config *config, const struct log *log, engram_evaluation *ev,
                        struct err *e)
{
    const struct made_set wish = {.n = (size_t)config->made, .kind = config->made_kind, .seed = 1};
    ev->good = ev->data;
    return dataset_open_made(ev->good, &wish, log, &ev->data, e);
}

static int evaluate(const engram_model *model, const struct origin *origin, const struct evaluate_config *config,
                    const engram_hooks *hooks, engram_evaluation *ev, struct err *e)
{
    const struct log log = hooks_log(hooks);
    const struct scorer_spec spec = scorer_spec_of(&config->scorer);
    struct origin data = *origin;
    data.like = &loaded_file(model->loaded)->input;
    TRY(origin_open(&data, DATASET_SCORE, &log, &ev->own, &ev->data, e));
    const struct picture_limits limits = scorer_limits(&config->scorer);
    dataset_limit(ev->data, &limits);
    if (config->made)
        TRY(make_defects(config, &log, ev, e));
    const struct evaluate_job job = {.loaded = model->loaded,
                                     .data = ev->data,
                                     .data_name = origin_name(origin, &ev->own),
                                     .batch = spec.batch,
                                     .threads = spec.threads,
                                     .precision = spec.precision,
                                     .by = spec.by,
                                     .rate = spec.rate,
                                     .min_max = config->min_max,
                                     .protocol = spec.protocol,
                                     .hop = spec.hop,
                                     .per_video =
                                         spec.protocol == PROTOCOL_OFFICIAL ? PER_VIDEO_MIN_MAX : config->per_video,
                                     .smooth = config->smooth,
                                     .log = &log,
                                     .user = hooks_user(hooks),
                                     .progress = forward_samples,
                                     .should_stop = hooks_stop};
    return evaluation_run(&job, &ev->inner, e);
}

static int new_evaluation(const engram_model *model, const struct origin *origin, const struct evaluate_config *config,
                          const engram_hooks *hooks, engram_evaluation **out, struct err *e)
{
    engram_evaluation *ev = calloc(1, sizeof *ev);
    if (!ev)
        return err_memory(e, "an evaluation");
    int code = evaluate(model, origin, config, hooks, ev, e);
    if (code < 0)
        engram_evaluation_free(ev);
    else
        *out = ev;
    return code;
}

/* What is behind both functions, once their arguments are there. */
static int evaluate_origin(struct call *call, const engram_model *model, const struct origin *origin,
                           const char *const *settings, size_t nsettings, const engram_hooks *hooks,
                           engram_evaluation **evaluation)
{
    struct evaluate_config config;
    TRY(call_hooks(call, hooks));
    TRY(evaluate_config_read(settings, nsettings, &config, &call->err));
    return new_evaluation(model, origin, &config, &call->hooks, evaluation, &call->err);
}

int engram_evaluate(const engram_model *model, const char *url, const char *const *settings, size_t nsettings,
                    const engram_hooks *hooks, engram_evaluation **evaluation, engram_error *error)
{
    struct call call;
    const struct origin origin = {.urls = &url, .n = 1};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(url), GIVEN(evaluation));
    if (code >= 0)
        code = evaluate_origin(&call, model, &origin, settings, nsettings, hooks, evaluation);
    return call_end(&call, code, error);
}

int engram_evaluate_source(const engram_model *model, const engram_data_source *source, const char *const *settings,
                           size_t nsettings, const engram_hooks *hooks, engram_evaluation **evaluation,
                           engram_error *error)
{
    struct call call;
    const struct origin origin = {.source = source};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(source), GIVEN(evaluation));
    if (code >= 0)
        code = evaluate_origin(&call, model, &origin, settings, nsettings, hooks, evaluation);
    return call_end(&call, code, error);
}

void engram_evaluation_free(engram_evaluation *evaluation)
{
    if (!evaluation)
        return;
    evaluation_free(&evaluation->inner);
    dataset_close(evaluation->data);
    dataset_close(evaluation->good);
    free(evaluation);
}

/* ---- what came of it ---- */

int engram_evaluation_metric(const engram_evaluation *evaluation, size_t i, engram_metric *metric)
{
    struct evaluation_number n;
    if (!evaluation || !evaluation_number(&evaluation->inner, i, &n))
        return 0;
    return STRUCT_ROW(engram_metric, metric, .name = n.name, .kind = n.kind, .value = n.value, .help = n.help);
}

double engram_evaluation_value(const engram_evaluation *evaluation, const char *name)
{
    engram_metric m = ENGRAM_METRIC_INIT;
    for (size_t i = 0; name && engram_evaluation_metric(evaluation, i, &m); i++)
        if (!*m.kind && !strcmp(m.name, name))
            return m.value;
    return NAN;
}

int engram_evaluation_roc(const engram_evaluation *evaluation, size_t i, engram_roc_point *point)
{
    if (!evaluation || i >= (size_t)evaluation->inner.metrics.nroc)
        return 0;
    const struct roc_point *p = &evaluation->inner.metrics.roc[i];
    return STRUCT_ROW(engram_roc_point, point, .false_alarm_rate = p->false_alarm, .detection_rate = p->detection,
                      .threshold = (double)p->threshold);
}

int engram_evaluation_sample(const engram_evaluation *evaluation, size_t i, engram_scored *sample)
{
    if (!evaluation || i >= evaluation->inner.scores.n)
        return 0;
    const struct sample_scores *all = &evaluation->inner.scores;
    const struct sample *s = dataset_sample(evaluation->data, SPLIT_TEST, all->sample[i]);
    const int64_t *frames = evaluation->inner.videos.frame;
    return STRUCT_ROW(engram_scored, sample, .name = s->name, .path = s->path, .kind = s->kind,
                      .index = frames ? frames[i] : s->index, .truth = all->truth[i], .score = (double)all->score[i],
                      .p_value = all->p_value[i]);
}

void engram_evaluation_training(engram_evaluation *evaluation, double seconds, size_t peak_bytes)
{
    if (!evaluation)
        return;
    evaluation->inner.train_seconds = seconds;
    evaluation->inner.peak_bytes = peak_bytes;
}

/* ---- the report ---- */

/* What report_write writes, behind what the caller's list leads to. */
static int report(const engram_evaluation *const *evaluations, struct report_job *job, struct err *e)
{
    if (!job->n)
        return err_set(e, ERR_USAGE, "a report of no evaluation cannot be written to %s", job->path);
    const struct evaluation **inner = calloc(job->n, sizeof *inner);
    if (!inner)
        return err_memory(e, "a report");
    int code = 0;
    for (size_t i = 0; i < job->n && code == 0; i++)
        if (evaluations[i])
            inner[i] = &evaluations[i]->inner;
        else
            code = err_set(e, ERR_USAGE, "evaluation %zu of %zu for %s is NULL", i, job->n, job->path);
    job->evaluations = inner;
    if (code >= 0)
        code = make_parent(job->path, e);
    if (code >= 0)
        code = report_write(job, e);
    free(inner);
    return code;
}

int engram_report_write(const engram_evaluation *const *evaluations, size_t n, const char *title, const char *date,
                        const char *path, int force, const engram_hooks *hooks, engram_error *error)
{
    struct call call;
    call_begin(&call);
    struct report_job job = {.n = n,
                             .title = title,
                             .date = date,
                             .path = path,
                             .force = force != 0,
                             .should_stop = hooks_stop,
                             .user = &call.hooks};
    int code = NEEDS(&call, GIVEN(evaluations), GIVEN(path));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = report(evaluations, &job, &call.err);
    return call_end(&call, code, error);
}
