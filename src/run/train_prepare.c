#include "run/train_parts.h"

#include "base/file.h"
#include "base/rng.h"
#include "run/rate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_MIN = 4,        /* two to train on, one for each held-out share */
    SCORE_BATCH = 32,       /* of the held-out shares: small, for memory */
    TEXT_MAX = 16 << 10,    /* of the data's summary */
    USUAL_MAX = 200,        /* samples that say what is usual, */
    USUAL_VALUES = 1 << 24, /* and values of their maps, unless that were fewer than USUAL_MIN: saving stays cheap */
    USUAL_MIN = 19,
};

/* ---- the sample ---- */

static int choose_input(struct trainer *t, struct err *e)
{
    struct wishes w;
    TRY(train_wishes(t->job->train, &w, e));
    TRY(dataset_fit(t->job->data, SPLIT_TRAIN, &w, &t->about.arena, &t->about.input, e));
    const struct preprocess view = preprocess_view(&t->about.input);
    if (t->job->model->settle)
        t->job->model->settle(t->about.config, &view.sample);
    return t->job->model->check(t->about.config, &view.sample, e);
}

/* ---- the files ---- */

/* Tries the place of the output before hours are spent: its folder must be there and writable. */
static int check_output(struct trainer *t, struct err *e)
{
    const struct train_job *job = t->job;
    struct file_out probe;
    if (file_kind(t->state_path) == FILE_REGULAR && !job->resume && !job->force)
        return err_set(e, ERR_IO,
                       "%s is the state of an unfinished training of %s; go on with --resume, or begin anew "
                       "with --force",
                       t->state_path, t->output);
    if (job->resume && file_kind(t->state_path) != FILE_REGULAR)
        return err_set(e, ERR_IO,
                       "there is no training state %s to go on from: that training is complete or was never "
                       "begun; leave --resume away to train anew",
                       t->state_path);
    TRY(file_create(&probe, t->output, job->force || job->resume, e));
    file_abandon(&probe);
    return 0;
}

static int name_files(struct trainer *t, struct err *e)
{
    t->output = strdup(t->job->output);
    if (!t->output || asprintf(&t->state_path, "%s.train", t->job->output) < 0) {
        t->state_path = NULL;
        return err_memory(e, "file names");
    }
    if (file_kind(t->output) == FILE_OTHER)
        return err_set(
            e, ERR_IO,
            "%s is a pipe or a device, and training writes its model several times, whole; give the name of a "
            "file",
            t->output);
    TRY(file_lock(&t->lock, t->output, e));
    return check_output(t, e);
}

/* ---- the data ---- */

/* Lines of the summary go to the user and into the file. */
struct summary {
    const struct log *log;
    char *text;
    size_t used;
};

static void summary_line(void *user, enum log_level level, const char *text)
{
    struct summary *s = user;
    log_line(s->log, level, "%s", text);
    int n = snprintf(s->text + s->used, TEXT_MAX - s->used, "%s%s", s->used ? "\n" : "", text);
    if (n > 0 && s->used + (size_t)n < TEXT_MAX)
        s->used += (size_t)n;
    s->text[s->used] = 0;
}

static int check_data(struct trainer *t, struct err *e)
{
    const struct train_job *job = t->job;
    struct dataset_needs needs = {
        .at_least = SAMPLES_MIN,
        .input = &t->about.input,
        .memory = (size_t)job->train->cache << 20,
        .threads = t->threads,
        .should_stop = job->should_stop,
        .user = job->user,
    };
    TRY(dataset_check(job->data, SPLIT_TRAIN, &needs, job->log, e));
    struct summary s = {.log = job->log, .text = arena_alloc(&t->about.arena, TEXT_MAX)};
    if (!s.text)
        return err_memory(e, "the data's summary");
    TRY(dataset_summary(job->data, &(struct log){summary_line, &s}, e));
    t->about.data_summary = s.text;
    return dataset_cut(job->data, SPLIT_TRAIN, &t->about.input, e);
}

/* How many samples say what is usual: few, where each is searched for. */
static size_t usual_count(const struct trainer *t)
{
    size_t bound = t->forward.search ? 0 : USUAL_VALUES / t->forward.map_values, there = t->samples[SHARE_TRAIN];
    bound = bound < USUAL_MIN ? USUAL_MIN : bound > USUAL_MAX ? USUAL_MAX : bound;
    return bound < there ? bound : there;
}

