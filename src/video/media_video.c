#include "video/media.h"

#include "video/address.h"
#include "video/media_live.h"
#include "video/media_private.h"

#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct media_video {
    char *path; /* as it is shown: of a live stream without its password */
    bool live;
    struct picture_limits limits;
    const atomic_bool *stop;
    AVFormatContext *container;
    AVStream *stream;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame, *converted;
    struct SwsContext *scaler; /* to kinds of pixels that are read; NULL: none was needed yet */
    struct canvas pixels, line, turned;
    int orientation;   /* EXIF's, as the container says */
    int width, height; /* of the first frame; 0: none yet */
    int64_t first;     /* its time in the stream's unit */
    int64_t frames;    /* so far, */
    double last;       /* and the time of the last one in seconds */
    bool drained;      /* the container has no more packets */
    double skip_to;    /* after a seek: frames before that time are dropped; negative: none */
    int64_t taken;     /* where in the file the last packet ended; negative: the container does not say */
};

/* ---- opening ---- */

static int explain(const struct media_video *v, int code, const char *what, struct err *e)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    if (code == AVERROR(ENOMEM))
        return err_memory(e, "a video");
    if (code == AVERROR_EXIT)
        return err_set(e, ERR_STOPPED, "reading %s was stopped", v->path);
    av_make_error_string(text, sizeof text, code);
    bool there = code == AVERROR_INVALIDDATA || code == AVERROR_EOF;
    return err_set(e, there ? ERR_FORMAT : ERR_IO, "%s %s: %s", v->path, what, text);
}

static int interrupted(void *user)
{
    const struct media_video *v = user;
    return v->stop && atomic_load(v->stop);
}

static int open_container(struct media_video *v, const char *path, struct err *e)
{
    v->container = avformat_alloc_context();
    if (!v->container)
        return err_memory(e, "a video");
    v->container->interrupt_callback = (AVIOInterruptCB){interrupted, v};
    struct live_input in = {.url = strcmp(path, "-") ? path : "pipe:0"};
    if (v->live)
        TRY(live_input_choose(path, &in, e));
    int failed = avformat_open_input(&v->container, in.url, in.format, &in.options);
    av_dict_free(&in.options);
    if (failed < 0)
        return explain(v, failed,
                       v->live ? "cannot be opened; is the camera there, and its address right?"
                               : "cannot be opened as a video; is it one, and whole?",
                       e);
    failed = avformat_find_stream_info(v->container, NULL);
    if (failed < 0)
        return explain(v, failed, "cannot be read as a video", e);
    int index = av_find_best_stream(v->container, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (index < 0)
        return err_set(e, ERR_FORMAT, "%s has no video in it, though %u other stream%s (sound, text?)", v->path,
                       v->container->nb_streams, v->container->nb_streams == 1 ? "" : "s");
    v->stream = v->container->streams[index];
    for (unsigned i = 0; i < v->container->nb_streams; i++)
        v->container->streams[i]->discard = (int)i == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    return 0;
}

static int check_size(const struct media_video *v, int width, int height, struct err *e)
{
    const struct picture_limits *l = &v->limits;
    const int side = l->side > 0 ? l->side : PICTURE_MAX_SIDE;
    const int64_t pixels = l->pixels > 0 ? l->pixels : PICTURE_MAX_PIXELS;
    if (width <= side && height <= side && (int64_t)width * height <= pixels)
        return 0;
    return err_set(e, ERR_FORMAT, "%s has frames of %dx%d pixels; allowed are sides of %d and %lld in all", v->path,
                   width, height, side, (long long)pixels);
}

static int open_decoder(struct media_video *v, struct err *e)
{
    const AVCodecParameters *p = v->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);
    if (!codec)
        return err_set(e, ERR_FORMAT, "%s cannot be read: this FFmpeg has no decoder for %s", v->path,
                       avcodec_get_name(p->codec_id));
    TRY(check_size(v, p->width, p->height, e));
    v->decoder = avcodec_alloc_context3(codec);
    int failed = v->decoder ? avcodec_parameters_to_context(v->decoder, p) : AVERROR(ENOMEM);
    if (failed >= 0) {
        v->decoder->thread_count = 1;
        v->decoder->pkt_timebase = v->stream->time_base;
        v->decoder->log_level_offset = MEDIA_SILENCE;
        failed = avcodec_open2(v->decoder, codec, NULL);
    }
    return failed < 0 ? explain(v, failed, "cannot be decoded", e) : 0;
}

