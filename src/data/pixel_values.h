/* 8-bit pixels to values and back, of kinds that keep pixels: (pixel / 255 - mean) / std. */
#ifndef DATA_PIXEL_VALUES_H
#define DATA_PIXEL_VALUES_H

#include "data/preprocess.h"

void pixels_to_values(const struct preprocess *p, const uint8_t *pixels, size_t n, float *out);
/* Rounded, and clamped to what a pixel can be. */
void values_to_pixels(const struct preprocess *p, const float *values, size_t n, uint8_t *pixels);

#endif
