/* A picture's way from a file to the format that is wanted; what kinds of files there are is in picture/stills.c. */
#include "picture/picture.h"

#include "base/file.h"
#include "picture/colour.h"
#include "picture/resize.h"
#include "picture/still.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PICTURE_MAX_FILE = 1 << 30 };

struct picture_decoder {
    struct canvas pixels; /* the decoded picture */
    struct canvas work;   /* a decoder's; a grey copy, or what is to be turned */
    struct resize resize;
    struct picture_limits limits;
    struct picture_size aim, own; /* 0x0: none; nothing has been decoded for it */
};

int picture_decoder_new(struct picture_decoder **d, struct err *e)
{
    *d = calloc(1, sizeof **d);
    if (!*d)
        return err_memory(e, "a picture decoder");
    picture_decoder_limit(*d, &(struct picture_limits){0});
    return 0;
}

void picture_decoder_free(struct picture_decoder *d)
{
    if (!d)
        return;
    free(d->pixels.bytes);
    free(d->work.bytes);
    resize_free(&d->resize);
    free(d);
}

void picture_decoder_limit(struct picture_decoder *d, const struct picture_limits *l)
{
    d->limits.side = l->side > 0 && l->side < PICTURE_MAX_SIDE ? l->side : PICTURE_MAX_SIDE;
    d->limits.pixels = l->pixels > 0 && l->pixels < PICTURE_MAX_PIXELS ? l->pixels : PICTURE_MAX_PIXELS;
    d->limits.bytes = l->bytes > 0 && l->bytes < PICTURE_MAX_BYTES ? l->bytes : PICTURE_MAX_BYTES;
}

void picture_decoder_aim(struct picture_decoder *d, const struct picture_format *format)
{
    d->aim = format ? (struct picture_size){format->width, format->height} : (struct picture_size){0};
    d->own = (struct picture_size){0};
}

struct picture_size picture_own_size(const struct picture_decoder *d, const struct picture *p)
{
    return d->own.width ? d->own : (struct picture_size){p->width, p->height};
}

int picture_check_size(const struct picture_decoder *d, const char *name, int width, int height, size_t bytes,
                       struct err *e)
{
    return still_check_size(&d->limits, name, width, height, bytes, e);
}

int picture_canvas(struct picture_decoder *d, size_t bytes, uint8_t **pixels, struct err *e)
{
    TRY(canvas_need(&d->pixels, bytes, e));
    *pixels = d->pixels.bytes;
    return 0;
}

size_t picture_bytes(const struct picture_format *format)
{
    return (size_t)format->width * (size_t)format->height * (size_t)format->channels;
}

/* ---- which kind ---- */

static bool listed(const char *extensions, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = extensions; n && *at; at = strchr(at, ' ') + 1)
        if (!strncasecmp(at, word, n) && at[n] == ' ')
            return true;
    return false;
}

bool picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && stills[i]; i++)
        if (listed(stills[i]->extensions, dot + 1))
            return true;
    return false;
}

static bool begins(const struct still_file *f, const char *start, size_t n)
{
    size_t k = 0;
    while (k < n && k < f->size && (start[k] == '?' || (unsigned char)start[k] == f->bytes[k]))
        k++;
    return n && k == n;
}

static const struct still *find_still(const struct still_file *f)
{
    for (size_t i = 0; stills[i]; i++)
        for (size_t k = 0; k < sizeof stills[i]->starts / sizeof *stills[i]->starts; k++)
            if (begins(f, stills[i]->starts[k].bytes, stills[i]->starts[k].n))
                return stills[i];
    return NULL;
}

static int unknown_kind(const struct still_file *f, struct err *e)
{
    if (f->size == 0)
        return err_set(e, ERR_FORMAT, "%s is empty (0 bytes): it is no picture; remove it or copy it again", f->name);
    char start[13];
    size_t n = f->size < sizeof start - 1 ? f->size : sizeof start - 1;
    for (size_t i = 0; i < n; i++)
        start[i] = f->bytes[i] >= ' ' && f->bytes[i] < 127 ? (char)f->bytes[i] : '.';
    start[n] = 0;
    return err_set(e, ERR_FORMAT,
                   "%s is no picture of a kind that can be read: it begins with '%s' (read are png, jpg, tiff, bmp, "
                   "webp, pgm, ppm, pbm, whatever the file's name); remove or convert it",
                   f->name, start);
}

/* ---- decoding ---- */

static int decode_upright(struct picture_decoder *d, struct still_file *f, struct picture *out, struct err *e)
{
    TRY(f->still->decode(f, e));
    *out = f->picture;
    d->own = f->orientation >= 5 ? (struct picture_size){f->own.height, f->own.width} : f->own;
    return canvas_turn(f->orientation, &d->pixels, &d->work, out, e);
}

int picture_decode(struct picture_decoder *d, const unsigned char *bytes, size_t size, const char *name, int channels,
                   struct picture *out, struct err *e)
{
    struct still_file f = {.bytes = bytes,
                           .size = size,
                           .name = name,
                           .channels = channels,
                           .aim = d->aim,
                           .limits = &d->limits,
                           .pixels = &d->pixels,
                           .work = &d->work,
                           .orientation = 1};
    f.still = find_still(&f);
    if (!f.still)
        return unknown_kind(&f, e);
    if (size > PICTURE_MAX_FILE)
        return err_set(e, ERR_FORMAT, "%s has %zu bytes; a picture may have at most %d", name, size, PICTURE_MAX_FILE);
    return decode_upright(d, &f, out, e);
}

int picture_read(struct picture_decoder *d, const char *path, int channels, struct picture *out, struct err *e)
{
    unsigned char *bytes;
    size_t size;
    TRY(file_read(path, PICTURE_MAX_FILE, &bytes, &size, e));
    int code = picture_decode(d, bytes, size, path, channels, out, e);
    free(bytes);
    return code;
}

/* ---- size and channels ---- */

int picture_fit(struct picture_decoder *d, const struct picture *in, const struct picture_format *want, uint8_t *out,
                struct err *e)
{
    const uint8_t *pixels = in->pixels;
    if (in->channels == 3 && want->channels == 1) {
        size_t n = (size_t)in->width * (size_t)in->height;
        TRY(canvas_need(&d->work, n, e));
        colour_rgb_to_grey(pixels, n, d->work.bytes);
        pixels = d->work.bytes;
    }
    int channels = in->channels < want->channels ? in->channels : want->channels;
    size_t n = (size_t)want->width * (size_t)want->height;
    if (in->width == want->width && in->height == want->height)
        memcpy(out, pixels, n * (size_t)channels);
    else
        TRY(resize_run(&d->resize, RESIZE_SMOOTH, pixels, in->width, in->height, channels, out, want->width,
                       want->height, e));
    if (channels < want->channels)
        colour_grey_to_rgb(out, n);
    return 0;
}
