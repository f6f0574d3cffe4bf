#include "run/stream.h"

#include "data/pixel_values.h"
#include "picture/shown.h"
#include "run/frames.h"
#include "run/score_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {
    struct scorer *scorer;
    scorer_each *each;
    void *user;
    struct frames *frames; /* NULL: the model is one of pictures, each of which is a clip */
    const struct preprocess *input;
    int64_t length, hop,
        step;      /* frames of a clip; from clip to clip, in frames of clips; of the video a frame of clips */
    size_t values; /* of a frame */
    float *ring;   /* the last `length` frames of clips */
    double *times; /* of frames of the video that have no row yet, a ring of */
    int64_t room;
    struct shown *shown; /* of the frames that wait for a verdict, a ring of stream_latency + 1; NULL: not wanted */
    int64_t *begins;     /* of the clips in hand, each */
    int clips;

    size_t index; /* of the video in hand */
    const char *name;
    int64_t first;     /* its first frame that was pushed, */
    int64_t frames_in; /* and how many were; */
    int64_t taken;     /* of which frames of clips */
    int64_t next_clip; /* where it begins, in frames of clips */
};

/* ---- making ---- */

int64_t stream_latency(const struct stream *s)
{
    return (s->length + (s->scorer->forward.batch - 1) * s->hop) * s->step - 1;
}

static int allocate(struct stream *s, struct err *e)
{
    s->room = (2 * s->length + (s->scorer->forward.batch + 1) * s->hop + 1) * s->step;
    s->ring = malloc((size_t)s->length * s->values * sizeof *s->ring);
    s->times = malloc((size_t)s->room * sizeof *s->times);
    s->shown = s->scorer->shows ? calloc((size_t)stream_latency(s) + 1, sizeof *s->shown) : NULL;
    s->begins = malloc((size_t)s->scorer->forward.batch * sizeof *s->begins);
    return s->ring && s->times && s->begins && !s->shown == !s->scorer->shows ? 0
                                                                              : err_memory(e, "the frames of a video");
}

static int start(struct stream *s, struct err *e)
{
    struct scorer *scorer = s->scorer;
    s->input = &loaded_file(scorer->loaded)->input;
    const bool clips = s->input->sample.nd == 4;
    s->length = clips ? s->input->sample.d[0] : 1;
    s->step = clips ? s->input->step : 1;
    s->hop = clips ? scorer->hop : 1;
    s->values = scorer->forward.sample_values / (size_t)s->length;
    const struct frames_spec spec = {.about = loaded_file(scorer->loaded),
                                     .forward = &scorer->forward,
                                     .judge = scorer->judge,
                                     .protocol = scorer->protocol,
                                     .hop = s->hop,
                                     .keep_maps = scorer->map && scorer->by == BY_MODEL};
    if (clips)
        TRY(frames_new(&spec, &s->frames, e));
    return allocate(s, e);
}

int stream_new(struct scorer *scorer, scorer_each *each, void *user, struct stream **out, struct err *e)
{
    struct stream *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return err_memory(e, "a stream");
    *s = (struct stream){.scorer = scorer, .each = each, .user = user};
    int code = start(s, e);
    if (code < 0)
        stream_free(s);
    else
        *out = s;
    return code;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    frames_free(s->frames);
    free(s->ring);
    free(s->times);
    for (int64_t i = 0; s->shown && i <= stream_latency(s); i++)
        shown_free(&s->shown[i]);
    free(s->shown);
    free(s->begins);
    free(s);
}

void stream_begin(struct stream *s, size_t index, const char *name, int64_t first)
{
    s->index = index;
    s->name = name;
    s->first = first;
    s->frames_in = s->taken = 0;
    s->next_clip = 0;
    s->clips = 0;
    if (s->frames)
        frames_begin(s->frames, 0);
}

/* ---- rows ---- */

static int tell(struct stream *s, const struct verdict *v, struct err *e)
{
    if (!s->each(s->user, s->index, v))
        return 0;
    return err_set(e, ERR_STOPPED, "scoring was stopped after frame %lld of %s", (long long)v->frame, s->name);
}

/* What is known of frame n beside what the model says. */
static void describe(const struct stream *s, int64_t n, struct verdict *v)
{
    v->frame = n;
    v->time = s->times[n % s->room];
    if (s->shown)
        v->shown = s->shown[n % (stream_latency(s) + 1)].picture;
}

