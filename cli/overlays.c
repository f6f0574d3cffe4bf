#include "overlays.h"

#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* `endings` is ended by NULL. */
static bool ends_in(const char *path, const char *const *endings)
{
    const char *dot = strrchr(path, '.');
    for (; dot && *endings; endings++)
        if (!strcasecmp(dot, *endings))
            return true;
    return false;
}

static bool is_file(const char *path)
{
    static const char *const endings[] = {".mp4", ".mkv", ".mov", ".webm", NULL};
    return ends_in(path, endings);
}

bool overlays_can_be(const char *path)
{
    static const char *const endings[] = {".avi", ".gif", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".y4m", NULL};
    return !ends_in(path, endings);
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
