/* Colours: grey from RGB, and RGB from the YUV in which cameras, JPEG and WebP keep it (ITU-R BT.601). Written out here
 * and not left to libswscale: twice as fast, no longer to start, the same on every machine. */
#ifndef PICTURE_COLOUR_H
#define PICTURE_COLOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint8_t colour_clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* A value of 0..max as one of 0..255, rounded. */
static inline uint8_t colour_scale(unsigned value, unsigned max)
{
    return (uint8_t)(max == 255 ? value : (value * 255 + max / 2) / max);
}

/* What is seen of a value that lies on black. */
static inline uint8_t colour_over_black(uint8_t value, uint8_t alpha)
{
    return (uint8_t)((value * alpha + 127) / 255);
}

/* 0.299 R + 0.587 G + 0.114 B, rounded; in place is fine. */
void colour_rgb_to_grey(const uint8_t *rgb, size_t pixels, uint8_t *grey);

/* Each value three times, in place. */
void colour_grey_to_rgb(uint8_t *pixels, size_t n);

/* A picture in three planes of bytes. */
struct yuv {
    int width, height;
    int across, down; /* log2 of luma pixels to a chroma sample, which lies between them; its planes are rounded up */
    bool full;        /* values 0..255 and not 16..235 (chroma 16..240) */
    const uint8_t *plane[3];
    ptrdiff_t stride[3]; /* bytes from row to row */
};

/* height * width * 3 bytes to `rgb`. `work`: yuv_work_bytes of any content, aligned for uint16_t. */
void yuv_to_rgb(const struct yuv *p, void *work, uint8_t *rgb);
size_t yuv_work_bytes(int width);

/* The other way, of limited range: planes of width x height, and of half of each, both even. */
void rgb_to_yuv(const uint8_t *rgb, int width, int height, uint8_t *const plane[3], const ptrdiff_t stride[3]);

/* The Y of YUV is the grey that is wanted; only its range may differ. */
void yuv_to_grey(const struct yuv *p, uint8_t *grey);

#endif