/* Some of those that are trained on, evenly spread over them. */
static int open_usual(struct trainer *t, bool decoding, struct err *e)
{
    const struct loader_options o = {
        .batch = (size_t)t->forward.batch, .input = &t->about.input, .ahead = 1, .threads = decoding ? t->threads : 1};
    size_t n = usual_count(t);
    size_t *samples = malloc(n * sizeof *samples);
    if (!samples)
        return err_memory(e, "the samples that say what is usual");
    for (size_t i = 0; i < n; i++)
        samples[i] = t->order[i * t->samples[SHARE_TRAIN] / n];
    int code = loader_new(t->job->data, SPLIT_TRAIN, samples, n, &o, &t->usual, e);
    free(samples);
    return code;
}

static int open_loaders(struct trainer *t, size_t batch, struct err *e)
{
    const struct train_config *c = t->job->train;
    size_t at = 0, all = dataset_count(t->job->data, SPLIT_TRAIN) * preprocess_bytes(&t->about.input);
    /* What dataset_check could not keep in memory is decoded again and again: work for more than one thread. */
    bool decoding = all > (size_t)c->cache << 20;
    for (int s = 0; s < SHARES; s++) {
        bool train = s == SHARE_TRAIN;
        struct loader_options o = {
            .batch = train ? batch : (size_t)t->forward.batch,
            .input = &t->about.input,
            .shuffled = train,
            .seed = (uint64_t)c->seed,
            .augment = train ? c->augment : (struct augment){0},
            .truth = train && t->heads.truth,
            .made = c->made,
            .ahead = train ? 0 : 1,
            .threads = decoding ? t->threads : 1,
        };
        if (t->samples[s])
            TRY(loader_new(t->job->data, SPLIT_TRAIN, t->order + at, t->samples[s], &o, &t->loaders[s], e));
        at += t->samples[s];
    }
    return t->collector ? open_usual(t, decoding, e) : 0;
}

/* ---- the model ---- */

static int build_graphs(struct trainer *t, int batch, struct err *e)
{
    const struct train_job *job = t->job;
    const struct preprocess view = preprocess_view(&t->about.input);
    enum dtype precision = precision_choose(job->train->precision, job->log);
    /* The file says which precision the calibration stands for. */
    t->about.train.precision = precision == BF16 ? PRECISION_BF16 : PRECISION_F32;
    t->params = params_new();
    if (!t->params)
        return err_memory(e, "the parameters");
    if (!job->model->fitted) {
        t->graph = graph_new(GRAPH_TRAIN, precision, t->params);
        if (!t->graph)
            return err_memory(e, "a graph");
        job->model->build(t->graph, t->about.config, shape_with_batch(&view.sample, batch), &t->heads);
        TRY(graph_error(t->graph, e));
    }
    struct forward_spec spec = {
        .model = job->model,
        .config = t->about.config,
        .params = t->params,
        .sample = t->about.input.sample,
        .input = &t->about.input,
        .batch = batch < SCORE_BATCH ? batch : SCORE_BATCH,
        .threads = t->threads,
        .precision = precision,
        .seed = (uint64_t)job->train->seed,
        .map = true,
    };
    TRY(forward_build(&t->forward, &spec, e));
    if (!t->forward.maps || dataset_plays(job->data))
        t->about.train.score = BY_MODEL; /* there is nothing else; or nothing better (stats/usual.md) */
    return 0;
}

static struct plan_spec training_spec(const struct trainer *t, struct node *outputs[WATCHES])
{
    for (int i = 0; i < t->heads.nwatches; i++)
        outputs[i] = t->heads.watches[i].value;
    return (struct plan_spec){
        .graph = t->graph,
        .outputs = outputs,
        .noutputs = t->heads.nwatches,
        .objectives = t->heads.objectives,
        .nobjectives = t->heads.nobjectives,
        .threads = t->threads,
        .seed = (uint64_t)t->job->train->seed,
    };
}

