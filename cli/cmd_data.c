#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>

struct data_flags {
    bool list;
    const char *format;
};

#define FLAGS_OF struct data_flags
// clang-format off
static const struct flag flags[] = {
    ROW_SWITCH(list, 'l', "list the samples, one row each, and open none"),
    ROW_COLUMNS,
    ROW_FORMAT,
    {0}};
// clang-format on

static int list_sources(void)
{
    engram_source source = ENGRAM_SOURCE_INIT;
    engram_option o = ENGRAM_OPTION_INIT;
    printf("Data is a path, or SOURCE:PATH?option=value&option=value. Without SOURCE it is found by looking at the "
           "path.\n");
    for (size_t i = 0; engram_source_at(i, &source); i++) {
        printf("\n%s: %s\n", source.name, source.help);
        for (size_t k = 0; engram_source_option_at(source.name, k, &o); k++)
            printf("    %-12s %s%s%s%s\n", o.name, o.help, *o.value ? " (default " : "", o.value, *o.value ? ")" : "");
    }
    return output_flush();
}

static int list_samples(const char *format, const engram_data *data)
{
    static const char *const columns[] = {"part", "name", "path", "index", "kind", "anomalous", NULL};
    static const char *const parts[] = {[ENGRAM_DATA_TRAIN] = "train", [ENGRAM_DATA_TEST] = "test"};
    struct output output;
    engram_sample s = ENGRAM_SAMPLE_INIT;
    output_begin(&output, format, columns);
    for (int part = ENGRAM_DATA_TRAIN; part <= ENGRAM_DATA_TEST; part++)
        for (size_t i = 0; engram_data_sample(data, part, i, &s) && !console_interrupted(); i++) {
            const struct cell cells[] = {CELL_OF_TEXT(parts[part]), CELL_OF_TEXT(s.name),
                                         CELL_OF_TEXT(s.path),      CELL_OF_WHOLE(s.index),
                                         CELL_OF_TEXT(s.kind),      s.truth < 0 ? CELL_EMPTY : CELL_OF_BOOL(s.truth)};
            if (!output_row(&output, cells))
                break;
        }
    return output_end(&output);
}

static void print_line(void *user, int level, const char *text)
{
    (void)user;
    (void)level;
    console_clear();
    puts(text);
}

/* The summary goes to stdout: here it is the result. It knows the sizes once everything has been opened. */
static int describe(engram_data *data)
{
    const engram_hooks to_stdout = {.size = sizeof to_stdout, .log = print_line};
    engram_error error, unsummed;
    console_debug("checking all samples");
    int failed = engram_data_check(data, &console_hooks, &error);
    console_clear();
    if (engram_data_summary(data, &to_stdout, &unsummed))
        return console_report(&unsummed);
    int written = output_flush();
    return failed ? console_report(&error) : written;
}

static int run(const struct args *args)
{
    const struct data_flags *f = args->flags;
    if (!args->noperands)
        return list_sources();
    engram_data *data;
    engram_error error;
    console_debug("looking for samples");
    if (engram_data_open(args->operands[0], &console_hooks, &data, &error))
        return console_report(&error);
    int code = f->list ? list_samples(f->format, data) : describe(data);
    engram_data_free(data);
    return code;
}

const struct verb verb_data = {
    .name = "data",
    .operands = "[DATA]",
    .summary = "look at data before anything is learnt from it",
    .details =
        "Says what is found at DATA: parts, kinds, sizes, masks, what was skipped, and opens every sample to say "
        "what is wrong. Without DATA it lists the sources and their options.",
    .examples = "engram data\nengram data bottle/\nengram data 'idx:mnist/?normal=3' --list",
    .flags = flags,
    .flags_size = sizeof(struct data_flags),
    .least = 0,
    .most = 1,
    .run = run,
};
