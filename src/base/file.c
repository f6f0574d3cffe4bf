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

/* ---- writing ---- */

static void file_out_clear(struct file_out *f)
{
    free(f->path);
    free(f->temporary);
    *f = (struct file_out){0};
}

/* Where a write to `path` really goes: the end of a chain of links, so that the links stay. */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    return real ? real : strdup(path);
}

/* A new file beside the target, so that the rename stays on one file system. */
static int open_temporary(struct file_out *f, struct err *e)
{
    static unsigned counter;
    int fd = -1;
    for (int attempt = 0; fd < 0 && attempt < 100; attempt++) {
        free(f->temporary);
        unsigned number = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
        if (asprintf(&f->temporary, "%s.tmp-%ld-%u", f->path, (long)getpid(), number) < 0) {
            f->temporary = NULL;
            return err_memory(e, "a file name");
        }
        fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0) {
        int why = errno;
        free(f->temporary);
        f->temporary = NULL; /* not ours to remove */
        return err_set(e, ERR_IO, "cannot write %s: %s; check that its folder exists and may be written to", f->path,
                       strerror(why));
    }
    f->stream = fdopen(fd, "wb");
    if (f->stream)
        return 0;
    close(fd);
    return err_memory(e, "a file buffer");
}

static int open_target(struct file_out *f, struct err *e)
{
    enum file_kind kind = file_kind(f->path);
    if (kind == FILE_FOLDER)
        return err_set(e, ERR_IO, "cannot write %s: it is a folder; give the name of a file", f->path);
    if (kind == FILE_REGULAR && !f->force)
        return err_set(e, ERR_IO, "%s exists already and was left as it is; choose another name or use --force",
                       f->path);
    if (kind != FILE_OTHER)
        return open_temporary(f, e);
    f->stream = fopen(f->path, "wbe");
    return f->stream ? 0 : err_set(e, ERR_IO, "cannot write %s: %s", f->path, strerror(errno));
}

int file_create(struct file_out *f, const char *path, bool force, struct err *e)
{
    *f = (struct file_out){.path = resolve(path), .force = force};
    int code = f->path ? open_target(f, e) : err_memory(e, "a file name");
    if (code < 0)
        file_abandon(f);
    return code;
}

/* Without force a file that has appeared since file_create must not be replaced either. */
static int move_into_place(const struct file_out *f)
{
    if (f->force)
        return rename(f->temporary, f->path);
    int failed = renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->path, RENAME_NOREPLACE);
    if (failed && (errno == EINVAL || errno == ENOSYS)) /* a file system that cannot */
        return rename(f->temporary, f->path);
    return failed;
}

/* The new name itself must survive a power cut. Some file systems cannot: then it is as good as it gets. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

int file_commit(struct file_out *f, struct err *e)
{
    bool failed = ferror(f->stream) != 0;
    errno = 0;
    failed |= fflush(f->stream) != 0;
    if (!failed && f->temporary)
        failed = fsync(fileno(f->stream)) != 0 && errno != EINVAL && errno != EROFS;
    int why = failed && errno ? errno : EIO;
    failed |= fclose(f->stream) != 0;
    f->stream = NULL;
    if (!failed && f->temporary) {
        failed = move_into_place(f) != 0;
        why = errno;
    }
    if (failed) {
        int code = err_set(e, ERR_IO, "cannot write %s: %s; nothing was changed", f->path, strerror(why));
        file_abandon(f);
        return code;
    }
    if (f->temporary)
        sync_folder(f->path);
    file_out_clear(f);
    return 0;
}

void file_abandon(struct file_out *f)
{
    if (f->stream)
        fclose(f->stream);
    if (f->temporary)
        unlink(f->temporary);
    file_out_clear(f);
}

/* ---- reading ---- */

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

int file_read(const char *path, size_t limit, unsigned char **data, size_t *size, struct err *e)
{
    *data = NULL;
    *size = 0;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return err_set(e, ERR_IO, "cannot open %s: %s", path, strerror(why));
    }
    int code = 0;
    size_t expected = st.st_size > 0 ? (size_t)st.st_size : 0;
    if (S_ISDIR(st.st_mode))
        code = err_set(e, ERR_IO, "cannot read %s: it is a folder, and a file is wanted", path);
    else if (expected > limit)
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
