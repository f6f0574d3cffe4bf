#include "data/media_frame.h"

int media_frame_next(struct media_video *v, const struct frame_wish *wish, struct frame *out, struct err *e)
{
    const int got = media_video_next(v, wish->whole ? 0 : wish->fitted.channels, &out->picture, &out->time, e);
    out->whole = out->picture;
    out->own = (struct picture_size){out->picture.width, out->picture.height};
    return got;
}
