/* A small trained model in a folder of the test's own, and pictures to score with it. */
#ifndef TESTS_API_SUPPORT_H
#define TESTS_API_SUPPORT_H

#include <engram.h>

#include "support/files.h"

/* Of 16x16 grey pixels, calibrated on 19 or so; its file is model.safetensors. */
extern engram_model *model;
#define DATA "synth:?n=60&test=20&size=16"

/* cmocka's setup and teardown of a group. */
int model_begin(void **state);
int model_end(void **state);

/* The job that makes it, with another output. */
engram_train_job small_job(const char *output);

/* Some pattern, another one for each kind. */
void fill(uint8_t *pixels, size_t n, int kind);
/* A picture of one byte a pixel without gaps. */
engram_picture grey(const uint8_t *pixels, int width, int height);

/* A scorer with up to four settings, NULL behind the last; fails the test where there is none. */
engram_scorer *scorer_with(const char *a, const char *b, const char *c, const char *d);

#endif
