#include "file/safetensors.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "file/half.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian; this machine needs a byte swap in this file"
#endif

/* A header of our largest model takes 20 KB, and 100 bytes for every epoch of its curve; what is larger than this is
 * not one of ours, and would only be parsed to be refused. So it is not written either. */
enum { HEADER_MAX = 64 << 20, DATA_ALIGN = 64, HEADER_START = 8 };

static const char metadata_key[] = "__metadata__";

struct safetensors {
    FILE *stream;
    uint64_t size; /* of the file, bytes */
    char *path;
    json_t *header;
    struct arena arena;
    struct safetensors_tensor *tensors; /* in the order of the data */
    size_t n;
    uint64_t data_begin, data_bytes;
};

/* ---- writing ---- */

/* Whether a tensor is written in half of the bits: where it is large and they say all of it. Weights that have been
 * trained here never are such; those of others may be. */
static bool is_half(const struct safetensors_tensor *t)
{
    enum { LARGE = 4096 };
    size_t n = (size_t)shape_count(&t->shape);
    return n >= LARGE && half_holds(t->data, n);
}

static uint64_t bytes_of(const struct safetensors_tensor *t)
{
    return (uint64_t)shape_count(&t->shape) * (is_half(t) ? sizeof(uint16_t) : sizeof(float));
}

static json_t *tensor_entry(const struct safetensors_tensor *t, uint64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->shape.nd; i++)
        shape = json_add(shape, json_integer(t->shape.d[i]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", is_half(t) ? "F16" : "F32", "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + bytes_of(t)));
}

/* The header's text, padded; NULL when out of memory. The caller frees it. */
static char *header_text(const char *key, const char *text, const struct safetensors_tensor *tensors, size_t n,
                         size_t *size)
{
    json_t *root = json_put(json_object(), metadata_key, json_pack("{s:s}", key, text));
    uint64_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        root = json_put(root, tensors[i].name, tensor_entry(&tensors[i], begin));
        begin += bytes_of(&tensors[i]);
    }
    char *plain = json_print(root);
    json_decref(root);
    if (!plain)
        return NULL;
    size_t used = strlen(plain);
    *size = (used + HEADER_START + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN - HEADER_START;
    char *padded = realloc(plain, *size);
    if (!padded) {
        free(plain);
        return NULL;
    }
    memset(padded + used, ' ', *size - used);
    return padded;
}

/* Errors stick to the stream: file_commit reports them. */
static void write_tensor(FILE *stream, const struct safetensors_tensor *t)
{
    enum { BLOCK = 4096 };
    size_t n = (size_t)shape_count(&t->shape);
    uint16_t block[BLOCK];
    if (!is_half(t))
        fwrite(t->data, sizeof(float), n, stream);
    for (size_t at = 0; is_half(t) && at < n; at += BLOCK) {
        size_t part = n - at < BLOCK ? n - at : BLOCK;
        half_from(t->data + at, part, block);
        fwrite(block, sizeof *block, part, stream);
    }
}

int safetensors_write(const char *path, bool force, const char *key, const char *text,
                      const struct safetensors_tensor *tensors, size_t n, struct err *e)
{
    size_t size = 0;
    char *header = header_text(key, text, tensors, n, &size);
    if (!header)
        return err_memory(e, "the header of a model file");
    if (size > HEADER_MAX) {
        free(header);
        return err_set(e, ERR_FAIL,
                       "%s was not written: its description takes %zu bytes, and %d is the limit; a training curve of "
                       "fewer epochs takes less",
                       path, size, HEADER_MAX);
    }
    uint64_t length = size;
    struct file_out f = {0};
    int code = file_create(&f, path, force, e);
    if (!code) {
        fwrite(&length, sizeof length, 1, f.stream);
        fwrite(header, 1, size, f.stream);
        for (size_t i = 0; i < n; i++)
            write_tensor(f.stream, &tensors[i]);
        code = file_commit(&f, e);
    }
    free(header);
    return code;
}

/* ---- reading ---- */

#define DAMAGED "the file is damaged or not a model file: copy it again or train anew"

static int parse_shape(const struct safetensors *st, const char *name, const json_t *entry, struct shape *shape,
                       struct err *e)
{
    json_t *list;
    TRY(json_want_array(entry, "shape", st->path, SIZE_MAX, &list, e));
    if (json_array_size(list) > SHAPE_MAX)
        return err_set(e, ERR_FORMAT, "%s: tensor %s has %zu dimensions, at most %d are known; " DAMAGED, st->path,
                       name, json_array_size(list), SHAPE_MAX);
    *shape = (struct shape){.nd = (int)json_array_size(list)};
    uint64_t count = 1;
    for (int i = 0; i < shape->nd; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        json_int_t d = json_integer_value(v);
        if (!json_is_integer(v) || d < 1 || __builtin_mul_overflow(count, (uint64_t)d, &count) || count > INT64_MAX / 8)
            return err_set(e, ERR_FORMAT, "%s: the shape of tensor %s is not one of whole, sensible numbers; " DAMAGED,
                           st->path, name);
        shape->d[i] = d;
    }
    return 0;
}

