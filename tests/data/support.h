/* For the tests of floor data: datasets, what they log, sentences of errors. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include "base/err.h"
#include "data/dataset.h"
#include "support/files.h"
#include "support/pictures.h"

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

/* A folder to work in and a decoder, for a group of tests; decode_still fails the test. */
extern struct picture_decoder *decoder;
int decoder_begin(void **state);
int decoder_end(void **state);
struct picture decode_still(const void *bytes, size_t size, int channels);

/* EXIF with nothing but an orientation, in either byte order; returns its 26 bytes' number. */
size_t make_exif(unsigned char *out, bool big_endian, int orientation);
/* The PNG with such an EXIF at one of its places between chunks; the old one is freed. */
unsigned char *turn_png(unsigned char *png, size_t *size, size_t at, int orientation);

/* Counts the lines that it gets at each level, and keeps the last of each, and the first of all in a row. */
struct heard {
    int n[3];
    char last[3][1200], all[4000];
};
struct log log_to(struct heard *h);

#endif
