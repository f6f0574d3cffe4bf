#include "models/framenet.h"

#include "models/residual.h"

#include <stdio.h>

enum { KERNEL = 3, PAD = 1, STRIDE = 2 };

static const enum act output_acts[] = {
    [FRAME_TANH] = ACT_TANH, [FRAME_LINEAR] = ACT_NONE, [FRAME_SIGMOID] = ACT_SIGMOID};

#define OPTIONS_OF struct framenet_config
// clang-format off
const struct option framenet_options[] = {
    ROW_INTS(widths, "16,32,64,128", 1, 4096, "channels of each level, from full size to the deepest; the picture is halved between levels"),
    ROW_CHOICE(task, "auto", "auto|predict|rebuild", "the last frame of a clip from those before it, or every picture from itself; auto: predict of clips, rebuild of pictures"),
    ROW_CHOICE(output, "tanh", "tanh|linear|sigmoid", "behind the last layer"),
    ROW_CHOICE(init, "uniform", "uniform|normal", "first weights: uniform in 1/sqrt(fan in), or normal with deviation 0.02"),
    ROW_BOOL(norm, "true", "batch norm behind the convolutions"),
    {0}};
// clang-format on

static bool predicts(const struct framenet_config *c, const struct shape *input)
{
    return c->task == TASK_PREDICT || (c->task == TASK_AUTO && input->nd == 5);
}

struct node *framenet_begin(struct graph *g, const struct framenet_config *c, struct shape input, struct heads *h)
{
    *h = (struct heads){.input = graph_input(g, "input", input)};
    g->scope = "frames";
    if (!predicts(c, &input)) {
        h->target = h->input;
        const int64_t *d = input.d;
        return input.nd == 5 ? op_reshape(g, h->input, SHAPE(d[0] * d[1], d[2], d[3], d[4])) : h->input;
    }
    int before = (int)input.d[1] - 1;
    struct node *last = op_frames(g, h->input, before, 1);
    h->target = op_reshape(g, last, SHAPE(input.d[0], 1, input.d[2], input.d[3], input.d[4]));
    return op_frames(g, h->input, 0, before);
}

/* A 3x3 convolution; `plain`: neither norm nor activation behind it. */
static struct node *convolve(struct graph *g, const struct framenet_config *c, const char *part, int level, int which,
                             struct node *x, int width, bool plain)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d.%d", part, level, which);
    struct layer_spec l = {
        .out = width,
        .kernel = {KERNEL, KERNEL},
        .stride = {1, 1},
        .pad = {PAD, PAD},
        .norm = c->norm && !plain,
        .act = plain ? ACT_NONE : ACT_RELU,
        .init = c->init,
        .dtype = g->precision,
    };
    return layer_conv(g, name, x, &l);
}

struct node *framenet_encode(struct graph *g, const struct framenet_config *c, struct node *pictures,
                             struct framenet_maps *maps)
{
    struct node *x = op_cast(g, pictures, g->precision);
    int deepest = c->widths.n - 1;
    for (int k = 0; x && k <= deepest; k++) {
        x = convolve(g, c, "enc", k, 0, x, c->widths.v[k], false);
        x = convolve(g, c, "enc", k, 1, x, c->widths.v[k], k == deepest);
        if (k == deepest)
            break;
        maps->across[k] = x;
        /* Rounded up, so that a doubling comes back at any size. */
        x = op_max_pool(g, x, (struct pool_spec){.kernel = STRIDE, .stride = STRIDE, .ceil = true});
    }
    return x;
}

/* To the size of `to`, the map of the level above, and that beside it. */
static struct node *double_up(struct graph *g, const struct framenet_config *c, int level, struct node *x,
                              struct node *to)
{
    char name[32];
    snprintf(name, sizeof name, "up.%d", level);
    struct layer_spec l = {
        .transposed = true,
        .out = (int)shape_last(&to->shape),
        .kernel = {KERNEL, KERNEL},
        .stride = {STRIDE, STRIDE},
        .pad = {PAD, PAD},
        .norm = c->norm,
        .act = ACT_RELU,
        .init = c->init,
        .dtype = g->precision,
    };
    for (int i = 0; i < 2; i++)
        l.output_pad[i] = (int)(to->shape.d[i + 1] - (STRIDE * (x->shape.d[i + 1] - 1) + KERNEL - 2 * PAD));
    x = layer_conv(g, name, x, &l);
    g->scope = "join";
    return op_concat(g, to, x);
}

struct node *framenet_decode(struct graph *g, const struct framenet_config *c, struct node *features,
                             const struct framenet_maps *maps)
{
    struct node *x = features;
    for (int k = c->widths.n - 1; x && k > 0; k--) {
        x = convolve(g, c, "dec", k, 0, x, c->widths.v[k], false);
        x = convolve(g, c, "dec", k, 1, x, c->widths.v[k], false);
        x = x ? double_up(g, c, k, x, maps->across[k - 1]) : NULL;
    }
    return x;
}

void framenet_draw(struct graph *g, const struct framenet_config *c, struct node *features, struct heads *h)
{
    struct node *x = convolve(g, c, "draw", 0, 0, features, c->widths.v[0], false);
    x = convolve(g, c, "draw", 0, 1, x, c->widths.v[0], false);
    struct layer_spec l = {
        .out = h->target ? (int)shape_last(&h->target->shape) : 1,
        .kernel = {KERNEL, KERNEL},
        .stride = {1, 1},
        .pad = {PAD, PAD},
        .act = output_acts[c->output],
        .init = c->init,
        .dtype = F32,
    };
    x = layer_conv(g, "draw.0.2", x, &l);
    h->output = x ? op_reshape(g, x, h->target->shape) : NULL;
}

void framenet_score(struct graph *g, float blur, float weight, struct heads *h)
{
    residual_map(g, blur, h);
    struct node *error = op_decibel(g, op_sample_mean(g, h->map));
    h->scores[h->nscores++] = (struct score_part){"error", error, weight};
}

void framenet_distance(struct graph *g, struct node *features, struct node *near, int64_t samples, float weight,
                       struct heads *h)
{
    struct node *apart = op_square_mean(g, op_sub(g, features, near));
    if (!apart)
        return;
    struct node *of_sample = op_reshape(g, apart, SHAPE(samples, apart->shape.d[0] / samples));
    struct node *distance = op_decibel(g, op_sample_mean(g, of_sample));
    h->scores[h->nscores++] = (struct score_part){"distance", distance, weight};
}

int framenet_check(const struct framenet_config *c, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    struct shape input = shape_with_batch(sample, 1);
    if (sample->nd != 3 && sample->nd != 4)
        return err_set(e, ERR_USAGE, "this model takes pictures or clips, not samples of %s", shape_text(sample, text));
    if (c->widths.n < 2)
        return err_set(e, ERR_USAGE, "option widths has %d levels: it wants at least two, such as 16,32,64",
                       c->widths.n);
    if (predicts(c, &input) && (sample->nd != 4 || sample->d[0] < 2))
        return err_set(e, ERR_USAGE,
                       "option task=predict wants clips of at least two frames, not samples of %s; give clips with "
                       "frames=5, or task=rebuild",
                       shape_text(sample, text));
    int64_t least =
        sample->d[sample->nd - 3] < sample->d[sample->nd - 2] ? sample->d[sample->nd - 3] : sample->d[sample->nd - 2];
    for (int k = 1; k < c->widths.n; k++)
        least /= STRIDE;
    return least >= 1 ? 0
                      : err_set(e, ERR_USAGE,
                                "samples of %s are too small for %d halvings: give fewer widths or a larger size",
                                shape_text(sample, text), c->widths.n - 1);
}
