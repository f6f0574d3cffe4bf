/* Feed: a thread that plays videos one after the other ahead of whoever judges their frames, in bounded memory.
 *
 *     while ((got = feed_next(f, &item, e)) > 0)
 *         ...
 *
 * A feed is one thread's; the data set beneath it may be shared. */
#ifndef DATA_FEED_H
#define DATA_FEED_H

#include "data/dataset.h"
#include "data/shown.h"

struct feed;

enum feed_what {
    FEED_FRAME,
    FEED_END,   /* of a video */
    FEED_ERROR, /* what is left of a video cannot be read */
};

struct feed_item {
    enum feed_what what;
    size_t video;         /* place in the split */
    int64_t frame;        /* from 0; of END and ERROR: how many there were */
    double time;          /* seconds from the start of the video; of ERROR that of the frame before */
    const void *kept;     /* FRAME: in its kept form; valid until the next call */
    struct picture shown; /* FRAME: to be shown, where that is wanted (data/shown.h); the same */
    const char *message;  /* ERROR: a sentence; the same */
};

struct feed_spec {
    struct dataset *ds;
    enum split split;
    const size_t *videos; /* n places in it; NULL: all, and n is ignored */
    const int64_t *from;  /* of each the first frame; NULL: 0 */
    size_t n;
    const struct preprocess *input; /* outlives the feed */
    bool shows;                     /* frames are to be shown, too */
};

/* Plays those videos. What the spec points to, but for `input`, is copied. */
int feed_new(const struct feed_spec *spec, struct feed **out, struct err *e);
void feed_free(struct feed *f); /* NULL is fine */

/* The next item: 1, or 0 behind the last. */
int feed_next(struct feed *f, struct feed_item *item, struct err *e);

#endif
