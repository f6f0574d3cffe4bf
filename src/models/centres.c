#include "models/centres.h"

#include "base/rng.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Going through all rows for every centre waits for memory, and the threads for each other. So the rows that are
 * farthest now, one of which is the next centre and several of which may well be among the next ones, are measured
 * against all rows together. What is chosen is what one at a time would have chosen. */
enum { CANDIDATES = 16, GRAIN = 256 };

struct search {
    const struct centre_rows *rows;
    float *distance; /* squared, of each row to its nearest centre */
    size_t candidates[CANDIDATES];
    size_t ncandidates;
    float *column; /* of each candidate: the squared distance of every row to it */
};

static void search_free(struct search *s)
{
    free(s->distance);
    free(s->column);
}

static int search_begin(struct search *s, const struct centre_rows *rows, struct err *e)
{
    *s = (struct search){.rows = rows,
                         .distance = malloc(rows->n * sizeof *s->distance),
                         .column = malloc(CANDIDATES * rows->n * sizeof *s->column)};
    if (!s->distance || !s->column)
        return err_memory(e, "the centres of a bank");
    for (size_t i = 0; i < rows->n; i++)
        s->distance[i] = INFINITY;
    return 0;
}

static const float *row_of(const struct centre_rows *rows, size_t i)
{
    return rows->values + i * rows->width;
}

/* ---- candidates ---- */

/* `first` and those that are farthest after it. */
static void find_candidates(struct search *s, size_t first)
{
    size_t *list = s->candidates, n = 1;
    list[0] = first;
    for (size_t i = 0; i < s->rows->n; i++) {
        const float d = s->distance[i];
        if (i == first || (n == CANDIDATES && d <= s->distance[list[n - 1]]))
            continue;
        size_t at = n < CANDIDATES ? n++ : n - 1;
        for (; at > 1 && d > s->distance[list[at - 1]]; at--)
            list[at] = list[at - 1];
        list[at] = i;
    }
    s->ncandidates = n;
}

static void measure_range(void *context, size_t begin, size_t end)
{
    const struct search *s = context;
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < s->ncandidates; k++)
            s->column[k * s->rows->n + i] =
                rows_square_distance(row_of(s->rows, i), row_of(s->rows, s->candidates[k]), s->rows->width);
}

/* The column of row i, measured now where it is none of the candidates. */
static const float *column_of(struct search *s, size_t i)
{
    for (size_t k = 0; k < s->ncandidates; k++)
        if (s->candidates[k] == i)
            return s->column + k * s->rows->n;
    find_candidates(s, i);
    parallel_ranges(s->rows->threads, s->rows->n, GRAIN, measure_range, s);
    return s->column;
}

HOT static void lower(float *restrict distance, const float *restrict column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        distance[i] = column[i] < distance[i] ? column[i] : distance[i];
}

HOT static float greatest(const float *distance, size_t n)
{
    float most = 0;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++)
        most = distance[i] > most ? distance[i] : most;
    return most;
}

/* The first of the farthest rows. */
static size_t farthest(const struct search *s)
{
    const float most = greatest(s->distance, s->rows->n);
    size_t i = 0;
    while (i + 1 < s->rows->n && s->distance[i] < most)
        i++;
    return i;
}

static void take(struct search *s, size_t i)
{
    lower(s->distance, column_of(s, i), s->rows->n);
}

/* ---- choosing ---- */

int centres_choose(const struct centre_rows *rows, size_t count, uint64_t seed, size_t *chosen, struct err *e)
{
    struct search s;
    struct rng r = rng_new(seed, rng_stream("centres"));
    size_t next = (size_t)rng_below(&r, rows->n);
    int code = search_begin(&s, rows, e);
    for (size_t k = 0; !code && k < count; k++, next = farthest(&s)) {
        chosen[k] = next;
        take(&s, next);
    }
    search_free(&s);
    return code;
}

/* ---- adding ---- */

struct old_centres {
    struct search *search;
    const float *centres;
    size_t n;
};

static void reach_range(void *context, size_t begin, size_t end)
{
    const struct old_centres *o = context;
    const struct centre_rows *rows = o->search->rows;
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < o->n; k++) {
            float d = rows_square_distance(row_of(rows, i), o->centres + k * rows->width, rows->width);
            o->search->distance[i] = d < o->search->distance[i] ? d : o->search->distance[i];
        }
}

/* The least squared distance of two centres that are not, but for rounding, the same; 0: they all are. */
static float spacing(const float *centres, size_t n, size_t width)
{
    static const float rounding = 1e-9f; /* of the greatest one */
    float least = INFINITY, most = 0;
    for (size_t i = 0; i < n; i++) {
        float d = rows_square_distance(centres + i * width, centres, width);
        most = d > most ? d : most;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) {
            float d = rows_square_distance(centres + i * width, centres + k * width, width);
            least = d > rounding * most && d < least ? d : least;
        }
    return isfinite(least) ? least : 0;
}

int centres_add(const struct centre_rows *rows, const float *centres, size_t have, size_t most, size_t *chosen,
                size_t *count, struct err *e)
{
    struct search s;
    struct old_centres old = {&s, centres, have};
    const float near = spacing(centres, have, rows->width);
    int code = search_begin(&s, rows, e);
    *count = 0;
    if (!code && rows->n)
        parallel_ranges(rows->threads, rows->n, GRAIN / 16, reach_range, &old);
    while (!code && rows->n && *count < most) {
        size_t next = farthest(&s);
        if (s.distance[next] <= near)
            break;
        chosen[(*count)++] = next;
        take(&s, next);
    }
    search_free(&s);
    return code;
}
