/* Why the edge's pixels go on where something comes in: shifts and turns are for parts that lie differently in the
 * picture, and there the even ground around them goes on. A reflection brings in a piece of the part itself, which a
 * net would learn as normal at that place. Why whole pixels of shift: half a pixel of it is a blur, which is no
 * property of the part. */
#include "data/augment.h"

#include "base/hot.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

#define OPTIONS_OF struct augment
// clang-format off
const struct option augment_options[] = {
    ROW_BOOL(flip_h, "false", "mirror training pictures left to right at random"),
    ROW_BOOL(flip_v, "false", "mirror training pictures top to bottom at random"),
    ROW_FLOAT(shift, "0", 0, 0.5, "move training pictures at random, by up to this share of the side each way"),
    ROW_FLOAT(rotate, "0", 0, 180, "turn training pictures at random, by up to so many degrees each way"),
    ROW_FLOAT(zoom, "0", 0, 1, "zoom training pictures at random, by up to a factor of 1 + zoom, in and out"),
    ROW_FLOAT(gain, "0", 0, 1, "brightness of training pictures is multiplied at random by 1 - gain to 1 + gain"),
    ROW_FLOAT(offset, "0", 0, 1, "up to this much, of a white of 1, is added to it or taken from it at random"),
    {0}};
// clang-format on

bool augment_wanted(const struct augment *a)
{
    return a->flip_h || a->flip_v || a->shift > 0 || a->rotate > 0 || a->zoom > 0 || a->gain > 0 || a->offset > 0;
}

/* ---- drawing ---- */

/* Draws of a sample: as many positions of the stream are its own. */
enum { FLIPS = 2, MOVES = 6 };

static bool draw_flip(struct rng *r, bool wanted)
{
    return wanted && rng_u64(r) >> 63;
}

/* -1 to 1. */
static double draw_even(struct rng *r)
{
    return 2 * (double)rng_uniform(r) - 1;
}

static int draw_pixels(struct rng *r, double share, int64_t side)
{
    int64_t most = share > 0 ? (int64_t)lround(share * (double)side) : 0;
    if (share > 0 && most < 1)
        most = 1;
    return (int)((int64_t)rng_below(r, (uint64_t)(2 * most + 1)) - most);
}

struct change augment_draw(const struct augment *a, const struct shape *sample, uint64_t seed, int64_t epoch,
                           size_t index)
{
    const int64_t *side = sample->d + sample->nd - 3; /* height, width */
    struct rng flips = rng_new(seed, rng_stream("loader flips") + (uint64_t)epoch);
    struct rng moves = rng_new(seed, rng_stream("loader moves") + (uint64_t)epoch);
    struct change c;
    flips.counter = FLIPS * index;
    moves.counter = MOVES * index;
    c.flip_h = draw_flip(&flips, a->flip_h);
    c.flip_v = draw_flip(&flips, a->flip_v);
    c.right = draw_pixels(&moves, a->shift, side[1]);
    c.down = draw_pixels(&moves, a->shift, side[0]);
    c.angle = a->rotate * draw_even(&moves);
    c.zoom = pow(1 + a->zoom, draw_even(&moves));
    c.gain = 1 + a->gain * draw_even(&moves);
    c.offset = a->offset * draw_even(&moves);
    return c;
}

/* ---- mirroring ---- */

static void swap_pixels(uint8_t *a, uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t held = a[i];
        a[i] = b[i];
        b[i] = held;
    }
}

struct frame {
    int64_t height, width, channels;
};

static void flip_frame(const struct change *c, const struct frame *f, uint8_t *pixels)
{
    const size_t h = (size_t)f->height, w = (size_t)f->width, n = (size_t)f->channels;
    for (size_t y = 0; c->flip_h && y < h; y++)
        for (size_t x = 0; x < w / 2; x++)
            swap_pixels(pixels + (y * w + x) * n, pixels + (y * w + w - 1 - x) * n, n);
    for (size_t y = 0; c->flip_v && y < h / 2; y++)
        swap_pixels(pixels + y * w * n, pixels + (h - 1 - y) * w * n, w * n);
}

/* ---- turning, zooming, shifting ---- */

