#include "commands.h"
#include "console.h"
#include "engram.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct train_flags {
    const char *output, *preset;
    bool force, resume;
};

#define FLAGS_OF struct train_flags
// clang-format off
static const struct flag flags[] = {
    ROW_TEXT(output, 'o', "FILE", NULL, "the model file to write"),
    ROW_PRESET,
    ROW_SET,
    ROW_COLUMNS,
    ROW_FORCE("overwrite an existing FILE"),
    ROW_SWITCH(resume, 0, "go on with an interrupted training: FILE and its training state are there"),
    {0}};
// clang-format on

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
    suggest(&guess, hint, sizeof hint);
    if (!model)
        return console_usage("train", "neither a model nor training has an option '%s'%s", name, hint);
    return console_usage("train", "neither model %s nor training has an option '%s'%s", model, name, hint);
}

/* A model's name where the data should be, and no file of that name. */
static int check_data(const char *data)
{
    engram_model_kind kind = ENGRAM_MODEL_KIND_INIT;
    for (size_t i = 0; engram_model_kind_at(i, &kind); i++)
        if (!strcmp(kind.name, data) && access(data, F_OK))
            return console_usage("train", "train %s needs data to learn from: engram train %s DATA -o FILE.safetensors",
                                 data, data);
    return 0;
}

/* NULL: none is named. */
static const char *model_of(const struct args *args)
{
    return args->noperands > 1 ? args->operands[0] : NULL;
}

static int check(const struct args *args)
{
    const char *model = model_of(args);
    const struct train_flags *f = args->flags;
    int code = model ? check_model(model) : check_data(args->operands[0]);
    if (code)
        return code;
    if (!f->output)
        return console_usage("train", "train needs to know where to write the model: -o FILE.safetensors");
    if (model && f->preset)
        code = check_presets(model, f->preset);
    for (size_t i = 0; !code && i < args->nsettings; i++)
        code = check_setting(model, args->settings[i]);
    return code;
}

static void print_summary(const char *output, const engram_train_summary *s)
{
    char time[32], validation[64] = "";
    if (!s->epochs) {
        console_info("%s: fitted to %zu samples in %s; %zu calibrate it", output, s->trained,
                     console_duration(s->seconds, time), s->calibrated);
        return;
    }
    if (isfinite(s->validation_loss))
        snprintf(validation, sizeof validation, " (validation %.5g)", s->validation_loss);
    console_info("%s: epoch %lld of %lld%s, %s, %zu samples trained on, %zu held out for calibration", output,
                 (long long)s->kept_epoch, (long long)s->epochs, validation, console_duration(s->seconds, time),
                 s->trained, s->calibrated);
}

static int run(const struct args *args)
{
    const struct train_flags *f = args->flags;
    char date[32];
    int code = check(args);
    if (code)
        return code;
    const engram_train_job job = {.size = sizeof job,
                                  .model = model_of(args),
                                  .preset = f->preset,
                                  .settings = args->settings,
                                  .nsettings = args->nsettings,
                                  .data = args->operands[args->noperands - 1],
                                  .output = f->output,
                                  .date = console_date(date),
                                  .force = f->force,
                                  .resume = f->resume};
    engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
    engram_error error;
    console_debug("looking at the data");
    int failed = engram_train(&job, &console_hooks, &summary, &error);
    console_clear();
    if (failed) {
        if (error.code == ENGRAM_STOPPED)
            console_info("%s", error.message);
        return console_report(&error);
    }
    print_summary(f->output, &summary);
    return EXIT_OK;
}

const struct verb verb_train = {
    .name = "train",
    .operands = "[MODEL] DATA",
    .summary = "learn what normal looks like",
    .details =
        "Trains MODEL on the normal samples of DATA and writes a model file. Without MODEL it is the one to begin "
        "with: "
        "features, a memory of what a net that is in the library sees in pictures, fitted in seconds; memae for videos "
        "and for rows of a table. DATA is a folder of pictures, a folder "
        "with train/ and test/ parts (MVTec AD layout or one folder a class), idx files, or SOURCE:PATH?option=value; "
        "see engram data --help. Everything wrong with the data is said before the first step. The file is usable from "
        "the first epoch on. The first Ctrl-C finishes the step, saves, and exits with 130; --resume goes on from "
        "there.",
    .examples = "engram train photos/ -o photos.safetensors\n"
                "engram train memae photos/ -o photos.safetensors --size 128\n"
                "engram train memae 'idx:mnist/?normal=3' --preset mnist -o three.safetensors\n"
                "engram train ae synth: --epochs 2 --seed 7 -o toy.safetensors",
    .flags = flags,
    .flags_size = sizeof(struct train_flags),
    .least = 1,
    .most = 2,
    .data = -1,
    .settings = true,
    .computes = verb_computes,
    .run = run,
};
