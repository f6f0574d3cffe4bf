#include "run/add.h"

#include "base/clock.h"
#include "base/file.h"
#include "nn/parallel.h"
#include "run/fit_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model as it was, and the trainer that has more: its options, parameters and forward are the enlarged ones. */
struct adding {
    const struct add_job *job;
    struct trainer t;
    struct train_job asked; /* of the trainer */
    struct fitting f;
    struct params *old;
    size_t learnt, held;
    int64_t folds;
};

static void adding_end(struct adding *a)
{
    fitting_end(&a->f);
    params_free(a->old);
    train_end(&a->t);
}

/* ---- the model as it was ---- */

static struct forward_spec spec_of(const struct adding *a)
{
    enum { BATCH_MOST = 32 };
    const struct trainer *t = &a->t;
    const int64_t batch = t->about.train.batch;
    return (struct forward_spec){.model = t->about.model,
                                 .config = t->about.config,
                                 .params = t->params,
                                 .sample = t->about.input.sample,
                                 .input = &t->about.input,
                                 .batch = batch < BATCH_MOST ? (int)batch : BATCH_MOST,
                                 .threads = t->threads,
                                 .precision = precision_choose(t->about.train.precision, a->job->log),
                                 .seed = (uint64_t)t->about.train.seed,
                                 .map = true};
}

static int check_steps(const struct adding *a, struct err *e)
{
    const struct heads *h = &a->t.forward.heads;
    bool all = h->nfits > 0;
    for (int k = 0; k < h->nfits; k++)
        all &= h->fits[k].once || h->fits[k].add;
    if (all)
        return 0;
    return err_set(e, ERR_USAGE,
                   "%s is a model (%s%s) that nothing can be added to: it is %s; train it anew on the old and the new "
                   "samples together",
                   a->job->model, a->t.about.model->name, h->nfits ? " with these options" : "",
                   h->nfits ? "not made of samples that others could stand beside" : "trained in epochs");
}

/* Declares the parameters, and fills them from the file. */
static int read_model(struct adding *a, struct err *e)
{
    struct trainer *t = &a->t;
    struct model_reader *file = NULL;
    TRY(model_file_open(a->job->model, &t->about, &file, e));
    t->params = params_new();
    const struct forward_spec spec = spec_of(a);
    int code = t->params ? forward_build(&t->forward, &spec, e) : err_memory(e, "the parameters");
    if (!code)
        code = check_steps(a, e);
    if (!code)
        code = model_file_read(file, t->params, e);
    model_file_close(file);
    return code;
}

/* ---- the samples ---- */

static int check_data(struct adding *a, struct err *e)
{
    struct trainer *t = &a->t;
    const struct add_job *job = a->job;
    const struct kind *kind = dataset_kind(job->data);
    if (kind != t->about.input.kind)
        return err_set(e, ERR_USAGE, "the data are %s, but %s was made for %s", kind_samples(kind), job->model,
                       kind_samples(t->about.input.kind));
    const struct dataset_needs needs = {.at_least = 1,
                                        .input = &t->about.input,
                                        .memory = (size_t)t->about.train.cache << 20,
                                        .threads = t->threads,
                                        .should_stop = job->should_stop,
                                        .user = job->user};
    return dataset_check(job->data, SPLIT_TRAIN, &needs, job->log, e);
}

/* Which of the new samples are learnt, and which held out behind them. */
static int draw_samples(struct adding *a, struct err *e)
{
    struct trainer *t = &a->t;
    const struct train_config *c = &t->about.train;
    const size_t n = dataset_count(a->job->data, SPLIT_TRAIN);
    struct rng r = rng_new((uint64_t)c->seed, rng_stream("added"));
    t->order = malloc(n * sizeof *t->order);
    if (!t->order)
        return err_memory(e, "the order of the samples");
    rng_permutation(&r, t->order, n);
    a->held = c->folds ? 0 : (size_t)llround(c->calibration * (double)n);
    a->learnt = n - a->held;
    a->folds = c->folds < (int64_t)a->learnt ? c->folds : (int64_t)a->learnt;
    t->calibrator = calibrator_new(n, t->forward.maps);
    if (!t->calibrator)
        return err_memory(e, "the calibration");
    calibrator_region(t->calibrator, t->about.input.roi);
    return fit_draw_folds(&a->f, a->learnt, a->folds, e);
}

/* ---- more of it ---- */

static int each_step(struct adding *a, int64_t fold, bool growing, struct err *e)
{
    struct trainer *t = &a->t;
    const struct heads *h = &t->forward.heads;
    int code = 0;
    for (int k = 0; k < h->nfits && !code; k++) {
        const struct fit_step *step = &h->fits[k];
        struct fit_rows rows;
        if (step->once || (growing && !step->grow))
            continue;
        TRY(fit_rows_without(&a->f, k, fold, &rows, e));
        unsigned before = parallel_begin(t->threads);
        code = growing ? step->grow(t->about.config, &rows, a->old, e)
                       : step->add(t->about.config, &rows, a->old, t->params, e);
        parallel_end(before);
    }
    if (!growing)
        params_changed(t->params);
    return code;
}

