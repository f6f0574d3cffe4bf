/* Adam (Kingma, Ba, ICLR 2015), with the decay of weights that AdamW takes out of the gradient (Loshchilov, Hutter,
 * ICLR 2019), as one loop over any number of values. */
#ifndef NN_ADAM_H
#define NN_ADAM_H

#include "nn/params.h"

struct adam {
    float lr, beta1, beta2, eps;
    float decay; /* values shrink by lr times this in every step; 0: Adam */
};

/* Step `t`, from 1, of n values with their moments. Callable from one thread; computes on up to `threads`. */
void adam_step(const struct adam *adam, uint64_t t, float *value, float *m, float *v, const float *grad, size_t n,
               int threads);

/* One step of the group from its gradients, before the next forward pass; counts the step and the parameters' version.
 */
void params_adam(struct params *ps, enum param_group group, const struct adam *adam, int threads);

#endif
