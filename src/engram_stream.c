/* The public interface: streams of frames. */
#include "engram_private.h"

#include "base/clock.h"
#include "picture/pixels.h"
#include "picture/shown.h"
#include "run/stream.h"

#include <stdlib.h>

struct engram_stream {
    engram_scorer *scorer;
    engram_hooks hooks;
    engram_row_fn *row;
    void *user;
    struct scorer *inner;
    struct stream *stream;
    struct picture_decoder *decoder;
    uint8_t *kept;      /* a frame as the model takes it, */
    struct shown shown; /* and as it is shown */
    int64_t pushed;     /* frames */
    bool begun;         /* some of them wait for an end */
    size_t told;
    double started;
};

static const struct preprocess *input_of(const engram_stream *s)
{
    return &loaded_file(s->scorer->model->loaded)->input;
}

static int on_row(void *user, size_t index, const struct verdict *v)
{
    engram_stream *s = user;
    (void)index;
    engram_row row = {
        .size = sizeof row, .name = "stream", .path = "", .index = v->frame, .kind = "", .truth = -1, .time = v->time};
    hooks_samples(&s->hooks, "scoring", ++s->told, 0, clock_seconds() - s->started);
    return scorer_tell(s->scorer, v, &row, s->row, s->user);
}

static bool on_search(void *user, size_t samples)
{
    const engram_stream *s = user;
    (void)samples;
    return hooks_stop(hooks_user(&s->hooks));
}

/* ---- making ---- */

static int make(engram_stream *s, const struct log *log, struct err *e)
{
    struct scorer_spec spec = scorer_spec_of(&s->scorer->config);
    const struct picture_limits limits = scorer_limits(&s->scorer->config);
    spec.batch = 1;
    spec.log = log;
    spec.searching = on_search;
    spec.user = s;
    if (!preprocess_shows(input_of(s), NULL))
        return err_set(e, ERR_USAGE, "this model was made for %s and cannot score frames",
                       kind_samples(input_of(s)->kind));
    const struct picture_format format = preprocess_format(input_of(s));
    s->kept = malloc(picture_bytes(&format));
    if (!s->kept)
        return err_memory(e, "a stream");
    TRY(picture_decoder_new(&s->decoder, e));
    picture_decoder_limit(s->decoder, &limits);
    TRY(scorer_new(s->scorer->model->loaded, &spec, &s->inner, e));
    return stream_new(s->inner, on_row, s, &s->stream, e);
}

static int new_stream(engram_scorer *scorer, const struct call *call, engram_row_fn *row, void *user,
                      engram_stream **out, struct err *e)
{
    engram_stream *s = calloc(1, sizeof *s);
    const struct log log = hooks_log(&call->hooks);
    if (!s)
        return err_memory(e, "a stream");
    *s = (engram_stream){.scorer = scorer, .hooks = call->hooks, .row = row, .user = user, .started = clock_seconds()};
    int code = make(s, &log, e);
    if (code < 0)
        engram_stream_free(s);
    else
        *out = s;
    return code;
}

int engram_stream_new(engram_scorer *scorer, const engram_hooks *hooks, engram_row_fn *row, void *user,
                      engram_stream **stream, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(row), GIVEN(stream));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = new_stream(scorer, &call, row, user, stream, &call.err);
    return call_end(&call, code, error);
}

void engram_stream_free(engram_stream *stream)
{
    if (!stream)
        return;
    stream_free(stream->stream);
    scorer_free(stream->inner);
    picture_decoder_free(stream->decoder);
    free(stream->kept);
    shown_free(&stream->shown);
    free(stream);
}

int64_t engram_stream_latency(const engram_stream *stream)
{
    return stream ? stream_latency(stream->stream) : 0;
}

/* ---- frames ---- */

static int fit(engram_stream *s, const engram_picture *in, struct err *e)
{
    const struct picture_format format = preprocess_format(input_of(s));
    struct pixels pixels;
    struct picture picture;
    TRY(picture_pixels(in, &pixels, e));
    const bool shows = s->scorer->config.pictures;
    TRY(pixels_read(&pixels, shows ? 0 : format.channels, s->decoder, &picture, e));
    if (shows)
        TRY(shown_keep(&s->shown, s->decoder, &picture, e));
    TRY(picture_fit(s->decoder, &picture, &format, s->kept, e));
    preprocess_ignore(input_of(s), s->kept);
    return 0;
}

static int push(engram_stream *s, const engram_picture *picture, double time, struct err *e)
{
    if (hooks_stop(&s->hooks))
        return err_set(e, ERR_STOPPED, "the stream was stopped after %lld frames", (long long)s->pushed);
    TRY(fit(s, picture, e));
    if (!s->begun)
        stream_begin(s->stream, 0, "the stream", s->pushed);
    s->begun = true;
    s->pushed++;
    return stream_push(s->stream, s->kept, &s->shown.picture, time, e);
}

int engram_stream_push(engram_stream *stream, const engram_picture *picture, double time, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(stream), GIVEN(picture));
    if (code >= 0)
        code = push(stream, picture, time, &call.err);
    return call_end(&call, code, error);
}

int engram_stream_end(engram_stream *stream, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(stream));
    if (code >= 0 && stream->begun) {
        stream->begun = false;
        code = stream_end(stream->stream, &call.err);
    }
    return call_end(&call, code, error);
}
