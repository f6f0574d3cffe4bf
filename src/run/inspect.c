#include "run/inspect.h"

#include <string.h>

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
    const struct preprocess view = preprocess_view(&c->input);
    c->model->decode(d->graph, c->config, shape_with_batch(&view.sample, 1), k, &d->heads);
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
    const struct picture_format format = preprocess_format(input);
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
    const struct preprocess view = preprocess_view(&loaded_file(s)->input);
    struct decoder d;
    if (!memory)
        return err_set(e, ERR_USAGE, "model %s has no memory %d to look into", loaded_file(s)->model->name, k);
    int code = decoder_new(&d, s, k, e);
    if (!code)
        code = decode_items(&d, &view, memory, items, n, pictures, e);
    decoder_free(&d);
    return code;
}
