/* The door to libengram-video: videos are played and written through what is found behind it. */
#include "video/address.h"
#include "video/media.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

static const struct media *media;
static const char *missing;

/* Found where the linker looks: in the folder of libengram, where that was linked with a path to it, or a usual one. */
static void load(void)
{
    void *library = dlopen(MEDIA_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    const struct media *found = library ? dlsym(library, MEDIA_SYMBOL) : NULL;
    if (!found)
        missing = "is not installed here: it comes with a build of engram that has FFmpeg";
    else if (strcmp(found->version, BASE_VERSION))
        missing = "is of another version of engram: install both anew";
    else
        media = found;
}

static bool loaded(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return media;
}

static int refuse(const char *path, const char *what, struct err *e)
{
    char shown[PATH_MAX];
    address_shown(path, shown, sizeof shown);
    return err_set(e, ERR_USAGE, "%s cannot be %s, as no video can: " MEDIA_LIBRARY " %s (folders of frames can)",
                   shown, what, missing);
}

int media_video_open(const char *path, const struct picture_limits *limits, const atomic_bool *stop,
                     struct media_video **out, struct err *e)
{
    *out = NULL;
    return loaded() ? media->player->open(path, limits, stop, out, e) : refuse(path, "played", e);
}

int media_video_count(const char *path, int64_t *frames, struct err *e)
{
    *frames = 0;
    return loaded() ? media->player->count(path, frames, e) : refuse(path, "played", e);
}

int video_writer_new(const char *path, int width, int height, bool force, struct video_writer **out, struct err *e)
{
    *out = NULL;
    return loaded() ? media->writer->make(path, width, height, force, out, e) : refuse(path, "written", e);
}

/* ---- of what was opened, so that the library is there ---- */

void media_video_close(struct media_video *v)
{
    if (v)
        media->player->close(v);
}

int media_video_next(struct media_video *v, int channels, struct picture *out, double *time, struct err *e)
{
    return media->player->next(v, channels, out, time, e);
}

int media_video_seek(struct media_video *v, int64_t frame, double time, struct err *e)
{
    return media->player->seek(v, frame, time, e);
}

int video_writer_add(struct video_writer *w, const uint8_t *rgb, double time, struct err *e)
{
    return media->writer->add(w, rgb, time, e);
}

int video_writer_close(struct video_writer *w, struct err *e)
{
    return media->writer->close(w, e);
}

void video_writer_free(struct video_writer *w)
{
    if (w)
        media->writer->free(w);
}
