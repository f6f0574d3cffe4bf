#include "models/unet.h"

#include <stdio.h>

/* Kernel 4, stride 2, padding 1 halve and double even sizes exactly; odd ones lose a line on the way down, which comes
 * back as output padding on the way up. */
enum { KERNEL = 4, STRIDE = 2, PAD = 1 };

static const enum act output_acts[] = {[UNET_TANH] = ACT_TANH, [UNET_LINEAR] = ACT_NONE, [UNET_SIGMOID] = ACT_SIGMOID};

#define OPTIONS_OF struct unet_config
// clang-format off
const struct option unet_options[] = {
    ROW_INTS(widths, "32,64,128,128", 1, 4096, "channels after each halving of the picture, from the first layer to the bottleneck"),
    ROW_CHOICE(activation, "leaky", "leaky|relu", "on the way up; on the way down it is leaky"),
    ROW_FLOAT(slope, "0.2", 0.001, 0.9, "of leaky, below zero"),
    ROW_CHOICE(output, "tanh", "tanh|linear|sigmoid", "behind the last layer"),
    ROW_CHOICE(init, "uniform", "uniform|normal", "first weights: uniform in 1/sqrt(fan in), or normal with deviation 0.02 as DCGAN and pix2pix"),
    ROW_BOOL(norm_first, "true", "batch norm behind the first halving"),
    ROW_BOOL(norm_inner, "true", "batch norm behind the last halving, the bottleneck"),
    {0}};
// clang-format on

static struct layer_spec layer_of(const struct unet_config *c, bool up)
{
    return (struct layer_spec){
        .transposed = up,
        .kernel = {KERNEL, KERNEL},
        .stride = {STRIDE, STRIDE},
        .pad = {PAD, PAD},
        .norm = true,
        .act = up && c->activation == UNET_RELU ? ACT_RELU : ACT_LRELU,
        .slope = (float)c->slope,
        .init = c->init,
    };
}

/* From the map of `level` - 1, or the picture, to that of `level`. */
static struct node *halve(struct graph *g, const struct unet_config *c, struct node *x, int level)
{
    char name[32];
    snprintf(name, sizeof name, "down.%d", level);
    struct layer_spec l = layer_of(c, false);
    l.out = c->widths.v[level];
    l.norm = (level > 0 || c->norm_first) && (level + 1 < c->widths.n || c->norm_inner);
    l.dtype = g->precision;
    return layer_conv(g, name, x, &l);
}

/* From the map of `level` to one like `to`: that of the level above, or the picture. */
static struct node *double_up(struct graph *g, const struct unet_config *c, struct node *x, int level,
                              const struct shape *to)
{
    char name[32];
    snprintf(name, sizeof name, "up.%d", level);
    struct layer_spec l = layer_of(c, true);
    for (int i = 0; i < 2; i++)
        l.output_pad[i] = (int)(to->d[i + 1] - STRIDE * x->shape.d[i + 1]);
    l.out = (int)shape_last(to);
    l.dtype = g->precision;
    if (level == 0) {
        l.norm = false;
        l.act = output_acts[c->output];
        l.dtype = F32;
    }
    return layer_conv(g, name, x, &l);
}

struct node *unet_build(struct graph *g, const struct unet_config *c, struct node *picture, unet_lateral *lateral,
                        const void *config, struct heads *h)
{
    struct node *across[OPTION_LIST] = {0};
    struct node *x = op_cast(g, picture, g->precision);
    for (int k = 0; k < c->widths.n; k++) {
        x = halve(g, c, x, k);
        across[k] = lateral ? lateral(g, config, k, x, h) : x;
    }
    int deepest = c->widths.n - 1;
    struct node *y = across[deepest];
    for (int k = deepest; y && k > 0; k--) {
        y = double_up(g, c, y, k, &across[k - 1]->shape);
        g->scope = "join";
        y = op_concat(g, y, across[k - 1]);
    }
    return y ? double_up(g, c, y, 0, &picture->shape) : NULL;
}

struct shape unet_map(const struct unet_config *c, const struct shape *input, int level)
{
    struct shape s = *input;
    for (int k = 0; k <= level; k++) {
        s.d[1] /= STRIDE;
        s.d[2] /= STRIDE;
    }
    if (s.d[1] < 1 || s.d[2] < 1)
        return (struct shape){0};
    s.d[3] = c->widths.v[level];
    return s;
}

int unet_check(const struct unet_config *c, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    struct shape input = shape_with_batch(sample, 1);
    if (sample->nd != 3)
        return err_set(e, ERR_USAGE, "this model takes pictures, not samples of %s", shape_text(sample, text));
    if (c->widths.n < 1)
        return err_set(e, ERR_USAGE, "option widths is empty: it wants at least one layer, such as 32,64,128");
    if (!unet_map(c, &input, c->widths.n - 1).nd)
        return err_set(e, ERR_USAGE, "samples of %s are too small for %d halvings: give fewer widths or a larger size",
                       shape_text(sample, text), c->widths.n);
    return 0;
}
