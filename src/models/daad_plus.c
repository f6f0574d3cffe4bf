/* DAAD+: DAAD whose pictures a discriminator judges as well. What it sees in a picture and in what was rebuilt of it is
 * brought together in training, and how far it is apart is a part of the score. See daad_plus.md. */
#include "models/daad.h"
#include "models/gan.h"

struct daad_plus_config {
    struct daad_config daad;
    int64_t width, latent;
    double pace, error_weight, adversarial_weight, alignment_weight, error_share;
};

static const struct preset presets[] = {
    {"general", "pictures of 128 or 256 pixels", DAAD_GENERAL " width=8 pace=0.1", DAAD_RUN_GENERAL},
    {"mvtec", "256x256 colour pictures, the paper's setting; days on a processor", DAAD_MVTEC " width=64",
     DAAD_RUN_MVTEC " lr=0.0002"},
    {"mnist", "digits brought to 32x32, grey", "widths=32,64 rates=8,8,1 items=100 width=32",
     "size=32 channels=1 epochs=25 batch=64 lr=0.0002 keep=last validation=0"},
    {"cifar10", "32x32 colour pictures", DAAD_CIFAR10 " width=32", DAAD_RUN_CIFAR10},
    {0}};

#define OPTIONS_OF struct daad_plus_config
// clang-format off
static const struct option options[] = {
    ROW_TABLE(daad_options, daad),
    ROW_INT(width, "16", 1, 1024, "the discriminator's channels after the first halving of the picture; twice as many after each further one"),
    ROW_INT(latent, "100", 1, 100000, "the discriminator's features of a picture"),
    ROW_FLOAT(pace, "1", 0.0001, 1, "of the discriminator's learning rate: what the others' is multiplied by"),
    ROW_FLOAT(error_weight, "50", 0, 1e6, "of the squared error, summed over the picture"),
    ROW_FLOAT(adversarial_weight, "0.5", 0, 1000, "of the cross entropy by which a rebuilt picture fails to pass for a real one"),
    ROW_FLOAT(alignment_weight, "0.5", 0, 1000, "of the squared distance of the features, summed"),
    ROW_FLOAT(error_share, "0.9", 0.001, 0.999, "of the picture's error in the score (the paper's gamma); the rest is the features' distance"),
    {0}};
// clang-format on

/* Eq. 3 and 5, the squared lengths divided by the number of values of a picture, of which one is the share `value`; the
 * generator's half of eq. 5 as everybody trains it, by -log D(G(x)). One forward pass serves both, so the pictures that
 * D judges are those from before G's step. */
static void losses(struct graph *g, const struct daad_plus_config *c, struct gan_judgement real,
                   struct gan_judgement made, float value, struct heads *h)
{
    float feature = value * (float)c->latent;
    struct node *error = daad_loss(g, &c->daad, h), *alignment = op_mse(g, made.features, real.features);
    struct node *deceived = op_bce(g, made.verdict, 1);
    struct node *judged =
        op_weighted(g, deceived, (float)c->adversarial_weight * value, alignment, (float)c->alignment_weight * feature);
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "generator",
        .loss = op_weighted(g, error, (float)c->error_weight, judged, 1),
        .group = GROUP_MAIN,
    };
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "discriminator",
        .loss = op_weighted(g, op_bce(g, real.verdict, 1), 0.5f, op_bce(g, made.verdict, 0), 0.5f),
        .group = GROUP_ADVERSARY,
        .rule = {.lr_factor = (float)c->pace},
    };
    h->watches[h->nwatches++] = (struct watch){"alignment", alignment};
    h->watches[h->nwatches++] = (struct watch){"deceived", deceived};
}

/* Eq. 7, divided likewise. */
static void score(struct graph *g, const struct daad_plus_config *c, struct gan_judgement real,
                  struct gan_judgement made, float value, struct heads *h)
{
    float share = (float)c->error_share;
    residual_end(g, &c->daad.residual, share, h);
    g->scope = "score";
    struct node *distance = op_sample_mean(g, op_square_mean(g, op_sub(g, made.features, real.features)));
    h->scores[h->nscores++] = (struct score_part){"alignment", distance, (1 - share) * value * (float)c->latent};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct daad_plus_config *c = config;
    daad_rebuild(g, &c->daad, input, h);
    const struct gan_spec disc = gan_discriminator(c->width, c->daad.net.slope);
    struct gan_judgement real = gan_judge(g, &disc, c->latent, h->target);
    struct gan_judgement made = gan_judge(g, &disc, c->latent, h->output);
    float value = (float)((double)input.d[0] / (double)shape_count(&input));
    if (g->mode == GRAPH_TRAIN)
        losses(g, c, real, made, value, h);
    else
        score(g, c, real, made, value, h);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct daad_plus_config *c = config;
    TRY(gan_check(sample, e));
    return daad_check(&c->daad, sample, e);
}

const struct model model_daad_plus = {
    .name = "daad+",
    .title = "Divide and assemble, with a discriminator",
    .paper = "Hou et al., ICCV 2021, arXiv 2107.13118",
    .idea =
        "As daad; and a second net compares what it sees in the picture and in what was rebuilt of it, which is not "
        "disturbed by texture that is hard to rebuild.",
    .options = options,
    .config_bytes = sizeof(struct daad_plus_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .some_sizes = true,
    .score_watch = "error",
    .check = check,
    .build = build,
};
