/* Source `video`: one video, a folder of videos, or one with a training and a test part of such. A video is a folder
 * whose pictures, in natural order, are its frames. */
#include "data/source.h"

#include "base/file.h"
#include "data/kind.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct video_options {
    double rate;
    int64_t limit;
};

#define OPTIONS_OF struct video_options
// clang-format off
static const struct option options[] = {
    ROW_FLOAT(rate, "25", 0.001, 1e6, "frames a second of videos that are folders of pictures, for the times of their frames"),
    ROW_INT(limit, "0", 0, 1e9, "videos of each split to use, spread evenly over it; 0 is all"),
    {0}};
// clang-format on

/* ---- where videos are ---- */

static bool is_folder(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool is = path && file_kind(path) == FILE_FOLDER;
    free(path);
    return is;
}

/* Whether a folder holds pictures and no folders: a video's frames. */
static bool holds_frames(const char *folder)
{
    struct file_list list;
    struct err ignored = ERR_INIT;
    if (file_list(folder, &list, &ignored))
        return false;
    bool pictures = false, folders = false;
    for (size_t i = 0; i < list.n && !folders; i++) {
        pictures |= picture_name(list.names[i]);
        folders = !picture_name(list.names[i]) && is_folder(folder, list.names[i]);
    }
    file_list_free(&list);
    return pictures && !folders;
}

/* The folder in `folder` that has one of two names, in any letter case; NULL: none. The caller's to free. */
static char *find_folder(const char *folder, const char *name, const char *other)
{
    struct file_list list;
    struct err ignored = ERR_INIT;
    char *found = NULL;
    if (file_list(folder, &list, &ignored))
        return NULL;
    for (size_t i = 0; i < list.n && !found; i++)
        if ((!strcasecmp(list.names[i], name) || !strcasecmp(list.names[i], other)) && is_folder(folder, list.names[i]))
            found = file_join(folder, list.names[i]);
    file_list_free(&list);
    return found;
}

/* ---- whose folders are videos, unless they are said to be ---- */

/* "Train001", as in UCSD's data. */
static bool numbered_part(const char *name)
{
    size_t n = !strncasecmp(name, "train", 5) ? 5 : !strncasecmp(name, "test", 4) ? 4 : 0;
    size_t digits = strspn(name + n, "0123456789");
    return n && digits >= 2 && !name[n + digits];
}

