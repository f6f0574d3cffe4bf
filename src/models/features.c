/* A memory of features: what the layers of a net that others have trained say of normal pictures, kept as a few hundred
 * items; how far a picture's are from them is its score. Fitted in seconds, without training. See features.md. */
#include "models/features.h"

#include "nn/ops.h"

#include <math.h>

enum {
    PIXELS_SEEN = 1 << 20, /* that say mean and deviation of the set */
    ROWS_SEEN = 30000,     /* positions that the memory is made of */
    OVERVIEW = 256,        /* side of the square that large pictures are seen at besides */
    HALVED = 60,           /* percent of a picture's size, up to which it is halved before it is resized */
    WHOLE = 100,
};

static const struct ints full_size = {.n = 1, .v = {WHOLE}};

static const struct preset presets[] = {
    {"general", "pictures of any size from 16 on", "usual=true", "square=256,512 batch=8 validation=0 folds=10"}, {0}};

#define OPTIONS_OF struct features_config
// clang-format off
static const struct option options[] = {
    ROW_STRING(backbone, "", "file of another net's weights than engram's own, safetensors with torchvision's names: squeezenet1_1, resnet18 or wide_resnet50_2; what is used is copied into the model file"),
    ROW_CHOICE(net, "auto", BACKBONE_NAMES, "which net that is; auto: what the file holds"),
    ROW_CHOICE(input, "set", "set|imagenet", "what the net sees: pictures scaled to mean 0 and deviation 1 of the good ones, or to ImageNet's"),
    ROW_INTS(net_layers, "", 1, 64, "layers of the net that are listened to, by its own numbers (4,6,9,11 of squeezenet1_1's features, 2,3 of a ResNet's stages); empty: the net's usual ones"),
    ROW_INTS(sizes, "", 10, 400, "at which the net sees a picture, in percent of its size, all together: 100,50; empty: 100, and of large ones also what makes them as many pixels as a square of 256 has"),
    ROW_CHOICE(head, "bank", "bank|gaussian|positions|pictures", "what a position is compared with: the nearest item of a bank of normal ones, one Gaussian of them all, a Gaussian of its own, or the good pictures most like the one in hand"),
    ROW_INT(items, "400", 1, FEATURES_ITEMS, "of the bank"),
    ROW_INT(pictures, "50", 1, 10000, "of head pictures: that are kept, those farthest apart"),
    ROW_INT(nearest, "5", 1, 64, "of head pictures: how many of them a picture is compared with"),
    ROW_INT(components, "128", 1, 4096, "numbers that are kept of a position: principal components, whitened; of heads positions and pictures random directions"),
    ROW_INT(cell, "8", 2, 64, "pixels along a side of the positions that are compared"),
    ROW_BOOL(usual, "false", "of head bank: how far a position is from the nearest item is brought to what it would be where that is as usual as elsewhere"),
    ROW_FLOAT(top, "0.03", 0.0001, 4096, "of a picture's score: the mean of the farthest positions, so many of them, or below 1 that share"),
    ROW_FLOAT(smooth, "0", 0, 64, "of the heat map: deviation in pixels of the Gaussian that smooths it; 0: a 64th of the side"),
    {0}};
// clang-format on

/* ---- the graph ---- */

static struct node *parameter(struct graph *g, const char *name, struct shape shape)
{
    return graph_param(g, name, shape, GROUP_STATE, (struct init){.kind = INIT_NORMAL, .a = 0, .b = 0.1f});
}

static struct node *scaled(struct graph *g, struct node *x)
{
    if (!x)
        return NULL;
    g->scope = "input";
    const struct conv_spec s = {.kernel = {1, 1}, .stride = {1, 1}, .dtype = g->precision};
    struct node *weight = parameter(g, FEATURES_SCALE, SHAPE(FEATURES_COLOURS, 1, 1, shape_last(&x->shape)));
    return op_conv(g, x, weight, parameter(g, FEATURES_SHIFT, SHAPE(FEATURES_COLOURS)), s);
}

/* What the layers say of each position of one grid, a layer behind the other, behind `all` (NULL: nothing yet):
 * N,height,width,C. */
