/* Errors: a code for the program and one full sentence for the user.
 *
 * Every function that can fail returns 0 (or a count) on success and a negative code on failure, having filled the
 * caller's struct err. The sentence says what was wanted, what was found, where, and what to do about it.
 * A struct err lives on the caller's stack, is never freed, and keeps the first error it is given. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum {
    ERR_FAIL = -1,    /* the work could not be done: data, numbers, state */
    ERR_USAGE = -2,   /* the caller asked for something that does not exist: model, option, value */
    ERR_MEMORY = -3,  /* an allocation failed */
    ERR_IO = -4,      /* a file could not be opened, read or written */
    ERR_FORMAT = -5,  /* a file is not what it should be */
    ERR_STOPPED = -6, /* the caller asked to stop */
};

struct err {
    int code; /* 0, or the first error's code */
    char msg[1000];
};

#define ERR_INIT ((struct err){0})

/* Records an error unless one is recorded already; returns the recorded code, so `return err_set(e, ...)` reads well.
 */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same, for a failed allocation of `what`. */
int err_memory(struct err *e, const char *what);

/* Forwards a failure to the caller. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        int try_code = (expression);                                                                                   \
        if (try_code < 0)                                                                                              \
            return try_code;                                                                                           \
    } while (0)

#endif
