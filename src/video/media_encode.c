/* Encoding videos, through libavformat and libavcodec. */
#include "video/media.h"

#include "base/file.h"
#include "picture/colour.h"
#include "video/media_private.h"

#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICKS = 30000,          /* a second: 24, 25, 29.97, 30, 50, 60 frames fit; MPEG-4 has at most 65535 */
    BUFFER_BYTES = 1 << 16, /* of the container's writes */
};

struct video_writer {
    struct file_out file;
    const char *name; /* in sentences: the file's */
    AVFormatContext *container;
    AVStream *stream;
    AVCodecContext *encoder;
    AVFrame *frame;
    AVPacket *packet;
    int width, height;
    int64_t last; /* tick of the last frame; -1: none yet */
    int64_t span; /* ticks that the frames last: without it players leave out the last one */
};

static int ffmpeg_error(const char *name, const char *what, int code, struct err *e)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    if (code == AVERROR(ENOMEM))
        return err_memory(e, "a video");
    av_make_error_string(text, sizeof text, code);
    return err_set(e, ERR_FAIL, "cannot write the video %s: %s: %s", name, what, text);
}

/* ---- the container's bytes ---- */

#if LIBAVFORMAT_VERSION_MAJOR < 61
static int write_bytes(void *user, uint8_t *bytes, int n)
#else
static int write_bytes(void *user, const uint8_t *bytes, int n)
#endif
{
    struct video_writer *w = user;
    return fwrite(bytes, 1, (size_t)n, w->file.stream) == (size_t)n ? n : AVERROR(EIO);
}

static int64_t seek_bytes(void *user, int64_t at, int whence)
{
    struct video_writer *w = user;
    if (whence == AVSEEK_SIZE || fseeko(w->file.stream, at, whence & ~AVSEEK_FORCE))
        return -1;
    return ftello(w->file.stream);
}

/* Containers whose frames have times of their own, as a camera's have: not avi. */
static bool takes_times(const AVOutputFormat *format)
{
    static const char *const names[] = {"mp4", "mov", "matroska", "webm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(format->name, names[i]))
            return true;
    return false;
}

static int open_container(struct video_writer *w, const char *path, struct err *e)
{
    const AVOutputFormat *format = av_guess_format(NULL, path, NULL);
    if (!format || !takes_times(format))
        return err_set(e, ERR_USAGE, "the video %s cannot be written: name it .mp4, .mkv, .mov or .webm", path);
    int failed = avformat_alloc_output_context2(&w->container, format, NULL, NULL);
    if (failed < 0)
        return ffmpeg_error(path, "its container", failed, e);
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    if (buffer)
        w->container->pb = avio_alloc_context(buffer, BUFFER_BYTES, 1, w, NULL, write_bytes, seek_bytes);
    if (buffer && !w->container->pb)
        av_free(buffer);
    return w->container->pb ? 0 : err_memory(e, "a video");
}

/* ---- the encoder ---- */

/* The first that the container takes and this FFmpeg has. */
static const AVCodec *choose_encoder(const AVOutputFormat *format)
{
    const enum AVCodecID wishes[] = {AV_CODEC_ID_H264, AV_CODEC_ID_MPEG4, format->video_codec};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        const bool taken = avformat_query_codec(format, wishes[i], FF_COMPLIANCE_NORMAL) == 1;
        const AVCodec *codec = !taken                          ? NULL
                               : wishes[i] == AV_CODEC_ID_H264 ? avcodec_find_encoder_by_name("libx264")
                                                               : avcodec_find_encoder(wishes[i]);
        if (codec)
            return codec;
    }
    return NULL;
}

