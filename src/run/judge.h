/* From a model's own map to the one that knows what is usual (stats/usual.h), and its score: for training, which learns
 * what is usual and calibrates, and for scoring. One thread's. */
#ifndef RUN_JUDGE_H
#define RUN_JUDGE_H

#include "file/model_file.h"

struct judge;

/* For maps of `values`, whole frames, of a model such as `about` says; that outlives it. */
int judge_new(const struct model_file *about, size_t values, struct judge **out, struct err *e);
void judge_free(struct judge *j); /* NULL is fine */

/* Adds a map of all values to what is usual, and ends that: into about->usual, which points into the collector. */
void judge_learn(struct judge *j, const float *map, struct usual_collector *to);
void judge_learnt(struct judge *j, struct usual_collector *from, struct usual *usual);

/* Writes what is unusual in a map of `values` to `out`; returns the score. What does not count is 0. */
float judge_map(struct judge *j, const float *map, float *out);
/* The same for the first frame of it alone. */
float judge_frame(struct judge *j, const float *map, float *out);

#endif
