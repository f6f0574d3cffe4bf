/* Pictures: H,W,C of 1 or 3 channels. Kept as 8-bit pixels of the model's size. */
#include "data/kind.h"

#include "base/arena.h"
#include "data/dataset_private.h"
#include "data/pixel_values.h"
#include "data/region.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GUESS_MAX = 256, /* longest side that is chosen without being asked for; the cost grows with the area */
    GUESS_MIN = 16,  /* shortest */
    GUESS_GROW = 4,  /* times that a small picture is enlarged at most, where its number of pixels is asked for */
    LOOKS = 33,      /* pictures that the choice is made from */
};

/* ---- fitting ---- */

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* What the pictures look like, from some spread over the split: median width and height, grey when all are stored
 * grey. Unreadable ones do not count unless all are; then their error. */
static int look(struct dataset *ds, enum split split, struct picture_format *format, struct err *e)
{
    const struct split_samples *s = &ds->splits[split];
    size_t looks = s->n < LOOKS ? s->n : LOOKS;
    int widths[LOOKS], heights[LOOKS], seen = 0, channels = 1;
    struct err first = ERR_INIT;
    struct picture_decoder *d;
    TRY(dataset_take_decoder(ds, &d, e));
    picture_decoder_aim(d, &(struct picture_format){1, 1, 3}); /* their sizes are all that is wanted of them */
    for (size_t k = 0; k < looks; k++) {
        const struct sample *sample = &s->v[k * s->n / looks];
        const struct part *part = &ds->parts[sample->part];
        struct picture picture;
        if (part->source->read(part, sample, d, 0, &picture, &first) < 0)
            continue;
        const struct picture_size own = picture_own_size(d, &picture);
        widths[seen] = own.width;
        heights[seen++] = own.height;
        if (picture.channels == 3)
            channels = 3;
    }
    picture_decoder_aim(d, NULL);
    dataset_put_decoder(ds, d);
    if (!seen)
        return err_set(e, first.code ? first.code : ERR_FAIL, "%s", first.code ? first.msg : "the split is empty");
    qsort(widths, (size_t)seen, sizeof *widths, by_value);
    qsort(heights, (size_t)seen, sizeof *heights, by_value);
    *format = (struct picture_format){.width = widths[seen / 2], .height = heights[seen / 2], .channels = channels};
    return 0;
}

/* How much larger than its own size a picture is seen. What a model sees in tiles it can see as it is. */
static double guess_scale(const struct picture_format *native, const struct wishes *w)
{
    int longest = native->width > native->height ? native->width : native->height;
    if (w->tile)
        return 1;
    if (w->square.n)
        return fmin(wishes_square_scale(w, native->width, native->height), GUESS_GROW);
    return longest > GUESS_MAX ? (double)GUESS_MAX / longest : 1;
}

static int guess_side(int side, double scale)
{
    int rounded = fabs(scale - 1) > 1e-9 ? (int)lround(side * scale / 16) * 16 : side;
    return rounded < GUESS_MIN ? GUESS_MIN : rounded;
}

static int fit(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
               struct err *e)
{
    struct picture_format native = {0};
    if (w->frames)
        return err_set(
            e, ERR_USAGE,
            "option frames is %d, but %s has pictures, not clips; set frames=0 to train on single pictures, or "
            "call the path video:PATH where its folders hold the frames of videos",
            w->frames, ds->parts[0].path);
    bool region = w->roi && *w->roi;
    if (!w->height || !w->channels || region)
        TRY(look(ds, split, &native, e));
    const double seen = w->height ? 1 : guess_scale(&native, w);
    float *scale = arena_alloc(arena, 2 * sizeof *scale);
    if (!scale)
        return err_memory(e, "the preprocessing");
    p->sample =
        SHAPE(w->height ? w->height : guess_side(native.height, seen),
              w->width ? w->width : guess_side(native.width, seen), w->channels ? w->channels : native.channels);
    p->n = 1;
    p->mean = scale;
    p->std = scale + 1;
    scale[0] = w->symmetric ? 0.5f : 0;
    scale[1] = w->symmetric ? 0.5f : 1;
    p->tile = w->tile;
    p->overlap = w->overlap;
    return region ? region_read(w->roi, &native, arena, p, e) : 0;
}

static int check(const struct preprocess *p, struct err *e)
{
    const struct shape *s = &p->sample;
    char text[SHAPE_TEXT];
    if (s->nd == 3 && (s->d[2] == 1 || s->d[2] == 3) && p->n == 1)
        return 0;
    return err_set(e, ERR_FORMAT, "pictures should be height, width and 1 or 3 channels, not %s", shape_text(s, text));
}

/* ---- reading ---- */

static size_t bytes(const struct preprocess *p)
{
    return (size_t)shape_count(&p->sample);
}

static int load(const struct part *part, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                void *kept, struct shape *own, struct err *e)
{
    struct picture picture;
    struct picture_format format = p ? preprocess_format(p) : (struct picture_format){1, 1, 0};
    picture_decoder_aim(d, &format);
    int code = part->source->read(part, s, d, format.channels, &picture, e);
    const struct picture_size size = code < 0 ? (struct picture_size){0} : picture_own_size(d, &picture);
    picture_decoder_aim(d, NULL); /* masks are read by the same, and compared at their own size */
    TRY(code);
    *own = SHAPE(size.height, size.width, picture.channels);
    return p ? picture_fit(d, &picture, &format, kept, e) : 0;
}

static void values(const struct preprocess *p, const void *kept, float *out)
{
    pixels_to_values(p, kept, bytes(p), out);
}

static void change(const struct preprocess *p, const struct change *c, void *kept, void *spare)
{
    change_make(c, &p->sample, kept, spare);
}

/* ---- showing ---- */

static void show(const struct preprocess *p, const float *values_in, uint8_t *pixels)
{
    values_to_pixels(p, values_in, bytes(p), pixels);
}

static void describe(const struct shape *least, const struct shape *most, char *text, size_t size)
{
    const char *colour = most->d[2] == 3 ? "colour" : "grey";
    if (least->d[0] == most->d[0] && least->d[1] == most->d[1])
        snprintf(text, size, "all %lldx%lld, %s", (long long)most->d[1], (long long)most->d[0], colour);
    else
        snprintf(text, size, "widths %lld to %lld, heights %lld to %lld, %s", (long long)least->d[1],
                 (long long)most->d[1], (long long)least->d[0], (long long)most->d[0], colour);
}

const struct kind kind_pictures = {
    .name = "pictures",
    .samples = "pictures",
    .fit = fit,
    .check = check,
    .bytes = bytes,
    .load = load,
    .values = values,
    .change = change,
    .show = show,
    .describe = describe,
};
