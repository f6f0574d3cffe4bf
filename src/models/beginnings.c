/* What to begin with for each kind of samples: measured in docs/parts.md, docs/tables.md and docs/papers.md. */
#include "models/model.h"

extern const struct model model_features, model_memae;

const struct beginning beginnings[] = {
    {TAKES_PICTURES, &model_features, NULL},
    {TAKES_CLIPS, &model_memae, NULL},
    {TAKES_ROWS, &model_memae, NULL},
    {0},
};

const struct beginning *beginning_for(unsigned takes)
{
    const struct beginning *b = beginnings;
    while (b->takes && b->takes != takes)
        b++;
    return b;
}
