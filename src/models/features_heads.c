/* Two other memories of features: a Gaussian for each position (Defard et al., ICPR 2020, PaDiM), and the good pictures
 * themselves (Cohen and Hoshen 2020, SPADE). Rows are what the layers say of every position of every picture, brought
 * to fewer numbers by directions drawn at random, which keep distances as they were. */
#include "models/centres.h"
#include "models/cholesky.h"
#include "models/features.h"
#include "nn/parallel.h"

#include <stdlib.h>
#include <string.h>

/* ---- a Gaussian for each position ---- */

enum { CHUNKS = 16 };

struct gaussians {
    const struct fit_rows *rows;
    size_t *begin, *order; /* of position p the rows order[begin[p]] .. order[begin[p + 1] - 1] */
    float *means, *whitening;
    double *scratch; /* CHUNKS x (2 width x width) */
    double variance; /* mean over positions and numbers */
};

static void gaussians_free(struct gaussians *g)
{
    free(g->begin);
    free(g->order);
    free(g->scratch);
}

static int gaussians_new(struct gaussians *g, const struct fit_rows *rows, size_t positions, struct err *e)
{
    *g = (struct gaussians){.rows = rows,
                            .begin = calloc(positions + 2, sizeof *g->begin),
                            .order = malloc((rows->n + 1) * sizeof *g->order),
                            .scratch = malloc(CHUNKS * 2 * rows->width * rows->width * sizeof *g->scratch)};
    if (!g->begin || !g->order || !g->scratch)
        return err_memory(e, "the Gaussians of positions");
    size_t *next = g->begin + 1; /* counts first, then where the next row of a position goes, at last where it ends */
    for (size_t i = 0; i < rows->n; i++)
        next[rows->places[rows->index[i]] + 1]++;
    for (size_t p = 1; p <= positions; p++)
        next[p] += next[p - 1];
    for (size_t i = 0; i < rows->n; i++)
        g->order[next[rows->places[rows->index[i]]]++] = i;
    return 0;
}

static size_t count_at(const struct gaussians *g, size_t p)
{
    return g->begin[p + 1] - g->begin[p];
}

static const float *row_at(const struct gaussians *g, size_t p, size_t i)
{
    return fit_row(g->rows, g->order[g->begin[p] + i]);
}

/* Means, and the mean variance: both in the order of the positions. */
static void find_means(struct gaussians *g, size_t positions)
{
    const size_t w = g->rows->width;
    double sum = 0, numbers = 0;
    for (size_t p = 0; p < positions; p++) {
        float *mean = g->means + p * w;
        const size_t n = count_at(g, p);
        for (size_t k = 0; k < w; k++) {
            double first = 0, second = 0;
            for (size_t i = 0; i < n; i++) {
                first += (double)row_at(g, p, i)[k];
                second += (double)row_at(g, p, i)[k] * (double)row_at(g, p, i)[k];
            }
            mean[k] = n ? (float)(first / (double)n) : 0;
            sum += n ? second / (double)n - first / (double)n * first / (double)n : 0;
        }
        numbers += n ? (double)w : 0;
    }
    g->variance = numbers > 0 ? sum / numbers : 0;
}

/* The covariance as if as many more pictures as there are numbers had varied alike in all directions: with few pictures
 * most directions have not been seen to vary at all. */
static void covariance_at(const struct gaussians *g, size_t p, double *c)
{
    const size_t w = g->rows->width, n = count_at(g, p);
    const double all = (double)(n + w), added = (double)w * g->variance + 1e-12 * all;
    memset(c, 0, w * w * sizeof *c);
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < w; a++) {
            const double d = (double)row_at(g, p, i)[a] - (double)g->means[p * w + a];
            for (size_t b = 0; b <= a; b++)
                c[a * w + b] += d * ((double)row_at(g, p, i)[b] - (double)g->means[p * w + b]) / all;
        }
    for (size_t a = 0; a < w; a++)
        c[a * w + a] += added / all;
}

static void whiten_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct gaussians *g = context;
    const size_t w = g->rows->width;
    double *covariance = g->scratch + (size_t)chunk * 2 * w * w, *inverse = covariance + w * w;
    for (size_t p = begin; p < end; p++) {
        covariance_at(g, p, covariance);
        cholesky_factor(covariance, (int64_t)w, 0);
        cholesky_invert(covariance, (int64_t)w, inverse);
        for (size_t i = 0; i < w * w; i++)
            g->whitening[p * w * w + i] = (float)inverse[i];
    }
}

