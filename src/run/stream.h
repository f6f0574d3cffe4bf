/* Stream: frames of a video in, a verdict on each frame out, as soon as no clip reaches it any more.
 *
 *     stream_begin; stream_push for every frame; stream_end
 *
 * Of a model of pictures every frame is a sample of its own. One thread's. */
#ifndef RUN_STREAM_H
#define RUN_STREAM_H

#include "run/score.h"

struct stream;

/* The scorer outlives it and scores nothing else meanwhile. `each` gets every row. */
int stream_new(struct scorer *s, scorer_each *each, void *user, struct stream **out, struct err *e);
void stream_free(struct stream *s); /* NULL is fine */
/* Frames that are pushed behind one before it has its verdict, at most. */
int64_t stream_latency(const struct stream *s);

/* A new video: `index` goes to `each`, `name` (borrowed) into sentences. Its first frame to come is number `first` of
 * the video, of which the clips that would reach it from earlier frames are not known; 0 is its beginning. */
void stream_begin(struct stream *s, size_t index, const char *name, int64_t first);
/* The next frame in its kept form; `time` in seconds. `shown` is handed on with its verdict where the scorer wants it
 * (picture/shown.h), and may be NULL. ERR_STOPPED: `each` said so. */
int stream_push(struct stream *s, const void *kept, const struct picture *shown, double time, struct err *e);
/* The rows that are left. Of fewer frames than a clip there is one row, an error. */
int stream_end(struct stream *s, struct err *e);
/* The same of a video that breaks off; of fewer frames than a clip there is none. */
int stream_flush(struct stream *s, struct err *e);

#endif
