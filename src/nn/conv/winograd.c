#include "nn/conv/winograd.h"

#include "nn/dnn.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"
#include "nn/conv/winograd_tiles.h"

#include <stdatomic.h>
#include <string.h>

enum {
    CHUNK = 128,            /* outputs whose transformed weights are there at once: they stay in the second cache */
    WIDE = 8,               /* rows that become columns at once */
    BLOCK_BYTES = 20 << 20, /* of transformed tiles at once, but those of one line at least, */
    LARGE_BYTES = 32 << 20, /* or of all tiles, or where every block wants the weights transformed anew */
    KEPT_BYTES = 32 << 20,  /* of transformed weights that are kept from block to block */
};

struct job {
    struct tiling t;
    const struct winograd_spec *spec;
    float *rooms; /* a thread's own: transformed weights */
    /* All of them, or their gradient, by tap, place and chunk; NULL: they are made for each block anew. */
    float *kept;
    atomic_bool failed;
};

/* ---- weights: O,[3],side,side,I of parities' taps, transformed O x live I ---- */

/* G */
static const float factors[SIDE][2] = {
    {1.0f / 2}, {1.0f / 2, 1.0f / 2}, {1.0f / 6, -1.0f / 6}, {1.0f / 6, 1.0f / 3}, {0, 1}};

/* Where a place's weights of a parity come from. */
struct taps {
    float factor[4];
    int64_t at[4]; /* in the kernel */
};

/* Of a 3x3 kernel's single lines and columns there is no second tap: its factor is 0. */
static struct taps taps_of(const struct tiling *t, int place, int parity, float scale)
{
    struct taps taps;
    for (int i = 0; i < 4; i++) {
        int line = parity / 2 + i / 2 * 2, column = parity % 2 + i % 2 * 2;
        bool there = line < t->side && column < t->side;
        taps.factor[i] = there ? scale * factors[place / SIDE][i / 2] * factors[place % SIDE][i % 2] : 0;
        taps.at[i] = there ? (line * t->side + column) * t->in : 0;
    }
    return taps;
}

HOT static void combine(const struct taps *t, const float *restrict w, float *restrict u, int64_t n)
{
    const float *a = w + t->at[0], *b = w + t->at[1], *c = w + t->at[2], *d = w + t->at[3];
    float fa = t->factor[0], fb = t->factor[1], fc = t->factor[2], fd = t->factor[3];
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        u[i] = fa * a[i] + fb * b[i] + fc * c[i] + fd * d[i];
}

HOT static void distribute(const struct taps *t, const float *restrict u, float *restrict w, int64_t n)
{
    for (int k = 0; k < 4; k++) {
        float factor = t->factor[k], *to = w + t->at[k];
        if (factor == 0)
            continue;
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            to[i] += factor * u[i];
    }
}

/* Up to WIDE rows of k, a step apart, to columns of `to`, n apart. */
HOT static void to_columns(const float *restrict rows, int64_t step, int64_t count, int64_t k, float *restrict to,
                           int64_t n)
{
    if (count == WIDE)
        for (int64_t c = 0; c < k; c++)
            for (int64_t i = 0; i < WIDE; i++)
                to[c * n + i] = rows[i * step + c];
    else
        for (int64_t c = 0; c < k; c++)
            for (int64_t i = 0; i < count; i++)
                to[c * n + i] = rows[i * step + c];
}

HOT static void scale_inputs(float *restrict u, const float *restrict scale, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        u[i] *= scale[i];
}

/* Some outputs' weights of one frame of the kernel at one place. */
struct piece {
    int tap, place;
    int64_t o, n;
};

static int64_t depth(const struct job *j, const struct piece *p)
{
    return j->t.live[p->place] * j->t.in;
}

/* Where an output's weights of the piece's frame begin. */
static int64_t weight_at(const struct job *j, const struct piece *p, int64_t i)
{
    int64_t side = j->t.side;
    return ((p->o + i) * j->t.taps + p->tap) * side * side * j->t.in;
}

/* `count` rows from the piece's row i on, as far apart as those of inputs. */
static void transform_weights(const struct job *j, const struct piece *p, int64_t i, int64_t count, float *to)
{
    const struct winograd_spec *s = j->spec;
    for (int64_t k = 0; k < count; k++)
        for (int parity = 0; parity < PARITIES; parity++) {
            int slot = tiling_slot(&j->t, p->place, parity);
            float *u = to + k * tiling_input_step(&j->t, p->place) + slot * j->t.in;
            if (slot < 0)
                continue;
            struct taps t = taps_of(&j->t, p->place, parity, s->out_scale ? s->out_scale[p->o + i + k] : 1);
            combine(&t, j->t.call.weight + weight_at(j, p, i + k), u, j->t.in);
            if (s->in_scale)
                scale_inputs(u, s->in_scale, j->t.in);
        }
}

