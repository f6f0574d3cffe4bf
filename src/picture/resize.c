#include "picture/resize.h"

#include "base/hot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WEIGHT_BITS = 14, /* weights in 1/16384: fit int16 */
    ROW_BITS = 6,     /* fraction kept between the two passes: 255 * 64, with room for cubic overshoot, fits int16 */
    CUBIC_TAPS = 4,
};

static double cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/* Rounds the running sum, not each weight: many small weights then still add up to exactly one, without drift. */
static void quantise(const double *weight, int n, int16_t *out)
{
    double total = 0, sum = 0;
    for (int i = 0; i < n; i++)
        total += weight[i];
    int before = 0;
    for (int i = 0; i < n; i++) {
        sum += weight[i];
        int now = (int)lround(sum / total * (1 << WEIGHT_BITS));
        out[i] = (int16_t)(now - before);
        before = now;
    }
}

static void area_taps(const struct resize_axis *a, int i, struct resize_tap *tap, double *weight)
{
    double scale = (double)a->from / a->to, low = i * scale, high = (i + 1) * scale;
    tap->first = (int)low;
    tap->taps = 0;
    for (int k = tap->first; k < a->from && k < high; k++) {
        double covered = fmin(high, k + 1) - fmax(low, k);
        weight[tap->taps++] = fmax(covered, 0);
    }
}

static void cubic_taps(const struct resize_axis *a, int i, struct resize_tap *tap, double *weight)
{
    double centre = (i + 0.5) * a->from / a->to - 0.5;
    int base = (int)floor(centre) - 1, last = a->from - 1;
    int first = base < 0 ? 0 : base > last ? last : base;
    tap->first = first;
    tap->taps = 0;
    for (int k = base; k < base + CUBIC_TAPS; k++) {
        int at = (k < 0 ? 0 : k > last ? last : k) - first; /* beyond the edge the edge goes on */
        while (tap->taps <= at)
            weight[tap->taps++] = 0;
        weight[at] += cubic(k - centre);
    }
}

static void axis_free(struct resize_axis *a)
{
    free(a->taps);
    free(a->weights);
    *a = (struct resize_axis){0};
}

static int axis_plan(struct resize_axis *a, enum resize_filter filter, int from, int to, struct err *e)
{
    if (a->from == from && a->to == to && a->filter == filter)
        return 0;
    axis_free(a);
    /* Areas overlap by at most one pixel on either side; cubic has its four. */
    size_t per_tap = (size_t)(from / to) + CUBIC_TAPS, room = (size_t)from + CUBIC_TAPS * (size_t)to;
    double *weight = malloc(per_tap * sizeof *weight);
    a->taps = malloc((size_t)to * sizeof *a->taps);
    a->weights = malloc(room * sizeof *a->weights);
    if (!weight || !a->taps || !a->weights) {
        free(weight);
        axis_free(a);
        return err_memory(e, "the tables for resizing a picture");
    }
    a->from = from;
    a->to = to;
    a->filter = filter;
    size_t used = 0;
    for (int i = 0; i < to; i++) {
        struct resize_tap *tap = &a->taps[i];
        if (filter == RESIZE_AREA || to < from)
            area_taps(a, i, tap, weight);
        else
            cubic_taps(a, i, tap, weight);
        tap->weights = used;
        quantise(weight, tap->taps, a->weights + used);
        used += (size_t)tap->taps;
    }
    free(weight);
    return 0;
}

static int rows_plan(struct resize *r, size_t size, struct err *e)
{
    if (size <= r->row_size)
        return 0;
    free(r->sums);
    free(r->row);
    r->sums = malloc(size * sizeof *r->sums);
    r->row = malloc(size * sizeof *r->row);
    r->row_size = r->sums && r->row ? size : 0;
    return r->row_size ? 0 : err_memory(e, "a row for resizing a picture");
}

/* One row of the wanted height, still of the old width, with ROW_BITS of fraction. */
HOT static void mix_rows(const struct resize *r, const struct resize_tap *tap, const uint8_t *in, size_t stride)
{
    const int16_t *weights = r->y.weights + tap->weights;
    memset(r->sums, 0, stride * sizeof *r->sums);
    for (int t = 0; t < tap->taps; t++) {
        const uint8_t *line = in + ((size_t)tap->first + (size_t)t) * stride;
        int16_t w = weights[t];
        for (size_t x = 0; x < stride; x++)
            r->sums[x] += w * (int16_t)line[x];
    }
    const int shift = WEIGHT_BITS - ROW_BITS;
    for (size_t x = 0; x < stride; x++)
        r->row[x] = (int16_t)((r->sums[x] + (1 << (shift - 1))) >> shift);
}

static inline uint8_t to_pixel(int32_t sum)
{
    int32_t v = (sum + (1 << (WEIGHT_BITS + ROW_BITS - 1))) >> (WEIGHT_BITS + ROW_BITS);
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Inlined for each number of channels, so that the innermost loop is a constant one. */
static inline __attribute__((always_inline)) void mix_pixels(const struct resize *r, int channels, uint8_t *out)
{
    for (int i = 0; i < r->x.to; i++) {
        const struct resize_tap *tap = &r->x.taps[i];
        const int16_t *w = r->x.weights + tap->weights, *pixel = r->row + (ptrdiff_t)tap->first * channels;
        int32_t sum[3] = {0};
        for (int t = 0; t < tap->taps; t++, pixel += channels)
            for (int c = 0; c < channels; c++)
                sum[c] += w[t] * pixel[c];
        for (int c = 0; c < channels; c++)
            *out++ = to_pixel(sum[c]);
    }
}

HOT static void mix_columns(const struct resize *r, int channels, uint8_t *out)
{
    if (channels == 1)
        mix_pixels(r, 1, out);
    else
        mix_pixels(r, 3, out);
}

int resize_run(struct resize *r, enum resize_filter filter, const uint8_t *in, int width, int height, int channels,
               uint8_t *out, int to_width, int to_height, struct err *e)
{
    size_t stride = (size_t)width * (size_t)channels;
    TRY(axis_plan(&r->x, filter, width, to_width, e));
    TRY(axis_plan(&r->y, filter, height, to_height, e));
    TRY(rows_plan(r, stride, e));
    for (int y = 0; y < to_height; y++) {
        mix_rows(r, &r->y.taps[y], in, stride);
        mix_columns(r, channels, out + (size_t)y * (size_t)to_width * (size_t)channels);
    }
    return 0;
}

void resize_free(struct resize *r)
{
    axis_free(&r->x);
    axis_free(&r->y);
    free(r->sums);
    free(r->row);
    *r = (struct resize){0};
}
