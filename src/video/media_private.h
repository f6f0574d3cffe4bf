/* What the files share that know FFmpeg. */
#ifndef VIDEO_MEDIA_PRIVATE_H
#define VIDEO_MEDIA_PRIVATE_H

#include "picture/canvas.h"

#include <libavcodec/avcodec.h>

/* A context's log_level_offset: its messages are of no level that FFmpeg's own callback prints or that a host's looks
 * at. The callback and level of the process belong to the host. */
enum { MEDIA_SILENCE = 128 };

/* Brings a frame to 1 or 3 channels (0: as it has) in `pixels`, with alpha laid on black; `line` is for work in
 * between. ERR_FORMAT for kinds of pixels that no video should have. */
int media_frame_to_pixels(const AVFrame *f, const char *name, int channels, struct canvas *pixels, struct canvas *line,
                          struct picture *out, struct err *e);

#endif
