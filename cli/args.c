#include "args.h"

#include "console.h"
#include "engram.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct flag common_flags[] = {
    {"quiet", 'q', FLAG_SWITCH, offsetof(struct args, quiet), NULL, NULL, 0, 0, NULL,
     "only warnings and errors on stderr"},
    {"verbose", 'v', FLAG_SWITCH, offsetof(struct args, verbose), NULL, NULL, 0, 0, NULL, "details on stderr"},
    {"help", 'h', FLAG_SWITCH, offsetof(struct args, help), NULL, NULL, 0, 0, NULL, "this help"},
    {0},
};

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

const struct verb *verb_find(const struct verb *verbs, const char *name)
{
    for (const struct verb *v = verbs; v->name; v++)
        if (!strcmp(v->name, name))
            return v;
    return NULL;
}

static int unknown_verb(const struct verb *verbs, const char *name)
{
    struct guess guess = {.word = name};
    for (const struct verb *v = verbs; v->name; v++)
        guess_try(&guess, v->name);
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

static const struct flag *flag_in(const struct flag *table, const char *name)
{
    for (; table->name; table++)
        if (same_name(name, table->name))
            return table;
    return NULL;
}

static const struct flag *flag_by_letter(const struct verb *verb, char letter)
{
    const struct flag *const tables[] = {verb->flags, common_flags};
    for (int t = 0; t < 2; t++)
        for (const struct flag *f = tables[t]; f->name; f++)
            if (f->letter == letter)
                return f;
    return NULL;
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
    if (end == text || *end || errno || !isfinite(v) || (whole && v != floor(v)) || v < f->min || v > f->max)
        return console_usage(args->verb->name, "--%s takes a %s from %g to %g, not '%s'", f->name,
                             whole ? "whole number" : "number", f->min, f->max, text);
    void *at = (char *)args + f->offset;
    if (whole)
        *(int *)at = (int)v;
    else
        *(double *)at = v;
    return 0;
}

static int set_flag(struct args *args, const struct flag *f, const char *text)
{
    void *at = (char *)args + f->offset;
    switch (f->type) {
    case FLAG_SWITCH:
        *(bool *)at = true;
        return 0;
    case FLAG_CHOICE:
        if (!has_choice(f->choices, text))
            return console_usage(args->verb->name, "--%s takes one of %s, not '%s'", f->name, f->choices, text);
        *(const char **)at = text;
        return 0;
    case FLAG_TEXT:
        if (!*text)
            return console_usage(args->verb->name, "--%s needs %s, not an empty text", f->name, f->argument);
        *(const char **)at = text;
        return 0;
    case FLAG_SETTING:
        if (!strchr(text, '=') || *text == '=')
            return console_usage(args->verb->name, "--%s takes NAME=VALUE, not '%s'", f->name, text);
        return add_setting(args, text);
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

static int unknown_flag(const struct args *args, const char *name)
{
    const char *verb = args->verb->name;
    struct guess guess = {.word = name};
    for (const struct flag *f = args->verb->flags; f->name; f++)
        guess_try(&guess, f->name);
    for (const struct flag *f = common_flags; f->name; f++)
        guess_try(&guess, f->name);
    engram_option option = ENGRAM_OPTION_INIT;
    if (args->verb->settings)
        option_named(NULL, name, &option, &guess);
    if (guess.best)
        return console_usage(verb, "%s has no flag --%s; did you mean --%s?", verb, name, guess.best);
    return console_usage(verb, "%s has no flag --%s", verb, name);
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
    const char *value = word[n] ? word + n + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    engram_option option = ENGRAM_OPTION_INIT;
    const struct flag *f = flag_in(args->verb->flags, name);
    if (!f)
        f = flag_in(common_flags, name);
    if (!f && !(args->verb->settings && option_named(NULL, name, &option, NULL)))
        return unknown_flag(args, name);
    bool alone = f ? f->type == FLAG_SWITCH : !strcmp(option.type, "bool");
    if (f && alone && value)
        return console_usage(args->verb->name, "--%s takes no value", name);
    if (!alone && !value) {
        value = *words->next;
        if (!value)
            return console_usage(args->verb->name, "--%s needs a value", name);
        words->next++;
    }
    return f ? set_flag(args, f, value) : add_option(args, option.name, value ? value : "true");
}

/* "-q", "-qv", "-o FILE", "-oFILE". */
static int parse_letters(struct args *args, const char *letters, struct words *words)
{
    for (; *letters; letters++) {
        const struct flag *f = flag_by_letter(args->verb, *letters);
        if (!f)
            return console_usage(args->verb->name, "%s has no flag -%c", args->verb->name, *letters);
        if (f->type != FLAG_SWITCH) {
            const char *value = letters[1] ? letters + 1 : *words->next;
            if (!value)
                return console_usage(args->verb->name, "-%c needs a value: %s", f->letter, f->argument);
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

static int parse_words(struct args *args, struct words *words)
{
    bool flags = true;
    while (*words->next) {
        const char *word = *words->next++;
        int code = 0;
        if (flags && !strcmp(word, "--"))
            flags = false;
        else if (flags && !strncmp(word, "--", 2))
            code = parse_long(args, word + 2, words);
        else if (flags && word[0] == '-' && word[1])
            code = parse_letters(args, word + 1, words);
        else
            args->operands[args->noperands++] = word;
        if (code)
            return code;
    }
    return args->help ? 0 : check_operands(args);
}

int args_parse(const struct verb *verbs, int argc, char **argv, struct args *args)
{
    *args = (struct args){.verbs = verbs};
    const char *first = argc > 1 ? argv[1] : "";
    if (!strcmp(first, "--version") || !strcmp(first, "-V"))
        return args->version = true, 0;
    if (!strcmp(first, "--help") || !strcmp(first, "-h"))
        return args->help = true, 0;
    if (argc < 2)
        return console_usage(NULL, "what is to be done? For example: engram demo");
    if (first[0] == '-')
        return console_usage(NULL, "the verb comes first, then its flags: engram VERB %s", first);
    args->verb = verb_find(verbs, first);
    if (!args->verb)
        return unknown_verb(verbs, first);
    size_t n = (size_t)argc;
    args->operands = calloc(n, sizeof *args->operands);
    args->settings = calloc(n, sizeof *args->settings);
    args->owned = calloc(n, sizeof *args->owned);
    if (!args->operands || !args->settings || !args->owned)
        return console_error("out of memory while reading the command line");
    set_defaults(args);
    return parse_words(args, &(struct words){argv + 2});
}

void args_scorer_settings(const struct args *args, bool maps, struct scorer_settings *s)
{
    *s = (struct scorer_settings){.n = 2};
    snprintf(s->text[0], sizeof *s->text, "threads=%d", args->threads);
    snprintf(s->text[1], sizeof *s->text, "false_alarm_rate=%.17g", args->rate);
    s->list[0] = s->text[0];
    s->list[1] = s->text[1];
    if (args->batch) { /* where the verb has that flag */
        snprintf(s->text[2], sizeof *s->text, "batch=%d", args->batch);
        s->list[s->n++] = s->text[2];
    }
    if (maps)
        s->list[s->n++] = "maps=true";
}

void args_free(struct args *args)
{
    for (size_t i = 0; i < args->nowned; i++)
        free(args->owned[i]);
    free(args->owned);
    free(args->operands);
    free(args->settings);
    *args = (struct args){0};
}
