#include "nn/conv/winograd_tiles.h"

#include "nn/layout.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

/* Channels that are transformed at once: all that is between lies in the first cache. */
enum { STRIP = 64, GAP = 16 };

/* What is read ahead at once stays in the second cache. */
enum { AHEAD_BYTES = 256 << 10, CACHE_LINE = 64 };

/* ---- one direction of a tile, for n channels: from x[0], x[dx], ... to y[0], y[dy], ... ---- */

/* B' */
KERNEL void analyse(const float *const *x, int dx, float *const *y, int dy, int64_t n)
{
    const float *a = x[0], *b = x[dx], *c = x[2 * dx], *d = x[3 * dx], *e = x[4 * dx];
    float *p = y[0], *q = y[dy], *r = y[2 * dy], *s = y[3 * dy], *t = y[4 * dy];
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        p[i] = 2 * (a[i] - c[i]) + (d[i] - b[i]);
        q[i] = 2 * b[i] + (c[i] - d[i]);
        r[i] = 3 * c[i] - 2 * b[i] - d[i];
        s[i] = d[i] - b[i];
        t[i] = 2 * (b[i] - d[i]) + (e[i] - c[i]);
    }
}

/* B */
KERNEL void analyse_adjoint(const float *const *x, int dx, float *const *y, int dy, int64_t n)
{
    const float *a = x[0], *b = x[dx], *c = x[2 * dx], *d = x[3 * dx], *e = x[4 * dx];
    float *p = y[0], *q = y[dy], *r = y[2 * dy], *s = y[3 * dy], *t = y[4 * dy];
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        p[i] = 2 * a[i];
        q[i] = 2 * (b[i] - c[i] + e[i]) - a[i] - d[i];
        r[i] = b[i] - 2 * a[i] + 3 * c[i] - e[i];
        s[i] = a[i] - b[i] - c[i] + d[i] - 2 * e[i];
        t[i] = e[i];
    }
}

/* A' */
KERNEL void synthesise(const float *const *x, int dx, float *const *y, int dy, int64_t n)
{
    const float *a = x[0], *b = x[dx], *c = x[2 * dx], *d = x[3 * dx], *e = x[4 * dx];
    float *p = y[0], *q = y[dy], *r = y[2 * dy], *s = y[3 * dy];
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        p[i] = a[i] + b[i] + c[i] + d[i];
        q[i] = b[i] - c[i] + 2 * d[i];
        r[i] = b[i] + c[i] + 4 * d[i];
        s[i] = b[i] - c[i] + 8 * d[i] + e[i];
    }
}

/* A */
KERNEL void synthesise_adjoint(const float *const *x, int dx, float *const *y, int dy, int64_t n)
{
    const float *a = x[0], *b = x[dx], *c = x[2 * dx], *d = x[3 * dx];
    float *p = y[0], *q = y[dy], *r = y[2 * dy], *s = y[3 * dy], *t = y[4 * dy];
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        p[i] = a[i];
        q[i] = (a[i] + c[i]) + (b[i] + d[i]);
        r[i] = (a[i] + c[i]) - (b[i] + d[i]);
        s[i] = a[i] + 2 * b[i] + 4 * c[i] + 8 * d[i];
        t[i] = d[i];
    }
}

typedef void line_fn(const float *const *x, int dx, float *const *y, int dy, int64_t n);

/* Both directions: from `from` x `from` to `to` x `to` strips of n channels. */
KERNEL void transform(line_fn *line, int from, int to, const float *const *x, float *const *y, int64_t n)
{
    float room[PLACES * STRIP], *between[PLACES];
    const float *read[PLACES];
    for (int i = 0; i < from * to; i++)
        read[i] = between[i] = room + i * STRIP;
    for (int i = 0; i < from; i++)
        line(x + i * from, 1, between + i * to, 1, n);
    for (int j = 0; j < to; j++)
        line(read + j, to, y + j, to, n);
}

HOT static void analyse_strip(const float *const *x, float *const *y, int64_t n)
{
    transform(analyse, SIDE, SIDE, x, y, n);
}

HOT static void analyse_strip_adjoint(const float *const *x, float *const *y, int64_t n)
{
    transform(analyse_adjoint, SIDE, SIDE, x, y, n);
}

