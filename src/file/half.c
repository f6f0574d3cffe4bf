#include "file/half.h"

#include <math.h>
#include <string.h>

enum { FRACTION = 10, BIAS = 15, EXPONENTS = 31 };

float half_value(uint16_t h)
{
    int exponent = h >> FRACTION & EXPONENTS, fraction = h & ((1 << FRACTION) - 1);
    float v;
    if (exponent == EXPONENTS)
        v = fraction ? NAN : INFINITY;
    else if (exponent)
        v = ldexpf((float)(fraction + (1 << FRACTION)), exponent - BIAS - FRACTION);
    else
        v = ldexpf((float)fraction, 1 - BIAS - FRACTION);
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

bool half_holds(const float *x, size_t n)
{
    bool all = true;
    for (size_t i = 0; i < n && all; i++) {
        float back = half_value(half_of(x[i]));
        all = !memcmp(&back, &x[i], sizeof back);
    }
    return all;
}
