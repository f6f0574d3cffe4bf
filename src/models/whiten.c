#include "models/whiten.h"

#include "base/hot.h"
#include "base/rng.h"
#include "models/cholesky.h"
#include "nn/dnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the mean variance of the components kept, added to each. */
static const double SHARE_ADDED = 0.01;

enum {
    BLOCK = 1024, /* rows at a time */
    SPARE = 32,   /* directions followed beside those that are kept, so that these settle soon */
    ROUNDS = 12,  /* of the iteration */
    SWEEPS = 30,
};

/* What the largest components of a covariance are found with: `basis` turns into them, a direction a row. */
struct spectrum {
    int64_t width, size; /* of the covariance; directions */
    double *mean;
    float *centred;           /* BLOCK x width */
    float *covariance;        /* width x width */
    float *basis, *image;     /* size x width */
    float *small;             /* size x size */
    double *matrix, *turning; /* size x size */
};

static void spectrum_free(struct spectrum *s)
{
    free(s->mean);
    free(s->centred);
    free(s->covariance);
    free(s->basis);
    free(s->image);
    free(s->small);
    free(s->matrix);
    free(s->turning);
}

static int spectrum_new(struct spectrum *s, size_t width, int components, struct err *e)
{
    size_t size = (size_t)components + SPARE < width ? (size_t)components + SPARE : width;
    *s = (struct spectrum){.width = (int64_t)width, .size = (int64_t)size};
    bool done = (s->mean = calloc(width, sizeof *s->mean)) != NULL;
    done &= (s->centred = malloc(BLOCK * width * sizeof *s->centred)) != NULL;
    done &= (s->covariance = calloc(width * width, sizeof *s->covariance)) != NULL;
    done &= (s->basis = malloc(size * width * sizeof *s->basis)) != NULL;
    done &= (s->image = malloc(size * width * sizeof *s->image)) != NULL;
    done &= (s->small = malloc(size * size * sizeof *s->small)) != NULL;
    done &= (s->matrix = malloc(size * size * sizeof *s->matrix)) != NULL;
    done &= (s->turning = malloc(size * size * sizeof *s->turning)) != NULL;
    return done ? 0 : err_memory(e, "principal components");
}

static int no_product(struct err *e)
{
    return err_set(e, ERR_MEMORY,
                   "oneDNN could not multiply the matrices of principal components, most likely for want "
                   "of memory");
}

/* ---- mean and covariance ---- */

HOT static void add_row(double *restrict sum, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += (double)x[i];
}

HOT static void centre_row(float *restrict to, const float *restrict x, const double *restrict mean, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)((double)x[i] - mean[i]);
}

/* Of the products of n centred rows those right of the diagonal, and some beside it: the others are the same. */
static bool add_products(const struct spectrum *s, int64_t n, float factor)
{
    enum { BAND = 192 };
    const int64_t w = s->width;
    bool done = true;
    for (int64_t i = 0; i < w && done; i += BAND) {
        const int64_t height = w - i < BAND ? w - i : BAND;
        done = dnn_gemm(true, false, height, w - i, n, factor, s->centred + i, w, s->centred + i, w, 1,
                        s->covariance + i * w + i, w);
    }
    return done;
}

static int measure(struct spectrum *s, const struct fit_rows *rows, struct err *e)
{
    const int64_t w = s->width;
    for (size_t i = 0; i < rows->n; i++)
        add_row(s->mean, fit_row(rows, i), w);
    for (int64_t k = 0; k < w; k++)
        s->mean[k] /= (double)rows->n;
    for (size_t at = 0; at < rows->n; at += BLOCK) {
        size_t n = rows->n - at < BLOCK ? rows->n - at : BLOCK;
        for (size_t i = 0; i < n; i++)
            centre_row(s->centred + i * (size_t)w, fit_row(rows, at + i), s->mean, w);
        if (!add_products(s, (int64_t)n, 1 / (float)rows->n))
            return no_product(e);
    }
    for (int64_t i = 0; i < w; i++)
        for (int64_t k = 0; k < i; k++)
            s->covariance[i * w + k] = s->covariance[k * w + i];
    return 0;
}

/* ---- the largest components: subspace iteration ---- */

/* The inverse of the Cholesky factor of `matrix`, to `small`. What products in float leave uncertain is added to its
 * diagonal, so that directions which depend on others end near 0. */
static void invert_factor(const struct spectrum *s)
{
    static const double uncertain = 1e-6;
    const int64_t n = s->size;
    double trace = 1e-30;
    for (int64_t i = 0; i < n; i++)
        trace += s->matrix[i * n + i];
    for (int64_t i = 0; i < n; i++)
        s->matrix[i * n + i] += uncertain * trace;
    cholesky_factor(s->matrix, n, uncertain * uncertain * trace);
    cholesky_invert(s->matrix, n, s->turning);
    for (int64_t i = 0; i < n * n; i++)
        s->small[i] = (float)s->turning[i];
}

static void widen(const struct spectrum *s)
{
    for (int64_t i = 0; i < s->size * s->size; i++)
        s->matrix[i] = (double)s->small[i];
}

/* Directions of `image` at right angles and of length 1 (by the Cholesky factor of their products), to `basis`. */
static bool straighten(const struct spectrum *s)
{
    const int64_t n = s->size, w = s->width;
    if (!dnn_gemm(false, true, n, n, w, 1, s->image, w, s->image, w, 0, s->small, n))
        return false;
    widen(s);
    invert_factor(s);
    return dnn_gemm(false, false, n, w, n, 1, s->small, n, s->image, w, 0, s->basis, w);
}

