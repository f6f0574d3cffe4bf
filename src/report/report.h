/* The report: one self-contained HTML page (pictures and charts inside, no script, nothing loaded from anywhere) that
 * shows what models do on one data set. Several models of the same data stand side by side.
 *
 * Fill the structs, call report_write. Everything pointed to stays the caller's and is only read; NULL, 0 or NaN where
 * there is nothing to show, and the page leaves that part out: no labels, no maps, no memory, no misses are all fine.
 * Texts are UTF-8 and may hold any characters.
 *
 * A report shows chosen samples, not all: score everything once, let report_pick choose, then score the chosen again
 * with maps and reconstructions. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/err.h"
#include "data/media.h"
#include "file/model_file.h"
#include "run/inspect.h"
#include "stats/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPORT_PICKS = 12,  /* samples in a gallery */
    REPORT_ITEMS = 120, /* memory items shown as pictures */
};

/* All samples that were scored, in the order of the data. */
struct report_scores {
    size_t n;
    const float *score;    /* n, finite */
    const double *p_value; /* n; a sample is flagged where p_value <= the report's rate */
    const int8_t *truth;   /* n: 0 normal, 1 anomalous, -1 not known; NULL: none is known */
};

enum report_gallery {
    REPORT_DRAWN,          /* evenly over the data, normal and anomalous alike: the same for every model */
    REPORT_MOST_ANOMALOUS, /* highest scores */
    REPORT_MOST_NORMAL,    /* lowest scores */
    REPORT_FALSE_ALARMS,   /* normal but flagged, highest scores first */
    REPORT_MISSED,         /* anomalous but not flagged, lowest scores first */
    REPORT_GALLERIES
};

/* Chooses the samples of a gallery; returns how many of `picks` it filled. No allocation. */
size_t report_pick(enum report_gallery gallery, const struct report_scores *s, double rate, size_t picks[REPORT_PICKS]);

/* Chooses the memory items to show, the most used first; returns how many. */
int report_pick_items(const struct memory_use *use, int64_t items[REPORT_ITEMS]);

/* One sample of a gallery. */
struct report_sample {
    const char *name; /* "test/00017" */
    const char *kind; /* "good", "broken_large", class name; NULL: not known */
    int truth;        /* as in report_scores */
    float score;
    double p_value;
    struct picture input;          /* as the model saw it; pixels NULL: no pictures of this sample */
    const uint8_t *reconstruction; /* format of input */
    const float *map;              /* input's height x width */
    const uint8_t *mask;           /* the same, not 0 = truly abnormal: outlined on the input */
};

struct report_samples {
    const struct report_sample *v;
    size_t n; /* at most REPORT_PICKS are shown */
};

/* The memory: what its items look like and how they are used. */
struct report_memory {
    const struct memory_use *use; /* NULL: the model has none */
    const int64_t *items;         /* n: as report_pick_items chose them */
    int n;
    struct picture format;   /* of one picture; its pixels are not looked at */
    const uint8_t *pictures; /* n pictures, as inspect_items gives them; NULL: none */
};

struct report_model {
    const struct model_file *file; /* model, options, curve, calibration, provenance */
    struct report_scores scores;
    const struct metrics *metrics;          /* NULL: no labels */
    const struct decision_rates *decisions; /* at the report's rate; NULL: no labels */
    const struct kind_metrics *kinds;       /* of the anomalous samples */
    size_t nkinds;
    double pixel_auroc;   /* NaN: no masks */
    double train_seconds; /* NaN: not known */
    double score_seconds; /* for all samples; NaN: not known */
    size_t peak_bytes;    /* of the process's memory; 0: not known */
    struct report_samples galleries[REPORT_GALLERIES];
    struct report_memory memory;
};

struct report {
    const char *title;        /* NULL: the data's name */
    const char *data;         /* as the user named it */
    const char *data_summary; /* lines of text; may be NULL */
    const char *samples;      /* what they are, plural: "pictures"; NULL: "samples" */
    const char *date;         /* of the evaluation; may be NULL */
    double rate;              /* the false-alarm rate that was promised */
    size_t skipped;           /* samples that could not be read */
    const struct report_model *models;
    size_t nmodels; /* at least 1 */
};

/* Writes the page, whole or not at all; an existing file is refused (ERR_IO) unless `force`. */
int report_write(const struct report *r, const char *path, bool force, struct err *e);

#endif
