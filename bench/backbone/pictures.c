#include "distil.h"

#include "base/arena.h"
#include "base/hot.h"
#include "base/rng.h"
#include "data/loader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- stocks ---- */

static int read_all(struct stock *s, struct loader *loader, struct err *e)
{
    struct batch b;
    size_t each = (size_t)(s->height * s->width * COLOURS);
    int got;
    while ((got = loader_next(loader, &b, e)) > 0)
        for (size_t i = 0; i < b.n; i++, s->n++) {
            if (b.errors[i])
                return err_set(e, ERR_IO, "%s", b.errors[i]);
            memcpy(s->values + s->n * each, b.data + i * each, each * sizeof *s->values);
        }
    return got;
}

int stock_read(struct stock *s, const char *url, size_t most, int height, int width, struct err *e)
{
    struct arena arena = {0};
    struct dataset *data = NULL;
    struct preprocess input;
    struct loader *loader = NULL;
    size_t *indices = malloc(most * sizeof *indices);
    const struct wishes wishes = {.height = height, .width = width, .channels = COLOURS};
    *s = (struct stock){.height = height, .width = width};
    s->values = malloc(most * (size_t)(height * width * COLOURS) * sizeof *s->values);
    int code = indices && s->values ? dataset_open(url, DATASET_LEARN, NULL, &data, e) : err_memory(e, "pictures");
    if (!code)
        code = dataset_fit(data, SPLIT_TRAIN, &wishes, &arena, &input, e);
    if (!code) {
        const struct loader_options o = {.batch = 32, .input = &input, .threads = 1};
        size_t there = dataset_count(data, SPLIT_TRAIN), n = there < most ? there : most;
        for (size_t i = 0; i < n; i++)
            indices[i] = i * there / n;
        code = loader_new(data, SPLIT_TRAIN, indices, n, &o, &loader, e);
    }
    if (!code)
        code = read_all(s, loader, e);
    loader_free(loader);
    dataset_close(data);
    arena_free(&arena);
    free(indices);
    return code;
}

void stock_free(struct stock *s)
{
    free(s->values);
}

/* ---- drawing ---- */

static float between(struct rng *r, float low, float high)
{
    return low + (high - low) * rng_uniform(r);
}

static int whole(struct rng *r, int low, int high)
{
    return low + (int)rng_below(r, (uint64_t)(high - low + 1));
}

static bool chance(struct rng *r, float share)
{
    return rng_uniform(r) < share;
}

/* A part of a picture of a stock, brought to a rectangle of the canvas. */
struct patch {
    const struct stock *stock;
    const float *from;
    float x, y;       /* where the rectangle's corner lies, */
    float step, tilt; /* and how far the next pixel: along an axis, and across it where the part is turned */
    int left, top, right, bottom;
};

HOT static void take_pixel(const struct patch *p, float x, float y, float *to)
{
    int w = p->stock->width, h = p->stock->height;
    x = x < 0 ? 0 : x > (float)(w - 1) ? (float)(w - 1) : x;
    y = y < 0 ? 0 : y > (float)(h - 1) ? (float)(h - 1) : y;
    int x0 = (int)x, y0 = (int)y, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
    float fx = x - (float)x0, fy = y - (float)y0;
    for (int c = 0; c < COLOURS; c++) {
        float a = p->from[(y0 * w + x0) * COLOURS + c], b = p->from[(y0 * w + x1) * COLOURS + c];
        float d = p->from[(y1 * w + x0) * COLOURS + c], f = p->from[(y1 * w + x1) * COLOURS + c];
        to[c] = (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * d + fx * f);
    }
}

static void put_patch(const struct patch *p, float *canvas)
{
    for (int y = p->top < 0 ? 0 : p->top; y < p->bottom && y < SIDE; y++)
        for (int x = p->left < 0 ? 0 : p->left; x < p->right && x < SIDE; x++) {
            float u = (float)(x - p->left) + 0.5f, v = (float)(y - p->top) + 0.5f;
            take_pixel(p, p->x + p->step * u - p->tilt * v - 0.5f, p->y + p->step * v + p->tilt * u - 0.5f,
                       canvas + (y * SIDE + x) * COLOURS);
        }
}

