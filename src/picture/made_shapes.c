/* Made defects of the kind `shapes`: where smooth noise is high, filled with what does not belong there. */
#include "picture/made_private.h"

#include "base/hot.h"

#include <math.h>
#include <string.h>

static const float turn = 6.2831853f;

/* ---- smooth noise ---- */

enum { LATTICE = 64, BINS = 1024 };

/* From a pixel to its place among the lattice's cells: start + x * across + y * along. */
struct cells {
    float start[2], across[2], along[2];
};

static inline float fade(float t)
{
    return t * t * (3 - 2 * t);
}

/* Between the four corners of the cell; the lattice goes round. */
HOT static void noise_lines(const float *lattice, const struct cells *c, int height, int width, float *restrict out)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            float u = c->start[0] + (float)x * c->across[0] + (float)y * c->along[0];
            float v = c->start[1] + (float)x * c->across[1] + (float)y * c->along[1];
            float left = floorf(u), top = floorf(v), s = fade(u - left), t = fade(v - top);
            unsigned i = (unsigned)(int)left, k = (unsigned)(int)top;
            const float *above = lattice + k % LATTICE * LATTICE, *below = lattice + (k + 1) % LATTICE * LATTICE;
            float a = above[i % LATTICE], b = above[(i + 1) % LATTICE];
            float d = below[i % LATTICE], e = below[(i + 1) % LATTICE];
            *out++ = (a + (b - a) * s) * (1 - t) + (d + (e - d) * s) * t;
        }
}

void make_noise(struct maker *m, int finest, float *field)
{
    float lattice[LATTICE * LATTICE];
    struct rng values = rng_new(rng_u64(m->r), 0);
    for (int i = 0; i < LATTICE * LATTICE; i++)
        lattice[i] = rng_uniform(&values);
    const float down = (float)(1 << rng_below(m->r, (uint64_t)finest + 1)) / (float)m->height;
    const float over = (float)(1 << rng_below(m->r, (uint64_t)finest + 1)) / (float)m->width;
    const float angle = made_chance(m->r, 0.6f) ? turn * rng_uniform(m->r) : 0;
    const struct cells c = {.start = {LATTICE * rng_uniform(m->r), LATTICE * rng_uniform(m->r)},
                            .across = {over * cosf(angle), -down * sinf(angle)},
                            .along = {over * sinf(angle), down * cosf(angle)}};
    noise_lines(lattice, &c, m->height, m->width, field);
}

/* ---- where ---- */

/* An ellipse; radius 0: everywhere. */
struct ellipse {
    float x, y, radius[2], cosine, sine;
};

static struct ellipse draw_ellipse(const struct maker *m)
{
    const float side = (float)(m->height < m->width ? m->height : m->width), angle = turn * rng_uniform(m->r);
    struct ellipse e = {.cosine = cosf(angle), .sine = sinf(angle)};
    e.x = made_between(m->r, 0, (float)m->width);
    e.y = made_between(m->r, 0, (float)m->height);
    for (int i = 0; i < 2; i++)
        e.radius[i] = side * made_between(m->r, 0.06f, 0.4f);
    return e;
}

static inline bool holds(const struct ellipse *e, int x, int y)
{
    if (e->radius[0] == 0)
        return true;
    float dx = (float)x - e->x, dy = (float)y - e->y;
    float u = (dx * e->cosine + dy * e->sine) / e->radius[0], v = (dy * e->cosine - dx * e->sine) / e->radius[1];
    return u * u + v * v <= 1;
}

/* The height above which that share of the noise in the ellipse lies, by counting. */
static float height_of(const struct maker *m, const struct ellipse *e, float share)
{
    unsigned bins[BINS] = {0}, all = 0, above = 0;
    const float *at = m->field;
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++, at++)
            if (holds(e, x, y)) {
                bins[(int)(*at * (BINS - 1))]++;
                all++;
            }
    int bin = BINS;
    while (bin > 0 && (float)above < share * (float)all)
        above += bins[--bin];
    return (float)bin / (BINS - 1);
}

/* ---- filled with what ---- */

