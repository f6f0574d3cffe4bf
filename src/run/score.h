/* Scoring: a scorer for each thread, over a loaded model that they share.
 *
 * A sample's score does not depend on what else is in its batch, nor on padding, not by a bit. Another batch size may
 * change its last bits (about 1e-7 of it): oneDNN adds up in another order. */
#ifndef RUN_SCORE_H
#define RUN_SCORE_H

#include "base/err.h"
#include "data/dataset.h"
#include "run/loaded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scorer;

/* Asked now and then: true to stop. */
typedef bool scorer_stopping(void *user);

/* Told after each step of a search to how many samples' worth of the batch it amounts. Returns true to stop. */
typedef bool scorer_search(void *user, size_t samples);

struct scorer_spec {
    int batch;                           /* samples at a time, at least 1; 1 has the smallest latency and memory */
    int threads;                         /* at least 1 */
    enum precision precision;            /* PRECISION_AUTO: the one it was calibrated in, where this machine has it */
    bool map, reconstruction, attention; /* what to compute beside the score */
    bool shows;                          /* frames of videos with their verdicts, to be shown */
    double rate;                         /* false-alarm rate of the verdict, 0..1 */
    const struct log *log;               /* may be NULL; a line where verdicts are not what the file promises */
    scorer_search *searching;            /* may be NULL */
    scorer_stopping *stopping;           /* the same: of videos, which may have to be waited for */
    void *user;                          /* of both */
    enum score_by by;       /* what score, verdict and map stand on; ERR_USAGE: the model has no such map */
    bool both;              /* the other score, too, where there is one */
    enum protocol protocol; /* of videos: how clips become frames (run/frames.h), */
    int hop;                /* and the frames from clip to clip, at most as many as a clip judges; 0: so many */
    bool waits;             /* of live streams (data/feed.h): drop no frame, */
    double retry;           /* and the longest pause between attempts to connect again, in seconds; 0: none is made */
};

int scorer_new(struct loaded *s, const struct scorer_spec *spec, struct scorer **out, struct err *e);
void scorer_free(struct scorer *s);
/* Bytes that a scorer of that spec computes in (its plan's), without making one. */
int scorer_memory(const struct loaded *s, const struct scorer_spec *spec, size_t *bytes, struct err *e);

/* How much of each item of a memory each query of a sample took. */
struct attention {
    const float *weights; /* rows x items */
    int64_t rows, items;
};

/* What its verdicts stand on: BY_MODEL or BY_MAP. And the calibration of that. */
enum score_by scorer_stands(const struct scorer *s);
const struct calibration *scorer_calibration(const struct scorer *s);

/* One sample's result. Pointers lead into the scorer and are valid until its next call; NULL: not asked for, or the
 * model has no such thing. */
struct verdict {
    float score;
    float by[2];              /* BY_MODEL, BY_MAP: score is one of them; NaN: not computed */
    float parts[SCORE_PARTS]; /* as loaded_roles names them, before their weights */
    double p_value;
    bool anomalous;   /* p_value <= rate */
    const float *map; /* of a frame of a video alone. Height x width of the model's input: as the model makes it, or
                         what is unusual in it */
    const float *reconstruction; /* normalised, see data/preprocess.h; shape of */
    const float
        *target; /* what it should have been; of a model that rebuilds nothing the input, where it was asked for */
    struct attention attention[MEMORIES];
    int64_t frame;        /* of a video, from 0; of an error: how many there were */
    double time;          /* seconds from its start; of an error of the frame before */
    struct picture shown; /* of the same (picture/shown.h); pixels NULL: not asked for */
    int error;            /* 0, or why there is no score */
    const char *message;  /* a sentence with the sample's name */
};

/* Scores n pictures in memory (picture/picture.h) of any size, n <= spec.batch; results in order. A picture that cannot
 * be used fails the whole call. */
int scorer_score(struct scorer *s, const struct picture *pictures, int n, struct verdict *out, struct err *e);
/* The same for n rows of numbers, one behind the other, after scorer_check_rows, which takes any number of them and
 * finds what is wrong with them: ERR_USAGE: other columns; ERR_FORMAT: a number that is not finite. From rows of texts
 * to rows of numbers: scorer_read_rows. */
int scorer_score_rows(struct scorer *s, const float *rows, int n, struct verdict *out, struct err *e);
int scorer_read_rows(const struct loaded *s, const char *const *texts, size_t n, size_t columns, float *rows,
                     struct err *e);
int scorer_check_rows(const struct loaded *s, const float *rows, size_t n, size_t columns, struct err *e);
/* Scores a whole split in order, of videos (dataset_plays) every frame of every one, in order, calling `each` for every
 * sample as it comes; a sample that cannot be read is a verdict with error and message. `each` returns non-zero to stop
 * (ERR_STOPPED). `indices` NULL: all samples, n is ignored. */
typedef int scorer_each(void *user, size_t index, const struct verdict *v);
/* The same for n frames of videos: frame frames[i] of video videos[i] gets the verdict that it has in its video. */
int scorer_score_frames(struct scorer *s, struct dataset *data, enum split split, const size_t *videos,
                        const int64_t *frames, size_t n, scorer_each *each, void *user, struct err *e);
int scorer_score_dataset(struct scorer *s, struct dataset *data, enum split split, const size_t *indices, size_t n,
                         scorer_each *each, void *user, struct err *e);

#endif