/* A camera that was held sideways says so: EXIF's numbers for quarter turns clockwise. */
static int orientation_of(AVStream *stream)
{
    static const int quarters[] = {1, 6, 3, 8};
#if LIBAVCODEC_VERSION_MAJOR < 61
    const int32_t *matrix = (const int32_t *)(void *)av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
#else
    const AVPacketSideData *side = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    const int32_t *matrix = side ? (const int32_t *)(void *)side->data : NULL;
#endif
    const double turned = matrix ? -av_display_rotation_get(matrix) : 0; /* clockwise */
    return isfinite(turned) ? quarters[((int)lround(turned / 90) % 4 + 4) % 4] : 1;
}

static int open_all(struct media_video *v, const char *path, struct err *e)
{
    if (av_log_get_level() == AV_LOG_INFO)
        av_log_set_level(AV_LOG_QUIET);
    v->packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    v->converted = av_frame_alloc();
    if (!v->path || !v->packet || !v->frame || !v->converted)
        return err_memory(e, "a video");
    TRY(open_container(v, path, e));
    TRY(open_decoder(v, e));
    v->orientation = orientation_of(v->stream);
    return 0;
}

static void close_video(struct media_video *v)
{
    if (!v)
        return;
    sws_freeContext(v->scaler);
    av_packet_free(&v->packet);
    av_frame_free(&v->frame);
    av_frame_free(&v->converted);
    avcodec_free_context(&v->decoder);
    avformat_close_input(&v->container);
    free(v->pixels.bytes);
    free(v->line.bytes);
    free(v->turned.bytes);
    free(v->path);
    free(v);
}

static int open_video(const char *path, const struct picture_limits *limits, const atomic_bool *stop,
                      struct media_video **out, struct err *e)
{
    struct media_video *v = calloc(1, sizeof *v);
    char shown[PATH_MAX];
    *out = NULL;
    if (!v)
        return err_memory(e, "a video");
    address_shown(path, shown, sizeof shown);
    const bool live = address_is(path);
    *v = (struct media_video){.path = strdup(live                ? shown
                                             : strcmp(path, "-") ? path
                                                                 : "standard input"),
                              .live = live,
                              .limits = *limits,
                              .stop = stop};
    v->skip_to = -1;
    int code = open_all(v, path, e);
    if (code < 0)
        close_video(v);
    else
        *out = v;
    return code;
}

/* ---- decoding ---- */

static int damaged(const struct media_video *v, struct err *e)
{
    if (!v->frames)
        return err_set(e, ERR_FORMAT, "%s is damaged or cut short: not one frame of it can be decoded; copy it again",
                       v->path);
    return err_set(e, ERR_FORMAT,
                   "%s is damaged or cut short behind frame %lld (%.3g s); copy it again, or cut the rest off", v->path,
                   (long long)v->frames - 1, v->last);
}

/* The next packet of the stream, to the decoder; at the end of the file the decoder is told. */
static int send_packet(struct media_video *v, struct err *e)
{
    int failed;
    do {
        av_packet_unref(v->packet);
        failed = av_read_frame(v->container, v->packet);
    } while (failed >= 0 && v->packet->stream_index != v->stream->index);
    if (failed == AVERROR_EXIT)
        return explain(v, failed, "", e);
    if (failed == AVERROR_EOF) {
        v->drained = true;
        avcodec_send_packet(v->decoder, NULL);
        return 0;
    }
    if (failed < 0 && v->live)
        return explain(v, failed, "sends no more", e);
    if (failed < 0 || (v->packet->flags & AV_PKT_FLAG_CORRUPT && !v->live))
        return damaged(v, e);
    v->taken = v->packet->pos < 0 ? -1 : v->packet->pos + v->packet->size;
    failed = avcodec_send_packet(v->decoder, v->packet);
    return failed < 0 && failed != AVERROR(EAGAIN) && !v->live ? damaged(v, e) : 0;
}

