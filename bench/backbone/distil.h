/* Made pictures that a net can learn to see from: nothing in them is from an inspection data set. */
#ifndef BENCH_BACKBONE_DISTIL_H
#define BENCH_BACKBONE_DISTIL_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SIDE = 128, COLOURS = 3, PICTURE = SIDE * SIDE * COLOURS };

/* Pictures of one size that others are made of: values from 0 to 1. */
struct stock {
    float *values;
    size_t n;
    int height, width;
};

enum { STOCK_PHOTOS, STOCK_TEXTURES, STOCK_SCENES, STOCKS };

/* Reads `most` pictures, spread evenly over the data set. */
int stock_read(struct stock *s, const char *url, size_t most, int height, int width, struct err *e);
void stock_free(struct stock *s);

/* Picture number `i` of a seed: mosaics, crops of textures and scenes, 1/f noise, flat colours, with shapes on some,
 * altered. `scratch`: as large as the picture. */
void made_picture(const struct stock stocks[STOCKS], uint64_t seed, uint64_t i, float *out, float *scratch);

#endif