/* What becomes of each brightness: gamma, contrast, brightness, and one of three things that are done to posters. */
static void draw_alteration(struct rng *r, uint8_t becomes[256])
{
    enum { INVERT, SOLARISE, POSTERISE, NOTHING, CHOICES };
    const float gamma = powf(2, made_between(r, -1, 1)), contrast = made_between(r, 0.5f, 1.5f);
    const float light = made_between(r, 0.5f, 1.5f);
    const uint64_t choice = rng_below(r, CHOICES);
    for (int v = 0; v < 256; v++) {
        float bright = 255 * powf((float)v / 255, gamma);
        uint8_t b = made_byte(((bright - 127.5f) * contrast + 127.5f) * light);
        if (choice == INVERT || (choice == SOLARISE && b > 127))
            b = (uint8_t)(255 - b);
        else if (choice == POSTERISE)
            b &= 0xe0;
        becomes[v] = b;
    }
}

/* Rows and columns of the crop, in the other picture: start + x * across + y * along, each (x, y). */
struct crop {
    float start[2], across[2], along[2];
};

/* A part of 0.3 to 1 of the picture's own size, mirrored and transposed at random. */
static struct crop draw_crop(const struct maker *m)
{
    const float share = made_between(m->r, 0.3f, 1);
    const bool across = made_chance(m->r, 0.5f);
    struct crop c = {0};
    for (int i = 0; i < 2; i++) {
        const int own = i ? m->height : m->width, from = across ? (i ? m->width : m->height) : own;
        const int there = i ? m->other.height : m->other.width;
        float size = share * (float)own;
        size = size < (float)there ? size : (float)there;
        float step = size / (float)from, start = made_between(m->r, 0, (float)there - size);
        if (made_chance(m->r, 0.5f)) {
            start += size - step;
            step = -step;
        }
        c.start[i] = start;
        (across == (i == 0) ? c.along : c.across)[i] = step;
    }
    return c;
}

static void fill_with_other(struct maker *m)
{
    const struct crop c = draw_crop(m);
    const struct picture *o = &m->other;
    uint8_t becomes[256], *out = m->fill;
    draw_alteration(m->r, becomes);
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++) {
            float u = c.start[0] + (float)x * c.across[0] + (float)y * c.along[0];
            float v = c.start[1] + (float)x * c.across[1] + (float)y * c.along[1];
            const uint8_t *in = o->pixels + ((size_t)made_within((int)v, o->height) * (size_t)o->width +
                                             (size_t)made_within((int)u, o->width)) *
                                                (size_t)o->channels;
            for (int k = 0; k < m->channels; k++)
                *out++ = becomes[in[k]];
        }
}

/* Each channel between two brightnesses of its own. */
static void fill_with_noise(struct maker *m)
{
    const size_t area = (size_t)m->height * (size_t)m->width, channels = (size_t)m->channels;
    for (size_t c = 0; c < channels; c++) {
        make_noise(m, 6, m->second);
        const float from = 255 * rng_uniform(m->r), to = 255 * rng_uniform(m->r);
        for (size_t i = 0; i < area; i++)
            m->fill[i * channels + c] = made_byte(from + (to - from) * m->second[i]);
    }
}

static void fill_with_colour(struct maker *m)
{
    const size_t bytes = (size_t)m->height * (size_t)m->width * (size_t)m->channels;
    uint8_t colour[3];
    for (int c = 0; c < 3; c++)
        colour[c] = (uint8_t)rng_below(m->r, 256);
    for (size_t i = 0; i < bytes; i++)
        m->fill[i] = colour[i % (size_t)m->channels];
}

static void fill(struct maker *m)
{
    float v = rng_uniform(m->r);
    if (v < 0.5f)
        fill_with_other(m);
    else if (v < 0.8f)
        fill_with_noise(m);
    else
        fill_with_colour(m);
}

/* ---- */

void make_shape(struct maker *m)
{
    struct ellipse e = {0};
    float share = 0.01f * powf(30, rng_uniform(m->r));
    if (made_chance(m->r, 0.6f)) {
        e = draw_ellipse(m);
        share = made_between(m->r, 0.3f, 0.9f);
    }
    make_noise(m, 5, m->field);
    const float height = height_of(m, &e, share), opacity = made_between(m->r, 0.2f, 1);
    fill(m);
    size_t at = 0;
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++, at++) {
            if (m->field[at] < height || !holds(&e, x, y))
                continue;
            uint8_t *to = m->pixels + at * (size_t)m->channels;
            const uint8_t *from = m->fill + at * (size_t)m->channels;
            for (int c = 0; c < m->channels; c++)
                to[c] = made_byte((float)to[c] + opacity * ((float)from[c] - (float)to[c]));
        }
}
