#include "help.h"

#include "commands.h"
#include "engram.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 30 };

/* ---- text ---- */

/* Words of `text` from column `at` on, wrapped at WIDTH with `indent` blanks before every further line. */
static void wrap(const char *text, size_t at, size_t indent)
{
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (!first && at + n + 1 > WIDTH) {
            printf("\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        at += n + !first;
        printf("%s%.*s", first ? "" : " ", (int)n, text);
        first = false;
        text += n;
        text += strspn(text, " ");
    }
    putchar('\n');
}

/* "  --name VALUE          what it is" */
static void print_row(const char *left, const char *help)
{
    int n = printf("  %s", left);
    if (n + 2 > INDENT) {
        putchar('\n');
        n = 0;
    }
    printf("%*s", INDENT - n, "");
    wrap(help, INDENT, INDENT);
}

static void print_flag(const struct flag *f)
{
    char left[120], help[400], name[80], letter[8] = "    ";
    flag_shown(f->name, name, sizeof name);
    if (f->letter)
        snprintf(letter, sizeof letter, "-%c, ", f->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, name, f->argument ? " " : "", f->argument ? f->argument : "");
    snprintf(help, sizeof help, "%s%s%s%s%s%s", f->help, f->choices ? ": " : "", f->choices ? f->choices : "",
             f->value ? " (default " : "", f->value ? f->value : "", f->value ? ")" : "");
    print_row(left, help);
}

static const char *option_argument(const engram_option *o)
{
    static const struct {
        const char *type, *argument;
    } names[] = {{"int", "N"}, {"float", "X"}, {"choice", "WORD"}, {"text", "TEXT"}, {"ints", "N,N,..."}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].type, o->type))
            return names[i].argument;
    return "";
}

static void print_option(const engram_option *o)
{
    char left[120], help[600], name[80];
    flag_shown(o->name, name, sizeof name);
    const char *argument = option_argument(o);
    snprintf(left, sizeof left, "    --%s%s%s", name, *argument ? " " : "", argument);
    snprintf(help, sizeof help, "%s%s%s%s%s%s", o->help, o->choices ? ": " : "", o->choices ? o->choices : "",
             *o->value ? " (default " : "", o->value, *o->value ? ")" : "");
    print_row(left, help);
}

static void print_settings(const char *model)
{
    engram_option o = ENGRAM_OPTION_INIT;
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    printf("\nTraining:\n");
    for (size_t i = 0; engram_train_option_at(i, &o); i++)
        print_option(&o);
    for (size_t k = 0; engram_model_kind_at(k, &kind); k++) {
        if (model && strcmp(model, kind.name))
            continue;
        printf("\nModel %s (%s):\n", kind.name, kind.title);
        for (size_t i = 0; engram_model_option_at(kind.name, i, &o); i++)
            print_option(&o);
    }
}

