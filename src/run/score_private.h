/* What score.c and stream.c share. */
#ifndef RUN_SCORE_PRIVATE_H
#define RUN_SCORE_PRIVATE_H

#include "run/forward.h"
#include "run/judge.h"
#include "run/score.h"

struct scorer {
    const struct loaded *loaded;
    struct forward forward;
    enum score_by by;
    bool map;            /* wanted by the caller, */
    bool shows;          /* and frames of videos to be shown */
    struct judge *judge; /* of maps that know what is usual; NULL: none are wanted */
    float *maps;         /* those of a batch */
    double rate;
    enum protocol protocol;          /* of videos, */
    int64_t hop;                     /* and frames from clip to clip */
    bool waits;                      /* of live streams, as in its spec; */
    double retry;                    /* the same */
    const struct log *log;           /* the same, of everything */
    scorer_stopping *stopping;       /* the same */
    struct picture_decoder *decoder; /* made at first use */
    void *kept;                      /* one sample as data sets keep it */
    scorer_search *searching;
    void *user;
    size_t n; /* samples in hand */
};

/* Computes the first n samples of the forward's input. */
int scorer_run(struct scorer *s, size_t n, struct err *e);
/* Sample i of the last run. */
struct verdict scorer_verdict(const struct scorer *s, int i);
/* Score, p-value, decision of a verdict whose `by` is there; or that they are not finite. */
void scorer_judge(const struct scorer *s, struct verdict *v);

/* scorer_score_dataset of videos. */
int scorer_score_videos(struct scorer *s, struct dataset *data, enum split split, const size_t *videos, size_t n,
                        scorer_each *each, void *user, struct err *e);

#endif
