/* A memory of features: what the layers of a net that others have trained say of normal pictures, kept as a few hundred
 * items; how far a picture's are from them is its score. Fitted in seconds, without training. See features.md. */
#include "models/backbone.h"
#include "models/centres.h"
#include "models/whiten.h"
#include "nn/dnn.h"
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum input { INPUT_SET, INPUT_IMAGENET };
enum head { HEAD_BANK, HEAD_GAUSSIAN };

struct features_config {
    char backbone[OPTION_TEXT];
    enum backbone_net net;
    enum input input;
    enum head head;
    int64_t items, components, cell, top;
    double smooth;
};

enum {
    COLOURS = 3,           /* that backbones see */
    PIXELS_SEEN = 1 << 20, /* that say mean and deviation of the set */
    ROWS_SEEN = 30000,     /* positions that the memory is made of */
};

static const char SCALE[] = "input.weight", SHIFT[] = "input.bias";
static const char WHITEN[] = "whiten.weight", WHITEN_SHIFT[] = "whiten.bias", ITEMS[] = "bank.items";

static const struct preset presets[] = {
    {"general", "pictures of any size from 16 on", "", "square=256 batch=8 validation=0 folds=10"}, {0}};

#define OPTIONS_OF struct features_config
// clang-format off
static const struct option options[] = {
    ROW_STRING(backbone, "", "file of another net's weights than engram's own, safetensors with torchvision's names: squeezenet1_1, resnet18 or wide_resnet50_2; what is used is copied into the model file"),
    ROW_CHOICE(net, "auto", BACKBONE_NAMES, "which net that is; auto: what the file holds"),
    ROW_CHOICE(input, "set", "set|imagenet", "what the net sees: pictures scaled to mean 0 and deviation 1 of the good ones, or to ImageNet's"),
    ROW_CHOICE(head, "bank", "bank|gaussian", "what a position is compared with: the nearest item of a bank of normal ones, or one Gaussian of them all"),
    ROW_INT(items, "400", 1, 100000, "of the bank"),
    ROW_INT(components, "128", 1, 4096, "principal components of the features that are kept, whitened"),
    ROW_INT(cell, "8", 2, 64, "pixels along a side of the positions that are compared"),
    ROW_INT(top, "5", 1, 64, "of a picture's score: the mean of so many positions, the farthest ones"),
    ROW_FLOAT(smooth, "0", 0, 64, "of the heat map: deviation in pixels of the Gaussian that smooths it; 0: a 64th of the side"),
    {0}};
// clang-format on

/* ---- fitting ---- */

/* ImageNet's means and deviations of colours from 0 to 1, as torchvision has them. */
static const double imagenet_mean[COLOURS] = {0.485, 0.456, 0.406}, imagenet_deviation[COLOURS] = {0.229, 0.224, 0.225};

/* Mean and deviation of all values. One pair for all channels leaves colours as they are: scaled one by one, a channel
 * in which the good pictures hardly differ would be mostly noise. */
static void moments(const struct fit_rows *rows, double *mean, double *deviation)
{
    double sum = 0, square = 0, n = (double)rows->n * (double)rows->width;
    for (size_t i = 0; i < rows->n; i++)
        for (size_t c = 0; c < rows->width; c++) {
            double v = (double)fit_row(rows, i)[c];
            sum += v;
            square += v * v;
        }
    *mean = sum / n;
    *deviation = sqrt(fmax(square / n - *mean * *mean, 0));
}

/* A matrix and a shift that give the backbone its three colours of one or three channels. */
static int fit_scale(const void *config, const struct fit_rows *rows, struct params *params, struct err *e)
{
    static const double flat = 1e-2; /* deviations of pictures of one colour are not believed */
    const struct features_config *c = config;
    struct param *scale = params_find(params, SCALE), *shift = params_find(params, SHIFT);
    double mean, deviation;
    (void)e;
    moments(rows, &mean, &deviation);
    memset(scale->value, 0, scale->count * sizeof *scale->value);
    for (size_t k = 0; k < COLOURS; k++) {
        size_t from = rows->width == COLOURS ? k : 0;
        double m = mean, d = fmax(deviation, flat);
        if (c->input == INPUT_IMAGENET) { /* whose numbers are for 0..1 where ours are -1..1, the run's default */
            m = 2 * imagenet_mean[k] - 1;
            d = 2 * imagenet_deviation[k];
        }
        scale->value[k * rows->width + from] = (float)(1 / d);
        shift->value[k] = (float)(-m / d);
    }
    return 0;
}

