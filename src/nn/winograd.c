#include "nn/winograd.h"

#include "nn/dnn.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <stdatomic.h>
#include <string.h>

/* A tile is RESULTS x RESULTS of dst, and SIDE x SIDE numbers of each parity of src, and as many products. */
enum { RESULTS = 4, SIDE = 5, PLACES = SIDE * SIDE, PARITIES = 4, KERNEL_SIDE = 4, TAPS = KERNEL_SIDE * KERNEL_SIDE };

enum {
    STRIP = 64,             /* channels that are transformed at once: all that is between lies in the first cache */
    CHUNK = 128,            /* outputs whose transformed weights are there at once: they stay in the second */
    WIDE = 8,               /* rows that become columns at once */
    BLOCK_BYTES = 32 << 20, /* of transformed tiles at once, but those of one sample at least */
    LEAST_TILES = 16,
    LEAST_CHANNELS = 32,
};

/* A call, and the block of whole samples that it is at. */
struct job {
    const struct winograd_spec *spec;
    int64_t samples, height, width, in; /* src */
    int64_t rows, columns, out;         /* dst */
    int64_t down, across;               /* tiles of a sample */
    int64_t first, count;               /* samples of the block */
    const float *src, *dst, *weight;    /* what is read, */
    float *to;                          /* and written */
    /* PLACES x tiles x PARITIES I: of src; PLACES x tiles x O: of dst; CHUNK + WIDE x PARITIES I for each thread: of
     * weights
     */
    float *inputs, *products, *weights;
    atomic_bool failed;
};

/* ---- one direction of tiles, for a strip of channels; x and y are `dx` and `dy` strips from number to number ---- */

/* B' */
KERNEL void analyse(const float *x, int dx, float *y, int dy)
{
#pragma omp simd
    for (int i = 0; i < STRIP; i++) {
        const float *p = x + i;
        float a = p[0], b = p[dx * STRIP], c = p[2 * dx * STRIP], d = p[3 * dx * STRIP], e = p[4 * dx * STRIP];
        y[i] = 2 * (a - c) + (d - b);
        y[i + dy * STRIP] = 2 * b + (c - d);
        y[i + 2 * dy * STRIP] = 3 * c - 2 * b - d;
        y[i + 3 * dy * STRIP] = d - b;
        y[i + 4 * dy * STRIP] = 2 * (b - d) + (e - c);
    }
}

/* B */
KERNEL void analyse_adjoint(const float *x, int dx, float *y, int dy)
{
#pragma omp simd
    for (int i = 0; i < STRIP; i++) {
        const float *p = x + i;
        float a = p[0], b = p[dx * STRIP], c = p[2 * dx * STRIP], d = p[3 * dx * STRIP], e = p[4 * dx * STRIP];
        y[i] = 2 * a;
        y[i + dy * STRIP] = 2 * (b - c + e) - a - d;
        y[i + 2 * dy * STRIP] = b - 2 * a + 3 * c - e;
        y[i + 3 * dy * STRIP] = a - b - c + d - 2 * e;
        y[i + 4 * dy * STRIP] = e;
    }
}

/* A' */
KERNEL void synthesise(const float *x, int dx, float *y, int dy)
{
#pragma omp simd
    for (int i = 0; i < STRIP; i++) {
        const float *p = x + i;
        float a = p[0], b = p[dx * STRIP], c = p[2 * dx * STRIP], d = p[3 * dx * STRIP], e = p[4 * dx * STRIP];
        y[i] = a + b + c + d;
        y[i + dy * STRIP] = b - c + 2 * d;
        y[i + 2 * dy * STRIP] = b + c + 4 * d;
        y[i + 3 * dy * STRIP] = b - c + 8 * d + e;
    }
}

/* A */
KERNEL void synthesise_adjoint(const float *x, int dx, float *y, int dy)
{
#pragma omp simd
    for (int i = 0; i < STRIP; i++) {
        const float *p = x + i;
        float a = p[0], b = p[dx * STRIP], c = p[2 * dx * STRIP], d = p[3 * dx * STRIP];
        y[i] = a;
        y[i + dy * STRIP] = (a + c) + (b + d);
        y[i + 2 * dy * STRIP] = (a + c) - (b + d);
        y[i + 3 * dy * STRIP] = a + 2 * b + 4 * c + 8 * d;
        y[i + 4 * dy * STRIP] = d;
    }
}