static void print_examples(const char *text)
{
    printf("\nExamples:\n");
    while (*text) {
        size_t n = strcspn(text, "\n");
        printf("  %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

void help_verb(const struct verb *verb, const char *model)
{
    printf("engram %s %s%s[FLAGS]: %s\n", verb->name, verb->operands, *verb->operands ? " " : "", verb->summary);
    if (*verb->details) {
        putchar('\n');
        wrap(verb->details, 0, 0);
    }
    printf("\nFlags:\n");
    for (const struct flag *f = verb->flags; f->name; f++)
        print_flag(f);
    for (const struct flag *f = common_flags; f->name; f++)
        print_flag(f);
    engram_option o = ENGRAM_OPTION_INIT;
    if (verb->settings)
        print_settings(model && engram_model_option_at(model, 0, &o) ? model : NULL);
    print_examples(verb->examples);
}

static const char about[] = "engram learns what normal looks like, from normal samples alone, and points at what is "
                            "not: a score, a calibrated p-value and a heat map for every new sample.";

static const char exit_codes[] =
    "Exit codes: 0 done; 1 the work was not done; 2 wrong usage; 3 done, and something is anomalous (score --exit-code "
    "only); 4 done but for some samples that could not be read or whose map could not be written, which stderr counts "
    "(it goes before 3); 128 and the number of the signal that stopped it, 130 after Ctrl-C.";

static const char conventions[] =
    "Results go to stdout, messages to stderr. Rows are text on a terminal and csv elsewhere, unless --format says "
    "otherwise; COLUMNS sets the width of text. Control characters in names are shown as \\xNN in csv (tab and line "
    "breaks stand as they are, in quotes) and text; jsonl escapes them as JSON does, and has U+FFFD for bytes that are "
    "no UTF-8. Files appear whole or not at all, and existing ones are overwritten with --force alone. NO_COLOR turns "
    "colours off. What OMP_WAIT_POLICY, OMP_PROC_BIND and the like tell OpenMP is respected; else waiting threads soon "
    "sleep.";

void help_general(const struct verb *const *verbs)
{
    wrap(about, 0, 0);
    printf("\nUsage: engram VERB ... [FLAGS]\n\nVerbs:\n");
    for (; *verbs; verbs++) {
        char left[80];
        snprintf(left, sizeof left, "%s %s", (*verbs)->name, (*verbs)->operands);
        print_row(left, (*verbs)->summary);
    }
    printf("\nFlags of every verb, before or behind it:\n");
    for (const struct flag *f = common_flags; f->name; f++)
        print_flag(f);
    putchar('\n');
    wrap(conventions, 0, 0);
    putchar('\n');
    wrap(exit_codes, 0, 0);
    printf("\nBegin with: engram demo\n");
}

/* ---- man page ---- */

/* troff reads backslashes, minus signs, and points and quotes at the beginning of a line. */
static void troff(const char *text)
{
    for (bool start = true; *text; start = *text == '\n', text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '-' || *text == '\\')
            putchar('\\');
        putchar(*text == '\\' ? 'e' : *text);
    }
}

static void man_row(const char *flag, const char *argument, const char *help, const char *choices, const char *value)
{
    fputs(".TP\n.B ", stdout);
    troff(flag);
    if (*argument)
        printf(" \\fI%s\\fR", argument);
    putchar('\n');
    troff(help);
    if (choices) {
        fputs(": ", stdout);
        troff(choices);
    }
    if (value && *value) {
        fputs(" (default ", stdout);
        troff(value);
        putchar(')');
    }
    putchar('\n');
}

static void man_flags(const struct flag *flags)
{
    for (const struct flag *f = flags; f->name; f++) {
        char name[100], shown[80];
        flag_shown(f->name, shown, sizeof shown);
        if (f->letter)
            snprintf(name, sizeof name, "-%c, --%s", f->letter, shown);
        else
            snprintf(name, sizeof name, "--%s", shown);
        man_row(name, f->argument ? f->argument : "", f->help, f->choices, f->value);
    }
}

static void man_option(const engram_option *o)
{
    char name[80], flag[84];
    flag_shown(o->name, name, sizeof name);
    snprintf(flag, sizeof flag, "--%s", name);
    man_row(flag, option_argument(o), o->help, o->choices, o->value);
}

static void man_verb(const struct verb *v)
{
    printf(".SS engram %s %s\n", v->name, v->operands);
    troff(*v->details ? v->details : v->summary);
    putchar('\n');
    man_flags(v->flags);
    fputs(".PP\nExamples:\n.PP\n.nf\n", stdout);
    troff(v->examples);
    fputs("\n.fi\n", stdout);
}

static void man_settings(void)
{
    engram_option o = ENGRAM_OPTION_INIT;
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    printf(".SH OPTIONS OF TRAINING\n");
    for (size_t i = 0; engram_train_option_at(i, &o); i++)
        man_option(&o);
    printf(".SH MODELS\n");
    for (size_t k = 0; engram_model_kind_at(k, &kind); k++) {
        printf(".SS %s\n", kind.name);
        troff(kind.title);
        fputs(" (", stdout);
        troff(kind.paper);
        fputs("). ", stdout);
        troff(kind.idea);
        putchar('\n');
        for (size_t i = 0; engram_model_option_at(kind.name, i, &o); i++)
            man_option(&o);
    }
}

void help_man(const struct verb *const *verbs)
{
    printf(".TH ENGRAM 1 \"\" \"engram %s\" \"User Commands\"\n", engram_version());
    printf(".SH NAME\nengram \\- learn what normal looks like, point at what is not\n");
    printf(".SH SYNOPSIS\n.B engram\n.I VERB\n[operands] [flags]\n.SH DESCRIPTION\n");
    troff(about);
    printf("\n.PP\n");
    troff(conventions);
    printf("\n.SH VERBS\n");
    for (; *verbs; verbs++)
        man_verb(*verbs);
    printf(".SH FLAGS OF EVERY VERB\n");
    man_flags(common_flags);
    man_settings();
    printf(".SH EXIT STATUS\n");
    troff(exit_codes + strlen("Exit codes: "));
    printf("\n");
}
