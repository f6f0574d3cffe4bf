#include "models/backbone.h"

#include "nn/layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "backbone.";

enum { LAYER_NAME = 64, TENSOR_NAME = 96 };

/* ---- graphs ---- */

/* Layers that are wanted, by the net's own numbers, and those of them that are there. */
struct wanted {
    const struct ints *numbers;
    struct node **layers;
    int n;
};

static bool wants_from(const struct wanted *w, int number)
{
    bool any = false;
    for (int i = 0; i < w->numbers->n; i++)
        any |= w->numbers->v[i] >= number;
    return any;
}

/* Returns the layer. */
static struct node *take(struct wanted *w, int number, struct node *layer)
{
    for (int i = 0; i < w->numbers->n; i++)
        if (w->numbers->v[i] == number && w->n < BACKBONE_LAYERS)
            w->layers[w->n++] = layer;
    return layer;
}

/* A convolution with ReLU behind it, or with `linear` nothing. */
struct step {
    int out, kernel, stride, pad;
    bool linear;
};

static struct node *convolve(struct graph *g, const char *name, struct node *x, struct step s)
{
    char full[LAYER_NAME];
    snprintf(full, sizeof full, "%s%s", PREFIX, name);
    const struct layer_spec l = {.out = s.out,
                                 .kernel = {s.kernel, s.kernel},
                                 .stride = {s.stride, s.stride},
                                 .pad = {s.pad, s.pad},
                                 .act = s.linear ? ACT_NONE : ACT_RELU,
                                 .group = GROUP_STATE,
                                 .dtype = g->precision};
    return layer_conv(g, full, x, &l);
}

/* SqueezeNet's module: few channels by 1x1, then half of the output by 1x1 and half by 3x3 (Iandola et al. 2016). */
static struct node *fire(struct graph *g, int number, struct node *x, int squeezed, int expanded)
{
    char name[48];
    snprintf(name, sizeof name, "features.%d.squeeze", number);
    struct node *s = convolve(g, name, x, (struct step){squeezed, 1, 1, 0, false});
    snprintf(name, sizeof name, "features.%d.expand1x1", number);
    struct node *one = convolve(g, name, s, (struct step){expanded, 1, 1, 0, false});
    snprintf(name, sizeof name, "features.%d.expand3x3", number);
    return op_concat(g, one, convolve(g, name, s, (struct step){expanded, 3, 1, 1, false}));
}

static void squeezenet1_1(struct graph *g, struct node *x, struct wanted *w)
{
    static const struct pool_spec halve = {.kernel = 3, .stride = 2, .ceil = true};
    static const struct {
        int number, squeezed, expanded;
        bool halved; /* what comes in */
    } fires[] = {{3, 16, 64, true},  {4, 16, 64, false},   {6, 32, 128, true},  {7, 32, 128, false},
                 {9, 48, 192, true}, {10, 48, 192, false}, {11, 64, 256, false}};
    x = convolve(g, "features.0", x, (struct step){64, 3, 2, 0, false});
    for (size_t i = 0; i < sizeof fires / sizeof *fires && wants_from(w, fires[i].number); i++) {
        x = fires[i].halved ? op_max_pool(g, x, halve) : x;
        x = take(w, fires[i].number, fire(g, fires[i].number, x, fires[i].squeezed, fires[i].expanded));
    }
}

/* What a residual block does beside its sum: convolutions from `x`. */
typedef struct node *branch_fn(struct graph *g, const char *block, struct node *x, int width, int stride);

static struct node *basic_branch(struct graph *g, const char *block, struct node *x, int width, int stride)
{
    char name[48];
    snprintf(name, sizeof name, "%s.conv1", block);
    x = convolve(g, name, x, (struct step){width, 3, stride, 1, false});
    snprintf(name, sizeof name, "%s.conv2", block);
    return convolve(g, name, x, (struct step){width, 3, 1, 1, true});
}

