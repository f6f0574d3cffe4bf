/* Only libavcodec, for its decoders: libavformat alone would double the time that a process needs to start, and a
 * picture needs no container. */
#include "data/media.h"

#include "base/file.h"
#include "base/hot.h"
#include "data/resize.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PICTURE_MAX_FILE = 1 << 30, EDGE = 64 /* bytes that vector code may write behind the last pixel */ };

struct buffer {
    uint8_t *bytes;
    size_t size;
};

struct picture_decoder {
    AVPacket *packet;
    AVFrame *frame;
    struct buffer pixels; /* the decoded picture */
    struct buffer line;   /* one row's components as uint16 */
    struct buffer other;  /* a grey copy, or a second decoding */
    struct resize resize;
    int fill; /* what a frame's bytes are before it is decoded */
};

static int buffer_need(struct buffer *b, size_t size, struct err *e)
{
    if (size <= b->size)
        return 0;
    free(b->bytes);
    b->bytes = malloc(size);
    b->size = b->bytes ? size : 0;
    return b->bytes ? 0 : err_memory(e, "the pixels of a picture");
}

int picture_decoder_new(struct picture_decoder **out, struct err *e)
{
    struct picture_decoder *d = calloc(1, sizeof *d);
    *out = NULL;
    if (d && (d->packet = av_packet_alloc()) && (d->frame = av_frame_alloc())) {
        *out = d;
        return 0;
    }
    picture_decoder_free(d);
    return err_memory(e, "a picture decoder");
}

void picture_decoder_free(struct picture_decoder *d)
{
    if (!d)
        return;
    av_packet_free(&d->packet);
    av_frame_free(&d->frame);
    free(d->pixels.bytes);
    free(d->line.bytes);
    free(d->other.bytes);
    resize_free(&d->resize);
    free(d);
}

int picture_canvas(struct picture_decoder *d, size_t bytes, uint8_t **pixels, struct err *e)
{
    TRY(buffer_need(&d->pixels, bytes, e));
    *pixels = d->pixels.bytes;
    return 0;
}

bool picture_format_equal(const struct picture_format *a, const struct picture_format *b)
{
    return a->width == b->width && a->height == b->height && a->channels == b->channels;
}

size_t picture_bytes(const struct picture_format *format)
{
    return (size_t)format->width * (size_t)format->height * (size_t)format->channels;
}

/* ---- FFmpeg's messages ---- */

/* What FFmpeg complained of while this thread was inside it: the reason for the error sentence, and for most formats
 * the only sign that a picture came out incomplete. */
static _Thread_local struct {
    bool listening;
    char first[160];
} complaint;

static void on_message(void *who, int level, const char *format, va_list args)
{
    if (!complaint.listening) {
        av_log_default_callback(who, level, format, args);
        return;
    }
    if (level > AV_LOG_ERROR || complaint.first[0])
        return;
    vsnprintf(complaint.first, sizeof complaint.first, format, args);
    complaint.first[strcspn(complaint.first, "\r\n")] = 0;
    size_t n = strlen(complaint.first);
    if (n && complaint.first[n - 1] == '.')
        complaint.first[n - 1] = 0;
}

static void install_callback(void)
{
    av_log_set_callback(on_message);
}

static void listen_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_callback);
    complaint.first[0] = 0;
    complaint.listening = true;
}

static void listen_end(void)
{
    complaint.listening = false;
}

/* ---- which format ---- */

struct magic {
    enum AVCodecID codec;
    const char *name, *bytes; /* '?' in bytes matches anything */
    size_t n;
};

static const struct magic magics[] = {
    {AV_CODEC_ID_PNG, "png", "\x89PNG\r\n\x1a\n", 8},
    {AV_CODEC_ID_MJPEG, "jpg", "\xff\xd8\xff", 3},
    {AV_CODEC_ID_TIFF, "tiff", "II*\0", 4},
    {AV_CODEC_ID_TIFF, "tiff", "MM\0*", 4},
    {AV_CODEC_ID_WEBP, "webp", "RIFF????WEBP", 12},
    {AV_CODEC_ID_BMP, "bmp", "BM", 2},
    {AV_CODEC_ID_PBM, "pbm", "P1", 2},
    {AV_CODEC_ID_PGM, "pgm", "P2", 2},
    {AV_CODEC_ID_PPM, "ppm", "P3", 2},
    {AV_CODEC_ID_PBM, "pbm", "P4", 2},
    {AV_CODEC_ID_PGM, "pgm", "P5", 2},
    {AV_CODEC_ID_PPM, "ppm", "P6", 2},
};

