/* The document in a model file: everything that it says but its tensors, as JSON. */
#include "file/model_file_parts.h"
#include "file/pretrained.h"

#include <math.h>
#include <string.h>

static const char document_key[] = "engram";

enum { OPTION_VALUE = 512, EPOCHS_MAX = 1000000 };

/* ---- writing ---- */

static json_t *options_json(const struct option *table, const void *values)
{
    json_t *object = json_object();
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        char text[OPTION_VALUE];
        option_format(&row, values, text, sizeof text);
        object = json_put(object, row.name, json_text(text));
    }
    return object;
}

static json_t *shape_json(const struct shape *s)
{
    json_t *list = json_array();
    for (int i = 0; i < s->nd; i++)
        list = json_add(list, json_integer(s->d[i]));
    return list;
}

/* One number stands for all where they are the same for every value. */
static json_t *scale_json(const float *v, int n)
{
    json_t *list = n == 1 ? json_number((double)*v) : json_array();
    for (int i = 0; n > 1 && i < n; i++)
        list = json_add(list, json_number((double)v[i]));
    return list;
}

static json_t *names_json(const char *const *names, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        list = json_add(list, json_text(names[i]));
    return list;
}

/* One row an epoch: losses, validation, watches. */
static json_t *curve_json(const struct curve *c)
{
    json_t *rows = json_array();
    for (int i = 0; i < c->epochs; i++) {
        const struct epoch_row *r = &c->rows[i];
        json_t *row = json_array();
        for (int k = 0; k < c->nlosses; k++)
            row = json_add(row, json_number(r->loss[k]));
        row = json_add(row, json_number(r->validation));
        for (int k = 0; k < c->nwatches; k++)
            row = json_add(row, json_number(r->watch[k]));
        rows = json_add(rows, row);
    }
    return json_pack("{s:o, s:o, s:o}", "losses", names_json(c->loss_names, c->nlosses), "watches",
                     names_json(c->watch_names, c->nwatches), "rows", rows);
}

/* Pixels row after row, as numbers of such that are ignored, that count, that are ignored, and so on. */
static json_t *roi_json(const struct preprocess *p)
{
    json_t *runs = json_array();
    const struct picture_format f = preprocess_format(p);
    const size_t n = (size_t)f.width * (size_t)f.height;
    uint8_t now = 0;
    for (size_t at = 0, from = 0; at <= n; at++) {
        if (at < n && p->roi[at] == now)
            continue;
        runs = json_add(runs, json_integer((json_int_t)(at - from)));
        from = at;
        now = !now;
    }
    return runs;
}

static json_t *input_json(const struct preprocess *p)
{
    json_t *input = json_pack("{s:s, s:o, s:o, s:o}", "kind", kind_name(p->kind), "shape", shape_json(&p->sample),
                              "mean", scale_json(p->mean, p->n), "std", scale_json(p->std, p->n));
    if (p->step)
        input = json_put(input, "step", json_integer(p->step));
    if (p->tile) {
        input = json_put(input, "tile", json_integer(p->tile));
        input = json_put(input, "overlap", json_number(p->overlap));
    }
    if (p->roi)
        input = json_put(input, "roi", roi_json(p));
    return preprocess_save(p, input);
}

json_t *model_file_document(const struct model_file *c)
{
    const struct calibration *own = &c->calibration, *map = &c->map_calibration;
    json_t *calibration = json_pack("{s:o, s:o, s:o, s:o}", "map_low", json_number((double)own->map_low), "map_high",
                                    json_number((double)own->map_high), "usual_low", json_number((double)map->map_low),
                                    "usual_high", json_number((double)map->map_high));
    json_t *samples = json_pack("{s:I, s:I, s:I}", "trained", (json_int_t)c->trained, "validated",
                                (json_int_t)c->validated, "calibrated", (json_int_t)c->calibrated);
    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "format", MODEL_FILE_FORMAT,
                     "version", BASE_VERSION, "model", c->model->name, "options",
                     options_json(c->model->options, c->config), "train", options_json(train_options, &c->train),
                     "input", input_json(&c->input), "calibration", calibration, "samples", samples, "kept_epoch",
                     c->kept_epoch, "date", json_text(c->date), "data", json_text(c->data), "data_summary",
                     json_text(c->data_summary), "curve", curve_json(&c->curve));
}