HOT static void synthesise_strip(const float *const *x, float *const *y, int64_t n)
{
    transform(synthesise, SIDE, RESULTS, x, y, n);
}

HOT static void synthesise_strip_adjoint(const float *const *x, float *const *y, int64_t n)
{
    transform(synthesise_adjoint, RESULTS, SIDE, x, y, n);
}

typedef void strip_fn(const float *const *x, float *const *y, int64_t n);

/* ---- sizes ---- */

static int64_t tiles_along(int64_t results)
{
    return (results + RESULTS - 1) / RESULTS;
}

/* At infinity the transform of a kernel's single line, or column, is 0. */
static bool is_live(int side, int place, int parity)
{
    bool below = side == 3 && place / SIDE == SIDE - 1 && parity / 2,
         right = side == 3 && place % SIDE == SIDE - 1 && parity % 2;
    return !below && !right;
}

static void set_live(struct tiling *t)
{
    for (int i = 0; i < PLACES; i++) {
        for (int p = 0; p < PARITIES; p++)
            t->live[i] += is_live(t->side, i, p);
        t->before[i + 1] = t->before[i] + t->live[i];
    }
}

void tiling_init(struct tiling *t, const struct winograd_spec *s)
{
    int nd = s->src.nd;
    bool timed = nd == 5;
    *t = (struct tiling){
        .side = s->side,
        .taps = timed ? 3 : 1,
        .step = timed ? 2 : 1,
        .samples = timed ? s->src.d[0] : 1,
        .frames = timed ? s->src.d[1] : s->src.d[0],
        .height = s->src.d[nd - 3],
        .width = s->src.d[nd - 2],
        .in = s->src.d[nd - 1],
        .results = timed ? s->dst.d[1] : s->dst.d[0],
        .rows = s->dst.d[nd - 3],
        .columns = s->dst.d[nd - 2],
        .out = s->dst.d[nd - 1],
        .down = tiles_along(s->dst.d[nd - 3]),
        .across = tiles_along(s->dst.d[nd - 2]),
    };
    set_live(t);
}

int64_t tiling_room(const struct tiling *t)
{
    return t->taps > 1 ? (t->frames + t->step - 1) / t->step : t->count;
}

int64_t tiling_frames(const struct tiling *t, int residue)
{
    return t->taps > 1 ? (t->frames - residue + t->step - 1) / t->step : t->count;
}

int64_t tiling_inputs(const struct tiling *t)
{
    return tiling_room(t) * t->step * t->lines * t->across;
}

int64_t tiling_products(const struct tiling *t)
{
    return t->count * t->lines * t->across;
}

int64_t tiling_input_step(const struct tiling *t, int place)
{
    return t->live[place] * t->in + GAP;
}

int64_t tiling_input_steps(const struct tiling *t, int places)
{
    return t->before[places] * t->in + places * GAP;
}

int64_t tiling_product_step(const struct tiling *t)
{
    return t->out + GAP;
}

float *tiling_input(const struct tiling *t, int place, int64_t number)
{
    return t->inputs + tiling_input_steps(t, place) * tiling_inputs(t) + tiling_input_step(t, place) * number;
}

float *tiling_product(const struct tiling *t, int place, int64_t number)
{
    return t->products + (place * tiling_products(t) + number) * tiling_product_step(t);
}

int tiling_slot(const struct tiling *t, int place, int parity)
{
    int slot = 0;
    for (int p = 0; p < parity; p++)
        slot += is_live(t->side, place, p);
    return is_live(t->side, place, parity) ? slot : -1;
}

/* ---- tiles ---- */

struct tile {
    int64_t number; /* its row */
    int64_t frame, y, x;
};

static struct tile tile_at(const struct tiling *t, int64_t number, int64_t frame)
{
    return (struct tile){number, frame, t->line + number / t->across % t->lines, number % t->across};
}

static struct tile dst_tile(const struct tiling *t, int64_t number)
{
    return tile_at(t, number, t->sample * t->results + t->frame + number / (t->lines * t->across));
}

