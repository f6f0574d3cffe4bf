/* Source `video`: one video, a folder of videos, or one with a training and a test part of such. A video is a file that
 * FFmpeg reads, or a folder whose pictures, in natural order, are its frames; "-" is standard input.
 *
 * Parts are folders train (or training) and test (or testing), each with videos, or with a folder `frames` or `videos`
 * of them. What is trained on is taken to be normal. Labels of the others are found beside them (data/labels.h), and
 * masks of their frames (data/video_masks.h). */
#include "data/source.h"

#include "base/arena.h"
#include "base/file.h"
#include "data/kind.h"
#include "data/labels.h"
#include "data/media_frame.h"
#include "data/video_masks.h"
#include "video/video_name.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct video_options {
    double rate;
    char labels[OPTION_TEXT];
    int64_t limit;
};

#define OPTIONS_OF struct video_options
// clang-format off
static const struct option options[] = {
    ROW_FLOAT(rate, "25", 0.001, 1e6, "frames a second of videos that are folders of pictures, for the times of their frames"),
    ROW_STRING(labels, "", "which frames are anomalous: a .npy, a .csv of intervals, a folder of NAME.npy, or none; empty: looked for beside the videos"),
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

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Of a folder, which may end in a slash. */
static bool is_called(const char *folder, const char *name)
{
    size_t length = strlen(folder), n = strlen(name);
    while (length && folder[length - 1] == '/')
        length--;
    return length >= n && !strncasecmp(folder + length - n, name, n) && (length == n || folder[length - n - 1] == '/');
}

/* Whether an entry of a folder is a video of its own. */
static bool is_video(const char *path)
{
    switch (file_kind(path)) {
    case FILE_FOLDER:
        return holds_frames(path);
    case FILE_REGULAR:
        return video_name(path);
    default:
        return false;
    }
}

/* ---- what is a video without being called one ---- */

/* "Train001", as in UCSD's data. */
static bool numbered_part(const char *name)
{
    size_t n = !strncasecmp(name, "train", 5) ? 5 : !strncasecmp(name, "test", 4) ? 4 : 0;
    size_t digits = strspn(name + n, "0123456789");
    return n && digits >= 2 && !name[n + digits];
}

/* Folders of pictures may hold anything: without `any_name` they count where nobody calls those of single pictures so.
 */
static bool holds_videos(const char *folder, bool any_name)
{
    struct file_list list;
    struct err ignored = ERR_INIT;
    bool found = false;
    if (file_list(folder, &list, &ignored))
        return false;
    for (size_t i = 0; i < list.n && !found; i++) {
        bool named = any_name || numbered_part(list.names[i]) || video_name(list.names[i]);
        char *path = named ? file_join(folder, list.names[i]) : NULL;
        found = path && is_video(path);
        free(path);
    }
    file_list_free(&list);
    return found;
}

static bool sure_of(const char *folder)
{
    char *frames = find_folder(folder, "frames", "videos");
    bool sure = holds_videos(folder, is_called(folder, "frames")) || (frames && holds_videos(frames, true));
    free(frames);
    return sure;
}

static bool starts_as_video(const char *path)
{
    unsigned char bytes[16];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f)
        fclose(f);
    return video_starts(bytes, n);
}

static bool sniff(const char *path)
{
    const enum file_kind kind = file_kind(path);
    if (kind == FILE_REGULAR)
        return video_name(path) || starts_as_video(path);
    if (kind != FILE_FOLDER)
        return false;
    char *train = find_folder(path, "train", "training"), *test = find_folder(path, "test", "testing");
    bool sure = sure_of(path) || (train && sure_of(train)) || (test && sure_of(test));
    free(train);
    free(test);
    return sure;
}

/* ---- opening ---- */

/* The videos of a split, before they are samples. */
struct found {
    struct video {
        char *path, *name; /* owned */
    } * v;
    size_t n, room;
};

static void found_free(struct found *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].path);
        free(f->v[i].name);
    }
    free(f->v);
}

/* Takes both strings, which may be NULL for want of memory. */
static int find_one(struct found *f, char *path, char *name, struct err *e)
{
    if (f->n == f->room) {
        f->room = f->room ? 2 * f->room : 16;
        struct video *more = realloc(f->v, f->room * sizeof *more);
        if (!more) {
            free(path);
            free(name);
            return err_memory(e, "a list of videos");
        }
        f->v = more;
    }
    f->v[f->n++] = (struct video){path, name};
    return path && name ? 0 : err_memory(e, "a file name");
}

/* The videos in a folder; with none in it the folder is one, if it holds frames. */
static int find_all(struct part *p, struct found *f, const char *folder, const char *prefix, struct err *e)
{
    struct file_list list;
    TRY(file_list(folder, &list, e));
    p->skipped.hidden += list.hidden;
    int code = 0;
    for (size_t i = 0; i < list.n && code == 0; i++) {
        const char *name = list.names[i];
        char *path = file_join(folder, name);
        if (path && !video_masks_name(name) && is_video(path)) {
            code = find_one(f, path, file_join(prefix, name), e);
            continue;
        }
        free(path);
    }
    file_list_free(&list);
    if (code == 0 && !f->n && holds_frames(folder))
        code = find_one(f, strdup(folder), strdup(*prefix ? prefix : base_name(folder)), e);
    return code;
}

