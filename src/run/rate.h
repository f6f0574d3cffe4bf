/* The learning rate of a training step, as the options say: a function of where the step stands alone, so that a
 * training that goes on has the rates of one that was never interrupted. */
#ifndef RUN_RATE_H
#define RUN_RATE_H

#include "file/train_config.h"

/* Of `step`, from 0, of all `steps`, in an epoch from 0. */
float rate_of(const struct train_config *c, int epoch, int64_t step, int64_t steps);

/* Epochs of so many steps each: as many as asked for, and more where those would be fewer steps than asked for. */
int64_t rate_epochs(const struct train_config *c, int64_t steps_an_epoch);

#endif
