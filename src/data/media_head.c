#include "data/media_head.h"

#include <ctype.h>
#include <string.h>

/* ---- png ---- */

/* FFmpeg checks the chunks themselves. */
static bool png_head(const unsigned char *bytes, size_t size, struct media_head *head)
{
    if (size < 33 || memcmp(bytes + 12, "IHDR", 4))
        return false;
    const uint32_t width = media_be32(bytes + 16), height = media_be32(bytes + 20);
    head->width = (int)width;
    head->height = (int)height;
    for (size_t at = 33; at + 12 <= size;) {
        const size_t length = media_be32(bytes + at), left = size - at - 12;
        if (length > left)
            break;
        if (!memcmp(bytes + at + 4, "eXIf", 4))
            media_exif(bytes + at + 8, length, head);
        at += 12 + length;
    }
    return width && width <= INT32_MAX && height && height <= INT32_MAX;
}

/* ---- webp ---- */

/* The canvas and its one frame have one size; FFmpeg would tell stderr of some that differ. */
static bool agree(struct media_head *head, uint32_t width, uint32_t height)
{
    if (head->width && (head->width != (int)width || head->height != (int)height))
        return false;
    head->width = (int)width;
    head->height = (int)height;
    return width && height;
}

static bool webp_chunk(const unsigned char *p, size_t n, const char *type, struct media_head *head)
{
    if (!memcmp(type, "EXIF", 4))
        media_exif(p, n, head);
    if (!memcmp(type, "VP8X", 4))
        return n >= 10 && agree(head, (media_le32(p + 4) & 0xffffff) + 1, (media_le32(p + 6) >> 8) + 1);
    if (!memcmp(type, "VP8 ", 4))
        return n >= 10 && agree(head, media_le16(p + 6) & 0x3fff, media_le16(p + 8) & 0x3fff);
    if (!memcmp(type, "VP8L", 4))
        return n >= 5 && agree(head, (media_le32(p + 1) & 0x3fff) + 1, (media_le32(p + 1) >> 14 & 0x3fff) + 1);
    return true;
}

static bool webp_head(const unsigned char *bytes, size_t size, struct media_head *head)
{
    for (size_t at = 12; at + 8 <= size;) {
        const size_t length = media_le32(bytes + at + 4), left = size - at - 8;
        if (length > left || !webp_chunk(bytes + at + 8, length, (const char *)bytes + at, head))
            return false;
        at += 8 + length + length % 2;
    }
    return head->width && head->height;
}

/* ---- pbm, pgm, ppm ---- */

/* The next number of a header, after white space and comments; 0 when there is none. */
static int next_number(const unsigned char *bytes, size_t size, size_t *at)
{
    while (*at < size && (isspace(bytes[*at]) || bytes[*at] == '#'))
        if (bytes[(*at)++] == '#')
            while (*at < size && bytes[*at] != '\n')
                ++*at;
    int n = 0;
    for (; *at < size && isdigit(bytes[*at]) && n < 100000000; ++*at)
        n = 10 * n + bytes[*at] - '0';
    return n;
}

static bool netpbm_head(const unsigned char *bytes, size_t size, struct media_head *head)
{
    size_t at = 2;
    head->width = next_number(bytes, size, &at);
    head->height = next_number(bytes, size, &at);
    const bool bits = bytes[1] == '1' || bytes[1] == '4';
    const int most = bits ? 1 : next_number(bytes, size, &at);
    return head->width && head->height && most && most <= UINT16_MAX;
}

/* ---- which ---- */

/* How far honest files are packed. PNG: deflate, 258 bytes in 2 bits and no more, and 1 bit a pixel becomes a byte.
 * JPEG: a bit for a block of 64 pixels of up to 4 bytes. TIFF: deflate or LZW, 3.8 million bytes in 5 thousand, and
 * bits become bytes; only empty pages of fax are packed further. BMP: a row in 2 bytes. WebP of one colour takes no
 * bits at all for a pixel: there the limit is one of sense. */
enum { DEFLATE = 1032 * 8, BLOCKS = 64 * 8 * 4, LZW = 1400 * 8, SENSE = 16384, RUNS = 1024, PLAIN = 1 };

static const struct media_kind kinds[] = {
    {AV_CODEC_ID_PNG, "png", "\x89PNG\r\n\x1a\n", 8, DEFLATE, png_head},
    {AV_CODEC_ID_MJPEG, "jpg", "\xff\xd8\xff", 3, BLOCKS, media_jpg_head},
    {AV_CODEC_ID_TIFF, "tiff", "II*\0", 4, LZW, media_tiff_head},
    {AV_CODEC_ID_TIFF, "tiff", "MM\0*", 4, LZW, media_tiff_head},
    {AV_CODEC_ID_WEBP, "webp", "RIFF????WEBP", 12, SENSE, webp_head},
    {AV_CODEC_ID_BMP, "bmp", "BM", 2, RUNS, media_bmp_head},
    {AV_CODEC_ID_PBM, "pbm", "P1", 2, PLAIN, netpbm_head},
    {AV_CODEC_ID_PGM, "pgm", "P2", 2, PLAIN, netpbm_head},
    {AV_CODEC_ID_PPM, "ppm", "P3", 2, PLAIN, netpbm_head},
    {AV_CODEC_ID_PBM, "pbm", "P4", 2, PLAIN, netpbm_head},
    {AV_CODEC_ID_PGM, "pgm", "P5", 2, PLAIN, netpbm_head},
    {AV_CODEC_ID_PPM, "ppm", "P6", 2, PLAIN, netpbm_head},
};

const struct media_kind *media_kind_find(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct media_kind *m = &kinds[i];
        size_t k = 0;
        while (k < m->n && k < size && (m->bytes[k] == '?' || (unsigned char)m->bytes[k] == bytes[k]))
            k++;
        if (k == m->n)
            return m;
    }
    return NULL;
}
