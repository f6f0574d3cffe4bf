/* The inside of an evaluation, shared by evaluate.c (the first pass), evaluate_show.c (the second) and
 * evaluate_numbers.c. */
#ifndef RUN_EVALUATE_PARTS_H
#define RUN_EVALUATE_PARTS_H

#include "base/arena.h"
#include "data/dataset.h"
#include "run/evaluate.h"

enum { EVALUATE_KINDS = 64 };

/* Everything an evaluation owns. */
struct evaluate_store {
    size_t n, room;           /* samples that could be scored, of videos frames; and for how many there is memory */
    size_t *sample;           /* n: index in the split; rising */
    int64_t *frame;           /* n, of videos: which of it */
    double *time;             /* the same: in seconds */
    float *score;             /* n, and so on */
    float *part[SCORE_PARTS]; /* where there are several */
    float *by[2];             /* as in a verdict */
    double *p_value;
    int8_t *truth;
    size_t nknown; /* samples whose truth is known, the metrics' own copies: */
    float *known_score;
    uint8_t *known_anomalous, *known_flagged;
    size_t *known_sample;
    const char **known_kind; /* strings of `texts` */
    struct kind_metrics kinds[EVALUATE_KINDS];
    struct pixel_metrics *pixels;
    uint8_t *mask;       /* height x width, for one sample */
    uint8_t *pixel_room; /* for the pixels of one */
    struct shown_sample shown[GALLERIES][GALLERY_PICKS];
    struct video_curve *curves; /* a video each */
    size_t ncurves;
    struct shown_memory memories[MEMORIES];
    char *summary;
    struct arena texts; /* names and kinds: the data may be closed before the report is written */
};

struct pass {
    const struct evaluate_job *job;
    struct evaluation *ev;
    struct err *e;
    const struct roles *roles;
    bool shows;                   /* samples are something to look at, */
    struct picture_format format; /* of that size */
    double started;
    size_t done, total; /* samples; of videos the total is not known: 0 */
};

static inline bool evaluate_stopped(const struct pass *p)
{
    return p->job->should_stop && p->job->should_stop(p->job->user);
}

/* Fills galleries and memories. */
int evaluate_show(struct pass *p);

#endif
