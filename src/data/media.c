/* Only libavcodec, for its decoders: libavformat alone would double the time that a process needs to start, and a
 * picture needs no container. */
#include "data/media.h"

#include "base/file.h"
#include "data/colour.h"
#include "data/media_head.h"
#include "data/media_private.h"
#include "data/resize.h"

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    PICTURE_MAX_FILE = 1 << 30,
    FREE_BYTES = 64 << 20, /* any file may unpack into so many: a plain picture of 4000x4000 in some tens of bytes */
    FILL = 0x5a,           /* what a frame's bytes are before it is decoded */
};

struct file;

struct picture_decoder {
    AVPacket *packet;
    AVFrame *frame, *again;
    struct media_buffer pixels; /* the decoded picture */
    struct media_buffer line;   /* one row's components as uint16 */
    struct media_buffer other;  /* a grey copy, or what is to be turned */
    struct resize resize;
    struct picture_limits limits;
    const struct file *file; /* while it is decoded */
    uint8_t fill;
    struct err refusal; /* why FFmpeg got no memory for a frame */
};

int picture_decoder_new(struct picture_decoder **out, struct err *e)
{
    struct picture_decoder *d = calloc(1, sizeof *d);
    *out = NULL;
    if (d && (d->packet = av_packet_alloc()) && (d->frame = av_frame_alloc()) && (d->again = av_frame_alloc())) {
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
    av_frame_free(&d->again);
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

size_t picture_bytes(const struct picture_format *format)
{
    return (size_t)format->width * (size_t)format->height * (size_t)format->channels;
}

/* ---- which format ---- */

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

/* ---- decoding ---- */

/* A picture file in memory. */
struct file {
    const struct media_kind *kind;
    const unsigned char *bytes;
    size_t size;
    const char *name; /* for errors */
    struct media_head head;
};

static int damaged(const struct file *f, struct err *e)
{
    return err_set(e, ERR_FORMAT,
                   "%s is a damaged or truncated %s, or of a sort that cannot be read; copy it again, or convert it to "
                   "png",
                   f->name, f->kind->name);
}

/* Memory is spent on what a file of that size can hold. */
static int check_frame(const struct picture_decoder *d, int width, int height, size_t bytes, struct err *e)
{
    const struct file *f = d->file;
    TRY(picture_check_size(d, f->name, width, height, bytes, e));
    if (bytes > FREE_BYTES && (bytes - FREE_BYTES) / f->kind->packing > f->size)
        return err_set(e, ERR_FORMAT,
                       "%s has %zu bytes and claims %dx%d pixels, which would unpack into %zu: no honest %s is packed "
                       "that far; remove it, or convert it to one that is larger",
                       f->name, f->size, width, height, bytes, f->kind->name);
    return 0;
}

/* FFmpeg asks here for a frame's memory, and knows by now how large it is. */
static int fill_frame(AVCodecContext *context, AVFrame *frame, int flags)
{
    struct picture_decoder *d = context->opaque;
    int bytes = av_image_get_buffer_size(frame->format, frame->width, frame->height, 1);
    if (bytes < 0)
        return bytes;
    if (check_frame(d, frame->width, frame->height, (size_t)bytes, &d->refusal) < 0)
        return AVERROR(EINVAL);
    int failed = avcodec_default_get_buffer2(context, frame, flags);
    for (int i = 0; failed >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        memset(frame->buf[i]->data, d->fill, frame->buf[i]->size);
    return failed;
}

static int open_codec(AVCodecContext *context, const AVCodec *codec, struct picture_decoder *d)
{
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_BITEXACT;
    context->log_level_offset = MEDIA_SILENCE;
    context->opaque = d;
    context->get_buffer2 = fill_frame;
    context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (codec->id != AV_CODEC_ID_TIFF)
        context->err_recognition |= AV_EF_EXPLODE; /* there it would stop at any tag that it does not know */
    return avcodec_open2(context, codec, NULL);
}

/* One packet in, one frame out. A decoder of its own for every picture: the jpg decoder, for one, would lend a file
 * without tables those of the picture before it. `fill`: what the frame's bytes are before. */
static int decode_frame(struct picture_decoder *d, uint8_t fill, AVFrame *frame, struct err *e)
{
    const struct file *f = d->file;
    const AVCodec *codec = avcodec_find_decoder(f->kind->codec);
    if (!codec)
        return err_set(e, ERR_FORMAT, "%s cannot be read: this FFmpeg was built without its %s decoder", f->name,
                       f->kind->name);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context)
        return err_memory(e, "a picture decoder");
    d->fill = fill;
    d->refusal.code = 0;
    d->packet->data = (uint8_t *)f->bytes; /* FFmpeg makes its own padded copy of what is not reference-counted */
    d->packet->size = (int)f->size;
    int failed = open_codec(context, codec, d);
    if (failed >= 0)
        failed = avcodec_send_packet(context, d->packet);
    if (failed >= 0)
        failed = avcodec_send_packet(context, NULL);
    if (failed >= 0)
        failed = avcodec_receive_frame(context, frame);
    d->packet->data = NULL;
    d->packet->size = 0;
    avcodec_free_context(&context);
    if (d->refusal.code)
        return err_set(e, d->refusal.code, "%s", d->refusal.msg);
    if (failed == AVERROR(ENOMEM))
        return err_memory(e, f->name);
    return failed < 0 || frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT ? damaged(f, e) : 0;
}

/* ---- rows left out ---- */

/* Whether every row of the file is sure to have been written. The tiff decoder leaves some out without a word, the png
 * decoder those at the end; where it writes its rows as they are, whole and one after the other, the last one tells. */
static bool is_complete(const struct file *f, const AVFrame *frame)
{
    if (f->kind->codec == AV_CODEC_ID_TIFF)
        return false;
    if (f->kind->codec != AV_CODEC_ID_PNG)
        return true;
    const int depth = f->bytes[24], colours = f->bytes[25], interlaced = f->bytes[28];
    const bool alpha = av_pix_fmt_desc_get(frame->format)->flags & AV_PIX_FMT_FLAG_ALPHA;
    if (depth < 8 || interlaced || ((colours == 0 || colours == 2) && alpha)) /* alpha made from one colour */
        return false;
    const uint8_t *row = frame->data[0] + (ptrdiff_t)(frame->height - 1) * frame->linesize[0];
    for (int i = av_image_get_linesize(frame->format, frame->width, 0); i-- > 0;)
        if (row[i] != FILL)
            return true;
    return false;
}

static bool frames_equal(const AVFrame *a, const AVFrame *b)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(a->format);
    if (a->format != b->format || a->width != b->width || a->height != b->height)
        return false;
    for (int plane = 0; plane < av_pix_fmt_count_planes(a->format); plane++) {
        const int height = plane == 1 || plane == 2 ? AV_CEIL_RSHIFT(a->height, format->log2_chroma_h) : a->height;
        const int row = av_image_get_linesize(a->format, a->width, plane);
        for (int y = 0; y < height && row > 0; y++)
            if (memcmp(a->data[plane] + (ptrdiff_t)y * a->linesize[plane],
                       b->data[plane] + (ptrdiff_t)y * b->linesize[plane], (size_t)row))
                return false;
    }
    return true;
}

/* Bytes that were not written still have what was there before: a second decoding over others comes out differently. */
static int decode_whole(struct picture_decoder *d, struct err *e)
{
    TRY(decode_frame(d, FILL, d->frame, e));
    if (is_complete(d->file, d->frame))
        return 0;
    int code = decode_frame(d, FILL ^ 255, d->again, e);
    if (code == 0 && !frames_equal(d->frame, d->again))
        code = damaged(d->file, e);
    av_frame_unref(d->again);
    return code;
}

static int decode_upright(struct picture_decoder *d, int channels, struct picture *out, struct err *e)
{
    const struct file *f = d->file;
    const int width = f->head.width, height = f->head.height;
    TRY(picture_check_size(d, f->name, width, height, 0, e));
    if (((int64_t)width + 128) * ((int64_t)height + 128) * 8 >= INT_MAX) /* av_image_check_size, which tells stderr */
        return err_set(e, ERR_FORMAT, "%s has %dx%d pixels, more than FFmpeg decodes; make it smaller", f->name, width,
                       height);
    TRY(decode_whole(d, e));
    TRY(media_frame_to_pixels(d->frame, f->name, channels, &d->pixels, &d->line, out, e));
    return media_turn_upright(f->head.orientation, &d->pixels, &d->other, out, e);
}

int picture_decode(struct picture_decoder *d, const unsigned char *bytes, size_t size, const char *name, int channels,
                   struct picture *out, struct err *e)
{
    struct file f = {.kind = media_kind_find(bytes, size), .bytes = bytes, .size = size, .name = name};
    if (!f.kind)
        return unknown_format(bytes, size, name, e);
    if (size > PICTURE_MAX_FILE)
        return err_set(e, ERR_FORMAT, "%s has %zu bytes; a picture may have at most %d", name, size, PICTURE_MAX_FILE);
    f.head.orientation = 1;
    if (!f.kind->read(bytes, size, &f.head))
        return damaged(&f, e);
    d->file = &f;
    int code = decode_upright(d, channels, out, e);
    av_frame_unref(d->frame);
    d->file = NULL;
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
    context->log_level_offset = MEDIA_SILENCE;
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
    if (context && frame && packet)
        failed = encode_png(context, frame, packet, in);
    int code = 0;
    if (failed == AVERROR(ENOMEM) || (failed >= 0 && !(*data = malloc((size_t)packet->size))))
        code = err_memory(e, "a PNG");
    else if (failed < 0)
        code =
            err_set(e, ERR_FAIL, "cannot write a PNG of %dx%d pixels: %s", in->width, in->height, av_err2str(failed));
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
