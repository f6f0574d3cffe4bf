/* Only libavcodec, for its decoders: libavformat alone would double the time that a process needs to start, and a
 * picture needs no container. */
#include "data/media.h"

#include "base/file.h"
#include "data/colour.h"
#include "data/media_private.h"
#include "data/resize.h"

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PICTURE_MAX_FILE = 1 << 30 };

struct picture_decoder {
    AVPacket *packet;
    AVFrame *frame;
    struct media_buffer pixels; /* the decoded picture */
    struct media_buffer line;   /* one row's components as uint16 */
    struct media_buffer other;  /* a grey copy, or a second decoding */
    struct resize resize;
    int fill; /* what a frame's bytes are before it is decoded */
    struct picture_limits limits;
    const char *name;   /* of the picture in work */
    struct err refusal; /* why FFmpeg got no memory for its frame */
};

int picture_decoder_new(struct picture_decoder **out, struct err *e)
{
    struct picture_decoder *d = calloc(1, sizeof *d);
    *out = NULL;
    if (d && (d->packet = av_packet_alloc()) && (d->frame = av_frame_alloc())) {
        picture_decoder_limit(d, &(struct picture_limits){0});
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

void picture_decoder_limit(struct picture_decoder *d, const struct picture_limits *l)
{
    d->limits.side = l->side > 0 && l->side < PICTURE_MAX_SIDE ? l->side : PICTURE_MAX_SIDE;
    d->limits.pixels = l->pixels > 0 && l->pixels < PICTURE_MAX_PIXELS ? l->pixels : PICTURE_MAX_PIXELS;
    d->limits.bytes = l->bytes > 0 && l->bytes < PICTURE_MAX_BYTES ? l->bytes : PICTURE_MAX_BYTES;
}

int picture_check_size(const struct picture_decoder *d, const char *name, int width, int height, size_t bytes,
                       struct err *e)
{
    const struct picture_limits *l = &d->limits;
    if (width < 1 || height < 1)
        return err_set(e, ERR_FORMAT, "%s has %dx%d pixels, which cannot be", name, width, height);
    if (width > l->side || height > l->side)
        return err_set(e, ERR_FORMAT, "%s has %dx%d pixels; no side may have more than %d", name, width, height,
                       l->side);
    if ((int64_t)width * height > l->pixels)
        return err_set(e, ERR_FORMAT, "%s has %dx%d pixels; a picture may have at most %lld in all", name, width,
                       height, (long long)l->pixels);
    if (bytes > l->bytes)
        return err_set(e, ERR_FORMAT,
                       "%s has %dx%d pixels, which unpack into %zu bytes; a picture may have at most %zu", name, width,
                       height, bytes, l->bytes);
    return 0;
}

int picture_canvas(struct picture_decoder *d, size_t bytes, uint8_t **pixels, struct err *e)
{
    TRY(media_buffer_need(&d->pixels, bytes, e));
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

/* A picture file in memory. */
struct file {
    const struct magic *magic;
    const unsigned char *bytes;
    size_t size;
    const char *name; /* for errors */
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

static int damaged(const struct file *f, struct err *e)
{
    return err_set(
        e, ERR_FORMAT,
        "%s is a damaged or truncated %s, or of a kind that cannot be read%s%s%s; copy it again, or convert it "
        "to png",
        f->name, f->magic->name, complaint.first[0] ? " (" : "", complaint.first, complaint.first[0] ? ")" : "");
}

/* FFmpeg asks here for a frame's memory, and knows by now how large it is. */
static int fill_frame(AVCodecContext *context, AVFrame *frame, int flags)
{
    struct picture_decoder *d = context->opaque;
    int bytes = av_image_get_buffer_size(frame->format, frame->width, frame->height, 1);
    if (bytes < 0)
        return bytes;
    if (picture_check_size(d, d->name, frame->width, frame->height, (size_t)bytes, &d->refusal) < 0)
        return AVERROR(EINVAL);
    int failed = avcodec_default_get_buffer2(context, frame, flags);
    for (int i = 0; failed >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        memset(frame->buf[i]->data, d->fill, frame->buf[i]->size);
    return failed;
}

/* One packet in, one frame out. A decoder of its own for every picture: the jpg decoder, for one, would lend a file
 * without tables those of the picture before it. */
static int decode_frame(struct picture_decoder *d, const struct file *f, struct err *e)
{
    const enum AVCodecID id = f->magic->codec;
    const AVCodec *codec = avcodec_find_decoder(id);
    if (!codec)
        return err_set(e, ERR_FORMAT, "%s cannot be read: this FFmpeg was built without its %s decoder", f->name,
                       f->magic->name);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context)
        return err_memory(e, "a picture decoder");
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_BITEXACT;
    context->opaque = d;
    context->get_buffer2 = fill_frame;
    context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (id != AV_CODEC_ID_TIFF)
        context->err_recognition |= AV_EF_EXPLODE; /* there it would stop at any tag that it does not know */
    d->name = f->name;
    d->refusal.code = 0;
    d->packet->data = (uint8_t *)f->bytes; /* FFmpeg makes its own padded copy of what is not reference-counted */
    d->packet->size = (int)f->size;
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
    if (d->refusal.code)
        return err_set(e, d->refusal.code, "%s", d->refusal.msg);
    if (failed == AVERROR(ENOMEM))
        return err_memory(e, f->name);
    /* These two also complain of metadata that nobody needs; jpg_is_whole and tiff_is_whole see what is missing. */
    bool complained = complaint.first[0] && id != AV_CODEC_ID_MJPEG && id != AV_CODEC_ID_TIFF;
    bool partial = failed >= 0 && (d->frame->decode_error_flags || d->frame->flags & AV_FRAME_FLAG_CORRUPT);
    return failed < 0 || complained || partial ? damaged(f, e) : 0;
}

static int decode_filled(struct picture_decoder *d, int fill, const struct file *f, int channels, struct picture *out,
                         struct err *e)
{
    d->fill = fill;
    int code = decode_frame(d, f, e);
    if (code == 0)
        code = media_frame_to_pixels(d->frame, f->name, channels, &d->pixels, &d->line, out, e);
    av_frame_unref(d->frame);
    return code;
}

/* The tiff decoder may leave rows out without a word. Those still have what was there before: a second decoding over
 * other bytes comes out differently. */
static int tiff_is_whole(struct picture_decoder *d, const struct file *f, struct picture *p, struct err *e)
{
    const size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    TRY(media_buffer_need(&d->other, n, e));
    memcpy(d->other.bytes, p->pixels, n);
    TRY(decode_filled(d, 255, f, p->channels, p, e));
    return memcmp(d->other.bytes, p->pixels, n) ? damaged(f, e) : 0;
}

int picture_decode(struct picture_decoder *d, const unsigned char *bytes, size_t size, const char *name, int channels,
                   struct picture *out, struct err *e)
{
    const struct file f = {.magic = find_magic(bytes, size), .bytes = bytes, .size = size, .name = name};
    if (!f.magic)
        return unknown_format(bytes, size, name, e);
    if (size > PICTURE_MAX_FILE)
        return err_set(e, ERR_FORMAT, "%s has %zu bytes; a picture may have at most %d", name, size, PICTURE_MAX_FILE);
    complaint.first[0] = 0;
    if (f.magic->codec == AV_CODEC_ID_MJPEG && !jpg_is_whole(bytes, size))
        return damaged(&f, e);
    listen_begin();
    int code = decode_filled(d, 0, &f, channels, out, e);
    if (code == 0 && f.magic->codec == AV_CODEC_ID_TIFF)
        code = tiff_is_whole(d, &f, out, e);
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
        TRY(media_buffer_need(&d->other, n, e));
        colour_rgb_to_grey(pixels, n, d->other.bytes);
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
        colour_grey_to_rgb(out, n);
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
