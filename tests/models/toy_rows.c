/* The thinnest model of rows of numbers: two linear layers with a narrow code between them. */
#include "models/model.h"
#include "nn/layers.h"
#include "nn/ops.h"

struct toy_config {
    int64_t width;
};

#define OPTIONS_OF struct toy_config
// clang-format off
static const struct option options[] = {
    ROW_INT(width, "3", 1, 64, "values of the code"),
    {0}};
// clang-format on

static const struct preset presets[] = {{"general", "any table", "", "epochs=30 batch=16 lr=0.01"}, {0}};

static int check(const void *config, const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    (void)config;
    return sample->nd == 1 ? 0 : err_set(e, ERR_USAGE, "takes rows, not samples of %s", shape_text(sample, text));
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct toy_config *c = config;
    const struct layer_spec narrow = {.out = (int)c->width, .act = ACT_TANH}, wide = {.out = (int)shape_last(&input)};
    *h = (struct heads){.input = graph_input(g, "input", input)};
    h->target = h->input;
    h->output = layer_linear(g, "out", layer_linear(g, "in", h->input, &narrow), &wide);
    g->scope = "loss";
    if (g->mode == GRAPH_TRAIN) {
        struct node *error = op_mse(g, h->output, h->target);
        h->objectives[h->nobjectives++] = (struct objective){.name = "error", .loss = error, .group = GROUP_MAIN};
        return;
    }
    struct node *residual = op_sub(g, h->output, h->target);
    struct node *error = op_sample_mean(g, op_square_mean(g, residual));
    h->scores[h->nscores++] = (struct score_part){"error", error, 1};
}

const struct model model_toy_rows = {
    .name = "toy-rows",
    .title = "Toy of rows",
    .paper = "none",
    .idea = "Squeezes a row of numbers through a narrow code.",
    .options = options,
    .config_bytes = sizeof(struct toy_config),
    .presets = presets,
    .takes = TAKES_ROWS,
    .score_watch = "error",
    .check = check,
    .build = build,
};
