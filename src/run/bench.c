#include "run/bench.h"

#include "base/clock.h"
#include "base/rng.h"
#include "nn/op.h"
#include "run/forward.h"
#include "run/update.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_SIDE = 256, DEFAULT_CHANNELS = 3, WARM_UP = 2 };

/* What is timed: training, or scoring as scorers do it. */
struct bench {
    const struct bench_job *job;
    void *config; /* the job's, settled for the sample */
    struct shape sample;
    struct params *params;
    struct graph *graph; /* training */
    struct heads heads;
    struct plan *plan;
    struct update update;
    struct forward forward; /* scoring */
    float *samples, *input; /* random data, and where the plan reads it */
    float *truth;           /* and where made defects are: nowhere; NULL: the model does not ask */
    size_t input_bytes, truth_bytes;
    uint64_t steps;
};

/* ---- building ---- */

static int settle(struct bench *b, struct err *e)
{
    const struct model *m = b->job->model;
    if (m->settle)
        m->settle(b->config, &b->sample);
    return m->check(b->config, &b->sample, e);
}

static int choose_sample(struct bench *b, struct err *e)
{
    const struct train_config *c = b->job->train;
    int height, width;
    if (b->job->columns) {
        if (b->job->columns < 0 || b->job->columns > PREPROCESS_SIDE_MAX)
            return err_set(e, ERR_USAGE, "a row has 1 to %d columns, not %lld", PREPROCESS_SIDE_MAX,
                           (long long)b->job->columns);
        b->sample = SHAPE(b->job->columns);
        return settle(b, e);
    }
    TRY(train_size_parse(c->size, &height, &width, e));
    height = height ? height : DEFAULT_SIDE;
    width = width ? width : DEFAULT_SIDE;
    int64_t channels = c->channels ? c->channels : DEFAULT_CHANNELS;
    b->sample = c->frames ? SHAPE(c->frames, height, width, channels) : SHAPE(height, width, channels);
    return settle(b, e);
}

static int build_training(struct bench *b, struct bench_result *r, struct err *e)
{
    const struct train_config *c = b->job->train;
    if (b->job->model->fitted)
        return err_set(e, ERR_USAGE, "model %s is fitted and has no training steps to measure; measure scoring",
                       b->job->model->name);
    b->graph = graph_new(GRAPH_TRAIN, r->precision, b->params);
    if (!b->graph)
        return err_memory(e, "a graph");
    b->job->model->build(b->graph, b->config, shape_with_batch(&b->sample, r->batch), &b->heads);
    TRY(graph_error(b->graph, e));
    TRY(params_allocate(b->params, (uint64_t)c->seed, true, e));
    struct plan_spec spec = {.graph = b->graph,
                             .objectives = b->heads.objectives,
                             .nobjectives = b->heads.nobjectives,
                             .threads = r->threads};
    TRY(plan_new(&spec, &b->plan, e));
    b->update =
        (struct update){.plan = b->plan,
                        .params = b->params,
                        .heads = &b->heads,
                        .adam = {.lr = (float)c->lr, .beta1 = (float)c->beta1, .beta2 = (float)c->beta2, .eps = 1e-8f},
                        .seed = (uint64_t)c->seed,
                        .threads = r->threads};
    b->input = plan_data(b->plan, b->heads.input);
    if (b->heads.truth) {
        b->truth = plan_data(b->plan, b->heads.truth);
        b->truth_bytes = (size_t)shape_count(&b->heads.truth->shape) * sizeof(float);
    }
    r->bytes = plan_bytes(b->plan);
    return 0;
}

static int build_scoring(struct bench *b, struct bench_result *r, struct err *e)
{
    struct forward_spec spec = {.model = b->job->model,
                                .config = b->config,
                                .params = b->params,
                                .sample = b->sample,
                                .batch = r->batch,
                                .threads = r->threads,
                                .precision = r->precision};
    TRY(forward_build(&b->forward, &spec, e));
    TRY(params_allocate(b->params, (uint64_t)b->job->train->seed, false, e));
    TRY(forward_plan(&b->forward, e));
    b->input = b->forward.input;
    r->bytes = plan_bytes(b->forward.plan);
    return 0;
}

static int build(struct bench *b, struct bench_result *r, struct err *e)
{
    TRY(choose_sample(b, e));
    b->params = params_new();
    b->input_bytes = (size_t)(shape_count(&b->sample) * r->batch) * sizeof(float);
    b->samples = malloc(b->input_bytes);
    if (!b->params || !b->samples)
        return err_memory(e, "a measurement");
    struct rng random = rng_new(1, 0);
    for (size_t i = 0; i < b->input_bytes / sizeof(float); i++)
        b->samples[i] = 2 * rng_uniform(&random) - 1;
    return b->job->training ? build_training(b, r, e) : build_scoring(b, r, e);
}

static void end(struct bench *b)
{
    forward_free(&b->forward);
    plan_free(b->plan);
    graph_free(b->graph);
    params_free(b->params);
    free(b->samples);
    free(b->config);
}

/* ---- running ---- */

/* One step, and how long it took; a plan uses its input's memory again, so the input is set each time, as it is in
 * earnest. */
