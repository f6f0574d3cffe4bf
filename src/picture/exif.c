/* EXIF is a TIFF file without a picture; its first folder of tags has what is wanted. */
#include "picture/exif.h"

#include "picture/bytes.h"

#include <stdbool.h>
#include <string.h>

enum { ORIENTATION = 274, SHORT = 3, ENTRY = 12 };

struct tags {
    const unsigned char *bytes;
    bool big; /* endian */
};

static unsigned get16(const struct tags *t, size_t at)
{
    return t->big ? be16(t->bytes + at) : le16(t->bytes + at);
}

static uint32_t get32(const struct tags *t, size_t at)
{
    return t->big ? be32(t->bytes + at) : le32(t->bytes + at);
}

static unsigned find(const struct tags *t, size_t size)
{
    const size_t folder = get32(t, 4);
    if (folder > size - 2)
        return 0;
    const size_t n = get16(t, folder), room = (size - folder - 2) / ENTRY;
    for (size_t i = 0; i < n && i < room; i++) {
        const size_t entry = folder + 2 + i * ENTRY;
        if (get16(t, entry) == ORIENTATION && get16(t, entry + 2) == SHORT)
            return get16(t, entry + 8);
    }
    return 0;
}

int exif_orientation(const unsigned char *bytes, size_t size)
{
    if (size >= 6 && !memcmp(bytes, "Exif\0\0", 6)) {
        bytes += 6;
        size -= 6;
    }
    if (size < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4)))
        return 0;
    const unsigned said = find(&(struct tags){.bytes = bytes, .big = bytes[0] == 'M'}, size);
    return said <= 8 ? (int)said : 0;
}
