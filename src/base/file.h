/* Files: whole-file reads with limits, atomic writes, folders in natural order. Paths are UTF-8 as the system has them.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A file being written: it appears under its name only when file_commit succeeds, whole or not at all. */
struct file_out {
    FILE *stream; /* write here; a file on a disk can be sought in */
    struct sink *sink;
    char *path, *temporary;
    bool force;
};

/* Opens `path` for an atomic write. An existing file is refused (ERR_IO) unless `force`. A link is followed, also to
 * what is not there yet; a device or pipe that somebody reads is written to directly, since there is nothing to keep.
 * Writing raises no signal. */
int file_create(struct file_out *f, const char *path, bool force, struct err *e);
/* Flushes to the disk and renames; on failure (full disk) nothing is left behind and what was there stays. */
int file_commit(struct file_out *f, struct err *e);
/* Gives up: removes the temporary file. Harmless after file_commit or on {0}. */
void file_abandon(struct file_out *f);

/* For a file that one process at a time may write over a long time: a lock that ends with the process, whatever ends
 * it. A second one is refused (ERR_IO), by whichever link it comes. PATH.lock stands beside the file meanwhile. On a
 * disk that knows no locks nobody is refused. */
struct file_lock {
    char *path;
    int fd;
};
int file_lock(struct file_lock *l, const char *path, struct err *e);
void file_unlock(struct file_lock *l); /* after a failed file_lock, too */

/* Opens a file on a disk to read; *size is its size now. What is no such file (a folder, a pipe, a device) is refused
 * and never waited for. The descriptor is the caller's to close. */
int file_open(const char *path, int *fd, size_t *size, struct err *e);

/* Reads a whole file of at most `limit` bytes; *data is the caller's (free), with a 0 byte behind the last. */
int file_read(const char *path, size_t limit, unsigned char **data, size_t *size, struct err *e);

/* Makes a folder and its parents; an existing one is fine. */
int file_make_folder(const char *path, struct err *e);

enum file_kind { FILE_ABSENT, FILE_REGULAR, FILE_FOLDER, FILE_OTHER };
enum file_kind file_kind(const char *path);

/* "dir/name" on the heap (free), NULL when out of memory. A `dir` of "" gives name alone. */
char *file_join(const char *dir, const char *name);

/* Order of people, not of bytes: frame2 before frame10, case ignored first; a total order. For qsort on char *. */
int file_natural_order(const void *a, const void *b);

struct file_list {
    char **names; /* names in the folder, natural order; owned */
    size_t n;
    size_t hidden; /* entries left out because their name begins with a dot */
};
/* Lists a folder's entries without hidden ones (".x"). */
int file_list(const char *folder, struct file_list *list, struct err *e);
void file_list_free(struct file_list *list);

#endif
