#include "list.h"

#include "console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_all(FILE *f, char **bytes, size_t *n)
{
    size_t room = 0;
    while (!feof(f)) {
        if (*n + 1 >= room) {
            char *more = realloc(*bytes, room = 2 * room + (1 << 16));
            if (!more)
                return ENOMEM;
            *bytes = more;
        }
        *n += fread(*bytes + *n, 1, room - 1 - *n, f);
        if (ferror(f))
            return errno ? errno : EIO;
    }
    (*bytes)[*n] = 0;
    return 0;
}

int list_read_bytes(const char *path, char **bytes, size_t *n)
{
    bool input = !strcmp(path, "-");
    *bytes = NULL;
    *n = 0;
    console_debug("reading %s", input ? "standard input" : path);
    FILE *f = input ? stdin : fopen(path, "rbe");
    int failed = f ? read_all(f, bytes, n) : errno;
    if (f && !input)
        fclose(f);
    if (!failed)
        return 0;
    free(*bytes);
    *bytes = NULL;
    return console_error("%s cannot be read: %s", input ? "standard input" : path, strerror(failed));
}

static size_t count(const char *text, size_t n, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += text[i] == c;
    return found;
}

/* Cuts the text into paths. */
static void split(struct list *list, size_t n, char end)
{
    char *at = list->text, *stop = at + n;
    while (at < stop) {
        char *next = memchr(at, end, (size_t)(stop - at));
        next = next ? next : stop;
        *next = 0;
        if (end == '\n' && next > at && next[-1] == '\r')
            next[-1] = 0;
        if (*at)
            list->paths[list->n++] = at;
        at = next + 1;
    }
}

int list_read(struct list *list, const char *const *first, size_t n, const char *path, bool null)
{
    size_t bytes = 0;
    char end = null ? 0 : '\n';
    *list = (struct list){0};
    if (path) {
        int code = list_read_bytes(path, &list->text, &bytes);
        if (code)
            return code;
    }
    if (!null && path && memchr(list->text, 0, bytes))
        return console_error("%s has a zero byte in it: a list has one path a line, or with --null a zero byte behind "
                             "each path",
                             path);
    list->paths = calloc(n + (path ? count(list->text, bytes, end) : 0) + 1, sizeof *list->paths);
    if (!list->paths)
        return console_error("out of memory while reading a list of paths");
    for (; list->n < n; list->n++)
        list->paths[list->n] = first[list->n];
    if (path)
        split(list, bytes, end);
    return 0;
}

void list_free(struct list *list)
{
    free(list->text);
    free(list->paths);
    *list = (struct list){0};
}
