/* The memory of features, taken apart: its graph and options (features.c), and what it is fitted to (features_fit.c).
 */
#ifndef MODELS_FEATURES_H
#define MODELS_FEATURES_H

#include "models/backbone.h"
#include "models/model.h"

enum features_input { INPUT_SET, INPUT_IMAGENET };
enum features_head { HEAD_BANK, HEAD_GAUSSIAN, HEAD_POSITIONS, HEAD_PICTURES };

struct features_config {
    char backbone[OPTION_TEXT];
    enum backbone_net net;
    enum features_input input;
    enum features_head head;
    struct ints net_layers, sizes;
    bool usual;
    int64_t items, pictures, nearest, components, cell;
    double top, smooth;
};

enum {
    FEATURES_COLOURS = 3,    /* that backbones see */
    FEATURES_ITEMS = 100000, /* of a bank, at most */
};

/* Parameters, by their names. */
#define FEATURES_SCALE         "input.weight"
#define FEATURES_SHIFT         "input.bias"
#define FEATURES_WHITEN        "whiten.weight"
#define FEATURES_WHITEN_SHIFT  "whiten.bias"
#define FEATURES_ITEMS_NAME    "bank.items"
#define FEATURES_USUAL         "places.shift"
#define FEATURES_USUAL_FACTOR  "places.factor"
#define FEATURES_DIRECTIONS    "project.weight"
#define FEATURES_MEANS         "positions.mean"
#define FEATURES_WHITENING     "positions.whitening"
#define FEATURES_GALLERY       "gallery.pictures"
#define FEATURES_GALLERY_MEANS "gallery.mean"
#define FEATURES_GALLERY_COUNT "gallery.count"

/* Steps of fitting; rows are pixels of the input for the first, what the layers say of positions for the others. */
int features_fit_scale(const void *config, const struct fit_rows *rows, struct params *params, struct err *e);
int features_fit_memory(const void *config, const struct fit_rows *rows, struct params *params, struct err *e);
/* What is usual at each position, by the whitened rows that a bank was chosen from. */
int features_fit_usual(const struct fit_rows *rows, const float *white, const size_t *chosen, struct params *params,
                       struct err *e);
/* More pictures for the bank: whitening stays, and items are added until the new rows are as near to one as the old. */
int features_grow_memory(void *config, const struct fit_rows *rows, const struct params *old, struct err *e);
int features_add_memory(const void *config, const struct fit_rows *rows, const struct params *old,
                        struct params *params, struct err *e);
/* Of whole pictures: rows are all their positions. */
int features_fit_positions(const void *config, const struct fit_rows *rows, struct params *params, struct err *e);
int features_fit_pictures(const void *config, const struct fit_rows *rows, struct params *params, struct err *e);

#endif
