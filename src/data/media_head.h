/* What a picture's file says of itself, read here from its bytes before FFmpeg sees it: size, orientation, and whatever
 * shows that it is damaged or cut short where FFmpeg would say so in its log alone, or to everybody on stderr. */
#ifndef DATA_MEDIA_HEAD_H
#define DATA_MEDIA_HEAD_H

#include <libavcodec/codec_id.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media_head {
    int width, height; /* as stored, before it is turned upright */
    int orientation;   /* EXIF's, 1 to 8: where the first row and column are; 1 when nothing is said */
};

/* A kind of file. */
struct media_kind {
    enum AVCodecID codec;
    const char *name, *bytes; /* what it begins with; '?' matches anything */
    size_t n;
    /* Most bytes of decoded picture that one byte of an honest file stands for. */
    size_t packing;
    /* False: damaged, cut short, or of a sort that is not read. */
    bool (*read)(const unsigned char *bytes, size_t size, struct media_head *head);
};

/* By the first bytes, never by name; NULL when it is none of ours. */
const struct media_kind *media_kind_find(const unsigned char *bytes, size_t size);

/* The heads that have a file of their own. */
bool media_jpg_head(const unsigned char *bytes, size_t size, struct media_head *head);
bool media_tiff_head(const unsigned char *bytes, size_t size, struct media_head *head);
bool media_bmp_head(const unsigned char *bytes, size_t size, struct media_head *head);

/* EXIF, with or without "Exif\0\0" before it, wherever it is kept: sets the orientation when one is said. Damage in it
 * is nobody's business. */
void media_exif(const unsigned char *bytes, size_t size, struct media_head *head);

static inline unsigned media_le16(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static inline uint32_t media_le32(const unsigned char *p)
{
    return media_le16(p) | (uint32_t)media_le16(p + 2) << 16;
}

static inline unsigned media_be16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t media_be32(const unsigned char *p)
{
    return (uint32_t)media_be16(p) << 16 | media_be16(p + 2);
}

#endif