/* Of a wide net: the middle has twice the channels of ResNet-50's. */
static struct node *wide_branch(struct graph *g, const char *block, struct node *x, int width, int stride)
{
    char name[48];
    snprintf(name, sizeof name, "%s.conv1", block);
    x = convolve(g, name, x, (struct step){width / 2, 1, 1, 0, false});
    snprintf(name, sizeof name, "%s.conv2", block);
    x = convolve(g, name, x, (struct step){width / 2, 3, stride, 1, false});
    snprintf(name, sizeof name, "%s.conv3", block);
    return convolve(g, name, x, (struct step){width, 1, 1, 0, true});
}

/* `blocks` residual blocks (He et al. 2016), the first of which halves the map where `stride` is 2. */
static struct node *stage(struct graph *g, int number, struct node *x, branch_fn *branch, int blocks, int width,
                          int stride)
{
    for (int b = 0; x && b < blocks; b++) {
        char block[24], name[48];
        snprintf(block, sizeof block, "layer%d.%d", number, b);
        snprintf(name, sizeof name, "%s.downsample.0", block);
        int step = b ? 1 : stride;
        struct node *way = branch(g, block, x, width, step), *past = x;
        if (step != 1 || shape_last(&x->shape) != width)
            past = convolve(g, name, x, (struct step){width, 1, step, 0, true});
        x = op_act(g, op_add(g, way, past), ACT_RELU, 0);
    }
    return x;
}

static void resnet(struct graph *g, struct node *x, branch_fn *branch, const int blocks[3], int width, struct wanted *w)
{
    x = convolve(g, "conv1", x, (struct step){64, 7, 2, 3, false});
    x = op_max_pool(g, x, (struct pool_spec){.kernel = 3, .stride = 2, .pad = 1});
    for (int k = 1; k <= 3 && wants_from(w, k); k++)
        x = take(w, k, stage(g, k, x, branch, blocks[k - 1], width << (k - 1), k > 1 ? 2 : 1));
}

static void resnet18(struct graph *g, struct node *x, struct wanted *w)
{
    resnet(g, x, basic_branch, (const int[]){2, 2, 2}, 64, w);
}

static void wide_resnet50_2(struct graph *g, struct node *x, struct wanted *w)
{
    resnet(g, x, wide_branch, (const int[]){3, 4, 6}, 256, w);
}

/* Engram's own: stages of stride 4, 8 and 16, each a convolution and a residual one but for the first, behind a stem
 * as SqueezeNet's. A net that learns has batch norms where one that has learnt has biases. */
static struct node *own_conv(struct graph *g, const char *name, struct node *x, int out, int stride, bool learning)
{
    char full[LAYER_NAME];
    snprintf(full, sizeof full, "%s%s", PREFIX, name);
    const struct layer_spec l = {.out = out,
                                 .kernel = {3, 3},
                                 .stride = {stride, stride},
                                 .pad = {1, 1},
                                 .norm = learning,
                                 .act = ACT_RELU,
                                 .group = learning ? GROUP_MAIN : GROUP_STATE,
                                 .dtype = g->precision};
    return layer_conv(g, full, x, &l);
}

enum { OWN_STAGES = 3 };

static void own_stages(struct graph *g, struct node *x, bool learning, struct node *stages[OWN_STAGES])
{
    static const struct pool_spec halve = {.kernel = 3, .stride = 2, .pad = 1};
    static const int widths[OWN_STAGES] = {80, 128, 176};
    x = own_conv(g, "own.stem", x, 64, 2, learning);
    for (int k = 0; k < OWN_STAGES; k++) {
        char name[32];
        snprintf(name, sizeof name, "own.%d.conv", k);
        x = own_conv(g, name, op_max_pool(g, x, halve), widths[k], 1, learning);
        snprintf(name, sizeof name, "own.%d.more", k);
        stages[k] = x = k ? op_add(g, x, own_conv(g, name, x, widths[k], 1, learning)) : x;
    }
}

