/* The public interface: scoring. */
#include "engram_private.h"

#include "base/clock.h"
#include "data/pixels.h"
#include "report/heatmap.h"
#include "stats/regions.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)ENGRAM_PARTS >= (int)SCORE_PARTS, "all parts of a score find room");

struct engram_scorer {
    const engram_model *model;
    struct scorer_config config;
    struct scorer *single, *many;    /* for one sample at a time and for `batch`; made at first use */
    struct picture_decoder *decoder; /* the same */
    struct picture *pictures;        /* batch, each of the model's size, */
    uint8_t *fitted;                 /* and their pixels; the same */
    struct verdict *verdicts;        /* batch, of the last call */
    size_t nverdicts;                /* 0 where it failed */
};

static int new_scorer(const engram_model *model, const char *const *settings, size_t n, engram_scorer **out,
                      struct err *e)
{
    struct scorer_config config;
    TRY(scorer_config_read(settings, n, &config, e));
    engram_scorer *s = calloc(1, sizeof *s);
    if (!s || !(s->verdicts = calloc((size_t)config.batch, sizeof *s->verdicts))) {
        free(s);
        return err_memory(e, "a scorer");
    }
    s->model = model;
    s->config = config;
    *out = s;
    return 0;
}

int engram_scorer_new(const engram_model *model, const char *const *settings, size_t nsettings, engram_scorer **scorer,
                      engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(scorer));
    if (code >= 0)
        code = new_scorer(model, settings, nsettings, scorer, &call.err);
    return call_end(&call, code, error);
}

void engram_scorer_free(engram_scorer *scorer)
{
    if (!scorer)
        return;
    scorer_free(scorer->single);
    scorer_free(scorer->many);
    picture_decoder_free(scorer->decoder);
    free(scorer->pictures);
    free(scorer->fitted);
    free(scorer->verdicts);
    free(scorer);
}

/* What its maps are coloured and its regions found by. */
static const struct calibration *calibration_of(const engram_scorer *s)
{
    const struct model_file *file = loaded_file(s->model->loaded);
    return s->config.score == BY_FILE ? model_calibration(s->model) : model_file_calibration(file, s->config.score);
}

/* ---- results ---- */

static void write_result(const engram_scorer *s, const struct verdict *v, engram_result *out)
{
    const struct roles *roles = loaded_roles(s->model->loaded);
    engram_result r = {.size = sizeof r,
                       .score = (double)v->score,
                       .p_value = v->p_value,
                       .anomalous = v->anomalous,
                       .nparts = roles->nparts};
    for (int i = 0; i < roles->nparts; i++)
        r.parts[i] = (engram_part){roles->parts[i], (double)v->parts[i], (double)roles->weights[i]};
    struct_write(out, &r, sizeof r);
}

/* NULL with a sentence: there is none. */
static const struct verdict *find_verdict(const engram_scorer *s, size_t i, struct err *e)
{
    if (i < s->nverdicts)
        return &s->verdicts[i];
    err_set(e, ERR_USAGE, "there is no result %zu: the scorer's last call made %zu", i, s->nverdicts);
    return NULL;
}

/* The verdict of result i, which has a map of `count` values. */
static int find_map(const engram_scorer *s, size_t i, const struct verdict **out, size_t *count, struct err *e)
{
    const struct verdict *v = find_verdict(s, i, e);
    const struct shape *sample = &loaded_file(s->model->loaded)->input.sample;
    if (!v)
        return e->code;
    if (!v->map)
        return err_set(e, ERR_USAGE, "there is no map: %s",
                       s->config.maps ? "this model makes none" : "the scorer was not asked for any (maps=true)");
    *out = v;
    *count = (size_t)(sample->d[sample->nd - 3] * sample->d[sample->nd - 2]); /* a frame of a clip has a verdict */
    return 0;
}

static int copy_map(const engram_scorer *s, size_t i, float *values, size_t n, struct err *e)
{
    const struct verdict *v;
    size_t want;
    TRY(find_map(s, i, &v, &want, e));
    if (n != want)
        return err_set(e, ERR_USAGE, "a map of this model has %zu values, not %zu", want, n);
    memcpy(values, v->map, n * sizeof *values);
    return 0;
}

int engram_scorer_map(const engram_scorer *scorer, size_t i, float *values, size_t n, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(values));
    if (code >= 0)
        code = copy_map(scorer, i, values, n, &call.err);
    return call_end(&call, code, error);
}

