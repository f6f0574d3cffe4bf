/* AnoGAN: a GAN of normal pictures; a new one is searched for among what its generator can make (Schlegl et al., IPMI
 * 2017). See anogan.md. */
#include "models/gan.h"
#include "models/residual.h"

struct anogan_config {
    int64_t width, latent, search_steps;
    double slope, pace, rate, lambda, blur;
};

#define RUN "batch=64 lr=0.0002 beta1=0.5 keep=last validation=0 calibration=0.01"

static const struct preset presets[] = {
    {"general", "pictures brought to 64x64", "", RUN " epochs=50 size=64 score=map"},
    {"cifar10", "32x32 colour pictures", "", RUN " epochs=25 size=32 channels=3"},
    {"mnist", "digits brought to 32x32, grey", "", RUN " epochs=25 size=32 channels=1"},
    {0}};

#define OPTIONS_OF struct anogan_config
// clang-format off
static const struct option options[] = {
    ROW_INT(width, "64", 1, 1024, "channels after the first halving of the picture; twice as many after each further one"),
    ROW_INT(latent, "100", 1, 100000, "values that a picture is made from"),
    ROW_INT(search_steps, "500", 0, 100000, "of the search for a picture's own"),
    ROW_FLOAT(rate, "0.05", 1e-6, 10, "learning rate of the search (Adam)"),
    ROW_FLOAT(lambda, "0.1", 0, 1, "share of the discriminator's features in the loss of the search and in the score; the rest is the residual's"),
    ROW_FLOAT(pace, "1", 0.0001, 1, "of the discriminator's learning rate: what the generator's is multiplied by"),
    ROW_FLOAT(slope, "0.2", 0.001, 0.9, "of the discriminator's activations, below zero"),
    ROW_FLOAT(blur, "1", 0, 16, "of the heat map: deviation in pixels of the Gaussian that smooths the residual; 0: none"),
    {0}};
// clang-format on

static struct node *make(struct graph *g, const struct anogan_config *c, struct node *latent, struct shape picture)
{
    const struct gan_spec s = {.prefix = "gen", .width = (int)c->width, .act = ACT_RELU, .group = GROUP_MAIN};
    return gan_picture(g, &s, op_reshape(g, latent, SHAPE(picture.d[0], 1, 1, c->latent)), picture);
}

/* G wants its pictures taken for real ones, D wants to tell them apart. One forward pass serves both. */
static void build_training(struct graph *g, const struct anogan_config *c, struct shape input, struct heads *h)
{
    g->scope = "latent";
    struct node *made = make(g, c, op_noise(g, SHAPE(input.d[0], c->latent), NOISE_NORMAL), input);
    const struct gan_spec disc = gan_discriminator(c->width, c->slope);
    struct node *of_real = gan_judge(g, &disc, 0, h->input).verdict, *of_made = gan_judge(g, &disc, 0, made).verdict;
    g->scope = "loss";
    h->objectives[h->nobjectives++] =
        (struct objective){.name = "generator", .loss = op_bce(g, of_made, 1), .group = GROUP_MAIN};
    struct node *real = op_bce(g, of_real, 1), *false_ones = op_bce(g, of_made, 0);
    h->objectives[h->nobjectives++] = (struct objective){.name = "discriminator",
                                                         .loss = op_weighted(g, real, 1, false_ones, 1),
                                                         .group = GROUP_ADVERSARY,
                                                         .rule = {.lr_factor = (float)c->pace}};
    h->watches[h->nwatches++] = (struct watch){"real", real};
    h->watches[h->nwatches++] = (struct watch){"made", false_ones};
}

/* The paper's loss is a sum over pixels and one over features. Divided by the number of pixels both are means, and the
 * features' has this factor. */
static float share_of_features(const struct anogan_config *c, const struct node *seen, struct shape input)
{
    return seen ? (float)(c->lambda * (double)shape_count(&seen->shape) / (double)shape_count(&input)) : 0;
}

static void add_part(struct graph *g, const char *name, struct node *a, struct node *b, float weight, struct heads *h)
{
    if (weight > 0)
        h->scores[h->nscores++] =
            (struct score_part){name, op_sample_mean(g, op_absolute_mean(g, op_sub(g, a, b))), weight};
}

static void build_scoring(struct graph *g, const struct anogan_config *c, struct shape input, struct heads *h)
{
    struct shape latent = SHAPE(input.d[0], c->latent);
    h->target = h->input;
    h->refine = (struct refine){
        .steps = (int)c->search_steps, .rate = (float)c->rate, .latent = graph_input(g, "latent", latent)};
    g->scope = "latent";
    h->refine.start = op_noise(g, latent, NOISE_NORMAL);
    h->output = make(g, c, h->refine.latent, input);
    const struct gan_spec disc = gan_discriminator(c->width, c->slope);
    struct node *seen = gan_map(g, &disc, h->input), *seen_again = gan_map(g, &disc, h->output);
    float of_pixels = 1 - (float)c->lambda, of_features = share_of_features(c, seen, input), n = (float)input.d[0];
    g->scope = "search";
    h->refine.loss =
        op_weighted(g, op_l1(g, h->output, h->target), n * of_pixels, op_l1(g, seen_again, seen), n * of_features);
    g->scope = "score";
    add_part(g, "error", h->output, h->target, of_pixels, h);
    add_part(g, "feature", seen_again, seen, of_features, h);
    residual_map(g, (float)c->blur, h);
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    *h = (struct heads){.input = graph_input(g, "input", input)};
    if (g->mode == GRAPH_TRAIN)
        build_training(g, config, input, h);
    else
        build_scoring(g, config, input, h);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    (void)config; /* every net takes the same sizes */
    return gan_check(sample, e);
}

const struct model model_anogan = {
    .name = "anogan",
    .title = "AnoGAN",
    .paper = "Schlegl et al., IPMI 2017, arXiv 1703.05921",
    .idea = "Learns to make normal pictures out of nothing. Of a new one it searches for the most similar that it can "
            "make, step by step, which takes its time; what is left is the anomaly.",
    .options = options,
    .config_bytes = sizeof(struct anogan_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .some_sizes = true,
    .check = check,
    .build = build,
};
