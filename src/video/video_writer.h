/* Videos as files: 8-bit pictures of one size become what players and browsers show. */
#ifndef VIDEO_VIDEO_WRITER_H
#define VIDEO_VIDEO_WRITER_H

#include "picture/picture.h"

struct video_writer;

/* The container is what the name's ending says (mp4, mkv, mov, webm...: one whose frames have times of their own), the
 * picture H.264 where this FFmpeg can encode it, else MPEG-4, else what the container usually has. The file appears
 * when it is closed, whole or not at all; an existing one is refused unless `force`. ERR_USAGE: no such container;
 * ERR_FAIL: no encoder for it. */
int video_writer_new(const char *path, int width, int height, bool force, struct video_writer **out, struct err *e);
/* The next frame: RGB of that size, shown at `time`, in seconds from the first one's. Times that do not grow are taken
 * as the next possible one. */
int video_writer_add(struct video_writer *w, const uint8_t *rgb, double time, struct err *e);
/* Ends the file; w is freed whatever comes of it. */
int video_writer_close(struct video_writer *w, struct err *e);
/* Gives up: nothing is left behind. NULL is fine. */
void video_writer_free(struct video_writer *w);

#endif
