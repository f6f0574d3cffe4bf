#include "inputs.h"

#include "engram.h"

#include <stdlib.h>
#include <sys/stat.h>

static int by_identity(const void *a, const void *b)
{
    const struct file_identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static bool add_input(struct inputs *in, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return true; /* what is not there cannot be overwritten */
    if (in->n == in->room) {
        size_t room = 2 * in->room + 64;
        struct file_identity *more = realloc(in->files, room * sizeof *more);
        if (!more)
            return false;
        in->files = more;
        in->room = room;
    }
    in->files[in->n++] = (struct file_identity){s.st_dev, s.st_ino};
    return true;
}

/* The samples of both parts, and of a URL that is no data the path itself: scoring will say what is wrong with it. */
static bool add_inputs(struct inputs *in, const char *url)
{
    engram_data *data;
    engram_sample s = ENGRAM_SAMPLE_INIT;
    bool fine = add_input(in, url);
    if (engram_data_open(url, NULL, &data, NULL))
        return fine;
    for (int part = ENGRAM_DATA_TRAIN; part <= ENGRAM_DATA_TEST; part++)
        for (size_t i = 0; fine && engram_data_sample(data, part, i, &s); i++)
            fine = add_input(in, s.path);
    engram_data_free(data);
    return fine;
}

bool inputs_have(const struct inputs *in, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return false;
    const struct file_identity key = {s.st_dev, s.st_ino};
    return in->n && bsearch(&key, in->files, in->n, sizeof key, by_identity) != NULL;
}

bool inputs_list(struct inputs *in, const char *const *urls, size_t n)
{
    bool fine = true;
    for (size_t i = 0; fine && i < n; i++)
        fine = add_inputs(in, urls[i]);
    if (in->n)
        qsort(in->files, in->n, sizeof *in->files, by_identity);
    return fine;
}

void inputs_free(struct inputs *in)
{
    free(in->files);
    *in = (struct inputs){0};
}