/* False: there is no such frame, only room for it. */
static bool src_tile(const struct tiling *t, int64_t number, struct tile *out)
{
    int64_t place = number / (t->lines * t->across), room = tiling_room(t);
    int64_t frame = place % room * t->step + place / room + (t->taps > 1 ? 0 : t->frame);
    *out = tile_at(t, number, t->sample * t->frames + frame);
    return frame < t->frames;
}

/* Where number y, x of a tile of a parity lies in src; -1: in the padding. */
static int64_t src_at(const struct tiling *t, const struct tile *tile, int parity, int y, int x)
{
    int64_t line = 2 * (RESULTS * tile->y + y) + parity / 2 - 1, column = 2 * (RESULTS * tile->x + x) + parity % 2 - 1;
    bool there = line >= 0 && line < t->height && column >= 0 && column < t->width;
    return there ? ((tile->frame * t->height + line) * t->width + column) * t->in : -1;
}

/* Where result y, x of a tile lies in dst; -1: beyond its end. */
static int64_t dst_at(const struct tiling *t, const struct tile *tile, int y, int x)
{
    int64_t line = RESULTS * tile->y + y, column = RESULTS * tile->x + x;
    bool there = line < t->rows && column < t->columns;
    return there ? ((tile->frame * t->rows + line) * t->columns + column) * t->out : -1;
}

/* Where the strips of a tile lie, from channel 0 on; NULL: nowhere. */
struct strips {
    const float *from[PLACES];
    float *to[PLACES];
    bool adds[PLACES]; /* to what is there */
};

static void add(const float *restrict from, float *restrict to, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* Strips that are nowhere are zeros, and are not written. */
static void transform_strip(const struct strips *s, strip_fn *fn, int from, int to, int64_t c, int64_t n)
{
    static const float zeros[STRIP];
    float aside[PLACES * STRIP], *y[PLACES];
    const float *x[PLACES];
    for (int i = 0; i < from; i++)
        x[i] = s->from[i] ? s->from[i] + c : zeros;
    for (int i = 0; i < to; i++)
        y[i] = s->to[i] && !s->adds[i] ? s->to[i] + c : aside + i * STRIP;
    fn(x, y, n);
    for (int i = 0; i < to; i++)
        if (s->adds[i])
            add(y[i], s->to[i] + c, n);
}

static void transform_channels(const struct strips *s, strip_fn *fn, int from, int to, int64_t channels)
{
    for (int64_t c = 0; c < channels; c += STRIP)
        transform_strip(s, fn, from, to, c, channels - c < STRIP ? channels - c : STRIP);
}

/* ---- src and dst to products' places, and back ---- */

static int64_t frame_values(const struct tiling *t)
{
    return t->height * t->width * t->in;
}

/* Tiles want what lies under them in pieces from many places, which memory delivers at a third of its speed. So that of
 * the next few is brought into the second cache before, line by line, be it to be read or to be written. */
static int64_t tiles_ahead(const struct tiling *t)
{
    return 1 + AHEAD_BYTES / (4 * RESULTS * RESULTS * t->in * (int64_t)sizeof(float));
}

static bool is_far(const struct tiling *t)
{
    return layout_is_far((size_t)(t->samples * t->frames * frame_values(t)) * sizeof(float));
}

/* Every step-th line from the tile's `line` on. At its first tile a thread begins anywhere. */
static void read_ahead(const struct tiling *t, const float *src, const struct tile *tile, bool first, int line,
                       int step)
{
    int64_t width = t->width * t->in, wide = 2 * RESULTS * t->in, from = wide * tile->x, to = from;
    if (!is_far(t) || (!first && tile->x % tiles_ahead(t)))
        return;
    to += wide * tiles_ahead(t);
    to = to < width ? to : width;
    for (; line < 2 * SIDE; line += step) {
        int64_t y = 2 * RESULTS * tile->y + line - 1;
        if (y < 0 || y >= t->height)
            continue;
        const volatile float *at = src + tile->frame * frame_values(t) + y * width;
        for (int64_t i = from; i < to; i += CACHE_LINE / (int64_t)sizeof *at)
            (void)at[i];
    }
}

static float *input_of(const struct tiling *t, const struct tile *tile, int place, int parity)
{
    int slot = tiling_slot(t, place, parity);
    return slot < 0 ? NULL : tiling_input(t, place, tile->number) + slot * t->in;
}

static void analyse_src(const struct tiling *t, const struct tile *tile, int parity)
{
    struct strips s = {.adds = {false}};
    for (int i = 0; i < PLACES; i++) {
        int64_t at = src_at(t, tile, parity, i / SIDE, i % SIDE);
        s.from[i] = at < 0 ? NULL : t->call.src + at;
        s.to[i] = input_of(t, tile, i, parity);
    }
    transform_channels(&s, analyse_strip, PLACES, PLACES, t->in);
}

static void analyse_range(void *context, size_t begin, size_t end)
{
    const struct tiling *t = context;
    struct tile tile;
    for (size_t i = begin; i < end; i++) {
        if (!src_tile(t, (int64_t)i, &tile))
            continue;
        read_ahead(t, t->call.src, &tile, i == begin, 0, 1);
        for (int parity = 0; parity < PARITIES; parity++)
            analyse_src(t, &tile, parity);
    }
}

void tiling_read_src(struct tiling *t, int threads)
{
    parallel_ranges(threads, (size_t)tiling_inputs(t), 1, analyse_range, t);
}

/* Neighbouring tiles share a line and a column: the first in order writes, the others add. */
static void add_to_src(const struct tiling *t, const struct tile *tile, int parity)
{
    struct strips s;
    for (int i = 0; i < PLACES; i++) {
        int64_t at = src_at(t, tile, parity, i / SIDE, i % SIDE);
        s.from[i] = input_of(t, tile, i, parity);
        s.to[i] = at < 0 ? NULL : t->call.to_src + at;
        s.adds[i] = at >= 0 && ((tile->y && i < SIDE) || (tile->x && i % SIDE == 0));
    }
    transform_channels(&s, analyse_strip_adjoint, PLACES, PLACES, t->in);
}

/* Items are a frame's lines of one parity each: no two write to the same places. */
static void add_range(void *context, size_t begin, size_t end)
{
    const struct tiling *t = context;
    int64_t each = t->lines * t->across;
    struct tile tile;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++)
        for (int64_t k = 0; k < each && src_tile(t, i / 2 * each + k, &tile); k++) {
            read_ahead(t, t->call.to_src, &tile, k == 0, (int)(i % 2), 2);
            for (int right = 0; right < 2; right++)
                add_to_src(t, &tile, (int)(i % 2) * 2 + right);
        }
}

