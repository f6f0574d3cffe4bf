#include "data/made_set.h"

#include "data/dataset_private.h"
#include "data/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MIN = 16 }; /* pixels of a picture that defects are made in */

static const char *const kind_names[] = {[MADE_SHAPES] = "shapes", [MADE_CUTS] = "cuts", [MADE_BLENDS] = "blends"};

struct state {
    struct dataset *good;
    struct made_set wish;
    size_t *from; /* samples of `good`, n of them */
    size_t n;
};

/* ---- which samples ---- */

static int list_good(struct state *s, struct err *e)
{
    const size_t all = dataset_count(s->good, SPLIT_TEST);
    s->from = malloc((all + 1) * sizeof *s->from);
    if (!s->from)
        return err_memory(e, "a list of good pictures");
    for (size_t i = 0; i < all; i++)
        if (dataset_sample(s->good, SPLIT_TEST, i)->anomalous != 1)
            s->from[s->n++] = i;
    if (s->n >= 2)
        return 0;
    return err_set(e, ERR_USAGE, "defects are made of at least 2 good pictures, and there %s %zu",
                   s->n == 1 ? "is" : "are", s->n);
}

static enum made_kind kind_of(const struct state *s, size_t number)
{
    return s->wish.kind == MADE_MIXED ? (enum made_kind)(number % MADE_MIXED) : s->wish.kind;
}

static int add(struct part *p, const char *name, const struct sample *like, const char *kind, size_t index,
               struct err *e)
{
    struct sample s = {.name = name,
                       .path = like->path,
                       .kind = kind,
                       .index = (int64_t)index,
                       .anomalous = strcmp(kind, "good") != 0};
    TRY(part_class(p, kind, &s.label, e));
    return part_add(p, SPLIT_TEST, &s, e);
}

/* What p->state is until then: good pictures, and what is wished. */
struct opening {
    struct dataset *good;
    const struct made_set *wish;
};

static int made_open(struct part *p, struct err *e)
{
    const struct opening *o = p->state;
    struct state *s = p->state = calloc(1, sizeof *s);
    char name[400];
    if (!s)
        return err_memory(e, "a data set");
    *s = (struct state){.good = o->good, .wish = *o->wish};
    p->has_masks = true;
    TRY(list_good(s, e));
    for (size_t i = 0; i < s->n; i++) {
        const struct sample *like = dataset_sample(s->good, SPLIT_TEST, s->from[i]);
        TRY(add(p, like->name, like, "good", i, e));
    }
    for (size_t i = 0; i < s->wish.n; i++) {
        const struct sample *like = dataset_sample(s->good, SPLIT_TEST, s->from[i % s->n]);
        const char *kind = kind_names[kind_of(s, i)];
        snprintf(name, sizeof name, "made/%s/%05zu-%.300s", kind, i, like->name);
        TRY(add(p, name, like, kind, s->n + i, e));
    }
    return 0;
}

/* ---- reading one ---- */

/* In the channels that it has, whatever is wanted: the picture and its mask are made by the same draws. */
static int read_good(const struct state *s, size_t i, struct picture_decoder *d, struct picture *out, struct err *e)
{
    const struct sample *sample = dataset_sample(s->good, SPLIT_TEST, s->from[i]);
    const struct part *part = &s->good->parts[sample->part];
    return part->source->read(part, sample, d, 0, out, e);
}

/* Another picture than the i-th, of so many channels. */
static int read_other(const struct state *s, size_t i, struct rng *r, struct picture_decoder *d, int channels,
                      struct picture *out, uint8_t **room, struct err *e)
{
    size_t k = (size_t)rng_below(r, s->n);
    struct picture p;
    TRY(read_good(s, k == i ? (k + 1) % s->n : k, d, &p, e));
    *out = p;
    if (p.channels == channels)
        return 0;
    const struct picture_format want = {p.width, p.height, channels};
    *room = malloc(picture_bytes(&want));
    if (!*room)
        return err_memory(e, "a picture");
    *out = (struct picture){p.width, p.height, channels, *room};
    return picture_fit(d, &p, &want, *room, e);
}

/* What one reading needs; reading_end frees it. */
struct reading {
    struct picture_decoder *decoder; /* of `good` */
    struct maker *maker;
    uint8_t *pixels, *truth, *room;
    struct picture_format format;
};