static int copy_pixels(const engram_scorer *s, size_t i, int which, uint8_t *pixels, size_t n, struct err *e)
{
    const struct verdict *v = find_verdict(s, i, e);
    const struct preprocess *input = &loaded_file(s->model->loaded)->input;
    struct picture_format format;
    if (which != ENGRAM_TARGET && which != ENGRAM_OUTPUT)
        return err_set(e, ERR_USAGE, "there are pixels %d (ENGRAM_TARGET) and %d (ENGRAM_OUTPUT), none of %d",
                       ENGRAM_TARGET, ENGRAM_OUTPUT, which);
    if (!v)
        return e->code;
    if (!v->reconstruction || !preprocess_shows(input, &format))
        return err_set(e, ERR_USAGE, "there is no output to look at: %s",
                       s->config.outputs ? "this model has none" : "the scorer was not asked for any (outputs=true)");
    if (n != picture_bytes(&format))
        return err_set(e, ERR_USAGE, "an output has %zu bytes (%d x %d x %d), not %zu", picture_bytes(&format),
                       format.height, format.width, format.channels, n);
    preprocess_show(input, which == ENGRAM_TARGET ? v->target : v->reconstruction, pixels);
    return 0;
}

int engram_scorer_pixels(const engram_scorer *scorer, size_t i, int which, uint8_t *pixels, size_t n,
                         engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(pixels));
    if (code >= 0)
        code = copy_pixels(scorer, i, which, pixels, n, &call.err);
    return call_end(&call, code, error);
}

/* ---- pictures ---- */

/* The inner scorer of that batch, made at its first use. */
static int ready(engram_scorer *s, struct scorer **inner, int64_t batch, struct err *e)
{
    struct scorer_spec spec = scorer_spec_of(&s->config);
    spec.batch = (int)batch;
    return *inner ? 0 : scorer_new(s->model->loaded, &spec, inner, e);
}

/* What every picture goes through. */
static int ready_decoder(engram_scorer *s, struct err *e)
{
    const struct preprocess *input = &loaded_file(s->model->loaded)->input;
    const struct picture_limits limits = scorer_limits(&s->config);
    if (!preprocess_shows(input, NULL))
        return err_set(e, ERR_USAGE, "this model was made for %s and cannot score a picture",
                       kind_samples(input->kind));
    if (s->decoder)
        return 0;
    TRY(picture_decoder_new(&s->decoder, e));
    picture_decoder_limit(s->decoder, &limits);
    return 0;
}

static int channels_of(const engram_scorer *s)
{
    return (int)shape_last(&loaded_file(s->model->loaded)->input.sample);
}

static int score_one(engram_scorer *s, const struct picture *picture, engram_result *result, struct err *e)
{
    TRY(ready(s, &s->single, 1, e));
    TRY(scorer_score(s->single, picture, 1, s->verdicts, e));
    if (s->verdicts->error)
        return err_set(e, s->verdicts->error, "%s", s->verdicts->message);
    write_result(s, s->verdicts, result);
    s->nverdicts = 1;
    return 0;
}

static int score_picture(engram_scorer *s, const engram_picture *p, engram_result *result, struct err *e)
{
    struct pixels pixels;
    struct picture picture;
    TRY(picture_pixels(p, &pixels, e));
    TRY(ready_decoder(s, e));
    TRY(pixels_read(&pixels, channels_of(s), s->decoder, &picture, e));
    return score_one(s, &picture, result, e);
}

/* What every call that makes results begins with. */
static int begin_results(engram_scorer *s, const engram_result *result, struct err *e)
{
    s->nverdicts = 0;
    return STRUCT_CHECK(engram_result, result, e);
}

int engram_score_picture(engram_scorer *scorer, const engram_picture *picture, engram_result *result,
                         engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(picture), GIVEN(result));
    if (code >= 0)
        code = begin_results(scorer, result, &call.err);
    if (code >= 0)
        code = score_picture(scorer, picture, result, &call.err);
    return call_end(&call, code, error);
}

/* The i-th struct of an array whose elements have the size that the first one says. */
static void *element(const void *array, size_t i)
{
    return (char *)(uintptr_t)array + i * *(const size_t *)array;
}

/* One after the other through the one decoder, to the model's size: that is what is kept of each until all are there.
 */
