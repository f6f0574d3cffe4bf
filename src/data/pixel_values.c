#include "data/pixel_values.h"

#include "base/hot.h"

static const float WHITE = 255;

/* Of a clip, that of a frame. */
struct picture_format preprocess_format(const struct preprocess *p)
{
    const int64_t *d = p->sample.d + p->sample.nd - 3;
    return (struct picture_format){.width = (int)d[1], .height = (int)d[0], .channels = (int)d[2]};
}

size_t preprocess_frames(const struct preprocess *p)
{
    return p->sample.nd == 4 ? (size_t)p->sample.d[0] : 1;
}

/* Difference first: a product and a sum would be one instruction on some processors, and round otherwise. */
HOT static void scale_pixels(const uint8_t *restrict pixels, float *restrict out, size_t n, float zero, float scale)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ((float)pixels[i] - zero) * scale;
}

void pixels_to_values(const struct preprocess *p, const uint8_t *pixels, size_t n, float *out)
{
    scale_pixels(pixels, out, n, WHITE * *p->mean, 1 / (WHITE * *p->std));
}

void values_to_pixels(const struct preprocess *p, const float *values, size_t n, uint8_t *pixels)
{
    for (size_t i = 0; i < n; i++) {
        float v = (values[i] * *p->std + *p->mean) * WHITE;
        pixels[i] = (uint8_t)(v > 0 ? (v < WHITE ? v + 0.5f : WHITE) : 0);
    }
}
