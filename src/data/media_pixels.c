/* A decoded frame in whatever form FFmpeg has it becomes 8-bit grey or RGB. */
#include "data/media_private.h"

#include "base/hot.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include <stdlib.h>
#include <string.h>

int media_buffer_need(struct media_buffer *b, size_t size, struct err *e)
{
    if (size <= b->size)
        return 0;
    free(b->bytes);
    b->bytes = malloc(size);
    b->size = b->bytes ? size : 0;
    return b->bytes ? 0 : err_memory(e, "the pixels of a picture");
}

static uint8_t scale_to_byte(unsigned value, unsigned max)
{
    return (uint8_t)(max == 255 ? value : (value * 255 + max / 2) / max);
}

static uint8_t clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static uint8_t over_black(uint8_t value, uint8_t alpha)
{
    return (uint8_t)((value * alpha + 127) / 255);
}

HOT void media_rgb_to_grey(const uint8_t *rgb, size_t pixels, uint8_t *grey)
{
    for (size_t i = 0; i < pixels; i++, rgb += 3)
        grey[i] = (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 32768) >> 16);
}

static bool palette_is_grey(const AVFrame *f)
{
    for (int i = 0; i < 256; i++) {
        uint32_t argb;
        memcpy(&argb, f->data[1] + 4 * i, sizeof argb);
        if ((argb & 255) != (argb >> 8 & 255) || (argb & 255) != (argb >> 16 & 255))
            return false;
    }
    return true;
}

static bool stored_grey(const AVFrame *f, const AVPixFmtDescriptor *format)
{
    if (format->flags & AV_PIX_FMT_FLAG_PAL)
        return palette_is_grey(f);
    return format->nb_components <= 2;
}

static void convert_palette_row(const AVFrame *f, int y, int channels, uint8_t *out)
{
    const uint8_t *row = f->data[0] + (ptrdiff_t)y * f->linesize[0];
    for (int x = 0; x < f->width; x++) {
        uint32_t argb;
        memcpy(&argb, f->data[1] + 4 * row[x], sizeof argb);
        for (int c = 0; c < channels; c++)
            *out++ = over_black((uint8_t)(argb >> (16 - 8 * c)), (uint8_t)(argb >> 24));
    }
}

/* Any other format of whole numbers, packed or planar: as many of its components as `channels` needs. */
static void convert_row(const AVFrame *f, const AVPixFmtDescriptor *format, int y, int channels, uint16_t *line,
                        uint8_t *out)
{
    const uint8_t *data[4] = {f->data[0], f->data[1], f->data[2], f->data[3]};
    const int colours = format->nb_components >= 3 ? 3 : 1, alpha = format->nb_components - 1;
    const unsigned flip = f->format == AV_PIX_FMT_MONOWHITE; /* there, 1 is black */
    for (int c = 0; c < channels; c++) {
        const int from = c < colours ? c : 0;
        const unsigned max = (1u << format->comp[from].depth) - 1;
        av_read_image_line2(line, data, f->linesize, format, 0, y, from, f->width, 0, sizeof *line);
        for (int x = 0; x < f->width; x++)
            out[x * channels + c] = scale_to_byte(line[x] ^ flip, max);
    }
    if (!(format->flags & AV_PIX_FMT_FLAG_ALPHA))
        return;
    const unsigned max = (1u << format->comp[alpha].depth) - 1;
    av_read_image_line2(line, data, f->linesize, format, 0, y, alpha, f->width, 0, sizeof *line);
    for (int i = 0; i < f->width * channels; i++)
        out[i] = over_black(out[i], scale_to_byte(line[i / channels], max));
}

static void convert_rows(const AVFrame *f, const AVPixFmtDescriptor *format, int channels, uint16_t *line, uint8_t *out)
{
    const size_t stride = (size_t)f->width * (size_t)channels;
    for (int y = 0; y < f->height; y++) {
        const uint8_t *row = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        uint8_t *to = out + (size_t)y * stride;
        if ((f->format == AV_PIX_FMT_GRAY8 && channels == 1) || (f->format == AV_PIX_FMT_RGB24 && channels == 3))
            memcpy(to, row, stride);
        else if (format->flags & AV_PIX_FMT_FLAG_PAL)
            convert_palette_row(f, y, channels, to);
        else
            convert_row(f, format, y, channels, line, to);
    }
}

static bool full_range(const AVFrame *f)
{
    switch (f->format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
        return true;
    default:
        return f->color_range == AVCOL_RANGE_JPEG;
    }
}

static bool is_yuv(const AVPixFmtDescriptor *format)
{
    return !(format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) && format->nb_components >= 3;
}

/* The Y of YUV is the grey that is wanted; only its range may differ. */
static void copy_luma(const AVFrame *f, uint8_t *out)
{
    const bool full = full_range(f);
    for (int y = 0; y < f->height; y++) {
        const uint8_t *row = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        for (int x = 0; x < f->width; x++) {
            *out++ = full ? row[x] : clip(((row[x] - 16) * 255 + 109) / 219);
        }
    }
}

/* One row of U or V at full width and with the picture's own alignment: chroma samples lie between luma samples, and
 * are interpolated linearly (weights 3/4 and 1/4) where there is one to two. `line` has room for the plane's row and
 * one value on either side, `out` for one value more than the width. */
