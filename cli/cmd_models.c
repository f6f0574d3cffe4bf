#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

const struct flag models_flags[] = {
    {"format", 0, FLAG_CHOICE, offsetof(struct args, format), "FORMAT", "text", 0, 0, "csv|jsonl|text",
     "of the rows on stdout"},
    {0},
};

static int list_models(const struct args *args)
{
    static const char *const columns[] = {"name", "title", "paper", NULL};
    struct output output;
    output_begin(&output, args->format, columns);
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

static int list_options(const struct args *args, const engram_model_kind *kind)
{
    const char *model = kind->name;
    static const char *const columns[] = {"what", "name", "value", "range", "help", NULL};
    struct output output;
    output_begin(&output, args->format, columns);
    const struct cell about[] = {CELL_OF_TEXT("model"), CELL_OF_TEXT(model), CELL_OF_TEXT(kind->title),
                                 CELL_OF_TEXT(kind->paper), CELL_OF_TEXT(kind->idea)};
    output_row(&output, about);
    engram_preset preset = ENGRAM_PRESET_INIT;
    for (size_t i = 0; engram_preset_at(model, i, &preset); i++) {
        char value[600];
        snprintf(value, sizeof value, "%s%s%s", preset.model, *preset.model && *preset.train ? " " : "", preset.train);
        const struct cell cells[] = {CELL_OF_TEXT("preset"), CELL_OF_TEXT(preset.name), CELL_OF_TEXT(value), CELL_EMPTY,
                                     CELL_OF_TEXT(preset.help)};
        output_row(&output, cells);
    }
    engram_option o = ENGRAM_OPTION_INIT;
    for (size_t i = 0; engram_model_option_at(model, i, &o); i++) {
        char range[80];
        const struct cell cells[] = {CELL_OF_TEXT("option"), CELL_OF_TEXT(o.name), CELL_OF_TEXT(o.value),
                                     CELL_OF_TEXT(option_range(&o, range, sizeof range)), CELL_OF_TEXT(o.help)};
        output_row(&output, cells);
    }
    return output_end(&output);
}

int cmd_models(const struct args *args)
{
    if (!args->noperands)
        return list_models(args);
    struct guess guess = {.word = args->operands[0]};
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++) {
        if (!strcmp(kind.name, args->operands[0]))
            return list_options(args, &kind);
        guess_try(&guess, kind.name);
    }
    return console_usage("models", "there is no model '%s'%s%s%s", args->operands[0],
                         guess.best ? "; did you mean '" : "", guess.best ? guess.best : "", guess.best ? "'?" : "");
}
