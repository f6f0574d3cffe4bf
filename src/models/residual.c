#include "models/residual.h"

#include "nn/ops.h"

void residual_score(struct graph *g, float blur, float weight, struct heads *h)
{
    g->scope = "score";
    struct node *residual = op_sub(g, h->output, h->target);
    if (blur > 0)
        residual = op_blur(g, residual, blur);
    h->map = op_square_mean(g, residual);
    h->scores[h->nscores++] = (struct score_part){"error", op_sample_mean(g, h->map), weight};
}
