/* Passes over whole tensors, element by element, that ops and the plan need: casts and sums. */
#ifndef NN_OPS_ELEMENTS_H
#define NN_OPS_ELEMENTS_H

#include "nn/shape.h"

/* to = from in the other format: F32 to BF16 (rounded to nearest even) or back. */
void elements_cast(int threads, const void *from, void *to, enum dtype to_type, size_t n);

/* sum += part. */
void elements_add(int threads, enum dtype type, void *sum, const void *part, size_t n);

#endif
