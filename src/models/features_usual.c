/* How far positions usually are from a bank, and where: at a picture's edge, at print, where light plays, they always
 * are farther than elsewhere. The rows that the bank was chosen from say so, each by the items of other pictures: to
 * those of its own it is nearer than a new picture would be. */
#include "base/hot.h"
#include "models/features.h"
#include "nn/dnn.h"

#include <math.h>
#include <stdlib.h>

enum {
    AROUND = 2, /* positions each way that say together what is usual at one */
    BLOCK = 1024,
};

/* Of the mean deviation, added to each: without it the quietest corner of all pictures would decide. */
static const double FLOOR = 0.3;

/* ---- measuring ---- */

struct measuring {
    const struct fit_rows *rows;
    const float *white, *items; /* whitened rows of `width`, and those of them that are the items, */
    const size_t *chosen;       /* which are these */
    size_t width, nitems;
    float *distance; /* of each row; INFINITY: all items are of its own picture */
    float *products; /* BLOCK x nitems */
    float *squares;  /* nitems: of the items' lengths */
};

static size_t picture_of(const struct fit_rows *rows, size_t i)
{
    return rows->samples[rows->index[i]];
}

HOT static float square(const float *v, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sum;
}

/* Of the i-th row, whose products with all items are given: |x - m|^2 = |x|^2 + |m|^2 - 2 x m. */
static float nearest(const struct measuring *m, size_t i, const float *products)
{
    const size_t own = picture_of(m->rows, i);
    float least = INFINITY;
    for (size_t k = 0; k < m->nitems; k++) {
        const float d = m->squares[k] - 2 * products[k];
        least = d < least && picture_of(m->rows, m->chosen[k]) != own ? d : least;
    }
    return sqrtf(fmaxf(square(m->white + i * m->width, m->width) + least, 0));
}

/* Products of a block of rows with all items at once. */
static bool measure(const struct measuring *m)
{
    const int64_t items = (int64_t)m->nitems, width = (int64_t)m->width;
    for (size_t k = 0; k < m->nitems; k++)
        m->squares[k] = square(m->items + k * m->width, m->width);
    for (size_t at = 0; at < m->rows->n; at += BLOCK) {
        const size_t n = m->rows->n - at < BLOCK ? m->rows->n - at : BLOCK;
        if (!dnn_gemm(false, true, (int64_t)n, items, width, 1, m->white + at * m->width, width, m->items, width, 0,
                      m->products, items))
            return false;
        for (size_t i = 0; i < n; i++)
            m->distance[at + i] = nearest(m, at + i, m->products + i * m->nitems);
    }
    return true;
}

/* ---- at each position ---- */

/* How many rows were measured, and the sums of their distances and of the squares. */
struct sums {
    int64_t height, width;
    double *n, *sum, *square;
};

static void add_up(struct sums *s, const struct measuring *m)
{
    const size_t count = (size_t)(s->height * s->width);
    for (size_t i = 0; i < m->rows->n; i++) {
        const size_t p = m->rows->places[m->rows->index[i]] % count; /* in tiles they begin anew in each */
        const double d = (double)m->distance[i];
        if (!isfinite(d))
            continue;
        s->n[p]++;
        s->sum[p] += d;
        s->square[p] += d * d;
    }
}

/* Mean and deviation at a position, of the rows around it; false: there are none. */
static bool usual_at(const struct sums *s, int64_t y, int64_t x, double *mean, double *deviation)
{
    double n = 0, sum = 0, square = 0;
    for (int64_t v = y - AROUND; v <= y + AROUND; v++)
        for (int64_t u = x - AROUND; u <= x + AROUND; u++) {
            if (v < 0 || v >= s->height || u < 0 || u >= s->width)
                continue;
            n += s->n[v * s->width + u];
            sum += s->sum[v * s->width + u];
            square += s->square[v * s->width + u];
        }
    *mean = n > 0 ? sum / n : 0;
    *deviation = n > 0 ? sqrt(fmax(square / n - *mean * *mean, 0)) : 0;
    return n > 0;
}

/* Factors and shifts that bring a distance d to f (d - s) = m + (d - m_p) r / r_p, where m_p and r_p are mean and
 * deviation at the position and m and r their means: to what it would be at a position like the others. */
static void level(const struct sums *s, float *factor, float *shift)
{
    double m = 0, r = 0, n = 0, mean, deviation;
    for (int64_t p = 0; p < s->height * s->width; p++) {
        const bool known = usual_at(s, p / s->width, p % s->width, &mean, &deviation);
        m += known ? mean : 0;
        r += known ? deviation : 0;
        n += known;
    }
    m /= fmax(n, 1);
    r /= fmax(n, 1);
    for (int64_t p = 0; p < s->height * s->width; p++) {
        const bool known = usual_at(s, p / s->width, p % s->width, &mean, &deviation) && r > 0;
        const double f = known ? (1 + FLOOR) * r / (deviation + FLOOR * r) : 1;
        factor[p] = (float)f;
        shift[p] = known ? (float)(mean - m / f) : 0;
    }
}

int features_fit_usual(const struct fit_rows *rows, const float *white, const size_t *chosen, struct params *params,
                       struct err *e)
{
    const struct param *items = params_find(params, FEATURES_ITEMS_NAME);
    struct param *shift = params_find(params, FEATURES_USUAL), *factor = params_find(params, FEATURES_USUAL_FACTOR);
    const size_t places = shift->count, nitems = (size_t)items->shape.d[0];
    float *room = malloc((rows->n + (BLOCK + 1) * nitems) * sizeof *room);
    double *sums = calloc(3 * places, sizeof *sums);
    const struct measuring m = {rows,
                                white,
                                items->value,
                                chosen,
                                (size_t)items->shape.d[1],
                                nitems,
                                room,
                                room + rows->n,
                                room + rows->n + BLOCK * nitems};
    struct sums s = {shift->shape.d[0], shift->shape.d[1], sums, sums + places, sums + 2 * places};
    const bool done = room && sums && measure(&m);
    if (done) {
        add_up(&s, &m);
        level(&s, factor->value, shift->value);
    }
    free(room);
    free(sums);
    return done ? 0 : err_memory(e, "what is usual at each position");
}
