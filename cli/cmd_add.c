#include "commands.h"
#include "console.h"
#include "engram.h"

struct add_flags {
    const char *output;
    bool force;
    int threads;
};

#define FLAGS_OF struct add_flags
// clang-format off
static const struct flag flags[] = {
    ROW_TEXT(output, 'o', "FILE", NULL, "the model file to write; without it FILE itself, which takes --force"),
    ROW_FORCE("overwrite an existing file"),
    ROW_THREADS,
    {0}};
// clang-format on

static int run(const struct args *args)
{
    const struct add_flags *f = args->flags;
    const char *output = f->output ? f->output : args->operands[0];
    char time[32];
    if (!f->output && !f->force)
        return console_usage("add", "add needs to know where to write: -o NEW.safetensors, or --force to replace %s",
                             args->operands[0]);
    const engram_add_job job = {.size = sizeof job,
                                .model = args->operands[0],
                                .data = args->operands[1],
                                .output = output,
                                .force = f->force,
                                .threads = f->threads};
    engram_add_summary summary = ENGRAM_ADD_SUMMARY_INIT;
    engram_error error;
    console_debug("looking at the data");
    int failed = engram_add(&job, &console_hooks, &summary, &error);
    console_clear();
    if (failed) {
        if (error.code == ENGRAM_STOPPED)
            console_info("%s", error.message);
        return console_report(&error);
    }
    console_info("%s: %zu samples added in %s, fitted to %zu in all; %zu more calibrate it", output, summary.added,
                 console_duration(summary.seconds, time), summary.trained, summary.calibrated);
    return EXIT_OK;
}

const struct verb verb_add = {
    .name = "add",
    .operands = "FILE DATA",
    .summary = "add more normal samples to a fitted model",
    .details =
        "Adds the normal samples of DATA to the model in FILE without beginning again: what it remembers grows, and so "
        "does its calibration, so that its false-alarm rate stays what it promised. For models that are fitted in "
        "seconds (features) and remember samples one by one; others are trained anew, and the sentence says so. FILE "
        "itself is replaced with --force, whole or not at all.",
    .examples = "engram add part.safetensors more/ -o part2.safetensors\n"
                "engram add part.safetensors more/ --force",
    .flags = flags,
    .flags_size = sizeof(struct add_flags),
    .least = 2,
    .most = 2,
    .data = 1,
    .computes = verb_computes,
    .run = run,
};
