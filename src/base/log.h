/* Messages for the user go to whoever called the library; the library itself never prints. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    void (*line)(void *user, enum log_level level, const char *text); /* NULL: silence. Text ends without newline */
    void *user;
};

/* `log` may be NULL. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
