/* Pixels as cameras and decoders deliver them become a picture of the house: 8-bit grey or RGB without padding. */
#ifndef PICTURE_PIXELS_H
#define PICTURE_PIXELS_H

#include "picture/picture.h"

enum pixel_format {
    PIXELS_GREY8,
    PIXELS_GREY16, /* of this machine's byte order; 0..65535 become 0..255, rounded: shift 10 or 12 bits up before */
    PIXELS_RGB,    /* a byte each, in the order of the name */
    PIXELS_BGR,
    PIXELS_RGBA, /* laid on black by alpha, as in files: a fourth byte that means nothing should be 255 */
    PIXELS_BGRA,
    PIXELS_NV12, /* plane 0: Y; plane 1: U and V in turn for 2x2 pixels. BT.601 of limited range (Y 16..235) */
    PIXELS_YUYV, /* Y U Y V for 2 pixels; the same range */
    PIXEL_FORMATS
};

/* Rows from the top. Where two pixels share their colour, an odd width or height counts as the next even one, there
 * alone: NV12 of 3x3 has 3x3 bytes of Y and 2 rows of 2 U and V; a row of YUYV of 3 pixels has 8 bytes. */
struct pixels {
    enum pixel_format format;
    int width, height;
    const void *plane[2]; /* the second for NV12 alone; no alignment is needed */
    size_t stride[2];     /* bytes from row to row; what is behind a row is not read */
};

/* The picture as `channels` has it: 1 or 3, or 0 for what the format has. Its pixels are the decoder's until the next
 * use of that (`d` is a reusable buffer here, and its limits apply). ERR_USAGE: no such format, no plane, too short a
 * stride; ERR_FORMAT: too large. */
int pixels_read(const struct pixels *p, int channels, struct picture_decoder *d, struct picture *out, struct err *e);

#endif
