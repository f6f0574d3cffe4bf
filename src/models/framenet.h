/* The U-Net that `mnad` and `mpn` share, with its options: two 3x3 convolutions a level, max pooling between them,
 * transposed convolutions and joints across on the way back. It predicts the last frame of a clip from those before it,
 * or rebuilds pictures. What happens to the features in between is the model's own. */
#ifndef MODELS_FRAMENET_H
#define MODELS_FRAMENET_H

#include "models/model.h"
#include "nn/layers.h"

enum frame_task { TASK_AUTO, TASK_PREDICT, TASK_REBUILD };
enum frame_output { FRAME_TANH, FRAME_LINEAR, FRAME_SIGMOID };

struct framenet_config {
    struct ints widths;
    enum frame_task task;
    enum frame_output output;
    enum weight_init init;
    bool norm;
};

/* For the table of a model that has a framenet_config in its own. */
extern const struct option framenet_options[];

/* What crosses the net at every level but the deepest. */
struct framenet_maps {
    struct node *across[OPTION_LIST];
};

/* Begins *h with input and target of `input` N,[D],H,W,C, and gives what the net sees: pictures P,H,W,C', F32. Of clips
 * to be rebuilt every frame is one of P = N*D pictures; to be predicted, the frames but the last are channels of one.
 */
struct node *framenet_begin(struct graph *g, const struct framenet_config *c, struct shape input, struct heads *h);

/* Pictures to features of the deepest level, P,H',W',C', behind which is neither norm nor activation (with norm), and
 * the maps that cross. In g->precision. */
struct node *framenet_encode(struct graph *g, const struct framenet_config *c, struct node *pictures,
                             struct framenet_maps *maps);

/* Features of the deepest level, of any channels, to features at full size, of twice the first width. */
struct node *framenet_decode(struct graph *g, const struct framenet_config *c, struct node *features,
                             const struct framenet_maps *maps);

/* Those to h->output: three convolutions. */
void framenet_draw(struct graph *g, const struct framenet_config *c, struct node *features, struct heads *h);

/* Whether options and samples of this shape (no batch) fit each other. */
int framenet_check(const struct framenet_config *c, const struct shape *sample, struct err *e);

/* Parts of the score of both models, in decibels, so that they can be added up as they are. The map, and "error", the
 * mean squared error: the peak signal-to-noise ratio with its sign changed, but for a constant. */
void framenet_score(struct graph *g, float blur, float weight, struct heads *h);
/* "distance": the mean squared distance of features from what they should be near, rows of `samples` samples. */
void framenet_distance(struct graph *g, struct node *features, struct node *near, int64_t samples, float weight,
                       struct heads *h);

#endif
