/* What is read and written through FFmpeg, as a library of its own, libengram-video, hands it over: its libraries are
 * many, take 30 ms to load, and are not under everybody's licence. It is loaded when the first video is asked for
 * (video_library.c), never unloaded, and has copies of the few files of the lower floors that it needs. */
#ifndef VIDEO_MEDIA_H
#define VIDEO_MEDIA_H

#include "video/media_video.h"
#include "video/video_writer.h"

/* As media_video_... does. */
struct media_player {
    int (*open)(const char *path, const struct picture_limits *limits, const atomic_bool *stop,
                struct media_video **out, struct err *e);
    void (*close)(struct media_video *v);
    int (*next)(struct media_video *v, int channels, struct picture *out, double *time, struct err *e);
    int (*seek)(struct media_video *v, int64_t frame, double time, struct err *e);
    int (*count)(const char *path, int64_t *frames, struct err *e);
};

/* As video_writer_... does. */
struct media_writer {
    int (*make)(const char *path, int width, int height, bool force, struct video_writer **out, struct err *e);
    int (*add)(struct video_writer *w, const uint8_t *rgb, double time, struct err *e);
    int (*close)(struct video_writer *w, struct err *e);
    void (*free)(struct video_writer *w);
};

struct media {
    const char *version; /* engram's, which has to be the same on both sides */
    const struct media_player *player;
    const struct media_writer *writer;
};

extern const struct media_player media_player;
extern const struct media_writer media_writer;

#define MEDIA_LIBRARY "libengram-video.so.1"
#define MEDIA_SYMBOL  "engram_video"

#endif
