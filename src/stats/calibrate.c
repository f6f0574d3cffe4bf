#include "stats/calibrate.h"

#include "stats/beta.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Map values are counted by the upper bits of their float: 2^9 steps for each factor of 2. Exact enough for a colour
 * scale, and the memory does not grow with the data. */
enum { MAP_SHIFT = 14, MAP_BINS = 1 << (31 - MAP_SHIFT) };

/* How many of the n ascending values are at least x. */
static size_t count_at_least(const float *sorted, size_t n, float x)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return n - low;
}

static double p_value(size_t at_least, size_t n)
{
    return (1 + (double)at_least) / ((double)n + 1);
}

double calibration_p_value(const struct calibration *c, float score)
{
    return p_value(count_at_least(c->scores, c->n, score), c->n);
}

/* How many of the n + 1 places that a new score can take among the held-out ones are flagged: the largest k with
 * k / (n + 1) <= rate, by the same division as p_value. */
static size_t flagged_places(size_t n, double rate)
{
    double places = (double)n + 1;
    size_t k = rate > 0 ? (size_t)fmin(floor(rate * places), places) : 0;
    while (k <= n && p_value(k, n) <= rate)
        k++;
    while (k && p_value(k - 1, n) > rate)
        k--;
    return k;
}

/* x is flagged where fewer than k held-out values reach it: where it lies above the k-th largest. */
static float threshold(const float *sorted, size_t n, double rate)
{
    size_t k = sorted ? flagged_places(n, rate) : 0;
    if (!k)
        return INFINITY;
    return k > n ? -INFINITY : sorted[n - k];
}

float calibration_threshold(const struct calibration *c, double rate)
{
    return threshold(c->scores, c->n, rate);
}

float calibration_peak_threshold(const struct calibration *c, double rate)
{
    return threshold(c->peaks, c->n, rate);
}

double calibration_smallest_rate(const struct calibration *c)
{
    return p_value(0, c->n);
}

double calibration_rate_bound(const struct calibration *c, double rate, double confidence)
{
    size_t k = flagged_places(c->n, rate);
    if (!k || k > c->n)
        return k ? 1 : 0;
    return beta_quantile(confidence, (double)k, (double)(c->n + 1 - k));
}

struct calibration_range calibration_expected(const struct calibration *c, double rate, size_t tested)
{
    size_t k = flagged_places(c->n, rate);
    double centre = (double)k / ((double)c->n + 1);
    if (!k || k > c->n)
        return (struct calibration_range){centre, centre, centre};
    struct count_range range = beta_binomial_range(tested, (double)k, (double)(c->n + 1 - k), 0.95);
    return (struct calibration_range){(double)range.from / (double)tested, centre, (double)range.to / (double)tested};
}

/* ---- collecting ---- */

struct calibrator {
    size_t n, limit;
    float *scores, *peaks; /* peaks NULL: no maps */
    uint64_t *bins;
    uint64_t pixels;
    const uint8_t *roi; /* NULL: all of a map counts */
};

struct calibrator *calibrator_new(size_t n, bool maps)
{
    struct calibrator *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->limit = n;
    c->scores = malloc((n + 1) * sizeof *c->scores);
    if (maps) {
        c->peaks = malloc((n + 1) * sizeof *c->peaks);
        c->bins = calloc(MAP_BINS, sizeof *c->bins);
    }
    if (!c->scores || (maps && (!c->peaks || !c->bins))) {
        calibrator_free(c);
        return NULL;
    }
    return c;
}

void calibrator_free(struct calibrator *c)
{
    if (!c)
        return;
    free(c->scores);
    free(c->peaks);
    free(c->bins);
    free(c);
}

void calibrator_reset(struct calibrator *c)
{
    c->n = 0;
    c->pixels = 0;
    if (c->bins)
        memset(c->bins, 0, MAP_BINS * sizeof *c->bins);
}

void calibrator_region(struct calibrator *c, const uint8_t *roi)
{
    c->roi = roi;
}

/* Negative values count as 0: they are less than usual, or no value of a map. */
static uint32_t map_bin(float x)
{
    uint32_t bits;
    x = x > 0 ? x : 0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> MAP_SHIFT;
}

static float bin_value(uint32_t bin)
{
    uint32_t bits = bin << MAP_SHIFT;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

int calibrator_add(struct calibrator *c, float score, const float *map, size_t count, struct err *e)
{
    float peak = 0;
    bool finite = isfinite(score);
    for (size_t i = 0; map && i < count; i++) {
        finite &= isfinite(map[i]) != 0;
        peak = map[i] > peak ? map[i] : peak;
    }
    if (!finite)
        return err_set(e, ERR_FAIL,
                       "the score of a held-out sample is not finite: the model is unusable; train with a "
                       "lower learning rate");
    if (c->n == c->limit)
        return err_set(e, ERR_FAIL, "more held-out samples than the %zu that were announced", c->limit);
    c->scores[c->n] = score;
    if (c->peaks && map) {
        c->peaks[c->n] = peak;
        for (size_t i = 0; i < count; i++)
            if (!c->roi || c->roi[i]) {
                c->bins[map_bin(map[i])]++;
                c->pixels++;
            }
    }
    c->n++;
    return 0;
}

/* The lower edge of the bin that holds the value which `share` of the pixels do not exceed. */
static float map_quantile(const struct calibrator *c, double share)
{
    double wanted = share * (double)c->pixels, seen = 0;
    for (uint32_t i = 0; i < MAP_BINS; i++) {
        seen += (double)c->bins[i];
        if (seen >= wanted && seen > 0)
            return bin_value(i);
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void calibrator_finish(struct calibrator *c, struct calibration *out)
{
    *out = (struct calibration){.n = c->n, .scores = c->scores, .peaks = c->peaks};
    qsort(c->scores, c->n, sizeof *c->scores, by_value);
    if (!c->peaks)
        return;
    qsort(c->peaks, c->n, sizeof *c->peaks, by_value);
    out->map_low = map_quantile(c, 0.5);
    out->map_high = map_quantile(c, 0.999);
}
