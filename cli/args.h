/* Verbs and flags as data: parsing, help texts, the man page and shell completion are made from the same rows. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "engram.h"

#include <stdbool.h>
#include <stddef.h>

/* What a command line says. Flags that are not given have the default of their row. */
struct args {
    const struct verb *verbs; /* all there are, in the order to show them */
    const struct verb *verb;
    const char **operands; /* what is no flag, in order */
    size_t noperands;
    const char **settings; /* "name=value": --set, and every option of models and training given as a flag */
    size_t nsettings;
    char **owned; /* settings that were put together from a flag and its value */
    size_t nowned;

    const char *output, *preset, *report, *maps, *format, *completion, *data;
    bool force, resume, strict, exit_code, npy, list, man;
    bool training, profile;
    bool quiet, verbose, help, version;
    double rate;
    int threads, batch, repeat, seed, epochs, normal;
};

enum flag_type {
    FLAG_SWITCH,  /* bool: no argument */
    FLAG_TEXT,    /* const char * */
    FLAG_CHOICE,  /* const char *: one of choices */
    FLAG_WHOLE,   /* int, min to max */
    FLAG_NUMBER,  /* double, min to max */
    FLAG_SETTING, /* name=value, added to settings */
};

struct flag {
    const char *name; /* NULL ends a table */
    char letter;      /* 0: none */
    enum flag_type type;
    size_t offset;        /* of the field in struct args; unused by FLAG_SETTING */
    const char *argument; /* its name in help: "FILE"; NULL for switches */
    const char *value;    /* the default as a user would type it; NULL: none */
    double min, max;
    const char *choices; /* "csv|jsonl" */
    const char *help;    /* one line */
};

struct verb {
    const char *name;     /* NULL ends the table */
    const char *operands; /* "MODEL DATA" */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs for --help */
    const char *examples; /* lines */
    const struct flag *flags;
    int least, most; /* operands */
    bool settings;   /* takes the options of models and training as flags */
    int (*run)(const struct args *args);
};

/* Flags that every verb has. */
extern const struct flag common_flags[];

const struct verb *verb_find(const struct verb *verbs, const char *name); /* NULL: none */

/* Reads a command line for one of those verbs. 0, or an exit code after a message on stderr (2: wrong usage). */
int args_parse(const struct verb *verbs, int argc, char **argv, struct args *args);
void args_free(struct args *args);

/* The flags of a verb that scores, as the library's settings. */
struct scorer_settings {
    char text[3][48];
    const char *list[4];
    size_t n;
};
void args_scorer_settings(const struct args *args, bool maps, struct scorer_settings *s);

/* The known word nearest to `word`, for "did you mean"; NULL when none is near. Call it with each candidate. */
struct guess {
    const char *word, *best;
    size_t distance;
};
void guess_try(struct guess *guess, const char *candidate);

/* The option of training, or of a model (NULL: of any), by name: minus and underscore are the same. Names on the way
 * are tried for the guess, which may be NULL. */
bool option_named(const char *model, const char *name, engram_option *option, struct guess *guess);

#endif
