/* BMP. No library of Debian's reads it by itself, so it is read here: palettes of 1, 4 and 8 bits, plain and in runs,
 * 16, 24 and 32 bits with or without masks. */
#include "picture/still.h"

#include "picture/bytes.h"
#include "picture/colour.h"

#include <stdlib.h>
#include <string.h>

enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 };
enum { FILE_HEAD = 14, OLD_HEAD = 12, HEAD = 40, HEAD_WITH_ALPHA = 56, COLOURS = 256 };

struct bmp {
    struct still_file *file;
    size_t start; /* of the pixels */
    int width, height;
    bool from_top;
    unsigned bits, packing;
    uint32_t masks[4];            /* red, green, blue, alpha */
    uint8_t palette[COLOURS * 3]; /* red green blue; black where the file has none */
};

/* ---- the header ---- */

static int damaged(const struct bmp *b, const char *why, struct err *e)
{
    return still_damaged(b->file, why, e);
}

static void read_palette(struct bmp *b, size_t at, int entry, unsigned colours)
{
    const unsigned char *bytes = b->file->bytes;
    const unsigned most = colours && colours < 1u << b->bits ? colours : 1u << b->bits;
    for (unsigned i = 0; i < most && at + (size_t)entry <= b->start; i++, at += (size_t)entry)
        for (int c = 0; c < 3; c++)
            b->palette[3 * i + (unsigned)c] = bytes[at + 2 - (size_t)c];
}

static void read_masks(struct bmp *b, size_t head)
{
    static const uint32_t of_16[4] = {0x7c00, 0x3e0, 0x1f, 0}, of_32[4] = {0xff0000, 0xff00, 0xff, 0};
    const unsigned char *bytes = b->file->bytes + FILE_HEAD + HEAD; /* within a longer header, or behind a short one */
    memcpy(b->masks, b->bits == 16 ? of_16 : of_32, sizeof b->masks);
    for (int i = 0; i < (head >= HEAD_WITH_ALPHA ? 4 : 3) && b->packing == BITFIELDS; i++)
        b->masks[i] = le32(bytes + 4 * i);
}

static int read_old_head(struct bmp *b)
{
    const unsigned char *bytes = b->file->bytes;
    b->width = (int)le16(bytes + 18);
    b->height = (int)le16(bytes + 20);
    b->bits = le16(bytes + 24);
    read_palette(b, FILE_HEAD + OLD_HEAD, 3, 0);
    return 0;
}

static bool is_known(const struct bmp *b)
{
    switch (b->packing) {
    case PLAIN:
        return b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 16 || b->bits == 24 || b->bits == 32;
    case RLE8:
        return b->bits == 8;
    case RLE4:
        return b->bits == 4;
    default:
        return b->packing == BITFIELDS && (b->bits == 16 || b->bits == 32);
    }
}

static int read_head(struct bmp *b, struct err *e)
{
    const unsigned char *bytes = b->file->bytes;
    const size_t size = b->file->size;
    if (size < FILE_HEAD + OLD_HEAD)
        return damaged(b, "it ends too early", e);
    const size_t head = le32(bytes + 14);
    b->start = le32(bytes + 10);
    if (b->start > size || (head != OLD_HEAD && (head < HEAD || size < FILE_HEAD + head)))
        return damaged(b, "its header ends too early", e);
    if (head == OLD_HEAD) {
        read_old_head(b);
    } else {
        const int32_t height = (int32_t)le32(bytes + 22);
        b->width = (int)le32(bytes + 18);
        b->height = height == INT32_MIN ? 0 : abs(height);
        b->from_top = height < 0;
        b->bits = le16(bytes + 28);
        b->packing = le32(bytes + 30);
        if (b->packing == BITFIELDS && size < FILE_HEAD + HEAD + 16)
            return damaged(b, "its header ends too early", e);
        read_masks(b, head);
        if (b->bits <= 8)
            read_palette(b, FILE_HEAD + head + (b->packing == BITFIELDS && head == HEAD ? 12 : 0), 4, le32(bytes + 46));
    }
    return is_known(b) ? 0 : damaged(b, "pixels of an unknown kind", e);
}

/* ---- rows ---- */

static int row_of(const struct bmp *b, int y)
{
    return b->from_top ? y : b->height - 1 - y;
}

static void row_from_indices(const struct bmp *b, const unsigned char *row, unsigned bits, uint8_t *out)
{
    for (int x = 0; x < b->width; x++) {
        const unsigned at = (unsigned)x * bits, index = row[at / 8] >> (8 - bits - at % 8) & ((1u << bits) - 1);
        out = mempcpy(out, b->palette + 3 * index, 3);
    }
}

static uint8_t masked(uint32_t pixel, uint32_t mask)
{
    const int shift = mask ? __builtin_ctz(mask) : 0;
    const uint32_t most = mask >> shift, value = (pixel & mask) >> shift;
    return most ? (uint8_t)(((uint64_t)value * 255 + most / 2) / most) : 0;
}

