/* Gradients as tests compare them. */
#ifndef TESTS_SUPPORT_GRADIENTS_H
#define TESTS_SUPPORT_GRADIENTS_H

#include "nn/params.h"

/* Those of a group, laid out as its values are; 0 where no objective wrote any. The caller frees. */
float *gradients_of(const struct params *ps, enum param_group group);

#endif
