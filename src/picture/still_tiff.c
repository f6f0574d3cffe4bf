/* TIFF, through libtiff. Plain rows of 8 or 16 bits, what cameras and microscopes write, are read here; everything else
 * (palettes, bits, tiles, planes, CMYK, YCbCr, JPEG within TIFF) libtiff brings to RGBA of 8 bits by itself. */
#include "picture/still.h"

#include "picture/colour.h"

#include <tiffio.h>

#include <stdio.h>
#include <string.h>

struct tiff {
    struct still_file *file;
    uint64_t at;
    TIFF *tiff;
    bool decoding; /* behind the tags: a warning now is of the pixels */
    char why[200]; /* the first thing that libtiff says is wrong */
};

/* ---- what libtiff asks for, and says ---- */

static tmsize_t give_bytes(thandle_t user, void *out, tmsize_t n)
{
    struct tiff *t = user;
    const uint64_t left = t->at < t->file->size ? t->file->size - t->at : 0;
    const size_t given = (uint64_t)n < left ? (size_t)n : (size_t)left;
    memcpy(out, t->file->bytes + t->at, given);
    t->at += given;
    return (tmsize_t)given;
}

static tmsize_t take_nothing(thandle_t user, void *bytes, tmsize_t n)
{
    (void)user;
    (void)bytes;
    (void)n;
    return 0;
}

static toff_t seek(thandle_t user, toff_t to, int whence)
{
    struct tiff *t = user;
    const uint64_t from = whence == SEEK_CUR ? t->at : whence == SEEK_END ? t->file->size : 0;
    return t->at = from + to;
}

static int close_nothing(thandle_t user)
{
    (void)user;
    return 0;
}

static toff_t size_of(thandle_t user)
{
    const struct tiff *t = user;
    return t->file->size;
}

static int hear(struct tiff *t, const char *format, va_list args)
{
    if (!t->why[0])
        vsnprintf(t->why, sizeof t->why, format, args);
    return 1; /* nobody else need know */
}

static int hear_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff;
    (void)module;
    return hear(user, format, args);
}

/* Of tags that are not known, and of pixels that are made up where some are missing. */
static int hear_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    struct tiff *t = user;
    (void)tiff;
    (void)module;
    return t->decoding ? hear(t, format, args) : 1;
}

static TIFF *open_tiff(struct tiff *t)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, PICTURE_MAX_BYTES);
    TIFFOpenOptionsSetErrorHandlerExtR(options, hear_error, t);
    TIFFOpenOptionsSetWarningHandlerExtR(options, hear_warning, t);
    TIFF *tiff = TIFFClientOpenExt(t->file->name, "rm", t, give_bytes, take_nothing, seek, close_nothing, size_of, NULL,
                                   NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* ---- pixels ---- */

struct layout {
    uint32_t width, height;
    uint16_t bits, samples, photometric, planar, format, orientation, compression;
};

static uint16_t tag16(TIFF *tiff, uint32_t tag, uint16_t fallback)
{
    uint16_t value = 0;
    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : fallback;
}

static struct layout read_layout(TIFF *tiff)
{
    struct layout l = {.bits = tag16(tiff, TIFFTAG_BITSPERSAMPLE, 1),
                       .samples = tag16(tiff, TIFFTAG_SAMPLESPERPIXEL, 1),
                       .photometric = tag16(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK),
                       .planar = tag16(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG),
                       .format = tag16(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT),
                       .orientation = tag16(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT),
                       .compression = tag16(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE)};
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &l.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &l.height);
    return l;
}

static bool is_grey(const struct layout *l)
{
    return l->photometric == PHOTOMETRIC_MINISBLACK || l->photometric == PHOTOMETRIC_MINISWHITE;
}

static bool is_plain(const struct tiff *t, const struct layout *l)
{
    const int colours = is_grey(l) ? 1 : l->photometric == PHOTOMETRIC_RGB ? 3 : 0;
    return colours && l->samples == colours && (l->bits == 8 || l->bits == 16) && l->planar == PLANARCONFIG_CONTIG &&
           !TIFFIsTiled(t->tiff);
}