static void own(struct graph *g, struct node *x, struct wanted *w)
{
    struct node *stages[OWN_STAGES];
    own_stages(g, x, false, stages);
    for (int k = 0; k < OWN_STAGES; k++)
        take(w, k + 1, stages[k]);
}

struct node *backbone_learn(struct graph *g, struct node *x)
{
    struct node *stages[OWN_STAGES];
    own_stages(g, x, true, stages);
    if (!stages[2])
        return NULL;
    int64_t height = stages[1]->shape.d[1], width = stages[1]->shape.d[2];
    struct node *fine = op_mean_pool(g, stages[0], (struct pool_spec){.kernel = 2, .stride = 2});
    struct node *all = op_concat(g, op_concat(g, fine, stages[1]), op_resize(g, stages[2], height, width));
    const struct layer_spec l = {
        .out = OWN_WIDTH, .kernel = {1, 1}, .stride = {1, 1}, .group = GROUP_MAIN, .dtype = F32};
    return layer_conv(g, "embedding", all, &l);
}

/* ---- the table ---- */

/* A tensor by which a net is known, O,I,kH,kW; nd 0: it must not be there. */
struct mark {
    const char *name;
    struct shape shape;
};

enum { MARKS = 4 };

static const struct backbone {
    const char *name;
    void (*build)(struct graph *g, struct node *x, struct wanted *w);
    struct ints numbers, channels; /* all layers that there are, and what each says */
    struct ints usual;             /* those that are used where none are named */
    struct ints before;            /* and those that were before files noted them; none: the same */
    struct mark marks[MARKS];
} nets[] = {
    [BACKBONE_SQUEEZENET1_1] = {.name = "squeezenet1_1",
                                .build = squeezenet1_1,
                                .numbers = {7, {3, 4, 6, 7, 9, 10, 11}},
                                .channels = {7, {128, 128, 256, 256, 384, 384, 512}},
                                .usual = {4, {4, 6, 9, 11}},
                                .before = {3, {6, 9, 11}},
                                .marks = {{"features.0.weight", {4, {64, 3, 3, 3}}},
                                          {"features.11.expand3x3.weight", {4, {256, 64, 3, 3}}}}},
    [BACKBONE_RESNET18] = {.name = "resnet18",
                           .build = resnet18,
                           .numbers = {3, {1, 2, 3}},
                           .channels = {3, {64, 128, 256}},
                           .usual = {2, {2, 3}},
                           .marks = {{"conv1.weight", {4, {64, 3, 7, 7}}},
                                     {"layer1.0.conv1.weight", {4, {64, 64, 3, 3}}},
                                     {"layer1.2.conv1.weight", {0}}}},
    [BACKBONE_WIDE_RESNET50_2] = {.name = "wide_resnet50_2",
                                  .build = wide_resnet50_2,
                                  .numbers = {3, {1, 2, 3}},
                                  .channels = {3, {256, 512, 1024}},
                                  .usual = {2, {2, 3}},
                                  .marks = {{"conv1.weight", {4, {64, 3, 7, 7}}},
                                            {"layer1.0.conv1.weight", {4, {128, 64, 1, 1}}},
                                            {"layer3.6.conv1.weight", {0}}}},
    [BACKBONE_OWN] = {.name = "own",
                      .build = own,
                      .numbers = {3, {1, 2, 3}},
                      .channels = {3, {80, 128, 176}},
                      .usual = {2, {2, 3}},
                      .marks = {{"own.stem.weight", {4, {64, 3, 3, 3}}}}},
};

enum { NETS = sizeof nets / sizeof *nets };

static const struct backbone *backbone_of(enum backbone_net net)
{
    return &nets[net ? net : BACKBONE_OWN];
}

struct ints backbone_usual(enum backbone_net net, bool noted)
{
    const struct backbone *b = backbone_of(net);
    return noted || !b->before.n ? b->usual : b->before;
}

