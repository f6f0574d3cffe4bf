#include "stats/regions.h"

#include <stdbool.h>
#include <stddef.h>

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