static int read_plain(struct tiff *t, const struct layout *l, struct err *e)
{
    const size_t n = (size_t)l->width * l->samples;
    const uint8_t flip = l->photometric == PHOTOMETRIC_MINISWHITE ? 255 : 0;
    TRY(canvas_need(t->file->work, (size_t)TIFFScanlineSize(t->tiff) + 2 * n, e)); /* it may say less than is true */
    uint8_t *row = t->file->work->bytes;
    for (uint32_t y = 0; y < l->height; y++) {
        if (TIFFReadScanline(t->tiff, row, y, 0) < 0 || t->why[0])
            return still_damaged(t->file, t->why, e);
        const uint16_t *wide = (const uint16_t *)(const void *)row;
        for (size_t i = 0; i < n && l->bits == 16; i++)
            row[i] = colour_scale(wide[i], UINT16_MAX);
        for (size_t i = 0; i < n; i++)
            row[i] ^= flip;
        still_row(t->file, (int)y, row, l->samples);
    }
    return 0;
}

/* libtiff's pixels are numbers of 32 bits; in place. */
static void split_bytes(uint8_t *row, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, row += 4) {
        uint32_t pixel;
        memcpy(&pixel, row, 4);
        row[0] = TIFFGetR(pixel);
        row[1] = TIFFGetG(pixel);
        row[2] = TIFFGetB(pixel);
        row[3] = 255;
    }
}

/* libtiff multiplies by alpha, or says that the file has done so: that is what is seen on black. */
static int read_any(struct tiff *t, const struct layout *l, struct err *e)
{
    const size_t width = l->width, pixels = width * l->height;
    TIFFRGBAImage image;
    char text[1024] = "";
    TRY(canvas_need(t->file->work, 4 * pixels, e));
    memset(t->file->work->bytes, 0, 4 * pixels);
    if (!TIFFRGBAImageBegin(&image, t->tiff, 1, text))
        return still_damaged(t->file, text, e);
    image.req_orientation = image.orientation; /* as stored: it is turned later */
    const int got = TIFFRGBAImageGet(&image, (uint32_t *)(void *)t->file->work->bytes, l->width, l->height);
    TIFFRGBAImageEnd(&image);
    if (!got || t->why[0])
        return still_damaged(t->file, t->why, e);
    for (size_t y = 0; y < l->height; y++) {
        uint8_t *row = t->file->work->bytes + 4 * width * y;
        split_bytes(row, width);
        still_row(t->file, (int)y, row, 4);
    }
    return 0;
}

static bool palette_is_grey(const struct tiff *t, const struct layout *l)
{
    uint16_t *red, *green, *blue;
    if (l->photometric != PHOTOMETRIC_PALETTE || l->bits > 8 ||
        !TIFFGetField(t->tiff, TIFFTAG_COLORMAP, &red, &green, &blue))
        return false;
    for (int i = 0; i < 1 << l->bits; i++)
        if (red[i] != green[i] || red[i] != blue[i])
            return false;
    return true;
}

static int decode_all(struct tiff *t, struct err *e)
{
    struct still_file *f = t->file;
    const struct layout l = read_layout(t->tiff);
    TRY(still_claim(f, l.width, l.height, (size_t)l.samples * (l.bits > 8 ? 2 : 1), e));
    if (l.format != SAMPLEFORMAT_UINT && l.format != SAMPLEFORMAT_VOID)
        return still_damaged(f, "its numbers are not whole ones from 0 on", e);
    if (l.compression == COMPRESSION_OJPEG)
        return still_damaged(f, "JPEG as TIFF 6.0 had it", e);
    f->orientation = l.orientation >= 1 && l.orientation <= 8 ? l.orientation : 1;
    TRY(still_canvas(f, (int)l.width, (int)l.height, is_grey(&l) || palette_is_grey(t, &l), e));
    t->decoding = true;
    t->why[0] = 0; /* of tags that do not matter */
    return is_plain(t, &l) ? read_plain(t, &l, e) : read_any(t, &l, e);
}

static int decode(struct still_file *f, struct err *e)
{
    struct tiff t = {.file = f};
    t.tiff = open_tiff(&t);
    if (!t.tiff)
        return still_damaged(f, t.why, e);
    const int code = decode_all(&t, e);
    TIFFClose(t.tiff);
    return code;
}

const struct still still_tiff = {
    .name = "tiff",
    .extensions = "tif tiff ",
    .starts = {{"II*\0", 4}, {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}},
    /* Deflate or LZW, 3.8 million bytes in 5 thousand, and bits become bytes; only empty pages of fax are packed
       further. */
    .packing = 1400 * 8,
    .decode = decode,
};
