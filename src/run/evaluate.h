/* Evaluation: a model on data whose truth is known, at least of some samples: all the numbers, and what a report shows,
 * from one pass over all samples (scores, memory use, pixel metrics) and a second over the few that are shown. */
#ifndef RUN_EVALUATE_H
#define RUN_EVALUATE_H

#include "base/err.h"
#include "base/log.h"
#include "stats/gallery.h"
#include "run/inspect.h"
#include "run/score.h"
#include "stats/metrics.h"

#include <stdbool.h>

/* Scores of a video's frames as papers measure them (stats/frame_scores.h). */
enum per_video { PER_VIDEO_RAW, PER_VIDEO_MIN_MAX };

struct evaluate_job {
    struct loaded *loaded;    /* outlives the evaluation */
    struct dataset *data;     /* opened to score, with labels */
    const char *data_name;    /* as the user wrote it */
    int batch, threads;       /* at least 1 */
    enum precision precision; /* as in scorer_spec */
    enum score_by by;         /* as in scorer_spec */
    double rate;              /* promised false-alarm rate */
    bool min_max;             /* measure decisions by metrics_min_max too */
    enum protocol protocol;   /* of videos, as in scorer_spec, as */
    int hop;                  /* this; */
    enum per_video per_video; /* and how scores are changed to be measured once more: */
    double smooth;            /* first smoothed, deviation in frames; 0: not at all */
    const struct log *log;    /* a line for every sample that cannot be read */
    void *user;               /* of the callbacks, which may be NULL */
    void (*progress)(void *user, size_t done, size_t total, double seconds);
    bool (*should_stop)(void *user); /* asked after every sample, of both passes: true ends with ERR_STOPPED */
};

/* A column that makes a row abnormal. */
struct shown_reason {
    const char *column, *value, *normal; /* its name, what stands there, and what normal rows have */
    double share;                        /* of what is abnormal, 0 to 1 */
};

enum { SHOWN_REASONS = 3 };

/* One sample that is shown. */
struct shown_sample {
    const char *name; /* "test/00017" */
    const char *kind; /* "good", "broken_large", class name; NULL: not known */
    int truth;        /* as in sample_scores */
    float score;
    double p_value;
    struct picture input;    /* as the model saw it, or smaller; pixels NULL: no picture of this sample */
    uint8_t *reconstruction; /* format of input; and so on, NULL where there is none */
    float *map;              /* input's height x width */
    uint8_t *mask;           /* the same, not 0 = truly abnormal */
    struct shown_reason reasons[SHOWN_REASONS];
    int nreasons; /* of a row, the largest share first */
};

struct gallery {
    const struct shown_sample *v;
    size_t n; /* at most GALLERY_PICKS */
};

/* A memory: how its items are used, and what they look like. */
struct shown_memory {
    const char *name;
    struct memory_use use;
    int64_t items[ITEM_PICKS]; /* n, the most used first */
    int n;
    struct picture format; /* of one picture; its pixels mean nothing */
    uint8_t *pictures;     /* n pictures; NULL: items are nothing to look at */
};

/* What a part of the score is worth on its own. */
struct part_metrics {
    const char *name;
    double auroc; /* NaN: cannot be said of this data */
};

enum { PEAKS = 3 };

/* One video's scores over its time, and the frames where they are highest. */
struct video_curve {
    const char *name;
    size_t first, n; /* of the scores */
    size_t peaks;
    size_t place[PEAKS]; /* of each among those n, rising */
    struct shown_sample peak[PEAKS];
};

/* Of videos. */
struct video_metrics {
    size_t n;                         /* 0: they are none */
    const int64_t *frame;             /* of each score: which frame of its video, */
    const double *time;               /* and when, in seconds */
    double macro_auroc;               /* mean over videos that have both kinds of frames, */
    size_t both;                      /* of which there are so many */
    const struct video_curve *curves; /* n */
    bool changed;                     /* per_video or smooth were asked for: */
    double changed_auroc, changed_macro_auroc;
};

struct evaluation {
    const struct model_file *file;         /* model, options, curve, calibration, provenance */
    const char *data;                      /* as the user named it */
    const char *data_summary;              /* lines of text */
    const char *samples;                   /* what they are called, plural */
    uint64_t fingerprint;                  /* of names and truths: evaluations of the same data have the same */
    double rate;                           /* the false-alarm rate that was promised */
    enum score_by by;                      /* what scores, verdicts and maps stand on, BY_MODEL or BY_MAP, */
    const struct calibration *calibration; /* and its calibration */
    bool judged;    /* the model has thresholds; else nothing is flagged, missed, or a false alarm */
    size_t skipped; /* samples that could not be read */
    struct sample_scores scores;
    struct metrics metrics;          /* over all samples whose truth is known */
    struct decision_rates decisions; /* at the promised rate */
    bool has_min_max;                /* it was asked for: */
    struct decision_rates min_max;   /* as metrics_min_max decides */
    struct kind_metrics *kinds;      /* of the anomalous samples */
    size_t nkinds;
    struct part_metrics parts[SCORE_PARTS];
    int nparts;
    struct video_metrics videos;
    double by_auroc[2];        /* metrics.auroc as it is BY_MODEL and BY_MAP; NaN: there is no such score */
    struct pixel_rates pixels; /* unknown: no masks, or no maps */
    double train_seconds;      /* NaN: not known */
    double score_seconds;      /* for all samples */
    size_t peak_bytes;         /* of the process's memory; 0: not known */
    struct gallery galleries[GALLERIES];
    struct shown_memory *memories;
    int nmemories;
    struct evaluate_store *store; /* what the pointers above lead to */
};

/* Fills *ev, which evaluation_free ends, whatever came of it. ERR_FAIL: the truth of not one sample is known, or not
 * one could be scored. What needs normal and anomalous samples is NaN where one of them is missing. */
int evaluation_run(const struct evaluate_job *job, struct evaluation *ev, struct err *e);
void evaluation_free(struct evaluation *ev); /* {0} is fine */

/* The numbers as a list: 1, or 0 past the last. `kind` is "" for all anomalies. */
struct evaluation_number {
    const char *name, *kind;
    double value; /* NaN: cannot be said of this data */
    const char *help;
};
int evaluation_number(const struct evaluation *ev, size_t i, struct evaluation_number *out);

#endif
