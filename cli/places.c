#include "places.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELL = 120 }; /* bytes of one region's text */

/* The list with room for all; their number, or -1. */
static int64_t list_all(struct places *r, const engram_scorer *scorer, engram_error *error)
{
    size_t n;
    if (engram_scorer_regions(scorer, 0, r->list, r->room, &n, error))
        return -1;
    if (n <= r->room && r->text)
        return (int64_t)n;
    free(r->list);
    free(r->text);
    r->room = n;
    r->list = calloc(n + 1, sizeof *r->list);
    r->text = calloc(n + 1, CELL);
    if (!r->list || !r->text) {
        error->code = ENGRAM_MEMORY;
        snprintf(error->message, sizeof error->message, "out of memory for %zu regions of a heat map", n);
        return -1;
    }
    r->list[0] = (engram_region)ENGRAM_REGION_INIT;
    return engram_scorer_regions(scorer, 0, r->list, r->room, &n, error) ? -1 : (int64_t)n;
}

int places_find(struct places *r, const engram_scorer *scorer, engram_error *error)
{
    int64_t n = list_all(r, scorer, error);
    size_t used = 0;
    bool clip = n > 0 && r->list[n - 1].frame;
    if (r->text)
        *r->text = 0;
    if (n < 0)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        const engram_region *a = &r->list[i];
        char *to = r->text + used;
        int length = snprintf(to, CELL, "%s", i ? "; " : "");
        if (clip)
            length += snprintf(to + length, CELL - (size_t)length, "%d: ", a->frame);
        length += snprintf(to + length, CELL - (size_t)length, "%d %d %d %d %lld %.4g", a->x, a->y, a->width, a->height,
                           (long long)a->area, a->peak);
        used += (size_t)length;
    }
    return 0;
}

void places_end(struct places *r)
{
    free(r->list);
    free(r->text);
}
