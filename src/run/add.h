/* More good samples for a model that is there: what it is fitted to and its calibration grow, and nothing begins anew.
 *
 * Of models that are fitted and whose steps say how (struct fit_step). How pictures are brought to the model stays, and
 * so does what was fitted once. The new samples calibrate as the old ones did: in `folds` parts, each judged by the
 * model with the other parts added, or where a share was held out, that share of them. Their scores go beside those
 * that are in the file, which were made by a memory of fewer samples: no less far from what it had not seen than the
 * larger one is, so that the promise holds as it did (src/stats/calibrate.md). The colour scale of the heat maps stays,
 * so that maps from before and after can be compared. */
#ifndef RUN_ADD_H
#define RUN_ADD_H

#include "run/train.h"

struct add_job {
    const char *model; /* the file to add to */
    struct dataset *data;
    const char *data_name;
    const char *output; /* may be the same file: it is replaced whole or not at all */
    bool force;
    int64_t threads; /* 0: one per core */
    const struct log *log;
    void *user; /* of the callbacks, as in struct train_job */
    void (*progress)(void *user, const struct train_progress *p);
    bool (*should_stop)(void *user);
};

struct add_result {
    int64_t added;      /* samples of this call that the model is fitted to, */
    int64_t calibrated; /* and that calibrate it */
    int64_t trained;    /* in all, with those before */
    double seconds;
};

/* ERR_USAGE: a model that cannot be added to, or other data than its own; ERR_STOPPED: nothing was written. */
int add_run(const struct add_job *job, struct add_result *result, struct err *e);

#endif
