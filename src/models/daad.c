/* DAAD: a U-Net with a memory of blocks on every lateral connection (Hou et al., ICCV 2021). Each map is divided into
 * blocks, each block replaced by a mixture of items learnt from normal data, and the map assembled again. See daad.md.
 */
#include "models/daad.h"

#include <math.h>

#define OPTIONS_OF struct daad_config
// clang-format off
const struct option daad_options[] = {
    ROW_TABLE(unet_options, net),
    ROW_TABLE(residual_options, residual),
    ROW_INTS(rates, "4,4,1", 1, 4096, "parts that every map is divided into along height, width and channels"),
    ROW_INT(items, "500", 1, 100000, "rows of each memory, N"),
    ROW_FLOAT(scale, "10", 0.001, 1000, "factor on the cosine of block and item before the softmax; 1 in the paper"),
    ROW_FLOAT(shrink, "0", 0, 1000, "weights below this multiple of 1/N become zero; 0: none (the paper)"),
    ROW_FLOAT(entropy, "0", 0, 100, "weight of the addressing's entropy in the loss, summed over the memories; 0: none (the paper)"),
    {0}};
// clang-format on

static const char *const memory_names[MEMORIES] = {"skip.0",  "skip.1",  "skip.2",  "skip.3", "skip.4",  "skip.5",
                                                   "skip.6",  "skip.7",  "skip.8",  "skip.9", "skip.10", "skip.11",
                                                   "skip.12", "skip.13", "skip.14", "skip.15"};

_Static_assert((int)OPTION_LIST <= (int)MEMORIES, "every level of a U-Net has a memory");

/* What the memory of a level makes of the blocks, a row each, in their format: mixtures of its items. */
static struct node *look_up(struct graph *g, const struct daad_config *c, int level, struct node *blocks,
                            struct heads *h)
{
    if (!blocks)
        return NULL;
    char name[32];
    snprintf(name, sizeof name, "%s.items", memory_names[level]);
    int64_t size = shape_last(&blocks->shape);
    float bound = 1.0f / sqrtf((float)size);
    struct node *items = graph_param(g, name, SHAPE(c->items, size), GROUP_MAIN,
                                     (struct init){.kind = INIT_UNIFORM, .a = -bound, .b = bound});
    struct node *rows = op_cast(g, items, blocks->dtype);
    struct attend_spec spec = {.similarity = SIM_COSINE,
                               .scale = (float)c->scale,
                               .shrink = (float)(c->shrink / (double)c->items),
                               .fallback = FALLBACK_BEST};
    struct node *attention = op_attend(g, blocks, rows, spec);
    if (attention)
        h->memories[h->nmemories++] = (struct memory){memory_names[level], items->param->name, attention};
    return op_matmul(g, op_cast(g, attention, blocks->dtype), rows, false);
}

/* A lateral connection: only mixtures of items cross it. */
static struct node *remember(struct graph *g, const void *config, int level, struct node *map, struct heads *h)
{
    const struct daad_config *c = config;
    g->scope = memory_names[level];
    struct node *mixed = look_up(g, c, level, op_divide(g, map, c->rates.v), h);
    return mixed ? op_assemble(g, mixed, c->rates.v, map->shape) : NULL;
}

void daad_rebuild(struct graph *g, const struct daad_config *c, struct shape input, struct heads *h)
{
    residual_begin(g, &c->residual, input, h);
    h->output = unet_build(g, &c->net, h->target, remember, c, h);
}

static struct node *entropy_of_all(struct graph *g, const struct heads *h)
{
    struct node *sum = op_entropy(g, h->memories[0].attention);
    for (int k = 1; k < h->nmemories; k++)
        sum = op_weighted(g, sum, 1, op_entropy(g, h->memories[k].attention), 1);
    return sum;
}

struct node *daad_loss(struct graph *g, const struct daad_config *c, struct heads *h)
{
    g->scope = "loss";
    struct node *error = op_mse(g, h->output, h->target), *entropy = entropy_of_all(g, h);
    h->watches[h->nwatches++] = (struct watch){"error", error};
    h->watches[h->nwatches++] = (struct watch){"entropy", entropy};
    return c->entropy > 0 ? op_weighted(g, error, 1, entropy, (float)c->entropy) : error;
}

