#include "support.h"

#include "base/arena.h"
#include "base/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char folder[200];

int folder_make(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/engram-test-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int folder_remove(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *format, ...)
{
    static char paths[16][600];
    static int next;
    char *path = paths[next++ % 16];
    int n = snprintf(path, sizeof paths[0], "%s/", folder);
    va_list args;
    va_start(args, format);
    vsnprintf(path + n, sizeof paths[0] - (size_t)n, format, args);
    va_end(args);
    return path;
}

static void make_folder_of(const char *path)
{
    char *parent = strdup(path);
    *strrchr(parent, '/') = 0;
    struct err e = ERR_INIT;
    assert_int_equal(file_make_folder(parent, &e), 0);
    free(parent);
}

void write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = in_folder("%s", name);
    make_folder_of(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void write_pixels(const char *name, int width, int height, int channels, const uint8_t *pixels)
{
    const char *path = in_folder("%s", name);
    struct err e = ERR_INIT;
    make_folder_of(path);
    assert_int_equal(picture_write_png(path, &(struct picture){width, height, channels, pixels}, true, &e), 0);
}

void write_png(const char *name, int width, int height, int channels, int shade)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)channels), *p = pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *p++ = (uint8_t)(x + 2 * y + 40 * c + shade);
    write_pixels(name, width, height, channels, pixels);
    free(pixels);
}

void write_mask(const char *name, int width, int height, int left, int top, int w, int h)
{
    uint8_t *pixels = calloc((size_t)width, (size_t)height);
    for (int y = top; y < top + h; y++)
        memset(pixels + y * width + left, 255, (size_t)w);
    write_pixels(name, width, height, 1, pixels);
    free(pixels);
}

static unsigned char *put_u32(unsigned char *at, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (unsigned char)(v >> shift);
    return at;
}

static unsigned char *put_chunk(unsigned char *at, const char *type, const unsigned char *data, size_t size)
{
    at = put_u32(at, (uint32_t)size);
    unsigned char *start = at;
    at = mempcpy(at, type, 4);
    if (size)
        at = mempcpy(at, data, size);
    return put_u32(at, (uint32_t)crc32(0, start, (unsigned)size + 4));
}

unsigned char *make_png(const struct png *p, size_t *size)
{
    size_t raw_size = (size_t)p->height * (p->row_size + 1);
    uLongf packed_size = compressBound(raw_size);
    unsigned char *raw = malloc(raw_size), *packed = malloc(packed_size), *png = malloc(packed_size + 2000), *at;
    for (int y = 0; y < p->height; y++) {
        raw[(size_t)y * (p->row_size + 1)] = 0;
        memcpy(raw + (size_t)y * (p->row_size + 1) + 1, p->rows + (size_t)y * p->row_size, p->row_size);
    }
    assert_int_equal(compress(packed, &packed_size, raw, raw_size), Z_OK);
    unsigned char header[13];
    at = put_u32(put_u32(header, (uint32_t)p->width), (uint32_t)p->height);
    at[0] = (unsigned char)p->depth;
    at[1] = (unsigned char)p->colour_type;
    at[2] = at[3] = at[4] = 0;
    at = mempcpy(png, "\x89PNG\r\n\x1a\n", 8);
    at = put_chunk(at, "IHDR", header, sizeof header);
    if (p->palette)
        at = put_chunk(at, "PLTE", p->palette, 3 * (size_t)p->colours);
    if (p->alpha)
        at = put_chunk(at, "tRNS", p->alpha, (size_t)p->colours);
    at = put_chunk(at, "IDAT", packed, packed_size);
    at = put_chunk(at, "IEND", NULL, 0);
    *size = (size_t)(at - png);
    free(raw);
    free(packed);
    return png;
}

void write_idx(const char *name, int n, const uint32_t *dimensions, const unsigned char *bytes, size_t size)
{
    const char *path = in_folder("%s", name), *dot = strrchr(name, '.');
    unsigned char header[4 + 4 * 4] = {0, 0, 8, (unsigned char)n}, *at = header + 4;
    make_folder_of(path);
    for (int i = 0; i < n && i < 4; i++)
        at = put_u32(at, dimensions[i]);
    gzFile f = gzopen(path, dot && !strcmp(dot, ".gz") ? "wb6" : "wbT"); /* T: not compressed */
    assert_non_null(f);
    assert_int_equal(gzwrite(f, header, (unsigned)(at - header)), at - header);
    assert_int_equal(gzwrite(f, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

void expect_error(const struct err *e, int code, ...)
{
    if (e->code != code)
        fail_msg("the error is %d (%s), and %d was expected", e->code, e->msg, code);
    va_list words;
    va_start(words, code);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *))
        if (!strstr(e->msg, word))
            fail_msg("'%s' is not in the sentence: %s", word, e->msg);
    va_end(words);
}

struct dataset *open_dataset(const char *url, enum dataset_use use)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    if (dataset_open(url, use, NULL, &ds, &e) < 0)
        fail_msg("%s", e.msg);
    return ds;
}

static void hear(void *user, enum log_level level, const char *text)
{
    struct heard *h = user;
    h->n[level]++;
    snprintf(h->last[level], sizeof h->last[level], "%s", text);
}

struct log log_to(struct heard *h)
{
    *h = (struct heard){0};
    return (struct log){.line = hear, .user = h};
}

struct preprocess pictures_of(int width, int height, int channels)
{
    static const float zero = 0, one = 1;
    struct err e = ERR_INIT;
    return (struct preprocess){.kind = kind_find("pictures", &e),
                               .sample = SHAPE(height, width, channels),
                               .n = 1,
                               .mean = &zero,
                               .std = &one};
}

int load_pixels(struct dataset *ds, enum split split, size_t i, const struct picture_format *want, void *pixels,
                struct err *e)
{
    struct preprocess p = pictures_of(want->width, want->height, want->channels);
    return dataset_load(ds, split, i, &p, pixels, e);
}

struct picture_format fitted_format(struct dataset *ds, enum split split)
{
    struct arena arena = {0};
    struct preprocess p;
    struct err e = ERR_INIT;
    if (dataset_fit(ds, split, &(struct wishes){0}, &arena, &p, &e) < 0)
        fail_msg("%s", e.msg);
    arena_free(&arena);
    return preprocess_format(&p);
}
