#include "data/video_masks.h"

#include "base/file.h"
#include "data/npy.h"
#include "video/video_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char FOLDER_END[] = "_gt";
static const uint8_t WHITE = 255, HALF = 128;

bool video_masks_name(const char *name)
{
    const size_t length = strlen(name), end = strlen(FOLDER_END);
    return length > end && !strcasecmp(name + length - end, FOLDER_END);
}

/* Takes the path, which may be NULL for want of memory, and leaves it in *out where such a thing is there. */
static int take(char *path, enum file_kind kind, struct arena *arena, const char **out, struct err *e)
{
    const bool there = path && file_kind(path) == kind;
    if (there)
        *out = arena_string(arena, path);
    const bool lost = !path || (there && !*out);
    free(path);
    return lost ? err_memory(e, "a file name") : 0;
}

/* The pictures of a folder, in order. */
static int list_pictures(struct video_masks *m, struct arena *arena, struct err *e)
{
    struct file_list list;
    TRY(video_frames(m->path, &list, e));
    const char **names = arena_alloc(arena, (list.n + 1) * sizeof *names);
    bool copied = names != NULL;
    for (size_t i = 0; i < list.n && copied; i++)
        copied = (names[i] = arena_string(arena, list.names[i])) != NULL;
    m->pictures = names;
    m->npictures = (int64_t)list.n;
    file_list_free(&list);
    return copied ? 0 : err_memory(e, "names of masks");
}

int video_masks_find(const char *path, const char *name, const char *arrays, struct arena *arena,
                     const struct video_masks **out, struct err *e)
{
    char *at;
    const char *folder = NULL, *array = NULL;
    *out = NULL;
    TRY(take(asprintf(&at, "%s%s", path, FOLDER_END) < 0 ? NULL : at, FILE_FOLDER, arena, &folder, e));
    if (!folder && arrays)
        TRY(take(asprintf(&at, "%s/%s.npy", arrays, name) < 0 ? NULL : at, FILE_REGULAR, arena, &array, e));
    if (!folder && !array)
        return 0;
    struct video_masks *m = arena_alloc(arena, sizeof *m);
    if (!m)
        return err_memory(e, "masks of a video");
    m->path = folder ? folder : array;
    if (folder)
        TRY(list_pictures(m, arena, e));
    *out = m;
    return 0;
}

/* ---- what both have ---- */

/* Masks that are being read. */
struct masks {
    const struct video_masks *of;
    struct npy_frames array;
};

static int masks_open(struct masks *m, const struct video_masks *of, struct err *e)
{
    *m = (struct masks){.of = of};
    return of->pictures ? 0 : npy_frames_open(of->path, &m->array, e);
}

static void masks_close(struct masks *m)
{
    if (!m->of->pictures)
        npy_frames_close(&m->array);
}

static int64_t masks_count(const struct masks *m)
{
    return m->of->pictures ? m->of->npictures : m->array.n;
}

static int read_picture(const struct masks *m, int64_t frame, struct picture_decoder *d, struct picture *out,
                        struct err *e)
{
    char *path = file_join(m->of->path, m->of->pictures[frame]);
    int code = path ? picture_read(d, path, 1, out, e) : err_memory(e, "a file name");
    free(path);
    return code;
}

static int read_array(struct masks *m, int64_t frame, struct picture_decoder *d, struct picture *out, struct err *e)
{
    const struct npy *values = &m->array.one;
    uint8_t *pixels;
    TRY(npy_frames_read(&m->array, frame, e));
    TRY(picture_canvas(d, (size_t)values->n, &pixels, e));
    for (int64_t i = 0; i < values->n; i++)
        pixels[i] = npy_value(values, i) > 0.5 ? WHITE : 0;
    *out = (struct picture){.width = m->array.width, .height = m->array.height, .channels = 1, .pixels = pixels};
    return 0;
}

static int read_one(struct masks *m, int64_t frame, struct picture_decoder *d, struct picture *out, struct err *e)
{
    return m->of->pictures ? read_picture(m, frame, d, out, e) : read_array(m, frame, d, out, e);
}

/* ---- as labels ---- */

static int read_truths(struct masks *m, uint8_t *truths, struct err *e)
{
    struct picture_decoder *d;
    TRY(picture_decoder_new(&d, e));
    int code = 0;
    for (int64_t i = 0; i < masks_count(m) && code == 0; i++) {
        struct picture mask;
        code = read_one(m, i, d, &mask, e);
        for (size_t k = 0; code == 0 && k < (size_t)mask.width * (size_t)mask.height; k++)
            truths[i] |= mask.pixels[k] >= HALF;
    }
    picture_decoder_free(d);
    return code;
}

static int label(struct masks *m, const char *video, int64_t frames, struct arena *arena, struct labelled *out,
                 struct err *e)
{
    const int64_t n = masks_count(m);
    if (frames >= 0 && frames != n)
        return err_set(e, ERR_FORMAT, "%s holds %lld masks for the %lld frames of %s; one a frame is wanted",
                       m->of->path, (long long)n, (long long)frames, video);
    uint8_t *truths = arena_alloc(arena, (size_t)n + 1);
    if (!truths)
        return err_memory(e, "labels of frames");
    out->truths = truths;
    out->ntruths = n;
    return read_truths(m, truths, e);
}

int video_masks_truths(const struct video_masks *masks, const char *video, int64_t frames, struct arena *arena,
                       struct labelled *out, struct err *e)
{
    struct masks m;
    int code = masks_open(&m, masks, e);
    if (code == 0)
        code = label(&m, video, frames, arena, out, e);
    masks_close(&m);
    return code;
}

/* ---- as pictures ---- */

int video_masks_read(const struct video_masks *masks, int64_t frame, struct picture_decoder *d, struct picture *out,
                     struct err *e)
{
    struct masks m;
    int code = masks_open(&m, masks, e);
    if (code == 0 && frame >= masks_count(&m))
        code = err_set(e, ERR_FORMAT, "%s holds %lld masks, and frame %lld has none; one a frame is wanted",
                       masks->path, (long long)masks_count(&m), (long long)frame);
    if (code == 0)
        code = read_one(&m, frame, d, out, e);
    masks_close(&m);
    return code < 0 ? code : 1;
}
