/* The inside of a training run, shared by train.c (the loop) and what comes before its first step: train_prepare.c,
 * train_shares.c, train_resume.c, train_announce.c. */
#ifndef RUN_TRAIN_PARTS_H
#define RUN_TRAIN_PARTS_H

#include "base/file.h"
#include "data/loader.h"
#include "run/forward.h"
#include "run/frames.h"
#include "file/pretrained.h"
#include "file/state.h"
#include "run/train.h"
#include "run/judge.h"
#include "run/update.h"

struct stretches;

enum share { SHARE_TRAIN, SHARE_VALIDATION, SHARE_CALIBRATION, SHARES };

enum { TRAIN_PROMISE = 19 }; /* held-out samples without which nothing is flagged at */
#define TRAIN_RATE 0.05

struct trainer {
    const struct train_job *job;
    int threads;
    char *output, *state_path; /* OUTPUT and OUTPUT.train */
    struct file_lock lock;     /* of OUTPUT: two trainings at once would each write over the other */
    struct model_file about;   /* what goes into the files */

    size_t *order;                  /* samples of the training split: of each share in turn, ascending within it */
    int64_t epochs;                 /* to run in all */
    size_t samples[SHARES];         /* in each share */
    struct stretches *stretches;    /* of videos; NULL: of others. Then: */
    uint8_t *stretch_begins;        /* whether a stretch begins with that clip of the calibration share, */
    size_t held_stretches;          /* how many there are in it, */
    size_t clips_judged;            /* clips of it so far, */
    int64_t stretch_first;          /* and where in the video the one in hand begins */
    struct loader *loaders[SHARES]; /* NULL: an empty share */
    struct loader *usual;           /* of training samples, as scoring sees them: what is usual; NULL: no maps */

    struct params *params;
    struct graph *graph;
    struct heads heads;
    struct plan *plan;
    struct update update;
    uint64_t *identities;                           /* of the samples of a batch; NULL: the model draws no noise */
    struct forward forward;                         /* for the held-out shares */
    struct weights weights;                         /* of others that the model begins with; user NULL: none */
    struct calibrator *calibrator, *map_calibrator; /* of the model's own score; of the map that knows what is usual */
    struct usual_collector *collector;
    struct frames *frames;    /* of videos: judges frames */
    struct judge *judge;      /* NULL, as the two before: the model has no maps */
    float *map;               /* one of its maps */
    float *kept[GROUP_COUNT]; /* weights of about.kept_epoch, laid out as params->value */

    struct train_state at;
    double validation; /* of the last finished epoch */
    bool stopped_early;
    bool model_due;        /* kept weights have changed since the output was written */
    double started, saved; /* seconds on the clock */
    double saving;         /* seconds that the last save took */
    int64_t steps_run;     /* in this run */
};

/* Which samples are in which share: a function of the seed and of how many there are, or how long videos are. Fills
 * order, samples and the numbers of `about`. */
int train_draw_shares(struct trainer *t, struct err *e);
/* Of videos: the clips that the calibration share is judged by, once it is known how many frames of one are. */
int train_hold_clips(struct trainer *t, struct err *e);
void train_stretches_free(struct stretches *s); /* NULL is fine */
/* In place of steps and epochs, of a model that is fitted (run/fit.c): its parameters, its calibration, the output. */
int fit_run(struct trainer *t, struct err *e);

/* Goes on with the training whose state lies beside the output. ERR_USAGE: that is another one. */
int train_resume(struct trainer *t, struct err *e);
/* Tells the log what will be done, and what the file will be able to promise, before hours are spent on it. */
void train_announce(const struct trainer *t, size_t batch);

/* Fills a zeroed trainer; train_end frees it, whatever came of it. */
int train_prepare(struct trainer *t, const struct train_job *job, struct err *e);
void train_end(struct trainer *t);

#endif