static bool holds_videos(const char *folder, bool any_name)
{
    struct file_list list;
    struct err ignored = ERR_INIT;
    bool found = false;
    if (file_list(folder, &list, &ignored))
        return false;
    for (size_t i = 0; i < list.n && !found; i++) {
        char *path = any_name || numbered_part(list.names[i]) ? file_join(folder, list.names[i]) : NULL;
        found = path && file_kind(path) == FILE_FOLDER && holds_frames(path);
        free(path);
    }
    file_list_free(&list);
    return found;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A folder of pictures may hold anything: only layouts that nobody has for single pictures are taken. */
static bool sure_of(const char *folder)
{
    char *frames = find_folder(folder, "frames", "frames");
    bool sure =
        holds_videos(folder, !strcasecmp(base_name(folder), "frames")) || (frames && holds_videos(frames, true));
    free(frames);
    return sure;
}

static bool sniff(const char *path)
{
    if (file_kind(path) != FILE_FOLDER)
        return false;
    char *train = find_folder(path, "train", "training"), *test = find_folder(path, "test", "testing");
    bool sure = sure_of(path) || (train && sure_of(train)) || (test && sure_of(test));
    free(train);
    free(test);
    return sure;
}

/* ---- opening ---- */

static int add_video(struct part *p, enum split split, const char *path, const char *name, struct err *e)
{
    struct sample s = {.name = name, .path = path, .kind = "", .label = -1};
    s.anomalous = split == SPLIT_TRAIN ? 0 : -1;
    return part_add(p, split, &s, e);
}

/* The videos in a folder; with none in it the folder is one, if it holds frames. */
static int add_videos(struct part *p, enum split split, const char *folder, const char *prefix, struct err *e)
{
    struct file_list list;
    const size_t before = part_count(p, split);
    int code = file_list(folder, &list, e);
    for (size_t i = 0; i < list.n && code == 0; i++) {
        char *path = file_join(folder, list.names[i]), *name = file_join(prefix, list.names[i]);
        if (!path || !name)
            code = err_memory(e, "a file name");
        else if (file_kind(path) == FILE_FOLDER && holds_frames(path))
            code = add_video(p, split, path, name, e);
        free(path);
        free(name);
    }
    file_list_free(&list);
    if (code == 0 && part_count(p, split) == before && holds_frames(folder))
        code = add_video(p, split, folder, *prefix ? prefix : base_name(folder), e);
    return code;
}

/* What is left of `path` behind the folder that was opened. */
static const char *name_below(const struct part *p, const char *path)
{
    const char *rest = path + strlen(p->path);
    return rest + strspn(rest, "/");
}

/* The same of a folder whose videos may be in one called frames. */
static int add_part(struct part *p, enum split split, const char *folder, struct err *e)
{
    char *frames = find_folder(folder, "frames", "frames");
    const char *where = frames ? frames : folder;
    int code = add_videos(p, split, where, name_below(p, where), e);
    free(frames);
    return code;
}

static int open_folder(struct part *p, struct err *e)
{
    char *folders[SPLITS] = {find_folder(p->path, "train", "training"), find_folder(p->path, "test", "testing")};
    int code = 0;
    if (!folders[SPLIT_TRAIN] && !folders[SPLIT_TEST])
        code = add_part(p, part_plain_split(p), p->path, e);
    for (enum split s = part_plain_split(p); s < SPLITS && code == 0; s++)
        if (folders[s])
            code = add_part(p, s, folders[s], e);
    free(folders[SPLIT_TRAIN]);
    free(folders[SPLIT_TEST]);
    return code;
}

static int video_open(struct part *p, struct err *e)
{
    if (file_kind(p->path) != FILE_FOLDER)
        return err_set(e, ERR_IO, "there is no folder %s; check the name", p->path);
    TRY(open_folder(p, e));
    if (!part_count(p, part_plain_split(p)))
        return err_set(e, ERR_FORMAT, "%s has no videos in it: wanted are folders of frames", p->path);
    return 0;
}

/* ---- playing ---- */

struct player {
    char *folder;
    double rate;
    struct file_list files;
    size_t at;
    struct picture_decoder *decoder;
};

static void stop(void *player)
{
    struct player *r = player;
    file_list_free(&r->files);
    picture_decoder_free(r->decoder);
    free(r->folder);
    free(r);
}

static void leave_frames(struct file_list *list)
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

static int play(const struct part *p, const struct sample *s, void **out, struct err *e)
{
    struct player *r = calloc(1, sizeof *r);
    if (!r)
        return err_memory(e, "a video");
    *out = r;
    r->rate = ((const struct video_options *)p->options)->rate;
    if (!(r->folder = strdup(s->path)))
        return err_memory(e, "a video");
    TRY(file_list(s->path, &r->files, e));
    leave_frames(&r->files);
    return picture_decoder_new(&r->decoder, e);
}

static int next(void *player, int channels, struct picture *out, double *time, struct err *e)
{
    struct player *r = player;
    if (r->at >= r->files.n)
        return 0;
    char *path = file_join(r->folder, r->files.names[r->at]);
    *time = (double)r->at++ / r->rate;
    int code = path ? picture_read(r->decoder, path, channels, out, e) : err_memory(e, "a file name");
    free(path);
    return code < 0 ? code : 1;
}

static int seek(void *player, int64_t frame, struct err *e)
{
    struct player *r = player;
    (void)e;
    r->at = (size_t)frame;
    return 0;
}

const struct source source_video = {
    .name = "video",
    .help = "videos: a folder of frames, a folder of such, or training and test parts of them (UCSD Ped2, Avenue, "
            "ShanghaiTech)",
    .options = options,
    .options_size = sizeof(struct video_options),
    .kind = &kind_clips,
    .sniff = sniff,
    .open = video_open,
    .play = play,
    .next = next,
    .seek = seek,
    .stop = stop,
};
