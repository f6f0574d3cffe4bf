/* Weights that others have trained, from a safetensors file, as models see them (models/model.h). */
#ifndef FILE_PRETRAINED_H
#define FILE_PRETRAINED_H

#include "base/err.h"
#include "models/model.h"

/* `out` is valid until pretrained_close, which takes a zeroed one too. */
int pretrained_open(const struct weights_place *place, struct weights *out, struct err *e);
void pretrained_close(struct weights *w);

#endif
