#include "stats/smooth.h"

#include "base/hot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct smoother {
    size_t height, width, radius;
    float taps[3 * SMOOTH_MAX + 1]; /* from the middle on */
    float *scale;                   /* 1 / the taps' sum at each position; 0 where it does not count */
    float *line, *rows;             /* a map each, between the two directions and before them */
};

HOT static void add_scaled(float *restrict to, const float *restrict from, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * from[i];
}

HOT static void multiply(float *restrict to, const float *restrict by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] *= by[i];
}

/* Adds the n values, blocks of `step` of which move together, to themselves, shifted by each tap. */
static void spread(const struct smoother *s, const float *from, float *to, size_t n, size_t step)
{
    memset(to, 0, n * sizeof *to);
    add_scaled(to, from, s->taps[0], n);
    for (size_t k = 1; k <= s->radius && k * step < n; k++) {
        add_scaled(to + k * step, from, s->taps[k], n - k * step);
        add_scaled(to, from + k * step, s->taps[k], n - k * step);
    }
}

/* Both directions, not scaled yet; `from` is not `to`. */
static void spread_map(const struct smoother *s, const float *from, float *to)
{
    spread(s, from, s->line, s->height * s->width, s->width);
    for (size_t y = 0; y < s->height; y++)
        spread(s, s->line + y * s->width, to + y * s->width, s->width, 1);
}

/* What the taps sum up to everywhere, over what counts. */
static void choose_scale(struct smoother *s, const uint8_t *counts)
{
    size_t n = s->height * s->width;
    for (size_t i = 0; i < n; i++)
        s->rows[i] = !counts || counts[i] ? 1 : 0;
    spread_map(s, s->rows, s->scale);
    for (size_t i = 0; i < n; i++)
        s->scale[i] = s->rows[i] / (s->scale[i] > 0 ? s->scale[i] : 1);
}

struct smoother *smoother_new(size_t height, size_t width, double deviation, const uint8_t *counts)
{
    size_t n = height * width;
    struct smoother *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->height = height;
    s->width = width;
    s->radius = (size_t)ceil(3 * fmin(deviation, SMOOTH_MAX));
    s->taps[0] = 1;
    for (size_t k = 1; k <= s->radius; k++)
        s->taps[k] = (float)exp(-0.5 * (double)(k * k) / (deviation * deviation));
    s->scale = calloc(n, sizeof *s->scale);
    s->line = malloc(n * sizeof *s->line);
    s->rows = calloc(n, sizeof *s->rows);
    if (!s->scale || !s->line || !s->rows) {
        smoother_free(s);
        return NULL;
    }
    choose_scale(s, counts);
    return s;
}

void smoother_free(struct smoother *s)
{
    if (!s)
        return;
    free(s->scale);
    free(s->line);
    free(s->rows);
    free(s);
}

void smoother_run(struct smoother *s, const float *from, float *to)
{
    size_t n = s->height * s->width;
    for (size_t i = 0; i < n; i++)
        s->rows[i] = s->scale[i] > 0 ? from[i] : 0;
    if (s->radius)
        spread_map(s, s->rows, to);
    else
        memcpy(to, s->rows, n * sizeof *to);
    multiply(to, s->scale, n);
}
