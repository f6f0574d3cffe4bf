#include "args.h"

#include "columns.h"
#include "console.h"
#include "engram.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS_OF struct args
// clang-format off
const struct flag common_flags[] = {
    ROW_SWITCH(quiet,   'q', "only warnings and errors on stderr"),
    ROW_SWITCH(verbose, 'v', "on stderr, when each step begins, and time and memory in the end"),
    ROW_SWITCH(help,    'h', "help, with a verb the verb's"),
    ROW_SWITCH(version, 'V', "the version"),
    {0}};
// clang-format on

/* ---- did you mean ---- */

enum { WORD = 40 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits to get from one word to the other (Levenshtein), a swap of neighbours counting one. Words longer than WORD are
 * far from everything. */
static size_t word_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), d[WORD + 1][WORD + 1];
    if (n > WORD || m > WORD)
        return WORD;
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[n][m];
}

void guess_try(struct guess *guess, const char *candidate)
{
    size_t distance = word_distance(guess->word, candidate), length = strlen(guess->word);
    size_t limit = length < 3 ? 1 : length < 7 ? 2 : 3;
    if (distance <= limit && distance < length && (!guess->best || distance < guess->distance)) {
        guess->best = candidate;
        guess->distance = distance;
    }
}

const struct verb *verb_find(const struct verb *const *verbs, const char *name)
{
    for (; *verbs; verbs++)
        if (!strcmp((*verbs)->name, name))
            return *verbs;
    return NULL;
}

bool verb_computes(const struct args *args)
{
    (void)args;
    return true;
}

static int unknown_verb(const struct verb *const *verbs, const char *name)
{
    struct guess guess = {.word = name};
    for (; *verbs; verbs++)
        guess_try(&guess, (*verbs)->name);
    if (guess.best)
        return console_usage(NULL, "there is no verb '%s'; did you mean '%s'?", name, guess.best);
    return console_usage(NULL, "there is no verb '%s'", name);
}

/* ---- options of models and training as flags ---- */

/* Names in options and flags: minus and underscore are the same. */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return *a == *b;
}

void flag_shown(const char *name, char *text, size_t size)
{
    snprintf(text, size, "%s", name);
    for (; *text; text++)
        if (*text == '_')
            *text = '-';
}

typedef int option_at(const char *owner, size_t i, engram_option *option);

static int train_option_at(const char *owner, size_t i, engram_option *option)
{
    (void)owner;
    return engram_train_option_at(i, option);
}

static bool find_in(option_at *at, const char *owner, const char *name, engram_option *option, struct guess *guess)
{
    for (size_t i = 0; at(owner, i, option); i++) {
        if (same_name(name, option->name))
            return true;
        if (guess)
            guess_try(guess, option->name);
    }
    return false;
}

bool option_named(const char *model, const char *name, engram_option *option, struct guess *guess)
{
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    if (find_in(train_option_at, NULL, name, option, guess))
        return true;
    for (size_t k = 0; engram_model_kind_at(k, &kind); k++)
        if ((!model || !strcmp(model, kind.name)) && find_in(engram_model_option_at, kind.name, name, option, guess))
            return true;
    return false;
}

static int add_setting(struct args *args, const char *setting)
{
    args->settings[args->nsettings++] = setting;
    if (!strncmp(setting, "threads=", 8))
        args->threads = atoi(setting + 8);
    return 0;
}

static int add_option(struct args *args, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = malloc(size);
    if (!text)
        return console_error("out of memory while reading the command line");
    snprintf(text, size, "%s=%s", name, value);
    args->owned[args->nowned++] = text;
    return add_setting(args, text);
}

/* ---- flags ---- */

/* The verb's own flags come first, those of every verb second; before the verb there are only these. */
struct tables {
    const struct flag *v[2];
};

static struct tables tables_of(const struct verb *verb)
{
    static const struct flag none[] = {{0}};
    return (struct tables){{verb ? verb->flags : none, common_flags}};
}

static const struct flag *flag_by_name(const struct verb *verb, const char *name)
{
    const struct tables tables = tables_of(verb);
    for (int t = 0; t < 2; t++)
        for (const struct flag *f = tables.v[t]; f->name; f++)
            if (same_name(name, f->name))
                return f;
    return NULL;
}

static const struct flag *flag_by_letter(const struct verb *verb, char letter)
{
    const struct tables tables = tables_of(verb);
    for (int t = 0; t < 2; t++)
        for (const struct flag *f = tables.v[t]; f->name; f++)
            if (f->letter == letter)
                return f;
    return NULL;
}

static void *field_of(struct args *args, const struct flag *f)
{
    bool common = f >= common_flags && f < common_flags + sizeof common_flags / sizeof *common_flags;
    return (common ? (char *)args : (char *)args->flags) + f->offset;
}

