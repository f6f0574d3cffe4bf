#include "data/npy.h"

#include "base/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
        if (end == at || side < 0 || (side && a->n > most / side))
            return false;
        a->n *= side;
        at = end + strspn(end, ", ");
    }
    return true;
}

static bool read_header(struct npy *a, size_t size)
{
    const unsigned char *f = a->file;
    if (size < 12 || memcmp(f, MAGIC, sizeof MAGIC - 1) || f[6] < 1 || f[6] > 3)
        return false;
    const size_t wide = f[6] == 1 ? 2 : 4, begin = 8 + wide;
    size_t length = f[8] | (size_t)f[9] << 8;
    if (wide == 4)
        length |= (size_t)f[10] << 16 | (size_t)f[11] << 24;
    if (length > size - begin)
        return false;
    char *header = strndup((const char *)f + begin, length);
    bool fine = header && read_type(find(header, "'descr'"), a) &&
                read_shape(find(header, "'shape'"), (int64_t)size, a) &&
                (size_t)a->n * (size_t)a->bytes <= size - begin - length;
    free(header);
    a->values = f + begin + length;
    return fine;
}

int npy_read(const char *path, size_t limit, struct npy *out, struct err *e)
{
    size_t size;
    *out = (struct npy){0};
    TRY(file_read(path, limit, &out->file, &size, e));
    if (read_header(out, size))
        return 0;
    npy_free(out);
    return err_set(e, ERR_FORMAT,
                   "%s is no NumPy array of numbers that can be read, or a damaged one; write it with numpy.save, as "
                   "whole numbers",
                   path);
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
