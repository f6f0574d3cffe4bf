/* The models of the loop: those of the library, and toys that are what none of those is: two objectives, a search at
 * scoring time, rows of numbers. Linked before the library's own table. */
#include "models/model.h"

extern const struct model model_memae, model_ae, model_ae_skip;
extern const struct model model_daad, model_daad_plus;
extern const struct model model_segment;
extern const struct model model_vae, model_anogan, model_egbad;
extern const struct model model_ganomaly, model_skip_ganomaly;
extern const struct model model_mnad, model_mpn;
extern const struct model model_features;
extern const struct model model_toy_gan, model_toy_search, model_toy_rows;

// clang-format off
const struct model *const models[] = {
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
    &model_features,
    &model_toy_gan,
    &model_toy_search,
    &model_toy_rows,
    NULL,
};
// clang-format on