/* -1: nobody can say beforehand. */
static int64_t count_frames(const char *path, struct err *e)
{
    int64_t n = 0;
    struct file_list list;
    if (!strcmp(path, "-"))
        return -1;
    if (file_kind(path) != FILE_FOLDER) {
        TRY(media_video_count(path, &n, e));
        return n;
    }
    TRY(video_frames(path, &list, e));
    n = (int64_t)list.n;
    file_list_free(&list);
    return n;
}

/* NAME of NAME.mp4. */
static void bare_name(const struct video *v, char *text, size_t size)
{
    snprintf(text, size, "%s", base_name(v->path));
    if (video_name(text))
        *strrchr(text, '.') = 0;
}

static int label(struct part *p, struct found *f, const char *path, struct labelled *videos, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        char name[NAME_MAX + 1];
        bare_name(&f->v[i], name, sizeof name);
        videos[i].name = arena_string(part_arena(p), name);
        videos[i].path = f->v[i].path;
        videos[i].frames = count_frames(f->v[i].path, e);
        if (!videos[i].name)
            return err_memory(e, "labels of frames");
        if (e->code)
            return e->code;
    }
    return labels_read(path, videos, f->n, part_arena(p), e);
}

static int frame_mask(const struct part *p, const struct sample *s, int64_t frame, struct picture_decoder *d,
                      struct picture *out, struct err *e)
{
    (void)p;
    return s->masks ? video_masks_read(s->masks, frame, d, out, e) : 0;
}

static int add_video(struct part *p, enum split split, const struct video *v, const struct labelled *labels,
                     const struct video_masks *masks, struct err *e)
{
    struct sample s = {.name = v->name, .path = v->path, .kind = "", .label = -1, .anomalous = -1};
    s.masks = masks;
    s.mask_path = masks ? masks->path : NULL;
    s.truths = labels->truths;
    s.ntruths = labels->ntruths;
    if (s.truths)
        s.anomalous = memchr(s.truths, 1, (size_t)s.ntruths) != NULL;
    p->has_masks |= masks != NULL;
    return part_add(p, split, &s, e);
}

/* One video, with what `labels` knows of its frames, or else their masks. `arrays` (NULL: there is none): the folder
 * of arrays of masks. */
static int add_labelled(struct part *p, enum split split, const struct video *v, const char *arrays,
                        struct labelled *labels, struct err *e)
{
    char name[NAME_MAX + 1];
    const struct video_masks *masks;
    bare_name(v, name, sizeof name);
    TRY(video_masks_find(v->path, name, arrays, part_arena(p), &masks, e));
    if (masks && !labels->truths) {
        const int64_t frames = count_frames(v->path, e);
        if (e->code)
            return e->code;
        TRY(video_masks_truths(masks, v->name, frames, part_arena(p), labels, e));
    }
    return add_video(p, split, v, labels, masks, e);
}

/* Adds what was found in `folder` (NULL: it is one file), with labels and masks where it is for a test. */
static int add_found(struct part *p, enum split split, const char *folder, struct found *f, struct err *e)
{
    const struct video_options *o = p->options;
    bool none = !strcmp(o->labels, "none") || split == SPLIT_TRAIN || !f->n;
    char *path = none ? NULL : *o->labels ? strdup(o->labels) : folder ? labels_find(folder) : labels_beside(p->path);
    char *arrays = none || !folder ? NULL : labels_find_masks(folder);
    struct labelled *labels = calloc(f->n + 1, sizeof *labels);
    int code = labels ? 0 : err_memory(e, "labels of frames");
    if (code == 0 && path)
        code = label(p, f, path, labels, e);
    for (size_t i = 0; i < f->n && code == 0; i++)
        code = none ? add_video(p, split, &f->v[i], &labels[i], NULL, e)
                    : add_labelled(p, split, &f->v[i], arrays, &labels[i], e);
    free(labels);
    free(arrays);
    free(path);
    return code;
}

/* What is left of `path` behind the folder that was opened. */
static const char *name_below(const struct part *p, const char *path)
{
    const char *rest = path + strlen(p->path);
    return rest + strspn(rest, "/");
}

/* The videos of a folder, which may be in one in it. */
static int add_part(struct part *p, enum split split, const char *folder, struct err *e)
{
    struct found f = {0};
    char *inner = find_folder(folder, "frames", "videos");
    const char *where = inner ? inner : folder;
    int code = find_all(p, &f, where, name_below(p, where), e);
    if (code == 0)
        code = add_found(p, split, folder, &f, e);
    found_free(&f);
    free(inner);
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
    if (code == 0 && !part_count(p, part_plain_split(p)))
        code = err_set(e, ERR_FORMAT,
                       "%s has no videos in it: wanted are files such as .mp4, .avi or .mkv, or folders of frames; "
                       "single pictures are the source images",
                       p->path);
    return code;
}