static int fit_pictures(engram_scorer *s, const engram_picture *pictures, size_t n, struct err *e)
{
    const struct picture_format format = preprocess_format(&loaded_file(s->model->loaded)->input);
    for (size_t i = 0; i < n; i++) {
        struct pixels pixels;
        struct picture picture;
        struct err why = ERR_INIT;
        uint8_t *fitted = s->fitted + i * picture_bytes(&format);
        int code = picture_pixels(element(pictures, i), &pixels, &why);
        if (code >= 0)
            code = pixels_read(&pixels, format.channels, s->decoder, &picture, &why);
        if (code >= 0)
            code = picture_fit(s->decoder, &picture, &format, fitted, &why);
        if (code < 0)
            return err_set(e, code, "picture %zu of %zu: %s", i, n, why.msg);
        s->pictures[i] = (struct picture){format.width, format.height, format.channels, fitted};
    }
    return 0;
}

static int ready_many(engram_scorer *s, struct err *e)
{
    const struct preprocess *input = &loaded_file(s->model->loaded)->input;
    size_t batch = (size_t)s->config.batch;
    TRY(ready_decoder(s, e));
    s->fitted = s->fitted ? s->fitted : malloc(batch * preprocess_bytes(input));
    s->pictures = s->pictures ? s->pictures : calloc(batch, sizeof *s->pictures);
    if (!s->fitted || !s->pictures)
        return err_memory(e, "pictures to score at once");
    return ready(s, &s->many, s->config.batch, e);
}

static int score_pictures(engram_scorer *s, const engram_picture *pictures, size_t n, engram_result *results,
                          struct err *e)
{
    if (n < 1 || n > (size_t)s->config.batch)
        return err_set(e, ERR_USAGE, "%zu pictures at once, where this scorer takes 1 to %lld (its setting batch)", n,
                       (long long)s->config.batch);
    TRY(STRUCT_CHECK(engram_picture, pictures, e));
    TRY(ready_many(s, e));
    TRY(fit_pictures(s, pictures, n, e));
    TRY(scorer_score(s->many, s->pictures, (int)n, s->verdicts, e));
    for (size_t i = 0; i < n; i++)
        if (s->verdicts[i].error)
            return err_set(e, s->verdicts[i].error, "picture %zu of %zu: %s", i, n, s->verdicts[i].message);
    for (size_t i = 0; i < n; i++) {
        engram_result *out = element(results, i);
        out->size = results->size;
        write_result(s, &s->verdicts[i], out);
    }
    s->nverdicts = n;
    return 0;
}

int engram_score_pictures(engram_scorer *scorer, const engram_picture *pictures, size_t n, engram_result *results,
                          engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(pictures), GIVEN(results));
    if (code >= 0)
        code = begin_results(scorer, results, &call.err);
    if (code >= 0)
        code = score_pictures(scorer, pictures, n, results, &call.err);
    return call_end(&call, code, error);
}

/* `path` NULL: the file's n bytes are there already. */
static int score_encoded(engram_scorer *s, const char *path, const void *bytes, size_t n, engram_result *result,
                         struct err *e)
{
    struct picture picture;
    TRY(begin_results(s, result, e));
    TRY(ready_decoder(s, e));
    if (path)
        TRY(picture_read(s->decoder, path, channels_of(s), &picture, e));
    else
        TRY(picture_decode(s->decoder, bytes, n, "the picture in memory", channels_of(s), &picture, e));
    return score_one(s, &picture, result, e);
}

int engram_score_file(engram_scorer *scorer, const char *path, engram_result *result, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(path), GIVEN(result));
    if (code >= 0)
        code = score_encoded(scorer, path, NULL, 0, result, &call.err);
    return call_end(&call, code, error);
}

int engram_score_encoded(engram_scorer *scorer, const void *bytes, size_t n, engram_result *result, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(bytes), GIVEN(result));
    if (code >= 0)
        code = score_encoded(scorer, NULL, bytes, n, result, &call.err);
    return call_end(&call, code, error);
}

/* ---- rows of numbers ---- */

/* As many as a batch takes. `first`: rows before them. */
static int score_some_rows(engram_scorer *s, const float *rows, size_t first, size_t n, engram_result *results,
                           struct err *e)
{
    TRY(scorer_score_rows(s->many, rows, (int)n, s->verdicts, e));
    for (size_t i = 0; i < n; i++) {
        engram_result *out = element(results, first + i);
        if (s->verdicts[i].error)
            return err_set(e, s->verdicts[i].error, "row %zu: %s", first + i, s->verdicts[i].message);
        out->size = results->size;
        write_result(s, &s->verdicts[i], out);
    }
    return 0;
}

