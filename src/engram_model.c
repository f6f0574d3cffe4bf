/* The public interface: a loaded model and what it says of itself. */
#include "engram_private.h"

#include "run/inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

/* The curve as one list of names and one of values. */
static int note_curve(engram_model *m, struct err *e)
{
    const struct curve *c = &loaded_file(m->loaded)->curve;
    size_t losses = (size_t)c->nlosses, watches = (size_t)c->nwatches, n = losses + watches;
    memcpy(m->curve_names, c->loss_names, losses * sizeof *c->loss_names);
    memcpy(m->curve_names + losses, c->watch_names, watches * sizeof *c->watch_names);
    m->curve_values = calloc((size_t)c->epochs * n + 1, sizeof *m->curve_values);
    if (!m->curve_values)
        return err_memory(e, "a training curve");
    for (size_t i = 0; i < (size_t)c->epochs; i++) {
        memcpy(m->curve_values + i * n, c->rows[i].loss, losses * sizeof(double));
        memcpy(m->curve_values + i * n + losses, c->rows[i].watch, watches * sizeof(double));
    }
    return 0;
}

/* Takes over what was loaded. */
static int new_model(struct loaded *loaded, engram_model **out, struct err *e)
{
    engram_model *m = calloc(1, sizeof *m);
    if (!m) {
        loaded_close(loaded);
        return err_memory(e, "a model");
    }
    m->loaded = loaded;
    int code = facts_list(loaded_file(loaded), loaded_weights_bytes(loaded), &m->facts, e);
    if (code >= 0)
        code = note_curve(m, e);
    if (code < 0) {
        engram_model_free(m);
        return code;
    }
    *out = m;
    return 0;
}

int engram_model_load(const char *path, engram_model **model, engram_error *error)
{
    struct call call;
    struct loaded *loaded;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(path), GIVEN(model));
    if (code >= 0)
        code = loaded_open(path, &loaded, &call.err);
    if (code >= 0)
        code = new_model(loaded, model, &call.err);
    return call_end(&call, code, error);
}

int engram_model_load_memory(const void *bytes, size_t n, engram_model **model, engram_error *error)
{
    struct call call;
    struct loaded *loaded;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(bytes), GIVEN(model));
    if (code >= 0)
        code = loaded_open_memory(bytes, n, &loaded, &call.err);
    if (code >= 0)
        code = new_model(loaded, model, &call.err);
    return call_end(&call, code, error);
}

void engram_model_free(engram_model *model)
{
    if (!model)
        return;
    facts_free(&model->facts);
    free(model->curve_values);
    loaded_close(model->loaded);
    free(model);
}

/* ---- calibration ---- */

const struct calibration *model_calibration(const engram_model *model)
{
    const struct model_file *file = loaded_file(model->loaded);
    return model_file_calibration(file, model_file_stands(file));
}

double engram_model_smallest_rate(const engram_model *model)
{
    return model ? calibration_smallest_rate(model_calibration(model)) : (double)NAN;
}

double engram_model_threshold(const engram_model *model, double rate)
{
    bool sound = model && rate >= 0 && rate <= 1;
    return sound ? (double)calibration_threshold(model_calibration(model), rate) : (double)NAN;
}

double engram_model_rate_bound(const engram_model *model, double rate, double confidence)
{
    bool sound = model && rate >= 0 && rate <= 1 && confidence >= 0 && confidence <= 1;
    return sound ? calibration_rate_bound(model_calibration(model), rate, confidence) : (double)NAN;
}

double engram_model_p_value(const engram_model *model, double score)
{
    return model && !isnan(score) ? calibration_p_value(model_calibration(model), (float)score) : (double)NAN;
}

/* ---- what it says of itself ---- */

