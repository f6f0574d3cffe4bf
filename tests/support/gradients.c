#include "gradients.h"

#include <stdlib.h>
#include <string.h>

float *gradients_of(const struct params *ps, enum param_group group)
{
    float *block = calloc(ps->size[group] + 1, sizeof *block);
    for (const struct param *p = ps->first; p; p = p->next)
        if (p->group == group && p->grad)
            memcpy(block + p->offset, p->grad, p->count * sizeof *block);
    return block;
}