static struct node *describe(struct graph *g, const struct features_config *c, struct node *x, int64_t height,
                             int64_t width, struct node *all)
{
    static const struct pool_spec around = {.kernel = 3, .stride = 1, .pad = 1};
    struct node *layers[BACKBONE_LAYERS];
    int n = backbone_build(g, c->net, x, &c->net_layers, layers);
    g->scope = "features";
    for (int k = 0; k < n; k++) {
        struct node *layer = op_resize(g, op_mean_pool(g, op_cast(g, layers[k], F32), around), height, width);
        layer = op_unit(g, layer);
        all = all ? op_concat(g, all, layer) : layer;
    }
    return all;
}

/* The picture at a share of its size. Halving by pairs smooths what it shrinks, where that is possible. */
static struct node *resized(struct graph *g, struct node *x, int percent)
{
    const int64_t h = x->shape.d[1] * percent / WHOLE, w = x->shape.d[2] * percent / WHOLE;
    if (percent == WHOLE)
        return x;
    struct node *from = op_cast(g, x, F32);
    if (percent <= HALVED)
        from = op_mean_pool(g, from, (struct pool_spec){.kernel = 2, .stride = 2, .ceil = true});
    return op_cast(g, op_resize(g, from, h, w), g->precision);
}

/* The same of the picture at each of its sizes. */
static struct node *describe_all(struct graph *g, const struct features_config *c, struct node *x, int64_t height,
                                 int64_t width)
{
    struct node *all = NULL;
    if (!x)
        return NULL;
    const struct ints sizes = c->sizes.n ? c->sizes : full_size;
    for (int k = 0; k < sizes.n; k++)
        all = describe(g, c, resized(g, x, sizes.v[k]), height, width, all);
    return all;
}

/* Which pixels count, and which positions: where any pixel of their cell does. */
static struct node *counting_cells(struct graph *g, const struct features_config *c, struct heads *h)
{
    const struct shape *s = &h->input->shape;
    const struct pool_spec cell = {.kernel = (int)c->cell, .stride = (int)c->cell, .ceil = true};
    if (!g->region)
        return NULL;
    h->counts = graph_input(g, "counts", SHAPE(s->d[0], s->d[1], s->d[2], 1));
    return op_max_pool(g, h->counts, cell);
}

static struct node *as_rows(struct graph *g, struct node *x)
{
    return x ? op_reshape(g, x, SHAPE(shape_rows(&x->shape), shape_last(&x->shape))) : NULL;
}

static void add_step(struct heads *h, struct fit_step step)
{
    h->fits[h->nfits++] = step;
}

/* ---- the heads: how far each position is, N,height,width,1 ---- */

/* What every head is given. */
struct places {
    struct node *features; /* N*P,C */
    struct node *cells;    /* N,height,width,1: which count; NULL: all */
    int64_t n, height, width;
};

static struct node *as_map(struct graph *g, const struct places *p, struct node *far)
{
    far = op_reshape(g, far, SHAPE(p->n, p->height, p->width, 1));
    return p->cells ? op_mul(g, far, p->cells) : far;
}

/* Distances as they would be where they are as usual as elsewhere: f |d - s| at every position, where d is above s as
 * far as one can see. */
static struct node *levelled(struct graph *g, const struct places *p, struct node *far)
{
    const int64_t count = p->height * p->width;
    struct node *shift = parameter(g, FEATURES_USUAL, SHAPE(p->height, p->width));
    struct node *factor = parameter(g, FEATURES_USUAL_FACTOR, SHAPE(p->height, p->width));
    return op_positions(g, op_reshape(g, far, SHAPE(p->n * count, 1)), op_reshape(g, shift, SHAPE(count, 1)),
                        op_reshape(g, factor, SHAPE(count, 1, 1)));
}

