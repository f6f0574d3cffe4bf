/* What the inner loops of ops share: reading and writing elements of either format, activations, and exp, log and tanh
 * that the compiler can vectorise (the C library's cannot be without -ffast-math).
 *
 * Everything here is to be inlined into a HOT function; a `type` that is a constant there costs nothing. NaN in gives
 * NaN out, always. Errors of exp, log, tanh: at most 2 units in the last place (tests/ops/test_kernel.c). */
#ifndef NN_OPS_KERNEL_H
#define NN_OPS_KERNEL_H

#include "nn/bf16.h"
#include "nn/ops.h"
#include "nn/shape.h"

#include <math.h>

#define KERNEL static inline __attribute__((always_inline))

/* Elements below which a thread of its own does not pay for being woken. */
enum { KERNEL_GRAIN = 1 << 14 };

KERNEL float kernel_load(const void *p, size_t i, enum dtype type)
{
    return type == F32 ? ((const float *)p)[i] : bf16_to_f32(((const bf16 *)p)[i]);
}

KERNEL void kernel_store(void *p, size_t i, float v, enum dtype type)
{
    if (type == F32)
        ((float *)p)[i] = v;
    else
        ((bf16 *)p)[i] = bf16_from_f32(v);
}

/* Results that a loop writes: at most KERNEL_LINE of them, from element `at` of `out` on, where that is F32, or into
 * `line`, from where kernel_flush brings them: narrowed all at once, they cost less than one by one. */
enum { KERNEL_LINE = 256 };

KERNEL float *kernel_line(void *out, size_t at, float line[KERNEL_LINE], enum dtype type)
{
    return type == F32 ? (float *)out + at : line;
}

KERNEL void kernel_flush(void *out, size_t at, const float line[KERNEL_LINE], size_t n, enum dtype type)
{
    if (type == BF16)
        bf16_narrow(line, (bf16 *)out + at, n);
}

/* How many of the elements at .. end-1, in rows of `width` that begin at a row's element c, one line takes. */
KERNEL size_t kernel_line_length(size_t at, size_t end, size_t c, size_t width)
{
    size_t n = width - c < KERNEL_LINE ? width - c : KERNEL_LINE;
    return end - at < n ? end - at : n;
}

/* p + i elements; NULL stays NULL. */
KERNEL void *kernel_at(const void *p, size_t i, enum dtype type)
{
    return p ? (char *)(uintptr_t)p + i * dtype_bytes(type) : NULL;
}

KERNEL uint32_t kernel_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

KERNEL float kernel_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* e^x = 2^n e^r with |r| <= log(2)/2. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
KERNEL float kernel_exp(float x)
{
    float in = x > 89.0f ? 89.0f : x;
    in = in < -104.0f ? -104.0f : in;
    float shifted = in * 1.44269504f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = in - n * 0.693359375f;
    r = r + n * 2.12194440e-4f; /* log(2) in two parts, so that n log(2) is exact enough */
    float p = 1.381446674e-03f;
    p = p * r + 8.368780429e-03f;
    p = p * r + 4.166839422e-02f;
    p = p * r + 1.666652011e-01f;
    p = p * r + 4.999999341e-01f;
    p = (p * r) * r + r;
    p = p + 1.0f;
    int32_t i = (int32_t)(kernel_bits(shifted) - 0x4b400000u);
    int32_t half = i >> 1; /* 2^n in two factors: n = 128 and n < -126 are no normal numbers */
    return p * kernel_float((uint32_t)(half + 127) << 23) * kernel_float((uint32_t)(i - half + 127) << 23);
}

/* log x for normal x > 0: x = 2^n (1 + f) with 1 + f between sqrt(1/2) and sqrt(2). NaN for x < 0. */
KERNEL float kernel_log(float x)
{
    uint32_t u = kernel_bits(x) - 0x3f3504f3u; /* bits of sqrt(1/2) */
    float n = (float)((int32_t)u >> 23);
    float f = kernel_float((u & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float p = -7.634493023e-02f;
    p = p * f + 1.276157564e-01f;
    p = p * f + -1.316018306e-01f;
    p = p * f + 1.420175823e-01f;
    p = p * f + -1.662335730e-01f;
    p = p * f + 2.000122687e-01f;
    p = p * f + -2.500082104e-01f;
    p = p * f + 3.333333171e-01f;
    float square = f * f;
    float log1p = f + (square * f * p + n * -2.12194440e-4f - 0.5f * square);
    float y = n * 0.693359375f + log1p;
    return x > 0.0f ? y : NAN;
}

KERNEL float kernel_tanh(float x)
{
    float z = x * x;
    float p = 1.879042370e-03f;
    p = p * z + -7.861868656e-03f;
    p = p * z + 2.156095286e-02f;
    p = p * z + -5.391884198e-02f;
    p = p * z + 1.333296479e-01f;
    p = p * z + -3.333332413e-01f;
    float small = x + x * z * p;
    float large = copysignf(1.0f - 2.0f / (kernel_exp(2.0f * fabsf(x)) + 1.0f), x);
    return z < 0.5f ? small : large;
}

KERNEL float kernel_sigmoid(float x)
{
    return 1.0f / (1.0f + kernel_exp(-x));
}

/* The three activations without a transcendental are one: x below zero is multiplied by a slope. */
KERNEL float kernel_slope(enum act act, float slope)
{
    return act == ACT_LRELU ? slope : act == ACT_RELU ? 0.0f : 1.0f;
}

KERNEL float kernel_leak(float x, float slope)
{
    return x > 0.0f ? x : x * slope;
}

/* `slope` is kernel_slope's. */
KERNEL float kernel_act(float x, enum act act, float slope)
{
    return act == ACT_TANH ? kernel_tanh(x) : act == ACT_SIGMOID ? kernel_sigmoid(x) : kernel_leak(x, slope);
}

/* Derivative of the activation, from its output (leaky slopes are not negative, so the output has the sign). */
KERNEL float kernel_act_slope(float y, enum act act, float slope)
{
    return act == ACT_TANH ? 1.0f - y * y : act == ACT_SIGMOID ? y * (1.0f - y) : y > 0.0f ? 1.0f : slope;
}

#endif
