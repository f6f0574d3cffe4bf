/* Lists of paths from a file or from standard input, and whole pictures from there. */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Paths one after the other; they point into `text`. */
struct list {
    char *text;
    const char **paths;
    size_t n;
};

/* Reads all of a file ("-": standard input) to *bytes, with a 0 behind its *n bytes; the caller frees. An exit code,
 * after a message. */
int list_read_bytes(const char *path, char **bytes, size_t *n);

/* The paths in a file, one a line (or with a 0 byte behind each, `null`), behind `first` (n of them, which the list
 * does not own). Empty lines are passed over, and so is a CR before the end of a line. */
int list_read(struct list *list, const char *const *first, size_t n, const char *path, bool null);
void list_free(struct list *list);

#endif
