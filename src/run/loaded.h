/* A loaded model: what its file says, and its weights. Shared read-only by any number of threads. */
#ifndef RUN_LOADED_H
#define RUN_LOADED_H

#include "base/err.h"
#include "file/model_file.h"

struct loaded;

/* Loads a model file. Nothing that one score does not need is done. */
int loaded_open(const char *path, struct loaded **out, struct err *e);
void loaded_close(struct loaded *s); /* after all of its scorers */
/* What the file says. Valid while it is open. */
const struct model_file *loaded_file(const struct loaded *s);
struct params *loaded_params(const struct loaded *s); /* not to be changed while scorers exist */
size_t loaded_weights_bytes(const struct loaded *s);

#endif