/* The same, live I x n: oneDNN is up to twice as fast with a second factor that is not transposed. `rows`: room for
 * WIDE of them. */
static void transform_to_columns(const struct job *j, const struct piece *p, float *to, float *rows)
{
    for (int64_t i = 0; i < p->n; i += WIDE) {
        int64_t count = p->n - i < WIDE ? p->n - i : WIDE;
        transform_weights(j, p, i, count, rows);
        to_columns(rows, tiling_input_step(&j->t, p->place), count, depth(j, p), to + i, p->n);
    }
}

static void add_gradient(const struct job *j, const struct piece *p, const float *from)
{
    for (int64_t i = 0; i < p->n; i++)
        for (int parity = 0; parity < PARITIES; parity++) {
            int slot = tiling_slot(&j->t, p->place, parity);
            const float *u = from + i * tiling_input_step(&j->t, p->place) + slot * j->t.in;
            if (slot < 0)
                continue;
            struct taps t = taps_of(&j->t, p->place, parity, 1);
            distribute(&t, u, j->t.call.to_weight + weight_at(j, p, i), j->t.in);
        }
}

static float *piece_at(const struct job *j, float *all, const struct piece *p)
{
    const struct tiling *t = &j->t;
    int64_t steps = p->tap * tiling_input_steps(t, PLACES) + tiling_input_steps(t, p->place);
    return all + steps * t->out + tiling_input_step(t, p->place) * p->o;
}

/* ---- work is shared out by what it costs: a place's products by its parities ---- */

/* One place's products of a chunk of outputs. */
typedef void share_fn(struct job *j, int place, int64_t o, int64_t n, float *room);

struct sharing {
    struct job *j;
    share_fn *fn;
    bool by_place; /* all chunks of a place are one thread's: they are added up */
};

static int owner(const struct sharing *s, int place, int64_t o)
{
    const struct tiling *t = &s->j->t;
    int64_t all = t->before[PLACES], chunks = s->by_place ? 1 : (t->out + CHUNK - 1) / CHUNK;
    int64_t earlier = (s->by_place ? 0 : o / CHUNK * all) + t->before[place];
    return (int)((2 * earlier + t->live[place]) * s->j->spec->threads / (2 * chunks * all));
}

static int64_t chunk_width(int64_t o, int64_t end, int64_t width)
{
    return end - o < width ? end - o : width;
}

/* Of the weights of CHUNK outputs at one place, and of WIDE of them. */
static int64_t room_values(const struct tiling *t)
{
    return (CHUNK + WIDE) * tiling_input_step(t, 0);
}

static float *room_of(const struct job *j, int part)
{
    return j->rooms + part * room_values(&j->t);
}

/* A chunk's weights stay in cache from place to place. */
static void run_shares(void *context, int part, size_t begin, size_t end)
{
    const struct sharing *s = context;
    (void)begin; /* a part is one item */
    (void)end;
    for (int64_t o = 0; o < s->j->t.out; o += CHUNK)
        for (int place = 0; place < PLACES; place++)
            if (owner(s, place, o) == part)
                s->fn(s->j, place, o, chunk_width(o, s->j->t.out, CHUNK), room_of(s->j, part));
}

static void share(struct job *j, share_fn *fn, bool by_place)
{
    int threads = j->spec->threads;
    parallel_chunks(threads, (size_t)threads, threads, run_shares, &(struct sharing){j, fn, by_place});
}

/* ---- the products ---- */

static void note(struct job *j, bool done)
{
    if (!done)
        atomic_store(&j->failed, true);
}

/* Rows that a frame of the kernel brings together: of results, and of what it reads there. */
struct rows {
    int64_t dst, src, n;
};

static struct rows rows_of(const struct tiling *t, int tap)
{
    int offset = tap - t->taps / 2, residue = (offset + t->step) % t->step;
    int64_t shift = (offset - residue) / t->step, first = shift < 0 ? -shift : 0;
    int64_t end = tiling_frames(t, residue) - shift, each = t->lines * t->across;
    end = end < t->count ? end : t->count;
    return (struct rows){first * each, (residue * tiling_room(t) + first + shift) * each, (end - first) * each};
}

/* The kernel's frames, the middle one first: it meets every result. */
static int tap_of(const struct tiling *t, int i)
{
    return (t->taps / 2 + i) % t->taps;
}