int model_file_write_document(const char *path, bool force, json_t *document, const struct safetensors_tensor *tensors,
                              size_t n, struct err *e)
{
    char *text = json_print(document);
    json_decref(document);
    if (!text)
        return err_memory(e, "the description in a model file");
    int code = safetensors_write(path, force, document_key, text, tensors, n, e);
    free(text);
    return code;
}

/* ---- reading ---- */

/* What is being read, and from which file. */
struct reading {
    struct model_file *c;
    struct safetensors *st;
    const char *path;
    struct err *e;
};

static int read_text(const struct reading *r, const json_t *object, const char *key, const char **out)
{
    const char *text;
    TRY(json_want_string(object, key, r->path, &text, r->e));
    *out = arena_string(&r->c->arena, text);
    return *out ? 0 : err_memory(r->e, "a text of a model file");
}

static int read_options(const struct reading *r, const json_t *document, const char *key, const char *owner,
                        const struct option *table, void *values)
{
    json_t *object, *value;
    const char *name;
    TRY(json_want_object(document, key, r->path, &object, r->e));
    options_default(table, values);
    json_object_foreach(object, name, value)
    {
        struct err why = ERR_INIT;
        if (!json_is_string(value))
            return err_set(r->e, ERR_FORMAT, "%s: option '%s' of %s should be a string; the file is damaged", r->path,
                           name, owner);
        if (options_set(table, values, owner, name, json_string_value(value), &why))
            return err_set(r->e, ERR_FORMAT, "%s: %s; the file is damaged or was written by a newer engram", r->path,
                           why.msg);
    }
    return 0;
}

static int read_model(const struct reading *r, const json_t *document)
{
    const char *name;
    struct err why = ERR_INIT;
    struct model_file *c = r->c;
    TRY(json_want_string(document, "model", r->path, &name, r->e));
    c->model = model_find(name, &why);
    if (!c->model)
        return err_set(r->e, ERR_FORMAT, "%s: %s; the file is damaged or was written by a newer engram", r->path,
                       why.msg);
    c->config = arena_alloc(&c->arena, c->model->config_bytes);
    if (!c->config)
        return err_memory(r->e, "the options of a model");
    TRY(read_options(r, document, "options", c->model->name, c->model->options, c->config));
    return read_options(r, document, "train", "training", train_options, &c->train);
}

/* Files of 0.1 do not name the kind: there were only pictures. */
static int read_kind(const struct reading *r, const json_t *input)
{
    const char *name = "pictures";
    struct err why = ERR_INIT;
    if (json_object_get(input, "kind"))
        TRY(json_want_string(input, "kind", r->path, &name, r->e));
    r->c->input.kind = kind_find(name, &why);
    return r->c->input.kind ? 0
                            : err_set(r->e, ERR_FORMAT, "%s: %s; the file is damaged or was written by a newer engram",
                                      r->path, why.msg);
}

static int read_scale(const struct reading *r, const json_t *input, const char *key, int *n, const float **out)
{
    const json_t *value = json_object_get(input, key);
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    float *v = arena_alloc(&r->c->arena, (count + 1) * sizeof *v);
    if (!v)
        return err_memory(r->e, "the preprocessing");
    for (size_t i = 0; i < count; i++)
        v[i] = (float)json_number_read(json_is_array(value) ? json_array_get(value, i) : value);
    *n = (int)count;
    *out = v;
    return 0;
}

/* Of clips alone. */
static int read_step(const struct reading *r, const json_t *input)
{
    int64_t step;
    if (!json_object_get(input, "step"))
        return 0;
    TRY(json_want_integer(input, "step", r->path, 1, PREPROCESS_SIDE_MAX, &step, r->e));
    r->c->input.step = (int)step;
    return 0;
}

/* Files of before tiles have none. */
static int read_tiles(const struct reading *r, const json_t *input)
{
    int64_t tile;
    if (!json_object_get(input, "tile"))
        return 0;
    TRY(json_want_integer(input, "tile", r->path, 1, PREPROCESS_SIDE_MAX, &tile, r->e));
    r->c->input.tile = (int)tile;
    return json_want_number(input, "overlap", r->path, &r->c->input.overlap, r->e);
}