static int score_rows(engram_scorer *s, const float *rows, size_t n, size_t columns, engram_result *results,
                      struct err *e)
{
    const size_t batch = (size_t)s->config.batch;
    TRY(scorer_check_rows(s->model->loaded, rows, n, columns, e));
    TRY(ready(s, &s->many, s->config.batch, e));
    for (size_t first = 0; first < n; first += batch)
        TRY(score_some_rows(s, rows + first * columns, first, n - first < batch ? n - first : batch, results, e));
    return 0;
}

int engram_score_rows(engram_scorer *scorer, const float *rows, size_t n, size_t columns, engram_result *results,
                      engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(rows), GIVEN(results));
    if (code >= 0)
        code = begin_results(scorer, results, &call.err);
    if (code >= 0)
        code = score_rows(scorer, rows, n, columns, results, &call.err);
    return call_end(&call, code, error);
}

/* ---- data ---- */

struct rows {
    engram_scorer *scorer;
    const struct dataset *data;
    const engram_hooks *hooks;
    engram_row_fn *row;
    void *user;
    size_t done, total;
    double started;
};

static int on_row(void *user, size_t index, const struct verdict *v)
{
    struct rows *r = user;
    engram_result result = ENGRAM_RESULT_INIT;
    const struct sample *s = dataset_sample(r->data, SPLIT_TEST, index);
    engram_row row = {.size = sizeof row,
                      .name = s->name,
                      .path = s->path,
                      .index = dataset_plays(r->data) ? v->frame : s->index,
                      .kind = s->kind,
                      .truth = s->anomalous,
                      .error = v->error ? v->message : NULL,
                      .result = v->error ? NULL : &result};
    if (!v->error)
        write_result(r->scorer, v, &result);
    r->scorer->verdicts[0] = *v;
    r->scorer->nverdicts = !v->error;
    hooks_samples(r->hooks, "scoring", ++r->done, r->total, clock_seconds() - r->started);
    int stop = r->row(r->user, &row) || hooks_stop(hooks_user(r->hooks));
    r->scorer->nverdicts = 0; /* what it points to is used again */
    return stop;
}

static bool on_search(void *user, size_t samples)
{
    const struct rows *r = user;
    hooks_samples(r->hooks, "scoring", r->done + samples, r->total, clock_seconds() - r->started);
    return hooks_stop(hooks_user(r->hooks));
}

static int score_dataset(struct rows *rows, struct dataset *data, const struct log *log, struct err *e)
{
    engram_scorer *s = rows->scorer;
    struct scorer *scorer = NULL;
    struct scorer_spec spec = scorer_spec_of(&s->config);
    const struct picture_limits limits = scorer_limits(&s->config);
    spec.log = log;
    spec.searching = on_search;
    spec.user = rows;
    dataset_limit(data, &limits);
    rows->total = dataset_plays(data) ? 0 : dataset_count(data, SPLIT_TEST);
    if (rows->total && (size_t)spec.batch > rows->total)
        spec.batch = (int)rows->total;
    int code = scorer_new(s->model->loaded, &spec, &scorer, e);
    if (code >= 0)
        code = scorer_score_dataset(scorer, data, SPLIT_TEST, NULL, 0, on_row, rows, e);
    scorer_free(scorer);
    return code;
}

static int score_origin(struct rows *rows, const struct origin *origin, struct err *e)
{
    struct dataset *data = NULL;
    struct own_data own;
    const struct log log = hooks_log(rows->hooks);
    rows->scorer->nverdicts = 0;
    TRY(origin_open(origin, DATASET_SCORE, &log, &own, &data, e));
    rows->data = data;
    int code = score_dataset(rows, data, &log, e);
    dataset_close(data);
    return code;
}

int engram_score_data(engram_scorer *scorer, const char *const *urls, size_t n, const engram_hooks *hooks,
                      engram_row_fn *row, void *user, engram_error *error)
{
    struct call call;
    const struct origin origin = {.urls = urls, .n = n};
    call_begin(&call);
    struct rows rows = {.scorer = scorer, .hooks = &call.hooks, .row = row, .user = user, .started = clock_seconds()};
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(urls), GIVEN(row));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = score_origin(&rows, &origin, &call.err);
    return call_end(&call, code, error);
}