static const float *any_of(const struct stock *s, struct rng *r)
{
    return s->values + rng_below(r, s->n) * (uint64_t)(s->height * s->width * COLOURS);
}

/* ---- what pictures are made of ---- */

enum { MOSAIC_SMALLEST = 26, MOSAIC_LARGEST = 140 };

/* Some square of a stock's picture, at any angle with `turned`, for a square of `side` pixels whose corner is at left,
 * top. It is at least `least` pixels large. */
static struct patch any_square(const struct stock *s, struct rng *r, float least, bool turned, int left, int top,
                               int side)
{
    float size = between(r, least, (float)s->height), angle = turned ? between(r, 0, 6.2832f) : 0;
    float x = between(r, size / 2, (float)s->width - size / 2), y = between(r, size / 2, (float)s->height - size / 2);
    float step = size / (float)side * cosf(angle), tilt = size / (float)side * sinf(angle), half = (float)side / 2;
    return (struct patch){.stock = s,
                          .from = any_of(s, r),
                          .x = x - half * (step - tilt),
                          .y = y - half * (step + tilt),
                          .step = step,
                          .tilt = tilt,
                          .left = left,
                          .top = top,
                          .right = left + side,
                          .bottom = top + side};
}

/* Squares side by side: of photos whole ones, of textures parts. */
static void mosaic(const struct stock stocks[STOCKS], struct rng *r, float *out)
{
    int side = whole(r, MOSAIC_SMALLEST, MOSAIC_LARGEST), x0 = -whole(r, 0, side - 1), y0 = -whole(r, 0, side - 1);
    for (int y = y0; y < SIDE; y += side)
        for (int x = x0; x < SIDE; x += side) {
            const struct stock *s = &stocks[chance(r, 0.12f) ? STOCK_TEXTURES : STOCK_PHOTOS];
            const struct patch p = any_square(s, r, 32, false, x, y, side);
            put_patch(&p, out);
        }
}

static void crop(const struct stock *s, struct rng *r, float *out)
{
    const struct patch p = any_square(s, r, 50, chance(r, 0.5f), 0, 0, SIDE);
    put_patch(&p, out);
}

static void flat(struct rng *r, float *out)
{
    float colour[COLOURS];
    for (int c = 0; c < COLOURS; c++)
        colour[c] = rng_uniform(r);
    for (int i = 0; i < PICTURE; i++)
        out[i] = colour[i % COLOURS];
}

/* Octaves of smooth noise, each about half as strong as the one before it: 1/f. */
static void noise(struct rng *r, float *out)
{
    enum { MOST = 64 };
    static float grid[(MOST + 1) * (MOST + 1) * COLOURS];
    struct stock s = {.values = grid, .n = 1};
    float fall = between(r, 0.4f, 0.9f), grey = rng_uniform(r), strength = between(r, 0.1f, 0.5f);
    float layer[PICTURE];
    for (int cells = 2; cells <= MOST; cells *= 2, strength *= fall) {
        s.height = s.width = cells + 1;
        for (int i = 0; i < s.height * s.width; i++) {
            float common = rng_normal(r);
            for (int c = 0; c < COLOURS; c++)
                grid[i * COLOURS + c] = grey * common + (1 - grey) * rng_normal(r);
        }
        float step = (float)cells / SIDE;
        const struct patch p = {&s, grid, 0.5f, 0.5f, step, 0, 0, 0, SIDE, SIDE};
        put_patch(&p, layer);
        for (int i = 0; i < PICTURE; i++)
            out[i] += strength * layer[i];
    }
}

