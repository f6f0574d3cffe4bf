/* The public interface: videos that show what was found. */
#include "engram_private.h"

#include "report/overlay.h"

#include <stdlib.h>

struct engram_overlay {
    const engram_scorer *scorer;
    struct overlay *inner; /* NULL: it has ended */
};

static int new_overlay(const engram_scorer *scorer, const char *path, bool force, engram_overlay **out, struct err *e)
{
    const struct shape map = model_file_map(loaded_file(scorer->model->loaded));
    const struct overlay_spec spec = {.path = path,
                                      .force = force,
                                      .calibration = scorer_calibration_of(scorer),
                                      .rate = scorer->config.false_alarm_rate,
                                      .map_width = map.nd ? (int)map.d[1] : 0,
                                      .map_height = map.nd ? (int)map.d[0] : 0};
    engram_overlay *o = calloc(1, sizeof *o);
    if (!o)
        return err_memory(e, "an overlay");
    o->scorer = scorer;
    int code = make_parent(path, e);
    if (code >= 0)
        code = overlay_new(&spec, &o->inner, e);
    if (code < 0)
        free(o);
    else
        *out = o;
    return code;
}

int engram_overlay_new(const engram_scorer *scorer, const char *path, int force, engram_overlay **overlay,
                       engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(path), GIVEN(overlay));
    if (code >= 0)
        code = new_overlay(scorer, path, force != 0, overlay, &call.err);
    return call_end(&call, code, error);
}

void engram_overlay_free(engram_overlay *overlay)
{
    if (!overlay)
        return;
    overlay_free(overlay->inner);
    free(overlay);
}

static int check_open(const engram_overlay *o, struct err *e)
{
    return o->inner ? 0 : err_set(e, ERR_USAGE, "this overlay has ended already");
}

static int add(engram_overlay *o, const engram_row *row, struct err *e)
{
    const engram_scorer *s = o->scorer;
    const engram_picture *p = row->picture;
    TRY(check_open(o, e));
    if (row->error)
        return 0;
    if (!p || !row->result || !s->nverdicts)
        return err_set(e, ERR_USAGE,
                       "a row without a picture cannot be shown: set pictures=true, score videos or a stream, and add "
                       "the row in the call that hands it over");
    const struct overlay_frame frame = {
        .picture = {p->width, p->height, p->format == ENGRAM_GREY8 ? 1 : 3, p->plane[0]},
        .map = s->verdicts[0].map,
        .score = row->result->score,
        .p_value = row->result->p_value,
        .time = row->time,
        .anomalous = row->result->anomalous};
    return overlay_add(o->inner, &frame, e);
}

int engram_overlay_add(engram_overlay *overlay, const engram_row *row, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(overlay), GIVEN(row));
    if (code >= 0)
        code = add(overlay, row, &call.err);
    return call_end(&call, code, error);
}

static int end(engram_overlay *o, struct err *e)
{
    TRY(check_open(o, e));
    struct overlay *inner = o->inner;
    o->inner = NULL;
    return overlay_close(inner, e);
}

int engram_overlay_end(engram_overlay *overlay, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(overlay));
    if (code >= 0)
        code = end(overlay, &call.err);
    return call_end(&call, code, error);
}
