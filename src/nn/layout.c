#include "nn/layout.h"

#include <stdbool.h>
#include <stdlib.h>

static int larger_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* a total order: the layout is the same on every run */
}

static int lower_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static size_t padded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static bool takes_room(const struct buffer *b)
{
    return b->bytes && !b->external && b->begin <= b->end;
}

/* `placed` is sorted by offset; walks it once, keeping the end of what is alive together with b. */
static size_t lowest_gap(const struct buffer *b, struct buffer *const *placed, int n)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const struct buffer *p = placed[i];
        if (p->begin > b->end || p->end < b->begin)
            continue;
        if (p->offset >= at + padded(b->bytes))
            break;
        if (p->offset + padded(p->bytes) > at)
            at = p->offset + padded(p->bytes);
    }
    return at;
}

int layout_solve(struct buffer *buffers, int n, size_t *bytes, struct err *e)
{
    struct buffer **order = calloc((size_t)(n ? 2 * n : 1), sizeof *order);
    if (!order)
        return err_memory(e, "the memory layout");
    int count = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&buffers[i]))
            order[count++] = &buffers[i];
    qsort(order, (size_t)count, sizeof *order, larger_first);
    struct buffer **placed = order + n;
    *bytes = 0;
    for (int i = 0; i < count; i++) {
        struct buffer *b = order[i];
        b->offset = lowest_gap(b, placed, i);
        if (b->offset + padded(b->bytes) > *bytes)
            *bytes = b->offset + padded(b->bytes);
        placed[i] = b;
        qsort(placed, (size_t)i + 1, sizeof *placed, lower_first);
    }
    free(order);
    return 0;
}