/* n whitened rows. */
static int project(const struct fit_rows *rows, const struct param *weight, const float *bias, float *out,
                   struct err *e)
{
    enum { BLOCK = 1024 };
    const size_t width = rows->width, components = (size_t)weight->shape.d[0];
    float *block = malloc(BLOCK * width * sizeof *block);
    bool done = block != NULL;
    for (size_t at = 0; done && at < rows->n; at += BLOCK) {
        size_t n = rows->n - at < BLOCK ? rows->n - at : BLOCK;
        float *to = out + at * components;
        for (size_t i = 0; i < n; i++) {
            memcpy(block + i * width, fit_row(rows, at + i), width * sizeof *block);
            memcpy(to + i * components, bias, components * sizeof *to);
        }
        done = dnn_gemm(false, true, (int64_t)n, (int64_t)components, (int64_t)width, 1, block, (int64_t)width,
                        weight->value, (int64_t)width, 1, to, (int64_t)components);
    }
    free(block);
    return done ? 0 : err_memory(e, "whitened features");
}

static int fit_memory(const void *config, const struct fit_rows *rows, struct params *params, struct err *e)
{
    const struct features_config *c = config;
    struct param *weight = params_find(params, WHITEN), *items = params_find(params, ITEMS);
    float *bias = params_find(params, WHITEN_SHIFT)->value;
    TRY(whiten_fit(rows, (int)c->components, weight->value, bias, e));
    if (c->head ==
        HEAD_GAUSSIAN) { /* in whitened features Mahalanobis' distance is the one from the mean, which is 0 */
        memset(items->value, 0, items->count * sizeof *items->value);
        return 0;
    }
    float *all = malloc(rows->n * (size_t)c->components * sizeof *all);
    int code = all ? project(rows, weight, bias, all, e) : err_memory(e, "whitened features");
    if (!code)
        code = centres_choose(all, rows->n, (size_t)c->components, (size_t)items->shape.d[0], rows->seed, rows->threads,
                              items->value, e);
    free(all);
    return code;
}

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
    struct node *weight = parameter(g, SCALE, SHAPE(COLOURS, 1, 1, shape_last(&x->shape)));
    return op_conv(g, x, weight, parameter(g, SHIFT, SHAPE(COLOURS)), s);
}

/* What the layers say of each position of one grid, a layer behind the other: N,height,width,C. */
static struct node *describe(struct graph *g, const struct features_config *c, struct node *x, int64_t height,
                             int64_t width)
{
    static const struct pool_spec around = {.kernel = 3, .stride = 1, .pad = 1};
    struct node *layers[BACKBONE_LAYERS], *all = NULL;
    int n = backbone_build(g, c->net, x, layers);
    g->scope = "features";
    for (int k = 0; k < n; k++) {
        struct node *layer = op_resize(g, op_mean_pool(g, op_cast(g, layers[k], F32), around), height, width);
        layer = op_unit(g, layer);
        all = all ? op_concat(g, all, layer) : layer;
    }
    return all;
}

static void fit_steps(struct graph *g, struct node *features, struct heads *h)
{
    const struct shape *s = &h->input->shape;
    struct node *pixels = op_reshape(g, h->input, SHAPE(shape_rows(s), shape_last(s)));
    h->fits[h->nfits++] = (struct fit_step){"scale", pixels, PIXELS_SEEN, true, fit_scale};
    h->fits[h->nfits++] = (struct fit_step){"memory", features, ROWS_SEEN, false, fit_memory};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct features_config *c = config;
    const int64_t n = input.d[0], height = (input.d[1] + c->cell - 1) / c->cell,
                  width = (input.d[2] + c->cell - 1) / c->cell;
    *h = (struct heads){.input = graph_input(g, "input", input)};
    struct node *features = describe(g, c, scaled(g, h->input), height, width);
    if (!features)
        return;
    const int64_t channels = shape_last(&features->shape), items = c->head == HEAD_BANK ? c->items : 1;
    features = op_reshape(g, features, SHAPE(n * height * width, channels));
    fit_steps(g, features, h);
    g->scope = "memory";
    struct node *white = op_linear(g, features, parameter(g, WHITEN, SHAPE(c->components, channels)),
                                   parameter(g, WHITEN_SHIFT, SHAPE(c->components)), ACT_NONE, 0);
    struct node *far = op_distance(g, white, parameter(g, ITEMS, SHAPE(items, c->components)));
    far = op_reshape(g, far, SHAPE(n, height, width, 1));
    g->scope = "score";
    h->scores[h->nscores++] = (struct score_part){"distance", op_top_mean(g, far, (int)c->top), 1};
    float smooth = c->smooth > 0 ? (float)c->smooth : sqrtf((float)(input.d[1] * input.d[2])) / 64;
    h->map = op_blur(g, op_resize(g, far, input.d[1], input.d[2]), smooth);
}

/* ---- the model ---- */

static int check(const void *config, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    (void)config;
    if (sample->nd != 3)
        return err_set(e, ERR_USAGE, "this model takes pictures, not samples of %s", shape_text(sample, text));
    if (sample->d[0] < 8 || sample->d[1] < 8)
        return err_set(e, ERR_USAGE, "pictures of %s are too small for this model: it takes 8x8 and more",
                       shape_text(sample, text));
    return 0;
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
    return 0;
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
    .build = build,
    .weights = weights,
    .recognise = recognise,
    .take = take,
};
