/* Variational autoencoder (Kingma, Welling 2013): the code of a sample is a normal distribution, kept near N(0, 1),
 * and while training the decoder gets a sample of it. See vae.md. */
#include "models/autoencoder.h"

struct vae_config {
    struct autoencoder_config net;
    int64_t latent;
    double beta, kl;
};

static const struct preset presets[] = {
    {"general", "pictures of any size from 16 to 512", "", RUN_GENERAL},
    {"mnist", "28x28 grey digits, the net of the MemAE paper's table", NET_MNIST, RUN_MNIST},
    {"fashion", "28x28 grey clothes", NET_FASHION, RUN_FASHION},
    {"cifar10", "32x32 colour pictures, the net of the MemAE paper's table", NET_CIFAR10, RUN_CIFAR10},
    {"table", "rows of numbers", NET_TABLE, RUN_TABLE},
    {"kdd", "KDDCUP99, the net of the MemAE paper", NET_KDD, RUN_KDD},
    {0}};

#define OPTIONS_OF struct vae_config
// clang-format off
static const struct option options[] = {
    ROW_TABLE(autoencoder_options, net),
    ROW_INT(latent, "32", 1, 4096, "dimensions of a picture's code; of a row they are the last of layers"),
    ROW_FLOAT(beta, "3", 0, 1000, "weight of the code's divergence from N(0, 1), in units of the reconstruction's squared error summed over a sample"),
    ROW_FLOAT(kl, "0", 0, 1000, "weight of the code's divergence in the score, in the same units; 0: the error alone"),
    {0}};
// clang-format on

/* The distribution of a sample's code. */
struct code {
    struct node *mu, *logvar; /* N,z */
};

static int64_t code_width(const struct vae_config *c, const struct shape *input)
{
    const struct shape code = autoencoder_code(&c->net, input);
    return input->nd == 2 ? shape_last(&code) : c->latent;
}

static struct node *head(struct graph *g, const struct vae_config *c, const char *name, struct node *x, int64_t width)
{
    const struct layer_spec l = {.out = (int)width, .init = c->net.init};
    return layer_linear(g, name, x, &l);
}

static struct code encode(struct graph *g, const struct vae_config *c, struct node *target)
{
    struct node *map = autoencoder_hidden(g, &c->net, target);
    if (!map)
        return (struct code){0};
    int64_t width = code_width(c, &target->shape);
    struct node *flat = op_reshape(g, map, SHAPE(map->shape.d[0], shape_count(&map->shape) / map->shape.d[0]));
    struct node *mu = head(g, c, "code.mean", flat, width);
    return (struct code){mu, head(g, c, "code.logvar", flat, width)};
}

static struct node *decode(struct graph *g, const struct vae_config *c, struct node *z, struct shape input)
{
    if (input.nd == 2)
        return autoencoder_decode(g, &c->net, z, input);
    struct shape map = autoencoder_code(&c->net, &input);
    const struct layer_spec l = {.out = (int)(shape_count(&map) / map.d[0]),
                                 .norm = true,
                                 .act = autoencoder_act(&c->net),
                                 .slope = (float)c->net.slope,
                                 .init = c->net.init};
    struct node *code = layer_linear(g, "code.out", op_cast(g, z, g->precision), &l);
    return autoencoder_decode(g, &c->net, op_reshape(g, code, map), input);
}

/* A divergence is one number a sample, the error a mean over its values: beta/values makes sums of both. */
static float a_value(double weight, const struct shape *input)
{
    return (float)(weight * (double)input->d[0] / (double)shape_count(input));
}

/* L = mean squared error + beta/values KL */
static void losses(struct graph *g, const struct vae_config *c, struct code code, struct heads *h)
{
    g->scope = "loss";
    struct node *error = op_mse(g, h->output, h->target), *kl = op_kl(g, code.mu, code.logvar);
    struct node *loss = op_weighted(g, error, 1, kl, a_value(c->beta, &h->input->shape));
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
    h->watches[h->nwatches++] = (struct watch){"error", error};
    h->watches[h->nwatches++] = (struct watch){"kl", kl};
}

static void build_training(struct graph *g, const struct vae_config *c, struct shape input, struct heads *h)
{
    struct code code = encode(g, c, h->target);
    g->scope = "code";
    struct node *z =
        op_draw(g, code.mu, code.logvar, op_noise(g, SHAPE(input.d[0], code_width(c, &input)), NOISE_NORMAL));
    h->output = decode(g, c, z, input);
    losses(g, c, code, h);
}

/* The code is the distribution's mean: a score is not a matter of chance. */
static void build_scoring(struct graph *g, const struct vae_config *c, struct shape input, struct heads *h)
{
    struct code code = encode(g, c, h->target);
    h->output = decode(g, c, code.mu, input);
    residual_end(g, &c->net.residual, 1, h);
    if (c->kl > 0)
        h->scores[h->nscores++] =
            (struct score_part){"kl", op_sample_kl(g, code.mu, code.logvar), a_value(c->kl, &input)};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    residual_begin(g, &((const struct vae_config *)config)->net.residual, input, h);
    if (g->mode == GRAPH_TRAIN)
        build_training(g, config, input, h);
    else
        build_scoring(g, config, input, h);
}

const struct model model_vae = {
    .name = "vae",
    .title = "Variational autoencoder",
    .paper = "Kingma, Welling, ICLR 2014, arXiv 1312.6114",
    .idea = "An autoencoder whose codes are blurred while it learns, and kept in one cloud: what is not normal has no "
            "place there and comes back as something that is.",
    .options = options,
    .config_bytes = sizeof(struct vae_config),
    .presets = presets,
    .row_preset = "table",
    .takes = TAKES_PICTURES | TAKES_CLIPS | TAKES_ROWS,
    .has_map = true,
    .check = autoencoder_check,
    .build = build,
};
