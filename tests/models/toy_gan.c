/* The thinnest model of two objectives: a generator of linear layers that rebuilds a picture through a narrow code, and
 * a discriminator that should not tell the result from the picture. `toy-search` is the same net used as AnoGAN uses
 * it: at scoring time there is no encoder, and the code is searched for. */
#include "models/model.h"
#include "nn/layers.h"
#include "nn/ops.h"

struct toy_config {
    int64_t width;
    double slope;
    bool explode;
};

#define OPTIONS_OF struct toy_config
// clang-format off
static const struct option options[] = {
    ROW_INT(width, "6", 1, 64, "values of the code"),
    ROW_FLOAT(slope, "0.2", 0.001, 0.9, "of the activations, below zero"),
    ROW_BOOL(explode, "false", "the discriminator's loss is infinite"),
    {0}};
// clang-format on

static const struct preset presets[] = {{"general", "anything small", "", "epochs=20 batch=16 lr=0.003"}, {0}};

static const float ADVERSARIAL = 0.01f, NOISE = 0.05f;

static int check(const void *config, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    (void)config;
    return sample->nd == 3 ? 0 : err_set(e, ERR_USAGE, "takes pictures, not samples of %s", shape_text(sample, text));
}

static struct node *flat(struct graph *g, struct node *x)
{
    return x ? op_reshape(g, x, SHAPE(x->shape.d[0], shape_count(&x->shape) / x->shape.d[0])) : NULL;
}

static struct node *encode(struct graph *g, const struct toy_config *c, struct node *x)
{
    const struct layer_spec l = {.out = (int)c->width, .norm = true, .act = ACT_LRELU, .slope = (float)c->slope};
    return layer_linear(g, "gen.in", flat(g, x), &l);
}

static struct node *decode(struct graph *g, struct node *code, struct shape picture)
{
    const struct layer_spec l = {.out = (int)(shape_count(&picture) / picture.d[0])};
    return op_reshape(g, layer_linear(g, "gen.out", code, &l), picture);
}

/* One logit a sample: above 0 real, below made up. */
static struct node *judge(struct graph *g, const struct toy_config *c, struct node *x)
{
    const struct layer_spec hidden = {.out = 8, .act = ACT_LRELU, .slope = (float)c->slope, .group = GROUP_ADVERSARY};
    const struct layer_spec last = {.out = 1, .group = GROUP_ADVERSARY};
    return layer_linear(g, "disc.out", layer_linear(g, "disc.in", flat(g, x), &hidden), &last);
}

static void losses(struct graph *g, const struct toy_config *c, struct heads *h)
{
    struct node *error = op_mse(g, h->output, h->target);
    struct node *made_up = judge(g, c, h->output);
    struct node *blurred = op_add(g, h->input, op_scale(g, op_noise(g, h->input->shape, NOISE_NORMAL), NOISE, 0));
    h->objectives[0] = (struct objective){
        .name = "generator",
        .loss = op_weighted(g, error, 1, op_bce(g, made_up, 1), ADVERSARIAL),
        .group = GROUP_MAIN,
    };
    struct node *verdicts = op_weighted(g, op_bce(g, judge(g, c, blurred), 1), 0.5f, op_bce(g, made_up, 0), 0.5f);
    h->objectives[1] = (struct objective){
        .name = "discriminator",
        .loss = c->explode ? op_scale(g, op_scale(g, verdicts, 1e30f, 0), 1e30f, 0) : verdicts,
        .group = GROUP_ADVERSARY,
        .fresh = true,
        .rule = {.lr_factor = 0.5f, .own_betas = true, .beta1 = 0.5f, .beta2 = 0.999f, .redraw_below = 1e-4f},
    };
    h->nobjectives = 2;
    h->watches[h->nwatches++] = (struct watch){"error", error};
}

static void score(struct graph *g, const struct toy_config *c, struct heads *h)
{
    struct node *residual = op_sub(g, h->output, h->target);
    h->map = op_square_mean(g, residual);
    struct node *doubt = op_sample_mean(g, op_scale(g, judge(g, c, h->output), -1, 0));
    h->scores[h->nscores++] = (struct score_part){"error", op_sample_mean(g, h->map), 1};
    h->scores[h->nscores++] = (struct score_part){"doubt", doubt, 0.01f};
}

static void begin(struct graph *g, struct shape input, struct heads *h)
{
    *h = (struct heads){.input = graph_input(g, "input", input)};
    h->target = h->input;
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    begin(g, input, h);
    h->output = decode(g, encode(g, config, h->input), input);
    if (g->mode == GRAPH_TRAIN)
        losses(g, config, h);
    else
        score(g, config, h);
}

static void build_search(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct toy_config *c = config;
    if (g->mode == GRAPH_TRAIN) {
        build(g, config, input, h);
        return;
    }
    struct shape code = SHAPE(input.d[0], c->width);
    begin(g, input, h);
    h->refine = (struct refine){.steps = 30, .rate = 0.1f, .latent = graph_input(g, "latent", code)};
    h->refine.start = op_noise(g, code, NOISE_NORMAL);
    h->output = decode(g, h->refine.latent, input);
    h->refine.loss = op_scale(g, op_mse(g, h->output, h->target), (float)input.d[0], 0);
    score(g, c, h);
}

const struct model model_toy_gan = {
    .name = "toy-gan",
    .title = "Toy of two objectives",
    .paper = "none",
    .idea = "Rebuilds a picture and lets a second net judge it.",
    .options = options,
    .config_bytes = sizeof(struct toy_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .score_watch = "error",
    .check = check,
    .build = build,
};

const struct model model_toy_search = {
    .name = "toy-search",
    .title = "Toy that searches",
    .paper = "none",
    .idea = "Searches for the code of a picture when it scores it.",
    .options = options,
    .config_bytes = sizeof(struct toy_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .check = check,
    .build = build_search,
};
