/* Still pictures: what one kind of file has to say for itself. One file each, which alone knows the library that reads
 * it, ending in one const struct still; a row in stills.c makes it known to everything else. Used inside picture/ only.
 *
 * A decoder is a function of the file's bytes: it prints nothing, keeps nothing, and has written every pixel when it
 * returns 0. Damage is ERR_FORMAT with what its library says of it. */
#ifndef PICTURE_STILL_H
#define PICTURE_STILL_H

#include "picture/canvas.h"

struct still;

/* A file in memory, and the picture that is made of it. */
struct still_file {
    const struct still *still;
    const unsigned char *bytes;
    size_t size;
    const char *name;        /* for errors */
    int channels;            /* wanted: 1, 3, or 0 for what the file has */
    struct picture_size aim; /* no larger picture is wanted, as it is seen upright; 0x0: as it is */
    const struct picture_limits *limits;
    struct canvas *pixels, *work; /* of the picture; of whatever else a decoder needs */
    /* What is found: */
    int orientation;         /* EXIF's, 1 to 8 */
    struct picture_size own; /* as it is stored, before it is turned or made smaller */
    struct picture picture;  /* as it was decoded: its pixels are those of the canvas */
};

struct still {
    const char *name;       /* in sentences */
    const char *extensions; /* of its files' names, each with a space behind it */
    struct {
        const char *bytes; /* that its files begin with; '?' matches anything */
        size_t n;
    } starts[6];
    size_t packing; /* most bytes of decoded picture that one byte of an honest file stands for */
    int (*decode)(struct still_file *f, struct err *e);
};

/* All of them, NULL-terminated. */
extern const struct still *const stills[];

/* What every decoder says first: how large the picture is, and how many bytes a pixel of the file takes unpacked.
 * ERR_FORMAT where it is larger than the limits allow, or than a file of that size can honestly hold. */
int still_claim(struct still_file *f, int64_t width, int64_t height, size_t bytes, struct err *e);

/* The canvas for a picture of that size, of as many channels as are wanted; `grey`: the file stores no colours. */
int still_canvas(struct still_file *f, int width, int height, bool grey, struct err *e);

/* One row of it from 1 grey, 2 grey and alpha, 3 red green blue or 4 with alpha; `row` is used up. */
void still_row(struct still_file *f, int y, uint8_t *row, int components);

/* The first byte of a row of it. */
uint8_t *still_line(const struct still_file *f, int y);

/* ERR_FORMAT; `why` in a few words, or NULL. */
int still_damaged(const struct still_file *f, const char *why, struct err *e);

/* Whether a picture of that size is within limits; ERR_FORMAT. */
int still_check_size(const struct picture_limits *limits, const char *name, int64_t width, int64_t height, size_t bytes,
                     struct err *e);

/* Whether n colours of red green blue are shades of grey. */
bool still_all_grey(const uint8_t *colours, int n);

extern const struct still still_jpeg, still_png, still_tiff, still_webp, still_bmp, still_netpbm;

#endif
