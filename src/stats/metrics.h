/* Detection metrics over scores and labels. Higher score = more anomalous; labels 0 normal, 1 anomalous.
 * Exact: ties count one half, no binning. NaN where a metric is undefined (one class only); metrics_compute says why.
 */
#ifndef STATS_METRICS_H
#define STATS_METRICS_H

#include "base/err.h"
#include "stats/pixels.h"

#include <stddef.h>
#include <stdint.h>

struct roc_point {
    double false_alarm, detection; /* rates at "score >= threshold" */
    float threshold;
};

enum { ROC_POINTS = 200 };

struct metrics {
    size_t n, normal, anomalous;
    double auroc;             /* P(anomalous scores above normal) + 1/2 P(tie) */
    double average_precision; /* sum over distinct thresholds of (recall step) x precision */
    double best_f1;           /* over all thresholds, chosen with the labels: an upper bound, not a result */
    int nroc;
    struct roc_point roc[ROC_POINTS]; /* from (0,0) to (1,1), decimated evenly along the curve */
    char missing[160];                /* empty, or a sentence: why some numbers are NaN */
};

/* Scores must be finite. ERR_FAIL on a score that is not, ERR_MEMORY. */
int metrics_compute(const float *scores, const uint8_t *anomalous, size_t n, struct metrics *m, struct err *e);

/* What a fixed decision does. Rates are NaN for an absent class, precision and f1 unless both are there; all of them
 * where `flagged` is NULL: nothing was decided. */
struct decision_rates {
    size_t false_alarms, detected, normal, anomalous;
    double false_alarm_rate, detection_rate;
    double precision, f1;
};
void metrics_decisions(const uint8_t *flagged, const uint8_t *anomalous, size_t n, struct decision_rates *r);

/* GANomaly's protocol: flags what is at 0.20 and above where the lowest of these scores is 0 and the highest 1; nothing
 * where all are equal. The threshold moves with the samples it is measured on: good for comparing, not for deciding. */
void metrics_min_max(const float *scores, size_t n, uint8_t *flagged);

/* What a kind is called where the data do not say it (NULL or ""): "unknown". */
const char *kind_called(const char *kind);

/* One kind of anomaly: its samples against all normal ones. */
struct kind_metrics {
    const char *kind; /* borrowed from the caller's kinds */
    size_t n;
    double auroc;
    double detection_rate;     /* share of its samples flagged; NaN when flagged is NULL */
    struct pixel_rates pixels; /* unknown, to be filled by who has maps of them */
};
/* One entry per distinct kind among the anomalous samples, in order of first appearance, then *n says how many; at most
 * `limit`, the rest are left out. kinds[i] may be NULL. */
int metrics_by_kind(const float *scores, const uint8_t *anomalous, const char *const *kinds, const uint8_t *flagged,
                    size_t n, struct kind_metrics *out, size_t limit, size_t *nout, struct err *e);

#endif