static int open_single(struct part *p, struct err *e)
{
    struct found f = {0};
    int code = find_one(&f, strdup(p->path), strdup(strcmp(p->path, "-") ? base_name(p->path) : "stdin"), e);
    if (code == 0)
        code = add_found(p, part_plain_split(p), NULL, &f, e);
    found_free(&f);
    return code;
}

static int video_open(struct part *p, struct err *e)
{
    if (file_kind(p->path) == FILE_FOLDER)
        return open_folder(p, e);
    if (file_kind(p->path) == FILE_ABSENT && !p->among && strcmp(p->path, "-"))
        return err_set(e, ERR_IO, "there is no file or folder %s; check the name", p->path);
    return open_single(p, e);
}

/* ---- playing ---- */

/* Of a file, or of a folder. */
struct player {
    struct media_video *file; /* NULL: a folder */
    char *folder;
    double rate;
    struct file_list files;
    size_t at;
    int width, height; /* of its first frame; 0: none yet */
    const struct part *part;
    struct picture_decoder *decoder, *whole; /* of frames as they are wanted, and at their own size; NULL: none yet */
};

static void stop(void *player)
{
    struct player *r = player;
    media_video_close(r->file);
    file_list_free(&r->files);
    picture_decoder_free(r->decoder);
    picture_decoder_free(r->whole);
    free(r->folder);
    free(r);
}

static int new_decoder(const struct part *p, struct picture_decoder **d, struct err *e)
{
    TRY(picture_decoder_new(d, e));
    picture_decoder_limit(*d, part_limits(p));
    return 0;
}

static int play_folder(const struct part *p, struct player *r, const char *path, struct err *e)
{
    r->rate = ((const struct video_options *)p->options)->rate;
    if (!(r->folder = strdup(path)))
        return err_memory(e, "a video");
    TRY(video_frames(path, &r->files, e));
    r->part = p;
    return new_decoder(p, &r->decoder, e);
}

static int play(const struct part *p, const struct sample *s, const atomic_bool *halt, void **out, struct err *e)
{
    struct player *r = calloc(1, sizeof *r);
    if (!r)
        return err_memory(e, "a video");
    *out = r;
    return file_kind(s->path) == FILE_FOLDER ? play_folder(p, r, s->path, e)
                                             : media_video_open(s->path, part_limits(p), halt, &r->file, e);
}

static int check_frame(struct player *r, const char *path, const struct picture_size *own, struct err *e)
{
    if (!r->width) {
        r->width = own->width;
        r->height = own->height;
    }
    if (own->width == r->width && own->height == r->height)
        return 1;
    return err_set(e, ERR_FORMAT,
                   "%s has %dx%d pixels, but the frames before it have %dx%d: what is normal at a place is so of one "
                   "size alone; put those of another size into a folder of their own",
                   path, own->width, own->height, r->width, r->height);
}

static int read_frame(struct player *r, const char *path, const struct frame_wish *wish, struct frame *out,
                      struct err *e)
{
    picture_decoder_aim(r->decoder, wish->fitted.width ? &wish->fitted : NULL);
    TRY(picture_read(r->decoder, path, wish->fitted.channels, &out->picture, e));
    out->own = picture_own_size(r->decoder, &out->picture);
    if (!wish->whole)
        return 0;
    if (!r->whole)
        TRY(new_decoder(r->part, &r->whole, e));
    return picture_read(r->whole, path, 0, &out->whole, e);
}

static int next_of_folder(struct player *r, const struct frame_wish *wish, struct frame *out, struct err *e)
{
    if (r->at >= r->files.n)
        return 0;
    char *path = file_join(r->folder, r->files.names[r->at]);
    out->time = (double)r->at++ / r->rate;
    int code = path ? read_frame(r, path, wish, out, e) : err_memory(e, "a file name");
    if (code == 0)
        code = check_frame(r, path, &out->own, e);
    free(path);
    return code;
}

static int next(void *player, const struct frame_wish *wish, struct frame *out, struct err *e)
{
    struct player *r = player;
    return r->file ? media_frame_next(r->file, wish, out, e) : next_of_folder(r, wish, out, e);
}

static int seek(void *player, int64_t frame, double time, struct err *e)
{
    struct player *r = player;
    if (r->file)
        return media_video_seek(r->file, frame, time, e);
    r->at = (size_t)frame;
    return 0;
}

const struct source source_video = {
    .name = "video",
    .help =
        "videos: a file (mp4, avi, mkv...), - for standard input, a folder of frames, a folder of either, or training "
        "and test parts of them (UCSD Ped2, Avenue, ShanghaiTech)",
    .options = options,
    .options_size = sizeof(struct video_options),
    .kind = &kind_clips,
    .sniff = sniff,
    .open = video_open,
    .play = play,
    .next = next,
    .seek = seek,
    .stop = stop,
    .frame_mask = frame_mask,
};
