#include "run/inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- use ---- */

int memory_use_init(struct memory_use *u, int64_t items, struct err *e)
{
    *u = (struct memory_use){.items = items};
    u->weight = calloc((size_t)items, sizeof *u->weight);
    u->best = calloc((size_t)items, sizeof *u->best);
    if (u->weight && u->best)
        return 0;
    memory_use_free(u);
    return err_memory(e, "the use of memory items");
}

void memory_use_free(struct memory_use *u)
{
    free(u->weight);
    free(u->best);
    *u = (struct memory_use){0};
}

void memory_use_add(struct memory_use *u, const float *attention, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++, attention += u->items) {
        int64_t best = 0, used = 0;
        for (int64_t i = 0; i < u->items; i++) {
            double w = (double)attention[i];
            u->weight[i] += w;
            used += w > 0;
            u->entropy_sum -= w > 0 ? w * log(w) : 0;
            best = attention[i] > attention[best] ? i : best;
        }
        u->best[best] += used > 0;
        u->single_rows += used == 1;
    }
    u->rows += rows;
}

void memory_use_finish(struct memory_use *u)
{
    u->dead = 0;
    for (int64_t i = 0; i < u->items; i++)
        u->dead += !(u->weight[i] > 0);
    u->entropy = u->rows ? u->entropy_sum / (double)u->rows : (double)NAN;
    u->rows_one_item = u->rows ? (double)u->single_rows / (double)u->rows : (double)NAN;
}

/* ---- pictures of items ---- */

/* NULL: nothing to look at. */
static const struct param *items_of(const struct loaded *s, int k)
{
    const struct roles *roles = loaded_roles(s);
    bool shown = loaded_file(s)->model->decode && preprocess_shows(&loaded_file(s)->input, NULL);
    return shown && k >= 0 && k < roles->nmemories ? roles->memories[k].items : NULL;
}

int64_t inspect_item_count(const struct loaded *s, int k)
{
    const struct param *p = items_of(s, k);
    return p ? p->shape.d[0] : 0;
}

/* A graph that makes one picture from one code. */
struct decoder {
    struct graph *graph;
    struct heads heads;
    struct plan *plan;
};

static void decoder_free(struct decoder *d)
{
    plan_free(d->plan);
    graph_free(d->graph);
}

static int decoder_new(struct decoder *d, const struct loaded *s, int k, struct err *e)
{
    const struct model_file *c = loaded_file(s);
    *d = (struct decoder){.graph = graph_new(GRAPH_SCORE, F32, loaded_params(s))};
    if (!d->graph)
        return err_memory(e, "a graph");
    c->model->decode(d->graph, c->config, shape_with_batch(&c->input.sample, 1), k, &d->heads);
    TRY(graph_error(d->graph, e));
    struct plan_spec spec = {.graph = d->graph, .outputs = &d->heads.output, .noutputs = 1, .threads = 1};
    return plan_new(&spec, &d->plan, e);
}

/* A whole code is the item itself; an item of one position is repeated at all of them. */
static void fill_code(const struct decoder *d, const float *item, size_t size)
{
    float *code = plan_data(d->plan, d->heads.code);
    size_t count = (size_t)shape_count(&d->heads.code->shape);
    for (size_t at = 0; at + size <= count; at += size)
        memcpy(code + at, item, size * sizeof *item);
}

static int decode_items(const struct decoder *d, const struct preprocess *input, const struct param *memory,
                        const int64_t *items, int n, uint8_t *pictures, struct err *e)
{
    struct picture_format format;
    preprocess_shows(input, &format);
    size_t size = (size_t)memory->shape.d[1];
    for (int i = 0; i < n; i++) {
        if (items[i] < 0 || items[i] >= memory->shape.d[0])
            return err_set(e, ERR_USAGE, "there is no memory item %lld, items go from 0 to %lld", (long long)items[i],
                           (long long)memory->shape.d[0] - 1);
        fill_code(d, memory->value + (size_t)items[i] * size, size);
        plan_forward(d->plan, 0);
        preprocess_show(input, plan_data(d->plan, d->heads.output), pictures + (size_t)i * picture_bytes(&format));
    }
    return 0;
}

int inspect_items(const struct loaded *s, int k, const int64_t *items, int n, uint8_t *pictures, struct err *e)
{
    const struct param *memory = items_of(s, k);
    struct decoder d;
    if (!memory)
        return err_set(e, ERR_USAGE, "model %s has no memory %d to look into", loaded_file(s)->model->name, k);
    int code = decoder_new(&d, s, k, e);
    if (!code)
        code = decode_items(&d, &loaded_file(s)->input, memory, items, n, pictures, e);
    decoder_free(&d);
    return code;
}
