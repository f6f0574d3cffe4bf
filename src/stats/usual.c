#include "stats/usual.h"

#include "base/hot.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of the mean deviation, added to each: without it the quietest corner of all pictures would decide. */
static const double FLOOR = 0.3;

static double mean_of(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    return sum / (double)n;
}

/* What is added to each deviation. Maps that never differ at all have no unit of their own: theirs is 1. */
static float floor_of(const float *deviation, size_t n)
{
    double mean = mean_of(deviation, n);
    return mean > 1e-18 ? (float)(FLOOR * mean) : 1;
}

/* ---- using ---- */

HOT static void divide(const struct usual *u, float floor, const float *e, float *map)
{
    for (size_t i = 0; i < u->n; i++)
        map[i] = (e[i] - u->mean[i]) / (u->deviation[i] + floor);
}

HOT static void divide_by_one(float mean, float deviation, const float *e, size_t count, float *map)
{
    for (size_t i = 0; i < count; i++)
        map[i] = (e[i] - mean) / deviation;
}

void usual_map(const struct usual *u, const float *smooth, size_t count, float *map)
{
    float floor = floor_of(u->deviation, u->n);
    if (u->n == 1)
        divide_by_one(*u->mean, *u->deviation + floor, smooth, count, map);
    for (size_t at = 0; u->n > 1 && at < count; at += u->n)
        divide(u, floor, smooth + at, map + at);
}

static void swap(float *a, float *b)
{
    float x = *a;
    *a = *b;
    *b = x;
}

/* One round of Hoare's quickselect: afterwards no value of low..j is below any of j+1..high, and low <= j < high. Equal
 * values stop both sides, so that plains of them are split evenly. */
static size_t split(float *v, size_t low, size_t high)
{
    float pivot = v[low + (high - low) / 2];
    for (size_t i = low, j = high;; i++, j--) {
        while (v[i] > pivot)
            i++;
        while (v[j] < pivot)
            j--;
        if (i >= j)
            return j;
        swap(&v[i], &v[j]);
    }
}

/* Moves the k highest values, at least 1, to the front. */
static void highest_first(float *v, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t j = split(v, low, high);
        if (k <= j + 1)
            high = j;
        else
            low = j + 1;
    }
}

float usual_score(const float *map, size_t count, double top, float *scratch)
{
    float highest = map[0];
    for (size_t i = 1; i < count; i++)
        highest = map[i] > highest ? map[i] : highest;
    size_t k = (size_t)(top * (double)count);
    if (k < 2)
        return highest;
    memcpy(scratch, map, count * sizeof *map);
    highest_first(scratch, count, k);
    return (float)mean_of(scratch, k);
}

/* ---- collecting ---- */

enum { HALVES = 2 };

/* Sums over the frames of one half of the samples, at each position. */
struct half {
    double *sum, *square;
    size_t frames;
};

struct usual_collector {
    size_t height, width, samples;
    const uint8_t *counts;      /* NULL: every position does */
    struct half halves[HALVES]; /* samples in turn */
    float *mean, *deviation;    /* what finish makes */
};

static bool counts(const struct usual_collector *c, size_t i)
{
    return !c->counts || c->counts[i];
}

struct usual_collector *usual_collector_new(size_t height, size_t width, const uint8_t *counted)
{
    size_t n = height * width;
    struct usual_collector *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct usual_collector){.height = height, .width = width, .counts = counted};
    bool done = (c->mean = calloc(n, sizeof *c->mean)) && (c->deviation = calloc(n, sizeof *c->deviation));
    for (int k = 0; k < HALVES; k++) {
        struct half *h = &c->halves[k];
        done = (h->sum = calloc(n, sizeof *h->sum)) && (h->square = calloc(n, sizeof *h->square)) && done;
    }
    if (done)
        return c;
    usual_collector_free(c);
    return NULL;
}

void usual_collector_free(struct usual_collector *c)
{
    if (!c)
        return;
    for (int k = 0; k < HALVES; k++) {
        free(c->halves[k].sum);
        free(c->halves[k].square);
    }
    free(c->mean);
    free(c->deviation);
    free(c);
}

void usual_collector_reset(struct usual_collector *c)
{
    size_t n = c->height * c->width;
    c->samples = 0;
    for (int k = 0; k < HALVES; k++) {
        memset(c->halves[k].sum, 0, n * sizeof *c->halves[k].sum);
        memset(c->halves[k].square, 0, n * sizeof *c->halves[k].square);
        c->halves[k].frames = 0;
    }
}

