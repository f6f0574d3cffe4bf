/* Training: from a data set and options to a model file. One trainer for all models.
 *
 * Files. OUTPUT is the model to use: written atomically and complete with calibration. Its weights are those of the
 * epoch to keep: with keep=best (default) the one of the lowest validation loss so far, with keep=last, or without a
 * validation share, the last finished one. OUTPUT.train is the state to go on from: weights of the last step, weights
 * to keep, Adam's moments, position, curve. Both are written at the end of an epoch when 10 seconds have passed since
 * they last were, and when the caller asks to stop; so OUTPUT can be used while training still runs and after whatever
 * ends it (a loss that is not finite, too: then it is written once more from the last good epoch). When training is
 * complete, OUTPUT is written and OUTPUT.train removed (option keep_state leaves it, to train longer later). While it
 * runs OUTPUT.lock stands beside them, and a second training to that output is refused. Resuming gives the very bytes
 * that an uninterrupted run gives (same options, same machine).
 *
 * Validation loss: the mean raw score of the validation share with running statistics, exactly as scoring gives it.
 * Test data and labels are never looked at. */
#ifndef RUN_TRAIN_H
#define RUN_TRAIN_H

#include "base/err.h"
#include "base/log.h"
#include "file/model_file.h"
#include "file/train_config.h"

struct dataset;

/* Where training is; told after every step. */
struct train_progress {
    int epoch, epochs;   /* 1 = first; of a model that is fitted 0: it has no epochs, and steps are samples */
    int64_t step, steps; /* within the epoch, 1 = first */
    int nlosses, nwatches;
    const char *const *loss_names, *const *watch_names;
    const double *losses, *watches; /* means over the epoch so far */
    double validation;              /* of the last finished epoch; NaN: none yet */
    double seconds;                 /* since the start of this run */
    double seconds_left;            /* estimate to the end of all epochs; NaN before the first step */
    bool epoch_done;                /* told once more after validation, with the epoch's own validation loss */
    bool kept;                      /* epoch_done: this epoch's weights are now those to keep */
    bool saved;                     /* epoch_done: and both files on the disk are of this epoch */
};

struct train_job {
    const struct model *model;
    const void *config; /* the model's options */
    const struct train_config *train;
    struct dataset *data;  /* opened for training */
    const char *data_name; /* as the user wrote it: goes into the file */
    const char *output;
    bool force;       /* an existing output may be replaced */
    bool resume;      /* go on from OUTPUT.train, which must be there */
    const char *date; /* goes into the file; NULL: none, and equal runs then give equal files */
    const struct log *log;
    void *user; /* of the callbacks below, each of which may be NULL */
    void (*progress)(void *user, const struct train_progress *p);
    bool (*should_stop)(void *user); /* asked after every step; true: save the state, return ERR_STOPPED */
};

struct train_result {
    int epochs, kept_epoch; /* run in all; whose weights are in the output */
    bool stopped_early;     /* patience ran out */
    double validation;      /* of the kept epoch; NaN: no validation share */
    int64_t trained, validated, calibrated;
    double seconds;    /* of this run */
    size_t plan_bytes; /* memory of the training and the validation plan */
};

/* ERR_USAGE: options that do not fit each other or the data; ERR_FAIL: data or numbers (a loss that is not finite: the
 * sentence names the first node that is not); ERR_STOPPED: should_stop said so, and resume goes on from there. */
int train_run(const struct train_job *job, struct train_result *result, struct err *e);

/* What the result's plan_bytes would be. Samples are looked at as far as the options leave it to the data how they are
 * brought to the model; nothing is trained or written, and `output` may be NULL. */
int train_memory(const struct train_job *job, size_t *bytes, struct err *e);

#endif
