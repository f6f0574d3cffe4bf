/* The public interface: data, and pictures as they come in. */
#include "engram_private.h"

#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)ENGRAM_DATA_TRAIN == SPLIT_TRAIN && (int)ENGRAM_DATA_TEST == SPLIT_TEST, "the parts are the same");
_Static_assert((int)ENGRAM_GREY8 == PIXELS_GREY8 && (int)ENGRAM_GREY16 == PIXELS_GREY16 &&
                   (int)ENGRAM_RGB == PIXELS_RGB && (int)ENGRAM_BGR == PIXELS_BGR && (int)ENGRAM_RGBA == PIXELS_RGBA &&
                   (int)ENGRAM_BGRA == PIXELS_BGRA && (int)ENGRAM_NV12 == PIXELS_NV12 &&
                   (int)ENGRAM_YUYV == PIXELS_YUYV && (int)PIXEL_FORMATS == ENGRAM_YUYV + 1,
               "the pixel formats are the same");

/* ---- pictures ---- */

/* Bytes of a row without a gap behind it. */
static size_t tight_row(const engram_picture *p, int plane)
{
    static const unsigned bytes[] = {[ENGRAM_GREY8] = 1, [ENGRAM_GREY16] = 2, [ENGRAM_RGB] = 3,  [ENGRAM_BGR] = 3,
                                     [ENGRAM_RGBA] = 4,  [ENGRAM_BGRA] = 4,   [ENGRAM_NV12] = 1, [ENGRAM_YUYV] = 2};
    bool even = p->format == ENGRAM_YUYV || (p->format == ENGRAM_NV12 && plane == 1);
    size_t width = (size_t)p->width + (even ? (size_t)p->width % 2 : 0);
    return width * bytes[p->format];
}

int picture_pixels(const engram_picture *in, struct pixels *out, struct err *e)
{
    engram_picture p;
    TRY(STRUCT_READ(engram_picture, in, &p, e));
    if (p.format < 0 || p.format >= (int)PIXEL_FORMATS)
        return err_set(e, ERR_USAGE, "there is no pixel format %d; engram.h lists them from ENGRAM_GREY8 on", p.format);
    if (p.width < 1 || p.height < 1)
        return err_set(e, ERR_USAGE, "a picture of %d x %d pixels is none: each side has at least 1", p.width,
                       p.height);
    *out = (struct pixels){.format = (enum pixel_format)p.format, .width = p.width, .height = p.height};
    for (int i = 0; i < 2; i++) {
        out->plane[i] = p.plane[i];
        out->stride[i] = p.stride[i] ? p.stride[i] : tight_row(&p, i);
    }
    return 0;
}

/* ---- the caller's own data ---- */

static void forward_describe(void *user, size_t i, struct callback_sample *out)
{
    const struct own_data *own = user;
    engram_sample s = {.size = sizeof s, .truth = -1, .index = (int64_t)i};
    own->source.describe(own->source.user, i, &s);
    *out = (struct callback_sample){.name = s.name, .kind = s.kind, .test = s.part == ENGRAM_DATA_TEST};
    out->truth = s.truth < 0 ? CALLBACK_UNKNOWN : s.truth ? CALLBACK_ANOMALOUS : CALLBACK_NORMAL;
}

static int forward_read(void *user, size_t i, struct pixels *out, char *why, size_t why_size)
{
    const struct own_data *own = user;
    engram_picture picture = ENGRAM_PICTURE_INIT;
    engram_error error = {0};
    struct err e = ERR_INIT;
    if (own->source.read(own->source.user, i, &picture, &error)) {
        if (*error.message)
            snprintf(why, why_size, "%s", error.message);
        return -1;
    }
    int code = picture_pixels(&picture, out, &e);
    if (code < 0)
        snprintf(why, why_size, "%s", e.msg);
    return code;
}

