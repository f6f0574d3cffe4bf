#include "run/forward.h"

#include "base/log.h"
#include "base/rng.h"
#include "nn/dnn.h"
#include "nn/op.h"
#include "file/train_config.h"
#include "run/search.h"

#include <stdlib.h>
#include <string.h>

int forward_build(struct forward *f, const struct forward_spec *spec, struct err *e)
{
    *f = (struct forward){.batch = spec->batch, .threads = spec->threads, .seed = spec->seed};
    f->graph = graph_new(GRAPH_SCORE, spec->precision, spec->params);
    if (!f->graph)
        return err_memory(e, "a graph");
    spec->model->build(f->graph, spec->config, shape_with_batch(&spec->sample, spec->batch), &f->heads);
    TRY(graph_error(f->graph, e));
    f->sample_values = (size_t)shape_count(&spec->sample);
    f->maps = spec->map && f->heads.map;
    f->map_values = f->heads.map ? (size_t)shape_count(&f->heads.map->shape) / (size_t)spec->batch : 0;
    f->reconstructions = spec->reconstruction && f->heads.output;
    f->attentions = spec->attention && f->heads.nmemories;
    return 0;
}

/* Making and waking threads takes as long as some 20 MFLOP: one small picture is faster on a single thread. */
static int threads_worth(const struct graph *g, int threads)
{
    static const double flops_a_thread = 2e7;
    double flops = 0;
    for (const struct node *n = g->first; n; n = n->next)
        if (n->op && !n->constant)
            flops += n->op->flops ? n->op->flops(n) : (double)shape_count(&n->shape);
    double worth = flops / flops_a_thread;
    return worth < threads ? (int)worth + 1 : threads;
}

/* Whose values are read after a run. A node that is not among them may have lost its memory to another by then. */
static int list_outputs(const struct forward *f, struct node **outputs)
{
    const struct heads *h = &f->heads;
    int n = 0;
    for (int i = 0; i < h->nscores; i++)
        outputs[n++] = h->scores[i].value;
    if (f->maps)
        outputs[n++] = h->map;
    if (f->reconstructions) {
        outputs[n++] = h->output;
        outputs[n++] = h->target;
    }
    for (int i = 0; f->attentions && i < h->nmemories; i++)
        outputs[n++] = h->memories[i].attention;
    if (h->refine.latent) { /* they are there again in every step of the search */
        outputs[n++] = h->input;
        outputs[n++] = h->refine.latent;
        outputs[n++] = h->refine.start;
    }
    return n;
}

/* What the plan's specification points to. */
struct wanted {
    struct node *outputs[SCORE_PARTS + MEMORIES + 6];
    struct objective search;
};

static struct plan_spec spec_of(const struct forward *f, struct wanted *w)
{
    const struct refine *r = &f->heads.refine;
    w->search = (struct objective){.name = "search", .loss = r->loss, .wrt = r->latent};
    return (struct plan_spec){.graph = f->graph,
                              .outputs = w->outputs,
                              .noutputs = list_outputs(f, w->outputs),
                              .objectives = &w->search,
                              .nobjectives = r->latent != NULL,
                              .threads = threads_worth(f->graph, f->threads),
                              .seed = f->seed};
}

int forward_measure(const struct forward *f, size_t *bytes, struct err *e)
{
    struct wanted wanted;
    const struct plan_spec spec = spec_of(f, &wanted);
    return plan_measure(&spec, bytes, e);
}

int forward_plan(struct forward *f, struct err *e)
{
    struct wanted wanted;
    const struct plan_spec spec = spec_of(f, &wanted);
    TRY(plan_new(&spec, &f->plan, e));
    f->input = plan_data(f->plan, f->heads.input);
    if (f->heads.refine.latent)
        TRY(search_new(&f->heads.refine, f->plan, spec.threads, &f->search, e));
    if (!graph_has_noise(f->graph))
        return 0;
    f->identities = calloc((size_t)f->batch, sizeof *f->identities);
    plan_samples(f->plan, f->identities);
    return f->identities ? 0 : err_memory(e, "what noise is drawn from");
}

void forward_free(struct forward *f)
{
    search_free(f->search);
    plan_free(f->plan);
    graph_free(f->graph);
    free(f->identities);
    *f = (struct forward){0};
}

/* What is drawn for a sample depends on what it is, and on nothing beside it. */
static void identify(const struct forward *f)
{
    for (int i = 0; i < f->batch; i++)
        f->identities[i] = rng_hash(f->input + (size_t)i * f->sample_values, f->sample_values * sizeof *f->input);
}

void forward_run(struct forward *f, int n)
{
    size_t used = (size_t)n * f->sample_values, all = (size_t)f->batch * f->sample_values;
    memset(f->input + used, 0, (all - used) * sizeof *f->input);
    if (f->identities)
        identify(f);
    if (f->search)
        search_run(f->search);
    else
        plan_forward(f->plan, 0);
}

/* Row i of a node's values, cut into batch rows. */
static const float *row(const struct forward *f, const struct node *n, int i)
{
    const float *data = plan_data(f->plan, n);
    return data + (size_t)i * ((size_t)shape_count(&n->shape) / (size_t)f->batch);
}

float forward_part(const struct forward *f, int i, int part)
{
    return *row(f, f->heads.scores[part].value, i);
}

float forward_score(const struct forward *f, int i)
{
    float sum = 0;
    for (int k = 0; k < f->heads.nscores; k++)
        sum += f->heads.scores[k].weight * forward_part(f, i, k);
    return sum;
}

const float *forward_map(const struct forward *f, int i)
{
    return f->maps ? row(f, f->heads.map, i) : NULL;
}

const float *forward_reconstruction(const struct forward *f, int i)
{
    return f->reconstructions ? row(f, f->heads.output, i) : NULL;
}

const float *forward_target(const struct forward *f, int i)
{
    return f->reconstructions ? row(f, f->heads.target, i) : NULL;
}

const float *forward_attention(const struct forward *f, int i, int k, int64_t *rows, int64_t *items)
{
    if (!f->attentions)
        return NULL;
    const struct node *attention = f->heads.memories[k].attention;
    *items = shape_last(&attention->shape);
    *rows = shape_rows(&attention->shape) / f->batch;
    return row(f, attention, i);
}

enum dtype precision_choose(enum precision precision, const struct log *log)
{
    if (precision == PRECISION_F32)
        return F32;
    if (dnn_has_bf16())
        return BF16;
    if (precision == PRECISION_BF16)
        log_line(log, LOG_WARN, "this processor does not compute in bf16; f32 is used instead");
    return F32;
}