typedef void line_fn(const float *x, int dx, float *y, int dy);

/* Both directions: from `from` x `from` to `to` x `to` strips. */
KERNEL void transform(line_fn *line, int from, int to, const float *x, float *between, float *y)
{
    for (int i = 0; i < from; i++)
        line(x + i * from * STRIP, 1, between + i * to * STRIP, 1);
    for (int j = 0; j < to; j++)
        line(between + j * STRIP, to, y + j * STRIP, to);
}

enum kind { ANALYSE, ANALYSE_ADJOINT, SYNTHESISE, SYNTHESISE_ADJOINT };

HOT static void transform_strip(enum kind kind, const float *x, float *y)
{
    float between[PLACES * STRIP];
    if (kind == ANALYSE)
        transform(analyse, SIDE, SIDE, x, between, y);
    else if (kind == ANALYSE_ADJOINT)
        transform(analyse_adjoint, SIDE, SIDE, x, between, y);
    else if (kind == SYNTHESISE)
        transform(synthesise, SIDE, RESULTS, x, between, y);
    else
        transform(synthesise_adjoint, RESULTS, SIDE, x, between, y);
}

/* ---- tiles ---- */

struct tile {
    int64_t number; /* in the block */
    int64_t sample, y, x;
};

static struct tile tile_of(const struct job *j, int64_t number)
{
    int64_t place = number % (j->down * j->across);
    return (struct tile){number, j->first + number / (j->down * j->across), place / j->across, place % j->across};
}

static int64_t tiles(const struct job *j)
{
    return j->count * j->down * j->across;
}

/* Where number y, x of a tile of a parity lies in src; -1: in the padding. */
static int64_t src_at(const struct job *j, const struct tile *t, int parity, int y, int x)
{
    int64_t line = 2 * (RESULTS * t->y + y) + parity / 2 - 1, column = 2 * (RESULTS * t->x + x) + parity % 2 - 1;
    bool there = line >= 0 && line < j->height && column >= 0 && column < j->width;
    return there ? ((t->sample * j->height + line) * j->width + column) * j->in : -1;
}

/* Where result y, x of a tile lies in dst; -1: beyond its end. */
static int64_t dst_at(const struct job *j, const struct tile *t, int y, int x)
{
    int64_t line = RESULTS * t->y + y, column = RESULTS * t->x + x;
    bool there = line < j->rows && column < j->columns;
    return there ? ((t->sample * j->rows + line) * j->columns + column) * j->out : -1;
}

static void load(float *strip, const float *data, int64_t at, int64_t n)
{
    if (at < 0)
        memset(strip, 0, STRIP * sizeof *strip);
    else
        memcpy(strip, data + at, (size_t)n * sizeof *strip);
}

static int64_t strip_width(int64_t channels, int64_t c)
{
    return channels - c < STRIP ? channels - c : STRIP;
}

/* Row `number` of each place's matrix, from column `at` on. */
static float *row_at(float *matrices, const struct job *j, int64_t width, int place, int64_t number, int64_t at)
{
    return matrices + (place * tiles(j) + number) * width + at;
}

/* ---- src and dst to products' places, and back ---- */

static void analyse_src(const struct job *j, const struct tile *t, int parity, int64_t c, int64_t n)
{
    float x[PLACES * STRIP], y[PLACES * STRIP];
    for (int i = 0; i < PLACES; i++) {
        int64_t at = src_at(j, t, parity, i / SIDE, i % SIDE);
        load(x + i * STRIP, j->src, at < 0 ? at : at + c, n);
    }
    transform_strip(ANALYSE, x, y);
    for (int i = 0; i < PLACES; i++)
        memcpy(row_at(j->inputs, j, PARITIES * j->in, i, t->number, parity * j->in + c), y + i * STRIP,
               (size_t)n * sizeof *y);
}

static void analyse_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    for (size_t i = begin; i < end; i++) {
        struct tile t = tile_of(j, (int64_t)i);
        for (int parity = 0; parity < PARITIES; parity++)
            for (int64_t c = 0; c < j->in; c += STRIP)
                analyse_src(j, &t, parity, c, strip_width(j->in, c));
    }
}