static int own_open(const engram_data_source *source, enum dataset_use use, const struct log *log, struct own_data *own,
                    struct dataset **data, struct err *e)
{
    TRY(STRUCT_READ(engram_data_source, source, &own->source, e));
    own->inner = (struct callback_data){.name = own->source.name,
                                        .count = own->source.count,
                                        .user = own,
                                        .describe = own->source.describe ? forward_describe : NULL,
                                        .read = own->source.read ? forward_read : NULL};
    return dataset_open_callback(&own->inner, use, log, data, e);
}

int origin_open(const struct origin *origin, enum dataset_use use, const struct log *log, struct own_data *own,
                struct dataset **data, struct err *e)
{
    if (origin->source)
        return own_open(origin->source, use, log, own, data, e);
    for (size_t i = 0; i < origin->n; i++)
        if (!origin->urls[i])
            return err_set(e, ERR_USAGE, "URL %zu of %zu is NULL", i, origin->n);
    const struct dataset_purpose purpose = {.use = use, .like = origin->like, .pass = origin->pass};
    return dataset_open_for(origin->urls, origin->n, &purpose, log, data, e);
}

const char *origin_name(const struct origin *origin, const struct own_data *own)
{
    if (!origin->source)
        return origin->urls[0];
    return own->source.name ? own->source.name : "the program's data";
}

/* ---- data ---- */

struct engram_data {
    struct dataset *dataset;
    struct own_data own;
};

static int data_open(const struct origin *origin, const engram_hooks *hooks, engram_data **out, struct err *e)
{
    const struct log log = hooks_log(hooks);
    engram_data *d = calloc(1, sizeof *d);
    if (!d)
        return err_memory(e, "a data set");
    int code = origin_open(origin, DATASET_LEARN, &log, &d->own, &d->dataset, e);
    if (code < 0)
        free(d);
    else
        *out = d;
    return code;
}

int engram_data_open(const char *url, const engram_hooks *hooks, engram_data **data, engram_error *error)
{
    struct call call;
    const struct origin origin = {.urls = &url, .n = 1};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(url), GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = data_open(&origin, &call.hooks, data, &call.err);
    return call_end(&call, code, error);
}

int engram_data_open_source(const engram_data_source *source, const engram_hooks *hooks, engram_data **data,
                            engram_error *error)
{
    struct call call;
    const struct origin origin = {.source = source};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(source), GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = data_open(&origin, &call.hooks, data, &call.err);
    return call_end(&call, code, error);
}

void engram_data_free(engram_data *data)
{
    if (!data)
        return;
    dataset_close(data->dataset);
    free(data);
}

size_t engram_data_count(const engram_data *data, int part)
{
    bool there = data && (part == ENGRAM_DATA_TRAIN || part == ENGRAM_DATA_TEST);
    return there ? dataset_count(data->dataset, (enum split)part) : 0;
}

int engram_data_sample(const engram_data *data, int part, size_t i, engram_sample *sample)
{
    if (i >= engram_data_count(data, part))
        return 0;
    const struct sample *s = dataset_sample(data->dataset, (enum split)part, i);
    return STRUCT_ROW(engram_sample, sample, .name = s->name, .path = s->path, .kind = s->kind, .index = s->index,
                      .truth = s->anomalous, .part = part);
}

static int data_check(engram_data *data, const engram_hooks *hooks, struct err *e)
{
    const struct log log = hooks_log(hooks);
    for (int part = 0; part < SPLITS; part++) {
        const struct dataset_needs needs = {
            .at_least = 1, .threads = threads_choose(0), .should_stop = hooks_stop, .user = hooks_user(hooks)};
        if (dataset_count(data->dataset, (enum split)part))
            TRY(dataset_check(data->dataset, (enum split)part, &needs, &log, e));
    }
    return 0;
}

int engram_data_check(engram_data *data, const engram_hooks *hooks, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = data_check(data, &call.hooks, &call.err);
    return call_end(&call, code, error);
}

int engram_data_summary(const engram_data *data, const engram_hooks *hooks, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0) {
        const struct log log = hooks_log(&call.hooks);
        code = dataset_summary(data->dataset, &log, &call.err);
        if (code >= 0)
            code = dataset_tell(data->dataset, &log, &call.err);
    }
    return call_end(&call, code, error);
}
