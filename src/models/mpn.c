/* MPN: prototypes made anew from the features of every frame, and the frame predicted by way of them (Lv et al., CVPR
 * 2021), without the meta-learning of the paper. See mpn.md. */
#include "models/framenet.h"

struct mpn_config {
    struct framenet_config net;
    int64_t prototypes;
    double compactness, distinction, error_share, blur;
};

#define NET_PAPER "widths=64,128,256,512 norm=false"
#define RUN_CLIPS "channels=1 frames=5 batch=4 keep=last validation=0"
#define RUN_SMALL RUN_CLIPS " square=118 hop=2 epochs=10 lr=0.001 lr_cosine=true"

static const struct preset presets[] = {
    {"general", "pictures are rebuilt, clips predicted; narrow, for a small computer", "",
     "epochs=60 batch=4 lr=0.0002 score=map"},
    {"video", "the last of 5 frames of 256x256, the official code's net", NET_PAPER,
     RUN_CLIPS " size=256 epochs=60 lr=0.0001"},
    {"video-small",
     "the last of 5 frames of as many pixels as 96x144 have, a quarter of the widths: for a small computer", "",
     RUN_SMALL},
    {0}};

#define OPTIONS_OF struct mpn_config
// clang-format off
static const struct option options[] = {
    ROW_TABLE(framenet_options, net),
    ROW_INT(prototypes, "10", 2, 1000, "made of every frame"),
    ROW_FLOAT(compactness, "1", 0, 100, "weight of the squared distance between features and their nearest prototype in the loss"),
    ROW_FLOAT(distinction, "0.0001", 0, 100, "weight of the loss that keeps prototypes apart"),
    ROW_FLOAT(error_share, "0.5", 0, 1, "of the frame's error in the score; the rest is the features' distance to their prototypes"),
    ROW_FLOAT(blur, "0", 0, 16, "of map and error: deviation in pixels of the Gaussian that smooths the residual; 0: none"),
    {0}};
// clang-format on

/* Of every picture: features of length one at each position, and prototypes of length one, a row each. */
struct lookup {
    int pictures;
    struct node *features;   /* P,positions,C */
    struct node *prototypes; /* P,K,C */
};

/* p_k = unit( sum over positions of w_k feature ), w_k = softmax over positions of a linear map of the features. */
static struct node *make_prototypes(struct graph *g, const struct mpn_config *c, struct node *features)
{
    if (!features)
        return NULL;
    int64_t pictures = features->shape.d[0], positions = features->shape.d[1], channels = features->shape.d[2];
    struct layer_spec l = {.out = (int)c->prototypes, .no_bias = true, .init = c->net.init, .dtype = F32};
    struct node *rows = op_reshape(g, features, SHAPE(pictures * positions, channels));
    struct node *weights = layer_linear(g, "prototypes", rows, &l);
    weights = op_softmax_positions(g, op_reshape(g, weights, SHAPE(pictures, positions, c->prototypes)));
    return op_unit(g, op_sample_product(g, weights, true, features, false));
}

/* Each feature, and added to it the mixture of its picture's prototypes that resembles it. */
static struct node *read_prototypes(struct graph *g, const struct lookup *l)
{
    struct node *attention = op_softmax(g, op_sample_product(g, l->features, false, l->prototypes, true));
    struct node *mixture = op_unit(g, op_sample_product(g, attention, false, l->prototypes, false));
    return op_add(g, mixture, l->features);
}

static struct node *look_up(struct graph *g, const struct mpn_config *c, struct node *features, struct lookup *l)
{
    if (!features)
        return NULL;
    g->scope = "prototypes";
    struct shape map = features->shape;
    l->pictures = (int)map.d[0];
    l->features = op_reshape(g, op_unit(g, op_cast(g, features, F32)), SHAPE(map.d[0], map.d[1] * map.d[2], map.d[3]));
    l->prototypes = make_prototypes(g, c, l->features);
    return op_cast(g, op_reshape(g, read_prototypes(g, l), map), g->precision);
}

static struct node *rows_of(struct graph *g, struct node *x)
{
    return x ? op_reshape(g, x, SHAPE(shape_rows(&x->shape), shape_last(&x->shape))) : NULL;
}

/* L = mean squared error + compactness + distinction (eq. 7-10). */
static void losses(struct graph *g, const struct mpn_config *c, const struct lookup *l, struct heads *h)
{
    g->scope = "loss";
    struct node *features = rows_of(g, l->features), *prototypes = rows_of(g, l->prototypes);
    struct node *error = op_mse(g, h->output, h->target);
    struct node *compact = op_mse(g, features, op_nearest(g, features, prototypes, l->pictures, 0));
    struct node *distinct = op_distinction(g, prototypes, l->pictures);
    struct node *normal = op_weighted(g, compact, (float)c->compactness, distinct, (float)c->distinction);
    struct node *loss = op_weighted(g, error, 1, normal, 1);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
    h->watches[h->nwatches++] = (struct watch){"error", error};
    h->watches[h->nwatches++] = (struct watch){"compactness", compact};
    h->watches[h->nwatches++] = (struct watch){"distinction", distinct};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct mpn_config *c = config;
    struct framenet_maps maps = {0};
    struct lookup l = {0};
    struct node *deepest = framenet_encode(g, &c->net, framenet_begin(g, &c->net, input, h), &maps);
    framenet_draw(g, &c->net, look_up(g, c, framenet_decode(g, &c->net, deepest, &maps), &l), h);
    if (g->mode == GRAPH_TRAIN) {
        losses(g, c, &l, h);
        return;
    }
    struct node *features = rows_of(g, l.features), *prototypes = rows_of(g, l.prototypes);
    framenet_score(g, (float)c->blur, (float)c->error_share, h);
    framenet_distance(g, features, op_nearest(g, features, prototypes, l.pictures, 0), input.d[0],
                      (float)(1 - c->error_share), h);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct mpn_config *c = config;
    return framenet_check(&c->net, sample, e);
}

const struct model model_mpn = {
    .name = "mpn",
    .title = "Dynamic prototypes: frames predicted by way of what is common in them",
    .paper = "Lv et al., CVPR 2021, arXiv 2104.06689",
    .idea = "Sums a video frame up in a few prototypes of its own and predicts the next frame with their help. What is "
            "unlike the rest of the frame is like none of them, and is predicted badly.",
    .options = options,
    .config_bytes = sizeof(struct mpn_config),
    .presets = presets,
    .clip_preset = "video-small",
    .takes = TAKES_PICTURES | TAKES_CLIPS,
    .has_map = true,
    .check = check,
    .build = build,
};