int features_fit_positions(const void *config, const struct fit_rows *rows, struct params *params, struct err *e)
{
    struct param *means = params_find(params, FEATURES_MEANS);
    const size_t positions = (size_t)means->shape.d[0];
    const int chunks = positions < CHUNKS ? 1 : CHUNKS;
    struct gaussians g;
    (void)config;
    int code = gaussians_new(&g, rows, positions, e);
    if (!code) {
        g.means = means->value;
        g.whitening = params_find(params, FEATURES_WHITENING)->value;
        find_means(&g, positions);
        parallel_chunks(rows->threads, positions, chunks, whiten_chunk, &g);
    }
    gaussians_free(&g);
    return code;
}

/* ---- the pictures ---- */

/* Where each sample's rows begin; `n` of them in all. */
static int list_samples(const struct fit_rows *rows, size_t **begin, size_t *n, struct err *e)
{
    *begin = malloc((rows->n + 1) * sizeof **begin);
    *n = 0;
    if (!*begin)
        return err_memory(e, "the pictures to remember");
    for (size_t i = 0; i < rows->n; i++)
        if (!i || rows->samples[rows->index[i]] != rows->samples[rows->index[i - 1]])
            (*begin)[(*n)++] = i;
    return 0;
}

static void mean_rows(const struct fit_rows *rows, size_t begin, size_t positions, float *mean)
{
    for (size_t k = 0; k < rows->width; k++) {
        double sum = 0;
        for (size_t p = 0; p < positions; p++)
            sum += (double)fit_row(rows, begin + p)[k];
        mean[k] = (float)(sum / (double)positions);
    }
}

/* The pictures that `chosen` names, into the gallery from place `at` on. */
static void hang(const struct fit_rows *rows, const size_t *begin, const size_t *chosen, size_t n, size_t at,
                 struct params *params)
{
    struct param *gallery = params_find(params, FEATURES_GALLERY), *means = params_find(params, FEATURES_GALLERY_MEANS);
    const size_t positions = (size_t)gallery->shape.d[1], w = rows->width;
    for (size_t k = 0; k < n; k++) {
        float *to = gallery->value + (at + k) * positions * w;
        for (size_t p = 0; p < positions; p++)
            memcpy(to + p * w, fit_row(rows, begin[chosen[k]] + p), w * sizeof *to);
        mean_rows(rows, begin[chosen[k]], positions, means->value + (at + k) * w);
    }
    params_find(params, FEATURES_GALLERY_COUNT)->value[0] = (float)(at + n);
}

/* All pictures, or of more than there is room for those that are farthest apart. */
static int choose_pictures(const struct fit_rows *rows, const size_t *begin, size_t n, struct params *params,
                           struct err *e)
{
    const struct param *gallery = params_find(params, FEATURES_GALLERY);
    const size_t room = (size_t)gallery->shape.d[0], w = rows->width, count = n < room ? n : room;
    float *means = malloc(n * w * sizeof *means);
    size_t *chosen = malloc(count * sizeof *chosen);
    int code = means && chosen ? 0 : err_memory(e, "the pictures to remember");
    for (size_t k = 0; !code && k < n; k++)
        mean_rows(rows, begin[k], (size_t)gallery->shape.d[1], means + k * w);
    const struct centre_rows all = {means, n, w, rows->threads};
    if (!code)
        code = centres_choose(&all, count, rows->seed, chosen, e);
    if (!code)
        hang(rows, begin, chosen, count, 0, params);
    free(means);
    free(chosen);
    return code;
}

int features_fit_pictures(const void *config, const struct fit_rows *rows, struct params *params, struct err *e)
{
    size_t *begin, n;
    (void)config;
    struct param *gallery = params_find(params, FEATURES_GALLERY);
    int code = list_samples(rows, &begin, &n, e);
    memset(gallery->value, 0, gallery->count * sizeof *gallery->value);
    if (!code)
        code = choose_pictures(rows, begin, n, params, e);
    free(begin);
    return code;
}
