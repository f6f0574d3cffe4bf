#include "complete.h"

#include "engram.h"

#include <stdio.h>
#include <string.h>

/* ---- what can be typed ---- */

/* A flag of a verb, or an option that it takes as one. */
struct word {
    char name[80];
    char letter;         /* 0: none */
    bool takes;          /* a value */
    const char *choices; /* "csv|jsonl"; NULL: any value */
    const char *help;
};

typedef void word_fn(const struct verb *verb, const struct word *word);

static void each_flag(const struct verb *verb, const struct flag *flags, word_fn *print)
{
    for (const struct flag *f = flags; f->name; f++) {
        struct word w = {.letter = f->letter, .takes = f->type != FLAG_SWITCH, .choices = f->choices, .help = f->help};
        flag_shown(f->name, w.name, sizeof w.name);
        print(verb, &w);
    }
}

static void one_option(const struct verb *verb, const engram_option *o, word_fn *print)
{
    struct word w = {.takes = strcmp(o->type, "bool") != 0, .choices = o->choices, .help = o->help};
    flag_shown(o->name, w.name, sizeof w.name);
    print(verb, &w);
}

/* Whether a model before the k-th has an option of that name: many share theirs. */
static bool known_before(size_t k, const char *name)
{
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    engram_option o = ENGRAM_OPTION_INIT;
    for (size_t j = 0; j < k && engram_model_kind_at(j, &kind); j++)
        for (size_t i = 0; engram_model_option_at(kind.name, i, &o); i++)
            if (!strcmp(o.name, name))
                return true;
    return false;
}

static void each_word(const struct verb *verb, word_fn *print)
{
    each_flag(verb, verb->flags, print);
    each_flag(verb, common_flags, print);
    engram_option o = ENGRAM_OPTION_INIT;
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    for (size_t i = 0; verb->settings && engram_train_option_at(i, &o); i++)
        one_option(verb, &o, print);
    for (size_t k = 0; verb->settings && engram_model_kind_at(k, &kind); k++)
        for (size_t i = 0; engram_model_option_at(kind.name, i, &o); i++)
            if (!known_before(k, o.name))
                one_option(verb, &o, print);
}

/* What the first operand is, where it is no path. */
static bool takes_model(const struct verb *verb)
{
    return verb->operands[strspn(verb->operands, "[")] == 'M';
}

static bool takes_verb(const struct verb *verb)
{
    return !strcmp(verb->operands, "[VERB]");
}

static void print_models(void)
{
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    for (size_t k = 0; engram_model_kind_at(k, &kind); k++)
        printf("%s%s", k ? " " : "", kind.name);
}

static void print_verbs(const struct verb *const *verbs)
{
    for (size_t i = 0; verbs[i]; i++)
        printf("%s%s", i ? " " : "", verbs[i]->name);
}

