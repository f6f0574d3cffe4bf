/* Arrays in NumPy's file format, read: whole numbers, floats and booleans of this machine's byte order or of one byte.
 * Used inside data/ only. */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct npy {
    unsigned char *file;
    const unsigned char *values;
    int64_t n; /* values in all, whatever the shape */
    char type; /* 'i', 'u', 'f', 'b' */
    int bytes; /* of a value */
};

/* Of at most `limit` bytes. npy_free ends it. */
int npy_read(const char *path, size_t limit, struct npy *out, struct err *e);
void npy_free(struct npy *a);
double npy_value(const struct npy *a, int64_t i);

#endif
