/* For the tests of floor picture: a decoder. */
#ifndef TESTS_PICTURE_SUPPORT_H
#define TESTS_PICTURE_SUPPORT_H

#include "picture/picture.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/pictures.h"

/* A folder to work in and a decoder, for a group of tests; decode_still fails the test. */
extern struct picture_decoder *decoder;
int decoder_begin(void **state);
int decoder_end(void **state);
struct picture decode_still(const void *bytes, size_t size, int channels);

#endif
