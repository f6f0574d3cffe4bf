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

/* "; did you mean 'memae'?", or nothing. */
static const char *suggest(const struct guess *guess, char *text, size_t size)
{
    *text = 0;
    if (guess->best)
        snprintf(text, size, "; did you mean '%s'?", guess->best);
    return text;
}

static int check_model(const char *name)
{
    struct guess guess = {.word = name};
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    char names[400] = "", hint[80];
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++) {
        if (!strcmp(kind.name, name))
            return 0;
        guess_try(&guess, kind.name);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", kind.name);
    }
    return console_usage("train", "there is no model '%s'%s There are: %s", name,
                         guess.best ? suggest(&guess, hint, sizeof hint) : ".", names);
}

/* Whether one of `names`, with commas between them, is no preset of the model. */
static int check_presets(const char *model, const char *names)
{
    for (; *names; names += strcspn(names, ",") + (names[strcspn(names, ",")] == ',')) {
        char name[80], hint[80];
        bool known = false;
        engram_preset preset = ENGRAM_PRESET_INIT;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(names, ","), names);
        struct guess guess = {.word = name};
        for (size_t i = 0; engram_preset_at(model, i, &preset); i++) {
            known |= !strcmp(preset.name, name);
            guess_try(&guess, preset.name);
        }
        if (!known)
            return console_usage("train", "model %s has no preset '%s'%s engram models %s lists them", model, name,
                                 guess.best ? suggest(&guess, hint, sizeof hint) : ".", model);
    }
    return 0;
}

static int check_setting(const char *model, const char *setting)
{
    char name[80], hint[80];
    engram_option option = ENGRAM_OPTION_INIT;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(setting, "="), setting);
    struct guess guess = {.word = name};
    if (option_named(model, name, &option, &guess))
        return 0;
    return console_usage("train", "neither model %s nor training has an option '%s'%s", model, name,
                         suggest(&guess, hint, sizeof hint));
}

static int check(const struct args *args)
{
    const char *model = args->operands[0];
    if (!args->output)
        return console_usage("train", "train needs to know where to write the model: -o FILE.safetensors");
    int code = check_model(model);
    if (!code && args->preset)
        code = check_presets(model, args->preset);
    for (size_t i = 0; !code && i < args->nsettings; i++)
        code = check_setting(model, args->settings[i]);
    return code;
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
    int code = check(args);
    if (code)
        return code;
    const engram_train_job job = {.size = sizeof job,
                                  .model = args->operands[0],
                                  .preset = args->preset,
                                  .settings = args->settings,
                                  .nsettings = args->nsettings,
                                  .data = args->operands[1],
                                  .output = args->output,
                                  .date = console_date(date),
                                  .force = args->force,
                                  .resume = args->resume};
    engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
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