/* Places in a picture are whole numbers with 32 binary digits behind the point, of which 8 weigh the neighbours. */
enum { POINT = 32, WEIGHT = 256, WEIGHTS_POINT = 16 };
static const double ONE = 0x1p32;

/* From a new pixel back to where it comes from: source = start + x * across + y * along, each (x, y). */
struct warp {
    int64_t start[2], across[2], along[2];
};

static int64_t fixed(double v)
{
    return (int64_t)llround(v * ONE);
}

static struct warp warp_of(const struct change *c, const struct frame *f)
{
    static const double degree = 3.14159265358979323846 / 180;
    const double cosine = cos(c->angle * degree) / c->zoom, sine = sin(c->angle * degree) / c->zoom;
    const double x = (double)(f->width - 1) / 2, y = (double)(f->height - 1) / 2;
    const double from_x = -x - c->right, from_y = -y - c->down;
    return (struct warp){
        .start = {fixed(x + cosine * from_x + sine * from_y), fixed(y - sine * from_x + cosine * from_y)},
        .across = {fixed(cosine), fixed(-sine)},
        .along = {fixed(sine), fixed(cosine)}};
}

static inline int64_t inside(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static inline unsigned between(unsigned a, unsigned b, unsigned weight)
{
    return a * (WEIGHT - weight) + b * weight;
}

static inline void warp_row(const struct frame *f, const uint8_t *in, int64_t x, int64_t y, const int64_t step[2],
                            uint8_t *out, int channels)
{
    for (int64_t i = 0; i < f->width; i++, x += step[0], y += step[1], out += channels) {
        const int64_t column = x >> POINT, row = y >> POINT;
        const unsigned weight_x = (unsigned)(x >> (POINT - 8)) % WEIGHT,
                       weight_y = (unsigned)(y >> (POINT - 8)) % WEIGHT;
        const int64_t left = inside(column, f->width), right = inside(column + 1, f->width);
        const uint8_t *above = in + inside(row, f->height) * f->width * channels;
        const uint8_t *below = in + inside(row + 1, f->height) * f->width * channels;
        for (int c = 0; c < channels; c++) {
            unsigned top = between(above[left * channels + c], above[right * channels + c], weight_x);
            unsigned bottom = between(below[left * channels + c], below[right * channels + c], weight_x);
            out[c] = (uint8_t)((between(top, bottom, weight_y) + (1u << (WEIGHTS_POINT - 1))) >> WEIGHTS_POINT);
        }
    }
}

HOT static void warp_frame(const struct frame *f, const struct warp *w, const uint8_t *restrict in,
                           uint8_t *restrict out)
{
    for (int64_t row = 0; row < f->height; row++) {
        const int64_t x = w->start[0] + row * w->along[0], y = w->start[1] + row * w->along[1];
        uint8_t *line = out + row * f->width * f->channels;
        if (f->channels == 1)
            warp_row(f, in, x, y, w->across, line, 1);
        else
            warp_row(f, in, x, y, w->across, line, 3);
    }
}

static bool moves(const struct change *c)
{
    return c->right || c->down || c->angle != 0 || c->zoom != 1;
}

/* ---- brightness ---- */

static void brighten(const struct change *c, uint8_t *pixels, size_t n)
{
    uint8_t becomes[256];
    for (int v = 0; v < 256; v++) {
        double bright = (double)v * c->gain + 255 * c->offset;
        becomes[v] = (uint8_t)lround(fmin(fmax(bright, 0), 255));
    }
    for (size_t i = 0; i < n; i++)
        pixels[i] = becomes[pixels[i]];
}

void change_make(const struct change *c, const struct shape *sample, uint8_t *pixels, uint8_t *spare)
{
    const int64_t *d = sample->d + sample->nd - 3;
    const struct frame f = {.height = d[0], .width = d[1], .channels = d[2]};
    const size_t size = (size_t)(f.height * f.width * f.channels), all = (size_t)shape_count(sample);
    const struct warp w = warp_of(c, &f);
    for (uint8_t *frame = pixels; frame < pixels + all; frame += size) {
        flip_frame(c, &f, frame);
        if (!moves(c))
            continue;
        memcpy(spare, frame, size);
        warp_frame(&f, &w, spare, frame);
    }
    if (c->gain != 1 || c->offset != 0)
        brighten(c, pixels, all);
}
