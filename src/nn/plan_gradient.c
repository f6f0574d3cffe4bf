/* What a plan does with gradients between the calls of the ops. */
#include "nn/ops/elements.h"
#include "nn/plan_parts.h"

#include <string.h>

static size_t node_count(const struct exec *x)
{
    return (size_t)shape_count(&x->node->shape);
}

void gradient_add(struct exec *x)
{
    elements_add(x->threads, x->node->dtype, x->gin[0], x->gout, node_count(x));
}

void gradient_copy(struct exec *x)
{
    memcpy(x->gin[0], x->gout, node_count(x) * dtype_bytes(x->node->dtype));
}

void gradient_zero(struct exec *x)
{
    memset(x->gin[0], 0, node_count(x) * dtype_bytes(x->node->dtype));
}
