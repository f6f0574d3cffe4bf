/* Masks: pictures of which only white (128 and more) and black count, at any size. */
#ifndef PICTURE_MASK_H
#define PICTURE_MASK_H

#include "picture/picture.h"

/* Brings a mask of one channel to height * width bytes of 0 or 1: 1 where at least half of what the pixel covers is
 * white. */
int mask_fit(const struct picture *mask, int width, int height, uint8_t *out, struct err *e);

#endif
