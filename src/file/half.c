#include "file/half.h"

#include <math.h>
#include <string.h>

enum { FRACTION = 10, BIAS = 15, EXPONENTS = 31 };

enum { SPARE = 13, FURTHER = 112 }; /* what a float has more: bits of its fraction, and bias */

float half_value(uint16_t h)
{
    int exponent = h >> FRACTION & EXPONENTS, fraction = h & ((1 << FRACTION) - 1);
    uint32_t bits = ((uint32_t)(h & 0x7fff) << SPARE) + ((uint32_t)FURTHER << (FRACTION + SPARE));
    float v;
    memcpy(&v, &bits, sizeof v);
    if (exponent == EXPONENTS)
        v = fraction ? NAN : INFINITY;
    if (!exponent)
        v = (float)fraction * 0x1p-24f;
    return h >> 15 ? -v : v;
}

/* Scaled so that the fraction is a whole number, rounded to the nearest even one. What rounds up to the next power of
 * two carries into the exponent by itself. */
static uint16_t half_of(float x)
{
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    int exponent;
    float size = fabsf(x);
    if (isnan(x))
        return sign | 0x7e00;
    if (size >= 65520.0f) /* half way to the first number beyond */
        return sign | 0x7c00;
    if (size == 0)
        return sign;
    frexpf(size, &exponent);
    int scale = exponent - 1 < 1 - BIAS ? 1 - BIAS : exponent - 1; /* subnormal ones have the smallest one's */
    int bits = (int)rintf(ldexpf(size, FRACTION - scale));
    return (uint16_t)(sign | (bits + ((scale + BIAS - 1) << FRACTION)));
}

void half_from(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = half_of(x[i]);
}

static bool holds(float x)
{
    float size = fabsf(x), units = size * 0x1p24f; /* of the smallest one */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bool fits = size < 0x1p-14f ? units == rintf(units) : size <= 65504.0f && bits % (1 << SPARE) == 0;
    return fits || !isfinite(x);
}

bool half_holds(const float *x, size_t n)
{
    bool all = true;
    for (size_t i = 0; i < n && all; i++)
        all = holds(x[i]);
    return all;
}
