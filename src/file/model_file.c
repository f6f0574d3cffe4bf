#include "file/model_file.h"

#include "file/model_file_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char scores_name[] = "calibration.scores", peaks_name[] = "calibration.peaks";
static const char mean_name[] = "usual.mean", deviation_name[] = "usual.deviation";
static const char map_scores_name[] = "usual.scores", map_peaks_name[] = "usual.peaks";

enum { OWN_TENSORS = 6 };

/* ---- writing ---- */

/* "prefix" "name" in the arena; the name itself where there is no prefix. NULL: out of memory. */
static const char *tensor_name(struct arena *arena, const char *prefix, const char *name)
{
    if (!*prefix)
        return name;
    char *both = arena_alloc(arena, strlen(prefix) + strlen(name) + 1);
    return both ? strcat(strcpy(both, prefix), name) : NULL;
}

int model_file_list(struct arena *arena, const char *prefix, const struct params *params,
                    float *const blocks[GROUP_COUNT], struct safetensors_tensor *tensors, size_t *n, struct err *e)
{
    for (const struct param *p = params->first; p; p = p->next) {
        if (!blocks[p->group])
            continue;
        const char *name = tensor_name(arena, prefix, p->name);
        if (!name)
            return err_memory(e, "the names of tensors");
        tensors[(*n)++] =
            (struct safetensors_tensor){.name = name, .shape = p->shape, .data = blocks[p->group] + p->offset};
    }
    return 0;
}

/* The tensors beside the weights. */
static void list_own(const struct model_file *c, struct safetensors_tensor *tensors, size_t *n)
{
    const struct usual *u = &c->usual;
    const struct shape list = SHAPE((int64_t)c->calibration.n), map = u->n == 1 ? SHAPE(1) : model_file_map(c);
    const struct safetensors_tensor all[OWN_TENSORS] = {
        {.name = scores_name, .shape = list, .data = c->calibration.scores},
        {.name = peaks_name, .shape = list, .data = c->calibration.peaks},
        {.name = mean_name, .shape = map, .data = u->mean},
        {.name = deviation_name, .shape = map, .data = u->deviation},
        {.name = map_scores_name, .shape = list, .data = c->map_calibration.scores},
        {.name = map_peaks_name, .shape = list, .data = c->map_calibration.peaks},
    };
    for (int i = 0; i < OWN_TENSORS; i++)
        if (all[i].data && shape_count(&all[i].shape))
            tensors[(*n)++] = all[i];
}

int model_file_write(const char *path, bool force, const struct model_file *c, const struct params *params,
                     struct err *e)
{
    struct arena arena = {0};
    size_t n = 0;
    struct safetensors_tensor *tensors = arena_alloc(&arena, ((size_t)params->n + OWN_TENSORS) * sizeof *tensors);
    int code = tensors ? model_file_list(&arena, "", params, params->value, tensors, &n, e)
                       : err_memory(e, "the table of tensors");
    if (!code) {
        list_own(c, tensors, &n);
        code = model_file_write_document(path, force, model_file_document(c), tensors, n, e);
    }
    arena_free(&arena);
    return code;
}

/* ---- reading ---- */

int model_file_match(const struct safetensors *st, const char *prefix, const struct params *params, struct err *e)
{
    struct arena arena = {0};
    int code = 0;
    for (const struct param *p = params->first; p && !code; p = p->next) {
        const char *name = tensor_name(&arena, prefix, p->name);
        const struct safetensors_tensor *t = name ? safetensors_find(st, name) : NULL;
        char want[SHAPE_TEXT], have[SHAPE_TEXT];
        if (!name)
            code = err_memory(e, "the name of a tensor");
        else if (!t)
            code = err_set(e, ERR_FORMAT, "%s has no tensor %s, which its model needs; the file is damaged",
                           safetensors_path(st), name);
        else if (!shape_equal(&t->shape, &p->shape))
            code = err_set(e, ERR_FORMAT, "%s: tensor %s is %s, but its model needs %s; the file is damaged",
                           safetensors_path(st), name, shape_text(&t->shape, have), shape_text(&p->shape, want));
    }
    arena_free(&arena);
    return code;
}

int model_file_fill(struct safetensors *st, const char *prefix, const struct params *params,
                    float *const blocks[GROUP_COUNT], struct err *e)
{
    struct arena arena = {0};
    int code = 0;
    for (const struct param *p = params->first; p && !code; p = p->next) {
        if (!blocks[p->group])
            continue;
        const char *name = tensor_name(&arena, prefix, p->name);
        const struct safetensors_tensor *t = name ? safetensors_find(st, name) : NULL;
        if (!name)
            code = err_memory(e, "the name of a tensor");
        else if (!t || !shape_equal(&t->shape, &p->shape))
            code = err_set(e, ERR_FORMAT, "%s has no tensor %s of the model's shape; the file is damaged",
                           safetensors_path(st), name);
        else
            code = safetensors_read(st, t, blocks[p->group] + p->offset, e);
    }
    arena_free(&arena);
    return code;
}

struct model_reader {
    struct safetensors *st;
};

/* An ascending list of as many values as `n`, or as the tensor has where n is 0. NULL out: there is no such tensor. */
static int read_sorted(struct safetensors *st, const char *name, struct model_file *c, size_t *n, float **out,
                       struct err *e)
{
    const struct safetensors_tensor *t = safetensors_find(st, name);
    *out = NULL;
    if (!t)
        return 0;
    size_t count = (size_t)shape_count(&t->shape);
    if (t->shape.nd != 1 || (*n && count != *n))
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %s should be a list of the held-out samples' values; the file is "
                       "damaged",
                       safetensors_path(st), name);
    float *values = arena_alloc(&c->arena, count * sizeof *values);
    if (!values)
        return err_memory(e, "the calibration");
    TRY(safetensors_read(st, t, values, e));
    for (size_t i = 1; i < count; i++)
        if (values[i] < values[i - 1])
            return err_set(e, ERR_FORMAT, "%s: tensor %s should be in ascending order; the file is damaged",
                           safetensors_path(st), name);
    *n = count;
    *out = values;
    return 0;
}

