/* What the files share that know FFmpeg. */
#ifndef DATA_MEDIA_PRIVATE_H
#define DATA_MEDIA_PRIVATE_H

#include "data/media.h"

#include <libavcodec/avcodec.h>

/* A context's log_level_offset: its messages are of no level that FFmpeg's own callback prints or that a host's looks
 * at. The callback and level of the process belong to the host. */
enum { MEDIA_SILENCE = 128 };

struct media_buffer {
    uint8_t *bytes;
    size_t size;
};

/* Makes room for `size` bytes; what was in it is lost. */
int media_buffer_need(struct media_buffer *b, size_t size, struct err *e);

/* Brings a frame to 1 or 3 channels (0: as it has) in `pixels`, with alpha laid on black; `line` is for work in
 * between. ERR_FORMAT for kinds of pixels that no picture file should have. */
int media_frame_to_pixels(const AVFrame *f, const char *name, int channels, struct media_buffer *pixels,
                          struct media_buffer *line, struct picture *out, struct err *e);

/* Turns a picture that lies in `pixels` as EXIF's orientation says; the buffers change places. */
int media_turn_upright(int orientation, struct media_buffer *pixels, struct media_buffer *other, struct picture *p,
                       struct err *e);

#endif
