/* MNAD: a frame is predicted from those before it, by way of a few items that stand for all normal features (Park et
 * al., CVPR 2020). The items are moved by assignment, not by gradient. See mnad.md. */
#include "models/framenet.h"

#include <math.h>

struct mnad_config {
    struct framenet_config net;
    int64_t items;
    double compactness, separateness, margin, error_share, blur;
};

static const char ITEMS[] = "memory.items";

#define NET_PAPER "widths=64,128,256,512"
#define RUN_CLIPS "channels=1 frames=5 batch=4 keep=last validation=0"
#define RUN_SMALL RUN_CLIPS " square=118 hop=2 epochs=10 lr=0.001 lr_cosine=true"

static const struct preset presets[] = {
    {"general", "pictures are rebuilt, clips predicted; narrow, for a small computer",
     "compactness=0.01 separateness=0.01 error_share=0.7", "epochs=60 batch=4 lr=0.0002 score=map"},
    {"video", "the last of 5 frames of 256x256, the official code's net", NET_PAPER,
     RUN_CLIPS " size=256 epochs=60 lr=0.0002 lr_cosine=true"},
    {"video-small",
     "the last of 5 frames of as many pixels as 96x144 have, a quarter of the widths: for a small computer", "",
     RUN_SMALL},
    {"rebuild", "frames are rebuilt from themselves; behind another preset: video,rebuild",
     "task=rebuild compactness=0.01 separateness=0.01 error_share=0.7", "frames=1"},
    {0}};

#define OPTIONS_OF struct mnad_config
// clang-format off
static const struct option options[] = {
    ROW_TABLE(framenet_options, net),
    ROW_INT(items, "10", 2, 10000, "rows of the memory, the paper's M"),
    ROW_FLOAT(compactness, "0.1", 0, 100, "weight of the squared distance between features and their nearest item in the loss; 0.01 in the paper where frames are rebuilt"),
    ROW_FLOAT(separateness, "0.1", 0, 100, "weight of the triplet loss that keeps the second nearest item away; 0.01 in the paper where frames are rebuilt"),
    ROW_FLOAT(margin, "1", 0, 10, "of that loss: by how much the second nearest item should be farther"),
    ROW_FLOAT(error_share, "0.6", 0, 1, "of the frame's error in the score, the paper's lambda; the rest is the features' distance to their items"),
    ROW_FLOAT(blur, "0", 0, 16, "of map and error: deviation in pixels of the Gaussian that smooths the residual; 0: none"),
    {0}};
// clang-format on

/* Features of length one, a row each, and the memory's items. */
struct lookup {
    struct node *queries, *items;
    struct node *state; /* the items as they are kept */
};

/* What the decoder sees: each query, and beside it the mixture of items that resembles it. */
static struct node *remember(struct graph *g, const struct mnad_config *c, struct node *features, struct lookup *l,
                             struct heads *h)
{
    if (!features)
        return NULL;
    g->scope = "memory";
    struct shape map = features->shape, rows = SHAPE(shape_rows(&map), shape_last(&map));
    l->queries = op_reshape(g, op_unit(g, op_cast(g, features, F32)), rows);
    /* Random directions at first. They are running state: no optimiser knows them. */
    struct init random = {.kind = INIT_NORMAL, .a = 0, .b = 1.0f / sqrtf((float)rows.d[1])};
    l->state = graph_param(g, ITEMS, SHAPE(c->items, rows.d[1]), GROUP_STATE, random);
    l->items = op_unit(g, l->state);
    struct node *attention =
        op_attend(g, l->queries, l->items, (struct attend_spec){.similarity = SIM_DOT, .scale = 1});
    h->memories[h->nmemories++] = (struct memory){"memory", ITEMS, attention};
    struct node *both = op_concat(g, l->queries, op_matmul(g, attention, l->items, false));
    map.d[map.nd - 1] *= 2;
    return op_cast(g, op_reshape(g, both, map), g->precision);
}

/* L = mean squared error + compactness + separateness (eq. 8-11). */
static void losses(struct graph *g, const struct mnad_config *c, const struct lookup *l, struct heads *h)
{
    g->scope = "loss";
    struct node *near = op_nearest(g, l->queries, l->items, 1, 0), *next = op_nearest(g, l->queries, l->items, 1, 1);
    struct node *error = op_mse(g, h->output, h->target), *compact = op_mse(g, l->queries, near);
    struct node *separate = op_triplet(g, l->queries, near, next, (float)c->margin);
    struct node *memory = op_weighted(g, compact, (float)c->compactness, separate, (float)c->separateness);
    struct node *loss = op_weighted(g, error, 1, memory, 1);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
    h->watches[h->nwatches++] = (struct watch){"error", error};
    h->watches[h->nwatches++] = (struct watch){"compactness", compact};
    h->watches[h->nwatches++] = (struct watch){"separateness", separate};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct mnad_config *c = config;
    struct framenet_maps maps = {0};
    struct lookup l = {0};
    struct node *features = framenet_encode(g, &c->net, framenet_begin(g, &c->net, input, h), &maps);
    framenet_draw(g, &c->net, framenet_decode(g, &c->net, remember(g, c, features, &l, h), &maps), h);
    if (g->mode == GRAPH_SCORE) {
        framenet_score(g, (float)c->blur, (float)c->error_share, h);
        framenet_distance(g, l.queries, op_nearest(g, l.queries, l.items, 1, 0), input.d[0],
                          (float)(1 - c->error_share), h);
        return;
    }
    losses(g, c, &l, h);
    op_consolidate(g, l.queries, l.state);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct mnad_config *c = config;
    return framenet_check(&c->net, sample, e);
}

const struct model model_mnad = {
    .name = "mnad",
    .title = "Memory-guided normality: frames predicted by way of a few items",
    .paper = "Park et al., CVPR 2020, arXiv 2003.13228",
    .idea =
        "Predicts the next frame of a video from those before it, with a few items that stand for everything normal. "
        "What moves or looks otherwise is predicted badly, and its features lie far from every item.",
    .options = options,
    .config_bytes = sizeof(struct mnad_config),
    .presets = presets,
    .clip_preset = "video-small",
    .takes = TAKES_PICTURES | TAKES_CLIPS,
    .has_map = true,
    .check = check,
    .build = build,
};
