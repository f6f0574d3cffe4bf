/* The table of models, alone in its file: a program that links the static library may bring another. */
#include "models/model.h"

extern const struct model model_ae, model_ae_skip, model_memae;

const struct model *const models[] = {&model_memae, &model_ae, &model_ae_skip, NULL};
