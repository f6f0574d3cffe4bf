/* The inside of a model file, shared by model_document.c (what it says), model_file.c (its tensors) and state.c (the
 * training state has the same layout and document). */
#ifndef FILE_MODEL_FILE_PARTS_H
#define FILE_MODEL_FILE_PARTS_H

#include "base/json.h"
#include "file/model_file.h"
#include "file/safetensors.h"

/* The document without the calibration's arrays; NULL: out of memory. */
json_t *model_file_document(const struct model_file *c);

/* Writes a document and tensors; takes over the reference to `document` (NULL: out of memory). */
int model_file_write_document(const char *path, bool force, json_t *document, const struct safetensors_tensor *tensors,
                              size_t n, struct err *e);

/* Reads an opened file's document into `c`, but no tensor. `document` is the caller's (json_decref). */
int model_file_read_document(struct safetensors *st, struct model_file *c, json_t **document, struct err *e);

/* Whether each parameter has a tensor "PREFIX" "NAME" of its shape. */
int model_file_match(const struct safetensors *st, const char *prefix, const struct params *params, struct err *e);
/* Reads them; blocks[group] is where that group's values lie, laid out as params->value is; NULL: not this group. */
int model_file_fill(struct safetensors *st, const char *prefix, const struct params *params,
                    float *const blocks[GROUP_COUNT], struct err *e);
/* Appends a tensor per parameter of the groups that have a block; names are made in the arena. */
int model_file_list(struct arena *arena, const char *prefix, const struct params *params,
                    float *const blocks[GROUP_COUNT], struct safetensors_tensor *tensors, size_t *n, struct err *e);

#endif
