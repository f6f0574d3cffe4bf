/* The public interface, parts 3 and 4: data, and what there is. */
#include "engram_private.h"

#include "data/dataset.h"
#include "models/model.h"
#include "file/train_config.h"
#include "run/inspect.h"

#include <stdlib.h>
#include <string.h>

/* ======== 3. Data ======== */

struct engram_data {
    struct dataset *dataset;
};

static int data_open(const char *url, const engram_hooks *hooks, engram_data **out, struct err *e)
{
    const struct log log = hooks_log(hooks);
    engram_data *d = calloc(1, sizeof *d);
    if (!d)
        return err_memory(e, "a data set");
    int code = dataset_open(url, DATASET_LEARN, &log, &d->dataset, e);
    if (code < 0)
        free(d);
    else
        *out = d;
    return code;
}

int engram_data_open(const char *url, const engram_hooks *hooks, engram_data **data, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, data_open(url, hooks, data, &call.err), error);
}

void engram_data_free(engram_data *data)
{
    if (!data)
        return;
    dataset_close(data->dataset);
    free(data);
}

static bool is_part(int part)
{
    return part == ENGRAM_DATA_TRAIN || part == ENGRAM_DATA_TEST;
}

size_t engram_data_count(const engram_data *data, int part)
{
    return is_part(part) ? dataset_count(data->dataset, (enum split)part) : 0;
}

int engram_data_sample(const engram_data *data, int part, size_t i, engram_sample *sample)
{
    if (i >= engram_data_count(data, part))
        return 0;
    const struct sample *s = dataset_sample(data->dataset, (enum split)part, i);
    *sample = (engram_sample){s->name, s->path, s->kind, s->index, s->anomalous};
    return 1;
}

static int data_check(engram_data *data, const engram_hooks *hooks, struct err *e)
{
    const struct log log = hooks_log(hooks);
    for (int part = 0; part < SPLITS; part++) {
        const struct dataset_needs needs = {.at_least = 1, .threads = threads_choose(0)};
        if (dataset_count(data->dataset, (enum split)part))
            TRY(dataset_check(data->dataset, (enum split)part, &needs, &log, e));
    }
    return 0;
}

int engram_data_check(engram_data *data, const engram_hooks *hooks, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, data_check(data, hooks, &call.err), error);
}

void engram_data_summary(const engram_data *data, const engram_hooks *hooks)
{
    const struct log log = hooks_log(hooks);
    struct err e = ERR_INIT;
    if (dataset_summary(data->dataset, &log, &e))
        log_line(&log, LOG_WARN, "%s", e.msg);
}

/* ======== 4. Inspect ======== */

static const struct model *known_model(const char *name)
{
    for (size_t i = 0; models[i]; i++)
        if (!strcmp(models[i]->name, name))
            return models[i];
    return NULL;
}

int engram_model_kind_at(size_t i, engram_model_kind *row)
{
    for (size_t k = 0; models[k]; k++)
        if (k == i) {
            *row = (engram_model_kind){models[k]->name, models[k]->title, models[k]->paper, models[k]->idea};
            return 1;
        }
    return 0;
}

static int public_option(const struct option *table, size_t i, engram_option *row)
{
    static const char *const types[] = {
        [OPTION_INT] = "int",       [OPTION_FLOAT] = "float", [OPTION_BOOL] = "bool",
        [OPTION_CHOICE] = "choice", [OPTION_STRING] = "text", [OPTION_INTS] = "ints",
    };
    struct option o;
    if (!option_at(table, i, &o))
        return 0;
    *row = (engram_option){o.name, types[o.type], o.value, o.choices, o.min, o.max, o.help};
    return 1;
}

int engram_model_option_at(const char *model, size_t i, engram_option *row)
{
    const struct model *m = known_model(model);
    return m ? public_option(m->options, i, row) : 0;
}

int engram_train_option_at(size_t i, engram_option *row)
{
    return public_option(train_options, i, row);
}

int engram_preset_at(const char *model, size_t i, engram_preset *row)
{
    const struct model *m = known_model(model);
    for (const struct preset *p = m ? m->presets : NULL; p && p->name; p++, i--)
        if (!i) {
            *row = (engram_preset){p->name, p->help, p->model, p->run};
            return 1;
        }
    return 0;
}

int engram_source_at(size_t i, engram_source *row)
{
    const struct source *s = dataset_source(i);
    if (s)
        *row = (engram_source){source_name(s), source_help(s)};
    return s != NULL;
}

int engram_source_option_at(const char *source, size_t i, engram_option *row)
{
    const struct source *s;
    for (size_t k = 0; (s = dataset_source(k)); k++)
        if (!strcmp(source_name(s), source))
            return public_option(source_options(s), i, row);
    return 0;
}

int engram_model_fact_at(const engram_model *model, size_t i, engram_fact *row)
{
    if (i >= model->facts.n)
        return 0;
    const struct fact *f = &model->facts.rows[i];
    *row = (engram_fact){f->section, f->name, f->value};
    return 1;
}

size_t engram_model_items(const engram_model *model)
{
    return (size_t)inspect_item_count(model->loaded, 0);
}

static int model_item(const engram_model *model, size_t i, uint8_t *pixels, struct err *e)
{
    size_t items = engram_model_items(model);
    if (items && i >= items)
        return err_set(e, ERR_USAGE, "the memory has no item %zu; its items are 0 to %zu", i, items - 1);
    return inspect_items(model->loaded, 0, (const int64_t[]){(int64_t)i}, 1, pixels, e);
}

int engram_model_item(const engram_model *model, size_t i, uint8_t *pixels, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, model_item(model, i, pixels, &call.err), error);
}

static int model_memory(const engram_model *model, int batch, int threads, size_t *bytes, struct err *e)
{
    struct scorer *scorer;
    if (batch < 1)
        return err_set(e, ERR_USAGE, "a scorer computes at least 1 sample at once, not %d", batch);
    const struct scorer_spec spec = {
        .batch = batch, .threads = threads_choose(threads), .precision = PRECISION_AUTO, .map = true, .rate = 0.05};
    TRY(scorer_new(model->loaded, &spec, &scorer, e));
    *bytes = scorer_bytes(scorer);
    scorer_free(scorer);
    return 0;
}

int engram_model_memory(const engram_model *model, int batch, int threads, size_t *bytes, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, model_memory(model, batch, threads, bytes, &call.err), error);
}

void engram_model_format(const engram_model *model, int *width, int *height, int *channels)
{
    const struct shape *sample = &loaded_file(model->loaded)->input.sample;
    *height = (int)sample->d[0];
    *width = (int)sample->d[1];
    *channels = (int)sample->d[2];
}
