#include "models/residual.h"

#include "nn/ops.h"

/* The value of black in the range -1..1, the run's default. */
static const float BLACK = -1;

#define OPTIONS_OF struct residual_config
// clang-format off
const struct option residual_options[] = {
    ROW_FLOAT(contrast, "0", 0, 10, "of ink on black: brings every picture to this root mean square above black; 0: as it is"),
    ROW_FLOAT(blur, "1", 0, 16, "of the score: deviation in pixels of the Gaussian that smooths the residual; 0: none"),
    ROW_CHOICE(error, "squared", "squared|absolute", "of map and score: what the residual counts as at a place; absolute is that of MemAE's official code; of rows always squared"),
    {0}};
// clang-format on

void residual_begin(struct graph *g, const struct residual_config *c, struct shape input, struct heads *h)
{
    *h = (struct heads){.input = graph_input(g, "input", input)};
    g->scope = "contrast";
    h->target = c->contrast > 0 ? op_contrast(g, h->input, BLACK, (float)c->contrast) : h->input;
}

static void map_of(struct graph *g, float blur, bool absolute, struct heads *h)
{
    g->scope = "score";
    struct node *residual = op_sub(g, h->output, h->target);
    if (h->target && h->target->shape.nd == 2) {
        h->map = op_mul(g, residual, residual);
        return;
    }
    if (blur > 0)
        residual = op_blur(g, residual, blur);
    h->map = absolute ? op_absolute_mean(g, residual) : op_square_mean(g, residual);
}

void residual_end(struct graph *g, const struct residual_config *c, float weight, struct heads *h)
{
    map_of(g, (float)c->blur, c->error == ERROR_ABSOLUTE, h);
    h->map_mean = op_sample_mean(g, h->map);
    h->scores[h->nscores++] = (struct score_part){"error", h->map_mean, weight};
    if (c->contrast > 0)
        h->output = op_uncontrast(g, h->output, h->input, BLACK, (float)c->contrast);
    h->target = h->input;
}

void residual_map(struct graph *g, float blur, struct heads *h)
{
    map_of(g, blur, false, h);
}
