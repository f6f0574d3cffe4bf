#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct flag demo_flags[] = {
    {"data", 0, FLAG_TEXT, offsetof(struct args, data), "DIR", "/usr/share/datasets/fashion-mnist", 0, 0, NULL,
     "where Fashion-MNIST is (Debian: dataset-fashion-mnist)"},
    {"normal", 0, FLAG_WHOLE, offsetof(struct args, normal), "CLASS", "8", 0, 9, NULL,
     "the class that is normal: 0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 "
     "bag, "
     "9 ankle boot"},
    {"epochs", 0, FLAG_WHOLE, offsetof(struct args, epochs), "N", "25", 1, 1000, NULL, "of each training"},
    {"false-alarm-rate", 'r', FLAG_NUMBER, offsetof(struct args, rate), "RATE", "0.05", 0, 1, NULL,
     "share of normal samples that may be called anomalous"},
    {"seed", 0, FLAG_WHOLE, offsetof(struct args, seed), "N", "1", 0, 1e9, NULL, "of all random choices"},
    {"threads", 0, FLAG_WHOLE, offsetof(struct args, threads), "N", "0", 0, 1024, NULL, "to compute on; 0: all"},
    {"force", 'f', FLAG_SWITCH, offsetof(struct args, force), NULL, NULL, 0, 0, NULL, "overwrite an earlier demo"},
    {0},
};

/* Of Fashion-MNIST, in the order of its labels. */
static const char *const classes[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                      "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};

enum { MODELS = 2 };
static const char *const names[MODELS] = {"memae", "ae"};

struct demo {
    const struct args *args;
    const char *folder;
    char url[700];
    char files[MODELS][700], report[700];
    engram_model *models[MODELS];
    engram_evaluation *evaluations[MODELS];
    double train_seconds[MODELS];
    size_t peak_bytes[MODELS];
};

static int train(struct demo *d, int i)
{
    char epochs[40], seed[40], threads[40], date[32];
    snprintf(epochs, sizeof epochs, "epochs=%d", d->args->epochs);
    snprintf(seed, sizeof seed, "seed=%d", d->args->seed);
    snprintf(threads, sizeof threads, "threads=%d", d->args->threads);
    const char *const settings[] = {epochs, seed, threads};
    const engram_train_job job = {.size = sizeof job,
                                  .model = names[i],
                                  .preset = "fashion",
                                  .settings = settings,
                                  .nsettings = 3,
                                  .data = d->url,
                                  .output = d->files[i],
                                  .date = console_date(date),
                                  .force = d->args->force};
    engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
    engram_error error;
    console_info("training %s on the normal class", names[i]);
    console_watch_memory();
    int failed = engram_train(&job, &console_hooks, &summary, &error);
    console_clear();
    if (failed)
        return console_report(&error);
    d->train_seconds[i] = summary.seconds;
    d->peak_bytes[i] = console_peak_memory();
    return 0;
}

static int evaluate(struct demo *d, int i)
{
    engram_error error;
    struct scorer_settings s;
    args_scorer_settings(d->args, false, &s);
    if (engram_model_load(d->files[i], &d->models[i], &error))
        return console_report(&error);
    int failed = engram_evaluate(d->models[i], d->url, s.list, s.n, &console_hooks, &d->evaluations[i], &error);
    console_clear();
    if (failed)
        return console_report(&error);
    engram_evaluation_training(d->evaluations[i], d->train_seconds[i], d->peak_bytes[i]);
    return 0;
}

static void print_table(const struct demo *d)
{
    printf("%-8s %8s %18s %17s %15s %14s %12s\n", "model", "AUROC", "average precision", "false-alarm rate",
           "detection rate", "training", "memory");
    for (int i = 0; i < MODELS; i++) {
        const engram_evaluation *e = d->evaluations[i];
        printf("%-8s %8.4f %18.4f %17.4f %15.4f %12.1f s %8.1f MiB\n", names[i], engram_evaluation_value(e, "auroc"),
               engram_evaluation_value(e, "average_precision"), engram_evaluation_value(e, "false_alarm_rate"),
               engram_evaluation_value(e, "detection_rate"), d->train_seconds[i], (double)d->peak_bytes[i] / (1 << 20));
    }
    printf("A false-alarm rate of %g was promised. Report: %s\n", d->args->rate, d->report);
}

static int run(struct demo *d)
{
    engram_error error;
    char date[32], title[80];
    for (int i = 0; i < MODELS; i++) {
        int code = train(d, i);
        if (!code)
            code = evaluate(d, i);
        if (code)
            return code;
    }
    const engram_evaluation *const evaluations[] = {d->evaluations[0], d->evaluations[1]};
    snprintf(title, sizeof title, "Fashion-MNIST: %s is normal", classes[d->args->normal]);
    if (engram_report_write(evaluations, MODELS, title, console_date(date), d->report, d->args->force, &console_hooks,
                            &error))
        return console_report(&error);
    print_table(d);
    return output_flush();
}

/* Nothing is trained that could not be written in the end. */
static int prepare(struct demo *d)
{
    const struct args *args = d->args;
    d->folder = args->noperands ? args->operands[0] : "demo";
    if (strlen(d->folder) > 500 || strlen(args->data) > 500)
        return console_usage("demo", "a folder's name is longer than 500 characters");
    if (access(args->data, R_OK) != 0)
        return console_error("Fashion-MNIST is not at %s; install Debian's dataset-fashion-mnist, or say where it is "
                             "with --data DIR",
                             args->data);
    snprintf(d->url, sizeof d->url, "idx:%s?normal=%d", args->data, args->normal);
    snprintf(d->report, sizeof d->report, "%s/report.html", d->folder);
    for (int i = 0; i < MODELS; i++)
        snprintf(d->files[i], sizeof d->files[i], "%s/%s.safetensors", d->folder, names[i]);
    if (!args->force && access(d->report, F_OK) == 0)
        return console_error("%s is there already; --force overwrites it", d->report);
    if (mkdir(d->folder, 0777) != 0 && errno != EEXIST)
        return console_error("the folder %s cannot be made: %s", d->folder, strerror(errno));
    return 0;
}

int cmd_demo(const struct args *args)
{
    struct demo d = {.args = args};
    int code = prepare(&d);
    if (!code)
        code = run(&d);
    for (int i = 0; i < MODELS; i++) {
        engram_evaluation_free(d.evaluations[i]);
        engram_model_free(d.models[i]);
    }
    return code;
}
