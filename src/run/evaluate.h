/* Evaluation: a model on labelled data: what a report needs, from one pass over all samples (scores, memory use, pixel
 * metric) and a second over the few that are shown (pictures, maps). */
#ifndef RUN_EVALUATE_H
#define RUN_EVALUATE_H

#include "base/err.h"
#include "base/log.h"
#include "report/report.h"
#include "run/score.h"

#include <stdbool.h>

struct evaluate_job {
    struct loaded *loaded; /* outlives the evaluation */
    struct dataset *data;  /* opened to score, with labels */
    const char *data_name; /* as the user wrote it */
    int batch, threads;    /* at least 1 */
    double rate;           /* promised false-alarm rate */
    const struct log *log; /* a line for every sample that cannot be read */
    void *user;            /* of the callbacks, which may be NULL */
    void (*progress)(void *user, size_t done, size_t total, double seconds);
    bool (*should_stop)(void *user); /* asked after every sample: true ends with ERR_STOPPED */
};

struct evaluation {
    struct report_model shown; /* all the numbers, too */
    double rate;
    size_t skipped;     /* samples that could not be read */
    char *data_name;    /* and other texts: the evaluation's own */
    char *data_summary; /* lines */
    struct evaluate_store *store;
};

/* Fills *ev, which evaluation_free ends. ERR_FAIL: the data has no labels, or not one sample could be scored. */
int evaluation_run(const struct evaluate_job *job, struct evaluation *ev, struct err *e);
void evaluation_free(struct evaluation *ev); /* {0} is fine */

/* The report of n evaluations of the same data at the same rate. */
int evaluation_report(const struct evaluation *const *evs, size_t n, const char *title, const char *date,
                      const char *path, bool force, struct err *e);

/* The numbers as a list: 1, or 0 past the last. `kind` is "" for all anomalies. */
struct evaluation_number {
    const char *name, *kind;
    double value; /* NaN: cannot be said of this data */
    const char *help;
};
int evaluation_number(const struct evaluation *ev, size_t i, struct evaluation_number *out);

#endif
