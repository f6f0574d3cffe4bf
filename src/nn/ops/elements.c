#include "nn/ops/elements.h"

#include "nn/ops/kernel.h"
#include "nn/parallel.h"

struct elements {
    const void *from;
    void *to;
    enum dtype type; /* of `to` */
};

HOT static void widen(const bf16 *restrict from, float *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = bf16_to_f32(from[i]);
}

static void cast_range(void *context, size_t begin, size_t end)
{
    const struct elements *k = context;
    if (k->type == BF16)
        bf16_narrow((const float *)k->from + begin, (bf16 *)k->to + begin, end - begin);
    else
        widen((const bf16 *)k->from + begin, (float *)k->to + begin, end - begin);
}

void elements_cast(int threads, const void *from, void *to, enum dtype to_type, size_t n)
{
    struct elements k = {from, to, to_type};
    parallel_ranges(threads, n, KERNEL_GRAIN, cast_range, &k);
}

HOT static void add_f32(float *restrict sum, const float *restrict part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += part[i];
}

HOT static void add_bf16(bf16 *restrict sum, const bf16 *restrict part, size_t n)
{
    float line[KERNEL_LINE];
    for (size_t at = 0, length; at < n; at += length) {
        length = kernel_line_length(at, n, 0, n);
        for (size_t i = 0; i < length; i++)
            line[i] = bf16_to_f32(sum[at + i]) + bf16_to_f32(part[at + i]);
        kernel_flush(sum, at, line, length, BF16);
    }
}

static void add_range(void *context, size_t begin, size_t end)
{
    const struct elements *k = context;
    if (k->type == F32)
        add_f32((float *)k->to + begin, (const float *)k->from + begin, end - begin);
    else
        add_bf16((bf16 *)k->to + begin, (const bf16 *)k->from + begin, end - begin);
}

void elements_add(int threads, enum dtype type, void *sum, const void *part, size_t n)
{
    struct elements k = {part, sum, type};
    parallel_ranges(threads, n, KERNEL_GRAIN, add_range, &k);
}
