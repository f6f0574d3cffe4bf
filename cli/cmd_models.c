#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

struct models_flags {
    const char *format;
};

#define FLAGS_OF struct models_flags
static const struct flag flags[] = {ROW_FORMAT, {0}};

static int list_models(const char *format)
{
    static const char *const columns[] = {"name", "title", "paper", NULL};
    struct output output;
    output_begin(&output, format, columns);
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++) {
        const struct cell cells[] = {CELL_OF_TEXT(kind.name), CELL_OF_TEXT(kind.title), CELL_OF_TEXT(kind.paper)};
        output_row(&output, cells);
    }
    return output_end(&output);
}

/* "-1 to 1", "cosine|dot", "" */
static const char *option_range(const engram_option *o, char *text, size_t size)
{
    if (o->choices)
        return o->choices;
    if (strcmp(o->type, "int") && strcmp(o->type, "float") && strcmp(o->type, "ints"))
        return "";
    snprintf(text, size, "%g to %g", o->min, o->max);
    return text;
}

static const char *preset_options(const engram_preset *preset, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s", preset->model, *preset->model && *preset->train ? " " : "", preset->train);
    return text;
}

/* For programs: one table of all. */
static int list_rows(const char *format, const engram_model_kind *kind)
{
    static const char *const columns[] = {"what", "name", "value", "range", "help", NULL};
    struct output output;
    output_begin(&output, format, columns);
    const struct cell about[] = {CELL_OF_TEXT("model"), CELL_OF_TEXT(kind->name), CELL_OF_TEXT(kind->title),
                                 CELL_OF_TEXT(kind->paper), CELL_OF_TEXT(kind->idea)};
    output_row(&output, about);
    engram_preset preset = ENGRAM_PRESET_INIT;
    for (size_t i = 0; engram_preset_at(kind->name, i, &preset); i++) {
        char value[600];
        const struct cell cells[] = {CELL_OF_TEXT("preset"), CELL_OF_TEXT(preset.name),
                                     CELL_OF_TEXT(preset_options(&preset, value, sizeof value)), CELL_EMPTY,
                                     CELL_OF_TEXT(preset.help)};
        output_row(&output, cells);
    }
    engram_option o = ENGRAM_OPTION_INIT;
    for (size_t i = 0; engram_model_option_at(kind->name, i, &o); i++) {
        char range[80];
        const struct cell cells[] = {CELL_OF_TEXT("option"), CELL_OF_TEXT(o.name), CELL_OF_TEXT(o.value),
                                     CELL_OF_TEXT(option_range(&o, range, sizeof range)), CELL_OF_TEXT(o.help)};
        output_row(&output, cells);
    }
    return output_end(&output);
}

static void print_about(const engram_model_kind *kind)
{
    char title[200];
    struct table lines;
    snprintf(title, sizeof title, "%s: %s (%s)", kind->name, kind->title, kind->paper);
    table_begin(&lines, 1);
    table_add(&lines, (const char *const[]){title});
    table_add(&lines, &kind->idea);
    table_end(&lines);
}

/* For people: what it is, its presets, its options. */
static int list_text(const engram_model_kind *kind)
{
    static const char *const preset_columns[] = {"preset", "for", "options", NULL};
    static const char *const option_columns[] = {"option", "default", "range", "what it is", NULL};
    struct output output;
    print_about(kind);
    putchar('\n');
    output_begin(&output, "text", preset_columns);
    engram_preset preset = ENGRAM_PRESET_INIT;
    for (size_t i = 0; engram_preset_at(kind->name, i, &preset); i++) {
        char value[600];
        const struct cell cells[] = {CELL_OF_TEXT(preset.name), CELL_OF_TEXT(preset.help),
                                     CELL_OF_TEXT(preset_options(&preset, value, sizeof value))};
        output_row(&output, cells);
    }
    output_end(&output);
    putchar('\n');
    output_begin(&output, "text", option_columns);
    engram_option o = ENGRAM_OPTION_INIT;
    for (size_t i = 0; engram_model_option_at(kind->name, i, &o); i++) {
        char range[80];
        const struct cell cells[] = {CELL_OF_TEXT(o.name), CELL_OF_TEXT(o.value),
                                     CELL_OF_TEXT(option_range(&o, range, sizeof range)), CELL_OF_TEXT(o.help)};
        output_row(&output, cells);
    }
    return output_end(&output);
}

static int run(const struct args *args)
{
    const struct models_flags *f = args->flags;
    if (!args->noperands)
        return list_models(f->format);
    struct guess guess = {.word = args->operands[0]};
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++) {
        if (!strcmp(kind.name, args->operands[0]))
            return output_format(f->format) == OUTPUT_TEXT ? list_text(&kind) : list_rows(f->format, &kind);
        guess_try(&guess, kind.name);
    }
    return console_usage("models", "there is no model '%s'%s%s%s", args->operands[0],
                         guess.best ? "; did you mean '" : "", guess.best ? guess.best : "", guess.best ? "'?" : "");
}

const struct verb verb_models = {
    .name = "models",
    .operands = "[MODEL]",
    .summary = "list the models, or one model's options and presets",
    .details = "Options of training, which every model has, are listed by engram train --help.",
    .examples = "engram models\nengram models memae",
    .flags = flags,
    .flags_size = sizeof(struct models_flags),
    .least = 0,
    .most = 1,
    .run = run,
};
