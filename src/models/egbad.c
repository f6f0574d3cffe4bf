/* EGBAD: a GAN of normal pictures with an encoder that learns beside it, a BiGAN, so that nothing need be searched for
 * (Zenati et al., ICLR workshop 2018). See egbad.md. */
#include "models/gan.h"
#include "models/residual.h"

enum made_activation { MADE_RELU, MADE_LEAKY };
enum judged { JUDGED_FEATURES, JUDGED_VERDICT };

struct egbad_config {
    int64_t width, latent, code_width, joint_width;
    struct ints layers, generator, discriminator;
    enum made_activation activation;
    double slope, dropout, pace, share, blur;
    enum judged judged;
};

#define RUN "batch=64 lr=0.0002 beta1=0.5 keep=last validation=0"

#define RUN_ROWS "epochs=100 batch=64 lr=0.0001 beta1=0.5 keep=last validation=0"
#define RUN_KDD  "epochs=20 batch=50 lr=0.00001 beta1=0.5 keep=last validation=0 categories=plain"

static const struct preset presets[] = {
    {"general", "pictures brought to 64x64", "", RUN " epochs=50 size=64 score=map"},
    {"cifar10", "32x32 colour pictures", "", RUN " epochs=25 size=32 channels=3"},
    {"mnist", "digits brought to 32x32, grey", "", RUN " epochs=25 size=32 channels=1"},
    {"table", "rows of numbers", "code_width=128 joint_width=128 pace=1", RUN_ROWS " score=map map_top=1 aligned=yes"},
    {"kdd", "KDDCUP99, the paper's net",
     "layers=64,32 generator=64,128 discriminator=128 code_width=128 joint_width=128 pace=1", RUN_KDD},
    {0}};

#define OPTIONS_OF struct egbad_config
// clang-format off
static const struct option options[] = {
    ROW_INT(width, "64", 1, 1024, "channels after the first halving of the picture; twice as many after each further one"),
    ROW_INT(latent, "200", 1, 100000, "values of a picture's code; of a row they are the last of layers"),
    ROW_LAYERS,
    ROW_INTS(generator, "", 1, 65536, "of rows: values behind each of the generator's hidden layers; empty: layers backwards"),
    ROW_INTS(discriminator, "", 1, 65536, "of rows: values behind each layer through which the discriminator sees a row; empty: layers but for the code"),
    ROW_INT(code_width, "512", 1, 100000, "values that the discriminator makes of a code"),
    ROW_INT(joint_width, "1024", 1, 100000, "values that it makes of picture and code together: its features"),
    ROW_CHOICE(activation, "relu", "relu|leaky", "of the generator; encoder and discriminator are leaky"),
    ROW_FLOAT(slope, "0.1", 0.001, 0.9, "of leaky, below zero"),
    ROW_FLOAT(dropout, "0.5", 0, 0.9, "share of the discriminator's values that is left out at random while training"),
    ROW_FLOAT(pace, "0.1", 0.0001, 1, "of the discriminator's learning rate: what the others' is multiplied by"),
    ROW_CHOICE(judged, "features", "features|verdict", "what the discriminator adds to the score: how far its features of picture and rebuilt picture are apart, or how sure its verdict is that picture and code do not belong together"),
    ROW_FLOAT(share, "0.1", 0, 1, "of that in the score; the rest is the residual's"),
    ROW_FLOAT(blur, "1", 0, 16, "of the heat map: deviation in pixels of the Gaussian that smooths the residual; 0: none"),
    {0}};
// clang-format on

/* `layers`: of rows, where there are any. */
static struct gan_spec part(const struct egbad_config *c, const char *prefix, enum param_group group,
                            const struct ints *layers, const struct shape *sample)
{
    struct ints hidden = *layers;
    if (!hidden.n)
        gan_code(&c->layers, c->latent, sample, &hidden, NULL);
    return (struct gan_spec){
        .layers = hidden,
        .prefix = prefix,
        .width = (int)c->width,
        .act = ACT_LRELU,
        .slope = (float)c->slope,
        .group = group,
    };
}

static struct shape code_shape(const struct egbad_config *c, const struct shape *sample)
{
    struct shape code;
    gan_code(&c->layers, c->latent, sample, NULL, &code);
    return SHAPE(sample->d[0], shape_last(&code));
}

/* Sample to code, N,Z. */
static struct node *encode(struct graph *g, const struct egbad_config *c, struct node *sample)
{
    const struct ints by_layers = {0};
    struct shape code = code_shape(c, &sample->shape);
    struct gan_spec s = part(c, "enc", GROUP_MAIN, &by_layers, &sample->shape);
    return op_reshape(g, gan_vector(g, &s, "code", gan_map(g, &s, sample), (int)shape_last(&code)), code);
}

static struct node *make(struct graph *g, const struct egbad_config *c, struct node *code, struct shape sample)
{
    const struct ints layers = mlp_backwards(&c->generator, 0);
    struct shape vector;
    struct gan_spec s = part(c, "gen", GROUP_MAIN, &layers, &sample);
    gan_code(&c->layers, c->latent, &sample, NULL, &vector);
    s.act = c->activation == MADE_RELU ? ACT_RELU : ACT_LRELU;
    return gan_picture(g, &s, op_reshape(g, code, vector), sample);
}

