/* The options of a training run, as data, and the struct they fill. Kept in the model file: they say how it was made.
 */
#ifndef FILE_TRAIN_CONFIG_H
#define FILE_TRAIN_CONFIG_H

#include "base/option.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "picture/made.h"
#include "stats/usual.h"

#include <stdbool.h>
#include <stdint.h>

enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_AUTO };
enum value_range { RANGE_SYMMETRIC, RANGE_UNIT }; /* -1..1, 0..1 */
enum keep { KEEP_BEST, KEEP_LAST };
enum categories { CATEGORIES_STANDARD, CATEGORIES_PLAIN }; /* scaled as numbers are; 0 and 1 */
/* How what is said of clips becomes what is said of frames (run/frames.h). */
enum protocol { PROTOCOL_FRAMES, PROTOCOL_OFFICIAL };
/* What verdicts stand on; BY_FILE: what the file says, of scorers alone. */
enum score_by { BY_MODEL, BY_MAP, BY_FILE };

struct train_config {
    int64_t epochs, steps, batch; /* steps: at least so many, in as many epochs as that takes */
    double lr;
    struct ints lr_epochs; /* after each of these epochs lr is multiplied by lr_factor */
    double lr_factor;
    bool lr_cosine;    /* lr falls to 0 along half a cosine */
    int64_t lr_warmup; /* steps */
    double weight_decay;
    double beta1, beta2;
    int64_t seed;
    int64_t threads; /* 0: one per core */
    enum precision precision;
    char size[OPTION_TEXT]; /* "0": guessed from the data; "N"; "HxW" */
    struct ints square;     /* pixels, ascending; none: by the longer side */
    int64_t tile;           /* pixels; 0: pictures are looked at whole */
    double overlap;         /* of tiles: part of their side */
    char roi[OPTION_TEXT];  /* path of a mask of what counts; "": everything */
    enum scale scaling;     /* of the numbers in rows */
    enum categories categories;
    double clip;          /* of their values; 0: none */
    enum missing missing; /* what an empty cell is */
    int64_t channels;     /* 0: guessed from the data */
    int64_t frames;       /* of a clip; 0: 16 of videos, and pictures */
    int64_t step;         /* of a clip: from frame to frame */
    int64_t hop;          /* from clip to clip that is trained on */
    enum value_range range;
    double validation, calibration; /* shares of the normal training data */
    int64_t folds;    /* of a model that is fitted: parts that are calibrated on in turn; 0: the share is held out */
    int64_t patience; /* epochs without a better validation loss; 0: no early stopping */
    enum keep keep;
    struct augment augment;
    struct made_defects made;
    enum score_by score;
    double map_blur, map_top; /* of the map that knows what is usual (stats/usual.h) */
    enum aligned aligned;
    int64_t cache;   /* MiB for decoded pictures */
    bool keep_state; /* leave the training state beside the finished model */
};

extern const struct option train_options[];
/* Those of them that say how steps are taken: a model that is fitted takes none. */
extern const struct option train_step_options[];

/* "28" or "480x640" (height x width) into two numbers, both 0 for "0"; ERR_USAGE with a sentence otherwise. */
int train_size_parse(const char *text, int *height, int *width, struct err *e);

/* How the options want the data to be brought to the model. ERR_USAGE: a size that is none. */
int train_wishes(const struct train_config *c, struct wishes *w, struct err *e);

/* A number of threads: `asked`, and for 0 or more than that, as many as the process may use cores. */
int threads_choose(int64_t asked);

/* What only makes sense together: shares that leave nothing to train on, patience without validation. ERR_USAGE. */
int train_config_check(const struct train_config *c, struct err *e);

#endif
