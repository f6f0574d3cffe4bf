/* Arrays in NumPy's file format, read: whole numbers, floats and booleans of this machine's byte order or of one byte.
 * Used inside data/ only. */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NPY_DIMS = 8 };

struct npy {
    unsigned char *file;
    const unsigned char *values;
    size_t begin; /* of the values in the file */
    int nd;
    int64_t d[NPY_DIMS];
    int64_t n;          /* values in all, whatever the shape */
    bool columns_first; /* the first index runs fastest (Fortran's order) */
    char type;          /* 'i', 'u', 'f', 'b' */
    int bytes;          /* of a value */
};

/* Of at most `limit` bytes. npy_free ends it. */
int npy_read(const char *path, size_t limit, struct npy *out, struct err *e);
void npy_free(struct npy *a);
double npy_value(const struct npy *a, int64_t i);

/* An array of frames x height x width that may be larger than memory: one frame is read at a time. */
struct npy_frames {
    struct npy one; /* the frame that was read last */
    const char *path;
    int fd;
    int64_t n;
    int height, width;
};

/* `path` has to stay. npy_frames_close ends it, also after a failure. */
int npy_frames_open(const char *path, struct npy_frames *out, struct err *e);
int npy_frames_read(struct npy_frames *f, int64_t i, struct err *e);
void npy_frames_close(struct npy_frames *f);

#endif