static int step(struct bench *b, const struct bench_result *r, double *ms, struct err *e)
{
    const struct bench_job *job = b->job;
    double loss[OBJECTIVES];
    if (job->should_stop && job->should_stop(job->user))
        return err_set(e, ERR_STOPPED, "the measurement was stopped after %llu steps", (unsigned long long)b->steps);
    double start = 1e3 * clock_seconds();
    memcpy(b->input, b->samples, b->input_bytes);
    if (b->truth)
        memset(b->truth, 0, b->truth_bytes);
    if (b->job->training)
        update_step(&b->update, b->steps, loss);
    else
        forward_run(&b->forward, r->batch);
    b->steps++;
    *ms = 1e3 * clock_seconds() - start;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts them. */
static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int time_steps(struct bench *b, struct bench_result *r, struct err *e)
{
    size_t n = (size_t)b->job->repeat;
    double *ms = malloc(n * sizeof *ms);
    int code = ms ? 0 : err_memory(e, "a measurement");
    for (int i = 0; i < WARM_UP && code >= 0; i++)
        code = step(b, r, ms, e);
    for (size_t i = 0; i < n && code >= 0; i++)
        code = step(b, r, &ms[i], e);
    if (code >= 0)
        r->ms = median(ms, n);
    free(ms);
    return code;
}

/* ---- the profile: medians too, since one step that was interrupted would spoil a mean ---- */

struct profile {
    const struct bench_job *job;
    size_t repeat, nodes, step;             /* nodes: counted as they come by */
    double *forward, *backward, *optimiser; /* [node][step]; the last [step] */
    double flops;
};

static void count_node(void *user, const struct plan_timing *t)
{
    struct profile *p = user;
    p->nodes++;
    p->flops += t->flops + t->backward_flops;
}

static void note_node(void *user, const struct plan_timing *t)
{
    struct profile *p = user;
    p->forward[p->nodes * p->repeat + p->step] = t->forward_ms;
    p->backward[p->nodes * p->repeat + p->step] = t->backward_ms;
    p->nodes++;
}

static void tell_node(void *user, const struct plan_timing *t)
{
    struct profile *p = user;
    size_t at = p->nodes++ * p->repeat;
    const struct bench_node n = {.name = t->node->name,
                                 .op = t->node->op->name,
                                 .forward_ms = median(p->forward + at, p->repeat),
                                 .backward_ms = median(p->backward + at, p->repeat),
                                 .forward_flops = t->flops,
                                 .backward_flops = t->backward_flops,
                                 .bytes = t->bytes};
    p->job->node(p->job->user, &n);
}

static int profile_steps(struct bench *b, const struct bench_result *r, struct plan *plan, struct profile *p,
                         struct err *e)
{
    double ms;
    for (p->step = 0; p->step < p->repeat; p->step++) {
        TRY(plan_profile_start(plan, e));
        b->update.optimiser_seconds = 0;
        TRY(step(b, r, &ms, e));
        p->optimiser[p->step] = 1e3 * b->update.optimiser_seconds;
        p->nodes = 0;
        plan_profile(plan, note_node, p);
    }
    p->nodes = 0;
    plan_profile(plan, tell_node, p);
    const struct bench_node adam = {.name = "", .op = "adam", .backward_ms = median(p->optimiser, p->repeat)};
    if (b->job->training)
        b->job->node(b->job->user, &adam);
    return 0;
}

static int profile(struct bench *b, struct bench_result *r, struct err *e)
{
    struct profile p = {.job = b->job, .repeat = (size_t)b->job->repeat};
    struct plan *plan = b->job->training ? b->plan : b->forward.plan;
    TRY(plan_profile_start(plan, e));
    plan_profile(plan, count_node, &p);
    r->flops = p.flops;
    if (!b->job->node)
        return 0;
    double *room = calloc((2 * p.nodes + 1) * p.repeat, sizeof *room);
    if (!room)
        return err_memory(e, "a profile");
    p.forward = room;
    p.backward = room + p.nodes * p.repeat;
    p.optimiser = room + 2 * p.nodes * p.repeat;
    int code = profile_steps(b, r, plan, &p, e);
    free(room);
    return code;
}

static size_t count_parameters(const struct params *ps)
{
    size_t n = 0;
    for (const struct param *p = ps->first; p; p = p->next)
        n += p->group == GROUP_STATE ? 0 : p->count;
    return n;
}

int bench_run(const struct bench_job *job, struct bench_result *result, struct err *e)
{
    struct bench b = {.job = job};
    TRY(train_config_check(job->train, e));
    b.config = malloc(job->model->config_bytes);
    if (!b.config)
        return err_memory(e, "a measurement");
    memcpy(b.config, job->config, job->model->config_bytes);
    *result = (struct bench_result){.batch = (int)job->train->batch, .threads = threads_choose(job->train->threads)};
    result->precision = precision_choose(job->train->precision, NULL);
    int code = build(&b, result, e);
    if (code >= 0)
        code = time_steps(&b, result, e);
    if (code >= 0)
        code = profile(&b, result, e);
    if (code >= 0)
        result->parameters = count_parameters(b.params);
    end(&b);
    return code;
}
