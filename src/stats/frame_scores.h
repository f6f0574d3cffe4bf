/* Scores of the frames of several videos, one video after the other: what papers do to them before they measure, and
 * means over videos. `video` says of each score which video it is of; equal ones stand together. */
#ifndef STATS_FRAME_SCORES_H
#define STATS_FRAME_SCORES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* (score - lowest) / (highest - lowest) of each video on its own; 0 where all are equal. It needs all of a video, and
 * gives the least abnormal video a highest score of 1: good for comparing, not for deciding. */
void frame_scores_min_max(float *scores, const size_t *video, size_t n);

/* A Gaussian of that deviation in frames along each video, cut at three deviations, renewed at the ends. */
int frame_scores_smooth(float *scores, const size_t *video, size_t n, double deviation, struct err *e);

/* The mean area under the ROC curve of the videos that have normal and anomalous frames, and how many these are; NaN:
 * none. ERR_FAIL: a score that is not finite. */
int frame_scores_macro(const float *scores, const uint8_t *anomalous, const size_t *video, size_t n, double *auroc,
                       size_t *videos, struct err *e);

#endif