static int plan_training(struct trainer *t, int batch, struct err *e)
{
    const struct train_config *c = t->job->train;
    struct node *outputs[WATCHES];
    const struct plan_spec spec = training_spec(t, outputs);
    TRY(plan_new(&spec, &t->plan, e));
    t->update = (struct update){
        .plan = t->plan,
        .params = t->params,
        .heads = &t->heads,
        .adam = {.beta1 = (float)c->beta1, .beta2 = (float)c->beta2, .eps = 1e-8f, .decay = (float)c->weight_decay},
        .seed = (uint64_t)c->seed,
        .threads = t->threads};
    if (!graph_has_noise(t->graph))
        return 0;
    t->identities = calloc((size_t)batch, sizeof *t->identities);
    plan_samples(t->plan, t->identities);
    return t->identities ? 0 : err_memory(e, "what noise is drawn from");
}

/* Held-out videos are judged frame by frame, as they will be. */
static int make_frames(struct trainer *t, struct err *e)
{
    const struct frames_spec spec = {.about = &t->about,
                                     .forward = &t->forward,
                                     .judge = t->judge,
                                     .hop = frames_hop(&t->forward, &t->about.input),
                                     .keep_maps = true};
    return frames_new(&spec, &t->frames, e);
}

static int make_calibrators(struct trainer *t, struct err *e)
{
    const struct shape map = model_file_map(&t->about);
    size_t held = (size_t)t->about.calibrated, height = (size_t)map.d[0], width = (size_t)map.d[1];
    bool usual = t->forward.maps && !t->job->model->fitted; /* a memory of normal pictures is itself what is usual */
    bool done = (t->calibrator = calibrator_new(held, t->forward.maps)) != NULL;
    if (usual)
        done = done && (t->map_calibrator = calibrator_new(held, true)) &&
               (t->collector = usual_collector_new(height, width, t->about.input.roi)) &&
               (t->map = malloc(t->forward.map_values * sizeof *t->map));
    if (!done)
        return err_memory(e, "the calibration");
    calibrator_region(t->calibrator, t->about.input.roi);
    if (t->map_calibrator)
        calibrator_region(t->map_calibrator, t->about.input.roi);
    if (usual)
        TRY(judge_new(&t->about, t->forward.map_values, &t->judge, e));
    return dataset_plays(t->job->data) ? make_frames(t, e) : 0;
}

static int make_plans(struct trainer *t, int batch, struct err *e)
{
    const struct model *m = t->job->model;
    TRY(params_allocate(t->params, (uint64_t)t->job->train->seed, !m->fitted, e));
    if (m->take)
        TRY(m->take(t->about.config, &t->weights, t->params, e));
    if (!m->fitted)
        TRY(plan_training(t, batch, e));
    TRY(forward_plan(&t->forward, e));
    TRY(make_calibrators(t, e));
    for (int g = 0; g < GROUP_COUNT; g++)
        if (!(t->kept[g] = calloc(t->params->size[g] + 1, sizeof(float))))
            return err_memory(e, "the weights to keep");
    return 0;
}

static int prepare_curve(struct trainer *t, struct err *e)
{
    struct curve *c = &t->about.curve;
    c->nlosses = t->heads.nobjectives;
    c->nwatches = t->heads.nwatches;
    for (int i = 0; i < c->nlosses; i++)
        c->loss_names[i] = t->heads.objectives[i].name;
    for (int i = 0; i < c->nwatches; i++)
        c->watch_names[i] = t->heads.watches[i].name;
    c->rows = arena_alloc(&t->about.arena, (size_t)t->epochs * sizeof *c->rows);
    return c->rows ? 0 : err_memory(e, "the training curve");
}

/* ---- all of it ---- */

/* What is asked of a model must be in its nature. */
static int check_fit(const struct train_job *job, struct err *e)
{
    const struct model *m = job->model;
    if (!m->fitted && job->train->folds)
        return err_set(
            e, ERR_USAGE,
            "option folds (%lld) would train %s as often: it is for models that are fitted in seconds; leave "
            "it at 0",
            (long long)job->train->folds, m->name);
    if (m->fitted && job->train->score == BY_MAP)
        return err_set(
            e, ERR_USAGE,
            "model %s is a memory of what is usual, and its own score stands on its map already: leave score "
            "at model",
            m->name);
    if (m->fitted && job->train->folds == 1)
        return err_set(e, ERR_USAGE, "option folds takes 0, or at least 2: what is left of one part is nothing");
    return 0;
}

