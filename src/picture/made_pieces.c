/* Made defects of the kinds `cuts` and `blends`: pieces of pictures where they do not belong. */
#include "picture/made_private.h"

#include <math.h>

enum { SWEEPS = 40 };

static int side_of(const struct maker *m)
{
    return m->height < m->width ? m->height : m->width;
}

/* ---- cut and pasted ---- */

/* A rectangle, turned about its centre, and where its centre is cut from. */
struct cut {
    float height, width, cosine, sine;
    float x, y, from_x, from_y;
};

static struct cut draw_cut(const struct maker *m)
{
    struct rng *r = m->r;
    struct cut c = {.cosine = 1};
    if (made_chance(r, 0.5f)) { /* a scar, in shares of the side */
        const float angle = made_between(r, -3.1415927f, 3.1415927f), side = (float)side_of(m);
        c.width = side * made_between(r, 0.008f, 0.06f);
        c.height = side * made_between(r, 0.04f, 0.2f);
        c.cosine = cosf(angle);
        c.sine = sinf(angle);
    } else { /* 2 to 15 % of the picture, up to three times as long as wide */
        const float area = (float)m->height * (float)m->width * made_between(r, 0.02f, 0.15f);
        const float aspect = powf(3.3f, made_between(r, -1, 1));
        c.width = fminf(sqrtf(area * aspect), (float)m->width);
        c.height = fminf(sqrtf(area / aspect), (float)m->height);
    }
    c.x = made_between(r, 0, (float)m->width);
    c.y = made_between(r, 0, (float)m->height);
    c.from_x = made_between(r, c.width / 2, (float)m->width - c.width / 2);
    c.from_y = made_between(r, c.height / 2, (float)m->height - c.height / 2);
    return c;
}

/* Its colours a little off, as CutPaste has them. */
static void draw_jitter(struct rng *r, uint8_t becomes[256])
{
    const float contrast = made_between(r, 0.9f, 1.1f), light = made_between(r, -25, 25);
    for (int v = 0; v < 256; v++)
        becomes[v] = made_byte(((float)v - 127.5f) * contrast + 127.5f + light);
}

void make_cut(struct maker *m)
{
    const struct cut c = draw_cut(m);
    const float reach = (fabsf(c.width) + fabsf(c.height)) / 2 + 1;
    const int left = made_within((int)(c.x - reach), m->width), right = made_within((int)(c.x + reach), m->width);
    const int top = made_within((int)(c.y - reach), m->height), bottom = made_within((int)(c.y + reach), m->height);
    uint8_t becomes[256];
    draw_jitter(m->r, becomes);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            float dx = (float)x - c.x, dy = (float)y - c.y;
            float u = dx * c.cosine + dy * c.sine, v = dy * c.cosine - dx * c.sine;
            if (fabsf(u) > c.width / 2 || fabsf(v) > c.height / 2)
                continue;
            int from_x = made_within((int)(c.from_x + u), m->width),
                from_y = made_within((int)(c.from_y + v), m->height);
            const uint8_t *from =
                m->before + ((size_t)from_y * (size_t)m->width + (size_t)from_x) * (size_t)m->channels;
            uint8_t *to = m->pixels + ((size_t)y * (size_t)m->width + (size_t)x) * (size_t)m->channels;
            for (int k = 0; k < m->channels; k++)
                to[k] = becomes[from[k]];
        }
}

/* ---- blended ---- */

/* A rectangle of the picture and where its pixels come from in the other: start + place * step. */
struct patch {
    int x, y, width, height;
    float start_x, start_y, step;
};

static struct patch draw_patch(const struct maker *m)
{
    struct rng *r = m->r;
    struct patch p = {.step = made_between(r, 0.7f, 1.4f)};
    p.width = 3 + (int)((float)m->width * 0.4f * powf(rng_uniform(r), 1.5f));
    p.height = 3 + (int)((float)m->height * 0.4f * powf(rng_uniform(r), 1.5f));
    p.x = (int)rng_below(r, (uint64_t)(m->width - p.width + 1));
    p.y = (int)rng_below(r, (uint64_t)(m->height - p.height + 1));
    p.start_x = made_between(r, 0, fmaxf((float)m->other.width - p.step * (float)p.width, 0));
    p.start_y = made_between(r, 0, fmaxf((float)m->other.height - p.step * (float)p.height, 0));
    return p;
}

/* What the patch is brighter by than the picture, at (x, y) of the patch. */
static float gap(const struct maker *m, const struct patch *p, int x, int y, int channel)
{
    const int from_x = made_within((int)(p->start_x + p->step * (float)x), m->other.width);
    const int from_y = made_within((int)(p->start_y + p->step * (float)y), m->other.height);
    const size_t from = (size_t)from_y * (size_t)m->other.width + (size_t)from_x;
    const size_t to = (size_t)(p->y + y) * (size_t)m->width + (size_t)(p->x + x);
    return (float)m->other.pixels[from * (size_t)m->channels + (size_t)channel] -
           (float)m->before[to * (size_t)m->channels + (size_t)channel];
}

/* The gap, stretched from the patch's four edges over its inside (Coons). */
static float stretched(const struct maker *m, const struct patch *p, int x, int y, int c)
{
    const int right = p->width - 1, bottom = p->height - 1;
    const float u = (float)x / (float)right, v = (float)y / (float)bottom;
    float edges = (1 - v) * gap(m, p, x, 0, c) + v * gap(m, p, x, bottom, c) + (1 - u) * gap(m, p, 0, y, c) +
                  u * gap(m, p, right, y, c);
    float corners = (1 - v) * ((1 - u) * gap(m, p, 0, 0, c) + u * gap(m, p, right, 0, c)) +
                    v * ((1 - u) * gap(m, p, 0, bottom, c) + u * gap(m, p, right, bottom, c));
    return edges - corners;
}

/* A membrane over the patch that lies on the gap at its edges: Laplace's equation, as NSA solves it, by sweeps
 * (Gauss-Seidel). They smooth what is near fast and what is far slowly; what is far the stretching has done. */
static void membrane(const struct maker *m, const struct patch *p, int c)
{
    float *z = m->field;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            z[y * p->width + x] = stretched(m, p, x, y, c);
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int y = 1; y + 1 < p->height; y++)
            for (float *at = z + y * p->width + 1; at + 1 < z + (y + 1) * p->width; at++)
                *at = (at[-1] + at[1] + at[-p->width] + at[p->width]) / 4;
}

/* Less the membrane the patch meets the picture without an edge. */
void make_blend(struct maker *m)
{
    const struct patch p = draw_patch(m);
    for (int c = 0; c < m->channels; c++) {
        membrane(m, &p, c);
        for (int y = 0; y < p.height; y++)
            for (int x = 0; x < p.width; x++) {
                const size_t at = ((size_t)(p.y + y) * (size_t)m->width + (size_t)(p.x + x)) * (size_t)m->channels;
                float added = gap(m, &p, x, y, c) - m->field[y * p.width + x];
                m->pixels[at + (size_t)c] = made_byte((float)m->before[at + (size_t)c] + added);
            }
    }
}
