#include "commands.h"
#include "console.h"
#include "engram.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct flag train_flags[] = {
    {"output", 'o', FLAG_TEXT, offsetof(struct args, output), "FILE", NULL, 0, 0, NULL, "the model file to write"},
    {"preset", 'p', FLAG_TEXT, offsetof(struct args, preset), "NAME", NULL, 0, 0, NULL,
     "a named set of options (engram models MODEL lists them); without it the model's general one"},
    {"set", 's', FLAG_SETTING, 0, "NAME=VALUE", NULL, 0, 0, NULL,
     "an option of the model or of training, over the preset; --NAME VALUE is the same"},
    {"force", 'f', FLAG_SWITCH, offsetof(struct args, force), NULL, NULL, 0, 0, NULL, "overwrite an existing FILE"},
    {"resume", 0, FLAG_SWITCH, offsetof(struct args, resume), NULL, NULL, 0, 0, NULL,
     "go on with an interrupted training: FILE and its training state are there"},
    {0},
};

static int unknown_model(const char *name)
{
    struct guess guess = {.word = name};
    engram_model_kind kind;
    char names[400] = "";
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++) {
        guess_try(&guess, kind.name);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", kind.name);
    }
    if (guess.best)
        return console_usage("train", "there is no model '%s'; did you mean '%s'? There are: %s", name, guess.best,
                             names);
    return console_usage("train", "there is no model '%s'; there are: %s", name, names);
}

static int check_model(const char *name)
{
    engram_model_kind kind;
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++)
        if (!strcmp(kind.name, name))
            return 0;
    return unknown_model(name);
}

static void print_summary(const char *output, const engram_train_summary *s)
{
    char time[32], validation[64] = "";
    if (isfinite(s->validation_loss))
        snprintf(validation, sizeof validation, " (validation %.5g)", s->validation_loss);
    console_info("%s: epoch %lld of %lld%s, %s, %zu samples trained on, %zu held out for calibration", output,
                 (long long)s->kept_epoch, (long long)s->epochs, validation, console_duration(s->seconds, time),
                 s->trained, s->calibrated);
}

int cmd_train(const struct args *args)
{
    char date[32];
    if (!args->output)
        return console_usage("train", "train needs to know where to write the model: -o FILE.safetensors");
    int code = check_model(args->operands[0]);
    if (code)
        return code;
    const engram_train_job job = {.model = args->operands[0],
                                  .preset = args->preset,
                                  .settings = args->settings,
                                  .nsettings = args->nsettings,
                                  .data = args->operands[1],
                                  .output = args->output,
                                  .date = console_date(date),
                                  .force = args->force,
                                  .resume = args->resume};
    engram_train_summary summary;
    engram_error error;
    int failed = engram_train(&job, &console_hooks, &summary, &error);
    console_clear();
    if (failed) {
        if (error.code == ENGRAM_STOPPED)
            console_info("stopped and saved; the same command with --resume goes on");
        return console_report(&error);
    }
    print_summary(args->output, &summary);
    return EXIT_OK;
}
