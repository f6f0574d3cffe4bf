/* A decoded frame in whatever form FFmpeg has it becomes 8-bit grey or RGB. */
#include "video/media_private.h"

#include "picture/colour.h"

#include <libavutil/pixdesc.h>

#include <string.h>

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
            *out++ = colour_over_black((uint8_t)(argb >> (16 - 8 * c)), (uint8_t)(argb >> 24));
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
            out[x * channels + c] = colour_scale(line[x] ^ flip, max);
    }
    if (!(format->flags & AV_PIX_FMT_FLAG_ALPHA))
        return;
    const unsigned max = (1u << format->comp[alpha].depth) - 1;
    av_read_image_line2(line, data, f->linesize, format, 0, y, alpha, f->width, 0, sizeof *line);
    for (int i = 0; i < f->width * channels; i++)
        out[i] = colour_over_black(out[i], colour_scale(line[i / channels], max));
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

/* Three planes, as check_format has seen. */
static struct yuv as_yuv(const AVFrame *f, const AVPixFmtDescriptor *format)
{
    struct yuv p = {.width = f->width, .height = f->height, .full = full_range(f)};
    p.across = format->log2_chroma_w;
    p.down = format->log2_chroma_h;
    for (int i = 0; i < 3; i++) {
        p.plane[i] = f->data[i];
        p.stride[i] = f->linesize[i];
    }
    return p;
}

static void lay_on_black(const AVFrame *f, int channels, uint8_t *out)
{
    for (int y = 0; y < f->height; y++) {
        const uint8_t *alpha = f->data[3] + (ptrdiff_t)y * f->linesize[3];
        for (int x = 0; x < f->width * channels; x++, out++)
            *out = colour_over_black(*out, alpha[x / channels]);
    }
}

static int check_format(const AVPixFmtDescriptor *format, const char *name, struct err *e)
{
    const uint64_t unreadable = AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_HWACCEL;
    bool known = format && !(format->flags & unreadable);
    if (known && is_yuv(format)) /* a plane each, of bytes */
        known = format->comp[0].depth == 8 && format->flags & AV_PIX_FMT_FLAG_PLANAR && format->comp[2].plane == 2;
    if (!known)
        return err_set(e, ERR_FORMAT, "%s has pixels of the kind %s, which cannot be read; convert it to png", name,
                       format ? format->name : "unknown");
    return 0;
}

int media_frame_to_pixels(const AVFrame *f, const char *name, int channels, struct canvas *pixels, struct canvas *line,
                          struct picture *out, struct err *e)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(f->format);
    TRY(check_format(format, name, e));
    const bool grey = stored_grey(f, format), yuv = is_yuv(format), luma = yuv && channels == 1;
    if (!channels)
        channels = grey ? 1 : 3;
    const int made = luma ? 1 : grey ? channels : 3;
    const size_t n = (size_t)f->width * (size_t)f->height;
    TRY(canvas_need(pixels, n * (size_t)made, e));
    TRY(canvas_need(line, yuv_work_bytes(f->width), e)); /* that needs the most */
    const struct yuv planes = yuv ? as_yuv(f, format) : (struct yuv){0};
    if (luma)
        yuv_to_grey(&planes, pixels->bytes);
    else if (yuv)
        yuv_to_rgb(&planes, line->bytes, pixels->bytes);
    else
        convert_rows(f, format, made, (uint16_t *)(void *)line->bytes, pixels->bytes);
    if (yuv && format->flags & AV_PIX_FMT_FLAG_ALPHA)
        lay_on_black(f, made, pixels->bytes);
    if (made > channels)
        colour_rgb_to_grey(pixels->bytes, n, pixels->bytes);
    *out = (struct picture){.width = f->width, .height = f->height, .channels = channels, .pixels = pixels->bytes};
    return 0;
}
