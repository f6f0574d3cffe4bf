/* Adam (Kingma, Ba, ICLR 2015), over one group of parameters as one loop. */
#ifndef NN_ADAM_H
#define NN_ADAM_H

#include "nn/params.h"

struct adam {
    float lr, beta1, beta2, eps;
};

/* One step of the group from its gradients; counts the step and the parameters' version. */
void params_adam(struct params *ps, enum param_group group, const struct adam *adam, int threads);

#endif
