#include "run/forward.h"

#include "base/log.h"
#include "base/rng.h"
#include "nn/dnn.h"
#include "nn/op.h"
#include "file/train_config.h"
#include "run/search.h"

#include <stdlib.h>
#include <string.h>

/* What the graph's rows are: the samples, or tiles of them. */
static int choose_rows(struct forward *f, const struct forward_spec *spec, struct shape *row, struct err *e)
{
    f->batch = f->rows = spec->batch;
    *row = spec->sample;
    if (!spec->input || !tiled_needed(spec->input))
        return 0;
    TRY(tiled_new(spec->input, spec->batch, &f->tiled, e));
    f->batch = f->tiled->samples;
    f->rows = f->tiled->rows;
    *row = preprocess_view(spec->input).sample;
    return 0;
}

/* Values of a row of a node. */
static size_t values_of(const struct forward *f, const struct node *n)
{
    return (size_t)shape_count(&n->shape) / (size_t)f->rows;
}

/* What is put together of tiles. Parts of the score may be the map's mean or its highest. */
static void choose_fields(struct forward *f)
{
    struct tiled *t = f->tiled;
    struct node *const fields[FIELDS] = {
        [FIELD_MAP] = f->heads.map, [FIELD_OUTPUT] = f->heads.output, [FIELD_TARGET] = f->target};
    const size_t pixels = (size_t)t->tiling->tile_height * (size_t)t->tiling->tile_width;
    for (int k = 0; k < FIELDS; k++)
        if (fields[k])
            t->frames[k] = values_of(f, fields[k]) / (pixels * (size_t)shape_last(&fields[k]->shape));
    f->map_values = tiled_values(t, FIELD_MAP);
    f->output_values = tiled_values(t, f->heads.output ? FIELD_OUTPUT : FIELD_TARGET);
    t->wanted[FIELD_MAP] = f->maps || (!f->fit && (f->heads.map_mean || f->heads.map_max));
    t->wanted[FIELD_OUTPUT] = f->reconstructions;
    t->wanted[FIELD_TARGET] = f->target;
    for (int k = 0; f->attentions && k < f->heads.nmemories; k++)
        t->attention_values[k] = values_of(f, f->heads.memories[k].attention);
    for (int k = 0; k < f->heads.nscores; k++)
        t->highest[k] = f->heads.scores[k].value == f->heads.highest;
}

int forward_build(struct forward *f, const struct forward_spec *spec, struct err *e)
{
    struct shape row;
    *f = (struct forward){.threads = spec->threads, .seed = spec->seed};
    TRY(choose_rows(f, spec, &row, e));
    f->graph = graph_new(GRAPH_SCORE, spec->precision, spec->params);
    if (!f->graph)
        return err_memory(e, "a graph");
    f->graph->region = spec->input && spec->input->roi;
    spec->model->build(f->graph, spec->config, shape_with_batch(&row, f->rows), &f->heads);
    TRY(graph_error(f->graph, e));
    f->sample_values = (size_t)shape_count(&spec->sample);
    f->row_values = (size_t)shape_count(&row);
    f->maps = spec->map && f->heads.map;
    f->map_values = f->heads.map ? values_of(f, f->heads.map) : 0;
    f->reconstructions = spec->reconstruction && f->heads.output;
    f->target = !spec->reconstruction ? NULL : f->heads.output ? f->heads.target : f->heads.input;
    f->output_values = values_of(f, f->heads.output ? f->heads.output : f->heads.input);
    f->attentions = spec->attention && f->heads.nmemories;
    f->fit = spec->fit ? &f->heads.fits[spec->fit - 1] : NULL;
    if (f->tiled)
        choose_fields(f);
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
    if (f->fit) {
        outputs[n++] = f->fit->rows;
        if (f->fit->counts)
            outputs[n++] = f->fit->counts;
        return n;
    }
    for (int i = 0; i < h->nscores; i++)
        outputs[n++] = h->scores[i].value;
    if (f->maps || (f->tiled && f->tiled->wanted[FIELD_MAP]))
        outputs[n++] = h->map;
    if (f->reconstructions)
        outputs[n++] = h->output;
    if (f->target)
        outputs[n++] = f->target;
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
    TRY(plan_measure(&spec, bytes, e));
    *bytes += f->tiled ? tiled_bytes(f->tiled) : 0;
    return 0;
}

size_t forward_bytes(const struct forward *f)
{
    return plan_bytes(f->plan) + (f->tiled ? tiled_bytes(f->tiled) : 0);
}

int forward_plan(struct forward *f, struct err *e)
{
    struct wanted wanted;
    const struct plan_spec spec = spec_of(f, &wanted);
    TRY(plan_new(&spec, &f->plan, e));
    f->input = f->row_input = plan_data(f->plan, f->heads.input);
    if (f->tiled) {
        TRY(tiled_allocate(f->tiled, e));
        f->input = f->tiled->values;
    }
    if (f->heads.refine.latent)
        TRY(search_new(&f->heads.refine, f->plan, spec.threads, &f->search, e));
    if (!graph_has_noise(f->graph))
        return 0;
    f->identities = calloc((size_t)f->rows, sizeof *f->identities);
    plan_samples(f->plan, f->identities);
    return f->identities ? 0 : err_memory(e, "what noise is drawn from");
}

void forward_free(struct forward *f)
{
    search_free(f->search);
    plan_free(f->plan);
    graph_free(f->graph);
    tiled_free(f->tiled);
    free(f->identities);
    *f = (struct forward){0};
}

/* What is drawn for a row depends on what it is, and on nothing beside it. */
static void identify(const struct forward *f)
{
    for (int i = 0; i < f->rows; i++)
        f->identities[i] = rng_hash(f->row_input + (size_t)i * f->row_values, f->row_values * sizeof *f->row_input);
}

