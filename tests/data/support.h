/* For the tests of floor data: a temporary folder for each test, files and pictures in it, sentences of errors. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include "base/err.h"
#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* cmocka setup and teardown: a new empty folder, removed with all that is in it. */
int folder_make(void **state);
int folder_remove(void **state);

/* A path in that folder, made from a format; one of 16 static buffers, used in turn. */
const char *in_folder(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes a file in that folder, and the folders above it. */
void write_file(const char *name, const void *bytes, size_t size);

/* Writes a PNG in that folder whose pixel (x, y, c) is (x + 2 y + 40 c + shade) mod 256. */
void write_png(const char *name, int width, int height, int channels, int shade);

/* A one-channel PNG with a white rectangle in black. */
void write_mask(const char *name, int width, int height, int left, int top, int w, int h);

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

/* An idx file: `n` dimensions, then the bytes. gz when the name ends so. */
void write_idx(const char *name, int n, const uint32_t *dimensions, const unsigned char *bytes, size_t size);

/* Fails unless *e holds `code` and a sentence that has every one of the words (ended by NULL) in it. */
void expect_error(const struct err *e, int code, ...) __attribute__((sentinel));

/* Opens or fails the test. */
struct dataset *open_dataset(const char *url, enum dataset_use use);

/* The preprocessing that keeps pictures at such a format; its values are pixels / 255. */
struct preprocess pictures_of(int width, int height, int channels);
/* Sample i in that format, as 8-bit pixels. */
int load_pixels(struct dataset *ds, enum split split, size_t i, const struct picture_format *want, void *pixels,
                struct err *e);
/* The format that is chosen for the pictures of a split when nobody asks for one. */
struct picture_format fitted_format(struct dataset *ds, enum split split);

/* Counts the lines that it gets at each level, and keeps the last of each. */
struct heard {
    int n[3];
    char last[3][1200];
};
struct log log_to(struct heard *h);

#endif
