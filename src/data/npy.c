#include "data/npy.h"

#include "base/file.h"
#include "picture/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_MAX = 4096 }; /* bytes; numpy writes 128 */

static const char MAGIC[] = "\x93NUMPY";

/* What is behind 'key': in the header's dictionary; NULL: it has no such key. */
static const char *find(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    at = at ? strchr(at, ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

/* '<i8', '|b1', ... */
static bool read_type(const char *text, struct npy *a)
{
    if (!text || *text != '\'' || !strchr("<|=", text[1]) || !text[2] || !strchr("iufb", text[2]))
        return false;
    a->type = text[2];
    a->bytes = atoi(text + 3);
    if (a->type == 'f')
        return a->bytes == 4 || a->bytes == 8;
    return a->type == 'b' ? a->bytes == 1 : a->bytes == 1 || a->bytes == 2 || a->bytes == 4 || a->bytes == 8;
}

/* (1, 2010), (12,), () */
static bool read_shape(const char *text, int64_t most, struct npy *a)
{
    if (!text || *text != '(')
        return false;
    a->n = 1;
    for (const char *at = text + 1; *at && *at != ')';) {
        char *end;
        long long side = strtoll(at, &end, 10);
        if (end == at || side < 0 || (side && a->n > most / side) || a->nd == NPY_DIMS)
            return false;
        a->d[a->nd++] = side;
        a->n *= side;
        at = end + strspn(end, ", ");
    }
    return true;
}

/* From the first `have` bytes of a file of `size`. */
static bool read_header(struct npy *a, const unsigned char *f, size_t have, size_t size)
{
    if (have < 12 || memcmp(f, MAGIC, sizeof MAGIC - 1) || f[6] < 1 || f[6] > 3)
        return false;
    const size_t wide = f[6] == 1 ? 2 : 4, begin = 8 + wide;
    size_t length = f[8] | (size_t)f[9] << 8;
    if (wide == 4)
        length |= (size_t)f[10] << 16 | (size_t)f[11] << 24;
    if (length > have - begin)
        return false;
    char *header = strndup((const char *)f + begin, length);
    const char *order = header ? find(header, "'fortran_order'") : NULL;
    bool fine = header && read_type(find(header, "'descr'"), a) &&
                read_shape(find(header, "'shape'"), (int64_t)size, a) &&
                (size_t)a->n * (size_t)a->bytes <= size - begin - length;
    a->columns_first = order && !strncmp(order, "True", 4);
    a->begin = begin + length;
    free(header);
    return fine;
}

static int no_array(const char *path, struct err *e)
{
    return err_set(e, ERR_FORMAT,
                   "%s is no NumPy array of numbers that can be read, or a damaged one; write it with numpy.save, as "
                   "whole numbers",
                   path);
}

int npy_read(const char *path, size_t limit, struct npy *out, struct err *e)
{
    size_t size;
    *out = (struct npy){0};
    TRY(file_read(path, limit, &out->file, &size, e));
    out->values = out->file;
    if (read_header(out, out->file, size, size)) {
        out->values += out->begin;
        return 0;
    }
    npy_free(out);
    return no_array(path, e);
}

void npy_free(struct npy *a)
{
    free(a->file);
    *a = (struct npy){0};
}

double npy_value(const struct npy *a, int64_t i)
{
    const unsigned char *at = a->values + i * a->bytes;
    uint64_t bits = 0;
    memcpy(&bits, at, (size_t)a->bytes); /* little-endian, as this machine is */
    if (a->type == 'f' && a->bytes == 8) {
        double v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    if (a->type == 'f') {
        float v;
        memcpy(&v, &bits, sizeof v);
        return (double)v;
    }
    const int unused = 64 - 8 * a->bytes;
    return a->type == 'i' ? (double)((int64_t)(bits << unused) >> unused) : (double)bits;
}

/* ---- a frame at a time ---- */

static int read_at(const struct npy_frames *f, unsigned char *to, size_t bytes, size_t at, struct err *e)
{
    while (bytes) {
        const ssize_t got = pread(f->fd, to, bytes, (off_t)at);
        if (got <= 0)
            return err_set(e, ERR_IO, "cannot read %s: %s", f->path, got ? strerror(errno) : "it has become shorter");
        to += got;
        at += (size_t)got;
        bytes -= (size_t)got;
    }
    return 0;
}

static int check_frames(const struct npy *a, const char *path, struct err *e)
{
    const int64_t *d = a->d;
    if (a->nd != 3)
        return err_set(e, ERR_FORMAT, "%s is an array of %d dimensions; wanted is one of frames x height x width", path,
                       a->nd);
    if (a->columns_first)
        return err_set(e, ERR_FORMAT,
                       "%s is stored in Fortran's order; write it anew with numpy.save(NAME, "
                       "numpy.ascontiguousarray(masks))",
                       path);
    if (a->n && d[1] <= PICTURE_MAX_SIDE && d[2] <= PICTURE_MAX_SIDE && d[1] * d[2] <= PICTURE_MAX_PIXELS)
        return 0;
    return err_set(e, ERR_FORMAT,
                   "%s has %lld frames of %lldx%lld pixels; at least one frame is wanted, none larger "
                   "than a picture may be",
                   path, (long long)d[0], (long long)d[2], (long long)d[1]);
}

int npy_frames_open(const char *path, struct npy_frames *out, struct err *e)
{
    unsigned char head[HEADER_MAX];
    size_t size;
    struct npy *a = &out->one;
    *out = (struct npy_frames){.path = path, .fd = -1};
    int fd;
    TRY(file_open(path, &fd, &size, e));
    out->fd = fd;
    const size_t have = size < sizeof head ? size : sizeof head;
    TRY(read_at(out, head, have, 0, e));
    if (!read_header(a, head, have, size))
        return no_array(path, e);
    TRY(check_frames(a, path, e));
    out->n = a->d[0];
    out->height = (int)a->d[1];
    out->width = (int)a->d[2];
    a->n = a->d[1] * a->d[2];
    a->values = a->file = malloc((size_t)a->n * (size_t)a->bytes);
    return a->file ? 0 : err_memory(e, "a mask");
}

int npy_frames_read(struct npy_frames *f, int64_t i, struct err *e)
{
    const size_t frame = (size_t)f->one.n * (size_t)f->one.bytes;
    return read_at(f, f->one.file, frame, f->one.begin + (size_t)i * frame, e);
}

void npy_frames_close(struct npy_frames *f)
{
    if (f->fd >= 0)
        close(f->fd);
    npy_free(&f->one);
}