/* The rows of the video's frames that a frame of clips stands for. */
static int tell_frame(struct stream *s, const struct frame_row *row, struct verdict *v, struct err *e)
{
    const struct scorer *scorer = s->scorer;
    const int64_t begin = s->first + row->frame * s->step, end = s->first + s->frames_in;
    memcpy(v->by, row->by, sizeof v->by);
    memcpy(v->parts, row->parts, sizeof v->parts);
    v->map = scorer->map ? scorer->by == BY_MAP ? row->usual : row->map : NULL;
    v->reconstruction = row->output;
    v->target = row->target;
    scorer_judge(scorer, v);
    for (int64_t n = begin; n < begin + s->step && n < end; n++) {
        describe(s, n, v);
        TRY(tell(s, v, e));
        memset(v->attention, 0, sizeof v->attention); /* once a clip */
    }
    return 0;
}

/* The frame that is picture i of the last run. */
static int tell_picture(struct stream *s, int i, struct err *e)
{
    struct verdict v = scorer_verdict(s->scorer, i);
    describe(s, s->first + s->begins[i], &v);
    return tell(s, &v, e);
}

/* What clip i of the last run says, and the rows that wait for no other: those before frame `until` of clips. */
static int take_clip(struct stream *s, int i, int64_t until, struct err *e)
{
    const struct forward *f = &s->scorer->forward;
    struct frame_row row;
    struct verdict v = {0};
    frames_add(s->frames, i, s->begins[i]);
    for (int k = 0; k < f->heads.nmemories; k++)
        v.attention[k].weights = forward_attention(f, i, k, &v.attention[k].rows, &v.attention[k].items);
    while (frames_take(s->frames, until, &row))
        TRY(tell_frame(s, &row, &v, e));
    return 0;
}

static int run_clips(struct stream *s, struct err *e)
{
    const int n = s->clips;
    s->clips = 0;
    if (n)
        TRY(scorer_run(s->scorer, (size_t)n, e));
    for (int i = 0; i < n; i++)
        TRY(s->frames ? take_clip(s, i, s->begins[i] + s->hop, e) : tell_picture(s, i, e));
    return 0;
}

/* ---- frames ---- */

/* The next clip, all of which is in the ring. */
static int add_clip(struct stream *s, struct err *e)
{
    float *to = s->scorer->forward.input + (size_t)s->clips * s->scorer->forward.sample_values;
    for (int64_t k = 0; k < s->length; k++)
        memcpy(to + (size_t)k * s->values, s->ring + (size_t)((s->next_clip + k) % s->length) * s->values,
               s->values * sizeof *to);
    s->begins[s->clips++] = s->next_clip;
    s->next_clip += s->hop;
    return s->clips == s->scorer->forward.batch ? run_clips(s, e) : 0;
}

int stream_push(struct stream *s, const void *kept, const struct picture *shown, double time, struct err *e)
{
    const int64_t n = s->first + s->frames_in;
    s->times[n % s->room] = time;
    if (s->shown) /* which is as small already as it is kept */
        TRY(shown_keep(&s->shown[n % (stream_latency(s) + 1)], NULL, shown, e));
    if (s->frames_in % s->step == 0) {
        pixels_to_values(s->input, kept, s->values, s->ring + (size_t)(s->taken % s->length) * s->values);
        s->taken++;
    }
    if (++s->frames_in % s->step || s->taken < s->next_clip + s->length)
        return 0;
    return add_clip(s, e);
}

static int tell_short(struct stream *s, struct err *e)
{
    char text[400];
    snprintf(text, sizeof text, "%s has %lld frame%s, and the model judges clips of %lld%s: that is too short", s->name,
             (long long)s->frames_in, s->frames_in == 1 ? "" : "s", (long long)s->length,
             s->step > 1 ? " with a step between them" : "");
    return tell(s, &(struct verdict){.error = ERR_FORMAT, .message = text, .frame = s->first}, e);
}

int stream_flush(struct stream *s, struct err *e)
{
    const int64_t last = s->taken - s->length;
    struct frame_row row;
    struct verdict v = {0};
    if (last < 0)
        return 0;
    if (s->next_clip <= last) /* the end of a step */
        TRY(add_clip(s, e));
    if (s->next_clip - s->hop < last) { /* the end is in no clip yet */
        s->next_clip = last;
        TRY(add_clip(s, e));
    }
    TRY(run_clips(s, e));
    while (s->frames && frames_take(s->frames, INT64_MAX, &row))
        TRY(tell_frame(s, &row, &v, e));
    return 0;
}

int stream_end(struct stream *s, struct err *e)
{
    return s->taken < s->length ? tell_short(s, e) : stream_flush(s, e);
}