static bool on_step(void *user, int done, int steps)
{
    const struct forward *f = user;
    return f->searching && f->searching(f->user, f->searched + f->each * done / steps);
}

/* The first n rows of the graph's input, which are this share of the whole run. */
static bool run_rows(struct forward *f, int n, double share)
{
    size_t used = (size_t)n * f->row_values, all = (size_t)f->rows * f->row_values;
    memset(f->row_input + used, 0, (all - used) * sizeof *f->row_input);
    if (f->identities)
        identify(f);
    f->each = share;
    if (f->search && !search_run(f->search, on_step, f))
        return false;
    if (!f->search)
        plan_forward(f->plan, 0);
    f->searched += share;
    return true;
}

/* Row i of a node's values. */
static const float *row(const struct forward *f, const struct node *n, int i)
{
    return (const float *)plan_data(f->plan, n) + (size_t)i * values_of(f, n);
}

/* Rows to fit to: of row i of the graph, which is a whole sample or a tile of one. */
static void take_rows(const struct forward *f, size_t tile, int i)
{
    const size_t tiles = f->tiled ? f->tiled->tiling->n : 1, n = forward_fit_rows(f) / tiles;
    const struct forward_rows rows = {.i = (int)(tile / tiles),
                                      .first = tile % tiles * n,
                                      .n = n,
                                      .values = row(f, f->fit->rows, i),
                                      .counts = f->fit->counts ? row(f, f->fit->counts, i) : NULL};
    if (f->taking)
        f->taking(f->user, &rows);
}

/* What row i says of a tile. */
static void take_tile(const struct forward *f, size_t tile, int i)
{
    const struct heads *h = &f->heads;
    struct tiled *t = f->tiled;
    if (f->fit) {
        take_rows(f, tile, i);
        return;
    }
    struct node *const fields[FIELDS] = {[FIELD_MAP] = h->map, [FIELD_OUTPUT] = h->output, [FIELD_TARGET] = f->target};
    for (int k = 0; k < FIELDS; k++)
        if (t->wanted[k])
            tiled_add_field(t, tile, (enum tiled_field)k, row(f, fields[k], i));
    for (int k = 0; k < h->nscores; k++)
        tiled_add_part(t, tile, k, *row(f, h->scores[k].value, i));
    for (int k = 0; f->attentions && k < h->nmemories; k++)
        tiled_put_attention(t, tile, k, row(f, h->memories[k].attention, i));
}

static void put_tile(const struct forward *f, size_t tile, int i)
{
    const struct node *counts = f->heads.counts;
    float *to = counts ? plan_data(f->plan, counts) : NULL;
    tiled_cut(f->tiled, tile, f->row_input + (size_t)i * f->row_values);
    if (to)
        tiled_cut_counts(f->tiled, tile, to + (size_t)i * values_of(f, counts));
}

static bool run_tiles(struct forward *f, int n)
{
    struct tiled *t = f->tiled;
    const size_t all = (size_t)n * t->tiling->n;
    tiled_begin(t, n);
    for (size_t first = 0; first < all; first += (size_t)f->rows) {
        int rows = all - first < (size_t)f->rows ? (int)(all - first) : f->rows;
        for (int i = 0; i < rows; i++)
            put_tile(f, first + (size_t)i, i);
        if (!run_rows(f, rows, (double)rows / (double)all))
            return false;
        for (int i = 0; i < rows; i++)
            take_tile(f, first + (size_t)i, i);
    }
    tiled_finish(t, n, &f->heads);
    return true;
}

bool forward_run(struct forward *f, int n)
{
    f->searched = 0;
    if (f->tiled)
        return run_tiles(f, n);
    bool done = run_rows(f, n, 1);
    for (int i = 0; i < n && f->fit && done; i++)
        take_rows(f, (size_t)i, i);
    return done;
}

size_t forward_fit_rows(const struct forward *f)
{
    const struct node *rows = f->fit->rows;
    return values_of(f, rows) / (size_t)shape_last(&rows->shape) * (f->tiled ? f->tiled->tiling->n : 1);
}

float forward_part(const struct forward *f, int i, int part)
{
    return f->tiled ? f->tiled->parts[i * SCORE_PARTS + part] : *row(f, f->heads.scores[part].value, i);
}

float forward_score(const struct forward *f, int i)
{
    float sum = 0;
    for (int k = 0; k < f->heads.nscores; k++)
        sum += f->heads.scores[k].weight * forward_part(f, i, k);
    return sum;
}

/* Sample i of what has the size of a picture. */
static const float *field(const struct forward *f, enum tiled_field which, const struct node *n, size_t values, int i)
{
    return f->tiled ? f->tiled->fields[which] + (size_t)i * values : row(f, n, i);
}

const float *forward_map(const struct forward *f, int i)
{
    return f->maps ? field(f, FIELD_MAP, f->heads.map, f->map_values, i) : NULL;
}

const float *forward_reconstruction(const struct forward *f, int i)
{
    return f->reconstructions ? field(f, FIELD_OUTPUT, f->heads.output, f->output_values, i) : NULL;
}

const float *forward_target(const struct forward *f, int i)
{
    return f->target ? field(f, FIELD_TARGET, f->target, f->output_values, i) : NULL;
}

const float *forward_attention(const struct forward *f, int i, int k, int64_t *rows, int64_t *items)
{
    if (!f->attentions)
        return NULL;
    const struct node *attention = f->heads.memories[k].attention;
    *items = shape_last(&attention->shape);
    *rows = shape_rows(&attention->shape) / f->rows;
    if (!f->tiled)
        return row(f, attention, i);
    *rows *= (int64_t)f->tiled->tiling->n;
    return f->tiled->attention[k] + (size_t)i * (size_t)(*rows * *items);
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
