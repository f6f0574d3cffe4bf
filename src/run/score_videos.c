/* Scoring videos as they are played, and live streams as they come. */
#include "base/log.h"
#include "data/feed.h"
#include "run/score_private.h"
#include "run/stream.h"
#include "run/pace.h"

#include <math.h>

struct playing {
    struct scorer *scorer;
    struct dataset *data;
    enum split split;
    scorer_each *each;
    void *user;
    struct stream *stream;
    bool begun; /* the stream has frames that wait for more */
    bool live;
    struct pace pace;
};

static int on_verdict(void *user, size_t index, const struct verdict *v)
{
    struct playing *p = user;
    if (p->live && !v->error)
        pace_verdict(&p->pace, v->time);
    return p->each(p->user, index, v);
}

/* A live stream breaks off wherever it does; a video that is shorter than a clip says so. */
static int end(struct playing *p, struct err *e)
{
    const bool begun = p->begun;
    p->begun = false;
    if (!begun)
        return 0;
    return p->live ? stream_flush(p->stream, e) : stream_end(p->stream, e);
}

static void begin(struct playing *p, const struct feed_item *item, const char *name)
{
    stream_begin(p->stream, item->video, name, item->frame);
    p->begun = true;
}

static int take_frame(struct playing *p, const struct feed_item *item, const char *name, struct err *e)
{
    if (item->begins) {
        TRY(end(p, e));
        begin(p, item, name);
    }
    return stream_push(p->stream, item->kept, &item->shown, item->time, e);
}

/* What is left of a video cannot be read: the frames that waited for it have their rows before that one. */
static int take_error(struct playing *p, const struct feed_item *item, const char *name, struct err *e)
{
    const struct verdict v = {.error = ERR_IO, .message = item->message, .frame = item->frame, .time = item->time};
    if (p->begun)
        TRY(stream_flush(p->stream, e));
    p->begun = false;
    return p->each(p->user, item->video, &v) ? err_set(e, ERR_STOPPED, "scoring was stopped within %s", name) : 0;
}

static int take_item(struct playing *p, const struct feed_item *item, struct err *e)
{
    const char *name = dataset_sample(p->data, p->split, item->video)->name;
    if (item->what == FEED_FRAME)
        return take_frame(p, item, name, e);
    if (item->what == FEED_ERROR)
        return take_error(p, item, name, e);
    if (!item->frame)
        begin(p, item, name); /* of no frames: too short */
    if (item->what == FEED_LOST)
        log_line(p->scorer->log, LOG_WARN, "%s; it is tried again", item->message);
    return end(p, e);
}

static int play(struct playing *p, struct feed *feed, struct err *e)
{
    struct feed_item item;
    int got;
    p->pace = (struct pace){.log = p->scorer->log, .feed = feed};
    while ((got = feed_next(feed, &item, e)) > 0)
        TRY(take_item(p, &item, e));
    TRY(got);
    TRY(end(p, e)); /* of what was stopped */
    if (p->live && p->pace.all.verdicts)
        pace_end(&p->pace);
    return 0;
}

int scorer_score_videos(struct scorer *s, struct dataset *data, enum split split, const size_t *videos, size_t n,
                        scorer_each *each, void *user, struct err *e)
{
    struct playing p = {
        .scorer = s, .data = data, .split = split, .each = each, .user = user, .live = dataset_live(data)};
    const struct preprocess *input = &loaded_file(s->loaded)->input;
    struct feed *feed = NULL;
    const struct feed_spec spec = {.ds = data,
                                   .split = split,
                                   .videos = videos,
                                   .n = n,
                                   .input = input,
                                   .shows = s->shows,
                                   .live = {.unit = input->sample.nd == 4 ? (int)input->sample.d[0] * input->step : 1,
                                            .waits = s->waits,
                                            .retry = s->retry},
                                   .stopping = s->stopping,
                                   .user = s->user};
    if (p.live && dataset_count(data, split) > 1)
        return err_set(
            e, ERR_USAGE,
            "%s is a live stream, which has no end, and something else is to be scored, too; score each with a "
            "command of its own",
            dataset_sample(data, split, 0)->path);
    TRY(stream_new(s, on_verdict, &p, &p.stream, e));
    int code = feed_new(&spec, &feed, e);
    if (code >= 0)
        code = play(&p, feed, e);
    feed_free(feed);
    stream_free(p.stream);
    return code;
}

/* ---- some frames ---- */

/* The one frame that is wanted of a video. */
struct wanted {
    int64_t frame;
    scorer_each *each;
    void *user;
    bool told;
    int answer;
};

static int on_frame(void *user, size_t index, const struct verdict *v)
{
    struct wanted *w = user;
    if (v->frame != w->frame && !v->error)
        return 0;
    w->told = true;
    w->answer = w->each(w->user, index, v);
    return 1;
}

/* Where clips begin as they do when all of the video is scored, and none that reaches the frame is missing: neither one
 * of those that are a hop apart, nor the last, which ends with the video. */
static int64_t begin_of(const struct scorer *s, int64_t frame)
{
    const struct preprocess *input = &loaded_file(s->loaded)->input;
    if (input->sample.nd != 4)
        return frame;
    const int64_t first = frame / input->step - input->sample.d[0] + 1;
    return first <= 0 ? 0 : first / s->hop * s->hop * input->step;
}

static int score_frame(struct scorer *s, struct stream *stream, struct dataset *data, enum split split, size_t video,
                       const struct wanted *w, struct err *e)
{
    const int64_t begin = begin_of(s, w->frame);
    struct feed *feed;
    struct feed_item item;
    struct err quiet = ERR_INIT;
    int code = 0;
    const struct feed_spec spec = {.ds = data,
                                   .split = split,
                                   .videos = &video,
                                   .from = &begin,
                                   .n = 1,
                                   .input = &loaded_file(s->loaded)->input,
                                   .shows = s->shows};
    TRY(feed_new(&spec, &feed, e));
    stream_begin(stream, video, dataset_sample(data, split, video)->name, begin);
    while (code == 0 && feed_next(feed, &item, e))
        if (item.what == FEED_FRAME)
            code = stream_push(stream, item.kept, &item.shown, item.time, &quiet);
        else
            code = stream_end(stream, &quiet);
    feed_free(feed);
    if (w->told)
        return w->answer ? err_set(e, ERR_STOPPED, "scoring was stopped after one of the frames") : 0;
    return code < 0 ? err_set(e, code, "%s", quiet.msg) : 0;
}

int scorer_score_frames(struct scorer *s, struct dataset *data, enum split split, const size_t *videos,
                        const int64_t *frames, size_t n, scorer_each *each, void *user, struct err *e)
{
    struct stream *stream;
    struct wanted w = {.each = each, .user = user};
    TRY(stream_new(s, on_frame, &w, &stream, e));
    int code = 0;
    for (size_t i = 0; i < n && code == 0; i++) {
        w.frame = frames[i];
        w.told = false;
        code = score_frame(s, stream, data, split, videos[i], &w, e);
    }
    stream_free(stream);
    return code;
}