/* Encoding takes little beside scoring: one thread, and no more work than small pictures need. */
static int open_encoder(struct video_writer *w, struct err *e)
{
    const AVCodec *codec = choose_encoder(w->container->oformat);
    if (!codec)
        return err_set(e, ERR_FAIL, "cannot write the video %s: this FFmpeg has no encoder that a %s takes", w->name,
                       w->container->oformat->name);
    AVCodecContext *c = w->encoder = avcodec_alloc_context3(codec);
    if (!c)
        return err_memory(e, "a video");
    c->width = w->width;
    c->height = w->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->colorspace = AVCOL_SPC_SMPTE170M;
    c->color_range = AVCOL_RANGE_MPEG;
    c->time_base = (AVRational){1, TICKS};
    c->gop_size = 50; /* to be sought in */
    c->thread_count = 1;
    c->log_level_offset = MEDIA_SILENCE;
    c->global_quality = 4 * FF_QP2LAMBDA;
    c->flags |= codec->id == AV_CODEC_ID_MPEG4 ? AV_CODEC_FLAG_QSCALE : 0;
    if (w->container->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_opt_set(c->priv_data, "preset", "veryfast", 0); /* of libx264; the others have no such option */
    int failed = avcodec_open2(c, codec, NULL);
    return failed < 0 ? ffmpeg_error(w->name, codec->name, failed, e) : 0;
}

static int open_stream(struct video_writer *w, struct err *e)
{
    w->stream = avformat_new_stream(w->container, NULL);
    if (!w->stream)
        return err_memory(e, "a video");
    w->stream->time_base = w->encoder->time_base;
    int failed = avcodec_parameters_from_context(w->stream->codecpar, w->encoder);
    if (failed >= 0)
        failed = avformat_write_header(w->container, NULL);
    return failed < 0 ? ffmpeg_error(w->name, "its head", failed, e) : 0;
}

static int open_frame(struct video_writer *w, struct err *e)
{
    w->packet = av_packet_alloc();
    w->frame = av_frame_alloc();
    if (!w->packet || !w->frame)
        return err_memory(e, "a video");
    w->frame->format = w->encoder->pix_fmt;
    w->frame->width = w->width;
    w->frame->height = w->height;
    return av_frame_get_buffer(w->frame, 0) < 0 ? err_memory(e, "a video") : 0;
}

/* ---- frames ---- */

static int write_packets(struct video_writer *w, struct err *e)
{
    int failed;
    while ((failed = avcodec_receive_packet(w->encoder, w->packet)) >= 0) {
        w->packet->duration = w->packet->duration ? w->packet->duration : w->span;
        av_packet_rescale_ts(w->packet, w->encoder->time_base, w->stream->time_base);
        w->packet->stream_index = w->stream->index;
        failed = av_interleaved_write_frame(w->container, w->packet);
        if (failed < 0)
            break;
    }
    return failed == AVERROR(EAGAIN) || failed == AVERROR_EOF ? 0 : ffmpeg_error(w->name, "a frame", failed, e);
}

/* `frame` NULL: no more come. */
static int encode(struct video_writer *w, const AVFrame *frame, struct err *e)
{
    int failed = avcodec_send_frame(w->encoder, frame);
    return failed < 0 ? ffmpeg_error(w->name, "a frame", failed, e) : write_packets(w, e);
}

static int add_frame(struct video_writer *w, const uint8_t *rgb, double time, struct err *e)
{
    const int64_t tick = isfinite(time) && time < 1e9 ? llround(time * TICKS) : 0;
    if (av_frame_make_writable(w->frame) < 0)
        return err_memory(e, "a video");
    const ptrdiff_t stride[3] = {w->frame->linesize[0], w->frame->linesize[1], w->frame->linesize[2]};
    rgb_to_yuv(rgb, w->width, w->height, w->frame->data, stride);
    w->frame->pts = tick > w->last ? tick : w->last + 1;
    w->span = w->last < 0 ? w->span : w->frame->pts - w->last;
    w->last = w->frame->pts;
    return encode(w, w->frame, e);
}

/* ---- the file ---- */

static void free_writer(struct video_writer *w)
{
    if (!w)
        return;
    if (w->container && w->container->pb) {
        av_freep(&w->container->pb->buffer);
        avio_context_free(&w->container->pb);
    }
    avformat_free_context(w->container);
    avcodec_free_context(&w->encoder);
    av_frame_free(&w->frame);
    av_packet_free(&w->packet);
    file_abandon(&w->file);
    free(w);
}

static int start(struct video_writer *w, const char *path, bool force, struct err *e)
{
    TRY(open_container(w, path, e));
    TRY(file_create(&w->file, path, force, e));
    w->name = w->file.path;
    TRY(open_encoder(w, e));
    TRY(open_frame(w, e));
    return open_stream(w, e);
}

static int new_writer(const char *path, int width, int height, bool force, struct video_writer **out, struct err *e)
{
    if (width < 2 || height < 2 || width % 2 || height % 2 || width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE)
        return err_set(e, ERR_USAGE, "a video of %dx%d pixels cannot be written: its sides are even", width, height);
    struct video_writer *w = calloc(1, sizeof *w);
    if (!w)
        return err_memory(e, "a video");
    *w = (struct video_writer){.name = path, .width = width, .height = height, .last = -1, .span = TICKS / 25};
    int code = start(w, path, force, e);
    if (code < 0)
        free_writer(w);
    else
        *out = w;
    return code;
}

static int close_writer(struct video_writer *w, struct err *e)
{
    int code = encode(w, NULL, e);
    int failed = code < 0 ? 0 : av_write_trailer(w->container);
    if (failed < 0)
        code = ffmpeg_error(w->name, "its end", failed, e);
    if (code >= 0) {
        avio_flush(w->container->pb);
        code = file_commit(&w->file, e);
    }
    free_writer(w);
    return code;
}

const struct media_writer media_writer = {
    .make = new_writer,
    .add = add_frame,
    .close = close_writer,
    .free = free_writer,
};