/* Neighbouring tiles share a line and a column: the first in order writes, the others add. */
static void add_to_src(const struct job *j, const struct tile *t, int parity, int64_t c, int64_t n)
{
    float x[PLACES * STRIP], y[PLACES * STRIP];
    for (int i = 0; i < PLACES; i++)
        load(x + i * STRIP, row_at(j->inputs, j, PARITIES * j->in, i, t->number, parity * j->in + c), 0, n);
    transform_strip(ANALYSE_ADJOINT, x, y);
    for (int i = 0; i < PLACES; i++) {
        int64_t at = src_at(j, t, parity, i / SIDE, i % SIDE);
        bool shared = (t->y && i < SIDE) || (t->x && i % SIDE == 0);
        if (at < 0)
            continue;
        float *to = j->to + at + c;
        for (int64_t k = 0; k < n; k++)
            to[k] = shared ? to[k] + y[i * STRIP + k] : y[i * STRIP + k];
    }
}

/* Items are a parity of a sample each: no two write to the same places. */
static void add_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    int64_t each = j->down * j->across;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++)
        for (int64_t k = 0; k < each; k++) {
            struct tile t = tile_of(j, i / PARITIES * each + k);
            for (int64_t c = 0; c < j->in; c += STRIP)
                add_to_src(j, &t, (int)(i % PARITIES), c, strip_width(j->in, c));
        }
}

static void spread_dst(const struct job *j, const struct tile *t, int64_t o, int64_t n)
{
    float x[RESULTS * RESULTS * STRIP], y[PLACES * STRIP];
    for (int i = 0; i < RESULTS * RESULTS; i++) {
        int64_t at = dst_at(j, t, i / RESULTS, i % RESULTS);
        load(x + i * STRIP, j->dst, at < 0 ? at : at + o, n);
    }
    transform_strip(SYNTHESISE_ADJOINT, x, y);
    for (int i = 0; i < PLACES; i++)
        memcpy(row_at(j->products, j, j->out, i, t->number, o), y + i * STRIP, (size_t)n * sizeof *y);
}

static void spread_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    for (size_t i = begin; i < end; i++) {
        struct tile t = tile_of(j, (int64_t)i);
        for (int64_t o = 0; o < j->out; o += STRIP)
            spread_dst(j, &t, o, strip_width(j->out, o));
    }
}

static void write_dst(const struct job *j, const struct tile *t, int64_t o, int64_t n)
{
    float x[PLACES * STRIP], y[RESULTS * RESULTS * STRIP];
    for (int i = 0; i < PLACES; i++)
        load(x + i * STRIP, row_at(j->products, j, j->out, i, t->number, o), 0, n);
    transform_strip(SYNTHESISE, x, y);
    for (int i = 0; i < RESULTS * RESULTS; i++) {
        int64_t at = dst_at(j, t, i / RESULTS, i % RESULTS);
        if (at >= 0)
            memcpy(j->to + at + o, y + i * STRIP, (size_t)n * sizeof *y);
    }
}

static void write_range(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    for (size_t i = begin; i < end; i++) {
        struct tile t = tile_of(j, (int64_t)i);
        for (int64_t o = 0; o < j->out; o += STRIP)
            write_dst(j, &t, o, strip_width(j->out, o));
    }
}

/* ---- weights: O,4,4,I of parities' taps, transformed O x PARITIES I ---- */

/* G */
static const float factors[SIDE][2] = {
    {1.0f / 2}, {1.0f / 2, 1.0f / 2}, {1.0f / 6, -1.0f / 6}, {1.0f / 6, 1.0f / 3}, {0, 1}};

struct taps {
    float factor[4];
    int64_t at[4]; /* in a parity's corner of the kernel */
};

static struct taps taps_of(const struct job *j, int place, float scale)
{
    struct taps t;
    for (int i = 0; i < 4; i++) {
        t.factor[i] = scale * factors[place / SIDE][i / 2] * factors[place % SIDE][i % 2];
        t.at[i] = (i / 2 * 2 * KERNEL_SIDE + i % 2 * 2) * j->in;
    }
    return t;
}