/* The number formats of the layout; of engram's own files the first two. */
static const struct format {
    const char *name;
    int bytes;
} formats[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8}, {"I32", 4}, {"I16", 2},
               {"I8", 1},  {"U8", 1},  {"U16", 2},  {"U32", 4}, {"U64", 8}, {"BOOL", 1}};

static int format_bytes(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name))
            return formats[i].bytes;
    return 0;
}

static int parse_tensor(const struct safetensors *st, const char *name, const json_t *entry,
                        struct safetensors_tensor *t, struct err *e)
{
    json_t *offsets;
    *t = (struct safetensors_tensor){.name = name};
    TRY(json_want_string(entry, "dtype", st->path, &t->dtype, e));
    const int each = format_bytes(t->dtype);
    if (!each)
        return err_set(e, ERR_FORMAT, "%s: tensor %s holds %s values, which are not known here; convert it to float32",
                       st->path, name, t->dtype);
    TRY(parse_shape(st, name, entry, &t->shape, e));
    TRY(json_want_array(entry, "data_offsets", st->path, 2, &offsets, e));
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    json_int_t b = json_integer_value(begin), f = json_integer_value(end);
    if (!json_is_integer(begin) || !json_is_integer(end) || b < 0 || f < b || (uint64_t)f > st->data_bytes)
        return err_set(e, ERR_FORMAT, "%s: tensor %s should lie within the file's %llu bytes of data; " DAMAGED,
                       st->path, name, (unsigned long long)st->data_bytes);
    if (f - b != shape_count(&t->shape) * each) {
        char text[SHAPE_TEXT];
        return err_set(e, ERR_FORMAT, "%s: tensor %s of shape %s should take %lld bytes, but has %lld; " DAMAGED,
                       st->path, name, shape_text(&t->shape, text), (long long)shape_count(&t->shape) * each,
                       (long long)(f - b));
    }
    t->begin = (uint64_t)b;
    t->bytes = (uint64_t)(f - b);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* One behind the other, from the first byte to the last. */
static int check_places(const struct safetensors *st, struct err *e)
{
    uint64_t at = 0;
    for (size_t i = 0; i < st->n; i++) {
        const struct safetensors_tensor *t = &st->tensors[i];
        if (t->begin != at)
            return err_set(e, ERR_FORMAT,
                           "%s: tensor %s begins at byte %llu of the data, where %llu was expected: "
                           "tensors %s; " DAMAGED,
                           st->path, t->name, (unsigned long long)t->begin, (unsigned long long)at,
                           t->begin < at ? "overlap" : "leave a hole");
        at += t->bytes;
    }
    if (at != st->data_bytes)
        return err_set(e, ERR_FORMAT, "%s: the tensors take %llu bytes, but the file has %llu; " DAMAGED, st->path,
                       (unsigned long long)at, (unsigned long long)st->data_bytes);
    return 0;
}

static int parse_header(struct safetensors *st, struct err *e)
{
    if (!json_is_object(st->header))
        return err_set(e, ERR_FORMAT, "%s: the header is not a JSON object; " DAMAGED, st->path);
    st->tensors = arena_alloc(&st->arena, (json_object_size(st->header) + 1) * sizeof *st->tensors);
    if (!st->tensors)
        return err_memory(e, "the table of tensors");
    const char *name;
    json_t *entry;
    json_object_foreach(st->header, name, entry)
    {
        if (!strcmp(name, metadata_key))
            continue;
        TRY(parse_tensor(st, name, entry, &st->tensors[st->n], e));
        st->n++;
    }
    qsort(st->tensors, st->n, sizeof *st->tensors, by_place);
    return check_places(st, e);
}

static int read_header(struct safetensors *st, struct err *e)
{
    uint64_t length = 0, size = st->size;
    if (size < HEADER_START || fread(&length, sizeof length, 1, st->stream) != 1)
        return err_set(e, ERR_FORMAT, "%s has %llu bytes, too few for a model file; " DAMAGED, st->path,
                       (unsigned long long)size);
    if (length > size - HEADER_START || length > HEADER_MAX)
        return err_set(e, ERR_FORMAT, "%s: a header of %llu bytes is announced, but %s %llu; " DAMAGED, st->path,
                       (unsigned long long)length, length > HEADER_MAX ? "the limit is" : "the file has",
                       (unsigned long long)(length > HEADER_MAX ? HEADER_MAX : size - HEADER_START));
    st->data_begin = HEADER_START + length;
    st->data_bytes = size - st->data_begin;
    char *text = malloc(length + 1);
    if (!text)
        return err_memory(e, "the header of a model file");
    int code = 0;
    if (fread(text, 1, length, st->stream) != length)
        code = err_set(e, ERR_IO, "%s: the header cannot be read: %s", st->path, strerror(errno));
    else
        code = json_parse_text(text, length, st->path, &st->header, e);
    free(text);
    return code;
}

/* A pipe or device is not even opened: that could wait for ever. */
static int open_file(struct safetensors *st, struct err *e)
{
    struct stat info;
    enum file_kind kind = file_kind(st->path);
    if (kind == FILE_FOLDER || kind == FILE_OTHER)
        return err_set(e, ERR_FORMAT, "%s is %s; a model file (.safetensors) was expected", st->path,
                       kind == FILE_FOLDER ? "a folder" : "not a regular file");
    st->stream = fopen(st->path, "rb");
    if (!st->stream)
        return err_set(e, ERR_IO, "the model file %s cannot be opened: %s", st->path, strerror(errno));
    if (fstat(fileno(st->stream), &info))
        return err_set(e, ERR_IO, "%s cannot be read: %s", st->path, strerror(errno));
    st->size = (uint64_t)info.st_size;
    return 0;
}

static int open_bytes(struct safetensors *st, const void *bytes, size_t n, struct err *e)
{
    st->size = n;
    st->stream = fmemopen((void *)(uintptr_t)bytes, n ? n : 1, "rb"); /* which only reads; an empty one it refuses */
    return st->stream ? 0 : err_memory(e, "a model file");
}

static int open_either(const char *path, const void *bytes, size_t n, struct safetensors **out, struct err *e)
{
    *out = NULL;
    struct safetensors *st = calloc(1, sizeof *st);
    if (!st || !(st->path = strdup(path))) {
        free(st);
        return err_memory(e, "a model file");
    }
    int code = bytes ? open_bytes(st, bytes, n, e) : open_file(st, e);
    if (!code)
        code = read_header(st, e);
    if (!code)
        code = parse_header(st, e);
    if (code) {
        safetensors_close(st);
        return code;
    }
    *out = st;
    return 0;
}

int safetensors_open(const char *path, struct safetensors **out, struct err *e)
{
    return open_either(path, NULL, 0, out, e);
}

int safetensors_open_memory(const void *bytes, size_t n, struct safetensors **out, struct err *e)
{
    return open_either("the model in memory", bytes, n, out, e);
}

void safetensors_close(struct safetensors *st)
{
    if (!st)
        return;
    if (st->stream)
        fclose(st->stream);
    json_decref(st->header);
    arena_free(&st->arena);
    free(st->path);
    free(st);
}

const char *safetensors_path(const struct safetensors *st)
{
    return st->path;
}

const char *safetensors_metadata(const struct safetensors *st, const char *key)
{
    return json_string_value(json_object_get(json_object_get(st->header, metadata_key), key));
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *st, const char *name)
{
    for (size_t i = 0; i < st->n; i++)
        if (!strcmp(st->tensors[i].name, name))
            return &st->tensors[i];
    return NULL;
}

/* By the bits, so that no compiler flag can take the test away: an exponent of all ones is infinite or NaN. */
static bool all_finite(const float *x, size_t n)
{
    uint32_t worst = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffffu;
        worst = bits > worst ? bits : worst;
    }
    return worst < 0x7f800000u;
}