/* What no step changes. */
static void keep_parameters(const struct params *from, struct params *to)
{
    for (const struct param *p = from->first; p; p = p->next) {
        struct param *same = params_find(to, p->name);
        if (same && shape_equal(&same->shape, &p->shape))
            memcpy(same->value, p->value, p->count * sizeof *p->value);
    }
}

/* From here on the trainer is the larger one. */
static int enlarge(struct adding *a, struct err *e)
{
    struct trainer *t = &a->t;
    a->old = t->params;
    t->params = NULL;
    TRY(each_step(a, NO_FOLD, true, e));
    forward_free(&t->forward);
    t->params = params_new();
    if (!t->params)
        return err_memory(e, "the parameters");
    const struct forward_spec spec = spec_of(a);
    TRY(forward_build(&t->forward, &spec, e));
    TRY(params_allocate(t->params, 0, false, e));
    keep_parameters(a->old, t->params);
    return forward_plan(&t->forward, e);
}

static int gather(struct adding *a, struct err *e)
{
    const struct heads *h = &a->t.forward.heads;
    for (int k = 0; k < h->nfits; k++)
        if (!h->fits[k].once)
            TRY(fit_gather(&a->f, k, a->learnt, e));
    return 0;
}

static int calibrate_held(struct adding *a, struct err *e)
{
    size_t *samples = malloc((a->held + 1) * sizeof *samples);
    if (!samples)
        return err_memory(e, "the held-out samples");
    for (size_t i = 0; i < a->held; i++)
        samples[i] = a->learnt + i;
    int code = fit_calibrate(&a->f, samples, a->held, e);
    free(samples);
    return code;
}

static int add_samples(struct adding *a, struct err *e)
{
    a->f.total = (int64_t)(a->learnt * 2 + a->held);
    TRY(gather(a, e));
    TRY(enlarge(a, e));
    for (int64_t k = 0; k < a->folds; k++) {
        TRY(each_step(a, k, false, e));
        TRY(fit_calibrate_fold(&a->f, k, a->learnt, e));
    }
    TRY(each_step(a, NO_FOLD, false, e));
    return calibrate_held(a, e);
}

/* ---- the file ---- */

/* Two ascending lists as one, in the arena. */
static int merge(struct arena *arena, float **list, size_t n, const float *more, size_t m, struct err *e)
{
    float *all = arena_alloc(arena, (n + m + 1) * sizeof *all);
    if (!all)
        return err_memory(e, "the calibration");
    for (size_t i = 0, k = 0; i + k < n + m;) {
        bool old = k == m || (i < n && (*list)[i] <= more[k]);
        all[i + k] = old ? (*list)[i] : more[k];
        i += old;
        k += !old;
    }
    *list = all;
    return 0;
}

static int describe(struct adding *a, struct err *e)
{
    struct model_file *c = &a->t.about;
    struct calibration *now = &c->calibration, more;
    char *text;
    calibrator_finish(a->t.calibrator, &more);
    if (now->n == 0) { /* nothing was calibrated: all that there is, is new */
        now->map_low = more.map_low;
        now->map_high = more.map_high;
    }
    TRY(merge(&c->arena, &now->scores, now->n, more.scores, more.n, e));
    if (more.peaks)
        TRY(merge(&c->arena, &now->peaks, now->peaks ? now->n : 0, more.peaks, more.n, e));
    now->n += more.n;
    c->trained += (int64_t)a->learnt;
    c->calibrated += (int64_t)more.n;
    if (asprintf(&text, "%s%sadded: %zu samples of %s", c->data_summary, *c->data_summary ? "\n" : "",
                 a->learnt + a->held, a->job->data_name) < 0)
        return err_memory(e, "the data's summary");
    c->data_summary = arena_string(&c->arena, text);
    free(text);
    return c->data_summary ? 0 : err_memory(e, "the data's summary");
}

/* Tries the place of the output before anything is computed. */
static int check_output(const struct add_job *job, struct err *e)
{
    struct file_out probe;
    TRY(file_create(&probe, job->output, job->force, e));
    file_abandon(&probe);
    return 0;
}

static int add(struct adding *a, struct err *e)
{
    struct trainer *t = &a->t;
    const struct add_job *job = a->job;
    TRY(check_output(job, e));
    TRY(file_lock(&t->lock, job->output, e));
    TRY(read_model(a, e));
    a->asked.train = &t->about.train;
    TRY(check_data(a, e));
    TRY(draw_samples(a, e));
    TRY(add_samples(a, e));
    TRY(describe(a, e));
    return model_file_write(job->output, job->force, &t->about, t->params, e);
}

int add_run(const struct add_job *job, struct add_result *result, struct err *e)
{
    struct adding a = {.job = job};
    a.asked = (struct train_job){.data = job->data,
                                 .log = job->log,
                                 .user = job->user,
                                 .progress = job->progress,
                                 .should_stop = job->should_stop};
    a.t.job = &a.asked;
    a.t.threads = threads_choose(job->threads);
    a.t.started = clock_seconds();
    a.f.t = &a.t;
    int code = add(&a, e);
    if (!code)
        *result = (struct add_result){.added = (int64_t)a.learnt,
                                      .calibrated = (int64_t)(a.folds ? a.learnt : a.held),
                                      .trained = a.t.about.trained,
                                      .seconds = clock_seconds() - a.t.started};
    adding_end(&a);
    return code;
}
