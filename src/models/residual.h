/* What models that rebuild a picture have in common: the input at one contrast where the option says so, and score and
 * heat map: how far output and target are apart, and where. */
#ifndef MODELS_RESIDUAL_H
#define MODELS_RESIDUAL_H

#include "models/model.h"

enum residual_error { ERROR_SQUARED, ERROR_ABSOLUTE };

struct residual_config {
    double blur, contrast;
    enum residual_error error;
};

/* For the table of a model that has a residual_config in its own. */
extern const struct option residual_options[];

/* Begins *h with the input of shape N,[D],H,W,C and what is to be rebuilt: the input, its contrast evened out where the
 * option says so. */
void residual_begin(struct graph *g, const struct residual_config *c, struct shape input, struct heads *h);

/* Adds map and score to a score graph: residual_map's map, of absolute residuals where the option says so, and as a
 * part of the score "error", its mean over the sample, times `weight`. Brings output and target back to the input's
 * contrast.
 */
void residual_end(struct graph *g, const struct residual_config *c, float weight, struct heads *h);

/* Adds to a score graph the map, mean over channels of the squared residual of h->output and h->target, N,[D],H,W,1.
 * The residual is smoothed first by a Gaussian of `blur` pixels; 0: not at all. Of rows it is the squared residual of
 * each column, N,C, which nothing smooths. */
void residual_map(struct graph *g, float blur, struct heads *h);

#endif