static struct node *bank(struct graph *g, const struct features_config *c, const struct places *p, struct heads *h)
{
    const bool many = c->head == HEAD_BANK;
    const int64_t channels = shape_last(&p->features->shape), items = many ? c->items : 1;
    add_step(h, (struct fit_step){.name = "memory",
                                  .rows = p->features,
                                  .counts = p->cells,
                                  .most = ROWS_SEEN,
                                  .run = features_fit_memory,
                                  .grow = many ? features_grow_memory : NULL,
                                  .add = many ? features_add_memory : NULL});
    struct node *white = op_linear(g, p->features, parameter(g, FEATURES_WHITEN, SHAPE(c->components, channels)),
                                   parameter(g, FEATURES_WHITEN_SHIFT, SHAPE(c->components)), ACT_NONE, 0);
    struct node *far = op_distance(g, white, parameter(g, FEATURES_ITEMS_NAME, SHAPE(items, c->components)));
    return as_map(g, p, many && c->usual ? levelled(g, p, far) : far);
}

/* Fewer numbers of each position, by directions that nothing is fitted to. */
static struct node *fewer(struct graph *g, const struct features_config *c, const struct places *p)
{
    const int64_t channels = shape_last(&p->features->shape);
    struct node *directions = parameter(g, FEATURES_DIRECTIONS, SHAPE(c->components, channels));
    return op_linear(g, p->features, directions, NULL, ACT_NONE, 0);
}

static struct node *positions(struct graph *g, const struct features_config *c, const struct places *p, struct heads *h)
{
    const int64_t count = p->height * p->width;
    struct node *rows = fewer(g, c, p), *means = parameter(g, FEATURES_MEANS, SHAPE(count, c->components));
    add_step(h,
             (struct fit_step){.name = "positions", .rows = rows, .counts = p->cells, .run = features_fit_positions});
    h->whole = true;
    return as_map(
        g, p,
        op_positions(g, rows, means, parameter(g, FEATURES_WHITENING, SHAPE(count, c->components, c->components))));
}

/* *far: of the pictures as wholes, N. */
static struct node *pictures(struct graph *g, const struct features_config *c, const struct places *p, struct heads *h,
                             struct node **far)
{
    const int64_t count = p->height * p->width;
    const struct known_pictures known = {
        .pictures = parameter(g, FEATURES_GALLERY, SHAPE(c->pictures, count, c->components)),
        .means = parameter(g, FEATURES_GALLERY_MEANS, SHAPE(c->pictures, c->components)),
        .count = parameter(g, FEATURES_GALLERY_COUNT, SHAPE(1))};
    struct node *rows = fewer(g, c, p);
    add_step(h, (struct fit_step){.name = "pictures", .rows = rows, .run = features_fit_pictures});
    h->whole = true;
    rows = op_reshape(g, rows, SHAPE(p->n, count, c->components));
    *far = op_pictures_far(g, rows, known, (int)c->nearest);
    return as_map(g, p, op_pictures_positions(g, rows, known, (int)c->nearest));
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct features_config *c = config;
    struct places p = {
        .n = input.d[0], .height = (input.d[1] + c->cell - 1) / c->cell, .width = (input.d[2] + c->cell - 1) / c->cell};
    *h = (struct heads){.input = graph_input(g, "input", input)};
    p.cells = counting_cells(g, c, h);
    p.features = as_rows(g, describe_all(g, c, scaled(g, h->input), p.height, p.width));
    if (!p.features)
        return;
    add_step(h, (struct fit_step){.name = "scale",
                                  .rows = as_rows(g, h->input),
                                  .counts = h->counts,
                                  .most = PIXELS_SEEN,
                                  .once = true,
                                  .run = features_fit_scale});
    g->scope = "memory";
    struct node *whole = NULL, *far = c->head == HEAD_PICTURES    ? pictures(g, c, &p, h, &whole)
                                      : c->head == HEAD_POSITIONS ? positions(g, c, &p, h)
                                                                  : bank(g, c, &p, h);
    g->scope = "score";
    h->highest = whole        ? whole
                 : c->top < 1 ? op_top_share(g, far, p.cells, (float)c->top)
                              : op_top_mean(g, far, (int)c->top);
    h->scores[h->nscores++] = (struct score_part){"distance", h->highest, 1};
    float smooth = c->smooth > 0 ? (float)c->smooth : sqrtf((float)(input.d[1] * input.d[2])) / 64;
    h->map = op_blur(g, op_resize(g, far, input.d[1], input.d[2]), smooth);
}

