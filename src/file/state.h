/* The training state: what an interrupted training goes on from, in the layout of a model file (file/model_file.h) with
 * Adam's moments as tensors "adam.m.NAME", "adam.v.NAME", and the weights to be kept as "kept.NAME" where they are not
 * those of the state itself. */
#ifndef FILE_STATE_H
#define FILE_STATE_H

#include "file/model_file.h"

struct train_state {
    int epoch;                               /* finished epochs */
    int64_t step;                            /* steps done in the epoch after them */
    double loss[OBJECTIVES], watch[WATCHES]; /* sums over those steps */
    double best;                             /* lowest validation loss so far; NaN: none */
    int since_best;                          /* epochs since then */
    uint64_t adam_steps[GROUP_COUNT];
    uint64_t data; /* a hash of the training samples' names */
};

/* kept[group]: the values of c->kept_epoch, laid out as params->value is. Replaces an existing file. */
int state_write(const char *path, const struct model_file *c, const struct params *params,
                const struct train_state *state, float *const kept[GROUP_COUNT], struct err *e);

/* A state file being read: first what it says (to be compared with what is asked for), then the weights. */
struct state_file;
int state_open(const char *path, struct model_file *c, struct train_state *state, struct state_file **file,
               struct err *e);
/* Into params (allocated to be trained) and kept. */
int state_read(struct state_file *file, const struct model_file *c, const struct train_state *state,
               struct params *params, float *const kept[GROUP_COUNT], struct err *e);
void state_close(struct state_file *file); /* NULL is fine */

#endif
