/* Feed: a thread that plays videos one after the other ahead of whoever judges their frames, in bounded memory.
 *
 *     while ((got = feed_next(f, &item, e)) > 0)
 *         ...
 *
 * A feed is one thread's; the data set beneath it may be shared. */
#ifndef DATA_FEED_H
#define DATA_FEED_H

#include "data/dataset.h"
#include "picture/shown.h"

struct feed;

enum feed_what {
    FEED_FRAME,
    FEED_END,   /* of a video */
    FEED_ERROR, /* what is left of a video cannot be read */
    FEED_LOST,  /* the connection of a live stream; it is tried again */
};

struct feed_item {
    enum feed_what what;
    size_t video;         /* place in the split */
    int64_t frame;        /* from 0; of the others: how many there were */
    bool begins;          /* FRAME: the first, or behind some that are missing */
    double time;          /* seconds from the start of the video; of a live stream, by feed_clock, when it
                             came; of ERROR that of the frame before */
    const void *kept;     /* FRAME: in its kept form; valid until the next call */
    struct picture shown; /* FRAME: to be shown, where that is wanted (picture/shown.h); the same */
    const char *message;  /* ERROR, LOST: a sentence; the same */
};

/* How live streams are played. Frames that find the queue full are dropped, `unit` at a time, those of a clip: what is
 * kept has no holes within, and waits for no more than two clips before it. */
struct feed_live {
    int unit;     /* at least 1 */
    bool waits;   /* drop none: let the sender wait, if it does */
    double retry; /* longest pause between attempts to connect again, in seconds; 0: it ends with its connection */
};

struct feed_spec {
    struct dataset *ds;
    enum split split;
    const size_t *videos; /* n places in it; NULL: all, and n is ignored */
    const int64_t *from;  /* of each the first frame; NULL: 0 */
    size_t n;
    const struct preprocess *input; /* outlives the feed */
    bool shows;                     /* frames are to be shown, too */
    struct feed_live live;
    bool (*stopping)(void *user); /* asked while nothing comes; NULL: nobody stops it */
    void *user;
};

/* Of live streams, so far. */
struct feed_counts {
    int64_t came, dropped; /* frames */
    int64_t connections;
};

/* Plays those videos. What the spec points to, but for `input`, is copied. */
int feed_new(const struct feed_spec *spec, struct feed **out, struct err *e);
void feed_free(struct feed *f); /* NULL is fine */

struct feed_counts feed_count(struct feed *f);
/* Seconds since it began. */
double feed_clock(const struct feed *f);

/* The next item: 1, or 0 behind the last and, of live streams, when it is to stop; of others that is ERR_STOPPED. */
int feed_next(struct feed *f, struct feed_item *item, struct err *e);

#endif
