#include "run/forward.h"

#include "base/log.h"
#include "nn/dnn.h"
#include "nn/op.h"
#include "file/train_config.h"

#include <string.h>

static struct shape with_batch(const struct shape *sample, int batch)
{
    struct shape s = {.nd = sample->nd + 1, .d = {batch}};
    memcpy(s.d + 1, sample->d, (size_t)sample->nd * sizeof *s.d);
    return s;
}

int forward_build(struct forward *f, const struct forward_spec *spec, struct err *e)
{
    *f = (struct forward){.batch = spec->batch, .threads = spec->threads};
    f->graph = graph_new(GRAPH_SCORE, spec->precision, spec->params);
    if (!f->graph)
        return err_memory(e, "a graph");
    spec->model->build(f->graph, spec->config, with_batch(&spec->sample, spec->batch), &f->heads);
    TRY(graph_error(f->graph, e));
    f->sample_values = (size_t)shape_count(&spec->sample);
    f->maps = spec->map && f->heads.map;
    f->map_values = f->heads.map ? (size_t)shape_count(&f->heads.map->shape) / (size_t)spec->batch : 0;
    f->reconstructions = spec->reconstruction && f->heads.output;
    f->attentions = spec->attention && f->heads.attention;
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

int forward_plan(struct forward *f, struct err *e)
{
    struct node *outputs[5] = {f->heads.score};
    int n = 1;
    if (f->maps)
        outputs[n++] = f->heads.map;
    if (f->reconstructions) {
        outputs[n++] = f->heads.output;
        outputs[n++] = f->heads.input; /* else its memory is used again during the run */
    }
    if (f->attentions)
        outputs[n++] = f->heads.attention;
    struct plan_spec spec = {.graph = f->graph, .outputs = outputs, .noutputs = n};
    spec.threads = threads_worth(f->graph, f->threads);
    TRY(plan_new(&spec, &f->plan, e));
    f->input = plan_data(f->plan, f->heads.input);
    return 0;
}

void forward_free(struct forward *f)
{
    plan_free(f->plan);
    graph_free(f->graph);
    *f = (struct forward){0};
}

void forward_run(struct forward *f, int n)
{
    size_t used = (size_t)n * f->sample_values, all = (size_t)f->batch * f->sample_values;
    memset(f->input + used, 0, (all - used) * sizeof *f->input);
    plan_forward(f->plan, 0);
}

/* Row i of a node's values, cut into batch rows. */
static const float *row(const struct forward *f, const struct node *n, int i)
{
    const float *data = plan_data(f->plan, n);
    return data + (size_t)i * ((size_t)shape_count(&n->shape) / (size_t)f->batch);
}

float forward_score(const struct forward *f, int i)
{
    return *row(f, f->heads.score, i);
}

const float *forward_map(const struct forward *f, int i)
{
    return f->maps ? row(f, f->heads.map, i) : NULL;
}

const float *forward_reconstruction(const struct forward *f, int i)
{
    return f->reconstructions ? row(f, f->heads.output, i) : NULL;
}

const float *forward_input(const struct forward *f, int i)
{
    return f->reconstructions ? row(f, f->heads.input, i) : NULL;
}

const float *forward_attention(const struct forward *f, int i, int64_t *rows, int64_t *items)
{
    if (!f->attentions)
        return NULL;
    *items = shape_last(&f->heads.attention->shape);
    *rows = shape_rows(&f->heads.attention->shape) / f->batch;
    return row(f, f->heads.attention, i);
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