/* Seconds that the container says the video lasts; 0: it does not say. Sound beside it may last longer. */
static double announced_seconds(const struct media_video *v)
{
    if (v->stream->duration > 0)
        return (double)v->stream->duration * av_q2d(v->stream->time_base);
    return v->container->nb_streams == 1 && v->container->duration > 0 ? (double)v->container->duration / AV_TIME_BASE
                                                                       : 0;
}

/* Frames of a yuv4mpeg follow each other and nobody counts them: what the last whole one leaves over is a part of one
 * more. FFmpeg takes it for the end. */
static bool ends_within_a_frame(const struct media_video *v)
{
    return !strcmp(v->container->iformat->name, "yuv4mpegpipe") && v->taken >= 0 &&
           avio_tell(v->container->pb) > v->taken;
}

/* A file that lost its tail has fewer frames than it says. Some count a few that are never shown. */
static int check_end(const struct media_video *v, struct err *e)
{
    const int64_t announced = v->stream->nb_frames;
    const double seconds = announced_seconds(v);
    if (v->skip_to >= 0)
        return 0;
    if (ends_within_a_frame(v))
        return damaged(v, e);
    if (announced > 0 && v->frames < announced - 1 - announced / 50)
        return err_set(e, ERR_FORMAT,
                       "%s ends after %lld frames where it announces %lld: it was cut short; copy it again", v->path,
                       (long long)v->frames, (long long)announced);
    if (announced <= 0 && v->last < seconds - 1 - seconds / 50)
        return err_set(e, ERR_FORMAT, "%s ends after %.3g s where it announces %.3g: it was cut short; copy it again",
                       v->path, v->last, seconds);
    return 0;
}

/* 1: v->frame is the next one; 0: there is none. */
static int decode(struct media_video *v, struct err *e)
{
    for (;;) {
        int got = avcodec_receive_frame(v->decoder, v->frame);
        if (got == AVERROR_EOF)
            return check_end(v, e);
        if (got == AVERROR(EAGAIN)) {
            if (v->drained)
                return check_end(v, e);
            TRY(send_packet(v, e));
            continue;
        }
        if (got >= 0 && !v->frame->decode_error_flags && !(v->frame->flags & AV_FRAME_FLAG_CORRUPT))
            return 1;
        if (!v->live) /* there, what was lost on the way is missed and no more */
            return damaged(v, e);
    }
}

static double time_of(struct media_video *v)
{
    const int64_t at = v->frame->best_effort_timestamp;
    if (!v->frames)
        v->first = at;
    if (at != AV_NOPTS_VALUE && v->first != AV_NOPTS_VALUE)
        return (double)(at - v->first) * av_q2d(v->stream->time_base);
    const AVRational rate = av_guess_frame_rate(v->container, v->stream, NULL);
    return rate.num > 0 && rate.den > 0 ? (double)v->frames / av_q2d(rate) : (double)v->frames / 25;
}

static int check_frame(struct media_video *v, struct err *e)
{
    const AVFrame *f = v->frame;
    if (!v->width) {
        TRY(check_size(v, f->width, f->height, e));
        v->width = f->width;
        v->height = f->height;
    }
    if (f->width == v->width && f->height == v->height)
        return 0;
    return err_set(e, ERR_FORMAT,
                   "%s changes from %dx%d to %dx%d pixels at frame %lld: what is normal at a place is so of one size "
                   "alone; cut it there",
                   v->path, v->width, v->height, f->width, f->height, (long long)v->frames);
}

/* ---- pixels ---- */

