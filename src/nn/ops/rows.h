/* Passes over rows of channels that several ops need: bias and activation behind a product, and sums over rows.
 *
 * A row of few channels would leave vectors half empty, so several rows are taken as one: with 3 channels and a width
 * of 192, element i of the data belongs to channel (i % 192) % 3. Per-channel values are repeated to that width. */
#ifndef NN_OPS_ROWS_H
#define NN_OPS_ROWS_H

#include "nn/ops.h"

enum { ROWS_WIDE = 256 };

/* Elements taken as one row: a multiple of `channels`; below ROWS_WIDE where it is not `channels` itself. */
static inline size_t rows_width(size_t channels)
{
    size_t width = channels;
    while (width < ROWS_WIDE / 2)
        width *= 2;
    return width;
}

/* Per-channel values at that width: `values` itself, or repeated into wide[ROWS_WIDE]. */
const float *rows_repeat(const float *values, size_t channels, float *wide);

/* x = act(x + bias), in place; bias may be NULL. */
void rows_bias_act(int threads, enum dtype type, void *x, size_t rows, size_t channels, const float *bias, enum act act,
                   float slope);

/* to = g act'(x), the way back, from y = act(x); to may be g. */
void rows_act_gradient(int threads, enum dtype type, const void *y, const void *g, void *to, size_t n, enum act act,
                       float slope);

/* Sums over rows, per channel: of v and of v d, where d = x - center and
 *   without g: v = d (mean and variance);
 *   with g:    v = g where x scale + offset > 0, else slope g (gradients through a leaky activation). */
struct rows_moments {
    enum dtype type; /* of x and g */
    const void *x, *g;
    size_t rows, channels;
    const float *center, *scale, *offset; /* one value a channel; the last two only with g */
    float slope;
    double *sum, *product; /* out: channels each */
};

/* The order of the sums depends on the sizes alone, not on the threads. */
void rows_moments(int threads, const struct rows_moments *m, void *scratch);
size_t rows_moments_scratch(size_t rows, size_t channels);

/* sum = sum over rows of x: the gradient of a bias. */
void rows_sum(int threads, enum dtype type, const void *x, size_t rows, size_t channels, float *sum, void *scratch);
size_t rows_sum_scratch(size_t rows, size_t channels);

/* |a - b|^2 of two rows of n numbers. */
float rows_square_distance(const float *a, const float *b, size_t n);

#endif
