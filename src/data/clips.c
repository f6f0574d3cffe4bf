#include "data/clips.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t clips_span(const struct clips *c)
{
    return (int64_t)(c->length - 1) * c->step + 1;
}

/* Frames from a clip's first to the end of its share, where another clip follows. */
static int64_t reach(const struct clips *c)
{
    return least((int64_t)c->about * c->step + (c->hop + 1) / 2, clips_span(c));
}

int64_t clips_count(const struct clips *c, int64_t total)
{
    const int64_t last = total - clips_span(c); /* where the last may begin */
    return last < 0 ? 0 : last / c->hop + 1 + (last % c->hop && last / c->hop * c->hop + reach(c) < total);
}

int64_t clips_start(const struct clips *c, int64_t k, int64_t total)
{
    return least(k * c->hop, total - clips_span(c));
}

int64_t clips_share(const struct clips *c, int64_t k, int64_t total, int64_t *first)
{
    *first = k ? (k - 1) * c->hop + reach(c) : 0;
    return total != CLIPS_ENDLESS && k == clips_count(c, total) - 1 ? total : k * c->hop + reach(c);
}

int clips_place(const struct clips *c, int64_t k, int64_t total, int64_t frame)
{
    int64_t inside = frame - clips_start(c, k, total);
    if (inside < 0)
        return 0;
    return (int)least((inside + c->step / 2) / c->step, c->length - 1);
}

int64_t clips_latency(const struct clips *c)
{
    const int64_t later =
        clips_span(c) - 1 + c->hop - reach(c); /* of the first frame of a share but the first clip's */
    return later > clips_span(c) - 1 ? later : clips_span(c) - 1;
}
