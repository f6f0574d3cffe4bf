#include "maps.h"

#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- what is read may not be written ---- */

static int by_identity(const void *a, const void *b)
{
    const struct file_identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static bool add_input(struct maps *m, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return true; /* what is not there cannot be overwritten */
    if (m->ninputs == m->room) {
        size_t room = 2 * m->room + 64;
        struct file_identity *more = realloc(m->inputs, room * sizeof *more);
        if (!more)
            return false;
        m->inputs = more;
        m->room = room;
    }
    m->inputs[m->ninputs++] = (struct file_identity){s.st_dev, s.st_ino};
    return true;
}

/* The samples of both parts, and of a URL that is no data the path itself: scoring will say what is wrong with it. */
static bool add_inputs(struct maps *m, const char *url)
{
    engram_data *data;
    engram_sample s = ENGRAM_SAMPLE_INIT;
    bool fine = add_input(m, url);
    if (engram_data_open(url, NULL, &data, NULL))
        return fine;
    for (int part = ENGRAM_DATA_TRAIN; part <= ENGRAM_DATA_TEST; part++)
        for (size_t i = 0; fine && engram_data_sample(data, part, i, &s); i++)
            fine = add_input(m, s.path);
    engram_data_free(data);
    return fine;
}

static bool is_input(const struct maps *m, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return false;
    const struct file_identity key = {s.st_dev, s.st_ino};
    return m->ninputs && bsearch(&key, m->inputs, m->ninputs, sizeof key, by_identity) != NULL;
}

/* ---- writing ---- */

int maps_begin(struct maps *m, const char *const *urls, size_t n)
{
    struct stat s;
    if (!m->folder)
        return 0;
    if (stat(m->folder, &s) == 0 && !S_ISDIR(s.st_mode))
        return console_error("maps cannot be written to %s: it is no folder", m->folder);
    bool fine = true;
    for (size_t i = 0; m->force && fine && i < n; i++)
        fine = add_inputs(m, urls[i]);
    if (!fine)
        return console_error("out of memory for heat maps");
    if (m->ninputs)
        qsort(m->inputs, m->ninputs, sizeof *m->inputs, by_identity);
    return 0;
}

void maps_end(struct maps *m)
{
    free(m->inputs);
}

static int refuse(engram_error *error, int code, const char *format, const char *path)
    __attribute__((format(printf, 3, 0)));
static int refuse(engram_error *error, int code, const char *format, const char *path)
{
    error->code = code;
    snprintf(error->message, sizeof error->message, format, path);
    return -1;
}

static int write_one(const struct maps *m, const engram_scorer *scorer, const char *name, int format,
                     engram_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s.map.%s", m->folder, name, format == ENGRAM_MAP_PNG ? "png" : "npy") < 0)
        return refuse(error, ENGRAM_MEMORY, "out of memory while naming the heat map of %s", name);
    int failed = is_input(m, path)
                     ? refuse(error, ENGRAM_USAGE,
                              "the heat map %s is not written: that file is scored, too; name another folder", path)
                     : engram_scorer_map_write(scorer, 0, path, format, m->force, error);
    free(path);
    return failed ? -1 : 0;
}

int maps_write(const struct maps *m, const engram_scorer *scorer, const char *name, engram_error *error)
{
    if (write_one(m, scorer, name, ENGRAM_MAP_PNG, error))
        return -1;
    return m->npy ? write_one(m, scorer, name, ENGRAM_MAP_NPY, error) : 0;
}