/* As roi_json wrote it; the shape is believed by now. */
static int read_roi(const struct reading *r, const json_t *input)
{
    json_t *runs;
    const bool shows = r->c->input.sample.nd >= 3;
    const struct picture_format f = shows ? preprocess_format(&r->c->input) : (struct picture_format){0};
    const int64_t pixels = (int64_t)f.width * f.height;
    TRY(json_want_array(input, "roi", r->path, SIZE_MAX, &runs, r->e));
    uint8_t *roi = arena_alloc(&r->c->arena, (size_t)pixels + 1);
    if (!roi)
        return err_memory(r->e, "the region that counts");
    int64_t at = 0, inside = 0;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        int64_t run = json_integer_value(json_array_get(runs, i));
        if (run < 0 || run > pixels - at)
            break;
        memset(roi + at, i % 2, (size_t)run);
        inside += i % 2 ? run : 0;
        at += run;
    }
    if (at != pixels || !inside)
        return err_set(
            r->e, ERR_FORMAT,
            "%s: the region that counts should say it of all %lld pixels, and of some that they do; the file "
            "is damaged",
            r->path, (long long)pixels);
    r->c->input.roi = roi;
    return 0;
}

static int read_input(const struct reading *r, const json_t *document)
{
    json_t *input, *shape;
    struct preprocess *p = &r->c->input;
    struct err why = ERR_INIT;
    int deviations;
    TRY(json_want_object(document, "input", r->path, &input, r->e));
    TRY(read_kind(r, input));
    TRY(json_want_array(input, "shape", r->path, SIZE_MAX, &shape, r->e));
    TRY(read_scale(r, input, "mean", &p->n, &p->mean));
    TRY(read_scale(r, input, "std", &deviations, &p->std));
    size_t nd = json_array_size(shape);
    p->sample.nd = nd < SHAPE_MAX ? (int)nd : 0;
    for (int i = 0; i < p->sample.nd; i++)
        p->sample.d[i] = json_integer_value(json_array_get(shape, (size_t)i));
    if (!p->sample.nd || p->n != deviations)
        return err_set(r->e, ERR_FORMAT,
                       "%s: the input has no shape, or not as many means as deviations; the file is damaged", r->path);
    TRY(read_step(r, input));
    TRY(read_tiles(r, input));
    TRY(preprocess_restore(p, input, r->path, &r->c->arena, r->e));
    if (preprocess_check(p, &why))
        return err_set(r->e, ERR_FORMAT, "%s: %s; the file is damaged", r->path, why.msg);
    return json_object_get(input, "roi") ? read_roi(r, input) : 0;
}

static int read_names(const struct reading *r, const json_t *object, const char *key, int limit, const char **names,
                      int *n)
{
    json_t *list;
    TRY(json_want_array(object, key, r->path, SIZE_MAX, &list, r->e));
    if (json_array_size(list) > (size_t)limit)
        return err_set(r->e, ERR_FORMAT, "%s: the training curve has %zu %s, at most %d are known; the file is damaged",
                       r->path, json_array_size(list), key, limit);
    for (*n = 0; *n < (int)json_array_size(list); (*n)++) {
        const char *text = json_string_value(json_array_get(list, (size_t)*n));
        if (!text || !(names[*n] = arena_string(&r->c->arena, text)))
            return text ? err_memory(r->e, "a name")
                        : err_set(r->e, ERR_FORMAT, "%s: the training curve's %s should be names; the file is damaged",
                                  r->path, key);
    }
    return 0;
}

static void read_row(const json_t *row, const struct curve *c, struct epoch_row *out)
{
    size_t at = 0;
    for (int k = 0; k < c->nlosses; k++)
        out->loss[k] = json_number_read(json_array_get(row, at++));
    out->validation = json_number_read(json_array_get(row, at++));
    for (int k = 0; k < c->nwatches; k++)
        out->watch[k] = json_number_read(json_array_get(row, at++));
}

static int read_curve(const struct reading *r, const json_t *document)
{
    json_t *object, *rows;
    struct curve *c = &r->c->curve;
    TRY(json_want_object(document, "curve", r->path, &object, r->e));
    TRY(read_names(r, object, "losses", OBJECTIVES, c->loss_names, &c->nlosses));
    TRY(read_names(r, object, "watches", WATCHES, c->watch_names, &c->nwatches));
    TRY(json_want_array(object, "rows", r->path, SIZE_MAX, &rows, r->e));
    size_t n = json_array_size(rows), width = (size_t)(c->nlosses + 1 + c->nwatches);
    if (n > EPOCHS_MAX)
        return err_set(r->e, ERR_FORMAT, "%s: the training curve has %zu epochs; the file is damaged", r->path, n);
    c->rows = arena_alloc(&r->c->arena, (n + 1) * sizeof *c->rows);
    if (!c->rows)
        return err_memory(r->e, "the training curve");
    for (c->epochs = 0; c->epochs < (int)n; c->epochs++) {
        const json_t *row = json_array_get(rows, (size_t)c->epochs);
        if (json_array_size(row) != width)
            return err_set(r->e, ERR_FORMAT,
                           "%s: epoch %d of the training curve should have %zu numbers; the file is "
                           "damaged",
                           r->path, c->epochs + 1, width);
        read_row(row, c, &c->rows[c->epochs]);
    }
    return 0;
}

