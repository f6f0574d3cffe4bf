#include "data/labels.h"

#include "base/file.h"
#include "data/npy.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LABELS_MAX = 1 << 28 }; /* bytes of a file */

/* ---- where ---- */

static const char *const usual_names[] = {"frame_labels.npy", "intervals.csv", "test_frame_mask", NULL};
static const char *const usual_masks[] = {"test_pixel_mask", NULL};
enum { FOLDERS_ABOVE = 2 };

static char *find_in(const char *folder, const char *const *names)
{
    for (; *names; names++) {
        char *path = file_join(folder, *names);
        if (path && file_kind(path) != FILE_ABSENT)
            return path;
        free(path);
    }
    return NULL;
}

static char *find_above(const char *folder, const char *const *names)
{
    char *at = realpath(folder, NULL), *found = NULL;
    for (int above = 0; at && !found && above <= FOLDERS_ABOVE; above++) {
        found = find_in(at, names);
        char *slash = strrchr(at, '/');
        if (!slash || slash == at)
            break;
        *slash = 0;
    }
    free(at);
    return found;
}

char *labels_find(const char *folder)
{
    return find_above(folder, usual_names);
}

char *labels_find_masks(const char *folder)
{
    return find_above(folder, usual_masks);
}

/* No table: NAME.csv is what people call the scores of NAME.mp4. */
char *labels_beside(const char *video)
{
    const char *slash = strrchr(video, '/'), *dot = strrchr(slash ? slash : video, '.');
    char *path;
    if (asprintf(&path, "%.*s.npy", (int)(dot ? dot - video : (ptrdiff_t)strlen(video)), video) < 0)
        return NULL;
    if (file_kind(path) == FILE_REGULAR)
        return path;
    free(path);
    return NULL;
}

/* ---- numbers a frame ---- */

static int give(struct labelled *v, const uint8_t *truths, int64_t n, const char *path, struct err *e)
{
    if (v->frames >= 0 && v->frames != n)
        return err_set(e, ERR_FORMAT,
                       "%s labels %lld frames of %s, which has %lld; give the labels of these very videos, or labels= "
                       "for others",
                       path, (long long)n, v->name, (long long)v->frames);
    v->truths = truths;
    v->ntruths = n;
    return 0;
}

/* The numbers of an array as truths, in the arena. */
static int read_truths(const char *path, struct arena *arena, uint8_t **out, int64_t *n, struct err *e)
{
    struct npy array;
    TRY(npy_read(path, LABELS_MAX, &array, e));
    *n = array.n;
    *out = arena_alloc(arena, (size_t)array.n + 1);
    for (int64_t i = 0; *out && i < array.n; i++)
        (*out)[i] = npy_value(&array, i) > 0.5;
    npy_free(&array);
    return *out ? 0 : err_memory(e, "labels of frames");
}

static int read_all(const char *path, struct labelled *videos, size_t n, struct arena *arena, struct err *e)
{
    uint8_t *truths;
    int64_t labels, frames = 0, at = 0;
    TRY(read_truths(path, arena, &truths, &labels, e));
    for (size_t i = 0; i < n; i++) {
        if (videos[i].frames < 0 && n > 1)
            return err_set(e, ERR_FORMAT,
                           "%s labels the frames of all videos one after the other, but how many %s has is not known; "
                           "give a file NAME.npy a video, in a folder",
                           path, videos[i].name);
        frames += videos[i].frames < 0 ? labels : videos[i].frames;
    }
    if (frames != labels)
        return err_set(e, ERR_FORMAT, "%s labels %lld frames, but the %zu video%s beside it %s %lld; %s", path,
                       (long long)labels, n, n == 1 ? "" : "s", n == 1 ? "has" : "have", (long long)frames,
                       "give the labels of these very videos, or labels= for others");
    for (size_t i = 0; i < n; i++) {
        const int64_t own = videos[i].frames < 0 ? labels : videos[i].frames;
        TRY(give(&videos[i], truths + at, own, path, e));
        at += own;
    }
    return 0;
}

static int read_each(const char *folder, struct labelled *videos, size_t n, struct arena *arena, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        char name[512];
        uint8_t *truths = NULL;
        int64_t labels = 0;
        snprintf(name, sizeof name, "%s.npy", videos[i].name);
        char *path = file_join(folder, name);
        int code = path ? read_truths(path, arena, &truths, &labels, e) : err_memory(e, "a file name");
        if (code == 0)
            code = give(&videos[i], truths, labels, path, e);
        free(path);
        TRY(code);
    }
    return 0;
}

/* ---- intervals ---- */

enum column { COLUMN_VIDEO, COLUMN_FRAMES, COLUMN_FIRST, COLUMN_LAST, COLUMNS };

struct intervals {
    const char *path;
    int place[COLUMNS]; /* of the line; -1: there is none */
    int base;           /* what the first frame is called */
    int64_t line;       /* from 1 */
};

enum { CELLS = 16 };

/* Takes a line apart, in place. */
static int split_line(char *line, char *cells[CELLS])
{
    int n = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *cell = strsep(&line, ",;"); cell && n < CELLS; cell = strsep(&line, ",;")) {
        cell += strspn(cell, " \t\"");
        size_t length = strlen(cell);
        while (length && strchr(" \t\"", cell[length - 1]))
            cell[--length] = 0;
        cells[n++] = cell;
    }
    return n;
}