static const struct magic *find_magic(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        size_t k = 0;
        while (k < m->n && k < size && (m->bytes[k] == '?' || (unsigned char)m->bytes[k] == bytes[k]))
            k++;
        if (k == m->n)
            return m;
    }
    return NULL;
}

static const char *const extensions[] = {"png", "jpg",  "jpeg", "jpe", "jfif", "tif", "tiff",
                                         "bmp", "webp", "pgm",  "ppm", "pnm",  "pbm"};

bool picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (!strcasecmp(dot + 1, extensions[i]))
            return true;
    return false;
}

static int unknown_format(const unsigned char *bytes, size_t size, const char *name, struct err *e)
{
    if (size == 0)
        return err_set(e, ERR_FORMAT, "%s is empty (0 bytes): it is no picture; remove it or copy it again", name);
    char start[13];
    size_t n = size < sizeof start - 1 ? size : sizeof start - 1;
    for (size_t i = 0; i < n; i++)
        start[i] = bytes[i] >= ' ' && bytes[i] < 127 ? (char)bytes[i] : '.';
    start[n] = 0;
    return err_set(e, ERR_FORMAT,
                   "%s is no picture of a kind that can be read: it begins with '%s' (read are png, jpg, tiff, bmp, "
                   "webp, pgm, ppm, pbm, whatever the file's name); remove or convert it",
                   name, start);
}

/* A jpg that was cut short still decodes, with grey below. Its end marker cannot occur inside the picture's data, and
 * the segments before that (with whole thumbnails in them) say how long they are. */
static bool jpg_is_whole(const unsigned char *bytes, size_t size)
{
    size_t at = 2;
    while (at + 4 <= size && bytes[at] == 0xff && bytes[at + 1] != 0xda) {
        if (bytes[at + 1] == 0xff)
            at++;
        else
            at += 2 + (size_t)bytes[at + 2] * 256 + bytes[at + 3];
    }
    return at < size && memmem(bytes + at, size - at, "\xff\xd9", 2) != NULL;
}

/* ---- decoding ---- */

static int damaged(const char *name, const char *kind, struct err *e)
{
    return err_set(
        e, ERR_FORMAT,
        "%s is a damaged or truncated %s, or of a kind that cannot be read%s%s%s; copy it again, or convert it "
        "to png",
        name, kind, complaint.first[0] ? " (" : "", complaint.first, complaint.first[0] ? ")" : "");
}

