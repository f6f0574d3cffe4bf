#include "file/state.h"

#include "file/model_file_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char m_prefix[] = "adam.m.", v_prefix[] = "adam.v.", kept_prefix[] = "kept.";

/* The state's own weights are those to keep right after the epoch that gave them. */
static bool kept_apart(const struct model_file *c, const struct train_state *s)
{
    return c->kept_epoch && (c->kept_epoch != s->epoch || s->step);
}

/* ---- writing ---- */

static json_t *numbers_json(const double *v, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        list = json_add(list, json_number(v[i]));
    return list;
}

static json_t *state_json(const struct train_state *s)
{
    json_t *steps = json_array();
    for (int g = 0; g < GROUP_COUNT; g++)
        steps = json_add(steps, json_integer((json_int_t)s->adam_steps[g]));
    char hash[20];
    snprintf(hash, sizeof hash, "%016" PRIx64, s->data);
    return json_pack("{s:i, s:I, s:o, s:o, s:o, s:i, s:o, s:s}", "epoch", s->epoch, "step", (json_int_t)s->step,
                     "loss_sums", numbers_json(s->loss, OBJECTIVES), "watch_sums", numbers_json(s->watch, WATCHES),
                     "best", json_number(s->best), "since_best", s->since_best, "adam_steps", steps, "data", hash);
}

int state_write(const char *path, const struct model_file *c, const struct params *params,
                const struct train_state *state, float *const kept[GROUP_COUNT], struct err *e)
{
    struct arena arena = {0};
    size_t n = 0;
    struct safetensors_tensor *tensors = arena_alloc(&arena, (size_t)params->n * 4 * sizeof *tensors);
    int code = tensors ? 0 : err_memory(e, "the table of tensors");
    if (!code)
        code = model_file_list(&arena, "", params, params->value, tensors, &n, e);
    if (!code)
        code = model_file_list(&arena, m_prefix, params, params->m, tensors, &n, e);
    if (!code)
        code = model_file_list(&arena, v_prefix, params, params->v, tensors, &n, e);
    if (!code && kept_apart(c, state))
        code = model_file_list(&arena, kept_prefix, params, kept, tensors, &n, e);
    if (!code) {
        json_t *document = json_put(model_file_document(c), "state", state_json(state));
        code = model_file_write_document(path, true, document, tensors, n, e);
    }
    arena_free(&arena);
    return code;
}

/* ---- reading ---- */

struct state_file {
    struct safetensors *st;
};

static int read_numbers(const json_t *object, const char *key, const char *path, double *out, size_t n, struct err *e)
{
    json_t *list;
    TRY(json_want_array(object, key, path, n, &list, e));
    for (size_t i = 0; i < n; i++)
        out[i] = json_number_read(json_array_get(list, i));
    return 0;
}

static int parse_state(const json_t *document, const char *path, const char *version, struct train_state *s,
                       struct err *e)
{
    json_t *object, *steps;
    const char *hash;
    int64_t epoch, since;
    if (!json_object_get(document, "state"))
        return err_set(e, ERR_FORMAT,
                       "%s is a model, not the state of an unfinished training; give the model's name "
                       "to train --resume, its state lies beside it as NAME.train",
                       path);
    if (strcmp(version, BASE_VERSION))
        return err_set(
            e, ERR_FORMAT,
            "%s is of a training that engram %s began, and only that one can go on to the same model; finish "
            "it there, or begin anew with --force",
            path, version);
    TRY(json_want_object(document, "state", path, &object, e));
    TRY(json_want_integer(object, "epoch", path, 0, INT32_MAX, &epoch, e));
    TRY(json_want_integer(object, "step", path, 0, INT64_MAX / 2, &s->step, e));
    TRY(read_numbers(object, "loss_sums", path, s->loss, OBJECTIVES, e));
    TRY(read_numbers(object, "watch_sums", path, s->watch, WATCHES, e));
    TRY(json_want_number(object, "best", path, &s->best, e));
    TRY(json_want_integer(object, "since_best", path, 0, INT32_MAX, &since, e));
    TRY(json_want_string(object, "data", path, &hash, e));
    TRY(json_want_array(object, "adam_steps", path, GROUP_COUNT, &steps, e));
    for (size_t g = 0; g < GROUP_COUNT; g++)
        s->adam_steps[g] = (uint64_t)json_integer_value(json_array_get(steps, g));
    s->epoch = (int)epoch;
    s->since_best = (int)since;
    s->data = strtoull(hash, NULL, 16);
    return 0;
}

int state_open(const char *path, struct model_file *c, struct train_state *state, struct state_file **file,
               struct err *e)
{
    json_t *document;
    struct safetensors *st;
    *c = (struct model_file){0};
    *file = NULL;
    TRY(safetensors_open(path, &st, e));
    int code = model_file_read_document(st, c, &document, e);
    if (!code)
        code = parse_state(document, path, c->version, state, e);
    if (!code && (c->curve.epochs != state->epoch || c->kept_epoch > state->epoch))
        code = err_set(e, ERR_FORMAT,
                       "%s: %d epochs are said to be done, but the training curve has %d; the file is "
                       "damaged",
                       path, state->epoch, c->curve.epochs);
    json_decref(document);
    if (!code) {
        *file = calloc(1, sizeof **file);
        code = *file ? 0 : err_memory(e, "a training state");
    }
    if (code)
        safetensors_close(st);
    else
        (*file)->st = st;
    return code;
}

int state_read(struct state_file *file, const struct model_file *c, const struct train_state *state,
               struct params *params, float *const kept[GROUP_COUNT], struct err *e)
{
    TRY(model_file_fill(file->st, "", params, params->value, e));
    TRY(model_file_fill(file->st, m_prefix, params, params->m, e));
    TRY(model_file_fill(file->st, v_prefix, params, params->v, e));
    TRY(model_file_fill(file->st, kept_apart(c, state) ? kept_prefix : "", params, kept, e));
    memcpy(params->adam_steps, state->adam_steps, sizeof params->adam_steps);
    params_changed(params);
    return 0;
}

void state_close(struct state_file *file)
{
    if (!file)
        return;
    safetensors_close(file->st);
    free(file);
}
