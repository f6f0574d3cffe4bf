/* The segments of a JPEG file. */
#include "data/media_head.h"

#include <string.h>

enum {
    SOF0 = 0xc0,
    DHT = 0xc4,
    JPG = 0xc8,
    DAC = 0xcc,
    SOF15 = 0xcf,
    RST0 = 0xd0,
    EOI = 0xd9,
    SOS = 0xda,
    APP1 = 0xe1
};

static bool is_frame(int marker)
{
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

/* One segment's content. */
static bool read_segment(int marker, const unsigned char *p, size_t n, struct media_head *head)
{
    if (marker == APP1 && n > 6 && !memcmp(p, "Exif\0\0", 6))
        media_exif(p, n, head);
    if (!is_frame(marker))
        return true;
    if (n < 6 || head->width)
        return false; /* there is one frame in a picture */
    head->height = (int)media_be16(p + 1);
    head->width = (int)media_be16(p + 3);
    return head->width && head->height;
}

/* A jpg that was cut short still decodes, with grey below. The end marker cannot occur inside packed data, where 0xff
 * is followed by 0 or is a restart marker, and segments (with whole thumbnails in them) say how long they are. */
bool media_jpg_head(const unsigned char *bytes, size_t size, struct media_head *head)
{
    for (size_t at = 2; at + 1 < size;) {
        const int marker = bytes[at + 1];
        if (bytes[at] != 0xff || marker == 0 || (marker >= RST0 && marker < RST0 + 8)) {
            const unsigned char *next = memchr(bytes + at + 1, 0xff, size - at - 1);
            at = next ? (size_t)(next - bytes) : size;
        } else if (marker == 0xff) {
            at++; /* filling */
        } else if (marker == EOI) {
            return head->width > 0;
        } else {
            size_t length = at + 4 <= size ? media_be16(bytes + at + 2) : 0;
            if (length < 2 || length > size - at - 2 || !read_segment(marker, bytes + at + 4, length - 2, head))
                return false;
            at += 2 + length;
        }
    }
    return false;
}
