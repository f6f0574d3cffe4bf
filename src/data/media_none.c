/* What takes the place of the other files of this name in a build without FFmpeg: videos are refused in a sentence. */
#include "data/address.h"
#include "data/media_video.h"
#include "data/video_writer.h"

#include <limits.h>

static const char why[] = "this engram was built without FFmpeg (-Dffmpeg=enabled builds it with)";

int media_video_open(const char *path, const struct picture_limits *limits, const atomic_bool *stop,
                     struct media_video **out, struct err *e)
{
    char shown[PATH_MAX];
    (void)limits;
    (void)stop;
    *out = NULL;
    address_shown(path, shown, sizeof shown);
    return err_set(e, ERR_USAGE, "%s cannot be played, as no video can: %s; folders of frames as pictures can", shown,
                   why);
}

void media_video_close(struct media_video *v)
{
    (void)v;
}

int media_video_next(struct media_video *v, int channels, struct picture *out, double *time, struct err *e)
{
    (void)v;
    (void)channels;
    (void)out;
    (void)time;
    return err_set(e, ERR_USAGE, "there is no video: %s", why);
}

int media_video_seek(struct media_video *v, int64_t frame, double time, struct err *e)
{
    (void)v;
    (void)frame;
    (void)time;
    return err_set(e, ERR_USAGE, "there is no video: %s", why);
}

int media_video_count(const char *path, int64_t *frames, struct err *e)
{
    *frames = 0;
    return media_video_open(path, NULL, NULL, &(struct media_video *){NULL}, e);
}

int video_writer_new(const char *path, int width, int height, bool force, struct video_writer **out, struct err *e)
{
    (void)width;
    (void)height;
    (void)force;
    *out = NULL;
    return err_set(e, ERR_USAGE, "the video %s cannot be written: %s", path, why);
}

int video_writer_add(struct video_writer *w, const uint8_t *rgb, double time, struct err *e)
{
    (void)w;
    (void)rgb;
    (void)time;
    return err_set(e, ERR_USAGE, "there is no video to write to: %s", why);
}

int video_writer_close(struct video_writer *w, struct err *e)
{
    (void)w;
    return err_set(e, ERR_USAGE, "there is no video to write to: %s", why);
}

void video_writer_free(struct video_writer *w)
{
    (void)w;
}