static bool has_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *c = choices; *c; c += c[strcspn(c, "|")] ? strcspn(c, "|") + 1 : strcspn(c, "|"))
        if (strcspn(c, "|") == length && !strncmp(c, text, length))
            return true;
    return false;
}

static int set_number(struct args *args, const struct flag *f, const char *text)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    bool whole = f->type == FLAG_WHOLE;
    if (end == text || *end || errno || !isfinite(v) || (whole && v != floor(v)) || v < f->min || v > f->max) {
        char name[WORD + 1];
        flag_shown(f->name, name, sizeof name);
        return console_usage(args->verb->name, "--%s takes a %s from %g to %g, not '%s'", name,
                             whole ? "whole number" : "number", f->min, f->max, text);
    }
    if (whole)
        *(int *)field_of(args, f) = (int)v;
    else
        *(double *)field_of(args, f) = v;
    if (!strcmp(f->name, "threads"))
        args->threads = (int)v;
    return 0;
}

/* Collected until the operands are known. */
static int add_column(struct args *args, const char *name, const char *text)
{
    size_t used = strlen(args->columns);
    int n = snprintf(args->columns + used, sizeof args->columns - used, "%s%s=%s", used ? "&" : "", name, text);
    if (!*text || strpbrk(text, "&?"))
        return console_usage(args->verb->name, "--%s takes columns by name or number, without & and ?; not '%s'", name,
                             text);
    if (n < 0 || (size_t)n >= sizeof args->columns - used)
        return console_usage(args->verb->name, "--%s: so many columns cannot be named", name);
    return 0;
}

static int set_flag(struct args *args, const struct flag *f, const char *text)
{
    char name[WORD + 1];
    flag_shown(f->name, name, sizeof name);
    switch (f->type) {
    case FLAG_SWITCH:
        *(bool *)field_of(args, f) = true;
        return 0;
    case FLAG_CHOICE:
        if (!has_choice(f->choices, text))
            return console_usage(args->verb->name, "--%s takes one of %s, not '%s'", name, f->choices, text);
        *(const char **)field_of(args, f) = text;
        return 0;
    case FLAG_TEXT:
        if (!*text)
            return console_usage(args->verb->name, "--%s needs %s, not an empty text", name, f->argument);
        *(const char **)field_of(args, f) = text;
        return 0;
    case FLAG_SETTING:
        if (!strchr(text, '=') || *text == '=')
            return console_usage(args->verb->name, "--%s takes NAME=VALUE, not '%s'", name, text);
        return add_setting(args, text);
    case FLAG_COLUMN:
        return add_column(args, f->name, text);
    case FLAG_WHOLE:
    case FLAG_NUMBER:
        return set_number(args, f, text);
    }
    return 0;
}

static void set_defaults(struct args *args)
{
    for (const struct flag *f = args->verb->flags; f->name; f++)
        if (f->value)
            set_flag(args, f, f->value);
}

/* "engram train", or "engram" before the verb. */
static const char *owner_of(const struct verb *verb)
{
    return verb ? verb->name : "engram";
}

static int unknown_flag(const struct verb *verb, const char *name)
{
    struct guess guess = {.word = name};
    const struct tables tables = tables_of(verb);
    for (int t = 0; t < 2; t++)
        for (const struct flag *f = tables.v[t]; f->name; f++)
            guess_try(&guess, f->name);
    engram_option option = ENGRAM_OPTION_INIT;
    if (verb && verb->settings)
        option_named(NULL, name, &option, &guess);
    char shown[WORD + 1];
    flag_shown(guess.best ? guess.best : "", shown, sizeof shown);
    const char *hint = verb ? "" : "; a verb's own flags stand behind it";
    return console_usage(verb ? verb->name : NULL, "%s has no flag --%s%s%s%s%s", owner_of(verb), name, hint,
                         guess.best ? "; did you mean --" : "", shown, guess.best ? "?" : "");
}

/* ---- the command line ---- */

struct words {
    char **next; /* NULL-terminated */
};

/* "--name", "--name=value", "--name value". `word` is behind the two minus signs. */
static int parse_long(struct args *args, const char *word, struct words *words)
{
    char name[WORD + 1];
    size_t n = strcspn(word, "=");
    const struct verb *verb = args->verb;
    const char *value = word[n] ? word + n + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    engram_option option = ENGRAM_OPTION_INIT;
    const struct flag *f = flag_by_name(verb, name);
    if (!f && !(verb && verb->settings && option_named(NULL, name, &option, NULL)))
        return unknown_flag(verb, name);
    bool alone = f ? f->type == FLAG_SWITCH : !strcmp(option.type, "bool");
    if (f && alone && value)
        return console_usage(verb ? verb->name : NULL, "--%s takes no value", name);
    if (!alone && !value) {
        value = *words->next;
        if (!value)
            return console_usage(verb->name, "--%s needs a value", name);
        words->next++;
    }
    return f ? set_flag(args, f, value) : add_option(args, option.name, value ? value : "true");
}

