/* Writing: whole or not at all, with the reason why not. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the stream ---- */

/* Where a file_out's bytes go. The first error is kept: stdio remembers only that there was one. */
struct sink {
    int fd, error;
};

/* A write that fails with an error and never with a signal: a file above its limit (SIGXFSZ) or a pipe that nobody
 * reads (SIGPIPE) would end the process, and what signals do is not a library's to change. */
static ssize_t write_quietly(int fd, const char *bytes, size_t size)
{
    sigset_t quiet, before, pending;
    sigemptyset(&quiet);
    sigaddset(&quiet, SIGXFSZ);
    sigaddset(&quiet, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &quiet, &before);
    ssize_t done = write(fd, bytes, size);
    int error = errno;
    if (done < 0 && (error == EFBIG || error == EPIPE)) {
        int raised = error == EFBIG ? SIGXFSZ : SIGPIPE;
        sigset_t taken;
        sigemptyset(&taken);
        sigaddset(&taken, raised);
        if (!sigismember(&pending, raised)) /* one that was there before is not ours */
            sigtimedwait(&taken, NULL, &(struct timespec){0});
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return done;
}

static ssize_t sink_write(void *cookie, const char *bytes, size_t size)
{
    struct sink *s = cookie;
    size_t done = 0;
    while (done < size) {
        ssize_t n = write_quietly(s->fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            s->error = s->error ? s->error : errno;
            return 0;
        }
        done += (size_t)n;
    }
    return (ssize_t)size;
}

/* stdio has flushed before. */
static int sink_seek(void *cookie, off64_t *at, int whence)
{
    const struct sink *s = cookie;
    off64_t now = lseek64(s->fd, *at, whence);
    if (now >= 0)
        *at = now;
    return now < 0 ? -1 : 0;
}

/* Takes over the descriptor. */
static int open_stream(struct file_out *f, int fd, struct err *e)
{
    f->sink = malloc(sizeof *f->sink);
    if (f->sink) {
        *f->sink = (struct sink){.fd = fd};
        f->stream = fopencookie(f->sink, "wb", (cookie_io_functions_t){.write = sink_write, .seek = sink_seek});
    }
    if (f->stream)
        return 0;
    free(f->sink);
    f->sink = NULL;
    close(fd);
    return err_memory(e, "a file buffer");
}

/* Writes what is left to the disk; returns 0 or what went wrong first. */
static int close_stream(struct file_out *f, bool sync)
{
    bool failed = fflush(f->stream) != 0 || ferror(f->stream);
    if (!failed && sync && fsync(f->sink->fd) && errno != EINVAL && errno != EROFS)
        f->sink->error = errno;
    failed |= fclose(f->stream) != 0;
    if (close(f->sink->fd) && !f->sink->error)
        f->sink->error = errno;
    int error = f->sink->error ? f->sink->error : failed ? EIO : 0;
    free(f->sink);
    f->sink = NULL;
    f->stream = NULL;
    return error;
}

/* ---- where to ---- */

enum { LINKS_MAX = 40 };

/* What a link's text means beside the link. */
static char *beside(const char *link, const char *text)
{
    const char *slash = strrchr(link, '/');
    char *path;
    if (*text == '/' || !slash)
        return strdup(text);
    return asprintf(&path, "%.*s%s", (int)(slash + 1 - link), link, text) < 0 ? NULL : path;
}

/* Where a write to `path` really goes: the end of a chain of links, whether it leads to a file yet or not, so that the
 * links stay. NULL: out of memory. */
static char *resolve(const char *path)
{
    char *at = strdup(path);
    for (int i = 0; at && i < LINKS_MAX; i++) {
        char text[PATH_MAX];
        ssize_t n = readlink(at, text, sizeof text - 1);
        if (n < 0)
            break;
        text[n] = 0;
        char *next = beside(at, text);
        free(at);
        at = next;
    }
    return at;
}

/* ---- creating and committing ---- */

static void file_out_clear(struct file_out *f)
{
    free(f->path);
    free(f->temporary);
    *f = (struct file_out){0};
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
    return open_stream(f, fd, e);
}

/* A device or a pipe: there is nothing to keep. A pipe without a reader would wait for one. */
static int open_other(struct file_out *f, struct err *e)
{
    int fd = open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENXIO)
        return err_set(e, ERR_IO, "cannot write %s: nobody reads from this pipe; start its reader first", f->path);
    if (fd < 0)
        return err_set(e, ERR_IO, "cannot write %s: %s", f->path, strerror(errno));
    fcntl(fd, F_SETFL, 0); /* from here on a write waits for its reader */
    return open_stream(f, fd, e);
}

static int open_target(struct file_out *f, struct err *e)
{
    enum file_kind kind = file_kind(f->path);
    if (kind == FILE_FOLDER)
        return err_set(e, ERR_IO, "cannot write %s: it is a folder; give the name of a file", f->path);
    if (kind == FILE_REGULAR && !f->force)
        return err_set(e, ERR_IO, "%s exists already and was left as it is; choose another name or use --force",
                       f->path);
    return kind == FILE_OTHER ? open_other(f, e) : open_temporary(f, e);
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
    int error = close_stream(f, f->temporary != NULL);
    if (!error && f->temporary && move_into_place(f))
        error = errno;
    if (error) {
        int code = err_set(e, ERR_IO, "cannot write %s: %s; nothing was changed", f->path, strerror(error));
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
        close_stream(f, false);
    if (f->temporary)
        unlink(f->temporary);
    file_out_clear(f);
}

/* ---- locks ---- */

/* Whether the name still leads to the file that is open: its last owner removes it. */
static bool is_current(const char *path, int fd)
{
    struct stat named, opened;
    return !stat(path, &named) && !fstat(fd, &opened) && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

int file_lock(struct file_lock *l, const char *path, struct err *e)
{
    char *real = resolve(path);
    *l = (struct file_lock){.fd = -1};
    if (!real || asprintf(&l->path, "%s.lock", real) < 0)
        l->path = NULL;
    free(real);
    if (!l->path)
        return err_memory(e, "a file name");
    for (;;) {
        l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (l->fd < 0)
            return err_set(e, ERR_IO, "cannot write %s: %s; check that its folder exists and may be written to",
                           l->path, strerror(errno));
        bool refused = flock(l->fd, LOCK_EX | LOCK_NB) != 0, busy = refused && errno == EWOULDBLOCK;
        if (!busy && (refused || is_current(l->path, l->fd))) /* refused for another reason: a disk without locks */
            return 0;
        close(l->fd);
        l->fd = -1;
        if (busy)
            return err_set(e, ERR_IO, "%s is being written by another process; wait for it, or choose another name",
                           path);
    }
}

void file_unlock(struct file_lock *l)
{
    if (l->fd >= 0 && l->path) {
        unlink(l->path);
        close(l->fd);
    }
    free(l->path);
    *l = (struct file_lock){.fd = -1};
}