static int64_t corner(const struct job *j, int parity)
{
    return (parity / 2 * KERNEL_SIDE + parity % 2) * j->in;
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

/* Up to WIDE rows of k to columns of `to`, n apart. */
HOT static void to_columns(const float *restrict rows, int64_t count, int64_t k, float *restrict to, int64_t n)
{
    if (count == WIDE)
        for (int64_t c = 0; c < k; c++)
            for (int64_t i = 0; i < WIDE; i++)
                to[c * n + i] = rows[i * k + c];
    else
        for (int64_t c = 0; c < k; c++)
            for (int64_t i = 0; i < count; i++)
                to[c * n + i] = rows[i * k + c];
}

HOT static void scale_inputs(float *restrict u, const float *restrict scale, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        u[i] *= scale[i];
}

static void transform_weights(const struct job *j, int place, int64_t o, int64_t n, float *to)
{
    const struct winograd_spec *s = j->spec;
    for (int64_t i = 0; i < n; i++) {
        struct taps t = taps_of(j, place, s->out_scale ? s->out_scale[o + i] : 1);
        for (int p = 0; p < PARITIES; p++) {
            float *u = to + (i * PARITIES + p) * j->in;
            combine(&t, j->weight + (o + i) * TAPS * j->in + corner(j, p), u, j->in);
            if (s->in_scale)
                scale_inputs(u, s->in_scale, j->in);
        }
    }
}

/* The same, PARITIES I x n: oneDNN is up to twice as fast with a second factor that is not transposed. `rows`: room for
 * WIDE of them. */
static void transform_to_columns(const struct job *j, int place, int64_t o, int64_t n, float *to, float *rows)
{
    for (int64_t i = 0; i < n; i += WIDE) {
        int64_t count = n - i < WIDE ? n - i : WIDE;
        transform_weights(j, place, o + i, count, rows);
        to_columns(rows, count, PARITIES * j->in, to + i, n);
    }
}

static void add_gradient(const struct job *j, int place, int64_t o, int64_t n, const float *from)
{
    struct taps t = taps_of(j, place, 1);
    for (int64_t i = 0; i < n; i++)
        for (int p = 0; p < PARITIES; p++)
            distribute(&t, from + (i * PARITIES + p) * j->in, j->to + (o + i) * TAPS * j->in + corner(j, p), j->in);
}

/* ---- the products, of CHUNK outputs at a time ---- */

static float *weights_of(const struct job *j, int chunk)
{
    return j->weights + chunk * (CHUNK + WIDE) * PARITIES * j->in;
}

static int64_t chunk_width(int64_t o, int64_t end)
{
    return end - o < CHUNK ? end - o : CHUNK;
}

static void note(struct job *j, bool done)
{
    if (!done)
        atomic_store(&j->failed, true);
}

/* products = inputs weights', of outputs begin to end */
static void multiply_outputs(void *context, int chunk, size_t begin, size_t end)
{
    struct job *j = context;
    int64_t k = PARITIES * j->in, n;
    float *u = weights_of(j, chunk);
    for (int64_t o = (int64_t)begin; o < (int64_t)end; o += n) {
        n = chunk_width(o, (int64_t)end);
        for (int place = 0; place < PLACES; place++) {
            transform_to_columns(j, place, o, n, u, u + CHUNK * k);
            note(j, dnn_gemm(false, false, tiles(j), n, k, 1, row_at(j->inputs, j, k, place, 0, 0), k, u, n, 0,
                             row_at(j->products, j, j->out, place, 0, o), j->out));
        }
    }
}

/* inputs = products weights, of places begin to end */
static void multiply_inputs(void *context, int chunk, size_t begin, size_t end)
{
    struct job *j = context;
    int64_t k = PARITIES * j->in, n;
    float *u = weights_of(j, chunk);
    for (int place = (int)begin; place < (int)end; place++)
        for (int64_t o = 0; o < j->out; o += n) {
            n = chunk_width(o, j->out);
            transform_weights(j, place, o, n, u);
            note(j, dnn_gemm(false, false, tiles(j), k, n, 1, row_at(j->products, j, j->out, place, 0, o), j->out, u, k,
                             o ? 1 : 0, row_at(j->inputs, j, k, place, 0, 0), k));
        }
}

/* weights += products' inputs, of outputs begin to end */
static void multiply_weights(void *context, int chunk, size_t begin, size_t end)
{
    struct job *j = context;
    int64_t k = PARITIES * j->in, n;
    float *u = weights_of(j, chunk);
    for (int64_t o = (int64_t)begin; o < (int64_t)end; o += n) {
        n = chunk_width(o, (int64_t)end);
        if (j->first == 0)
            memset(j->to + o * TAPS * j->in, 0, (size_t)(n * TAPS * j->in) * sizeof *j->to);
        for (int place = 0; place < PLACES; place++) {
            note(j, dnn_gemm(true, false, n, k, tiles(j), 1, row_at(j->products, j, j->out, place, 0, o), j->out,
                             row_at(j->inputs, j, k, place, 0, 0), k, 0, u, k));
            add_gradient(j, place, o, n, u);
        }
    }
}

/* ---- calls ---- */

static int64_t tiles_along(int64_t results)
{
    return (results + RESULTS - 1) / RESULTS;
}

static int64_t tiles_of_sample(const struct winograd_spec *s)
{
    return tiles_along(s->dst.d[1]) * tiles_along(s->dst.d[2]);
}

/* Bytes of one sample's transformed tiles. */
static int64_t sample_bytes(const struct winograd_spec *s)
{
    return (int64_t)sizeof(float) * PLACES * tiles_of_sample(s) * (PARITIES * s->src.d[3] + s->dst.d[3]);
}

static int64_t block_samples(const struct winograd_spec *s)
{
    int64_t n = BLOCK_BYTES / sample_bytes(s);
    return n < 1 ? 1 : n < s->src.d[0] ? n : s->src.d[0];
}

size_t winograd_scratch(const struct winograd_spec *s)
{
    int64_t weights = (int64_t)sizeof(float) * s->threads * (CHUNK + WIDE) * PARITIES * s->src.d[3];
    return (size_t)(block_samples(s) * sample_bytes(s) + weights);
}

bool winograd_pays(const struct winograd_spec *s, bool batch)
{
    int64_t count = tiles_of_sample(s) * (batch ? s->dst.d[0] : 1);
    bool full = tiles_of_sample(s) * RESULTS * RESULTS * 2 <= 3 * s->dst.d[1] * s->dst.d[2];
    return full && count >= LEAST_TILES && s->src.d[3] >= LEAST_CHANNELS && s->dst.d[3] >= LEAST_CHANNELS;
}

static struct job job_of(const struct winograd_spec *s, void *scratch)
{
    struct job j = {
        .spec = s,
        .samples = s->src.d[0],
        .height = s->src.d[1],
        .width = s->src.d[2],
        .in = s->src.d[3],
        .rows = s->dst.d[1],
        .columns = s->dst.d[2],
        .out = s->dst.d[3],
        .down = tiles_along(s->dst.d[1]),
        .across = tiles_along(s->dst.d[2]),
        .inputs = scratch,
    };
    int64_t most = block_samples(s) * j.down * j.across * PLACES;
    j.products = j.inputs + most * PARITIES * j.in;
    j.weights = j.products + most * j.out;
    return j;
}

/* Goes to the next block of samples; false: there is none. */
static bool next_block(struct job *j)
{
    int64_t most = block_samples(j->spec);
    j->first += j->count;
    j->count = j->samples - j->first < most ? j->samples - j->first : most;
    return j->count > 0;
}

static void each_tile(struct job *j, range_fn *fn)
{
    parallel_ranges(j->spec->threads, (size_t)tiles(j), 1, fn, j);
}

static void each_part(struct job *j, int64_t n, chunk_fn *fn)
{
    parallel_chunks(j->spec->threads, (size_t)n, j->spec->threads, fn, j);
}

bool winograd_forward(const struct winograd_spec *s, const float *src, const float *weight, float *dst, void *scratch)
{
    struct job j = job_of(s, scratch);
    j.src = src;
    j.weight = weight;
    j.to = dst;
    while (next_block(&j)) {
        each_tile(&j, analyse_range);
        each_part(&j, j.out, multiply_outputs);
        each_tile(&j, write_range);
    }
    return !j.failed;
}

bool winograd_backward_data(const struct winograd_spec *s, const float *dst, const float *weight, float *src,
                            void *scratch)
{
    struct job j = job_of(s, scratch);
    j.dst = dst;
    j.weight = weight;
    j.to = src;
    while (next_block(&j)) {
        each_tile(&j, spread_range);
        each_part(&j, PLACES, multiply_inputs);
        parallel_ranges(s->threads, (size_t)(j.count * PARITIES), 1, add_range, &j);
    }
    return !j.failed;
}

bool winograd_backward_weights(const struct winograd_spec *s, const float *src, const float *dst, float *weight,
                               void *scratch)
{
    struct job j = job_of(s, scratch);
    j.src = src;
    j.dst = dst;
    j.to = weight;
    while (next_block(&j)) {
        each_tile(&j, analyse_range);
        each_tile(&j, spread_range);
        each_part(&j, j.out, multiply_weights);
    }
    return !j.failed;
}
