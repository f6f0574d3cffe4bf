#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

const struct flag info_flags[] = {
    {"format", 0, FLAG_CHOICE, offsetof(struct args, format), "FORMAT", "text", 0, 0, "csv|jsonl|text",
     "of the rows on stdout"},
    {0},
};

static const char *const columns[] = {"section", "name", "value", NULL};

int cmd_info(const struct args *args)
{
    engram_model *model;
    engram_error error;
    if (engram_model_load(args->operands[0], &model, &error))
        return console_report(&error);
    struct output output;
    output_begin(&output, args->format, columns);
    engram_fact fact;
    for (size_t i = 0; engram_model_fact_at(model, i, &fact); i++) {
        const struct cell cells[] = {CELL_OF_TEXT(fact.section), CELL_OF_TEXT(fact.name), CELL_OF_TEXT(fact.value)};
        output_row(&output, cells);
    }
    engram_model_free(model);
    return output_end(&output);
}
