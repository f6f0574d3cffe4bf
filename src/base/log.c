#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || !log->line)
        return;
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log->line(log->user, level, text);
}