/* ---- the model ---- */

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct features_config *c = config;
    char text[SHAPE_TEXT];
    if (sample->nd != 3)
        return err_set(e, ERR_USAGE, "this model takes pictures, not samples of %s", shape_text(sample, text));
    if (sample->d[0] < 8 || sample->d[1] < 8)
        return err_set(e, ERR_USAGE, "pictures of %s are too small for this model: it takes 8x8 and more",
                       shape_text(sample, text));
    for (int i = 0; i < c->sizes.n; i++)
        if (c->sizes.v[i] != WHOLE && (sample->d[0] * c->sizes.v[i] < 1600 || sample->d[1] * c->sizes.v[i] < 1600))
            return err_set(e, ERR_USAGE,
                           "option sizes: %d %% of pictures of %s are less than 16 pixels along a side; give a larger "
                           "share, or a larger size",
                           c->sizes.v[i], shape_text(sample, text));
    if (c->top >= 1 && c->top != floor(c->top))
        return err_set(e, ERR_USAGE,
                       "option top takes a number of positions, or below 1 a share of them; %g is neither", c->top);
    return c->net == BACKBONE_AUTO ? 0 : backbone_check_layers(c->net, &c->net_layers, e);
}

/* What shows a small defect shows little of the whole: a picture of twice the overview's pixels is seen at both. */
static struct ints usual_sizes(const struct shape *picture)
{
    const double pixels = (double)picture->d[0] * (double)picture->d[1];
    if (picture->nd != 3 || pixels < 2.0 * OVERVIEW * OVERVIEW)
        return full_size;
    return (struct ints){.n = 2, .v = {WHOLE, (int)lround(WHOLE * OVERVIEW / sqrt(pixels))}};
}

static void settle(void *config, const struct shape *sample)
{
    struct features_config *c = config;
    if (!c->net_layers.n)
        c->net_layers = backbone_usual(c->net, true);
    if (!c->sizes.n)
        c->sizes = usual_sizes(sample);
}

/* How many values there are of a position, by the tensor that makes fewer of them; 0: there is none. */
static int64_t values_in(const struct weights *file)
{
    struct shape s;
    return file->shape(file, FEATURES_WHITEN, &s) || file->shape(file, FEATURES_DIRECTIONS, &s) ? shape_last(&s) : 0;
}

/* Of files that do not say, the first had no overview, and later ones had it by the rule that settles it now. */
static void recall(void *config, const struct shape *sample, const struct weights *file)
{
    struct features_config *c = config;
    if (!c->net_layers.n)
        c->net_layers = backbone_usual(c->net, false);
    if (c->sizes.n)
        return;
    const struct ints sizes = usual_sizes(sample);
    c->sizes = values_in(file) == sizes.n * backbone_channels(c->net, &c->net_layers) ? sizes : full_size;
}

static void weights(const void *config, struct weights_place *place)
{
    const struct features_config *c = config;
    *place = *c->backbone ? (struct weights_place){.path = c->backbone} : backbone_builtin();
}

static int recognise(void *config, const struct weights *from, struct err *e)
{
    struct features_config *c = config;
    enum backbone_net found;
    TRY(backbone_recognise(from, &found, e));
    if (c->net != BACKBONE_AUTO && c->net != found)
        return err_set(e, ERR_USAGE,
                       "%s holds the weights of another net than the one that option net names; leave it "
                       "at auto",
                       from->path);
    c->net = found;
    return backbone_check_layers(found, &c->net_layers, e);
}

static int take(const void *config, const struct weights *from, struct params *params, struct err *e)
{
    (void)config;
    return backbone_take(from, params, e);
}

const struct model model_features = {
    .name = "features",
    .title = "Memory of features",
    .paper = "Roth et al., CVPR 2022 (PatchCore), arXiv 2106.08265",
    .idea = "Compares what a net that has learnt to see says of every place of a picture with what it said of the good "
            "ones. There is no training: it is fitted in seconds, and finds most on real parts.",
    .options = options,
    .config_bytes = sizeof(struct features_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .fitted = true,
    .check = check,
    .settle = settle,
    .recall = recall,
    .build = build,
    .weights = weights,
    .recognise = recognise,
    .take = take,
};
