/* The safetensors layout: named tensors and a map of strings in one file.
 *
 *   8 bytes   length of the header, little-endian
 *   header    JSON: tensor name -> {dtype, shape, data_offsets}; __metadata__: string -> string; padded with spaces so
 *             that the data begins at a multiple of 64 bytes
 *   data      the tensors one behind the other, without holes, little-endian
 *
 * Values are float in memory and F32 in the file; a large tensor of which half of the bits say everything is F16 there,
 * and reads as it was. Files of others may hold tensors of any kind: F32 and F16 can be read.
 *
 * Reading believes nothing: a header that does not describe the file exactly is ERR_FORMAT with a sentence. One file is
 * one thread's. */
#ifndef FILE_SAFETENSORS_H
#define FILE_SAFETENSORS_H

#include "base/err.h"
#include "nn/shape.h"

#include <stdbool.h>
#include <stdint.h>

struct safetensors_tensor {
    const char *name;
    struct shape shape;
    const float *data;     /* NULL in a file that is read */
    const char *dtype;     /* set by reading, as */
    uint64_t begin, bytes; /* where it lies in the data */
};

/* Writes atomically; an existing file is refused unless `force`. One metadata entry: key and text. */
int safetensors_write(const char *path, bool force, const char *key, const char *text,
                      const struct safetensors_tensor *tensors, size_t n, struct err *e);

struct safetensors;

int safetensors_open(const char *path, struct safetensors **out, struct err *e);
/* A file's n bytes in memory, which outlive it. */
int safetensors_open_memory(const void *bytes, size_t n, struct safetensors **out, struct err *e);
void safetensors_close(struct safetensors *st); /* NULL is fine */
const char *safetensors_path(const struct safetensors *st);
/* NULL: no such key. */
const char *safetensors_metadata(const struct safetensors *st, const char *key);
/* NULL: no such tensor. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *st, const char *name);
/* Reads a tensor's values; one that is not finite is ERR_FORMAT, and so are tensors that hold no floats. */
int safetensors_read(struct safetensors *st, const struct safetensors_tensor *t, float *out, struct err *e);

#endif
