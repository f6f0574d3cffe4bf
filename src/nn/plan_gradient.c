/* What a plan does with gradients between the calls of the ops. */
#include "nn/bf16.h"
#include "nn/parallel.h"
#include "nn/plan_parts.h"

#include <string.h>

static size_t node_count(const struct exec *x)
{
    return (size_t)shape_count(&x->node->shape);
}

HOT static void add_f32(float *restrict sum, const float *restrict part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += part[i];
}

HOT static void add_bf16(bf16 *restrict sum, const bf16 *restrict part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = bf16_from_f32(bf16_to_f32(sum[i]) + bf16_to_f32(part[i]));
}

static void add_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    if (x->node->dtype == F32)
        add_f32((float *)x->gin[0] + begin, (const float *)x->gout + begin, end - begin);
    else
        add_bf16((bf16 *)x->gin[0] + begin, (const bf16 *)x->gout + begin, end - begin);
}

void gradient_add(struct exec *x)
{
    parallel_ranges(x->threads, node_count(x), 1 << 14, add_range, x);
}

void gradient_copy(struct exec *x)
{
    memcpy(x->gin[0], x->gout, node_count(x) * dtype_bytes(x->node->dtype));
}

void gradient_zero(struct exec *x)
{
    memset(x->gin[0], 0, node_count(x) * dtype_bytes(x->node->dtype));
}
