/* The table of models, alone in its file: a program that links the static library may bring another. */
#include "models/model.h"

extern const struct model model_features;
extern const struct model model_memae, model_ae, model_ae_skip;
extern const struct model model_daad, model_daad_plus;
extern const struct model model_segment;
extern const struct model model_vae, model_anogan, model_egbad;
extern const struct model model_ganomaly, model_skip_ganomaly;
extern const struct model model_mnad, model_mpn;

// clang-format off
const struct model *const models[] = {
    &model_features,
    &model_memae,
    &model_ae,
    &model_ae_skip,
    &model_daad,
    &model_daad_plus,
    &model_segment,
    &model_vae,
    &model_anogan,
    &model_egbad,
    &model_ganomaly,
    &model_skip_ganomaly,
    &model_mnad,
    &model_mpn,
    NULL,
};
// clang-format on
