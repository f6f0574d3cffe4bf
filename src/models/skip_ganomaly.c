/* Skip-GANomaly: a U-Net rebuilds, and a discriminator judges by its verdict and by its features, in training and in
 * the score (Akcay et al., IJCNN 2019). See skip_ganomaly.md. */
#include "models/gan.h"
#include "models/residual.h"
#include "models/unet.h"

struct skip_ganomaly_config {
    struct unet_config net;
    struct residual_config residual;
    int64_t width, latent;
    double adversarial_weight, context_weight, latent_weight, judged_weight, redraw, latent_share;
};

#define NET "norm_first=false norm_inner=false activation=relu init=normal"
#define RUN "epochs=15 batch=64 lr=0.0002 beta1=0.5 keep=last validation=0"

static const struct preset presets[] = {
    {"general", "pictures brought to 64x64", NET " widths=64,128,256,512,512,512", RUN " size=64 score=map"},
    {"cifar10", "32x32 colour pictures, the paper's net", NET " widths=64,128,256,512,512 blur=0",
     RUN " size=32 channels=3"},
    {"mnist", "digits brought to 32x32, grey", NET " widths=64,128,256,512,512 blur=0", RUN " size=32 channels=1"},
    {0}};

#define OPTIONS_OF struct skip_ganomaly_config
// clang-format off
static const struct option options[] = {
    ROW_TABLE(unet_options, net),
    ROW_TABLE(residual_options, residual),
    ROW_INT(width, "64", 1, 1024, "the discriminator's channels after the first halving of the picture; twice as many after each further one"),
    ROW_INT(latent, "100", 1, 100000, "the discriminator's features of a picture"),
    ROW_FLOAT(adversarial_weight, "1", 0, 1000, "of the cross entropy by which a rebuilt picture fails to pass for a real one"),
    ROW_FLOAT(context_weight, "50", 0, 1000, "of the mean absolute error of the picture"),
    ROW_FLOAT(latent_weight, "1", 0, 1000, "of the mean squared distance of the features"),
    ROW_FLOAT(judged_weight, "1", 0, 1000, "of that distance in the discriminator's own loss"),
    ROW_FLOAT(redraw, "0.00001", 0, 1, "the discriminator begins anew where its loss falls below this; 0: never"),
    ROW_FLOAT(latent_share, "0.1", 0.001, 0.999, "of the features' distance in the score; the rest is the picture's squared error"),
    {0}};
// clang-format on

/* G: cross entropy + 50 |output - input| + distance of features. D: both cross entropies and that distance. One forward
 * pass serves both, so the pictures that D judges are those from before G's step. */
static void losses(struct graph *g, const struct skip_ganomaly_config *c, struct gan_judgement real,
                   struct gan_judgement made, struct heads *h)
{
    g->scope = "loss";
    struct node *error = op_l1(g, h->output, h->target), *latent = op_mse(g, made.features, real.features);
    struct node *deceived = op_bce(g, made.verdict, 1);
    struct node *verdicts = op_weighted(g, op_bce(g, real.verdict, 1), 1, op_bce(g, made.verdict, 0), 1);
    struct node *judged = op_weighted(g, deceived, (float)c->adversarial_weight, latent, (float)c->latent_weight);
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "generator",
        .loss = op_weighted(g, error, (float)c->context_weight, judged, 1),
        .group = GROUP_MAIN,
    };
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "discriminator",
        .loss = op_weighted(g, verdicts, 1, latent, (float)c->judged_weight),
        .group = GROUP_ADVERSARY,
        .rule = {.redraw_below = (float)c->redraw},
    };
    h->watches[h->nwatches++] = (struct watch){"error", op_mse(g, h->output, h->target)};
    h->watches[h->nwatches++] = (struct watch){"absolute", error};
    h->watches[h->nwatches++] = (struct watch){"latent", latent};
    h->watches[h->nwatches++] = (struct watch){"deceived", deceived};
}

static void score(struct graph *g, const struct skip_ganomaly_config *c, struct gan_judgement real,
                  struct gan_judgement made, struct heads *h)
{
    float share = (float)c->latent_share;
    residual_end(g, &c->residual, 1 - share, h);
    g->scope = "score";
    struct node *distances = op_square_mean(g, op_sub(g, made.features, real.features));
    h->scores[h->nscores++] = (struct score_part){"latent", op_sample_mean(g, distances), share};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct skip_ganomaly_config *c = config;
    residual_begin(g, &c->residual, input, h);
    h->output = unet_build(g, &c->net, h->target, NULL, NULL, h);
    const struct gan_spec disc = gan_discriminator(c->width, c->net.slope);
    struct gan_judgement real = gan_judge(g, &disc, c->latent, h->target);
    struct gan_judgement made = gan_judge(g, &disc, c->latent, h->output);
    if (g->mode == GRAPH_TRAIN)
        losses(g, c, real, made, h);
    else
        score(g, c, real, made, h);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct skip_ganomaly_config *c = config;
    TRY(gan_check(sample, e));
    return unet_check(&c->net, sample, e);
}

const struct model model_skip_ganomaly = {
    .name = "skip-ganomaly",
    .title = "Skip-GANomaly",
    .paper = "Akcay et al., IJCNN 2019, arXiv 1901.08954",
    .idea =
        "A U-Net rebuilds the picture, and a second net compares what it sees in both. The U-Net sees the picture at "
        "every size, so what is normal comes back sharp.",
    .options = options,
    .config_bytes = sizeof(struct skip_ganomaly_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .some_sizes = true,
    .score_watch = "error",
    .check = check,
    .build = build,
};
