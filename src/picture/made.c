#include "picture/made.h"

#include "base/hot.h"
#include "picture/made_private.h"

#include <stdlib.h>
#include <string.h>

#define OPTIONS_OF struct made_defects
// clang-format off
const struct option made_options[] = {
    ROW_FLOAT(made_share, "0.8", 0, 1, "of models that learn from made defects: share of the training pictures that get some"),
    ROW_CHOICE(made_kind, "shapes", "shapes|cuts|blends|mixed", "what is made: noise shapes filled with something else, pieces cut out and pasted, pieces blended in"),
    {0}};
// clang-format on

enum { MOST = 3 }; /* defects of a picture */

/* Of the 3x3 mean, white being 1: what changed less, nobody sees. */
static const double seen = 0.02;

struct rng made_draw(uint64_t seed, int64_t epoch, size_t index)
{
    struct rng r = rng_new(seed, rng_stream("made defects") + (uint64_t)epoch);
    r.counter = (uint64_t)index << 32; /* nobody draws as many */
    return r;
}

int maker_new(const struct picture_format *format, struct maker **out, struct err *e)
{
    const size_t area = (size_t)format->height * (size_t)format->width;
    struct maker *m = calloc(1, sizeof *m);
    if (m) {
        *m = (struct maker){.height = format->height, .width = format->width, .channels = format->channels};
        m->before = malloc(picture_bytes(format));
        m->fill = malloc(picture_bytes(format));
        m->field = malloc(area * sizeof *m->field);
        m->second = malloc(area * sizeof *m->second);
    }
    if (m && m->before && m->fill && m->field && m->second)
        return *out = m, 0;
    maker_free(m);
    return err_memory(e, "made defects");
}

void maker_free(struct maker *m)
{
    if (!m)
        return;
    free(m->before);
    free(m->fill);
    free(m->field);
    free(m->second);
    free(m);
}

/* ---- what changed ---- */

/* Of each pixel, summed over its channels. */
HOT static void changes(const uint8_t *restrict a, const uint8_t *restrict b, float *restrict out, size_t n,
                        int channels)
{
    for (size_t i = 0; i < n; i++) {
        int sum = 0;
        for (int c = 0; c < channels; c++)
            sum += abs((int)a[i * (size_t)channels + (size_t)c] - (int)b[i * (size_t)channels + (size_t)c]);
        out[i] = (float)sum;
    }
}

/* Sums of three neighbours along a line. */
static void sum_across(const float *in, float *out, int width)
{
    for (int x = 0; x < width; x++)
        out[x] = in[x] + (x > 0 ? in[x - 1] : 0) + (x + 1 < width ? in[x + 1] : 0);
}

static int neighbours(int at, int side)
{
    return 1 + (at > 0) + (at + 1 < side);
}

/* Whole numbers in floats: the sums are exact. */
static void mark(const struct maker *m, uint8_t *truth)
{
    const size_t width = (size_t)m->width, area = (size_t)m->height * width;
    const float bound = (float)(seen * 255 * m->channels);
    changes(m->before, m->pixels, m->field, area, m->channels);
    for (int y = 0; y < m->height; y++)
        sum_across(m->field + (size_t)y * width, m->second + (size_t)y * width, m->width);
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++) {
            const float *at = m->second + (size_t)y * width + x;
            float sum = *at + (y > 0 ? at[-m->width] : 0) + (y + 1 < m->height ? at[m->width] : 0);
            int n = neighbours(y, m->height) * neighbours(x, m->width);
            truth[(size_t)y * width + (size_t)x] = sum > bound * (float)n && (!m->counts || m->counts[at - m->second]);
        }
}

/* Where nothing counts, nothing changes. */
static void restore(const struct maker *m)
{
    const size_t area = (size_t)m->height * (size_t)m->width, channels = (size_t)m->channels;
    for (size_t i = 0; m->counts && i < area; i++)
        if (!m->counts[i])
            memcpy(m->pixels + i * channels, m->before + i * channels, channels);
}

void maker_run(struct maker *m, enum made_kind kind, struct rng *r, const struct picture *other, const uint8_t *counts,
               uint8_t *pixels, uint8_t *truth)
{
    static void (*const makes[])(struct maker *) = {
        [MADE_SHAPES] = make_shape, [MADE_CUTS] = make_cut, [MADE_BLENDS] = make_blend};
    const size_t bytes = (size_t)m->height * (size_t)m->width * (size_t)m->channels;
    m->pixels = pixels;
    m->counts = counts;
    m->other = *other;
    m->r = r;
    memcpy(m->before, pixels, bytes);
    if (kind == MADE_MIXED)
        kind = (enum made_kind)rng_below(r, MADE_MIXED);
    for (uint64_t n = 1 + rng_below(r, MOST); n > 0; n--)
        makes[kind](m);
    restore(m);
    mark(m, truth);
}
