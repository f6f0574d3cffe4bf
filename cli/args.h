/* Verbs and flags as data: parsing, help texts, the man page and shell completion are made from the same rows. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "engram.h"

#include <stdbool.h>
#include <stddef.h>

/* What a command line says. */
struct args {
    const struct verb *const *verbs; /* all there are, in the order to show them; NULL ends them */
    const struct verb *verb;
    const char **operands; /* what is no flag, in order */
    size_t noperands;
    const char **settings; /* "name=value": --set, and every option of models and training given as a flag */
    size_t nsettings;
    char columns[512]; /* options of the data's URLs: "label=kind&id=number" */
    char **owned;      /* settings that were put together from a flag and its value, and such URLs */
    size_t nowned;
    void *flags; /* the verb's own struct; flags that are not given have the default of their row */
    int threads; /* asked for, by flag or setting; 0: none in particular */
    bool quiet, verbose, help, version;
};

enum flag_type {
    FLAG_SWITCH,  /* bool: no argument */
    FLAG_TEXT,    /* const char * */
    FLAG_CHOICE,  /* const char *: one of choices */
    FLAG_WHOLE,   /* int, min to max */
    FLAG_NUMBER,  /* double, min to max */
    FLAG_SETTING, /* name=value, added to settings */
    FLAG_COLUMN,  /* an option of the data (columns.h) */
};

struct flag {
    const char *name; /* as its field; shown with minus signs. NULL ends a table */
    char letter;      /* 0: none */
    enum flag_type type;
    size_t offset;        /* of the field in the verb's struct; unused by FLAG_SETTING and FLAG_COLUMN */
    const char *argument; /* its name in help: "FILE"; NULL for switches */
    const char *value;    /* the default as a user would type it; NULL: none */
    double min, max;
    const char *choices; /* "csv|jsonl" */
    const char *help;    /* one line */
};

/* The rows of a table. FLAGS_OF names the struct that the table describes; a flag is called as its field. The formatter
 * is off around tables, as in base/option.h. */
// clang-format off
#define ROW_SWITCH(field, letter, help)                          {#field, letter, FLAG_SWITCH, OFFSET(field, bool), NULL, NULL, 0, 0, NULL, help}
#define ROW_TEXT(field, letter, argument, value, help)           {#field, letter, FLAG_TEXT, OFFSET(field, const char *), argument, value, 0, 0, NULL, help}
#define ROW_CHOICE(field, letter, argument, value, choices, help) {#field, letter, FLAG_CHOICE, OFFSET(field, const char *), argument, value, 0, 0, choices, help}
#define ROW_WHOLE(field, letter, argument, value, min, max, help) {#field, letter, FLAG_WHOLE, OFFSET(field, int), argument, value, min, max, NULL, help}
#define ROW_NUMBER(field, letter, argument, value, min, max, help) {#field, letter, FLAG_NUMBER, OFFSET(field, double), argument, value, min, max, NULL, help}
#define ROW_SETTING(name, letter, argument, help)                {name, letter, FLAG_SETTING, 0, argument, NULL, 0, 0, NULL, help}
/* Offsets that do not compile for a field of another type. */
#define OFFSET(field, type) _Generic(&((FLAGS_OF *)0)->field, type *: offsetof(FLAGS_OF, field))

/* What several verbs have. */
#define ROW_FORMAT  ROW_CHOICE(format, 0, "FORMAT", NULL, "csv|jsonl|text", "of the rows on stdout; without it text on a terminal, else csv")
#define ROW_PRESET  ROW_TEXT(preset, 'p', "NAME", NULL, "a named set of options (engram models MODEL lists them); without it the model's general one")
#define ROW_SET     ROW_SETTING("set", 's', "NAME=VALUE", "an option of the model or of training, over the preset; --NAME VALUE is the same")
#define ROW_RATE    ROW_NUMBER(false_alarm_rate, 'r', "RATE", "0.05", 0, 1, "share of normal samples that may be called anomalous; at 0 nothing is")
#define ROW_THREADS ROW_WHOLE(threads, 0, "N", "0", 0, 1024, "processor cores to use; 0, or more than there are: all")
#define ROW_BATCH   ROW_WHOLE(batch, 0, "N", "64", 1, 4096, "samples computed at once")
#define ROW_SCORE   ROW_CHOICE(score, 0, "WHAT", "file", "model|map|file", "what scores, verdicts and heat maps stand on: the model's own score, or the map that knows what is usual; file: what it was trained for")
#define ROW_PROTOCOL ROW_CHOICE(protocol, 0, "WHAT", "frames", "frames|official", "of videos: every frame is judged, or as in MemAE's official code a clip from every frame on, whose score is its middle frame's alone")
#define ROW_HOP     ROW_WHOLE(hop, 0, "N", "0", 0, 1000000, "of videos: from the first frame of a clip to that of the next; 0: as many as a clip judges")
#define ROW_COLUMN(name, argument, help) {name, 0, FLAG_COLUMN, 0, argument, NULL, 0, 0, NULL, help}
#define ROW_COLUMNS \
    ROW_COLUMN("label", "COLUMN", "of a table: the column that says what a row is, by its name or number; without it the one called label"), \
    ROW_COLUMN("normal", "TEXTS", "of a table: the texts of the label (with commas) that are normal; without it good, ok or normal"), \
    ROW_COLUMN("id", "COLUMNS", "of a table: columns (with commas) that name a row: shown with its score, not learnt"), \
    ROW_COLUMN("ignore", "COLUMNS", "of a table: columns (with commas) to leave out")
#define ROW_FORCE(help) ROW_SWITCH(force, 'f', help)
// clang-format on

struct verb {
    const char *name;
    const char *operands; /* "MODEL DATA" */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs for --help */
    const char *examples; /* lines */
    const struct flag *flags;
    size_t flags_size;                         /* of the struct that they describe */
    int least, most;                           /* operands */
    int data;                                  /* the first of them that is data; -1: the last one is */
    bool settings;                             /* takes the options of models and training as flags */
    bool (*computes)(const struct args *args); /* whether this run computes for seconds; NULL: none does */
    int (*run)(const struct args *args);
};

/* Flags that every verb has, and that may stand before it. */
extern const struct flag common_flags[];

const struct verb *verb_find(const struct verb *const *verbs, const char *name); /* NULL: none */
bool verb_computes(const struct args *args);                                     /* always */

/* "flip-h": how names of flags and options are typed and shown. */
void flag_shown(const char *name, char *text, size_t size);

/* Reads a command line for one of those verbs. 0, or an exit code after a message on stderr (2: wrong usage). */
int args_parse(const struct verb *const *verbs, int argc, char **argv, struct args *args);
void args_free(struct args *args);

/* What the flags of a verb say to a scorer, as the library's settings. */
struct scorer_settings {
    char text[16][64];
    const char *list[16];
    size_t n;
};
void scorer_settings_make(struct scorer_settings *s, double rate, int threads, int batch, const char *score, bool maps);

/* One more, "name=value". */
void scorer_settings_add(struct scorer_settings *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

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