static void print_choices(const char *choices)
{
    for (; *choices; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

/* Text within single quotes; `also` are characters that want a backslash there. */
static void print_quoted(const char *text, const char *also)
{
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", strchr(also, *text) ? "\\" : "", *text);
}

/* ---- bash ---- */

static void bash_flag(const struct verb *verb, const struct word *w)
{
    (void)verb;
    printf(" --%s", w->name);
}

static void bash_choices(const struct verb *verb, const struct word *w)
{
    if (!w->choices)
        return;
    printf("        %s\\ --%s) words=\"", verb->name, w->name);
    print_choices(w->choices);
    printf("\" ;;\n");
}

static void bash_operand(const struct verb *const *verbs, const struct verb *v)
{
    if (!takes_model(v) && !takes_verb(v))
        return;
    printf("        %s\\ %s) words=\"", v->name, v->name);
    if (takes_model(v))
        print_models();
    else
        print_verbs(verbs);
    printf("\" ;;\n");
}

static void bash_script(const struct verb *const *verbs)
{
    printf("_engram()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at=1 verb words=\n"
           "    while [[ ${COMP_WORDS[at]} == -* && $at -lt $COMP_CWORD ]]; do at=$((at + 1)); done\n"
           "    verb=${COMP_WORDS[at]}\n    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" = \"$at\" ]; then\n        words=\"");
    print_verbs(verbs);
    each_flag(NULL, common_flags, bash_flag);
    printf("\"\n    elif [[ $cur == -* ]]; then\n        case $verb in\n");
    for (size_t i = 0; verbs[i]; i++) {
        printf("        %s) words=\"", verbs[i]->name);
        each_word(verbs[i], bash_flag);
        printf("\" ;;\n");
    }
    printf("        esac\n    else\n        case \"$verb $before\" in\n");
    for (size_t i = 0; verbs[i]; i++) {
        each_word(verbs[i], bash_choices);
        bash_operand(verbs, verbs[i]);
    }
    printf("        esac\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
           "complete -o default -F _engram engram\n");
}

/* ---- zsh ---- */

/* '(-q --quiet)'{-q,--quiet}'[help]:value:(a b)' */
static void zsh_flag(const struct verb *verb, const struct word *w)
{
    (void)verb;
    printf(" \\\n        ");
    if (w->letter)
        printf("'(-%c --%s)'{-%c,--%s}'", w->letter, w->name, w->letter, w->name);
    else
        printf("'--%s", w->name);
    putchar('[');
    print_quoted(w->help, "[]:\\");
    putchar(']');
    if (w->takes)
        printf(":value:");
    if (w->choices) {
        putchar('(');
        print_choices(w->choices);
        putchar(')');
    } else if (w->takes) {
        printf("_files");
    }
    putchar('\'');
}

static void zsh_verb(const struct verb *const *verbs, const struct verb *v)
{
    printf("    %s)\n        _arguments -s", v->name);
    each_word(v, zsh_flag);
    if (takes_model(v) || takes_verb(v)) {
        printf(" \\\n        '1:%s:(", takes_model(v) ? "model" : "verb");
        if (takes_model(v))
            print_models();
        else
            print_verbs(verbs);
        printf(")'");
    }
    printf(" \\\n        '*:file:_files' ;;\n");
}

static void zsh_script(const struct verb *const *verbs)
{
    printf("_engram() {\n    local context state state_descr line\n    typeset -A opt_args\n    _arguments -C -s");
    each_flag(NULL, common_flags, zsh_flag);
    printf(" \\\n        '1:verb:((");
    for (size_t i = 0; verbs[i]; i++) {
        printf("%s%s\\:\"", i ? " " : "", verbs[i]->name);
        print_quoted(verbs[i]->summary, ":\\\"");
        putchar('"');
    }
    printf("))' \\\n        '*::argument:->rest'\n    [[ $state == rest ]] || return\n    case $line[1] in\n");
    for (size_t i = 0; verbs[i]; i++)
        zsh_verb(verbs, verbs[i]);
    printf("    esac\n}\n"
           "if [ \"$funcstack[1]\" = _engram ]; then _engram \"$@\"; else compdef _engram engram; fi\n");
}

/* ---- fish ---- */

static void fish_flag(const struct verb *verb, const struct word *w)
{
    printf("complete -c engram -n '%s%s' -l %s", verb ? "__fish_seen_subcommand_from " : "__fish_use_subcommand",
           verb ? verb->name : "", w->name);
    if (w->letter)
        printf(" -s %c", w->letter);
    if (w->takes)
        printf(" -r");
    if (w->choices) {
        printf(" -f -a '");
        print_choices(w->choices);
        putchar('\'');
    }
    printf(" -d '");
    print_quoted(w->help, "\\");
    printf("'\n");
}

static void fish_script(const struct verb *const *verbs)
{
    each_flag(NULL, common_flags, fish_flag);
    for (size_t i = 0; verbs[i]; i++) {
        const struct verb *v = verbs[i];
        printf("complete -c engram -n __fish_use_subcommand -f -a %s -d '", v->name);
        print_quoted(v->summary, "\\");
        printf("'\n");
        each_word(v, fish_flag);
        if (!takes_model(v) && !takes_verb(v))
            continue;
        printf("complete -c engram -n '__fish_seen_subcommand_from %s' -a '", v->name);
        if (takes_model(v))
            print_models();
        else
            print_verbs(verbs);
        printf("'\n");
    }
}

void complete_script(const struct verb *const *verbs, const char *shell)
{
    if (!strcmp(shell, "zsh"))
        printf("#compdef engram\n");
    printf("# %s completion for engram; made by: engram help --completion %s\n", shell, shell);
    if (!strcmp(shell, "zsh"))
        zsh_script(verbs);
    else if (!strcmp(shell, "fish"))
        fish_script(verbs);
    else
        bash_script(verbs);
}