/* products = inputs weights' */
static void multiply_outputs(struct job *j, int place, int64_t o, int64_t n, float *room)
{
    const struct tiling *t = &j->t;
    for (int i = 0; i < t->taps; i++) {
        struct piece p = {tap_of(t, i), place, o, n};
        struct rows r = rows_of(t, p.tap);
        int64_t k = depth(j, &p);
        float *u = j->kept ? piece_at(j, j->kept, &p) : room;
        if (!j->kept)
            transform_to_columns(j, &p, u, u + CHUNK * tiling_input_step(t, place));
        note(j, dnn_gemm(false, false, r.n, n, k, 1, tiling_input(t, place, r.src), tiling_input_step(t, place), u, n,
                         i ? 1 : 0, tiling_product(t, place, r.dst) + o, tiling_product_step(t)));
    }
}

/* inputs = products weights. In time even frames meet the middle of the kernel alone, odd ones its end before its
 * begin, and the end meets all of them. */
static void multiply_inputs(struct job *j, int place, int64_t o, int64_t n, float *room)
{
    const struct tiling *t = &j->t;
    int64_t step = tiling_input_step(t, place);
    for (int i = 0; i < t->taps; i++) {
        struct piece p = {tap_of(t, i), place, o, n};
        struct rows r = rows_of(t, p.tap);
        float *u = j->kept ? piece_at(j, j->kept, &p) : room;
        if (!j->kept)
            transform_weights(j, &p, 0, n, u);
        note(j, dnn_gemm(false, false, r.n, depth(j, &p), n, 1, tiling_product(t, place, r.dst) + o,
                         tiling_product_step(t), u, step, o || i == 2 ? 1 : 0, tiling_input(t, place, r.src), step));
    }
}

/* to = products' inputs, or added to it */
static void multiply_piece(struct job *j, const struct piece *p, float *to, bool add)
{
    const struct tiling *t = &j->t;
    struct rows r = rows_of(t, p->tap);
    int64_t step = tiling_input_step(t, p->place);
    if (r.n < 1) { /* of a single frame the others of the kernel meet none */
        if (!add)
            memset(to, 0, (size_t)(p->n * step) * sizeof *to);
        return;
    }
    note(j, dnn_gemm(true, false, p->n, depth(j, p), r.n, 1, tiling_product(t, p->place, r.dst) + p->o,
                     tiling_product_step(t), tiling_input(t, p->place, r.src), step, add ? 1 : 0, to, step));
}

static bool is_first_block(const struct tiling *t)
{
    return !t->sample && !t->frame && !t->line;
}

static void gather_weights(struct job *j, int place, int64_t o, int64_t n, float *room)
{
    (void)room;
    for (int tap = 0; tap < j->t.taps; tap++) {
        struct piece p = {tap, place, o, n};
        multiply_piece(j, &p, piece_at(j, j->kept, &p), !is_first_block(&j->t));
    }
}

/* weights += products' inputs, of outputs begin to end */
static void add_weights(void *context, int part, size_t begin, size_t end)
{
    struct job *j = context;
    const struct tiling *t = &j->t;
    int64_t row = (int64_t)t->taps * t->side * t->side * t->in, n;
    for (int64_t o = (int64_t)begin; o < (int64_t)end; o += n) {
        n = chunk_width(o, (int64_t)end, CHUNK);
        if (j->kept || is_first_block(t))
            memset(t->call.to_weight + o * row, 0, (size_t)(n * row) * sizeof *t->call.to_weight);
        for (int i = 0; i < t->taps * PLACES; i++) {
            struct piece p = {i / PLACES, i % PLACES, o, n};
            float *u = j->kept ? piece_at(j, j->kept, &p) : room_of(j, part);
            if (!j->kept)
                multiply_piece(j, &p, u, false);
            add_gradient(j, &p, u);
        }
    }
}

static void keep_columns(struct job *j, int place, int64_t o, int64_t n, float *room)
{
    for (int tap = 0; tap < j->t.taps; tap++) {
        struct piece p = {tap, place, o, n};
        transform_to_columns(j, &p, piece_at(j, j->kept, &p), room);
    }
}

static void keep_rows(struct job *j, int place, int64_t o, int64_t n, float *room)
{
    (void)room;
    for (int tap = 0; tap < j->t.taps; tap++) {
        struct piece p = {tap, place, o, n};
        transform_weights(j, &p, 0, n, piece_at(j, j->kept, &p));
    }
}

/* ---- blocks ---- */

static int64_t block_values(const struct tiling *t)
{
    return tiling_input_steps(t, PLACES) * tiling_inputs(t) + PLACES * tiling_products(t) * tiling_product_step(t);
}

static int64_t weight_values(const struct tiling *t)
{
    return t->taps * tiling_input_steps(t, PLACES) * t->out;
}

static bool are_kept(const struct tiling *t)
{
    return weight_values(t) <= KEPT_BYTES / (int64_t)sizeof(float);
}

/* How many of `all` things of so many values fit into a block; 0: none does. */
static int64_t fitting(const struct tiling *t, int64_t all, int64_t values)
{
    int64_t large = LARGE_BYTES / (int64_t)sizeof(float) / values, n = BLOCK_BYTES / (int64_t)sizeof(float) / values;
    n = large >= all || !are_kept(t) ? large : n;
    return n < all ? n : all;
}

