#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *format, ...)
{
    if (e->code)
        return e->code;
    va_list args;
    va_start(args, format);
    vsnprintf(e->msg, sizeof e->msg, format, args);
    va_end(args);
    return e->code = code;
}

int err_memory(struct err *e, const char *what)
{
    return err_set(e, ERR_MEMORY, "out of memory while allocating %s", what);
}
