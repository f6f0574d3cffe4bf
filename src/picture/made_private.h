/* What the kinds of made defects share. */
#ifndef PICTURE_MADE_PRIVATE_H
#define PICTURE_MADE_PRIVATE_H

#include "picture/made.h"

/* A picture in the making. */
struct maker {
    int height, width, channels;
    uint8_t *pixels;       /* what is changed */
    uint8_t *before;       /* as it was */
    const uint8_t *counts; /* NULL: all of it */
    struct picture other;
    struct rng *r;
    float *field, *second; /* a value a pixel each */
    uint8_t *fill;         /* a picture's pixels */
};

/* One more defect in m->pixels. */
void make_shape(struct maker *m);
void make_cut(struct maker *m);
void make_blend(struct maker *m);

/* Smooth noise from 0 to 1 in waves of 1 to 2^finest cells an axis, at any angle. */
void make_noise(struct maker *m, int finest, float *field);

static inline float made_between(struct rng *r, float low, float high)
{
    return low + (high - low) * rng_uniform(r);
}

static inline bool made_chance(struct rng *r, float probability)
{
    return rng_uniform(r) < probability;
}

static inline int made_within(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static inline uint8_t made_byte(float v)
{
    return (uint8_t)(v > 0 ? v < 255 ? v + 0.5f : 255 : 0);
}

#endif
