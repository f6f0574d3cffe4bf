/* The public interface, part 2: train, evaluate, report. */
#include "engram_private.h"

#include "data/dataset.h"
#include "models/model.h"
#include "file/train_config.h"
#include "report/report.h"
#include "run/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct training {
    const engram_train_job *job;
    const engram_hooks *hooks;
    struct chosen chosen;
    struct dataset *data;
};

static void forward_progress(void *user, const struct train_progress *p)
{
    const engram_hooks *hooks = user;
    const char *names[OBJECTIVES + WATCHES];
    double values[OBJECTIVES + WATCHES];
    size_t n = 0;
    for (int i = 0; i < p->nlosses; i++, n++) {
        names[n] = p->loss_names[i];
        values[n] = p->losses[i];
    }
    for (int i = 0; i < p->nwatches; i++, n++) {
        names[n] = p->watch_names[i];
        values[n] = p->watches[i];
    }
    const engram_progress out = {.what = "training",
                                 .done = p->step,
                                 .total = p->steps,
                                 .seconds = p->seconds,
                                 .seconds_left = p->seconds_left,
                                 .epoch = p->epoch,
                                 .epochs = p->epochs,
                                 .names = names,
                                 .values = values,
                                 .nvalues = n,
                                 .epoch_done = p->epoch_done,
                                 .kept = p->kept,
                                 .saved = p->saved,
                                 .validation_loss = p->validation};
    if (hooks && hooks->progress)
        hooks->progress(hooks->user, &out);
}

static int train_configured(struct training *t, engram_train_summary *summary, struct err *e)
{
    const struct log log = hooks_log(t->hooks);
    struct train_result result;
    const struct train_job job = {.model = t->chosen.model,
                                  .config = t->chosen.config,
                                  .train = &t->chosen.train,
                                  .data = t->data,
                                  .data_name = t->job->data,
                                  .output = t->job->output,
                                  .force = t->job->force,
                                  .resume = t->job->resume,
                                  .date = t->job->date,
                                  .log = &log,
                                  .user = hooks_user(t->hooks),
                                  .progress = forward_progress,
                                  .should_stop = hooks_stop};
    TRY(train_run(&job, &result, e));
    if (summary)
        *summary = (engram_train_summary){.epochs = result.epochs,
                                          .kept_epoch = result.kept_epoch,
                                          .stopped_early = result.stopped_early,
                                          .validation_loss = result.validation,
                                          .seconds = result.seconds,
                                          .bytes = result.plan_bytes,
                                          .trained = (size_t)result.trained,
                                          .validated = (size_t)result.validated,
                                          .calibrated = (size_t)result.calibrated};
    return 0;
}

static int train(struct training *t, engram_train_summary *summary, struct err *e)
{
    const engram_train_job *job = t->job;
    TRY(chosen_read(&t->chosen, job->model, job->preset, job->settings, job->nsettings, e));
    const struct log log = hooks_log(t->hooks);
    TRY(dataset_open(t->job->data, DATASET_LEARN, &log, &t->data, e));
    return train_configured(t, summary, e);
}

int engram_train(const engram_train_job *job, const engram_hooks *hooks, engram_train_summary *summary,
                 engram_error *error)
{
    struct call call;
    struct training t = {.job = job, .hooks = hooks};
    call_begin(&call);
    int code = train(&t, summary, &call.err);
    dataset_close(t.data);
    chosen_free(&t.chosen);
    return call_end(&call, code, error);
}

static void forward_samples(void *user, size_t done, size_t total, double seconds)
{
    hooks_samples(user, "evaluating", done, total, seconds);
}

static int evaluate(const engram_model *model, const char *url, const engram_scorer_options *options,
                    const engram_hooks *hooks, struct evaluation *ev, struct err *e)
{
    struct scorer_spec spec;
    struct dataset *data;
    const struct log log = hooks_log(hooks);
    TRY(scorer_options_read(options, &spec, e));
    TRY(dataset_open(url, DATASET_SCORE, &log, &data, e));
    const struct evaluate_job job = {.loaded = model->loaded,
                                     .data = data,
                                     .data_name = url,
                                     .batch = spec.batch,
                                     .threads = spec.threads,
                                     .rate = spec.rate,
                                     .log = &log,
                                     .user = hooks_user(hooks),
                                     .progress = forward_samples,
                                     .should_stop = hooks_stop};
    int code = evaluation_run(&job, ev, e);
    dataset_close(data);
    return code;
}

int engram_evaluate(const engram_model *model, const char *url, const engram_scorer_options *options,
                    const engram_hooks *hooks, engram_evaluation **evaluation, engram_error *error)
{
    struct call call;
    call_begin(&call);
    engram_evaluation *ev = calloc(1, sizeof *ev);
    int code =
        ev ? evaluate(model, url, options, hooks, &ev->inner, &call.err) : err_memory(&call.err, "an evaluation");
    if (code >= 0)
        *evaluation = ev;
    else
        engram_evaluation_free(ev);
    return call_end(&call, code, error);
}

void engram_evaluation_free(engram_evaluation *evaluation)
{
    if (!evaluation)
        return;
    evaluation_free(&evaluation->inner);
    free(evaluation);
}

int engram_evaluation_metric(const engram_evaluation *evaluation, size_t i, engram_metric *metric)
{
    struct evaluation_number n;
    if (!evaluation_number(&evaluation->inner, i, &n))
        return 0;
    *metric = (engram_metric){n.name, n.kind, n.value, n.help};
    return 1;
}

double engram_evaluation_value(const engram_evaluation *evaluation, const char *name)
{
    engram_metric m;
    for (size_t i = 0; engram_evaluation_metric(evaluation, i, &m); i++)
        if (!*m.kind && !strcmp(m.name, name))
            return m.value;
    return NAN;
}

void engram_evaluation_training(engram_evaluation *evaluation, double seconds, size_t peak_bytes)
{
    evaluation->inner.train_seconds = seconds;
    evaluation->inner.peak_bytes = peak_bytes;
}

static int report(const engram_evaluation *const *evaluations, size_t n, const char *title, const char *date,
                  const char *path, bool force, struct err *e)
{
    if (!n)
        return err_set(e, ERR_USAGE, "a report of no evaluation cannot be written to %s", path);
    const struct evaluation **inner = calloc(n, sizeof *inner);
    if (!inner)
        return err_memory(e, "a report");
    for (size_t i = 0; i < n; i++)
        inner[i] = &evaluations[i]->inner;
    int code = make_parent(path, e);
    if (code >= 0)
        code = report_write(
            &(struct report_job){
                .evaluations = inner, .n = n, .title = title, .date = date, .path = path, .force = force},
            e);
    free(inner);
    return code;
}

int engram_report_write(const engram_evaluation *const *evaluations, size_t n, const char *title, const char *date,
                        const char *path, int force, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, report(evaluations, n, title, date, path, force != 0, &call.err), error);
}
