/* Scoring whole data sets: samples in batches, videos as they are played. */
#include "data/feed.h"
#include "data/loader.h"
#include "run/score_private.h"
#include "run/stream.h"

#include <math.h>
#include <string.h>

/* ---- samples ---- */

static int score_batch(struct scorer *s, const struct batch *b, scorer_each *each, void *user, struct err *e)
{
    memcpy(s->forward.input, b->data, b->n * s->forward.sample_values * sizeof(float));
    TRY(scorer_run(s, b->n, e));
    for (size_t i = 0; i < b->n; i++) {
        struct verdict v = {.error = ERR_IO, .message = b->errors[i]};
        if (!b->errors[i])
            v = scorer_verdict(s, (int)i);
        if (each(user, b->samples[i], &v))
            return err_set(e, ERR_STOPPED, "scoring was stopped after %zu of the batch's samples", i + 1);
    }
    return 0;
}

/* ---- videos ---- */

static int take_item(struct stream *stream, struct dataset *data, enum split split, const struct feed_item *item,
                     scorer_each *each, void *user, struct err *e)
{
    const char *name = dataset_sample(data, split, item->video)->name;
    if (item->frame == 0)
        stream_begin(stream, item->video, name, 0);
    switch (item->what) {
    case FEED_FRAME:
        return stream_push(stream, item->kept, &item->shown, item->time, e);
    case FEED_END:
        return stream_end(stream, e);
    case FEED_ERROR:
        break;
    }
    TRY(stream_flush(stream, e));
    const struct verdict v = {.error = ERR_IO, .message = item->message, .frame = item->frame, .time = item->time};
    return each(user, item->video, &v) ? err_set(e, ERR_STOPPED, "scoring was stopped within %s", name) : 0;
}

static int score_videos(struct scorer *s, struct dataset *data, enum split split, const size_t *videos, size_t n,
                        scorer_each *each, void *user, struct err *e)
{
    struct stream *stream;
    struct feed *feed = NULL;
    struct feed_item item;
    TRY(stream_new(s, each, user, &stream, e));
    const struct feed_spec spec = {.ds = data,
                                   .split = split,
                                   .videos = videos,
                                   .n = n,
                                   .input = &loaded_file(s->loaded)->input,
                                   .shows = s->shows};
    int code = feed_new(&spec, &feed, e);
    while (code == 0 && feed_next(feed, &item, e))
        code = take_item(stream, data, split, &item, each, user, e);
    feed_free(feed);
    stream_free(stream);
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

/* ---- all ---- */

int scorer_score_dataset(struct scorer *s, struct dataset *data, enum split split, const size_t *indices, size_t n,
                         scorer_each *each, void *user, struct err *e)
{
    struct loader_options options = {.batch = (size_t)s->forward.batch,
                                     .input = &loaded_file(s->loaded)->input,
                                     .ahead = s->forward.tiled ? 1 : 0}; /* large pictures are large batches */
    size_t count = indices ? n : dataset_count(data, split);
    if (dataset_plays(data) && preprocess_shows(options.input, NULL)) /* a model of pictures judges frames, too */
        return score_videos(s, data, split, indices, n, each, user, e);
    if (dataset_kind(data) != options.input->kind)
        return err_set(e, ERR_USAGE, "the data are %s, but the model was made for %s%s",
                       kind_samples(dataset_kind(data)), kind_samples(options.input->kind),
                       s->forward.heads.input->shape.nd == 5
                           ? "; call a path video:PATH where folders hold the frames of videos"
                           : "");
    options.threads = count > options.batch ? s->forward.threads : 1; /* decoding may well be most of the work */
    struct loader *loader = NULL;
    struct batch b;
    TRY(loader_new(data, split, indices, n, &options, &loader, e));
    int got, code = 0;
    while (!code && (got = loader_next(loader, &b, e)) != 0)
        code = got < 0 ? got : score_batch(s, &b, each, user, e);
    loader_free(loader);
    return code;
}
