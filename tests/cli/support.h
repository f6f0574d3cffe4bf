/* Running the built command and looking at what it did, in a folder of the test's own. */
#ifndef TESTS_CLI_SUPPORT_H
#define TESTS_CLI_SUPPORT_H

#include "support/files.h"
#include "support/pictures.h"

#include <sys/types.h>

/* What a run printed and how it ended; valid until the next run. */
struct ran {
    int code;        /* exit status, or 128 + signal */
    int killed;      /* by this signal; 0: it ended by itself */
    const char *out; /* stdout */
    const char *err; /* stderr */
};

/* How to run it, where that is not the usual way. */
struct how {
    long limit_bytes;        /* RLIMIT_FSIZE; 0: none */
    const char *interrupt;   /* a signal as soon as this file exists, stderr holds "stderr:TEXT", or stdout "lines:N" */
    int signal;              /* which; 0: SIGINT */
    int interrupts;          /* how many of them, a moment apart; 0: one */
    void (*look)(pid_t pid); /* called before each of them */
    bool terminal;           /* stderr is one, of 100 columns; the test skips where there is none */
    bool out_terminal;       /* the same of stdout */
    bool reader_gone;        /* nobody reads stdout */
    const char *out_file;    /* stdout goes there: "/dev/full" */
    const char *in_file;     /* stdin comes from there */
    const char *program;     /* instead of engram */
    const char *environment; /* "NAME=VALUE" */
};

/* Runs `engram WORDS`, words parted by blanks (no quoting), for a minute at most. The working folder is the test's. */
struct ran run(const char *words);
struct ran run_how(const struct how *how, const char *words);

/* cmocka's setup of a group: folder_begin, and an environment that says nothing to engram. */
int command_begin(void **state);

/* A small trained model, made once a folder: 16x16 grey synth. Its name. */
const char *small_model(void);
/* The data it is trained on, and the flags. */
#define SMALL_DATA  "synth:?n=40&test=12&size=16"
#define SMALL_FLAGS "--widths 4,8 --items 10 --epochs 2 --batch 8 --calibration 0.5"

#define assert_code(ran, want) assert_code_at(ran, want, __FILE__, __LINE__)
void assert_code_at(struct ran ran, int want, const char *file, int line);
/* Failed with the code, and stderr is an error with `text` in it. */
#define assert_refused(ran, want, text) assert_refused_at(ran, want, text, __FILE__, __LINE__)
void assert_refused_at(struct ran ran, int want, const char *text, const char *file, int line);

/* The i-th line of a text, without newline, in a buffer that the next call reuses. */
const char *line_of(const char *text, int i);
int count_lines(const char *text);

#endif
