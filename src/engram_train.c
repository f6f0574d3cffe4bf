/* The public interface: training. */
#include "engram_private.h"

#include "data/dataset.h"
#include "run/train.h"

/* A job taken apart: its model and options, and its data, opened. */
struct training {
    engram_train_job job;
    const engram_hooks *hooks;
    struct log log;
    struct chosen chosen;
    struct origin origin;
    struct own_data own;
    struct dataset *data;
};

void hooks_training(void *user, const struct train_progress *p)
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
    const engram_progress out = {.size = sizeof out,
                                 .what = p->epochs ? "training" : "fitting",
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
    if (hooks->progress)
        hooks->progress(hooks->user, &out);
}

static struct train_job inner_job(const struct training *t)
{
    return (struct train_job){.model = t->chosen.model,
                              .config = t->chosen.config,
                              .train = &t->chosen.train,
                              .data = t->data,
                              .data_name = origin_name(&t->origin, &t->own),
                              .output = t->job.output,
                              .force = t->job.force,
                              .resume = t->job.resume,
                              .date = t->job.date,
                              .log = &t->log,
                              .user = hooks_user(t->hooks),
                              .progress = hooks_training,
                              .should_stop = hooks_stop};
}

static int choose(struct training *t, unsigned takes, struct err *e)
{
    const engram_train_job *job = &t->job;
    return chosen_read(&t->chosen, job->model, job->preset, takes, job->settings, job->nsettings, e);
}

/* A job that names no model has the one to begin with. */
static int choose_model(struct training *t, unsigned takes, struct err *e)
{
    engram_train_job *job = &t->job;
    const struct beginning *b = beginning_for(takes);
    job->model = b->model->name;
    job->preset = job->preset ? job->preset : b->preset;
    TRY(choose(t, takes, e));
    log_line(&t->log, LOG_INFO, "no model is named: %s, %s", b->model->name, b->model->title);
    return 0;
}

/* The options of a model that is named are read before the data are looked at, so that a wrong one costs no time; of
 * rows of numbers and of clips the preset may be another one. */
static int choose_for_data(struct training *t, struct err *e)
{
    const bool rows = kind_is_rows(dataset_kind(t->data));
    const unsigned takes = rows ? TAKES_ROWS : dataset_plays(t->data) ? TAKES_CLIPS : TAKES_PICTURES;
    if (!t->job.model)
        return choose_model(t, takes, e);
    if (takes == TAKES_PICTURES)
        return 0;
    chosen_free(&t->chosen);
    return choose(t, takes, e);
}

/* training_close whatever came of it. */
static int training_open(struct training *t, struct call *call, const engram_train_job *job)
{
    struct err *e = &call->err;
    t->hooks = &call->hooks;
    t->log = hooks_log(t->hooks);
    TRY(STRUCT_READ(engram_train_job, job, &t->job, e));
    if (t->job.model)
        TRY(choose(t, TAKES_PICTURES, e));
    if (!t->job.data == !t->job.source)
        return err_set(e, ERR_USAGE, "the job names %s to train on: of its members `data` and `source`, %s is NULL",
                       t->job.data ? "two data sets" : "no data", t->job.data ? "none" : "each");
    t->origin = (struct origin){.urls = &t->job.data, .n = 1, .source = t->job.source};
    TRY(origin_open(&t->origin, DATASET_LEARN, &t->log, &t->own, &t->data, e));
    return choose_for_data(t, e);
}

static void training_close(struct training *t)
{
    dataset_close(t->data);
    chosen_free(&t->chosen);
}

static int train(struct training *t, engram_train_summary *summary, struct err *e)
{
    struct train_result r;
    if (!t->job.output)
        return err_set(e, ERR_USAGE, "the job names no model file to write: its member `output` is NULL");
    const struct train_job job = inner_job(t);
    TRY(train_run(&job, &r, e));
    if (summary)
        STRUCT_WRITE(engram_train_summary, summary, .epochs = r.epochs, .kept_epoch = r.kept_epoch,
                     .stopped_early = r.stopped_early, .validation_loss = r.validation, .seconds = r.seconds,
                     .bytes = r.plan_bytes, .trained = (size_t)r.trained, .validated = (size_t)r.validated,
                     .calibrated = (size_t)r.calibrated);
    return 0;
}

int engram_train(const engram_train_job *job, const engram_hooks *hooks, engram_train_summary *summary,
                 engram_error *error)
{
    struct call call;
    struct training t = {0};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(job));
    if (code >= 0 && summary)
        code = STRUCT_CHECK(engram_train_summary, summary, &call.err);
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = training_open(&t, &call, job);
    if (code >= 0)
        code = train(&t, summary, &call.err);
    training_close(&t);
    return call_end(&call, code, error);
}

int engram_train_memory(const engram_train_job *job, size_t *bytes, engram_error *error)
{
    struct call call;
    struct training t = {0};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(job), GIVEN(bytes));
    if (code >= 0)
        code = training_open(&t, &call, job);
    if (code >= 0) {
        const struct train_job inner = inner_job(&t);
        code = train_memory(&inner, bytes, &call.err);
    }
    training_close(&t);
    return call_end(&call, code, error);
}
