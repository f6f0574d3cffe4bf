/* The public interface: what all its parts share. Its files translate between engram.h and the floors below, no more.
 */
#include "engram_private.h"

#include "base/file.h"
#include "base/pause.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)ENGRAM_FAIL == ERR_FAIL && (int)ENGRAM_USAGE == ERR_USAGE && (int)ENGRAM_MEMORY == ERR_MEMORY &&
                   (int)ENGRAM_IO == ERR_IO && (int)ENGRAM_FORMAT == ERR_FORMAT && (int)ENGRAM_STOPPED == ERR_STOPPED,
               "the codes are the same");
_Static_assert((int)ENGRAM_LOG_WARN == LOG_WARN && (int)ENGRAM_LOG_INFO == LOG_INFO &&
                   (int)ENGRAM_LOG_DEBUG == LOG_DEBUG,
               "so are the levels");
_Static_assert(sizeof((engram_error *)0)->message >= sizeof((struct err *)0)->msg, "every sentence fits");

const char *engram_version(void)
{
    return ENGRAM_VERSION;
}

int engram_threads(int asked)
{
    return threads_choose(asked);
}

/* Longer than what lies between two parallel regions of a small net's step, and than what its threads finish apart:
 * measured by bench/waiting.py. */
int engram_spin_count(void)
{
    static const double seconds = 250e-6;
    return pause_count(seconds);
}

/* ---- calls ---- */

void call_begin(struct call *call)
{
    *call = (struct call){.err = ERR_INIT};
    call->before = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* glibc's own object: nothing to free */
}

int call_end(struct call *call, int code, engram_error *error)
{
    uselocale(call->before);
    if (code >= 0)
        return 0;
    if (error) {
        error->code = code;
        strcpy(error->message, call->err.msg);
    }
    return code;
}

int call_needs(struct call *call, const char *function, const struct argument *arguments)
{
    for (; arguments->name; arguments++)
        if (!arguments->given)
            return err_set(&call->err, ERR_USAGE, "%s was called without %s: it is NULL, and may not be", function,
                           arguments->name);
    return 0;
}

/* ---- structs that begin with their size ---- */

static size_t struct_size(const void *s)
{
    size_t size = 0;
    if (s)
        memcpy(&size, s, sizeof size);
    return size;
}

int struct_check(const char *type, const void *out, struct err *e)
{
    if (struct_size(out) >= sizeof(size_t))
        return 0;
    return err_set(e, ERR_USAGE,
                   "an %s does not say its size: its first member is %zu; begin with the initialiser of that "
                   "name (_INIT) or set .size = sizeof(%s)",
                   type, struct_size(out), type);
}

int struct_read(const char *type, const void *in, size_t known, void *out, struct err *e)
{
    memset(out, 0, known);
    if (!in)
        return 0;
    TRY(struct_check(type, in, e));
    size_t size = struct_size(in);
    for (size_t i = known; i < size; i++)
        if (((const unsigned char *)in)[i])
            return err_set(e, ERR_USAGE,
                           "an %s of %zu bytes asks for something that libengram %s, which knows %zu of them, cannot "
                           "do; the program was built for a newer one",
                           type, size, ENGRAM_VERSION, known);
    memcpy(out, in, size < known ? size : known);
    return 0;
}

void struct_write(void *out, const void *full, size_t known)
{
    size_t size = struct_size(out);
    memcpy(out, full, size < known ? size : known);
    if (size > known)
        memset((unsigned char *)out + known, 0, size - known);
    memcpy(out, &size, sizeof size);
}

void *struct_element(const void *array, size_t i)
{
    return (char *)(uintptr_t)array + i * *(const size_t *)array;
}

int struct_row(void *row, const void *full, size_t known)
{
    if (struct_size(row) < sizeof(size_t))
        return 0;
    struct_write(row, full, known);
    return 1;
}

/* ---- stopping ---- */

struct engram_stop {
    atomic_int set; /* lock-free on every machine that oneDNN knows: a signal handler may touch it */
};

int engram_stop_new(engram_stop **stop, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(stop));
    engram_stop *s = code < 0 ? NULL : calloc(1, sizeof *s);
    if (s)
        *stop = s;
    else if (code == 0)
        code = err_memory(&call.err, "a stop token");
    return call_end(&call, code, error);
}

void engram_stop_set(engram_stop *stop)
{
    if (stop)
        atomic_store(&stop->set, 1);
}

void engram_stop_clear(engram_stop *stop)
{
    if (stop)
        atomic_store(&stop->set, 0);
}

int engram_stop_is_set(const engram_stop *stop)
{
    return stop ? atomic_load(&stop->set) : 0;
}

void engram_stop_free(engram_stop *stop)
{
    free(stop);
}

/* ---- hooks ---- */

int call_hooks(struct call *call, const engram_hooks *hooks)
{
    return STRUCT_READ(engram_hooks, hooks, &call->hooks, &call->err);
}

void *hooks_user(const engram_hooks *hooks)
{
    return (void *)(uintptr_t)hooks;
}

static void forward_log(void *user, enum log_level level, const char *text)
{
    const engram_hooks *hooks = user;
    if (hooks->log)
        hooks->log(hooks->user, (int)level, text);
}

struct log hooks_log(const engram_hooks *hooks)
{
    return (struct log){forward_log, hooks_user(hooks)};
}

bool hooks_stop(void *user)
{
    const engram_hooks *hooks = user;
    return engram_stop_is_set(hooks->stop);
}

void hooks_samples(const engram_hooks *hooks, const char *what, size_t done, size_t total, double seconds)
{
    if (!hooks->progress)
        return;
    double left = done ? seconds / (double)done * (double)(total - done) : -1;
    const engram_progress p = {.size = sizeof p,
                               .what = what,
                               .done = (int64_t)done,
                               .total = (int64_t)total,
                               .seconds = seconds,
                               .seconds_left = left,
                               .validation_loss = NAN};
    hooks->progress(hooks->user, &p);
}

/* ---- files ---- */

int make_parent(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    char *folder = strndup(path, (size_t)(slash - path));
    if (!folder)
        return err_memory(e, "a folder's name");
    int code = file_make_folder(folder, e);
    free(folder);
    return code;
}