static int read_header(struct intervals *t, char *line, struct err *e)
{
    static const char *const words[COLUMNS][2] = {
        {"video", "clip"}, {"frames", "length"}, {"first", "start"}, {"last", "end"}};
    char *cells[CELLS];
    int n = split_line(line, cells);
    for (int c = 0; c < COLUMNS; c++)
        t->place[c] = -1;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < COLUMNS; c++)
            if (strcasestr(cells[i], words[c][0]) || strcasestr(cells[i], words[c][1])) {
                t->place[c] = i;
                t->base = strcasestr(cells[i], "1based") ? 1 : t->base;
                break;
            }
    if (t->place[COLUMN_VIDEO] >= 0 && t->place[COLUMN_FIRST] >= 0 && t->place[COLUMN_LAST] >= 0)
        return 0;
    return err_set(e, ERR_FORMAT,
                   "%s should begin with a line of names, video,first,last (or first_1based,last_1based), and has none "
                   "of these",
                   t->path);
}

/* An empty cell is -1. */
static int read_cell(const struct intervals *t, char *const *cells, int n, enum column c, int64_t *out, struct err *e)
{
    const int place = t->place[c];
    char *end;
    *out = -1;
    if (place < 0 || place >= n || !*cells[place])
        return 0;
    *out = strtoll(cells[place], &end, 10);
    if (*end || *out < 0)
        return err_set(e, ERR_FORMAT, "%s, line %lld: '%s' is no number of a frame", t->path, (long long)t->line,
                       cells[place]);
    return 0;
}

/* By name, or where both are numbers by that: a spreadsheet makes 1 of 01. */
static struct labelled *find_video(struct labelled *videos, size_t n, const char *name)
{
    char *end, *own_end;
    long number = strtol(name, &end, 10);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(videos[i].name, name))
            return &videos[i];
    for (size_t i = 0; i < n; i++)
        if (end != name && !*end && strtol(videos[i].name, &own_end, 10) == number && !*own_end)
            return &videos[i];
    return NULL;
}

static int read_interval(const struct intervals *t, char *line, struct labelled *videos, size_t n, struct arena *arena,
                         struct err *e)
{
    char *cells[CELLS];
    int got = split_line(line, cells);
    int64_t frames, first, last;
    if (got == 1 && !*cells[0])
        return 0;
    if (got <= t->place[COLUMN_VIDEO])
        return err_set(e, ERR_FORMAT, "%s, line %lld names no video", t->path, (long long)t->line);
    const char *name = cells[t->place[COLUMN_VIDEO]];
    struct labelled *v = find_video(videos, n, name);
    TRY(read_cell(t, cells, got, COLUMN_FRAMES, &frames, e));
    TRY(read_cell(t, cells, got, COLUMN_FIRST, &first, e));
    TRY(read_cell(t, cells, got, COLUMN_LAST, &last, e));
    if (!v)
        return 0; /* of another split, or thinned out */
    if (frames >= 0 && v->frames < 0)
        v->frames = frames;
    if (v->frames < 0)
        return err_set(e, ERR_FORMAT, "%s, line %lld: how many frames %s has is not known; add a column frames",
                       t->path, (long long)t->line, name);
    if (frames >= 0)
        TRY(give(v, v->truths, frames, t->path, e));
    uint8_t *truths = v->truths ? (uint8_t *)(uintptr_t)v->truths : arena_alloc(arena, (size_t)v->frames + 1);
    if (!truths)
        return err_memory(e, "labels of frames");
    TRY(give(v, truths, v->frames, t->path, e));
    if (first < 0 && last < 0)
        return 0;
    if (first < t->base || last < first || last - t->base >= v->frames)
        return err_set(e, ERR_FORMAT,
                       "%s, line %lld: frames %lld to %lld are no interval of %s, whose frames are called %d to %lld",
                       t->path, (long long)t->line, (long long)first, (long long)last, name, t->base,
                       (long long)v->frames - 1 + t->base);
    memset(truths + first - t->base, 1, (size_t)(last - first + 1));
    return 0;
}

static int read_intervals(const char *path, struct labelled *videos, size_t n, struct arena *arena, struct err *e)
{
    unsigned char *text;
    size_t size;
    struct intervals t = {.path = path, .line = 1};
    TRY(file_read(path, LABELS_MAX, &text, &size, e));
    char *rest = (char *)text;
    if (!strncmp(rest, "\xef\xbb\xbf", 3))
        rest += 3;
    char *line = strsep(&rest, "\n");
    int code = read_header(&t, line, e);
    while (code == 0 && (line = strsep(&rest, "\n"))) {
        t.line++;
        code = read_interval(&t, line, videos, n, arena, e);
    }
    free(text);
    for (size_t i = 0; i < n && code == 0; i++)
        if (!videos[i].truths)
            code = err_set(e, ERR_FORMAT, "%s says nothing of %s; a row '%s,,' says that it is normal", path,
                           videos[i].name, videos[i].name);
    return code;
}

/* ---- */

int labels_read(const char *path, struct labelled *videos, size_t n, struct arena *arena, struct err *e)
{
    const char *dot = strrchr(path, '.');
    if (file_kind(path) == FILE_FOLDER)
        return read_each(path, videos, n, arena, e);
    if (file_kind(path) == FILE_ABSENT)
        return err_set(e, ERR_IO, "there are no labels %s; check the name", path);
    if (dot && !strcasecmp(dot, ".npy"))
        return read_all(path, videos, n, arena, e);
    if (dot && !strcasecmp(dot, ".csv"))
        return read_intervals(path, videos, n, arena, e);
    return err_set(e, ERR_USAGE,
                   "labels %s are of no kind that is read: a .npy with a number a frame, a .csv of intervals, or a "
                   "folder with NAME.npy for each video",
                   path);
}