static void reading_end(const struct state *s, struct reading *x)
{
    if (x->decoder)
        dataset_put_decoder(s->good, x->decoder);
    maker_free(x->maker);
    free(x->pixels);
    free(x->truth);
    free(x->room);
}

/* Picture `number` of those with defects, at its own size. */
static int spoil(const struct state *s, size_t number, struct reading *x, struct err *e)
{
    const size_t i = number % s->n;
    struct rng r = made_draw(s->wish.seed, 0, number);
    struct picture good, other;
    TRY(dataset_take_decoder(s->good, &x->decoder, e));
    TRY(read_good(s, i, x->decoder, &good, e));
    if (good.width < SIDE_MIN || good.height < SIDE_MIN)
        return err_set(e, ERR_FORMAT, "%s is %dx%d, and defects are made in pictures of at least %dx%d pixels",
                       dataset_sample(s->good, SPLIT_TEST, s->from[i])->name, good.width, good.height, SIDE_MIN,
                       SIDE_MIN);
    x->format = (struct picture_format){good.width, good.height, good.channels};
    x->pixels = malloc(picture_bytes(&x->format));
    x->truth = malloc((size_t)good.width * (size_t)good.height);
    if (!x->pixels || !x->truth)
        return err_memory(e, "a picture");
    memcpy(x->pixels, good.pixels, picture_bytes(&x->format));
    TRY(read_other(s, i, &r, x->decoder, good.channels, &other, &x->room, e));
    TRY(maker_new(&x->format, &x->maker, e));
    maker_run(x->maker, kind_of(s, number), &r, &other, NULL, x->pixels, x->truth);
    return 0;
}

static int give(struct picture_decoder *d, const uint8_t *pixels, const struct picture_format *f, struct picture *out,
                struct err *e)
{
    uint8_t *canvas;
    TRY(picture_canvas(d, picture_bytes(f), &canvas, e));
    memcpy(canvas, pixels, picture_bytes(f));
    *out = (struct picture){f->width, f->height, f->channels, canvas};
    return 0;
}

static int made_read(const struct part *p, const struct sample *sample, struct picture_decoder *d, int channels,
                     struct picture *out, struct err *e)
{
    const struct state *s = p->state;
    const size_t i = (size_t)sample->index;
    (void)channels;
    picture_decoder_aim(d, NULL); /* good ones are made smaller as those with defects are */
    if (i < s->n)
        return read_good(s, i, d, out, e);
    struct reading x = {0};
    int code = spoil(s, i - s->n, &x, e);
    if (!code)
        code = give(d, x.pixels, &x.format, out, e);
    reading_end(s, &x);
    return code;
}

static int made_mask(const struct part *p, const struct sample *sample, struct picture_decoder *d, struct picture *out,
                     struct err *e)
{
    const struct state *s = p->state;
    struct reading x = {0};
    int code = spoil(s, (size_t)sample->index - s->n, &x, e);
    if (!code) {
        const size_t area = (size_t)x.format.width * (size_t)x.format.height;
        for (size_t k = 0; k < area; k++)
            x.truth[k] = x.truth[k] ? 255 : 0;
        code = give(d, x.truth, &(struct picture_format){x.format.width, x.format.height, 1}, out, e);
    }
    reading_end(s, &x);
    return code < 0 ? code : 1;
}

static void made_close(struct part *p)
{
    struct state *s = p->state;
    if (s)
        free(s->from);
    free(s);
}

static const struct option options[] = {{0}};

/* Not in the table: no URL leads to it. */
static const struct source source_made = {
    .name = "made",
    .help = "good pictures, and the same with made defects",
    .options = options,
    .kind = &kind_pictures,
    .open = made_open,
    .read = made_read,
    .mask = made_mask,
    .close = made_close,
};

int dataset_open_made(struct dataset *good, const struct made_set *wish, const struct log *log, struct dataset **out,
                      struct err *e)
{
    *out = NULL;
    if (dataset_kind(good) != &kind_pictures)
        return err_set(e, ERR_USAGE, "defects can be made in pictures alone, and %s has %s", good->parts[0].path,
                       good->parts[0].source->kind->samples);
    struct opening o = {good, wish};
    return dataset_open_source(&source_made, good->parts[0].path, &o, DATASET_SCORE, log, out, e);
}
