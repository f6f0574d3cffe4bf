/* Pictures: from the bytes of a file to 8-bit pixels of the size and channels that are wanted, and back to PNG.
 *
 * Reads png, jpg, tiff, bmp, webp and pgm/ppm/pbm/pnm (a decoder each: picture/still.h), known by their first bytes and
 * never by their name: grey, colour, palette, CMYK, 1 to 16 bits (scaled to 8). Transparent pixels are laid on black,
 * so that colours nobody can see do not count. Pictures come out upright where they say how they lie (EXIF in jpg, png
 * and webp; tiff). Colour profiles are ignored. A file that is damaged or cut short is an error, never half a picture.
 *
 * Pixels are uint8, rows from the top, channels last (height x width x channels), no padding. What comes out is a
 * function of the bytes alone: no decoder keeps anything from one picture to the next.
 *
 * Threads: one picture_decoder a thread; it only saves allocations. Encoding needs none and may run on any thread. What
 * the libraries that decode have to say is in the sentence of the error and nowhere else. */
#ifndef PICTURE_PICTURE_H
#define PICTURE_PICTURE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct picture_format {
    int width, height; /* pixels */
    int channels;      /* 1 grey, 3 red green blue */
};

struct picture_size {
    int width, height;
};

/* Pixels that belong to someone else: a decoder (until its next use) or an array in memory. */
struct picture {
    int width, height, channels;
    const uint8_t *pixels;
};

enum {
    PICTURE_MAX_SIDE = 1 << 20,   /* pixels; larger pictures are refused before they are decoded */
    PICTURE_MAX_PIXELS = 1 << 28, /* the same, for width x height: a small file may unpack into any number */
    PICTURE_MAX_BYTES = 1 << 30,  /* the same, for the decoded picture in memory: up to 8 bytes a pixel */
};

struct picture_decoder;
int picture_decoder_new(struct picture_decoder **d, struct err *e);
void picture_decoder_free(struct picture_decoder *d); /* NULL is fine */

/* What a picture may be before any memory is spent on it, for those who decode what strangers send. 0, and whatever is
 * above the house's own limit: that one. */
struct picture_limits {
    int side;       /* longest, in pixels */
    int64_t pixels; /* width x height */
    size_t bytes;   /* decoded, as the file has them */
};
void picture_decoder_limit(struct picture_decoder *d, const struct picture_limits *limits);

/* What the pictures that are decoded from now on will be fitted to (picture_fit): none needs more pixels, and a jpg is
 * decoded no larger than at the least half, quarter or eighth of its sides that has as many. NULL, and at first: they
 * come at their own size. */
void picture_decoder_aim(struct picture_decoder *d, const struct picture_format *format);
/* A picture's own size, upright: that of `p` unless it was decoded smaller since the last aim was taken. */
struct picture_size picture_own_size(const struct picture_decoder *d, const struct picture *p);

/* Whether a picture of that size is within the limits; ERR_FORMAT with `name` in it when not. */
int picture_check_size(const struct picture_decoder *d, const char *name, int width, int height, size_t bytes,
                       struct err *e);

/* Decodes a whole file that lies in memory. `name` is for the error sentence. `channels`: 1 or 3, or 0 for what the
 * file has (1 where it stores grey). Where only grey is wanted, colour is not decoded where luma is stored apart.
 * ERR_FORMAT when it is no picture, a damaged one or one too large. */
int picture_decode(struct picture_decoder *d, const unsigned char *bytes, size_t size, const char *name, int channels,
                   struct picture *out, struct err *e);

/* The same for a file on disk. ERR_IO when it cannot be read. */
int picture_read(struct picture_decoder *d, const char *path, int channels, struct picture *out, struct err *e);

/* Memory of the decoder's for a picture that is made by other means; the pixels of the last one are gone. */
int picture_canvas(struct picture_decoder *d, size_t bytes, uint8_t **pixels, struct err *e);

/* Brings a picture to the wanted size and channels: `out` has height * width * channels bytes. Area average on an axis
 * that shrinks, bicubic on one that grows (resize.h); grey is 0.299 R + 0.587 G + 0.114 B. `in` may be the decoder's.
 */
int picture_fit(struct picture_decoder *d, const struct picture *in, const struct picture_format *want, uint8_t *out,
                struct err *e);

/* The bytes of one picture, height * width * channels. */
size_t picture_bytes(const struct picture_format *format);

/* Whether a file name's extension (any letter case) says that it is a picture of a kind read here. */
bool picture_name(const char *name);

/* Compresses 8-bit grey or RGB pixels as PNG; *data is the caller's (free). */
int picture_encode_png(const struct picture *in, unsigned char **data, size_t *size, struct err *e);
/* The same into a file, atomically; an existing one is refused unless `force`. */
int picture_write_png(const char *path, const struct picture *in, bool force, struct err *e);

#endif
