/* How FFmpeg opens a live stream: with little delay, and giving up where nothing comes. */
#include "video/media_live.h"

#include "video/media_private.h"

#include <libavutil/dict.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- cameras at this machine ---- */

/* libavdevice brings some hundred libraries (sound, screens), which no start of a program should wait for: it is loaded
 * when a camera is asked for. It counts its versions as libavformat does. */
static void (*register_devices)(void);

static void load_devices(void)
{
    char name[40];
    snprintf(name, sizeof name, "libavdevice.so.%d", LIBAVFORMAT_VERSION_MAJOR);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "avdevice_register_all") : NULL;
    memcpy(&register_devices, &symbol, sizeof symbol);
    if (register_devices)
        register_devices();
}

static int find_camera(const char *address, struct live_input *in, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_devices);
    in->url = address + strlen("v4l2:");
    in->format = register_devices ? av_find_input_format("video4linux2") : NULL;
    if (in->format)
        return 0;
    return err_set(e, ERR_USAGE,
                   "%s cannot be opened: cameras at this machine are read through libavdevice, which is not installed "
                   "here (Debian: libavdevice%d)",
                   address, LIBAVFORMAT_VERSION_MAJOR);
}

/* ---- addresses ---- */

int live_input_choose(const char *address, struct live_input *in, struct err *e)
{
    *in = (struct live_input){.url = address};
    if (!strncasecmp(address, "v4l2:", 5))
        return find_camera(address, in, e);
    int failed = av_dict_set(&in->options, "fflags", "nobuffer", 0);
    if (failed >= 0)
        failed = av_dict_set(&in->options, "fpsprobesize", "0", 0);
    if (failed >= 0 && !strncasecmp(address, "rtsp", 4)) {
        av_dict_set(&in->options, "rtsp_flags", "prefer_tcp", 0); /* loses nothing on the way */
        failed = av_dict_set(&in->options, "timeout", LIVE_TIMEOUT, 0);
    } else if (failed >= 0) {
        failed = av_dict_set(&in->options, "rw_timeout", LIVE_TIMEOUT, 0);
    }
    return failed < 0 ? err_memory(e, "a live stream") : 0;
}