/* Kinds that media_frame_to_pixels does not read: more than 8 bits of YUV, or its planes otherwise. */
static bool needs_scaler(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    if (!d || d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL) || d->nb_components < 3)
        return false;
    return d->comp[0].depth != 8 || !(d->flags & AV_PIX_FMT_FLAG_PLANAR) || d->comp[2].plane != 2;
}

static int convert(struct media_video *v, int channels, struct err *e)
{
    const AVFrame *f = v->frame;
    const enum AVPixelFormat to = channels == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
    v->scaler = sws_getCachedContext(v->scaler, f->width, f->height, f->format, f->width, f->height, to,
                                     SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    av_frame_unref(v->converted);
    v->converted->format = to;
    v->converted->width = f->width;
    v->converted->height = f->height;
    if (!v->scaler)
        return err_set(e, ERR_FORMAT, "%s has pixels of the kind %s, which cannot be read", v->path,
                       av_get_pix_fmt_name(f->format));
    if (av_frame_get_buffer(v->converted, 0) < 0)
        return err_memory(e, "a frame");
    sws_scale(v->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height, v->converted->data,
              v->converted->linesize);
    return 0;
}

static int to_pixels(struct media_video *v, int channels, struct picture *out, struct err *e)
{
    const AVFrame *from = v->frame;
    if (needs_scaler(v->frame)) {
        TRY(convert(v, channels, e));
        from = v->converted;
    }
    TRY(media_frame_to_pixels(from, v->path, channels, &v->pixels, &v->line, out, e));
    return canvas_turn(v->orientation, &v->pixels, &v->turned, out, e);
}

/* ---- frames ---- */

static int next_frame(struct media_video *v, int channels, struct picture *out, double *time, struct err *e)
{
    int got;
    while ((got = decode(v, e)) > 0) {
        TRY(check_frame(v, e));
        *time = v->last = time_of(v);
        v->frames++;
        if (v->skip_to >= 0 && *time < v->skip_to)
            continue;
        TRY(to_pixels(v, channels, out, e));
        return 1;
    }
    return got;
}

static int drop(struct media_video *v, int64_t frames, struct err *e)
{
    for (; frames > 0; frames--) {
        int got = decode(v, e);
        TRY(got);
        if (!got)
            break;
        time_of(v);
        v->frames++;
    }
    return 0;
}

static int seek_frame(struct media_video *v, int64_t frame, double time, struct err *e)
{
    if (time < 0 || v->frame->best_effort_timestamp == AV_NOPTS_VALUE) {
        if (frame < v->frames)
            return err_set(e, ERR_IO, "%s cannot be played back to frame %lld", v->path, (long long)frame);
        return drop(v, frame - v->frames, e);
    }
    if (!v->frames)
        TRY(drop(v, 1, e)); /* what times count from */
    const double unit = av_q2d(v->stream->time_base);
    const int64_t target = v->first + llround(time / unit);
    int failed = av_seek_frame(v->container, v->stream->index, target, AVSEEK_FLAG_BACKWARD);
    if (failed < 0)
        return explain(v, failed, "cannot be played from the middle", e);
    avcodec_flush_buffers(v->decoder);
    v->drained = false;
    v->frames = frame + 1; /* more than none: times keep their zero */
    v->skip_to = time - unit / 2;
    return 0;
}

static int count_frames(const char *path, int64_t *frames, struct err *e)
{
    struct media_video v = {.path = (char *)(uintptr_t)path, .packet = av_packet_alloc()};
    if (av_log_get_level() == AV_LOG_INFO)
        av_log_set_level(AV_LOG_QUIET);
    int code = v.packet ? open_container(&v, path, e) : err_memory(e, "a video");
    *frames = 0;
    while (code == 0 && av_read_frame(v.container, v.packet) >= 0) {
        *frames += v.packet->stream_index == v.stream->index;
        av_packet_unref(v.packet);
    }
    av_packet_free(&v.packet);
    avformat_close_input(&v.container);
    return code;
}

const struct media_player media_player = {
    .open = open_video,
    .close = close_video,
    .next = next_frame,
    .seek = seek_frame,
    .count = count_frames,
};
