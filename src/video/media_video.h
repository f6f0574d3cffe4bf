/* Frames of a video file that FFmpeg reads (mp4, avi, mkv, yuv4mpeg...), or of a pipe or an address, one after the
 * other, upright as the file says, to 8-bit pixels as pictures have them (picture/picture.h). One thread's.
 * Where libengram-video is not installed (video/media.h), all are refused.
 *
 * libavformat says what it thinks on standard error and can be kept from it by the process's level alone: opening a
 * video sets that to quiet, unless the host has chosen another than FFmpeg's default. */
#ifndef VIDEO_MEDIA_VIDEO_H
#define VIDEO_MEDIA_VIDEO_H

#include "picture/picture.h"

#include <stdatomic.h>

struct media_video;

/* Opens the first video stream; `path` "-" is standard input. `stop` (may be NULL) ends waiting for what does not come.
 * ERR_IO: cannot be opened; ERR_FORMAT: no video, none in it, or of a sort that is not read. */
int media_video_open(const char *path, const struct picture_limits *limits, const atomic_bool *stop,
                     struct media_video **out, struct err *e);
void media_video_close(struct media_video *v); /* NULL is fine */

/* The next frame, `channels` as in picture_decode; its pixels are valid until the call after, `time` is in seconds from
 * the first one. 1, or 0 at the end. ERR_FORMAT: damaged here, cut short, or of another size than the frames before. */
int media_video_next(struct media_video *v, int channels, struct picture *out, double *time, struct err *e);
/* Goes to a frame, counted from 0, whose time is known from a first reading (negative: it is not, and everything is
 * decoded up to there). */
int media_video_seek(struct media_video *v, int64_t frame, double time, struct err *e);

/* Frames without decoding them: the packets that are there. */
int media_video_count(const char *path, int64_t *frames, struct err *e);

#endif
