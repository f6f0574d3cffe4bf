/* Whether the scoring of live streams keeps up: frames, what was dropped, how long a verdict takes; told now and then,
 * and at the end. */
#ifndef RUN_PACE_H
#define RUN_PACE_H

#include "base/log.h"
#include "data/feed.h"

/* What came of a time. */
struct pace_tally {
    int64_t verdicts, dropped; /* dropped: before it */
    double waited, longest;    /* seconds from a frame's coming to its verdict: sum and most */
    double since;              /* of feed_clock */
};

struct pace { /* {.log = ..., .feed = ...} begins one */
    const struct log *log;
    struct feed *feed;
    struct pace_tally all, lately;
};

/* A frame that came at `time` (of feed_clock) has its verdict. */
void pace_verdict(struct pace *p, double time);
/* A line about all of it. */
void pace_end(struct pace *p);

#endif