static struct node *dense(struct graph *g, const struct egbad_config *c, const char *name, struct node *x, int64_t out)
{
    const struct layer_spec l = {
        .out = (int)out,
        .act = ACT_LRELU,
        .slope = (float)c->slope,
        .init = WEIGHTS_NORMAL,
        .group = GROUP_ADVERSARY,
    };
    return op_dropout(g, layer_linear(g, name, x, &l), (float)c->dropout);
}

/* What the discriminator makes of a sample and a code that may belong together: its features, N,joint_width. */
static struct node *features(struct graph *g, const struct egbad_config *c, struct node *sample, struct node *code)
{
    if (!sample)
        return NULL;
    struct gan_spec s = part(c, "disc", GROUP_ADVERSARY, &c->discriminator, &sample->shape);
    struct node *map = op_dropout(g, op_cast(g, gan_map(g, &s, sample), F32), (float)c->dropout);
    if (!map)
        return NULL;
    struct node *flat = op_reshape(g, map, SHAPE(map->shape.d[0], shape_count(&map->shape) / map->shape.d[0]));
    struct node *both = op_concat(g, flat, dense(g, c, "disc.code", code, c->code_width));
    return dense(g, c, "disc.joint", both, c->joint_width);
}

/* A logit: above 0 they are a picture and its code, below 0 a code and what was made of it. */
static struct node *verdict(struct graph *g, struct node *seen)
{
    const struct layer_spec l = {.out = 1, .init = WEIGHTS_NORMAL, .group = GROUP_ADVERSARY};
    return layer_linear(g, "disc.verdict", seen, &l);
}

/* D tells (x, E(x)) from (G(z), z); E and G want each pair taken for the other. One forward pass serves both. */
static void build_training(struct graph *g, const struct egbad_config *c, struct shape input, struct heads *h)
{
    g->scope = "latent";
    struct node *z = op_noise(g, code_shape(c, &input), NOISE_NORMAL);
    struct node *of_real = verdict(g, features(g, c, h->input, encode(g, c, h->input)));
    struct node *of_made = verdict(g, features(g, c, make(g, c, z, input), z));
    g->scope = "loss";
    struct node *real = op_bce(g, of_real, 1), *made = op_bce(g, of_made, 0);
    h->objectives[h->nobjectives++] = (struct objective){
        .name = "generator",
        .loss = op_weighted(g, op_bce(g, of_real, 0), 1, op_bce(g, of_made, 1), 1),
        .group = GROUP_MAIN,
    };
    h->objectives[h->nobjectives++] = (struct objective){.name = "discriminator",
                                                         .loss = op_weighted(g, real, 1, made, 1),
                                                         .group = GROUP_ADVERSARY,
                                                         .rule = {.lr_factor = (float)c->pace}};
    h->watches[h->nwatches++] = (struct watch){"real", real};
    h->watches[h->nwatches++] = (struct watch){"made", made};
}

/* The paper's score has a sum over the sample's values, and one over features or a single cross entropy. Divided by
 * the number of values the first is a mean, and `values` of the second have this weight. */
static float share_of(const struct egbad_config *c, int64_t values, struct shape input)
{
    return (float)(c->share * (double)(values * input.d[0]) / (double)shape_count(&input));
}

static struct score_part judge(struct graph *g, const struct egbad_config *c, struct node *code, struct heads *h)
{
    struct node *seen = features(g, c, h->input, code);
    if (c->judged == JUDGED_VERDICT)
        return (struct score_part){"verdict", op_sample_mean(g, op_cross_entropy(g, verdict(g, seen), 1)),
                                   share_of(c, 1, h->input->shape)};
    struct node *apart = op_sub(g, seen, features(g, c, h->output, code));
    return (struct score_part){"feature", op_sample_mean(g, op_absolute_mean(g, apart)),
                               share_of(c, c->joint_width, h->input->shape)};
}

static void build_scoring(struct graph *g, const struct egbad_config *c, struct shape input, struct heads *h)
{
    struct node *code = encode(g, c, h->input);
    h->target = h->input;
    h->output = make(g, c, code, input);
    residual_map(g, (float)c->blur, h);
    struct node *error = op_sample_mean(g, op_absolute_mean(g, op_sub(g, h->output, h->target)));
    if (c->share < 1)
        h->scores[h->nscores++] = (struct score_part){"error", error, 1 - (float)c->share};
    if (c->share > 0)
        h->scores[h->nscores++] = judge(g, c, code, h);
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    *h = (struct heads){.input = graph_input(g, "input", input)};
    if (!h->input)
        return;
    if (g->mode == GRAPH_TRAIN)
        build_training(g, config, input, h);
    else
        build_scoring(g, config, input, h);
}

static int check(const void *config, const struct shape *sample, struct err *e)
{
    return gan_check_rows(&((const struct egbad_config *)config)->layers, sample, e);
}

const struct model model_egbad = {
    .name = "egbad",
    .title = "EGBAD",
    .paper = "Zenati et al., ICLR 2018 workshop, arXiv 1802.06222",
    .idea = "Learns to make normal pictures from codes and, beside it, to find a picture's code. What it makes of the "
            "code it finds is normal; what is left is the anomaly.",
    .options = options,
    .config_bytes = sizeof(struct egbad_config),
    .presets = presets,
    .row_preset = "table",
    .takes = TAKES_PICTURES | TAKES_ROWS,
    .has_map = true,
    .some_sizes = true,
    .check = check,
    .build = build,
};
