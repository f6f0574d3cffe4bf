/* The inside of fitting, shared by fit.c (a new model) and add.c (more samples to one that is there). */
#ifndef RUN_FIT_PARTS_H
#define RUN_FIT_PARTS_H

#include "run/train_parts.h"

/* Rows of one step, of all samples. */
struct seen {
    float *values;
    size_t *samples; /* of each row: which of the trainer's, */
    size_t *places;  /* and the how many-th row of those that it has */
    size_t n, width;
};

enum { ODDEST = 3 };

struct odd_sample {
    size_t sample;
    float score;
};

struct fitting {
    struct trainer *t; /* its order lists the samples, its forward scores them, its calibrator collects */
    int steps;
    struct seen seen[FIT_STEPS];      /* values NULL: not looked at yet */
    size_t *index;                    /* rows of a step that take part */
    const size_t *running;            /* of the run in hand: its samples */
    size_t *fold;                     /* of each sample; NULL: there are none */
    struct odd_sample oddest[ODDEST]; /* of those that calibrate: the highest scores, falling */
    size_t nodd;
    int64_t done, total; /* samples looked at, and in all */
};

enum { NO_FOLD = -1 };

void fitting_end(struct fitting *f);

/* Runs samples, n numbers into t->order; `each`, unless NULL, is called for every one. */
typedef int sample_fn(void *user, const struct forward *forward, int i, size_t sample, struct err *e);
int fit_pass(struct fitting *f, struct forward *forward, const size_t *samples, size_t n, sample_fn *each, void *user,
             struct err *e);

/* Fills seen[step] from the first n samples, as the parameters are. */
int fit_gather(struct fitting *f, int step, size_t n, struct err *e);

/* Those of a step's rows that are not of a fold's samples (NO_FOLD: all); valid until the next call. */
int fit_rows_without(struct fitting *f, int step, int64_t fold, struct fit_rows *rows, struct err *e);

/* n samples as parts of equal size, give or take one; without folds there are none. */
int fit_draw_folds(struct fitting *f, size_t n, int64_t folds, struct err *e);

/* Scores n samples with the parameters as they are, and gives what comes of it to the calibrator. */
int fit_calibrate(struct fitting *f, const size_t *samples, size_t n, struct err *e);
/* The same of the samples of one fold, of n in all. */
int fit_calibrate_fold(struct fitting *f, int64_t fold, size_t n, struct err *e);
/* Tells the log which of the samples that calibrate are the oddest: the thresholds are theirs. */
void fit_tell_oddest(const struct fitting *f);

#endif
