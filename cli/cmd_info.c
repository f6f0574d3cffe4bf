#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>

struct info_flags {
    const char *format;
};

#define FLAGS_OF struct info_flags
static const struct flag flags[] = {ROW_FORMAT, {0}};

static const char *const columns[] = {"section", "name", "value", NULL};

/* What scoring will hold beside the weights, for one sample and for a batch of folders. */
static int print_memory(struct output *output, const engram_model *model)
{
    static const char *const names[] = {"scoring 1 at once", "scoring 64 at once"};
    static const char *const settings[][2] = {{"batch=1", "maps=true"}, {"batch=64", "maps=true"}};
    for (int i = 0; i < 2; i++) {
        char value[40];
        size_t bytes;
        engram_error error;
        if (engram_model_memory(model, settings[i], 2, &bytes, &error))
            return console_report(&error);
        snprintf(value, sizeof value, "%zu bytes", bytes);
        const struct cell cells[] = {CELL_OF_TEXT("memory"), CELL_OF_TEXT(names[i]), CELL_OF_TEXT(value)};
        output_row(output, cells);
    }
    return 0;
}

static int run(const struct args *args)
{
    const struct info_flags *f = args->flags;
    engram_model *model;
    engram_error error;
    if (engram_model_load(args->operands[0], &model, &error))
        return console_report(&error);
    struct output output;
    output_begin(&output, f->format, columns);
    engram_fact fact = ENGRAM_FACT_INIT;
    for (size_t i = 0; engram_model_fact_at(model, i, &fact); i++) {
        char value[800];
        snprintf(value, sizeof value, "%s%s%s", fact.text, *fact.unit ? " " : "", fact.unit);
        const struct cell cells[] = {CELL_OF_TEXT(fact.section), CELL_OF_TEXT(fact.name), CELL_OF_TEXT(value)};
        output_row(&output, cells);
    }
    int code = print_memory(&output, model);
    engram_model_free(model);
    return code ? code : output_end(&output);
}

const struct verb verb_info = {
    .name = "info",
    .operands = "FILE",
    .summary = "say what is in a model file",
    .details = "Prints the options, preprocessing, calibration and provenance that a model file holds.",
    .examples = "engram info photos.safetensors\nengram info photos.safetensors --format jsonl",
    .flags = flags,
    .flags_size = sizeof(struct info_flags),
    .least = 1,
    .most = 1,
    .run = run,
};
