/* The public interface: what a scorer's last call has found, to be looked at. */
#include "engram_private.h"

#include "report/heatmap.h"
#include "stats/regions.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)ENGRAM_PARTS >= (int)SCORE_PARTS, "all parts of a score find room");

const struct calibration *scorer_calibration_of(const engram_scorer *s)
{
    const struct model_file *file = loaded_file(s->model->loaded);
    return s->config.score == BY_FILE ? model_calibration(s->model) : model_file_calibration(file, s->config.score);
}

void result_write(const engram_scorer *s, const struct verdict *v, engram_result *out)
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

int scorer_tell(engram_scorer *s, const struct verdict *v, engram_row *row, engram_row_fn *tell, void *user)
{
    engram_result result = ENGRAM_RESULT_INIT;
    if (v->error)
        row->error = v->message;
    else
        row->result = &result;
    if (!v->error)
        result_write(s, v, &result);
    const struct picture *shown = &v->shown;
    const engram_picture picture = {.size = sizeof picture,
                                    .format = shown->channels == 1 ? ENGRAM_GREY8 : ENGRAM_RGB,
                                    .width = shown->width,
                                    .height = shown->height,
                                    .plane = {shown->pixels}};
    row->picture = shown->pixels ? &picture : NULL;
    s->verdicts[0] = *v;
    s->nverdicts = !v->error;
    int stop = tell(user, row);
    s->nverdicts = 0; /* what it points to is used again */
    return stop;
}

/* NULL with a sentence: there is none. */
static const struct verdict *find_verdict(const engram_scorer *s, size_t i, struct err *e)
{
    if (i < s->nverdicts)
        return &s->verdicts[i];
    err_set(e, ERR_USAGE, "there is no result %zu: the scorer's last call made %zu", i, s->nverdicts);
    return NULL;
}

int scorer_find_map(const engram_scorer *s, size_t i, const struct verdict **out, size_t *count, struct err *e)
{
    const struct verdict *v = find_verdict(s, i, e);
    const struct shape size = model_file_map(loaded_file(s->model->loaded)); /* a frame of a clip has a verdict */
    if (!v)
        return e->code;
    if (!v->map)
        return err_set(e, ERR_USAGE, "there is no map: %s",
                       s->config.maps ? "this model makes none" : "the scorer was not asked for any (maps=true)");
    *out = v;
    *count = (size_t)shape_count(&size);
    return 0;
}

static int copy_map(const engram_scorer *s, size_t i, float *values, size_t n, struct err *e)
{
    const struct verdict *v;
    size_t want;
    TRY(scorer_find_map(s, i, &v, &want, e));
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
    const float *shown = which == ENGRAM_TARGET ? v->target : v->reconstruction;
    if (!shown || !preprocess_shows(input, &format))
        return err_set(e, ERR_USAGE, "there is no output to look at: %s",
                       s->config.outputs ? "this model has none" : "the scorer was not asked for any (outputs=true)");
    if (n != picture_bytes(&format))
        return err_set(e, ERR_USAGE, "an output has %zu bytes (%d x %d x %d), not %zu", picture_bytes(&format),
                       format.height, format.width, format.channels, n);
    preprocess_show(input, shown, pixels);
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

/* ---- regions ---- */

/* Appends those of one frame to the `room` of the caller's that have a place, and counts all. */
static int add_regions(const engram_scorer *s, const float *map, int frame, engram_region *out, size_t room, size_t *n,
                       struct err *e)
{
    const struct shape size = model_file_map(loaded_file(s->model->loaded));
    struct region *found;
    size_t count;
    float level = calibration_peak_threshold(scorer_calibration_of(s), s->config.false_alarm_rate);
    TRY(regions_find(map, (int)size.d[1], (int)size.d[0], level, &found, &count, e));
    for (size_t i = 0; i < count && *n + i < room; i++) {
        engram_region *to = struct_element(out, *n + i);
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
    TRY(scorer_find_map(s, i, &v, &count, e));
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
    TRY(scorer_find_map(s, i, &v, &count, e));
    int width = (int)model_file_map(loaded_file(s->model->loaded)).d[1];
    return map_write(scorer_calibration_of(s), v->map, width, (int)(count / (size_t)width), path, format, force, e);
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
