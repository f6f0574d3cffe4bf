#include "columns.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool names_source(const char *data)
{
    size_t n = 0;
    while (isalnum((unsigned char)data[n]))
        n++;
    return n && data[n] == ':';
}

char *columns_url(const char *data, const char *options)
{
    const bool path = access(data, F_OK) == 0; /* one that is there is taken as it is */
    const char *source = path || !names_source(data) ? "csv:" : "";
    const char *joint = !path && strchr(data, '?') ? "&" : "?";
    size_t size = strlen(source) + strlen(data) + strlen(joint) + strlen(options) + 1;
    char *url = malloc(size);
    if (url)
        snprintf(url, size, "%s%s%s%s", source, data, joint, options);
    return url;
}
