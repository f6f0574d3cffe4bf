/* Weights that others have trained, from a safetensors file, as models see them (models/model.h). */
#ifndef FILE_PRETRAINED_H
#define FILE_PRETRAINED_H

#include "base/err.h"
#include "models/model.h"

struct safetensors;

/* `out` is valid until pretrained_close, which takes a zeroed one too. */
int pretrained_open(const struct weights_place *place, struct weights *out, struct err *e);
/* The tensors of a file that is open, and stays so. */
struct weights pretrained_view(struct safetensors *file);
void pretrained_close(struct weights *w);

#endif
