#include "video/address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool address_is(const char *text)
{
    static const char *const starts[] = {"rtsp://", "rtsps://", "rtmp://", "http://", "https://",
                                         "udp://",  "rtp://",   "srt://",  "tcp://",  "v4l2:"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (!strncasecmp(text, starts[i], strlen(starts[i])))
            return true;
    return false;
}

void address_shown(const char *address, char *text, size_t size)
{
    const char *host = strstr(address, "://");
    host = host ? host + 3 : address;
    const size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    snprintf(text, size, "%.*s%s", (int)(host - address), address, at ? at + 1 : host);
}
