#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct demo_flags {
    const char *data;
    int normal, epochs, seed, threads;
    double false_alarm_rate;
    bool force;
};

#define FLAGS_OF struct demo_flags
// clang-format off
static const struct flag flags[] = {
    ROW_TEXT(data, 0, "DIR", "/usr/share/datasets/fashion-mnist", "where Fashion-MNIST is (Debian: dataset-fashion-mnist)"),
    ROW_WHOLE(normal, 0, "CLASS", "8", 0, 9, "the class that is normal: 0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot"),
    ROW_WHOLE(epochs, 0, "N", "25", 1, 1000, "of each training"),
    ROW_RATE,
    ROW_WHOLE(seed, 0, "N", "1", 0, 1e9, "of all random choices"),
    ROW_THREADS,
    ROW_FORCE("overwrite an earlier demo"),
    {0}};
// clang-format on

/* Of Fashion-MNIST, in the order of its labels. */
static const char *const classes[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                      "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};

enum { MODELS = 2, BATCH = 64 };
static const char *const names[MODELS] = {"memae", "ae"};

struct demo {
    const struct demo_flags *flags;
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
    snprintf(epochs, sizeof epochs, "epochs=%d", d->flags->epochs);
    snprintf(seed, sizeof seed, "seed=%d", d->flags->seed);
    snprintf(threads, sizeof threads, "threads=%d", d->flags->threads);
    const char *const settings[] = {epochs, seed, threads};
    const engram_train_job job = {.size = sizeof job,
                                  .model = names[i],
                                  .preset = "fashion",
                                  .settings = settings,
                                  .nsettings = 3,
                                  .data = d->url,
                                  .output = d->files[i],
                                  .date = console_date(date),
                                  .force = d->flags->force};
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
    scorer_settings_make(&s, d->flags->false_alarm_rate, d->flags->threads, BATCH, "file", false);
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
    printf("A false-alarm rate of %g was promised. Report: %s\n", d->flags->false_alarm_rate, d->report);
}

static int run_all(struct demo *d)
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
    snprintf(title, sizeof title, "Fashion-MNIST: %s is normal", classes[d->flags->normal]);
    if (engram_report_write(evaluations, MODELS, title, console_date(date), d->report, d->flags->force, &console_hooks,
                            &error))
        return console_report(&error);
    print_table(d);
    return output_flush();
}

/* Nothing is trained that could not be written in the end. */
static int prepare(struct demo *d)
{
    const struct demo_flags *f = d->flags;
    if (strlen(d->folder) > 500 || strlen(f->data) > 500)
        return console_usage("demo", "a folder's name is longer than 500 characters");
    if (access(f->data, R_OK) != 0)
        return console_error("Fashion-MNIST is not at %s; install Debian's dataset-fashion-mnist, or say where it is "
                             "with --data DIR",
                             f->data);
    snprintf(d->url, sizeof d->url, "idx:%s?normal=%d", f->data, f->normal);
    snprintf(d->report, sizeof d->report, "%s/report.html", d->folder);
    for (int i = 0; i < MODELS; i++)
        snprintf(d->files[i], sizeof d->files[i], "%s/%s.safetensors", d->folder, names[i]);
    if (!f->force && access(d->report, F_OK) == 0)
        return console_error("%s is there already; --force overwrites it", d->report);
    if (mkdir(d->folder, 0777) != 0 && errno != EEXIST)
        return console_error("the folder %s cannot be made: %s", d->folder, strerror(errno));
    return 0;
}

static int run(const struct args *args)
{
    struct demo d = {.flags = args->flags, .folder = args->noperands ? args->operands[0] : "demo"};
    int code = prepare(&d);
    if (!code)
        code = run_all(&d);
    for (int i = 0; i < MODELS; i++) {
        engram_evaluation_free(d.evaluations[i]);
        engram_model_free(d.models[i]);
    }
    return code;
}

const struct verb verb_demo = {
    .name = "demo",
    .operands = "[DIR]",
    .summary = "see it work on Fashion-MNIST",
    .details = "Trains memae and ae, the same net with and without memory, on one class of Fashion-MNIST as what is "
               "normal, evaluates both on the whole test set, prints a table and writes DIR/report.html (DIR is demo "
               "without it).",
    .examples = "engram demo\nengram demo out/ --normal 5",
    .flags = flags,
    .flags_size = sizeof(struct demo_flags),
    .least = 0,
    .most = 1,
    .computes = verb_computes,
    .run = run,
};
