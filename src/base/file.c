/* Reading files and folders; file_out.c writes. */
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

/* Reads to the end of the file; *capacity bytes are there already, and grow while there is more to come. */
static int read_all(int fd, const char *path, size_t limit, size_t capacity, unsigned char **data, size_t *size,
                    struct err *e)
{
    for (*size = 0;;) {
        if (*size == capacity) {
            capacity = capacity * 2 + 1;
            unsigned char *more = realloc(*data, capacity + 1);
            if (!more)
                return err_memory(e, path);
            *data = more;
        }
        ssize_t got = read(fd, *data + *size, capacity - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(e, ERR_IO, "cannot read %s: %s", path, strerror(errno));
        if (got == 0)
            return 0;
        *size += (size_t)got;
        if (*size > limit)
            return err_set(e, ERR_FORMAT, "%s is larger than the %zu bytes that such a file may have", path, limit);
    }
}

int file_open(const char *path, int *fd, size_t *size, struct err *e)
{
    struct stat st;
    int code = 0;
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) < 0)
        code = err_set(e, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        code = err_set(e, ERR_IO, "cannot read %s: it is a folder, and a file is wanted", path);
    else if (!S_ISREG(st.st_mode))
        code = err_set(e, ERR_IO, "cannot read %s: it is a pipe or a device, and a file on a disk is wanted", path);
    if (code && *fd >= 0)
        close(*fd);
    *size = !code && st.st_size > 0 ? (size_t)st.st_size : 0;
    return code;
}

int file_read(const char *path, size_t limit, unsigned char **data, size_t *size, struct err *e)
{
    int fd, code = 0;
    size_t expected;
    *data = NULL;
    *size = 0;
    TRY(file_open(path, &fd, &expected, e));
    if (expected > limit)
        code = err_set(e, ERR_FORMAT, "%s has %zu bytes; such a file may have at most %zu", path, expected, limit);
    else if (!(*data = malloc(expected + 2))) /* one to notice the end without growing, one for the 0 */
        code = err_memory(e, path);
    else
        code = read_all(fd, path, limit, expected + 1, data, size, e);
    close(fd);
    if (code == 0) {
        (*data)[*size] = 0;
        return 0;
    }
    free(*data);
    *data = NULL;
    *size = 0;
    return code;
}

/* ---- folders ---- */

enum file_kind file_kind(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return FILE_ABSENT;
    return S_ISREG(st.st_mode) ? FILE_REGULAR : S_ISDIR(st.st_mode) ? FILE_FOLDER : FILE_OTHER;
}

int file_make_folder(const char *path, struct err *e)
{
    char *part = strdup(path);
    if (!part)
        return err_memory(e, "a file name");
    int code = 0;
    for (char *end = part + (*part == '/'); code == 0; end++) {
        if (*end && *end != '/')
            continue;
        char kept = *end;
        *end = 0;
        int why = *part && mkdir(part, 0777) < 0 ? errno : 0;
        if (why && file_kind(part) != FILE_FOLDER)
            code = err_set(e, ERR_IO, "cannot make the folder %s: %s", part, strerror(why));
        *end = kept;
        if (!kept)
            break;
    }
    free(part);
    return code;
}

char *file_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    char *joined;
    if (asprintf(&joined, "%s%s%s", dir, n == 0 || dir[n - 1] == '/' ? "" : "/", name) < 0)
        return NULL;
    return joined;
}

/* Compares two runs of digits by value, of any length, and moves both pointers behind them. */
static int compare_numbers(const unsigned char **a, const unsigned char **b)
{
    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    int order = 0;
    for (; isdigit(**a) && isdigit(**b); ++*a, ++*b)
        if (!order)
            order = **a - **b;
    if (isdigit(**a) || isdigit(**b)) /* the longer number is the larger */
        return isdigit(**a) ? 1 : -1;
    return order;
}

int file_natural_order(const void *a, const void *b)
{
    const char *left = *(char *const *)a, *right = *(char *const *)b;
    const unsigned char *x = (const unsigned char *)left, *y = (const unsigned char *)right;
    while (*x && *y) {
        int order;
        if (isdigit(*x) && isdigit(*y)) {
            order = compare_numbers(&x, &y);
        } else {
            order = tolower(*x++) - tolower(*y++);
        }
        if (order)
            return order;
    }
    return *x || *y ? *x - *y : strcmp(left, right);
}

static int add_name(struct file_list *list, size_t *capacity, const char *name, struct err *e)
{
    if (list->n == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 64;
        char **more = realloc(list->names, *capacity * sizeof *more);
        if (!more)
            return err_memory(e, "a list of files");
        list->names = more;
    }
    list->names[list->n] = strdup(name);
    return list->names[list->n++] ? 0 : err_memory(e, "a list of files");
}

int file_list(const char *folder, struct file_list *list, struct err *e)
{
    *list = (struct file_list){0};
    DIR *dir = opendir(folder);
    if (!dir)
        return err_set(e, ERR_IO, "cannot open the folder %s: %s", folder, strerror(errno));
    size_t capacity = 0;
    int code = 0;
    while (code == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno)
                code = err_set(e, ERR_IO, "cannot read the folder %s: %s", folder, strerror(errno));
            break;
        }
        if (entry->d_name[0] != '.')
            code = add_name(list, &capacity, entry->d_name, e);
        else if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            list->hidden++;
    }
    closedir(dir);
    if (code < 0)
        file_list_free(list);
    else if (list->n)
        qsort(list->names, list->n, sizeof *list->names, file_natural_order);
    return code;
}

void file_list_free(struct file_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct file_list){0};
}
