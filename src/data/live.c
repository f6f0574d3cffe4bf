/* Source `live`: an address, whose frames are played as they come and have no end. */
#include "data/kind.h"
#include "data/media_frame.h"
#include "video/address.h"

#include <limits.h>
#include <string.h>

static const struct option options[] = {{0}};

static int live_open(struct part *p, struct err *e)
{
    char shown[PATH_MAX];
    address_shown(p->path, shown, sizeof shown);
    if (p->use == DATASET_LEARN)
        return err_set(e, ERR_USAGE,
                       "%s is a live stream: it can be scored, but not be learnt from or measured with; record a part "
                       "of it as a video",
                       shown);
    const char *name = strstr(shown, "://") ? strstr(shown, "://") + 3 : strchr(shown, ':') + 1;
    struct sample s = {.name = name + strspn(name, "/"), .path = shown, .kind = "", .label = -1, .anomalous = -1};
    return part_add(p, SPLIT_TEST, &s, e);
}

static int play(const struct part *p, const struct sample *s, const atomic_bool *halt, void **player, struct err *e)
{
    struct media_video *video = NULL;
    (void)s; /* which does not know the password */
    int code = media_video_open(p->path, part_limits(p), halt, &video, e);
    *player = video;
    return code;
}

static int next(void *player, const struct frame_wish *wish, struct frame *out, struct err *e)
{
    return media_frame_next(player, wish, out, e);
}

static void stop(void *player)
{
    media_video_close(player);
}

const struct source source_live = {
    .name = "live",
    .help = "a live stream to score: rtsp://HOST/PATH (and rtmp, http, udp, rtp, srt, tcp), v4l2:/dev/video0",
    .options = options,
    .kind = &kind_clips,
    .live = true,
    .open = live_open,
    .play = play,
    .next = next,
    .stop = stop,
};