int64_t backbone_channels(enum backbone_net net, const struct ints *numbers)
{
    const struct backbone *b = backbone_of(net);
    int64_t sum = 0;
    for (int i = 0; i < numbers->n; i++)
        for (int k = 0; k < b->numbers.n; k++)
            sum += b->numbers.v[k] == numbers->v[i] ? b->channels.v[k] : 0;
    return sum;
}

int backbone_build(struct graph *g, enum backbone_net net, struct node *x, const struct ints *numbers,
                   struct node *layers[BACKBONE_LAYERS])
{
    const struct backbone *b = backbone_of(net);
    struct wanted w = {numbers && numbers->n ? numbers : &b->usual, layers, 0};
    b->build(g, x, &w);
    return w.n;
}

int backbone_check_layers(enum backbone_net net, const struct ints *numbers, struct err *e)
{
    const struct backbone *b = backbone_of(net);
    char list[80] = "";
    bool fine = numbers->n <= BACKBONE_LAYERS;
    for (int i = 0; i < b->numbers.n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%d", i ? ", " : "", b->numbers.v[i]);
    for (int i = 0; i < numbers->n; i++) {
        bool found = false;
        for (int k = 0; k < b->numbers.n; k++)
            found |= numbers->v[i] == b->numbers.v[k];
        fine &= found && (!i || numbers->v[i] > numbers->v[i - 1]);
    }
    return fine ? 0
                : err_set(e, ERR_USAGE, "option net_layers takes up to %d layers of net %s, in rising order: it has %s",
                          BACKBONE_LAYERS, b->name, list);
}

static bool has_marks(const struct weights *from, const struct backbone *b)
{
    bool all = true;
    for (int i = 0; i < MARKS && b->marks[i].name; i++) {
        struct shape found;
        bool there = from->shape(from, b->marks[i].name, &found);
        all &= b->marks[i].shape.nd ? there && shape_equal(&found, &b->marks[i].shape) : !there;
    }
    return all;
}

int backbone_recognise(const struct weights *from, enum backbone_net *net, struct err *e)
{
    char names[200] = "";
    for (int i = BACKBONE_AUTO + 1; i < NETS; i++) {
        if (has_marks(from, &nets[i])) {
            *net = (enum backbone_net)i;
            return 0;
        }
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", *names ? ", " : "", nets[i].name);
    }
    return err_set(e, ERR_FORMAT,
                   "%s holds the weights of no net that is known here: these are %s, with the names of tensors that "
                   "torchvision gives them",
                   from->path, names);
}

/* ---- weights ---- */

/* builtin.S */
extern const unsigned char backbone_bytes[], backbone_bytes_end[];

struct weights_place backbone_builtin(void)
{
    return (struct weights_place){.bytes = backbone_bytes, .n = (size_t)(backbone_bytes_end - backbone_bytes)};
}

/* A tensor of that shape into memory of its own. */
static int read_tensor(const struct weights *from, const char *name, struct shape want, float **out, struct err *e)
{
    struct shape found;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    *out = NULL;
    if (!from->shape(from, name, &found))
        return err_set(e, ERR_FORMAT, "%s has no tensor %s, which the net needs; the file is damaged or of another net",
                       from->path, name);
    if (!shape_equal(&found, &want))
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %s is %s, but the net needs %s; the file is damaged or of another net", from->path,
                       name, shape_text(&found, a), shape_text(&want, b));
    *out = malloc((size_t)shape_count(&want) * sizeof **out);
    return *out ? from->read(from, name, *out, e) : err_memory(e, "the weights of a net");
}

/* O,I,kH,kW, as PyTorch has it, to O,kH,kW,I. */
static void turn(const float *from, const struct shape *to_shape, float *to)
{
    const int64_t o = to_shape->d[0], taps = to_shape->d[1] * to_shape->d[2], in = to_shape->d[3];
    for (int64_t i = 0; i < o; i++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < in; c++)
                to[(i * taps + t) * in + c] = from[(i * in + c) * taps + t];
}