HOT static void add_frame(double *restrict sum, double *restrict square, const float *restrict e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += (double)e[i];
        square[i] += (double)e[i] * (double)e[i];
    }
}

void usual_collector_add(struct usual_collector *c, const float *smooth, size_t count)
{
    size_t n = c->height * c->width;
    struct half *h = &c->halves[c->samples++ % HALVES];
    for (size_t at = 0; at < count; at += n, h->frames++)
        add_frame(h->sum, h->square, smooth + at, n);
}

/* ---- statistics ---- */

/* Sample mean and deviation of n values from their sums. */
static void moments(double sum, double square, double n, float *mean, float *deviation)
{
    double m = n > 0 ? sum / n : 0, variance = n > 1 ? (square - m * sum) / (n - 1) : 0;
    *mean = (float)m;
    *deviation = (float)sqrt(fmax(variance, 0));
}

/* What does not count has the mean deviation of what does: so floor_of needs to know nothing of it. */
static void fill_ignored(const struct usual_collector *c)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->height * c->width; i++)
        if (c->counts[i]) {
            sum += (double)c->deviation[i];
            n++;
        }
    for (size_t i = 0; i < c->height * c->width; i++)
        if (!c->counts[i])
            c->deviation[i] = (float)(sum / n);
}

/* A pair for each position from what the halves `first` to `last` saw. */
static struct usual per_position(struct usual_collector *c, int first, int last, struct smoother *smoother)
{
    size_t n = c->height * c->width;
    for (size_t i = 0; i < n; i++) {
        double sum = 0, square = 0, frames = 0;
        for (int k = first; k <= last; k++) {
            sum += c->halves[k].sum[i];
            square += c->halves[k].square[i];
            frames += (double)c->halves[k].frames;
        }
        moments(sum, square, frames, &c->mean[i], &c->deviation[i]);
    }
    /* Not the mean: a spot that is always high would stand out of its own smoothed mean in every picture. */
    smoother_run(smoother, c->deviation, c->deviation);
    if (c->counts)
        fill_ignored(c);
    return (struct usual){n, c->mean, c->deviation};
}

/* The one pair of all of them. */
static struct usual for_all(struct usual_collector *c, int first, int last)
{
    double sum = 0, square = 0, values = 0;
    for (int k = first; k <= last; k++)
        for (size_t i = 0; i < c->height * c->width; i++)
            if (counts(c, i)) {
                sum += c->halves[k].sum[i];
                square += c->halves[k].square[i];
                values += (double)c->halves[k].frames;
            }
    moments(sum, square, values, c->mean, c->deviation);
    return (struct usual){1, c->mean, c->deviation};
}

/* Minus twice the log-likelihood of a half under Gaussians of that mean and of the deviation that usual_map divides by,
 * but for a constant: sum over positions and frames of ((e - mean) / d)^2 + 2 log d. */
static double surprise(const struct usual_collector *c, const struct half *h, const struct usual *u)
{
    double floor = (double)floor_of(u->deviation, u->n), frames = (double)h->frames, all = 0;
    for (size_t i = 0; i < c->height * c->width; i++) {
        size_t at = u->n == 1 ? 0 : i;
        if (!counts(c, i))
            continue;
        double m = (double)u->mean[at], d = (double)u->deviation[at] + floor;
        all += (h->square[i] - 2 * m * h->sum[i] + frames * m * m) / (d * d) + 2 * frames * log(d);
    }
    return all;
}

/* Whether the positions of one half say more of the other than all of them together do. */
static bool is_aligned(struct usual_collector *c, struct smoother *smoother)
{
    double gain = 0;
    for (int k = 0; k < HALVES; k++) {
        const struct half *other = &c->halves[1 - k];
        struct usual u = for_all(c, k, k);
        gain += surprise(c, other, &u);
        u = per_position(c, k, k, smoother);
        gain -= surprise(c, other, &u);
    }
    return gain > 0;
}

void usual_collector_finish(struct usual_collector *c, enum aligned aligned, struct smoother *smoother,
                            struct usual *out)
{
    *out = (struct usual){0};
    if (!c->samples)
        return;
    bool each = aligned == ALIGNED_YES || (aligned == ALIGNED_AUTO && is_aligned(c, smoother));
    *out = each ? per_position(c, 0, HALVES - 1, smoother) : for_all(c, 0, HALVES - 1);
}
