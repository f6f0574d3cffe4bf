/* IEEE 754 half precision: 1 sign, 5 bits of exponent, 10 of fraction. */
#ifndef FILE_HALF_H
#define FILE_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

float half_value(uint16_t h);
/* The nearest half of each; infinite where it is out of range. */
void half_from(const float *x, size_t n, uint16_t *out);
/* Whether halves hold all of the values exactly. */
bool half_holds(const float *x, size_t n);

#endif
