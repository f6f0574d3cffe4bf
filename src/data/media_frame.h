/* Frames of videos that FFmpeg decodes, as sources hand them over. Used inside data/ only. */
#ifndef DATA_MEDIA_FRAME_H
#define DATA_MEDIA_FRAME_H

#include "data/source.h"
#include "video/media_video.h"

/* The next, as source.next: they are decoded at their own size, so what is wished for is one picture. */
int media_frame_next(struct media_video *v, const struct frame_wish *wish, struct frame *out, struct err *e);

#endif
