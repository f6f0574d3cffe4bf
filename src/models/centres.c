#include "models/centres.h"

#include "base/rng.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 64 };

struct search {
    const float *rows, *newest; /* the centre chosen last */
    size_t width;
    float *distance; /* squared, of each row to its nearest centre */
    size_t farthest[CHUNKS];
};

static void search_chunk(void *context, int chunk, size_t begin, size_t end)
{
    struct search *s = context;
    size_t best = begin;
    for (size_t i = begin; i < end; i++) {
        float d = rows_square_distance(s->rows + i * s->width, s->newest, s->width);
        s->distance[i] = d < s->distance[i] ? d : s->distance[i];
        best = s->distance[i] > s->distance[best] ? i : best;
    }
    s->farthest[chunk] = best;
}

int centres_choose(const float *rows, size_t n, size_t width, size_t count, uint64_t seed, int threads, float *centres,
                   struct err *e)
{
    struct search s = {.rows = rows, .width = width, .distance = malloc(n * sizeof *s.distance)};
    struct rng r = rng_new(seed, rng_stream("centres"));
    size_t next = (size_t)rng_below(&r, n);
    const int chunks = n < CHUNKS ? 1 : CHUNKS;
    if (!s.distance)
        return err_memory(e, "the centres of a bank");
    for (size_t i = 0; i < n; i++)
        s.distance[i] = INFINITY;
    for (size_t k = 0; k < count; k++) {
        memcpy(centres + k * width, rows + next * width, width * sizeof *centres);
        s.newest = centres + k * width;
        parallel_chunks(threads, n, chunks, search_chunk, &s);
        next = s.farthest[0];
        for (int c = 1; c < chunks; c++)
            next = s.distance[s.farthest[c]] > s.distance[next] ? s.farthest[c] : next;
    }
    free(s.distance);
    return 0;
}
