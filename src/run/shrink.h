/* Pictures of a report, made smaller where they are large: whole blocks of pixels become one. */
#ifndef RUN_SHRINK_H
#define RUN_SHRINK_H

#include "picture/picture.h"

/* The side of the blocks that bring a picture to `side` pixels at most; 1: it is small enough. */
int shrink_block(const struct picture_format *f, int side);
/* What it then has. */
struct picture_format shrink_format(const struct picture_format *f, int block);

/* Pixels: a block's mean. `out` is of shrink_format, as in those below. */
void shrink_pixels(const struct picture_format *f, int block, const uint8_t *in, uint8_t *out);
/* Values of height x width, of heat maps, and masks: the highest of a block, so that nothing small is lost. */
void shrink_map(const struct picture_format *f, int block, const float *in, float *out);
void shrink_mask(const struct picture_format *f, int block, const uint8_t *in, uint8_t *out);

#endif
