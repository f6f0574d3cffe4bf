/* Small pictures as files. */
#ifndef TESTS_SUPPORT_PICTURES_H
#define TESTS_SUPPORT_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A PNG whose pixel (x, y, c) is (x + 2 y + 40 c + shade) mod 256; the folders above it are made. */
void write_png(const char *path, int width, int height, int channels, int shade);

/* A one-channel PNG with a white rectangle in black. */
void write_mask(const char *path, int width, int height, int left, int top, int w, int h);

/* The bytes of a PNG of any kind, for what our own encoder does not write. Rows are packed samples, most significant
 * first, without filter bytes. */
struct png {
    int width, height, depth, colour_type; /* 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA */
    const unsigned char *rows;
    size_t row_size;
    const unsigned char *palette, *alpha; /* 3 x n and n bytes, or NULL */
    int colours;
};
unsigned char *make_png(const struct png *p, size_t *size);

/* EXIF with nothing but an orientation, in either byte order; returns its 26 bytes' number. */
size_t make_exif(unsigned char *out, bool big_endian, int orientation);
/* The PNG with such an EXIF at one of its places between chunks; the old one is freed. */
unsigned char *turn_png(unsigned char *png, size_t *size, size_t at, int orientation);

/* An idx file: `n` dimensions, then the bytes. gz when the name ends so. */
void write_idx(const char *path, int n, const uint32_t *dimensions, const unsigned char *bytes, size_t size);

#endif