/* "-q", "-qv", "-o FILE", "-oFILE". */
static int parse_letters(struct args *args, const char *letters, struct words *words)
{
    const struct verb *verb = args->verb;
    for (; *letters; letters++) {
        const struct flag *f = flag_by_letter(verb, *letters);
        if (!f)
            return console_usage(verb ? verb->name : NULL, "%s has no flag -%c%s", owner_of(verb), *letters,
                                 verb ? "" : "; a verb's own flags stand behind it");
        if (f->type != FLAG_SWITCH) {
            const char *value = letters[1] ? letters + 1 : *words->next;
            if (!value)
                return console_usage(verb->name, "-%c needs a value: %s", f->letter, f->argument);
            words->next += !letters[1];
            return set_flag(args, f, value);
        }
        set_flag(args, f, NULL);
    }
    return 0;
}

static int check_operands(const struct args *args)
{
    const struct verb *v = args->verb;
    int n = (int)args->noperands;
    if (n < v->least)
        return console_usage(v->name, "%s needs %s: engram %s %s", v->name,
                             n ? "more than that" : "to know what to work on", v->name, v->operands);
    if (n > v->most)
        return console_usage(v->name, "%s does not know what to do with '%s'", v->name, args->operands[v->most]);
    return 0;
}

/* What is said of columns becomes part of the data's URLs. */
static int name_columns(struct args *args)
{
    const int from = args->verb->data < 0 ? (int)args->noperands - 1 : args->verb->data;
    for (size_t i = (size_t)from; *args->columns && i < args->noperands; i++) {
        char *url = columns_url(args->operands[i], args->columns);
        if (!url)
            return console_error("out of memory while reading the command line");
        args->owned[args->nowned++] = url;
        args->operands[i] = url;
    }
    return 0;
}

/* The verb's struct and room for all that may follow. */
static int begin_verb(struct args *args, const char *name, size_t words)
{
    args->verb = verb_find(args->verbs, name);
    if (!args->verb)
        return unknown_verb(args->verbs, name);
    args->operands = calloc(words, sizeof *args->operands);
    args->settings = calloc(words, sizeof *args->settings);
    args->owned = calloc(words, sizeof *args->owned);
    args->flags = calloc(1, args->verb->flags_size);
    if (!args->operands || !args->settings || !args->owned || !args->flags)
        return console_error("out of memory while reading the command line");
    set_defaults(args);
    return 0;
}

static int parse_words(struct args *args, size_t n, struct words *words)
{
    bool flags = true;
    int code = 0;
    while (!code && *words->next) {
        const char *word = *words->next++;
        if (flags && !strcmp(word, "--"))
            flags = false;
        else if (flags && !strncmp(word, "--", 2))
            code = parse_long(args, word + 2, words);
        else if (flags && word[0] == '-' && word[1])
            code = parse_letters(args, word + 1, words);
        else if (!args->verb)
            code = begin_verb(args, word, n);
        else
            args->operands[args->noperands++] = word;
    }
    return code;
}

int args_parse(const struct verb *const *verbs, int argc, char **argv, struct args *args)
{
    *args = (struct args){.verbs = verbs};
    int code = parse_words(args, (size_t)argc + 1, &(struct words){argc > 0 ? argv + 1 : argv});
    if (code || args->help || args->version)
        return code;
    if (!args->verb)
        return console_usage(NULL, "what is to be done? For example: engram demo");
    code = check_operands(args);
    return code ? code : name_columns(args);
}

void scorer_settings_make(struct scorer_settings *s, double rate, int threads, int batch, const char *score, bool maps)
{
    s->n = 0;
    scorer_settings_add(s, "false_alarm_rate=%.17g", rate);
    scorer_settings_add(s, "threads=%d", threads);
    scorer_settings_add(s, "batch=%d", batch);
    scorer_settings_add(s, "score=%s", score);
    if (maps)
        scorer_settings_add(s, "maps=true");
}

void scorer_settings_add(struct scorer_settings *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->text[s->n], sizeof *s->text, format, arguments);
    va_end(arguments);
    s->list[s->n] = s->text[s->n];
    s->n++;
}

void args_free(struct args *args)
{
    for (size_t i = 0; i < args->nowned; i++)
        free(args->owned[i]);
    free(args->owned);
    free(args->operands);
    free(args->settings);
    free(args->flags);
    *args = (struct args){0};
}
