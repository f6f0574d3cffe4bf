#include "stats/regions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* While regions are joined, label[i] - 1 is an earlier pixel of the same region, or i itself where none is known. */
static uint32_t first_of(uint32_t *label, uint32_t i)
{
    while (label[i] != i + 1)
        i = (label[i] = label[label[i] - 1]) - 1;
    return i;
}

static void join(uint32_t *label, uint32_t a, uint32_t b)
{
    a = first_of(label, a);
    b = first_of(label, b);
    if (a < b)
        label[b] = a + 1;
    else
        label[a] = b + 1;
}

/* Joins a pixel with those of its eight neighbours that come before it. */
static void join_earlier(uint32_t *label, uint32_t i, bool left, bool right, bool above, uint32_t width)
{
    if (left && label[i - 1])
        join(label, i, i - 1);
    if (above && left && label[i - width - 1])
        join(label, i, i - width - 1);
    if (above && label[i - width])
        join(label, i, i - width);
    if (above && right && label[i - width + 1])
        join(label, i, i - width + 1);
}

uint32_t regions_label(const uint8_t *mask, int width, int height, uint32_t *label)
{
    uint32_t w = (uint32_t)width, count = w * (uint32_t)height, n = 0;
    for (uint32_t i = 0; i < count; i++) {
        label[i] = mask[i] ? i + 1 : 0;
        if (mask[i])
            join_earlier(label, i, i % w > 0, i % w + 1 < w, i >= w, w);
    }
    /* What comes before a pixel has its number by now. */
    for (uint32_t i = 0; i < count; i++)
        if (label[i])
            label[i] = label[i] == i + 1 ? ++n : label[label[i] - 1];
    return n;
}

uint32_t regions_most(int width, int height)
{
    return ((uint32_t)width + 1) / 2 * (((uint32_t)height + 1) / 2);
}

/* ---- of a heat map ---- */

/* A pixel that comes behind those that the region has. */
static void widen(struct region *r, int x, int y, float value)
{
    int right = r->x + r->width, bottom = r->y + r->height;
    if (!r->area || value > r->peak) {
        r->peak = value;
        r->peak_x = x;
        r->peak_y = y;
    }
    r->y = r->area ? r->y : y;
    r->x = r->area && r->x < x ? r->x : x;
    r->width = (r->area && right > x + 1 ? right : x + 1) - r->x;
    r->height = (r->area && bottom > y + 1 ? bottom : y + 1) - r->y;
    r->area++;
}

static int by_peak(const void *a, const void *b)
{
    const struct region *x = a, *y = b;
    if (x->peak > y->peak || x->peak < y->peak)
        return x->peak > y->peak ? -1 : 1;
    if (x->peak_y != y->peak_y)
        return x->peak_y > y->peak_y ? 1 : -1;
    return (x->peak_x > y->peak_x) - (x->peak_x < y->peak_x);
}

/* With room for a mask and its labels. */
static int find(const float *map, int width, int height, float level, uint8_t *mask, uint32_t *label,
                struct region **out, size_t *n, struct err *e)
{
    size_t count = (size_t)width * (size_t)height;
    for (size_t i = 0; i < count; i++)
        mask[i] = isfinite(map[i]) && map[i] > level;
    *n = regions_label(mask, width, height, label);
    *out = calloc(*n + 1, sizeof **out);
    if (!*out)
        return err_memory(e, "the regions of a map");
    for (size_t i = 0; i < count; i++)
        if (label[i])
            widen(&(*out)[label[i] - 1], (int)(i % (size_t)width), (int)(i / (size_t)width), map[i]);
    qsort(*out, *n, sizeof **out, by_peak);
    return 0;
}

int regions_find(const float *map, int width, int height, float level, struct region **out, size_t *n, struct err *e)
{
    size_t count = (size_t)width * (size_t)height;
    uint8_t *mask = calloc(count, 1);
    uint32_t *label = malloc(count * sizeof *label);
    int code =
        mask && label ? find(map, width, height, level, mask, label, out, n, e) : err_memory(e, "the regions of a map");
    free(mask);
    free(label);
    return code;
}