/* The weights of others that a model begins with, and what its options learn from them. */
static int open_weights(struct trainer *t, struct err *e)
{
    const struct model *m = t->job->model;
    struct weights_place place;
    if (!m->weights)
        return 0;
    m->weights(t->about.config, &place);
    TRY(pretrained_open(&place, &t->weights, e));
    return m->recognise(t->about.config, &t->weights, e);
}

/* What a job says by itself. */
static int begin(struct trainer *t, const struct train_job *job, struct err *e)
{
    t->job = job;
    t->threads = threads_choose(job->train->threads);
    t->at.best = t->validation = NAN;
    t->about.model = job->model;
    t->about.train = *job->train;
    t->about.date = job->date ? job->date : "";
    t->about.data = job->data_name;
    t->about.config = arena_alloc(&t->about.arena, job->model->config_bytes);
    if (!t->about.config)
        return err_memory(e, "the model's options");
    memcpy(t->about.config, job->config, job->model->config_bytes);
    TRY(train_config_check(job->train, e));
    TRY(check_fit(job, e));
    return open_weights(t, e);
}

/* As many rows as asked for, or as there are. */
static int choose_batch(const struct trainer *t, int *batch, struct err *e)
{
    size_t wish = (size_t)t->job->train->batch, there = t->samples[SHARE_TRAIN];
    if (t->about.input.tile) {
        struct tiling *tiling;
        TRY(tiling_new(&t->about.input, &tiling, e));
        there *= tiling->n;
        tiling_free(tiling);
    }
    *batch = (int)(wish < there ? wish : there);
    return 0;
}

static int measure(struct trainer *t, size_t *bytes, struct err *e)
{
    struct node *outputs[WATCHES];
    size_t held_out;
    int batch;
    TRY(choose_input(t, e));
    TRY(train_draw_shares(t, e));
    TRY(choose_batch(t, &batch, e));
    TRY(build_graphs(t, batch, e));
    const struct plan_spec spec = training_spec(t, outputs);
    if (!t->job->model->fitted)
        TRY(plan_measure(&spec, bytes, e));
    TRY(forward_measure(&t->forward, &held_out, e));
    *bytes += held_out;
    return 0;
}

int train_memory(const struct train_job *job, size_t *bytes, struct err *e)
{
    struct trainer t = {0};
    size_t found = 0;
    int code = begin(&t, job, e);
    if (!code)
        code = measure(&t, &found, e);
    train_end(&t);
    if (!code)
        *bytes = found;
    return code;
}

int train_prepare(struct trainer *t, const struct train_job *job, struct err *e)
{
    int batch;
    TRY(begin(t, job, e));
    TRY(name_files(t, e));
    TRY(choose_input(t, e));
    TRY(check_data(t, e));
    TRY(train_draw_shares(t, e));
    t->at.data = dataset_fingerprint(job->data, SPLIT_TRAIN);
    TRY(choose_batch(t, &batch, e));
    TRY(build_graphs(t, batch, e));
    TRY(t->stretches ? train_hold_clips(t, e) : 0);
    TRY(make_plans(t, batch, e));
    if (!job->model->fitted) {
        TRY(open_loaders(t, (size_t)batch, e));
        t->epochs = rate_epochs(job->train, (int64_t)loader_steps(t->loaders[SHARE_TRAIN]));
        TRY(prepare_curve(t, e));
    }
    train_announce(t, (size_t)batch);
    if (job->resume)
        TRY(train_resume(t, e));
    return 0;
}

void train_end(struct trainer *t)
{
    for (int s = 0; s < SHARES; s++)
        loader_free(t->loaders[s]);
    loader_free(t->usual);
    frames_free(t->frames);
    calibrator_free(t->calibrator);
    calibrator_free(t->map_calibrator);
    usual_collector_free(t->collector);
    free(t->map);
    judge_free(t->judge);
    forward_free(&t->forward);
    plan_free(t->plan);
    graph_free(t->graph);
    params_free(t->params);
    pretrained_close(&t->weights);
    for (int g = 0; g < GROUP_COUNT; g++)
        free(t->kept[g]);
    free(t->identities);
    free(t->order);
    train_stretches_free(t->stretches);
    free(t->stretch_begins);
    file_unlock(&t->lock);
    free(t->output);
    free(t->state_path);
    model_file_free(&t->about);
}
