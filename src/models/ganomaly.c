/* GANomaly: encoder, decoder, encoder, and a discriminator (Akcay et al., ACCV 2018). What the second encoder makes of
 * the rebuilt picture is compared with what the first made of the picture. See ganomaly.md. */
#include "models/gan.h"
#include "models/residual.h"

enum adversarial { ADVERSARIAL_FEATURES, ADVERSARIAL_VERDICT };
enum latent_distance { LATENT_L2, LATENT_L1 };
enum decoder_activation { DECODER_RELU, DECODER_LEAKY };

struct ganomaly_config {
    int64_t width, latent, extra;
    enum decoder_activation activation;
    double slope;
    enum adversarial adversarial;
    double adversarial_weight, context_weight, latent_weight, verdict_weight, redraw;
    enum latent_distance distance;
    double blur;
    struct ints layers;
};

#define RUN "epochs=15 batch=64 lr=0.0002 beta1=0.5 keep=last validation=0"

#define RUN_ROWS "epochs=100 batch=64 lr=0.0002 beta1=0.5 keep=last validation=0 score=map map_top=1 aligned=yes"

static const struct preset presets[] = {
    {"general", "pictures brought to 64x64", "", RUN " size=64 score=map"},
    {"cifar10", "32x32 colour pictures, the paper's net", "", RUN " size=32 channels=3"},
    {"mnist", "digits brought to 32x32, grey", "", RUN " size=32 channels=1"},
    {"table", "rows of numbers", "", RUN_ROWS},
    {"paper", "losses of the code at the paper's time; behind another preset: cifar10,paper",
     "adversarial=verdict verdict_weight=1", ""},
    {"head", "losses of the code as it is now, the default; behind another preset: cifar10,head",
     "adversarial=features verdict_weight=0.5", ""},
    {0}};

#define OPTIONS_OF struct ganomaly_config
// clang-format off
static const struct option options[] = {
    ROW_INT(width, "64", 1, 1024, "channels after the first halving of the picture; twice as many after each further one"),
    ROW_INT(latent, "100", 1, 100000, "values of a picture's code; of a row they are the last of layers"),
    ROW_LAYERS,
    ROW_INT(extra, "0", 0, 16, "3x3 convolutions after the first halving, and as many before the last doubling"),
    ROW_CHOICE(activation, "relu", "relu|leaky", "of the decoder; encoders and discriminator are leaky"),
    ROW_FLOAT(slope, "0.2", 0.001, 0.9, "of leaky, below zero"),
    ROW_CHOICE(adversarial, "features", "features|verdict", "what rebuilt pictures are to have of real ones: the discriminator's features, or its verdict"),
    ROW_FLOAT(adversarial_weight, "1", 0, 1000, "of that in the generator's loss"),
    ROW_FLOAT(context_weight, "50", 0, 1000, "of the mean absolute error of the picture"),
    ROW_FLOAT(latent_weight, "1", 0, 1000, "of the mean squared distance of the codes"),
    ROW_FLOAT(verdict_weight, "0.5", 0.001, 1000, "of each of the discriminator's two cross entropies, on real and on rebuilt pictures"),
    ROW_FLOAT(redraw, "0.00001", 0, 1, "the discriminator begins anew where its loss falls below this; 0: never"),
    ROW_CHOICE(distance, "l2", "l2|l1", "of the codes, which is the score: mean of squares (the code) or of absolute values (the paper)"),
    ROW_FLOAT(blur, "1", 0, 16, "of the heat map: deviation in pixels of the Gaussian that smooths the residual; 0: none"),
    {0}};
// clang-format on

static struct gan_spec part(const struct ganomaly_config *c, const char *prefix, enum param_group group,
                            const struct shape *sample)
{
    struct ints hidden;
    gan_code(&c->layers, c->latent, sample, &hidden, NULL);
    return (struct gan_spec){
        .layers = hidden,
        .prefix = prefix,
        .width = (int)c->width,
        .extra = (int)c->extra,
        .act = ACT_LRELU,
        .slope = (float)c->slope,
        .group = group,
    };
}

