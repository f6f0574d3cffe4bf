#include "models/autoencoder.h"

#include <stdio.h>

static const int HALVING = 2;

static const enum act output_acts[] = {
    [OUTPUT_LINEAR] = ACT_NONE, [OUTPUT_TANH] = ACT_TANH, [OUTPUT_SIGMOID] = ACT_SIGMOID};

#define OPTIONS_OF struct autoencoder_config
// clang-format off
const struct option autoencoder_options[] = {
    ROW_INTS(widths, "32,64,128,128", 1, 4096, "channels after each halving of the picture, from the first layer to the code"),
    ROW_INTS(decoder, "", 1, 4096, "channels after each doubling but the last; empty: the widths backwards"),
    ROW_INT(kernel, "3", 1, 11, "size of the convolutions, in pixels"),
    ROW_INT(first_kernel, "0", 0, 11, "size of the first convolution; 0: as kernel"),
    ROW_INTS(time_strides, "", 1, 2, "of clips: step of each layer in time, or one for all; empty: 1, then 2"),
    ROW_CHOICE(activation, "relu", "relu|leaky|tanh", "behind every batch norm; of rows behind every layer but code and last"),
    ROW_FLOAT(slope, "0.2", 0.001, 0.9, "of leaky, below zero"),
    ROW_CHOICE(output, "linear", "linear|tanh|sigmoid", "behind the last layer"),
    ROW_CHOICE(init, "uniform", "uniform|normal", "first weights: uniform in 1/sqrt(fan in), or normal with deviation 0.02 as the official code"),
    ROW_LAYERS,
    ROW_FLOAT(hide, "0", 0, 0.95, "of rows: share of the values that the encoder does not see while training, drawn anew in every step, and has to guess from the others"),
    ROW_TABLE(residual_options, residual),
    {0}};
// clang-format on

static const enum act hidden_acts[] = {[HIDDEN_RELU] = ACT_RELU, [HIDDEN_LEAKY] = ACT_LRELU, [HIDDEN_TANH] = ACT_TANH};

enum act autoencoder_act(const struct autoencoder_config *c)
{
    return hidden_acts[c->activation];
}

static int time_stride(const struct autoencoder_config *c, int layer)
{
    const struct ints *steps = &c->time_strides;
    return steps->n > 1 ? steps->v[layer] : steps->n ? steps->v[0] : layer ? HALVING : 1;
}

/* The encoder's layer: kernel, stride and padding of its convolution over `nd` spatial dimensions. */
static struct layer_spec encoder_layer(const struct autoencoder_config *c, int layer, int nd)
{
    int kernel = (int)(layer == 0 && c->first_kernel ? c->first_kernel : c->kernel);
    struct layer_spec l = {.out = c->widths.v[layer], .norm = true, .slope = (float)c->slope};
    for (int i = 0; i < nd; i++) {
        l.kernel[i] = kernel;
        l.stride[i] = nd == 3 && i == 0 ? time_stride(c, layer) : HALVING;
        l.pad[i] = kernel / 2;
    }
    l.act = autoencoder_act(c);
    l.init = c->init;
    return l;
}

static int64_t halved(int64_t size, const struct layer_spec *l, int dim)
{
    int64_t room = size + 2 * l->pad[dim] - l->kernel[dim];
    return room < 0 ? 0 : room / l->stride[dim] + 1;
}

/* Shape before encoder layer `layer`; layer = widths.n gives the code's. */
static struct shape shape_before(const struct autoencoder_config *c, const struct shape *input, int layer)
{
    struct shape s = *input;
    for (int k = 0; k < layer && s.nd; k++) {
        struct layer_spec l = encoder_layer(c, k, s.nd - 2);
        for (int i = 0; i < s.nd - 2; i++) {
            s.d[i + 1] = halved(s.d[i + 1], &l, i);
            if (s.d[i + 1] < 1)
                return (struct shape){0};
        }
        s.d[s.nd - 1] = l.out;
    }
    return s;
}

/* ---- rows ---- */

static struct mlp_spec row_net(const struct autoencoder_config *c, const char *prefix, struct ints widths)
{
    return (struct mlp_spec){
        .prefix = prefix, .widths = widths, .act = autoencoder_act(c), .slope = (float)c->slope, .init = c->init};
}

/* But for the last `drop` layers. */
static struct node *encode_row(struct graph *g, const struct autoencoder_config *c, struct node *target, int drop)
{
    struct mlp_spec s = row_net(c, "enc", mlp_layers(&c->layers, shape_last(&target->shape)));
    s.widths.n -= drop;
    s.last = drop ? s.act : ACT_NONE;
    g->scope = "hide";
    return mlp(g, &s, op_dropout(g, target, (float)c->hide));
}

