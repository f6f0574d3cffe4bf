#include "video/video_name.h"

#include "picture/picture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const extensions[] = {"mp4", "m4v", "mov",  "avi", "mkv", "webm", "mpg", "mpeg", "wmv",  "flv",
                                         "ts",  "mts", "m2ts", "3gp", "y4m", "ogv",  "vob", "mjpg", "mjpeg"};

bool video_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (!strcasecmp(dot + 1, extensions[i]))
            return true;
    return false;
}

bool video_starts(const unsigned char *bytes, size_t n)
{
    static const struct {
        const char *text;
        size_t n, at;
    } starts[] = {{"YUV4MPEG2 ", 10, 0}, {"ftyp", 4, 4}, {"AVI ", 4, 8}, {"\x1a\x45\xdf\xa3", 4, 0}, {"FLV\x01", 4, 0}};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (n >= starts[i].at + starts[i].n && !memcmp(bytes + starts[i].at, starts[i].text, starts[i].n))
            return true;
    return false;
}

/* Leaves the pictures of a list. */
static void leave_pictures(struct file_list *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (picture_name(list->names[i])) {
            char *name = list->names[n];
            list->names[n++] = list->names[i];
            list->names[i] = name;
        }
    for (size_t i = n; i < list->n; i++)
        free(list->names[i]);
    list->n = n;
}

int video_frames(const char *folder, struct file_list *list, struct err *e)
{
    TRY(file_list(folder, list, e));
    leave_pictures(list);
    return 0;
}