/* The largest block: whole frames as far as they fit, else some of their lines. Those of one clip are all in one. */
static void set_block(struct tiling *t)
{
    t->lines = t->down;
    t->count = t->taps > 1 ? t->results : 1;
    int64_t frames = t->taps > 1 ? 0 : fitting(t, t->results, block_values(t));
    if (frames) {
        t->count = frames;
        return;
    }
    t->lines = 1;
    int64_t lines = fitting(t, t->down, block_values(t));
    t->lines = lines ? lines : 1;
}

static int64_t kept_values(const struct tiling *t)
{
    bool one = t->samples == 1 && t->count == t->results && t->lines == t->down;
    return one || !are_kept(t) ? 0 : weight_values(t);
}

size_t winograd_scratch(const struct winograd_spec *s)
{
    struct tiling t;
    tiling_init(&t, s);
    set_block(&t);
    return sizeof(float) * (size_t)(block_values(&t) + kept_values(&t) + s->threads * room_values(&t));
}

/* By what was measured: 3x3 kernels save less, so that tiles beyond the end, transforms of few channels and weights for
 * few tiles cost more than they do. */
struct least {
    int64_t tiles, channels, full; /* full: percent of the tiles' results that are not beyond the end */
};

static bool is_enough(const struct winograd_spec *s, bool batch, struct least least)
{
    struct tiling t;
    tiling_init(&t, s);
    int64_t tiles = t.down * t.across, frames = batch || t.taps > 1 ? t.results : 1;
    bool full = tiles * RESULTS * RESULTS * least.full <= 100 * t.rows * t.columns;
    return full && tiles * frames >= least.tiles && t.in >= least.channels && t.out >= least.channels;
}

bool winograd_pays(const struct winograd_spec *s, bool batch)
{
    static const struct least four = {16, 32, 67}, three = {64, 64, 90};
    return is_enough(s, batch, s->side == 4 ? four : three);
}

bool winograd_pays_for_weights(const struct winograd_spec *s)
{
    static const struct least three = {32, 64, 90};
    return s->side == 3 && is_enough(s, true, three);
}

static void begin(struct job *j, const struct winograd_spec *s, const struct winograd_call *call, void *scratch)
{
    *j = (struct job){.spec = s};
    tiling_init(&j->t, s);
    set_block(&j->t);
    j->t.call = *call;
    j->t.inputs = scratch;
    j->t.products = j->t.inputs + tiling_input_steps(&j->t, PLACES) * tiling_inputs(&j->t);
    j->rooms = j->t.inputs + block_values(&j->t);
    j->kept = kept_values(&j->t) ? j->rooms + s->threads * room_values(&j->t) : NULL;
}

/* Goes to the next block: of lines, frames, samples. False: there is none. */
static bool next_block(struct tiling *t)
{
    struct tiling most = *t;
    set_block(&most);
    t->line += t->lines;
    if (t->line == t->down) {
        t->line = 0;
        t->frame += t->count;
    }
    if (t->frame == t->results) {
        t->frame = 0;
        t->sample++;
    }
    t->lines = chunk_width(t->line, t->down, most.lines);
    t->count = chunk_width(t->frame, t->results, most.count);
    return t->sample < t->samples;
}

/* ---- calls ---- */

static void compute_gradient(struct job *j)
{
    if (j->kept)
        share(j, gather_weights, false);
    else
        parallel_chunks(j->spec->threads, (size_t)j->t.out, j->spec->threads, add_weights, j);
}

static void compute_block(struct job *j)
{
    const struct winograd_call *c = &j->t.call;
    int threads = j->spec->threads;
    if (c->to_dst || c->to_weight)
        tiling_read_src(&j->t, threads);
    if (c->to_src || c->to_weight)
        tiling_read_dst(&j->t, threads);
    if (c->to_weight)
        compute_gradient(j);
    if (c->to_dst) {
        share(j, multiply_outputs, false);
        tiling_write_dst(&j->t, threads);
    }
    if (c->to_src) {
        share(j, multiply_inputs, true);
        tiling_add_src(&j->t, threads);
    }
}

bool winograd_run(const struct winograd_spec *s, const struct winograd_call *call, void *scratch)
{
    struct job j;
    begin(&j, s, call, scratch);
    if (j.kept && (call->to_dst || call->to_src))
        share(&j, call->to_dst ? keep_columns : keep_rows, false);
    do
        compute_block(&j);
    while (next_block(&j.t));
    if (j.kept && call->to_weight)
        parallel_chunks(s->threads, (size_t)j.t.out, s->threads, add_weights, &j);
    return !j.failed;
}