void tiling_add_src(struct tiling *t, int threads)
{
    parallel_ranges(threads, (size_t)(tiling_room(t) * t->step * 2), 1, add_range, t);
}

static void spread_range(void *context, size_t begin, size_t end)
{
    const struct tiling *t = context;
    struct strips s = {.adds = {false}};
    for (size_t number = begin; number < end; number++) {
        struct tile tile = dst_tile(t, (int64_t)number);
        for (int i = 0; i < RESULTS * RESULTS; i++) {
            int64_t at = dst_at(t, &tile, i / RESULTS, i % RESULTS);
            s.from[i] = at < 0 ? NULL : t->call.dst + at;
        }
        for (int i = 0; i < PLACES; i++)
            s.to[i] = tiling_product(t, i, tile.number);
        transform_channels(&s, synthesise_strip_adjoint, RESULTS * RESULTS, PLACES, t->out);
    }
}

void tiling_read_dst(struct tiling *t, int threads)
{
    parallel_ranges(threads, (size_t)tiling_products(t), 1, spread_range, t);
}

static void write_range(void *context, size_t begin, size_t end)
{
    const struct tiling *t = context;
    struct strips s = {.adds = {false}};
    for (size_t number = begin; number < end; number++) {
        struct tile tile = dst_tile(t, (int64_t)number);
        for (int i = 0; i < PLACES; i++)
            s.from[i] = tiling_product(t, i, tile.number);
        for (int i = 0; i < RESULTS * RESULTS; i++) {
            int64_t at = dst_at(t, &tile, i / RESULTS, i % RESULTS);
            s.to[i] = at < 0 ? NULL : t->call.to_dst + at;
        }
        transform_channels(&s, synthesise_strip, PLACES, RESULTS * RESULTS, t->out);
    }
}

void tiling_write_dst(struct tiling *t, int threads)
{
    parallel_ranges(threads, (size_t)tiling_products(t), 1, write_range, t);
}
