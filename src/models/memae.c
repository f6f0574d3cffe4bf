/* MemAE: a memory between encoder and decoder (Gong et al., ICCV 2019). The decoder sees only mixtures of items learnt
 * from normal data, so it cannot rebuild what is not normal. See memae.md. */
#include "models/autoencoder.h"

#include <math.h>

enum query { QUERY_WHOLE, QUERY_POSITION };

struct memae_config {
    struct autoencoder_config net;
    int64_t items;
    enum query query;
    enum similarity similarity;
    enum fallback fallback;
    double scale, shrink, entropy;
};

static const char ITEMS[] = "memory.items";

static const struct preset presets[] = {
    {"general", "pictures of any size from 16 to 512", "", RUN_GENERAL},
    {"mnist", "28x28 grey digits, the paper's net", NET_MNIST " query=whole items=100", RUN_MNIST},
    {"fashion", "28x28 grey clothes", NET_FASHION " query=whole items=100", RUN_FASHION},
    {"cifar10", "32x32 colour pictures, the paper's net", NET_CIFAR10 " query=whole items=500", RUN_CIFAR10},
    {"video", "16 frames of 256x256, the official code's 3-D net", NET_VIDEO " items=2000", RUN_VIDEO},
    {"video-small",
     "16 frames of as many pixels as 128x192 have, a layer less and a third of the widths: for a small computer",
     NET_SMALL " items=500", RUN_SMALL},
    {"paper", "addressing as in the paper's text; behind another preset: mnist,paper",
     "similarity=cosine scale=1 shrink=1 fallback=zero", ""},
    {"official", "addressing as in the official code (lambda 0.0025 at N=2000); behind another preset: mnist,official",
     "similarity=dot scale=1 shrink=5 fallback=zero init=normal", ""},
    {"table", "rows of numbers", NET_TABLE, RUN_TABLE},
    {"kdd", "KDDCUP99, the net of the MemAE paper", NET_KDD " items=50", RUN_KDD},
    {0}};

#define OPTIONS_OF struct memae_config
// clang-format off
static const struct option options[] = {
    ROW_TABLE(autoencoder_options, net),
    ROW_INT(items, "200", 1, 100000, "rows of the memory, N"),
    ROW_CHOICE(query, "position", "whole|position", "what is looked up: the whole code of a picture at once, or each position of it"),
    ROW_CHOICE(similarity, "cosine", "cosine|dot", "between a query and an item: cosine (the paper) or inner product (the official code)"),
    ROW_FLOAT(scale, "30", 0.001, 1000, "factor on the similarity before the softmax; 1 in the paper"),
    ROW_FLOAT(shrink, "1", 0, 1000, "weights below this multiple of 1/N become zero; 0: none (MemAE-nonSpar)"),
    ROW_CHOICE(fallback, "best", "best|zero", "of a query whose weights all become zero: the best item alone, or nothing (the official code)"),
    ROW_FLOAT(entropy, "0.0002", 0, 100, "weight of the addressing's entropy in the loss (the paper's alpha)"),
    {0}};
// clang-format on

static struct attend_spec addressing(const struct memae_config *c)
{
    return (struct attend_spec){
        .similarity = c->similarity,
        .scale = (float)c->scale,
        .shrink = (float)(c->shrink / (double)c->items),
        .fallback = c->fallback,
    };
}

/* One row a query: the whole code of a sample, or the channels at one position (in channels-last a free reshape). */
static struct shape query_shape(const struct memae_config *c, const struct shape *code)
{
    int64_t rows = c->query == QUERY_WHOLE ? code->d[0] : shape_rows(code);
    return SHAPE(rows, shape_count(code) / rows);
}

static struct node *remember(struct graph *g, const struct memae_config *c, struct node *code, struct heads *h)
{
    if (!code)
        return NULL;
    g->scope = "memory";
    struct shape rows = query_shape(c, &code->shape);
    float bound = 1.0f / sqrtf((float)rows.d[1]); /* of the official code */
    struct node *items = graph_param(g, ITEMS, SHAPE(c->items, rows.d[1]), GROUP_MAIN,
                                     (struct init){.kind = INIT_UNIFORM, .a = -bound, .b = bound});
    struct node *queries = op_reshape(g, code, rows), *same = op_cast(g, items, code->dtype);
    struct node *attention = op_attend(g, queries, same, addressing(c));
    h->memories[h->nmemories++] = (struct memory){"memory", ITEMS, attention};
    return op_reshape(g, op_matmul(g, op_cast(g, attention, code->dtype), same, false), code->shape);
}

/* L = mean squared error + alpha * entropy of the addressing (eq. 10; the mean, as in the official code). */
static void losses(struct graph *g, const struct memae_config *c, struct heads *h)
{
    g->scope = "loss";
    struct node *error = op_mse(g, h->output, h->target), *entropy = op_entropy(g, h->memories[0].attention);
    struct node *loss = op_weighted(g, error, 1, entropy, (float)c->entropy);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
    h->watches[h->nwatches++] = (struct watch){"error", error};
    h->watches[h->nwatches++] = (struct watch){"entropy", entropy};
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct memae_config *c = config;
    residual_begin(g, &c->net.residual, input, h);
    struct node *code = remember(g, c, autoencoder_encode(g, &c->net, h->target), h);
    h->output = autoencoder_decode(g, &c->net, code, input);
    if (g->mode == GRAPH_SCORE)
        residual_end(g, &c->net.residual, 1, h);
    else
        losses(g, c, h);
}

static void decode(struct graph *g, const void *config, struct shape input, int k, struct heads *h)
{
    const struct memae_config *c = config;
    (void)k; /* there is one */
    *h = (struct heads){.code = graph_input(g, "code", autoencoder_code(&c->net, &input))};
    h->output = autoencoder_decode(g, &c->net, h->code, input);
}

const struct model model_memae = {
    .name = "memae",
    .title = "Memory-augmented autoencoder",
    .paper = "Gong et al., ICCV 2019, arXiv 1904.02639",
    .idea =
        "Rebuilds a picture from a few of the normal patterns it has memorised. A defect is in no pattern, so it does "
        "not come back, and the difference shows where it is.",
    .options = options,
    .config_bytes = sizeof(struct memae_config),
    .presets = presets,
    .row_preset = "table",
    .clip_preset = "video-small",
    .takes = TAKES_PICTURES | TAKES_CLIPS | TAKES_ROWS,
    .has_map = true,
    .score_watch = "error",
    .check = autoencoder_check,
    .build = build,
    .decode = decode,
};
