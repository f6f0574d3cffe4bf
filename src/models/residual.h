/* Score and heat map of models that rebuild a picture: how far output and target are apart, and where. */
#ifndef MODELS_RESIDUAL_H
#define MODELS_RESIDUAL_H

#include "models/model.h"

/* Adds to a score graph the map, mean over channels of the squared residual of h->output and h->target, N,[D],H,W,1,
 * and as a part of the score "error", its mean over the sample, times `weight`. The residual is smoothed first by a
 * Gaussian of `blur` pixels; 0: not at all. */
void residual_score(struct graph *g, float blur, float weight, struct heads *h);

#endif
