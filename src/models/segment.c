/* A U-Net that learns to find made defects in good pictures (picture/made.h), and finds real ones. See segment.md. */
#include "models/model.h"
#include "nn/layers.h"

#include <stdio.h>

struct segment_config {
    struct ints widths;
    int64_t stride;
    double slope, blur;
};

#define OPTIONS_OF struct segment_config
// clang-format off
static const struct option options[] = {
    ROW_INTS(widths, "32,64,128,128", 1, 4096, "channels of each level, each half as large as the last"),
    ROW_INT(stride, "2", 1, 8, "of the first level: 2, it has half the picture's size; 4, a quarter, and the net a quarter of the work"),
    ROW_FLOAT(slope, "0", 0, 0.9, "of the activations below zero; 0: ReLU"),
    ROW_FLOAT(blur, "1.5", 0, 16, "of the map: deviation in pixels of the Gaussian that smooths the probabilities; 0: none"),
    {0}};
// clang-format on

#define LEARNING                                                                                                       \
    "epochs=1 steps=1200 batch=8 lr=0.002 lr_cosine=true lr_warmup=50 weight_decay=0.0001 keep=last validation=0 "     \
    "shift=0.02 gain=0.15 offset=0.04 score=model"

static const struct preset presets[] = {
    {"general", "pictures brought to 128x128", "", "size=128 " LEARNING},
    {"fine", "pictures brought to 256x256, the first level at a quarter of that: as much work as the general one",
     "stride=4", "size=256 " LEARNING},
    {0}};

/* ---- the net ---- */

static struct layer_spec layer_of(struct graph *g, int out, int kernel)
{
    return (struct layer_spec){.out = out,
                               .kernel = {kernel, kernel},
                               .stride = {1, 1},
                               .pad = {kernel / 2, kernel / 2},
                               .dtype = g->precision};
}

/* 3x3, batch norm, activation. */
static struct node *see(struct graph *g, const struct segment_config *c, const char *name, struct node *x, int out)
{
    struct layer_spec l = layer_of(g, out, 3);
    l.norm = true;
    l.act = ACT_LRELU;
    l.slope = (float)c->slope;
    return layer_conv(g, name, x, &l);
}

/* From the picture to the first level. 6x6 with stride 2 is 3x3 over pixels of which four are taken as one. */
static struct node *enter(struct graph *g, const struct segment_config *c, struct node *picture)
{
    const int stride = (int)c->stride;
    struct layer_spec l = layer_of(g, c->widths.v[0], 3 * stride);
    l.stride[0] = l.stride[1] = stride;
    l.pad[0] = l.pad[1] = stride;
    l.norm = true;
    l.act = ACT_LRELU;
    l.slope = (float)c->slope;
    return layer_conv(g, "down.0.first", op_cast(g, picture, g->precision), &l);
}

static struct node *halve(struct graph *g, struct node *x)
{
    g->scope = "halve";
    return op_max_pool(g, x, (struct pool_spec){.kernel = 2, .stride = 2});
}

static struct node *go_down(struct graph *g, const struct segment_config *c, struct node *x, int level)
{
    char first[32], second[32];
    snprintf(first, sizeof first, "down.%d.first", level);
    snprintf(second, sizeof second, "down.%d.second", level);
    struct node *y = level ? see(g, c, first, halve(g, x), c->widths.v[level]) : enter(g, c, x);
    return see(g, c, second, y, c->widths.v[level]);
}

/* What comes from below is as the map beside it: 1x1 of both together, which is the sum of 1x1 of each, the first of
 * them made while it is small. */
static struct node *go_up(struct graph *g, const struct segment_config *c, struct node *below, struct node *beside,
                          int level)
{
    char name[32];
    if (!below || !beside)
        return NULL;
    snprintf(name, sizeof name, "up.%d.below", level);
    struct layer_spec l = layer_of(g, c->widths.v[level], 1);
    l.no_bias = true;
    struct node *small = layer_conv(g, name, below, &l);
    snprintf(name, sizeof name, "up.%d.beside", level);
    l.no_bias = false;
    struct node *own = layer_conv(g, name, beside, &l);
    g->scope = "double";
    struct node *both = op_add(g, op_enlarge(g, small, beside->shape.d[1], beside->shape.d[2]), own);
    snprintf(name, sizeof name, "up.%d", level);
    return see(g, c, name, both, c->widths.v[level ? level - 1 : 0]);
}

/* Logits at the first level's size, F32: how likely each place is made. */
static struct node *find(struct graph *g, const struct segment_config *c, struct node *picture)
{
    struct node *across[OPTION_LIST] = {0}, *x = picture;
    for (int k = 0; k < c->widths.n; k++)
        x = across[k] = go_down(g, c, x, k);
    for (int k = c->widths.n - 2; k >= 0; k--)
        x = go_up(g, c, x, across[k], k);
    struct layer_spec l = layer_of(g, 1, 1);
    l.dtype = F32;
    return layer_conv(g, "logits", x, &l);
}

/* ---- the model ---- */

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct segment_config *c = config;
    char text[SHAPE_TEXT];
    if (sample->nd != 3)
        return err_set(e, ERR_USAGE, "this model takes pictures, not samples of %s", shape_text(sample, text));
    if (c->widths.n < 1)
        return err_set(e, ERR_USAGE, "option widths is empty: it wants at least one level, such as 32,64,128,128");
    if (sample->d[0] / c->stride >> (c->widths.n - 1) < 1 || sample->d[1] / c->stride >> (c->widths.n - 1) < 1)
        return err_set(
            e, ERR_USAGE,
            "pictures of %s are too small for stride %lld and %d halvings: give fewer widths or a larger size",
            shape_text(sample, text), (long long)c->stride, c->widths.n - 1);
    return 0;
}

/* Where a defect touches one of the pixels of a place, the place has one. */
static void learn(struct graph *g, const struct segment_config *c, struct node *logits, struct shape input,
                  struct heads *h)
{
    g->scope = "loss";
    h->truth = graph_input(g, "truth", SHAPE(input.d[0], input.d[1], input.d[2], 1));
    const struct pool_spec place = {.kernel = (int)c->stride, .stride = (int)c->stride};
    struct node *truth = op_max_pool(g, h->truth, place);
    struct node *loss = op_bce_each(g, logits, truth);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
}

static void judge(struct graph *g, const struct segment_config *c, struct node *logits, struct shape input,
                  struct heads *h)
{
    g->scope = "score";
    struct node *map = op_enlarge(g, op_act(g, logits, ACT_SIGMOID, 0), input.d[1], input.d[2]);
    h->map = c->blur > 0 ? op_blur(g, map, (float)c->blur) : map;
    h->map_max = op_top_mean(g, h->map, 1);
    h->scores[h->nscores++] = (struct score_part){"highest", h->map_max, 1};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct segment_config *c = config;
    *h = (struct heads){.input = graph_input(g, "input", input)};
    struct node *logits = find(g, c, h->input);
    if (g->mode == GRAPH_SCORE)
        judge(g, c, logits, input, h);
    else
        learn(g, c, logits, input, h);
}

const struct model model_segment = {
    .name = "segment",
    .title = "Segmentation of made defects",
    .paper = "after Zavrtanik et al., ICCV 2021, arXiv 2108.07610 (DRAEM's second net, without its first)",
    .idea =
        "Good pictures are spoilt in a thousand ways, and a net learns to say where. What it then finds in a picture "
        "that nobody has spoilt is a defect.",
    .options = options,
    .config_bytes = sizeof(struct segment_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .check = check,
    .build = build,
};
