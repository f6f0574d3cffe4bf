/* What media_video.c has to know of a live stream. */
#ifndef VIDEO_MEDIA_LIVE_H
#define VIDEO_MEDIA_LIVE_H

#include "base/err.h"

#include <libavformat/avformat.h>

#define LIVE_TIMEOUT "5000000" /* microseconds without a byte, after which a connection is lost */

struct live_input {
    const char *url;             /* within the address */
    const AVInputFormat *format; /* NULL: FFmpeg sees it by itself */
    AVDictionary *options;       /* the caller's */
};

int live_input_choose(const char *address, struct live_input *in, struct err *e);

#endif
