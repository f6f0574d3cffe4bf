#include "support/pictures.h"

#include "picture/picture.h"
#include "support/files.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void write_pixels(const char *path, int width, int height, int channels, const uint8_t *pixels)
{
    struct err e = ERR_INIT;
    uint8_t *png;
    size_t size;
    assert_int_equal(picture_encode_png(&(struct picture){width, height, channels, pixels}, &png, &size, &e), 0);
    write_file(path, png, size);
    free(png);
}

void write_png(const char *path, int width, int height, int channels, int shade)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)channels), *p = pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *p++ = (uint8_t)(x + 2 * y + 40 * c + shade);
    write_pixels(path, width, height, channels, pixels);
    free(pixels);
}

void write_mask(const char *path, int width, int height, int left, int top, int w, int h)
{
    uint8_t *pixels = calloc((size_t)width, (size_t)height);
    for (int y = top; y < top + h; y++)
        memset(pixels + y * width + left, 255, (size_t)w);
    write_pixels(path, width, height, 1, pixels);
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

void write_idx(const char *path, int n, const uint32_t *dimensions, const unsigned char *bytes, size_t size)
{
    const char *dot = strrchr(path, '.');
    unsigned char header[4 + 4 * 4] = {0, 0, 8, (unsigned char)n}, *at = header + 4;
    write_file(path, "", 0); /* makes its folder */
    for (int i = 0; i < n && i < 4; i++)
        at = put_u32(at, dimensions[i]);
    gzFile f = gzopen(path, dot && !strcmp(dot, ".gz") ? "wb6" : "wbT"); /* T: not compressed */
    assert_non_null(f);
    assert_int_equal(gzwrite(f, header, (unsigned)(at - header)), at - header);
    assert_int_equal(gzwrite(f, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
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
