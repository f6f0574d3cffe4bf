/* The header of a BMP file, and how far its rows go. */
#include "data/media_head.h"

#include <stdlib.h>

enum { RGB = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, OLD_HEADER = 12, HEADER = 40 };

/* Rows packed as runs: pairs of bytes, a count and a value. After a count of 0 come 0: the row ends, 1: the picture
 * ends, 2: two bytes of where to go on, or a number of values as they are, padded to 16 bits. */
static bool runs_are_whole(const unsigned char *p, size_t n, bool nibbles, int height)
{
    int64_t y = 0;
    for (size_t at = 0; at + 1 < n; at += 2) {
        const unsigned what = p[at + 1];
        if (!p[at] && what == 1)
            return true;
        if (!(p[at] == 0 && what == 0) && y >= height)
            return false;
        if (p[at])
            continue;
        if (what == 0)
            y++;
        else if (what > 2)
            at += ((nibbles ? (what + 1) / 2 : what) + 1) / 2 * 2;
        else if (at + 3 < n)
            y += p[(at += 2) + 1];
    }
    return false;
}

bool media_bmp_head(const unsigned char *bytes, size_t size, struct media_head *head)
{
    if (size < 14 + OLD_HEADER)
        return false;
    const uint32_t start = media_le32(bytes + 10), header = media_le32(bytes + 14);
    int64_t width, height;
    uint32_t bits, packing = RGB;
    if (header == OLD_HEADER) {
        width = media_le16(bytes + 18);
        height = media_le16(bytes + 20);
        bits = media_le16(bytes + 24);
    } else {
        if (header < HEADER || size < 14 + HEADER)
            return false;
        width = media_le32(bytes + 18);
        height = llabs((int64_t)(int32_t)media_le32(bytes + 22)); /* negative: rows from the top */
        bits = media_le16(bytes + 28);
        packing = media_le32(bytes + 30);
    }
    if (start > size || width < 1 || width > INT32_MAX || height < 1 || height > INT32_MAX || bits > 32)
        return false;
    head->width = (int)width;
    head->height = (int)height;
    if (packing == RLE8 || packing == RLE4)
        return runs_are_whole(bytes + start, size - start, packing == RLE4, head->height);
    return (packing == RGB || packing == BITFIELDS) &&
           (uint64_t)height <= (size - start) / (((uint64_t)width * bits + 31) / 32 * 4 + (bits == 0));
}