static int fill_frame(AVCodecContext *context, AVFrame *frame, int flags)
{
    const struct picture_decoder *d = context->opaque;
    int failed = avcodec_default_get_buffer2(context, frame, flags);
    for (int i = 0; failed >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        memset(frame->buf[i]->data, d->fill, frame->buf[i]->size);
    return failed;
}

/* One packet in, one frame out. A decoder of its own for every picture: the jpg decoder, for one, would lend a file
 * without tables those of the picture before it. */
static int decode_frame(struct picture_decoder *d, const struct magic *magic, const unsigned char *bytes, size_t size,
                        const char *name, struct err *e)
{
    const AVCodec *codec = avcodec_find_decoder(magic->codec);
    if (!codec)
        return err_set(e, ERR_FORMAT, "%s cannot be read: this FFmpeg was built without its %s decoder", name,
                       magic->name);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context)
        return err_memory(e, "a picture decoder");
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_BITEXACT;
    context->opaque = d;
    context->get_buffer2 = fill_frame;
    context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (magic->codec != AV_CODEC_ID_TIFF)
        context->err_recognition |= AV_EF_EXPLODE; /* there it would stop at any tag that it does not know */
    context->max_pixels = PICTURE_MAX_PIXELS;
    d->packet->data = (uint8_t *)bytes; /* FFmpeg makes its own padded copy of what is not reference-counted */
    d->packet->size = (int)size;
    int failed = avcodec_open2(context, codec, NULL);
    if (failed >= 0)
        failed = avcodec_send_packet(context, d->packet);
    if (failed >= 0)
        failed = avcodec_send_packet(context, NULL);
    if (failed >= 0)
        failed = avcodec_receive_frame(context, d->frame);
    d->packet->data = NULL;
    d->packet->size = 0;
    avcodec_free_context(&context);
    if (failed == AVERROR(ENOMEM))
        return err_memory(e, name);
    /* These two also complain of metadata that nobody needs; jpg_is_whole and tiff_is_whole see what is missing. */
    bool harmless = magic->codec == AV_CODEC_ID_MJPEG || magic->codec == AV_CODEC_ID_TIFF;
    bool complained = complaint.first[0] && !harmless;
    bool partial = failed >= 0 && (d->frame->decode_error_flags || d->frame->flags & AV_FRAME_FLAG_CORRUPT);
    return failed < 0 || complained || partial ? damaged(name, magic->name, e) : 0;
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

/* In place is fine. */
HOT static void rgb_to_grey(const uint8_t *rgb, size_t pixels, uint8_t *grey)
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

static int convert_rows(struct picture_decoder *d, const AVPixFmtDescriptor *format, int channels, uint8_t *out,
                        struct err *e)
{
    const AVFrame *f = d->frame;
    const size_t stride = (size_t)f->width * (size_t)channels;
    TRY(buffer_need(&d->line, (size_t)f->width * sizeof(uint16_t) + EDGE, e));
    for (int y = 0; y < f->height; y++) {
        const uint8_t *row = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        uint8_t *to = out + (size_t)y * stride;
        if ((f->format == AV_PIX_FMT_GRAY8 && channels == 1) || (f->format == AV_PIX_FMT_RGB24 && channels == 3))
            memcpy(to, row, stride);
        else if (format->flags & AV_PIX_FMT_FLAG_PAL)
            convert_palette_row(f, y, channels, to);
        else
            convert_row(f, format, y, channels, (uint16_t *)(void *)d->line.bytes, to);
    }
    return 0;
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
static int yuv_to_rgb(struct picture_decoder *d, const AVPixFmtDescriptor *format, uint8_t *out, struct err *e)
{
    const AVFrame *f = d->frame;
    const size_t width = (size_t)f->width;
    TRY(buffer_need(&d->line, (width + 2) * sizeof(uint16_t) + 2 * (width + 1), e));
    uint16_t *line = (uint16_t *)(void *)d->line.bytes + 1;
    uint8_t *u = (uint8_t *)(line + width + 1), *v = u + width + 1;
    for (int y = 0; y < f->height; y++) {
        chroma_row(f, format, 1, y, line, u);
        chroma_row(f, format, 2, y, line, v);
        yuv_row_to_rgb(f->data[0] + (ptrdiff_t)y * f->linesize[0], u, v, f->width, full_range(f),
                       out + 3 * width * (size_t)y);
    }
    return 0;
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

static int convert_frame(struct picture_decoder *d, const char *name, int channels, struct picture *out, struct err *e)
{
    const AVFrame *f = d->frame;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(f->format);
    TRY(check_format(f, format, name, e));
    const bool grey = stored_grey(f, format), yuv = is_yuv(format), luma = yuv && channels == 1;
    if (!channels)
        channels = grey ? 1 : 3;
    const int made = luma ? 1 : grey ? channels : 3;
    const size_t pixels = (size_t)f->width * (size_t)f->height;
    TRY(buffer_need(&d->pixels, pixels * (size_t)made + EDGE, e));
    uint8_t *bytes = d->pixels.bytes;
    if (luma)
        copy_luma(f, bytes);
    else
        TRY(yuv ? yuv_to_rgb(d, format, bytes, e) : convert_rows(d, format, made, bytes, e));
    if (yuv && format->flags & AV_PIX_FMT_FLAG_ALPHA)
        lay_on_black(f, made, bytes);
    if (made > channels)
        rgb_to_grey(bytes, pixels, bytes);
    *out = (struct picture){.width = f->width, .height = f->height, .channels = channels, .pixels = bytes};
    return 0;
}

static int decode_filled(struct picture_decoder *d, int fill, const struct magic *magic, const unsigned char *bytes,
                         size_t size, const char *name, int channels, struct picture *out, struct err *e)
{
    d->fill = fill;
    int code = decode_frame(d, magic, bytes, size, name, e);
    if (code == 0)
        code = convert_frame(d, name, channels, out, e);
    av_frame_unref(d->frame);
    return code;
}

/* The tiff decoder may leave rows out without a word. Those still have what was there before: a second decoding over
 * other bytes comes out differently. */
static int tiff_is_whole(struct picture_decoder *d, const struct magic *magic, const unsigned char *bytes, size_t size,
                         const char *name, struct picture *p, struct err *e)
{
    const size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    TRY(buffer_need(&d->other, n, e));
    memcpy(d->other.bytes, p->pixels, n);
    TRY(decode_filled(d, 255, magic, bytes, size, name, p->channels, p, e));
    return memcmp(d->other.bytes, p->pixels, n) ? damaged(name, magic->name, e) : 0;
}

int picture_decode(struct picture_decoder *d, const unsigned char *bytes, size_t size, const char *name, int channels,
                   struct picture *out, struct err *e)
{
    const struct magic *magic = find_magic(bytes, size);
    if (!magic)
        return unknown_format(bytes, size, name, e);
    if (size > PICTURE_MAX_FILE)
        return err_set(e, ERR_FORMAT, "%s has %zu bytes; a picture may have at most %d", name, size, PICTURE_MAX_FILE);
    if (magic->codec == AV_CODEC_ID_MJPEG && !jpg_is_whole(bytes, size)) {
        complaint.first[0] = 0;
        return damaged(name, "jpg", e);
    }
    listen_begin();
    int code = decode_filled(d, 0, magic, bytes, size, name, channels, out, e);
    if (code == 0 && magic->codec == AV_CODEC_ID_TIFF)
        code = tiff_is_whole(d, magic, bytes, size, name, out, e);
    listen_end();
    return code;
}

int picture_read(struct picture_decoder *d, const char *path, int channels, struct picture *out, struct err *e)
{
    unsigned char *bytes;
    size_t size;
    TRY(file_read(path, PICTURE_MAX_FILE, &bytes, &size, e));
    int code = picture_decode(d, bytes, size, path, channels, out, e);
    free(bytes);
    return code;
}

/* ---- size and channels ---- */

int picture_fit(struct picture_decoder *d, const struct picture *in, const struct picture_format *want, uint8_t *out,
                struct err *e)
{
    const uint8_t *pixels = in->pixels;
    if (in->channels == 3 && want->channels == 1) {
        size_t n = (size_t)in->width * (size_t)in->height;
        TRY(buffer_need(&d->other, n, e));
        rgb_to_grey(pixels, n, d->other.bytes);
        pixels = d->other.bytes;
    }
    int channels = in->channels < want->channels ? in->channels : want->channels;
    size_t n = (size_t)want->width * (size_t)want->height;
    if (in->width == want->width && in->height == want->height)
        memcpy(out, pixels, n * (size_t)channels);
    else
        TRY(resize_run(&d->resize, RESIZE_SMOOTH, pixels, in->width, in->height, channels, out, want->width,
                       want->height, e));
    if (channels < want->channels)
        for (size_t i = n; i-- > 0;)
            out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = out[i];
    return 0;
}

/* ---- encoding ---- */

static int encode_png(AVCodecContext *context, AVFrame *frame, AVPacket *packet, const struct picture *in)
{
    context->width = frame->width = in->width;
    context->height = frame->height = in->height;
    context->pix_fmt = in->channels == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
    frame->format = context->pix_fmt;
    context->time_base = (AVRational){1, 1};
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_BITEXACT;
    av_opt_set(context->priv_data, "pred", "mixed", 0);
    frame->data[0] = (uint8_t *)in->pixels;
    frame->linesize[0] = in->width * in->channels;
    int failed = avcodec_open2(context, context->codec, NULL);
    if (failed >= 0)
        failed = avcodec_send_frame(context, frame);
    return failed < 0 ? failed : avcodec_receive_packet(context, packet);
}

int picture_encode_png(const struct picture *in, unsigned char **data, size_t *size, struct err *e)
{
    *data = NULL;
    *size = 0;
    if (in->width < 1 || in->height < 1 || (in->channels != 1 && in->channels != 3))
        return err_set(e, ERR_USAGE, "cannot write a PNG of %dx%d pixels and %d channels; 1 or 3 channels are possible",
                       in->width, in->height, in->channels);
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    if (!codec)
        return err_set(e, ERR_FAIL, "cannot write PNG: this FFmpeg was built without its encoder");
    AVCodecContext *context = avcodec_alloc_context3(codec);
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    int failed = AVERROR(ENOMEM);
    listen_begin();
    if (context && frame && packet)
        failed = encode_png(context, frame, packet, in);
    listen_end();
    int code = 0;
    if (failed == AVERROR(ENOMEM) || (failed >= 0 && !(*data = malloc((size_t)packet->size))))
        code = err_memory(e, "a PNG");
    else if (failed < 0)
        code = err_set(e, ERR_FAIL, "cannot write a PNG of %dx%d pixels: %s", in->width, in->height, complaint.first);
    if (*data)
        memcpy(*data, packet->data, *size = (size_t)packet->size);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&context);
    return code;
}

int picture_write_png(const char *path, const struct picture *in, bool force, struct err *e)
{
    unsigned char *data;
    size_t size;
    TRY(picture_encode_png(in, &data, &size, e));
    struct file_out f = {0};
    int code = file_create(&f, path, force, e);
    if (code == 0) {
        fwrite(data, 1, size, f.stream); /* file_commit sees what fails */
        code = file_commit(&f, e);
    }
    free(data);
    return code;
}