int engram_score_source(engram_scorer *scorer, const engram_data_source *source, const engram_hooks *hooks,
                        engram_row_fn *row, void *user, engram_error *error)
{
    struct call call;
    const struct origin origin = {.source = source};
    call_begin(&call);
    struct rows rows = {.scorer = scorer, .hooks = &call.hooks, .row = row, .user = user, .started = clock_seconds()};
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(source), GIVEN(row));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = score_origin(&rows, &origin, &call.err);
    return call_end(&call, code, error);
}

/* ---- regions ---- */

/* Appends those of one frame to the `room` of the caller's that have a place, and counts all. */
static int add_regions(const engram_scorer *s, const float *map, int frame, engram_region *out, size_t room, size_t *n,
                       struct err *e)
{
    const struct shape size = model_file_map(loaded_file(s->model->loaded));
    struct region *found;
    size_t count;
    float level = calibration_peak_threshold(calibration_of(s), s->config.false_alarm_rate);
    TRY(regions_find(map, (int)size.d[1], (int)size.d[0], level, &found, &count, e));
    for (size_t i = 0; i < count && *n + i < room; i++) {
        engram_region *to = element(out, *n + i);
        const struct region *r = &found[i];
        to->size = out->size;
        STRUCT_WRITE(engram_region, to, .frame = frame, .x = r->x, .y = r->y, .width = r->width, .height = r->height,
                     .area = (int64_t)r->area, .peak = (double)r->peak, .peak_x = r->peak_x, .peak_y = r->peak_y);
    }
    *n += count;
    free(found);
    return 0;
}

static int find_regions(const engram_scorer *s, size_t i, engram_region *out, size_t room, size_t *n, struct err *e)
{
    const struct verdict *v;
    size_t count, all = 0;
    if (room && !out)
        return err_set(e, ERR_USAGE, "there is room for %zu regions, but `regions` is NULL", room);
    if (room)
        TRY(STRUCT_CHECK(engram_region, out, e));
    TRY(find_map(s, i, &v, &count, e));
    const struct shape size = model_file_map(loaded_file(s->model->loaded));
    size_t frame = (size_t)shape_count(&size);
    for (size_t at = 0; at < count; at += frame)
        TRY(add_regions(s, v->map + at, (int)(at / frame), out, room, &all, e));
    *n = all;
    return 0;
}

int engram_scorer_regions(const engram_scorer *scorer, size_t i, engram_region *regions, size_t room, size_t *n,
                          engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(n));
    if (code >= 0)
        code = find_regions(scorer, i, regions, room, n, &call.err);
    return call_end(&call, code, error);
}

/* ---- maps ---- */

static int map_write(const struct calibration *c, const float *values, int width, int height, const char *path,
                     int format, bool force, struct err *e)
{
    if (width < 1 || height < 1 || width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE ||
        (int64_t)width * height > PICTURE_MAX_PIXELS)
        return err_set(e, ERR_USAGE, "%s: a map of %d x %d values cannot be written: it takes sides from 1 to %d", path,
                       width, height, PICTURE_MAX_SIDE);
    if (format != ENGRAM_MAP_NPY && format != ENGRAM_MAP_PNG)
        return err_set(e, ERR_USAGE, "there is no map format %d", format);
    TRY(make_parent(path, e));
    if (format == ENGRAM_MAP_NPY)
        return heatmap_write_npy(path, values, width, height, force, e);
    return heatmap_write_png(path, c, values, width, height, force, e);
}

static int result_map_write(const engram_scorer *s, size_t i, const char *path, int format, bool force, struct err *e)
{
    const struct verdict *v;
    size_t count;
    TRY(find_map(s, i, &v, &count, e));
    int width = (int)model_file_map(loaded_file(s->model->loaded)).d[1];
    return map_write(calibration_of(s), v->map, width, (int)(count / (size_t)width), path, format, force, e);
}

int engram_scorer_map_write(const engram_scorer *scorer, size_t i, const char *path, int format, int force,
                            engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(path));
    if (code >= 0)
        code = result_map_write(scorer, i, path, format, force != 0, &call.err);
    return call_end(&call, code, error);
}

int engram_map_write(const engram_model *model, const float *values, int width, int height, const char *path,
                     int format, int force, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(values), GIVEN(path));
    if (code >= 0)
        code = map_write(model_calibration(model), values, width, height, path, format, force != 0, &call.err);
    return call_end(&call, code, error);
}
