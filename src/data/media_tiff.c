/* The first folder of tags in a TIFF file, which is also what EXIF is. */
#include "data/media_head.h"

#include <string.h>

enum { WIDTH = 256, HEIGHT = 257, COMPRESSION = 259, ORIENTATION = 274, ENTRY = 12 };
enum { BYTE = 1, SHORT = 3, LONG = 4 };
enum { JPEG_OLD = 6, JPEG = 7 };

struct tags {
    const unsigned char *bytes;
    bool big; /* endian */
};

static unsigned get16(const struct tags *t, size_t at)
{
    return t->big ? media_be16(t->bytes + at) : media_le16(t->bytes + at);
}

static uint32_t get32(const struct tags *t, size_t at)
{
    return t->big ? media_be32(t->bytes + at) : media_le32(t->bytes + at);
}

/* An entry's value, when it is one whole number. */
static uint32_t value(const struct tags *t, size_t entry)
{
    const unsigned type = get16(t, entry + 2);
    if (get32(t, entry + 4) != 1)
        return 0;
    return type == BYTE    ? t->bytes[entry + 8]
           : type == SHORT ? get16(t, entry + 8)
           : type == LONG  ? get32(t, entry + 8)
                           : 0;
}

/* What the first folder says of one tag, the last time as FFmpeg has it; 0: nothing, or no folder within the file. */
static uint32_t find_tag(const unsigned char *bytes, size_t size, unsigned tag)
{
    const struct tags t = {.bytes = bytes, .big = size && bytes[0] == 'M'};
    if (size < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4)))
        return 0;
    const size_t folder = get32(&t, 4);
    if (folder > size - 2)
        return 0;
    size_t n = get16(&t, folder), room = (size - folder - 2) / ENTRY;
    uint32_t found = 0;
    for (size_t i = 0; i < n && i < room; i++)
        if (get16(&t, folder + 2 + i * ENTRY) == tag)
            found = value(&t, folder + 2 + i * ENTRY);
    return found;
}

void media_exif(const unsigned char *bytes, size_t size, struct media_head *head)
{
    if (size >= 6 && !memcmp(bytes, "Exif\0\0", 6)) {
        bytes += 6;
        size -= 6;
    }
    uint32_t said = find_tag(bytes, size, ORIENTATION);
    if (said >= 1 && said <= 8)
        head->orientation = (int)said;
}

bool media_tiff_head(const unsigned char *bytes, size_t size, struct media_head *head)
{
    const uint32_t width = find_tag(bytes, size, WIDTH), height = find_tag(bytes, size, HEIGHT);
    const uint32_t compression = find_tag(bytes, size, COMPRESSION);
    media_exif(bytes, size, head);
    head->width = (int)width;
    head->height = (int)height;
    /* FFmpeg has a second decoder for JPEG in TIFF, for raw photos alone, which are not read here. */
    return width && height && width <= INT32_MAX && height <= INT32_MAX && compression != JPEG_OLD &&
           compression != JPEG;
}
