/* For the tests of floor data: datasets, what they log. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include "data/dataset.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/pictures.h"

/* Opens or fails the test. */
struct dataset *open_dataset(const char *url, enum dataset_use use);

/* A split has samples of these names, ended by NULL, in that order, and no others. */
void expect_names(const struct dataset *ds, enum split split, ...) __attribute__((sentinel));
/* That does not open, with an error of that code and with that word in it. */
void expect_no_opening(const char *url, enum dataset_use use, int code, const char *word);

/* The preprocessing that keeps pictures at such a format; its values are pixels / 255. */
struct preprocess pictures_of(int width, int height, int channels);
/* Sample i in that format, as 8-bit pixels. */
int load_pixels(struct dataset *ds, enum split split, size_t i, const struct picture_format *want, void *pixels,
                struct err *e);
/* The format that is chosen for the pictures of a split when nobody asks for one. */
struct picture_format fitted_format(struct dataset *ds, enum split split);

/* Counts the lines that it gets at each level, and keeps the last of each, and the first of all in a row. */
struct heard {
    int n[3];
    char last[3][1200], all[4000];
};
struct log log_to(struct heard *h);

#endif