/* RGB, or RGBA where there is a mask for alpha. */
static void row_from_masks(const struct bmp *b, const unsigned char *row, int components, uint8_t *out)
{
    for (int x = 0; x < b->width; x++) {
        const uint32_t pixel = b->bits == 16 ? le16(row + 2 * x) : le32(row + 4 * x);
        for (int c = 0; c < components; c++)
            *out++ = masked(pixel, b->masks[c]);
    }
}

static void row_from_bytes(const struct bmp *b, const unsigned char *row, uint8_t *out)
{
    for (int x = 0; x < b->width; x++, row += 3)
        for (int c = 2; c >= 0; c--)
            *out++ = row[c];
}

static int read_rows(struct bmp *b, struct err *e)
{
    struct still_file *f = b->file;
    const size_t row = ((size_t)b->width * b->bits + 31) / 32 * 4;
    const int components = b->bits > 8 && b->masks[3] ? 4 : 3;
    if ((size_t)b->height > (f->size - b->start) / row)
        return damaged(b, "its rows end too early", e);
    TRY(canvas_need(f->work, 4 * (size_t)b->width, e));
    for (int y = 0; y < b->height; y++) {
        const unsigned char *from = f->bytes + b->start + row * (size_t)y;
        if (b->bits <= 8)
            row_from_indices(b, from, b->bits, f->work->bytes);
        else if (b->bits == 24)
            row_from_bytes(b, from, f->work->bytes);
        else
            row_from_masks(b, from, components, f->work->bytes);
        still_row(f, row_of(b, y), f->work->bytes, components);
    }
    return 0;
}

/* ---- runs ---- */

/* Where the next index goes: beyond a row's end nothing is written. */
struct pen {
    uint8_t *indices;
    int x, y;
};

static void put(const struct bmp *b, struct pen *pen, unsigned index)
{
    if (pen->x < b->width && pen->y < b->height)
        pen->indices[(size_t)pen->y * (size_t)b->width + (size_t)pen->x] = (uint8_t)index;
    pen->x += pen->x < b->width;
}

/* The i-th index of `p`: of RLE4 two are in a byte. */
static unsigned index_of(const struct bmp *b, const unsigned char *p, unsigned i)
{
    return b->packing == RLE8 ? p[i] : i % 2 ? p[i / 2] & 15u : p[i / 2] >> 4;
}

/* Pairs of bytes, a count and what is repeated so often. After a count of 0 come 0: the row ends, 1: the picture ends,
 * 2: two bytes of where to go on, or a number of indices as they are, padded to 16 bits. */
static bool unpack_runs(const struct bmp *b, const unsigned char *p, size_t n, struct pen *pen)
{
    for (size_t at = 0; at + 1 < n; at += 2) {
        const unsigned count = p[at], what = p[at + 1];
        const size_t literal = (((b->packing == RLE4 ? (what + 1) / 2 : what) + 1) / 2) * 2, left = n - at - 2;
        if (!count && what == 1)
            return true;
        if (pen->y >= b->height && (count || what))
            return false;
        for (unsigned i = 0; i < count; i++)
            put(b, pen, index_of(b, p + at + 1, b->packing == RLE4 ? i % 2 : 0));
        if (count)
            continue;
        if (!what) {
            pen->x = 0;
            pen->y++;
        } else if (what == 2 && left >= 2) {
            pen->x += p[at + 2];
            pen->y += p[at + 3];
            at += 2;
        } else if (what > 2 && left >= literal) {
            for (unsigned i = 0; i < what; i++)
                put(b, pen, index_of(b, p + at + 2, i));
            at += literal;
        } else {
            return false;
        }
    }
    return false;
}

static int read_runs(struct bmp *b, struct err *e)
{
    struct still_file *f = b->file;
    const size_t width = (size_t)b->width, pixels = width * (size_t)b->height;
    TRY(canvas_need(f->work, pixels + 3 * width, e));
    struct pen pen = {.indices = f->work->bytes};
    memset(pen.indices, 0, pixels);
    if (!unpack_runs(b, f->bytes + b->start, f->size - b->start, &pen))
        return damaged(b, "its runs end too early", e);
    for (int y = 0; y < b->height; y++) {
        row_from_indices(b, pen.indices + width * (size_t)y, 8, pen.indices + pixels);
        still_row(f, row_of(b, y), pen.indices + pixels, 3);
    }
    return 0;
}

static int decode(struct still_file *f, struct err *e)
{
    struct bmp b = {.file = f};
    TRY(read_head(&b, e));
    const bool runs = b.packing == RLE8 || b.packing == RLE4;
    TRY(still_claim(f, b.width, b.height, b.bits <= 8 ? 1 : b.bits / 8, e));
    TRY(still_canvas(f, b.width, b.height, b.bits <= 8 && still_all_grey(b.palette, COLOURS), e));
    return runs ? read_runs(&b, e) : read_rows(&b, e);
}

const struct still still_bmp = {
    .name = "bmp",
    .extensions = "bmp ",
    .starts = {{"BM", 2}},
    .packing = 1024, /* a row in 2 bytes */
    .decode = decode,
};