int engram_model_fact_at(const engram_model *model, size_t i, engram_fact *row)
{
    static const int types[] = {[FACT_TEXT] = ENGRAM_FACT_TEXT,
                                [FACT_BOOL] = ENGRAM_FACT_BOOL,
                                [FACT_INT] = ENGRAM_FACT_INT,
                                [FACT_FLOAT] = ENGRAM_FACT_FLOAT,
                                [FACT_LIST] = ENGRAM_FACT_LIST};
    if (!model || i >= model->facts.n)
        return 0;
    const struct fact *f = &model->facts.rows[i];
    return STRUCT_ROW(engram_fact, row, .section = f->section, .name = f->name, .type = types[f->type], .text = f->text,
                      .unit = f->unit, .integer = f->integer, .number = f->number, .list = f->list, .nlist = f->nlist);
}

int engram_model_curve_at(const engram_model *model, size_t i, engram_epoch *row)
{
    if (!model)
        return 0;
    const struct model_file *file = loaded_file(model->loaded);
    const struct curve *c = &file->curve;
    size_t n = (size_t)(c->nlosses + c->nwatches);
    if (i >= (size_t)c->epochs)
        return 0;
    return STRUCT_ROW(engram_epoch, row, .epoch = (int64_t)i + 1, .kept = (int64_t)i + 1 == file->kept_epoch,
                      .names = model->curve_names, .values = model->curve_values + i * n, .nvalues = n,
                      .validation_loss = c->rows[i].validation);
}

int engram_model_format(const engram_model *model, engram_format *format)
{
    if (!model)
        return 0;
    const struct preprocess *input = &loaded_file(model->loaded)->input, view = preprocess_view(input);
    const struct shape *s = &input->sample, *seen = &view.sample;
    const bool picture = s->nd > 1;
    return STRUCT_ROW(engram_format, format, .frames = s->nd == 4 ? s->d[0] : 0,
                      .height = picture ? s->d[s->nd - 3] : 0, .width = picture ? s->d[s->nd - 2] : 0,
                      .channels = picture ? shape_last(s) : (int64_t)preprocess_columns(input),
                      .tile_height = picture ? seen->d[s->nd - 3] : 0, .tile_width = picture ? seen->d[s->nd - 2] : 0);
}

/* ---- its memories ---- */

size_t engram_model_items(const engram_model *model, size_t k)
{
    return model && k < (size_t)loaded_roles(model->loaded)->nmemories
               ? (size_t)inspect_item_count(model->loaded, (int)k)
               : 0;
}

static int model_item(const engram_model *model, size_t k, size_t i, uint8_t *pixels, size_t n, struct err *e)
{
    size_t items = engram_model_items(model, k);
    struct picture_format format;
    const struct preprocess view = preprocess_view(&loaded_file(model->loaded)->input);
    if (!items || !preprocess_shows(&view, &format))
        return err_set(e, ERR_USAGE, "the model has no memory %zu whose items can be looked at", k);
    if (i >= items)
        return err_set(e, ERR_USAGE, "the memory has no item %zu; its items are 0 to %zu", i, items - 1);
    if (n != picture_bytes(&format))
        return err_set(e, ERR_USAGE, "an item has %zu bytes (%d x %d x %d), not %zu", picture_bytes(&format),
                       format.height, format.width, format.channels, n);
    return inspect_items(model->loaded, (int)k, (const int64_t[]){(int64_t)i}, 1, pixels, e);
}

int engram_model_item(const engram_model *model, size_t k, size_t i, uint8_t *pixels, size_t n, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(pixels));
    if (code >= 0)
        code = model_item(model, k, i, pixels, n, &call.err);
    return call_end(&call, code, error);
}

/* ---- what it takes to use it ---- */

int engram_model_memory(const engram_model *model, const char *const *settings, size_t nsettings, size_t *bytes,
                        engram_error *error)
{
    struct call call;
    struct scorer_config config;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(bytes));
    if (code >= 0)
        code = scorer_config_read(settings, nsettings, &config, &call.err);
    if (code >= 0) {
        const struct scorer_spec spec = scorer_spec_of(&config);
        code = scorer_memory(model->loaded, &spec, bytes, &call.err);
    }
    return call_end(&call, code, error);
}