/* `count` values, from the halves at the end of `out`: the first value's place is free when it is made. */
static void widen(float *out, size_t count)
{
    const unsigned char *halves = (const unsigned char *)(out + count) - count * sizeof(uint16_t);
    for (size_t i = 0; i < count; i++) {
        uint16_t h;
        memcpy(&h, halves + i * sizeof h, sizeof h);
        out[i] = half_value(h);
    }
}

int safetensors_read(struct safetensors *st, const struct safetensors_tensor *t, float *out, struct err *e)
{
    size_t count = (size_t)shape_count(&t->shape);
    bool half = !strcmp(t->dtype, "F16");
    off_t at = (off_t)(st->data_begin + t->begin);
    if (!half && strcmp(t->dtype, "F32"))
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %s holds %s values, where F32 or F16 was expected; convert it to float32", st->path,
                       t->name, t->dtype);
    if (ftello(st->stream) != at && fseeko(st->stream, at, SEEK_SET))
        return err_set(e, ERR_IO, "%s: tensor %s cannot be read: %s", st->path, t->name, strerror(errno));
    if (fread((char *)(out + count) - t->bytes, 1, t->bytes, st->stream) != t->bytes)
        return err_set(e, ERR_IO, "%s: tensor %s cannot be read: %s", st->path, t->name,
                       ferror(st->stream) ? strerror(errno) : "the file has become shorter");
    if (half)
        widen(out, count);
    if (!all_finite(out, count))
        return err_set(e, ERR_FORMAT, "%s: tensor %s holds values that are not finite; " DAMAGED, st->path, t->name);
    return 0;
}