static int read_provenance(const struct reading *r, const json_t *document)
{
    struct model_file *c = r->c;
    json_t *samples;
    int64_t kept;
    TRY(read_text(r, document, "version", &c->version));
    TRY(read_text(r, document, "date", &c->date));
    TRY(read_text(r, document, "data", &c->data));
    TRY(read_text(r, document, "data_summary", &c->data_summary));
    TRY(json_want_integer(document, "kept_epoch", r->path, 0, EPOCHS_MAX, &kept, r->e));
    c->kept_epoch = (int)kept;
    TRY(json_want_object(document, "samples", r->path, &samples, r->e));
    TRY(json_want_integer(samples, "trained", r->path, 0, INT64_MAX, &c->trained, r->e));
    TRY(json_want_integer(samples, "validated", r->path, 0, INT64_MAX, &c->validated, r->e));
    return json_want_integer(samples, "calibrated", r->path, 0, INT64_MAX, &c->calibrated, r->e);
}

static int read_map_scale(const struct reading *r, const json_t *object, const char *from, const char *to,
                          struct calibration *c)
{
    double low, high;
    TRY(json_want_number(object, from, r->path, &low, r->e));
    TRY(json_want_number(object, to, r->path, &high, r->e));
    if (!isfinite(low) || !isfinite(high) || high < low)
        return err_set(r->e, ERR_FORMAT,
                       "%s: the scale of the heat maps should go from a low to a high number; the "
                       "file is damaged",
                       r->path);
    c->map_low = (float)low;
    c->map_high = (float)high;
    return 0;
}

/* Files of 0.1 know nothing of what is usual. */
static int read_map_scales(const struct reading *r, const json_t *document)
{
    json_t *object;
    TRY(json_want_object(document, "calibration", r->path, &object, r->e));
    TRY(read_map_scale(r, object, "map_low", "map_high", &r->c->calibration));
    if (!json_object_get(object, "usual_low"))
        return 0;
    return read_map_scale(r, object, "usual_low", "usual_high", &r->c->map_calibration);
}

static int read_document(const struct reading *r, const json_t *document)
{
    int64_t format;
    TRY(json_want_integer(document, "format", r->path, 1, INT64_MAX, &format, r->e));
    if (format > MODEL_FILE_FORMAT)
        return err_set(r->e, ERR_FORMAT,
                       "%s has format %lld, this engram (%s) knows formats up to %d: it was written "
                       "by a newer engram; update this one",
                       r->path, (long long)format, BASE_VERSION, MODEL_FILE_FORMAT);
    TRY(read_provenance(r, document));
    TRY(read_model(r, document));
    TRY(read_input(r, document));
    TRY(read_map_scales(r, document));
    TRY(read_curve(r, document));
    struct err why = ERR_INIT;
    const struct preprocess view = preprocess_view(&r->c->input);
    const struct weights tensors = pretrained_view(r->st);
    if (r->c->model->recall)
        r->c->model->recall(r->c->config, &view.sample, &tensors);
    if (r->c->model->check(r->c->config, &view.sample, &why))
        return err_set(r->e, ERR_FORMAT, "%s: %s; the file is damaged", r->path, why.msg);
    return 0;
}

int model_file_read_document(struct safetensors *st, struct model_file *c, json_t **document, struct err *e)
{
    *c = (struct model_file){0};
    *document = NULL;
    const char *path = safetensors_path(st), *text = safetensors_metadata(st, document_key);
    int code = 0;
    if (!text)
        code = err_set(e, ERR_FORMAT,
                       "%s is a safetensors file, but not an engram model: it has no description "
                       "'%s' in its metadata",
                       path, document_key);
    if (!code)
        code = json_parse_text(text, strlen(text), path, document, e);
    if (!code)
        code = read_document(&(struct reading){c, st, path, e}, *document);
    if (code) {
        json_decref(*document);
        *document = NULL;
    }
    return code;
}
