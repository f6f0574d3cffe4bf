/* One training step of any model: forward, backward and optimiser as its objectives say. What the trainer, the bench
 * and the tests of all models have in common. */
#ifndef RUN_UPDATE_H
#define RUN_UPDATE_H

#include "models/model.h"
#include "nn/adam.h"

struct update {
    struct plan *plan; /* of the training graph, its input filled */
    struct params *params;
    const struct heads *heads;
    struct adam adam; /* what an objective's rule does not say otherwise */
    uint64_t seed;    /* of weights that are drawn anew */
    int threads;
    double optimiser_seconds; /* counts up */
};

enum { ALL_FINITE = -1 };

/* Runs step number `step` and writes each objective's loss. All backward passes of one forward pass come before any
 * update that it leads to. A loss that is not finite ends the step before anything is updated from it: returns that
 * objective's number, else ALL_FINITE. */
int update_step(struct update *u, uint64_t step, double loss[OBJECTIVES]);

#endif