/* One of the statistics of what is usual: finite values in as many as `n`, or where n is 0 as the map has positions, or
 * one for all. */
static int read_usual_tensor(struct safetensors *st, const char *name, struct model_file *c, size_t *n, float **out,
                             struct err *e)
{
    const struct safetensors_tensor *t = safetensors_find(st, name);
    const struct shape one = SHAPE(1), map = model_file_map(c);
    size_t count = t ? (size_t)shape_count(&t->shape) : 0;
    if (!t || (!shape_equal(&t->shape, &one) && !(map.nd && shape_equal(&t->shape, &map))) || (*n && count != *n))
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %s should be there with a value for each position of a heat map, or one for all; "
                       "the file is damaged",
                       safetensors_path(st), name);
    float *values = arena_alloc(&c->arena, count * sizeof *values);
    if (!values)
        return err_memory(e, "what is usual");
    TRY(safetensors_read(st, t, values, e));
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]) || (name == deviation_name && values[i] < 0))
            return err_set(e, ERR_FORMAT, "%s: tensor %s holds %g; the file is damaged", safetensors_path(st), name,
                           (double)values[i]);
    *n = count;
    *out = values;
    return 0;
}

static int read_usual(struct safetensors *st, struct model_file *c, struct err *e)
{
    struct usual *u = &c->usual;
    struct calibration *k = &c->map_calibration;
    if (!safetensors_find(st, mean_name) && c->train.score != BY_MAP)
        return 0; /* a model without maps, or a file of 0.1 */
    TRY(read_usual_tensor(st, mean_name, c, &u->n, &u->mean, e));
    TRY(read_usual_tensor(st, deviation_name, c, &u->n, &u->deviation, e));
    k->n = c->calibration.n;
    TRY(read_sorted(st, map_scores_name, c, &k->n, &k->scores, e));
    TRY(read_sorted(st, map_peaks_name, c, &k->n, &k->peaks, e));
    if (k->n && (!k->scores || !k->peaks))
        return err_set(e, ERR_FORMAT, "%s has no tensors %s and %s to what is usual; the file is damaged",
                       safetensors_path(st), map_scores_name, map_peaks_name);
    return 0;
}

static int read_calibration(struct safetensors *st, struct model_file *c, struct err *e)
{
    struct calibration *k = &c->calibration;
    TRY(read_sorted(st, scores_name, c, &k->n, &k->scores, e));
    if ((int64_t)k->n != c->calibrated)
        return err_set(e, ERR_FORMAT, "%s should hold %lld calibration scores, but has %zu; the file is damaged",
                       safetensors_path(st), (long long)c->calibrated, k->n);
    if (k->n)
        TRY(read_sorted(st, peaks_name, c, &k->n, &k->peaks, e));
    return read_usual(st, c, e);
}

/* Takes over an opened file. */
static int open_model(struct safetensors *st, struct model_file *c, struct model_reader **file, struct err *e)
{
    json_t *document;
    int code = model_file_read_document(st, c, &document, e);
    if (!code && json_object_get(document, "state"))
        code = err_set(e, ERR_FORMAT,
                       "%s is the state of an unfinished training, not a model; go on with train "
                       "--resume, or use the file without .train",
                       safetensors_path(st));
    json_decref(document);
    if (!code)
        code = read_calibration(st, c, e);
    if (!code) {
        *file = calloc(1, sizeof **file);
        code = *file ? 0 : err_memory(e, "a model file");
    }
    if (code)
        safetensors_close(st);
    else
        (*file)->st = st;
    return code;
}

int model_file_open(const char *path, struct model_file *c, struct model_reader **file, struct err *e)
{
    struct safetensors *st;
    *c = (struct model_file){0};
    *file = NULL;
    TRY(safetensors_open(path, &st, e));
    return open_model(st, c, file, e);
}

int model_file_open_memory(const void *bytes, size_t n, struct model_file *c, struct model_reader **file, struct err *e)
{
    struct safetensors *st;
    *c = (struct model_file){0};
    *file = NULL;
    TRY(safetensors_open_memory(bytes, n, &st, e));
    return open_model(st, c, file, e);
}

int model_file_read(struct model_reader *file, struct params *params, struct err *e)
{
    TRY(model_file_match(file->st, "", params, e));
    /* Everything is about to be overwritten: drawing random values first would only cost time. */
    for (struct param *p = params->first; p; p = p->next)
        p->init = (struct init){INIT_CONSTANT, 0, 0};
    TRY(params_allocate(params, 0, false, e));
    TRY(model_file_fill(file->st, "", params, params->value, e));
    params_changed(params);
    return 0;
}

void model_file_close(struct model_reader *file)
{
    if (!file)
        return;
    safetensors_close(file->st);
    free(file);
}

enum score_by model_file_stands(const struct model_file *c)
{
    return c->usual.n ? c->train.score : BY_MODEL;
}

const struct calibration *model_file_calibration(const struct model_file *c, enum score_by by)
{
    return by == BY_MAP ? &c->map_calibration : &c->calibration;
}

struct shape model_file_map(const struct model_file *c)
{
    const struct shape *s = &c->input.sample;
    return s->nd == 1 ? SHAPE(1, s->d[0]) : s->nd < 3 ? (struct shape){0} : SHAPE(s->d[s->nd - 3], s->d[s->nd - 2]);
}

void model_file_free(struct model_file *c)
{
    arena_free(&c->arena);
}