static struct node *encode(struct graph *g, const struct ganomaly_config *c, const char *prefix, struct node *sample)
{
    if (!sample)
        return NULL;
    struct shape code;
    struct gan_spec s = part(c, prefix, GROUP_MAIN, &sample->shape);
    gan_code(&c->layers, c->latent, &sample->shape, NULL, &code);
    return gan_vector(g, &s, "code", gan_map(g, &s, sample), (int)shape_last(&code));
}

static struct node *decode(struct graph *g, const struct ganomaly_config *c, struct node *code, struct shape sample)
{
    struct gan_spec s = part(c, "dec", GROUP_MAIN, &sample);
    s.act = c->activation == DECODER_RELU ? ACT_RELU : ACT_LRELU;
    return gan_picture(g, &s, code, sample);
}

/* G: adversarial + 50 |output - input| + (code - code again)^2. D: half of each cross entropy. One forward pass serves
 * both, so the pictures that D judges are those from before G's step. */
static void losses(struct graph *g, const struct ganomaly_config *c, struct node *code, struct node *again,
                   struct heads *h)
{
    if (!h->input)
        return;
    const struct gan_spec disc = part(c, "disc", GROUP_ADVERSARY, &h->input->shape);
    struct gan_judgement real = gan_judge(g, &disc, 0, h->target), made = gan_judge(g, &disc, 0, h->output);
    g->scope = "loss";
    struct node *error = op_l1(g, h->output, h->target), *latent = op_mse(g, again, code);
    struct node *adversarial =
        c->adversarial == ADVERSARIAL_FEATURES ? op_mse(g, made.features, real.features) : op_bce(g, made.verdict, 1);
    struct node *rebuilt = op_weighted(g, error, (float)c->context_weight, latent, (float)c->latent_weight);
    struct node *verdicts = op_weighted(g, op_bce(g, real.verdict, 1), (float)c->verdict_weight,
                                        op_bce(g, made.verdict, 0), (float)c->verdict_weight);
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "generator",
        .loss = op_weighted(g, rebuilt, 1, adversarial, (float)c->adversarial_weight),
        .group = GROUP_MAIN,
    };
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "discriminator",
        .loss = verdicts,
        .group = GROUP_ADVERSARY,
        .rule = {.redraw_below = (float)c->redraw},
    };
    h->watches[h->nwatches++] = (struct watch){"error", error};
    h->watches[h->nwatches++] = (struct watch){"latent", latent};
    h->watches[h->nwatches++] = (struct watch){"adversarial", adversarial};
}

static void score(struct graph *g, const struct ganomaly_config *c, struct node *code, struct node *again,
                  struct heads *h)
{
    g->scope = "score";
    struct node *apart = op_sub(g, again, code);
    struct node *values = c->distance == LATENT_L2 ? op_square_mean(g, apart) : op_absolute_mean(g, apart);
    h->scores[h->nscores++] = (struct score_part){"latent", op_sample_mean(g, values), 1};
    residual_map(g, (float)c->blur, h);
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct ganomaly_config *c = config;
    *h = (struct heads){.input = graph_input(g, "input", input)};
    h->target = h->input;
    struct node *code = encode(g, c, "enc", h->input);
    h->output = decode(g, c, code, input);
    struct node *again = encode(g, c, "again", h->output);
    if (g->mode == GRAPH_TRAIN)
        losses(g, c, code, again, h);
    else
        score(g, c, code, again, h);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    return gan_check_rows(&((const struct ganomaly_config *)config)->layers, sample, e);
}

const struct model model_ganomaly = {
    .name = "ganomaly",
    .title = "GANomaly",
    .paper = "Akcay et al., ACCV 2018, arXiv 1805.06725",
    .idea =
        "Rebuilds a picture from a short code and encodes the result again. Of normal pictures the two codes agree; "
        "of others they do not. A second net, to be deceived, keeps what is rebuilt looking real.",
    .options = options,
    .config_bytes = sizeof(struct ganomaly_config),
    .presets = presets,
    .row_preset = "table",
    .takes = TAKES_PICTURES | TAKES_ROWS,
    .has_map = true,
    .some_sizes = true,
    .score_watch = "latent",
    .check = check,
    .build = build,
};