/* An ellipse, a rectangle or a bar at any angle, of one colour or of a photo. */
static void shape(const struct stock *photos, struct rng *r, float *out)
{
    float x0 = between(r, 0, SIDE), y0 = between(r, 0, SIDE), angle = between(r, 0, 3.1416f);
    float a = expf(between(r, 0.7f, 4)),
          b = chance(r, 0.4f) ? expf(between(r, -0.7f, 1.5f)) : expf(between(r, 0.7f, 4));
    bool round = chance(r, 0.5f), photo = chance(r, 0.3f);
    float colour[COLOURS], opacity = chance(r, 0.5f) ? 1 : between(r, 0.3f, 1), step = 32 / between(r, 32, 140);
    const struct patch p = {.stock = photos, .from = any_of(photos, r)};
    for (int c = 0; c < COLOURS; c++)
        colour[c] = rng_uniform(r);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float dx = (float)x - x0, dy = (float)y - y0;
            float u = (dx * cosf(angle) + dy * sinf(angle)) / a, v = (dy * cosf(angle) - dx * sinf(angle)) / b;
            if (round ? u * u + v * v > 1 : fabsf(u) > 1 || fabsf(v) > 1)
                continue;
            if (photo)
                take_pixel(&p, 16 + dx * step, 16 + dy * step, colour);
            for (int c = 0; c < COLOURS; c++)
                out[(y * SIDE + x) * COLOURS + c] += opacity * (colour[c] - out[(y * SIDE + x) * COLOURS + c]);
        }
}

/* ---- what is done to them ---- */

static void mirror(float *out, float *scratch, bool across, bool down)
{
    memcpy(scratch, out, PICTURE * sizeof *out);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            memcpy(out + (y * SIDE + x) * COLOURS,
                   scratch + ((down ? SIDE - 1 - y : y) * SIDE + (across ? SIDE - 1 - x : x)) * COLOURS,
                   COLOURS * sizeof *out);
}

static void to_grey(float *out)
{
    for (int i = 0; i < PICTURE; i += COLOURS)
        out[i] = out[i + 1] = out[i + 2] = 0.3f * out[i] + 0.59f * out[i + 1] + 0.11f * out[i + 2];
}

/* The mean of each pixel and its neighbours. */
static void blur(float *out, float *scratch)
{
    memcpy(scratch, out, PICTURE * sizeof *out);
    for (int y = 1; y + 1 < SIDE; y++)
        for (int i = COLOURS; i < (SIDE - 1) * COLOURS; i++) {
            float sum = 0;
            for (int k = -1; k <= 1; k++) {
                const float *row = scratch + (y + k) * SIDE * COLOURS + i;
                sum += row[-COLOURS] + row[0] + row[COLOURS];
            }
            out[y * SIDE * COLOURS + i] = sum / 9;
        }
}

static void alter(struct rng *r, float *out, float *scratch)
{
    mirror(out, scratch, chance(r, 0.5f), chance(r, 0.5f));
    if (chance(r, 0.25f))
        to_grey(out);
    float contrast = expf(between(r, -0.7f, 0.4f)) * (chance(r, 0.15f) ? -1.0f : 1.0f), light = between(r, -0.2f, 0.2f);
    for (int times = chance(r, 0.3f) ? whole(r, 1, 3) : 0; times; times--)
        blur(out, scratch);
    float grain = chance(r, 0.4f) ? between(r, 0, 0.06f) : 0;
    for (int i = 0; i < PICTURE; i++) {
        float v = 0.5f + contrast * (out[i] - 0.5f) + light;
        v += grain > 0 ? grain * 3.4f * (rng_uniform(r) - 0.5f) : 0;
        out[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
}

void made_picture(const struct stock stocks[STOCKS], uint64_t seed, uint64_t i, float *out, float *scratch)
{
    struct rng r = rng_new(seed, rng_stream("made") + i);
    float kind = rng_uniform(&r);
    if (kind < 0.4f)
        mosaic(stocks, &r, out);
    else if (kind < 0.68f)
        crop(&stocks[STOCK_TEXTURES], &r, out);
    else if (kind < 0.8f)
        crop(&stocks[STOCK_SCENES], &r, out);
    else
        flat(&r, out);
    if (kind > 0.85f)
        noise(&r, out);
    for (int shapes = chance(&r, 0.4f) ? whole(&r, 1, 5) : 0; shapes; shapes--)
        shape(&stocks[STOCK_PHOTOS], &r, out);
    alter(&r, out, scratch);
}
