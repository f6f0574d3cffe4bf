/* What the user sees on stderr, and how he stops us: messages, progress, Ctrl-C. Results are output.h's. */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "engram.h"

#include <stdbool.h>

/* Beside 128 + a signal's number. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,    /* the work was not done */
    EXIT_USAGE = 2,     /* the command line asks for what does not exist */
    EXIT_ANOMALIES = 3, /* done, and something is anomalous: where that was asked */
    EXIT_PARTLY = 4,    /* done but for some samples, which are told */
};

/* `quiet`: warnings and errors alone; `verbose`: what begins when, too; `bar`: a progress bar where stderr is a
 * terminal. */
void console_begin(bool quiet, bool verbose, bool bar);
/* Wipes the progress bar, so that something else can be printed. */
void console_clear(void);

/* Messages. Control characters in them, which file names may hold, are shown as \xNN. */
void console_debug(const char *format, ...) __attribute__((format(printf, 1, 2))); /* with the time, when verbose */
void console_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints an error; returns EXIT_FAILED. */
int console_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints a mistake in the command line with a pointer to the verb's help (NULL: the general one); EXIT_USAGE. */
int console_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the library's error, where it is not the user's own stop; returns the exit code that goes with it. */
int console_report(const engram_error *error);

/* Fills *error with a sentence of the command's own; returns -1. */
int console_refuse(engram_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Log, progress and stop of the library's long calls, to this console; the stop from console_catch_signals on. */
extern engram_hooks console_hooks;

/* The first Ctrl-C (or SIGTERM, SIGHUP) asks to stop; where nothing would be lost and it takes longer than some
 * seconds, the process ends all the same. The second kills. An exit code. */
int console_catch_signals(void);
bool console_interrupted(void);
/* 128 + the signal: 130 for Ctrl-C. */
int console_signal_code(void);

/* "1:02:03" or "2:13" into text[32]. */
const char *console_duration(double seconds, char *text);

/* Today as 2024-05-31 into text[32], or the day of SOURCE_DATE_EPOCH, for files that are to be the same on any day. */
const char *console_date(char *text);

/* The most memory that the process has had since console_watch_memory, in bytes; 0 where the system does not say. */
void console_watch_memory(void);
size_t console_peak_memory(void);

#endif
