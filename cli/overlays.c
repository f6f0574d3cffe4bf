#include "overlays.h"

#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a path ends in: a video that can be written, one that cannot, or a folder's name. */
enum ending { FOLDER, WRITTEN, NOT_WRITTEN };

static enum ending ending_of(const char *path)
{
    static const struct {
        const char *text;
        enum ending is;
    } endings[] = {{".mp4", WRITTEN},      {".mkv", WRITTEN},     {".mov", WRITTEN},     {".webm", WRITTEN},
                   {".avi", NOT_WRITTEN},  {".gif", NOT_WRITTEN}, {".m4v", NOT_WRITTEN}, {".mpg", NOT_WRITTEN},
                   {".mpeg", NOT_WRITTEN}, {".wmv", NOT_WRITTEN}, {".flv", NOT_WRITTEN}, {".ts", NOT_WRITTEN},
                   {".y4m", NOT_WRITTEN}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i].text))
            return endings[i].is;
    return FOLDER;
}

static bool is_file(const char *path)
{
    return ending_of(path) == WRITTEN;
}

bool overlays_can_be(const char *path)
{
    return ending_of(path) != NOT_WRITTEN;
}

static int open_one(struct overlays *o, const engram_scorer *scorer, const char *path, engram_error *error)
{
    if (inputs_have(o->inputs, path))
        return console_refuse(error, ENGRAM_USAGE,
                              "the overlay %s is not written: that file is scored; give another name", path);
    return engram_overlay_new(scorer, path, o->force, &o->open, error) ? -1 : 0;
}

/* Where the row is of another video than the last: that one's file is written, and the next begun. */
static int change_video(struct overlays *o, const engram_scorer *scorer, const engram_row *row, engram_error *error)
{
    char *path;
    if (o->name && is_file(o->path))
        return console_refuse(
            error, ENGRAM_FAIL,
            "%s is one file, but several videos are scored; give --overlay a folder, and each has its own", o->path);
    if (overlays_end(o, error))
        return -1;
    free(o->name);
    o->name = strdup(row->name);
    if (!o->name || (is_file(o->path) ? asprintf(&path, "%s", o->path)
                                      : asprintf(&path, "%s/%s.overlay.mp4", o->path, row->name)) < 0)
        return console_refuse(error, ENGRAM_MEMORY, "out of memory while naming the overlay of %s", row->name);
    int failed = open_one(o, scorer, path, error);
    free(path);
    return failed;
}

int overlays_add(struct overlays *o, const engram_scorer *scorer, const engram_row *row, engram_error *error)
{
    if (row->error)
        return 0;
    if (!row->picture)
        return console_refuse(error, ENGRAM_FAIL, "%s is no frame of a video: --overlay shows videos alone", row->path);
    if ((!o->name || strcmp(o->name, row->name)) && change_video(o, scorer, row, error))
        return -1;
    return engram_overlay_add(o->open, row, error) ? -1 : 0;
}

int overlays_end(struct overlays *o, engram_error *error)
{
    if (!o->open)
        return 0;
    int failed = engram_overlay_end(o->open, error);
    engram_overlay_free(o->open);
    o->open = NULL;
    return failed ? -1 : 0;
}

void overlays_free(struct overlays *o)
{
    engram_overlay_free(o->open);
    free(o->name);
    *o = (struct overlays){0};
}
