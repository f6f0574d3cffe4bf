#include "nn/layout.h"

#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* A try places all buffers, each against all others: of many there are fewer tries, so that this takes some 0.1 s. */
enum { WORTH_TRYING = 16 << 20, TRIES = 1000 };
static const double STEPS = 1e8;

/* Orders to place the buffers in. Each ends in a total order, so that the layout is the same on every run. */

static int by_address(const struct buffer *x, const struct buffer *y)
{
    return x < y ? -1 : x > y;
}

static int larger_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : by_address(x, y);
}

static int longer_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    int life_x = x->end - x->begin, life_y = y->end - y->begin;
    return life_x != life_y ? (life_x < life_y ? 1 : -1) : larger_first(a, b);
}

/* Greedy by breadth: what is alive at the fullest moment first. */
static int fuller_first(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    return x->pressure != y->pressure ? (x->pressure < y->pressure ? 1 : -1) : larger_first(a, b);
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
        if (p->offset >= at + layout_padded(b->bytes))
            break;
        if (p->offset + layout_padded(p->bytes) > at)
            at = p->offset + layout_padded(p->bytes);
    }
    return at;
}

/* Places the buffers in their order, each at the lowest gap; returns the block's size. */
static size_t place_all(struct buffer *const *order, struct buffer **placed, int n)
{
    size_t top = 0;
    for (int i = 0; i < n; i++) {
        struct buffer *b = order[i];
        b->offset = lowest_gap(b, placed, i);
        if (b->offset + layout_padded(b->bytes) > top)
            top = b->offset + layout_padded(b->bytes);
        int at = i; /* placed stays sorted by offset */
        for (; at > 0 && placed[at - 1]->offset > b->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = b;
    }
    return top;
}

static void swap(struct buffer **order, size_t i, size_t k)
{
    struct buffer *b = order[i];
    order[i] = order[k];
    order[k] = b;
}

/* Swaps two buffers at random in the order of placing, and keeps what makes the block smaller. */
static size_t improve(struct buffer **order, struct buffer **placed, int n, size_t size, size_t bound)
{
    struct rng r = rng_new(0, 0); /* always the same swaps: the layout is the same on every run */
    double tries = fmin(TRIES, STEPS / ((double)n * n));
    for (int k = 0; k < tries && size > bound; k++) {
        size_t a = rng_below(&r, (uint64_t)n), b = rng_below(&r, (uint64_t)n);
        swap(order, a, b);
        size_t now = place_all(order, placed, n);
        if (now > size)
            swap(order, a, b);
        else
            size = now;
    }
    return size;
}

/* Sets every buffer's pressure, the most bytes alive at once during its life, and returns the largest: no block can be
 * smaller. Only where a buffer begins does the sum grow, so only those moments are looked at. */
static size_t set_pressure(struct buffer **order, int n)
{
    size_t most = 0;
    for (int i = 0; i < n; i++)
        order[i]->pressure = 0;
    for (int m = 0; m < n; m++) {
        int moment = order[m]->begin;
        size_t alive = 0;
        for (int i = 0; i < n; i++)
            if (order[i]->begin <= moment && order[i]->end >= moment)
                alive += order[i]->bytes;
        for (int i = 0; i < n; i++)
            if (order[i]->begin <= moment && order[i]->end >= moment && order[i]->pressure < alive)
                order[i]->pressure = alive;
        if (alive > most)
            most = alive;
    }
    return most;
}

int layout_solve(struct buffer *buffers, int n, size_t *bytes, struct err *e)
{
    static int (*const orders[])(const void *, const void *) = {larger_first, longer_first, fuller_first};
    enum { ORDERS = sizeof orders / sizeof *orders };
    struct buffer **order = calloc((size_t)(n ? 2 * n : 1), sizeof *order);
    if (!order)
        return err_memory(e, "the memory layout");
    int count = 0, best = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&buffers[i]))
            order[count++] = &buffers[i];
    size_t bound = set_pressure(order, count);
    for (int k = 0; k < ORDERS; k++) {
        qsort(order, (size_t)count, sizeof *order, orders[k]);
        size_t size = place_all(order, order + n, count);
        if (k == 0 || size < *bytes) {
            *bytes = size;
            best = k;
        }
    }
    qsort(order, (size_t)count, sizeof *order, orders[best]);
    if (*bytes >= WORTH_TRYING)
        *bytes = improve(order, order + n, count, *bytes, bound + bound / 50);
    place_all(order, order + n, count);
    free(order);
    return 0;
}
