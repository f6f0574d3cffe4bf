#include "support.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

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

size_t make_exif(unsigned char *out, bool big_endian, int orientation)
{
    static const unsigned char little[26] = {'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 1};
    static const unsigned char big[26] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 1};
    memcpy(out, big_endian ? big : little, sizeof big);
    out[big_endian ? 19 : 18] = (unsigned char)orientation;
    return sizeof big;
}

unsigned char *turn_png(unsigned char *png, size_t *size, size_t at, int orientation)
{
    unsigned char chunk[12 + 26] = {0, 0, 0, 26, 'e', 'X', 'I', 'f'};
    make_exif(chunk + 8, orientation & 1, orientation);
    const uLong sum = crc32(0, chunk + 4, 4 + 26);
    for (int i = 0; i < 4; i++)
        chunk[8 + 26 + i] = (unsigned char)(sum >> (24 - 8 * i));
    unsigned char *more = malloc(*size + sizeof chunk);
    memcpy(mempcpy(mempcpy(more, png, at), chunk, sizeof chunk), png + at, *size - at);
    free(png);
    *size += sizeof chunk;
    return more;
}

static void hear(void *user, enum log_level level, const char *text)
{
    struct heard *h = user;
    h->n[level]++;
    snprintf(h->last[level], sizeof h->last[level], "%s", text);
    strncat(h->all, text, sizeof h->all - strlen(h->all) - 1);
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

/* ---- still pictures ---- */

struct picture_decoder *decoder;

int decoder_begin(void **state)
{
    struct err e = ERR_INIT;
    return folder_begin(state) || picture_decoder_new(&decoder, &e);
}

int decoder_end(void **state)
{
    picture_decoder_free(decoder);
    return folder_end(state);
}

struct picture decode_still(const void *bytes, size_t size, int channels)
{
    struct picture p;
    struct err e = ERR_INIT;
    if (picture_decode(decoder, bytes, size, "x", channels, &p, &e) < 0)
        fail_msg("%s", e.msg);
    return p;
}
