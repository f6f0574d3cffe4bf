/* Source `synth`: woven textures, and the same with defects, from nothing but a seed: for tests, demos and benchmarks
 * that need neither files nor a download. A picture is a function of (seed, split, place). */
#include "data/source.h"

#include "base/rng.h"
#include "data/kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct synth_options {
    int64_t n, test, size, channels, seed;
    double defects;
};

#define OPTIONS_OF struct synth_options
// clang-format off
static const struct option options[] = {
    ROW_INT(n, "200", 0, 1e6, "training pictures"),
    ROW_INT(test, "100", 0, 1e6, "test pictures"),
    ROW_INT(size, "64", 8, 4096, "width and height in pixels"),
    ROW_INT(channels, "1", 1, 3, "1 grey, 3 colour"),
    ROW_INT(seed, "1", 0, 1e15, "other seeds give other textures"),
    ROW_FLOAT(defects, "0.5", 0, 1, "share of the test pictures that has a defect"),
    {0}};
// clang-format on

enum motif { GOOD, SPOT, SCRATCH, WEAVE, KINDS };
static const char *const kind_names[KINDS] = {"good", "spot", "scratch", "weave"};
static const char *const split_names[SPLITS] = {"train", "test"};

/* What is drawn; lengths in pixels. */
struct drawing {
    int size, channels;
    float period[2], tilt, phase[2], light[3]; /* two threads that cross */
    enum motif kind;
    float x, y, radius, angle; /* where the defect is */
    struct rng noise;
};

static float between(struct rng *r, float low, float high)
{
    return low + (high - low) * rng_uniform(r);
}

static struct drawing plan_drawing(const struct synth_options *o, const struct sample *s)
{
    struct rng texture = rng_new((uint64_t)o->seed, rng_stream("synth texture"));
    struct rng own = rng_new((uint64_t)o->seed, rng_stream(split_names[s->split]) + (uint64_t)s->index);
    struct drawing d = {.size = (int)o->size, .channels = (int)o->channels};
    while (strcmp(kind_names[d.kind], s->kind))
        d.kind++;
    const float size = (float)o->size, turn = 6.2831853f;
    for (int i = 0; i < 2; i++) {
        d.period[i] = size * between(&texture, 0.08f, 0.16f);
        d.phase[i] = between(&own, 0, turn);
    }
    d.tilt = between(&texture, -0.3f, 0.3f) + between(&own, -0.03f, 0.03f);
    for (int c = 0; c < 3; c++)
        d.light[c] = between(&texture, 0.7f, 1.0f) * (c ? 1.0f : between(&own, 0.95f, 1.05f));
    d.x = between(&own, 0.25f, 0.75f) * size;
    d.y = between(&own, 0.25f, 0.75f) * size;
    d.radius = between(&own, 0.08f, 0.16f) * size;
    d.angle = between(&own, 0, turn);
    d.noise = own;
    return d;
}

/* Whether the defect covers a pixel. */
static bool inside(const struct drawing *d, int x, int y)
{
    float dx = (float)x - d->x, dy = (float)y - d->y;
    float along = dx * cosf(d->angle) + dy * sinf(d->angle), across = dy * cosf(d->angle) - dx * sinf(d->angle);
    switch (d->kind) {
    case SPOT:
        return dx * dx + dy * dy <= d->radius * d->radius;
    case SCRATCH:
        return fabsf(along) <= 2 * d->radius && fabsf(across) <= fmaxf(1.0f, 0.1f * d->radius);
    case WEAVE:
        return fabsf(along) <= d->radius && fabsf(across) <= d->radius;
    default:
        return false;
    }
}

static float texture_at(const struct drawing *d, int x, int y, bool disturbed)
{
    const float turn = 6.2831853f, finer = disturbed ? 2.0f : 1.0f;
    float u = (float)x + d->tilt * (float)y, v = (float)y - d->tilt * (float)x;
    return 0.5f + 0.2f * sinf(finer * turn * u / d->period[0] + d->phase[0]) +
           0.2f * sinf(finer * turn * v / d->period[1] + d->phase[1]);
}

static void draw(struct drawing *d, uint8_t *out)
{
    for (int y = 0; y < d->size; y++)
        for (int x = 0; x < d->size; x++) {
            bool defect = inside(d, x, y);
            float v = texture_at(d, x, y, defect && d->kind == WEAVE);
            if (defect && d->kind != WEAVE)
                v = d->kind == SPOT ? 0.15f * v : 0.95f;
            for (int c = 0; c < d->channels; c++) {
                float lit = 255 * (v * d->light[c] + between(&d->noise, -0.03f, 0.03f));
                *out++ = (uint8_t)fminf(fmaxf(lit, 0), 255);
            }
        }
}

static int add_pictures(struct part *p, enum split split, int64_t n, double defects, struct err *e)
{
    for (int64_t i = 0; i < n; i++) {
        char name[48];
        snprintf(name, sizeof name, "%s/%05lld", split_names[split], (long long)i);
        /* Spreads the defects evenly: one wherever the running sum of shares passes a whole number. */
        bool bad = floor((double)(i + 1) * defects + 1e-9) > floor((double)i * defects + 1e-9);
        int64_t number = (int64_t)floor((double)i * defects + 1e-9);
        struct sample s = {.name = name, .path = p->url, .index = i};
        s.kind = kind_names[bad ? SPOT + number % (KINDS - SPOT) : GOOD];
        s.anomalous = bad;
        TRY(part_class(p, s.kind, &s.label, e));
        TRY(part_add(p, split, &s, e));
    }
    return 0;
}

static int synth_open(struct part *p, struct err *e)
{
    const struct synth_options *o = p->options;
    if (o->channels == 2)
        return err_set(e, ERR_USAGE, "synth makes pictures of 1 or 3 channels, not 2");
    p->has_masks = o->test > 0 && o->defects > 0;
    if (p->use == DATASET_LEARN)
        TRY(add_pictures(p, SPLIT_TRAIN, o->n, 0, e));
    return add_pictures(p, SPLIT_TEST, o->test, o->defects, e);
}

static int synth_read(const struct part *p, const struct sample *s, struct picture_decoder *d, int channels,
                      struct picture *out, struct err *e)
{
    (void)channels;
    struct drawing drawing = plan_drawing(p->options, s);
    uint8_t *pixels;
    TRY(picture_canvas(d, (size_t)drawing.size * (size_t)drawing.size * (size_t)drawing.channels, &pixels, e));
    draw(&drawing, pixels);
    *out = (struct picture){drawing.size, drawing.size, drawing.channels, pixels};
    return 0;
}

static int synth_mask(const struct part *p, const struct sample *s, struct picture_decoder *d, struct picture *out,
                      struct err *e)
{
    struct drawing drawing = plan_drawing(p->options, s);
    uint8_t *pixels;
    TRY(picture_canvas(d, (size_t)drawing.size * (size_t)drawing.size, &pixels, e));
    for (int y = 0; y < drawing.size; y++)
        for (int x = 0; x < drawing.size; x++)
            pixels[y * drawing.size + x] = inside(&drawing, x, y) ? 255 : 0;
    *out = (struct picture){drawing.size, drawing.size, 1, pixels};
    return 1;
}

const struct source source_synth = {
    .name = "synth",
    .help = "textures made up from a seed, with spots, scratches and faults of the weave to find; needs no files",
    .options = options,
    .options_size = sizeof(struct synth_options),
    .kind = &kind_pictures,
    .open = synth_open,
    .read = synth_read,
    .mask = synth_mask,
};