/* ---- sizes ---- */

/* Whether the maps of all levels can be divided where the picture has `size` lines or columns. */
static bool divides(const struct daad_config *c, int64_t size, int rate)
{
    for (int k = 0; k < c->net.widths.n; k++) {
        size /= 2;
        if (size < 1 || size % rate)
            return false;
    }
    return true;
}

/* The next size from `size` on by steps of `step` that divides; 0: none. */
static int64_t next_size(const struct daad_config *c, int64_t size, int rate, int step)
{
    int64_t most = size + ((int64_t)rate << c->net.widths.n); /* its multiples divide */
    for (; size > 0 && size <= most; size += step)
        if (divides(c, size, rate))
            return size;
    return 0;
}

static int check_side(const struct daad_config *c, const char *side, int64_t size, int rate, struct err *e)
{
    if (divides(c, size, rate))
        return 0;
    long long above = (long long)next_size(c, size, rate, 1), below = (long long)next_size(c, size, rate, -1);
    char sizes[64];
    snprintf(sizes, sizeof sizes, below ? "%lld or %lld" : "%lld", below ? below : above, above);
    return err_set(
        e, ERR_USAGE,
        "pictures of %s %lld do not divide: halved %d times, each map has to be a multiple of the rate %d. The "
        "nearest that would is %s; or give other rates or widths",
        side, (long long)size, c->net.widths.n, rate, sizes);
}

int daad_check(const struct daad_config *c, const struct shape *sample, struct err *e)
{
    TRY(unet_check(&c->net, sample, e));
    if (c->rates.n != 3)
        return err_set(e, ERR_USAGE,
                       "option rates has %d numbers: it wants three, for height, width and channels, such as 8,8,1",
                       c->rates.n);
    TRY(check_side(c, "height", sample->d[0], c->rates.v[0], e));
    TRY(check_side(c, "width", sample->d[1], c->rates.v[1], e));
    for (int k = 0; k < c->net.widths.n; k++)
        if (c->net.widths.v[k] % c->rates.v[2])
            return err_set(e, ERR_USAGE,
                           "option widths has %d channels, which do not divide by the rate %d of channels",
                           c->net.widths.v[k], c->rates.v[2]);
    return 0;
}

/* ---- the model ---- */

static const struct preset presets[] = {
    {"general", "pictures brought to 128x128", DAAD_GENERAL, DAAD_RUN_GENERAL},
    {"mvtec", "256x256 colour pictures, the paper's setting; days on a processor", DAAD_MVTEC,
     DAAD_RUN_MVTEC " lr=0.0001"},
    {"mnist", "28x28 grey digits",
     "widths=16,32,64 rates=1,1,1 items=100 scale=30 shrink=1 output=linear contrast=0.64",
     "size=28 channels=1 epochs=25 batch=64 lr=0.001 keep=last validation=0"},
    {"cifar10", "32x32 colour pictures", DAAD_CIFAR10, DAAD_RUN_CIFAR10},
    {0}};

static int check(const void *config, const struct shape *sample, struct err *e)
{
    return daad_check(config, sample, e);
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct daad_config *c = config;
    daad_rebuild(g, c, input, h);
    if (g->mode == GRAPH_SCORE) {
        residual_end(g, &c->residual, 1, h);
        return;
    }
    struct node *loss = daad_loss(g, c, h);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
}

const struct model model_daad = {
    .name = "daad",
    .title = "Divide and assemble: a U-Net with block-wise memories",
    .paper = "Hou et al., ICCV 2021, arXiv 2107.13118",
    .idea = "Rebuilds a picture from blocks it has memorised, at every scale. Small blocks can draw anything and large "
            "ones "
            "nothing well; those between draw what is normal, and a defect does not come back.",
    .options = daad_options,
    .config_bytes = sizeof(struct daad_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .some_sizes = true,
    .score_watch = "error",
    .check = check,
    .build = build,
};