HOT static void chroma_row(const AVFrame *f, const AVPixFmtDescriptor *format, int plane, int y,
                           uint16_t *restrict line, uint8_t *restrict out)
{
    const int down = format->log2_chroma_h, across = format->log2_chroma_w;
    const int width = AV_CEIL_RSHIFT(f->width, across), last = AV_CEIL_RSHIFT(f->height, down) - 1;
    int near = y >> down, far = down == 1 ? near + (y & 1 ? 1 : -1) : near;
    far = far < 0 ? 0 : far > last ? last : far;
    const uint8_t *a = f->data[plane] + (ptrdiff_t)near * f->linesize[plane];
    const uint8_t *b = f->data[plane] + (ptrdiff_t)far * f->linesize[plane];
    for (int x = 0; x < width; x++)
        line[x] = (uint16_t)(3 * a[x] + b[x]);
    if (across != 1) {
        for (int x = 0; x < f->width; x++)
            out[x] = (uint8_t)((line[x >> across] + 2) >> 2);
        return;
    }
    line[-1] = line[0]; /* beyond the edge the edge goes on */
    line[width] = line[width - 1];
    for (int x = 0; x < width; x++) { /* of an odd width, one more than is wanted */
        out[2 * x] = (uint8_t)((3 * line[x] + line[x - 1] + 8) >> 4);
        out[2 * x + 1] = (uint8_t)((3 * line[x] + line[x + 1] + 8) >> 4);
    }
}

/* ITU-R BT.601, as JFIF and WebP have it; coefficients in 1/65536. */
HOT static void yuv_row_to_rgb(const uint8_t *restrict y, const uint8_t *restrict u, const uint8_t *restrict v, int n,
                               bool full, uint8_t *restrict out)
{
    const int black = full ? 0 : 16, light = full ? 65536 : 76309; /* 255 / 219 */
    const int rv = full ? 91881 : 104597, gu = full ? 22554 : 25675, gv = full ? 46802 : 53279;
    const int bu = full ? 116130 : 132201; /* limited range: times 255 / 224 */
    for (int x = 0; x < n; x++) {
        int l = (y[x] - black) * light + 32768, cb = u[x] - 128, cr = v[x] - 128;
        out[3 * x] = clip((l + rv * cr) >> 16);
        out[3 * x + 1] = clip((l - gu * cb - gv * cr) >> 16);
        out[3 * x + 2] = clip((l + bu * cb) >> 16);
    }
}

/* Written out here and not left to libswscale: twice as fast, no longer to start, the same on every machine. */
static void yuv_to_rgb(const AVFrame *f, const AVPixFmtDescriptor *format, uint16_t *line, uint8_t *out)
{
    const size_t width = (size_t)f->width;
    uint8_t *u = (uint8_t *)(line + width + 2), *v = u + width + 1;
    for (int y = 0; y < f->height; y++) {
        chroma_row(f, format, 1, y, line + 1, u);
        chroma_row(f, format, 2, y, line + 1, v);
        yuv_row_to_rgb(f->data[0] + (ptrdiff_t)y * f->linesize[0], u, v, f->width, full_range(f),
                       out + 3 * width * (size_t)y);
    }
}

static void lay_on_black(const AVFrame *f, int channels, uint8_t *out)
{
    for (int y = 0; y < f->height; y++) {
        const uint8_t *alpha = f->data[3] + (ptrdiff_t)y * f->linesize[3];
        for (int x = 0; x < f->width * channels; x++, out++)
            *out = over_black(*out, alpha[x / channels]);
    }
}

static int check_format(const AVFrame *f, const AVPixFmtDescriptor *format, const char *name, struct err *e)
{
    const uint64_t unreadable = AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_HWACCEL;
    bool known = format && !(format->flags & unreadable);
    if (known && is_yuv(format)) /* a plane each, of bytes */
        known = format->comp[0].depth == 8 && format->flags & AV_PIX_FMT_FLAG_PLANAR && format->comp[2].plane == 2;
    if (!known)
        return err_set(e, ERR_FORMAT, "%s has pixels of the kind %s, which cannot be read; convert it to png", name,
                       format ? format->name : "unknown");
    if (f->width > PICTURE_MAX_SIDE || f->height > PICTURE_MAX_SIDE)
        return err_set(e, ERR_FORMAT, "%s has %dx%d pixels; no side may have more than %d", name, f->width, f->height,
                       PICTURE_MAX_SIDE);
    return 0;
}

int media_frame_to_pixels(const AVFrame *f, const char *name, int channels, struct media_buffer *pixels,
                          struct media_buffer *line, struct picture *out, struct err *e)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(f->format);
    TRY(check_format(f, format, name, e));
    const bool grey = stored_grey(f, format), yuv = is_yuv(format), luma = yuv && channels == 1;
    if (!channels)
        channels = grey ? 1 : 3;
    const int made = luma ? 1 : grey ? channels : 3;
    const size_t width = (size_t)f->width, n = width * (size_t)f->height;
    TRY(media_buffer_need(pixels, n * (size_t)made, e));
    TRY(media_buffer_need(line, (width + 2) * sizeof(uint16_t) + 2 * (width + 1), e)); /* yuv_to_rgb needs the most */
    uint16_t *values = (uint16_t *)(void *)line->bytes;
    if (luma)
        copy_luma(f, pixels->bytes);
    else if (yuv)
        yuv_to_rgb(f, format, values, pixels->bytes);
    else
        convert_rows(f, format, made, values, pixels->bytes);
    if (yuv && format->flags & AV_PIX_FMT_FLAG_ALPHA)
        lay_on_black(f, made, pixels->bytes);
    if (made > channels)
        media_rgb_to_grey(pixels->bytes, n, pixels->bytes);
    *out = (struct picture){.width = f->width, .height = f->height, .channels = channels, .pixels = pixels->bytes};
    return 0;
}