/* The batch norm behind a convolution, in torchvision's names: bn1 behind conv1, downsample.1 behind downsample.0. */
static void norm_name(const char *layer, char *name, size_t size)
{
    const char *conv = strstr(layer, "conv"), *down = strstr(layer, "downsample.0");
    if (down)
        snprintf(name, size, "%.*sdownsample.1", (int)(down - layer), layer);
    else if (conv)
        snprintf(name, size, "%.*sbn%s", (int)(conv - layer), layer, conv + strlen("conv"));
    else
        *name = 0;
}

/* weight and bias of the norm's factor g / sqrt(var + eps) and shift b - mean g / sqrt(var + eps). */
static void fold(float *const norm[4], struct param *weight, struct param *bias)
{
    static const double NORM_EPS = 1e-5; /* PyTorch's */
    const size_t each = weight->count / bias->count;
    for (size_t o = 0; o < bias->count; o++) {
        double factor = (double)norm[0][o] / sqrt((double)norm[3][o] + NORM_EPS);
        bias->value[o] = (float)((double)norm[1][o] - (double)norm[2][o] * factor);
        for (size_t i = o * each; i < (o + 1) * each; i++)
            weight->value[i] = (float)((double)weight->value[i] * factor);
    }
}

static int take_norm(const struct weights *from, const char *name, struct param *weight, struct param *bias,
                     struct err *e)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    float *norm[4] = {0};
    int code = 0;
    for (int i = 0; i < 4 && !code; i++) {
        char full[TENSOR_NAME];
        snprintf(full, sizeof full, "%s.%s", name, parts[i]);
        code = read_tensor(from, full, bias->shape, &norm[i], e);
    }
    for (size_t o = 0; o < bias->count && !code; o++)
        if (norm[3][o] < 0)
            code = err_set(e, ERR_FORMAT, "%s: %s has a variance below 0; the file is damaged", from->path, name);
    if (!code)
        fold(norm, weight, bias);
    for (int i = 0; i < 4; i++)
        free(norm[i]);
    return code;
}

/* A layer's weight, and its bias or the batch norm that stands in its place. */
static int take_layer(const struct weights *from, const char layer[LAYER_NAME], struct param *weight,
                      struct param *bias, struct err *e)
{
    const struct shape *s = &weight->shape;
    char name[TENSOR_NAME];
    struct shape ignored;
    float *values;
    snprintf(name, sizeof name, "%s.weight", layer);
    int code = read_tensor(from, name, SHAPE(s->d[0], s->d[3], s->d[1], s->d[2]), &values, e);
    if (!code)
        turn(values, s, weight->value);
    free(values);
    if (code)
        return code;
    snprintf(name, sizeof name, "%s.bias", layer);
    if (!from->shape(from, name, &ignored)) {
        norm_name(layer, name, sizeof name);
        if (*name)
            return take_norm(from, name, weight, bias, e);
    }
    code = read_tensor(from, name, bias->shape, &values, e);
    if (!code)
        memcpy(bias->value, values, bias->count * sizeof *values);
    free(values);
    return code;
}

int backbone_take(const struct weights *from, struct params *params, struct err *e)
{
    return backbone_take_named(from, params, "", e);
}

int backbone_take_named(const struct weights *from, struct params *params, const char *wanted, struct err *e)
{
    static const char suffix[] = ".weight";
    for (struct param *p = params->first; p; p = p->next) {
        size_t length = strlen(p->name), prefix = strlen(PREFIX), ending = strlen(suffix);
        char layer[LAYER_NAME], name[TENSOR_NAME];
        if (strncmp(p->name, PREFIX, prefix) || length < ending || strcmp(p->name + length - ending, suffix))
            continue;
        snprintf(layer, sizeof layer, "%.*s", (int)(length - ending - prefix), p->name + prefix);
        snprintf(name, sizeof name, "%s%s.bias", PREFIX, layer);
        if (!strncmp(layer, wanted, strlen(wanted)))
            TRY(take_layer(from, layer, p, params_find(params, name), e));
    }
    params_changed(params);
    return 0;
}