/* Twice: the first time leaves what rounding made of steep spectra. */
static bool straighten_twice(struct spectrum *s)
{
    if (!straighten(s))
        return false;
    memcpy(s->image, s->basis, (size_t)(s->size * s->width) * sizeof *s->image);
    return straighten(s);
}

static bool iterate(struct spectrum *s, uint64_t seed)
{
    const int64_t n = s->size, w = s->width;
    struct rng r = rng_new(seed, rng_stream("components"));
    for (int64_t i = 0; i < n * w; i++)
        s->image[i] = rng_normal(&r);
    bool done = straighten_twice(s);
    for (int k = 0; k < ROUNDS && done; k++)
        done = dnn_gemm(false, false, n, w, w, 1, s->basis, w, s->covariance, w, 0, s->image, w) && straighten_twice(s);
    return done;
}

/* ---- what the covariance is within them: its eigenvalues, by Jacobi's rotations ---- */

HOT static void rotate(double *restrict a, double *restrict b, int64_t n, double c, double s)
{
    for (int64_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        a[i] = c * x - s * y;
        b[i] = s * x + c * y;
    }
}

static void rotate_pair(const struct spectrum *s, int64_t p, int64_t q)
{
    const int64_t n = s->size;
    double *a = s->matrix, off = a[p * n + q];
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1);
    rotate(a + p * n, a + q * n, n, c, t * c);
    for (int64_t i = 0; i < n; i++) {
        double x = a[i * n + p], y = a[i * n + q];
        a[i * n + p] = c * x - t * c * y;
        a[i * n + q] = t * c * x + c * y;
    }
    rotate(s->turning + p * n, s->turning + q * n, n, c, t * c);
}

/* matrix becomes diagonal, turning the rotation that makes it so, a direction a row. */
static void diagonalise(const struct spectrum *s)
{
    const int64_t n = s->size;
    double trace = 0;
    memset(s->turning, 0, (size_t)(n * n) * sizeof *s->turning);
    for (int64_t i = 0; i < n; i++) {
        s->turning[i * n + i] = 1;
        trace += s->matrix[i * n + i];
    }
    const double small = 1e-9 * trace / (double)n;
    for (int sweep = 0, rotations = 1; sweep < SWEEPS && rotations; sweep++) {
        rotations = 0;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++)
                if (fabs(s->matrix[p * n + q]) > small) {
                    rotate_pair(s, p, q);
                    rotations++;
                }
    }
}

static int settle(struct spectrum *s, struct err *e)
{
    const int64_t n = s->size, w = s->width;
    if (!dnn_gemm(false, false, n, w, w, 1, s->basis, w, s->covariance, w, 0, s->image, w) ||
        !dnn_gemm(false, true, n, n, w, 1, s->image, w, s->basis, w, 0, s->small, n))
        return no_product(e);
    widen(s);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < i; k++)
            s->matrix[i * n + k] = s->matrix[k * n + i] = (s->matrix[i * n + k] + s->matrix[k * n + i]) / 2;
    diagonalise(s);
    for (int64_t i = 0; i < n * n; i++)
        s->small[i] = (float)s->turning[i];
    return dnn_gemm(false, false, n, w, n, 1, s->small, n, s->basis, w, 0, s->image, w) ? 0 : no_product(e);
}

/* ---- */

/* The place of the k-th largest of the diagonal. */
static int64_t place_of(const struct spectrum *s, bool *taken)
{
    const int64_t n = s->size;
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (!taken[i] && (best < 0 || s->matrix[i * n + i] > s->matrix[best * n + best]))
            best = i;
    taken[best] = true;
    return best;
}

/* Directions of s->image, largest first, divided by their deviations. */
static int write_rows(const struct spectrum *s, int components, float *weight, float *bias, struct err *e)
{
    const int64_t n = s->size, w = s->width;
    const int kept = components < n ? components : (int)n;
    bool *taken = calloc((size_t)n, sizeof *taken);
    int64_t *places = malloc((size_t)n * sizeof *places);
    double mean = 0;
    memset(weight, 0, (size_t)(components * w) * sizeof *weight);
    memset(bias, 0, (size_t)components * sizeof *bias);
    for (int k = 0; taken && places && k < kept; k++) {
        places[k] = place_of(s, taken);
        mean += fmax(s->matrix[places[k] * n + places[k]], 0) / kept;
    }
    for (int k = 0; taken && places && k < kept; k++) {
        double variance = fmax(s->matrix[places[k] * n + places[k]], 0) + SHARE_ADDED * mean, shift = 0;
        double factor = 1 / sqrt(variance + 1e-20);
        for (int64_t i = 0; i < w; i++) {
            weight[k * w + i] = (float)((double)s->image[places[k] * w + i] * factor);
            shift -= (double)weight[k * w + i] * s->mean[i];
        }
        bias[k] = (float)shift;
    }
    bool done = taken && places;
    free(taken);
    free(places);
    return done ? 0 : err_memory(e, "principal components");
}

int whiten_fit(const struct fit_rows *rows, int components, float *weight, float *bias, struct err *e)
{
    struct spectrum s;
    int code = spectrum_new(&s, rows->width, components, e);
    if (!code)
        code = measure(&s, rows, e);
    if (!code && !iterate(&s, rows->seed))
        code = no_product(e);
    if (!code)
        code = settle(&s, e);
    if (!code)
        code = write_rows(&s, components, weight, bias, e);
    spectrum_free(&s);
    return code;
}