static struct node *decode_row(struct graph *g, const struct autoencoder_config *c, struct node *code,
                               struct shape input)
{
    const struct ints layers = mlp_layers(&c->layers, shape_last(&input));
    struct mlp_spec s = row_net(c, "dec", mlp_and(mlp_backwards(&layers, 1), shape_last(&input)));
    s.last = output_acts[c->output];
    return mlp(g, &s, code);
}

/* ---- both ---- */

struct shape autoencoder_code(const struct autoencoder_config *c, const struct shape *input)
{
    if (input->nd == 2) {
        const struct ints layers = mlp_layers(&c->layers, shape_last(input));
        return SHAPE(input->d[0], layers.v[layers.n - 1]);
    }
    return shape_before(c, input, c->widths.n);
}

struct node *autoencoder_encode(struct graph *g, const struct autoencoder_config *c, struct node *target)
{
    if (target && target->shape.nd == 2)
        return encode_row(g, c, target, 0);
    struct node *x = op_cast(g, target, g->precision);
    for (int k = 0; x && k < c->widths.n; k++) {
        char name[32];
        snprintf(name, sizeof name, "enc.%d", k);
        struct layer_spec l = encoder_layer(c, k, x->shape.nd - 2);
        l.dtype = g->precision;
        x = layer_conv(g, name, x, &l);
    }
    return x;
}

struct node *autoencoder_hidden(struct graph *g, const struct autoencoder_config *c, struct node *target)
{
    return target && target->shape.nd == 2 ? encode_row(g, c, target, 1) : autoencoder_encode(g, c, target);
}

/* The decoder undoes the encoder's layers from the last to the first: each transposed convolution arrives at the size
 * that its counterpart started from, by way of the output padding. */
static struct layer_spec decoder_layer(const struct autoencoder_config *c, const struct shape *from,
                                       const struct shape *to, int step)
{
    int layer = c->widths.n - 1 - step, nd = to->nd - 2;
    bool last = layer == 0;
    struct layer_spec l = encoder_layer(c, layer, nd);
    l.transposed = true;
    for (int i = 0; i < nd; i++) {
        l.kernel[i] = (int)c->kernel;
        l.pad[i] = (int)c->kernel / 2;
        l.output_pad[i] = (int)(to->d[i + 1] - ((from->d[i + 1] - 1) * l.stride[i] - 2 * l.pad[i] + l.kernel[i]));
    }
    l.out = last ? (int)shape_last(to) : c->decoder.n ? c->decoder.v[step] : c->widths.v[layer - 1];
    l.norm = !last;
    if (last)
        l.act = output_acts[c->output];
    return l;
}

struct node *autoencoder_decode(struct graph *g, const struct autoencoder_config *c, struct node *code,
                                struct shape input)
{
    if (input.nd == 2)
        return decode_row(g, c, code, input);
    struct node *x = op_cast(g, code, g->precision);
    for (int step = 0; x && step < c->widths.n; step++) {
        char name[32];
        snprintf(name, sizeof name, "dec.%d", step);
        struct shape to = shape_before(c, &input, c->widths.n - 1 - step);
        struct layer_spec l = decoder_layer(c, &x->shape, &to, step);
        l.dtype = step + 1 < c->widths.n ? g->precision : F32;
        x = layer_conv(g, name, x, &l);
    }
    return x;
}

static int check_picture(const struct autoencoder_config *c, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    struct shape input = shape_with_batch(sample, 1);
    if (c->widths.n < 1)
        return err_set(e, ERR_USAGE, "option widths is empty: it wants at least one layer, such as 32,64,128");
    if (c->decoder.n && c->decoder.n != c->widths.n - 1)
        return err_set(e, ERR_USAGE, "option decoder has %d widths: with %d widths it wants %d, or none", c->decoder.n,
                       c->widths.n, c->widths.n - 1);
    if (c->time_strides.n > 1 && c->time_strides.n != c->widths.n)
        return err_set(e, ERR_USAGE,
                       "option time_strides has %d steps: it wants one for each of the %d widths, one for all, or none",
                       c->time_strides.n, c->widths.n);
    if (c->kernel % 2 == 0 || (c->first_kernel && c->first_kernel % 2 == 0))
        return err_set(e, ERR_USAGE,
                       "options kernel and first_kernel want odd sizes, so that layers keep their centre");
    if (c->kernel < HALVING)
        return err_set(e, ERR_USAGE, "option kernel wants at least 3: a smaller one leaves holes when it doubles");
    if (!autoencoder_code(c, &input).nd)
        return err_set(e, ERR_USAGE, "samples of %s are too small for %d halvings: give fewer widths or a larger size",
                       shape_text(sample, text), c->widths.n);
    return 0;
}

int autoencoder_check(const void *config, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    if (sample->nd == 1)
        return mlp_check(&((const struct autoencoder_config *)config)->layers, e);
    if (sample->nd == 3 || sample->nd == 4)
        return check_picture(config, sample, e);
    return err_set(e, ERR_USAGE, "this model takes pictures, clips or rows of numbers, not samples of %s",
                   shape_text(sample, text));
}
