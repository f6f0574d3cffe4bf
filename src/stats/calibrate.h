/* Calibration: from raw scores to p-values and verdicts, by split conformal prediction (Vovk et al. 2005; Bates et al.
 * 2023, "Testing for outliers with conformal p-values").
 *
 * A share of the normal data is held out of training; its scores are kept in the model file. A new score s gets
 * p = (1 + #{held-out >= s}) / (n + 1), and is anomalous where p <= rate. As long as new normal data are exchangeable
 * with the held-out ones, the false-alarm rate is at most `rate`, whatever the model and whatever the distribution: on
 * average over trainings. The real rate of one file depends on which samples were held out; where scores do not tie, it
 * is distributed as Beta(k, n + 1 - k), k = floor(rate (n + 1)), of mean k / (n + 1).
 *
 * Heat maps are judged the same way: `peaks` holds each held-out picture's highest map value, so that a contour at
 * calibration_peak_threshold appears on at most a share `rate` of normal pictures; low..high is the colour scale.
 *
 * All functions only read; any number of threads. */
#ifndef STATS_CALIBRATE_H
#define STATS_CALIBRATE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calibration {
    size_t n;                /* held-out samples; 0: not calibrated, every p-value is 1 */
    float *scores;           /* n, ascending */
    float *peaks;            /* n, ascending: highest value of each sample's map; NULL without maps */
    float map_low, map_high; /* the colour scale: median and 99.9 % point of the held-out maps' values */
};

/* (1 + #{held-out >= score}) / (n + 1), in (0, 1]. */
double calibration_p_value(const struct calibration *c, float score);

/* A score is anomalous where it is *above* the returned one; INFINITY where no score can be (rate < 1/(n+1)). */
float calibration_threshold(const struct calibration *c, double rate);
/* The same for the highest value of a map: where to draw the contour. */
float calibration_peak_threshold(const struct calibration *c, double rate);

/* The smallest rate at which anything can be flagged: 1/(n+1). */
double calibration_smallest_rate(const struct calibration *c);

/* What the real false-alarm rate of this file stays below, with `confidence` (0..1) over the draw of the held-out
 * samples. 0 where nothing can be flagged. Only `n` of the calibration counts. */
double calibration_rate_bound(const struct calibration *c, double rate, double confidence);

/* The share of `tested` (at least 1) normal samples that are flagged: its mean over trainings, and where it is 19 times
 * in 20, with the luck of both draws, the held-out samples and the tested. Only `n` of the calibration counts. */
struct calibration_range {
    double from, centre, to;
};
struct calibration_range calibration_expected(const struct calibration *c, double rate, size_t tested);

/* Collects what a calibration is made of, sample by sample, in any order: the same result. */
struct calibrator;

/* For up to `n` samples; `maps`: they have heat maps. NULL: out of memory. */
struct calibrator *calibrator_new(size_t n, bool maps);
void calibrator_free(struct calibrator *c);
/* From here on of every map only those values say something of the colour scale where roi is not 0; NULL: all. Outlives
 * it. */
void calibrator_region(struct calibrator *c, const uint8_t *roi);
/* `map` is NULL or holds `count` values. Nothing is allocated. Not finite: ERR_FAIL. */
int calibrator_add(struct calibrator *c, float score, const float *map, size_t count, struct err *e);
/* Sorts; the calibrator owns the arrays, `out` points into it until calibrator_reset or calibrator_free. */
void calibrator_finish(struct calibrator *c, struct calibration *out);
void calibrator_reset(struct calibrator *c);

#endif
