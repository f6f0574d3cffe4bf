#include "run/loaded.h"

#include "run/forward.h"

#include <stdlib.h>

struct loaded {
    struct model_file about;
    struct params *params;
    struct roles roles;
};

/* The names outlive the graph. */
static int note_roles(struct loaded *s, const struct heads *h, struct err *e)
{
    struct roles *r = &s->roles;
    struct arena *arena = &s->about.arena;
    bool copied = true;
    r->has_map = h->map;
    for (; r->nparts < h->nscores; r->nparts++) {
        r->weights[r->nparts] = h->scores[r->nparts].weight;
        copied &= (r->parts[r->nparts] = arena_string(arena, h->scores[r->nparts].name)) != NULL;
    }
    for (; r->nmemories < h->nmemories; r->nmemories++) {
        const struct memory *m = &h->memories[r->nmemories];
        struct memory_role *role = &r->memories[r->nmemories];
        copied &= (role->name = arena_string(arena, m->name)) != NULL;
        role->items = params_find(s->params, m->items);
    }
    return copied ? 0 : err_memory(e, "a model");
}

/* A graph says which parameters there are and what it has; it is not needed after that. */
static int declare(struct loaded *s, struct err *e)
{
    struct forward f;
    s->params = params_new();
    if (!s->params)
        return err_memory(e, "the parameters");
    struct forward_spec spec = {
        .model = s->about.model,
        .config = s->about.config,
        .params = s->params,
        .sample = s->about.input.sample,
        .input = &s->about.input,
        .batch = 1,
        .threads = 1,
    };
    int code = forward_build(&f, &spec, e);
    if (!code)
        code = note_roles(s, &f.heads, e);
    forward_free(&f);
    return code;
}

/* From the path, or where that is NULL from the bytes. */
static int open_either(const char *path, const void *bytes, size_t n, struct loaded **out, struct err *e)
{
    *out = NULL;
    struct model_reader *file = NULL;
    struct loaded *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(e, "a model");
    int code =
        path ? model_file_open(path, &s->about, &file, e) : model_file_open_memory(bytes, n, &s->about, &file, e);
    if (!code)
        code = declare(s, e);
    if (!code)
        code = model_file_read(file, s->params, e);
    model_file_close(file);
    if (code) {
        loaded_close(s);
        return code;
    }
    *out = s;
    return 0;
}

int loaded_open(const char *path, struct loaded **out, struct err *e)
{
    return open_either(path, NULL, 0, out, e);
}

int loaded_open_memory(const void *bytes, size_t n, struct loaded **out, struct err *e)
{
    return open_either(NULL, bytes, n, out, e);
}

void loaded_close(struct loaded *s)
{
    if (!s)
        return;
    params_free(s->params);
    model_file_free(&s->about);
    free(s);
}

const struct model_file *loaded_file(const struct loaded *s)
{
    return &s->about;
}

struct params *loaded_params(const struct loaded *s)
{
    return s->params;
}

const struct roles *loaded_roles(const struct loaded *s)
{
    return &s->roles;
}

size_t loaded_weights_bytes(const struct loaded *s)
{
    size_t floats = 0;
    for (const struct param *p = s->params->first; p; p = p->next)
        floats += p->count;
    return floats * sizeof(float);
}
