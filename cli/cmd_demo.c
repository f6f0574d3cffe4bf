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
    const char *data, *parts;
    int normal, epochs, seed, threads;
    double false_alarm_rate;
    bool force;
};

#define FLAGS_OF struct demo_flags
// clang-format off
static const struct flag flags[] = {
    ROW_TEXT(data, 0, "DIR", "/usr/share/datasets/fashion-mnist", "where Fashion-MNIST is (Debian: dataset-fashion-mnist)"),
    ROW_TEXT(parts, 0, "DIR", NULL, "photos of a real part, DIR/train/good and DIR/test/...: a second demo, with the model to begin with"),
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

enum { MODELS = 2, BATCH = 64, PARTS = MODELS, LESSONS };
static const char *const names[LESSONS] = {"memae", "ae", "parts"};

/* What is trained and evaluated. */
struct lesson {
    const char *model, *preset; /* NULL: the one to begin with */
    char url[700], file[700];
    engram_model *learnt;
    engram_evaluation *evaluation;
    double train_seconds;
    size_t peak_bytes;
};

struct demo {
    const struct demo_flags *flags;
    const char *folder;
    struct lesson lessons[LESSONS];
    char report[700], parts_report[700];
};

static int train(const struct demo *d, struct lesson *l)
{
    char epochs[40], seed[40], threads[40], date[32];
    snprintf(epochs, sizeof epochs, "epochs=%d", d->flags->epochs);
    snprintf(seed, sizeof seed, "seed=%d", d->flags->seed);
    snprintf(threads, sizeof threads, "threads=%d", d->flags->threads);
    const char *const settings[] = {epochs, seed, threads};
    const engram_train_job job = {.size = sizeof job,
                                  .model = l->model,
                                  .preset = l->preset,
                                  .settings = settings,
                                  .nsettings = 3,
                                  .data = l->url,
                                  .output = l->file,
                                  .date = console_date(date),
                                  .force = d->flags->force};
    engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
    engram_error error;
    console_watch_memory();
    int failed = engram_train(&job, &console_hooks, &summary, &error);
    console_clear();
    if (failed)
        return console_report(&error);
    l->train_seconds = summary.seconds;
    l->peak_bytes = console_peak_memory();
    return 0;
}

static int evaluate(const struct demo *d, struct lesson *l)
{
    engram_error error;
    struct scorer_settings s;
    scorer_settings_make(&s, d->flags->false_alarm_rate, d->flags->threads, BATCH, "file", false);
    if (engram_model_load(l->file, &l->learnt, &error))
        return console_report(&error);
    int failed = engram_evaluate(l->learnt, l->url, s.list, s.n, &console_hooks, &l->evaluation, &error);
    console_clear();
    if (failed)
        return console_report(&error);
    engram_evaluation_training(l->evaluation, l->train_seconds, l->peak_bytes);
    return 0;
}

static int learn(const struct demo *d, struct lesson *l)
{
    int code = train(d, l);
    return code ? code : evaluate(d, l);
}

static void print_row(const char *name, const struct lesson *l)
{
    const engram_evaluation *e = l->evaluation;
    printf("%-8s %8.4f %18.4f %17.4f %15.4f %12.1f s %8.1f MiB\n", name, engram_evaluation_value(e, "auroc"),
           engram_evaluation_value(e, "average_precision"), engram_evaluation_value(e, "false_alarm_rate"),
           engram_evaluation_value(e, "detection_rate"), l->train_seconds, (double)l->peak_bytes / (1 << 20));
}

static void print_table(const struct demo *d)
{
    printf("%-8s %8s %18s %17s %15s %14s %12s\n", "model", "AUROC", "average precision", "false-alarm rate",
           "detection rate", "training", "memory");
    for (int i = 0; i < LESSONS; i++)
        if (d->lessons[i].evaluation)
            print_row(names[i], &d->lessons[i]);
    printf("A false-alarm rate of %g was promised. Report: %s\n", d->flags->false_alarm_rate, d->report);
    if (d->flags->parts)
        printf("Of the parts: %s\n", d->parts_report);
}

static int write_report(const struct demo *d, int first, int n, const char *title, const char *path)
{
    engram_error error;
    char date[32];
    const engram_evaluation *evaluations[LESSONS];
    for (int i = 0; i < n; i++)
        evaluations[i] = d->lessons[first + i].evaluation;
    return engram_report_write(evaluations, (size_t)n, title, console_date(date), path, d->flags->force, &console_hooks,
                               &error)
               ? console_report(&error)
               : 0;
}

static int run_fashion(struct demo *d)
{
    char title[80];
    for (int i = 0; i < MODELS; i++) {
        console_info("training %s on the normal class", names[i]);
        int code = learn(d, &d->lessons[i]);
        if (code)
            return code;
    }
    snprintf(title, sizeof title, "Fashion-MNIST: %s is normal", classes[d->flags->normal]);
    return write_report(d, 0, MODELS, title, d->report);
}

static int run_parts(struct demo *d)
{
    if (!d->flags->parts)
        return 0;
    console_info("learning the good ones of %s", d->flags->parts);
    int code = learn(d, &d->lessons[PARTS]);
    return code ? code : write_report(d, PARTS, 1, d->flags->parts, d->parts_report);
}

static int run_all(struct demo *d)
{
    int code = run_fashion(d);
    if (!code)
        code = run_parts(d);
    if (code)
        return code;
    print_table(d);
    return output_flush();
}

static void name_files(struct demo *d)
{
    const struct demo_flags *f = d->flags;
    for (int i = 0; i < LESSONS; i++)
        snprintf(d->lessons[i].file, sizeof d->lessons[i].file, "%s/%s.safetensors", d->folder, names[i]);
    for (int i = 0; i < MODELS; i++) {
        d->lessons[i].model = names[i];
        d->lessons[i].preset = "fashion";
        snprintf(d->lessons[i].url, sizeof d->lessons[i].url, "idx:%s?normal=%d", f->data, f->normal);
    }
    snprintf(d->lessons[PARTS].url, sizeof d->lessons[PARTS].url, "%s", f->parts ? f->parts : "");
    snprintf(d->report, sizeof d->report, "%s/report.html", d->folder);
    snprintf(d->parts_report, sizeof d->parts_report, "%s/parts.html", d->folder);
}

/* Nothing is trained that could not be written in the end. */
static int prepare(struct demo *d)
{
    const struct demo_flags *f = d->flags;
    if (strlen(d->folder) > 500 || strlen(f->data) > 500 || (f->parts && strlen(f->parts) > 500))
        return console_usage("demo", "a folder's name is longer than 500 characters");
    if (access(f->data, R_OK) != 0)
        return console_error("Fashion-MNIST is not at %s; install Debian's dataset-fashion-mnist, or say where it is "
                             "with --data DIR",
                             f->data);
    if (f->parts && access(f->parts, R_OK) != 0)
        return console_error("the folder %s of --parts cannot be read: %s", f->parts, strerror(errno));
    name_files(d);
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
    for (int i = 0; i < LESSONS; i++) {
        engram_evaluation_free(d.lessons[i].evaluation);
        engram_model_free(d.lessons[i].learnt);
    }
    return code;
}

const struct verb verb_demo = {
    .name = "demo",
    .operands = "[DIR]",
    .summary = "see it work on Fashion-MNIST",
    .details = "Trains memae and ae, the same net with and without memory, on one class of Fashion-MNIST as what is "
               "normal, evaluates both on the whole test set, prints a table and writes DIR/report.html (DIR is demo "
               "without it). With --parts it does the same with photos of yours and the model to begin with; "
               "DIR/parts.html.",
    .examples = "engram demo\nengram demo out/ --normal 5 --parts bottle/",
    .flags = flags,
    .flags_size = sizeof(struct demo_flags),
    .least = 0,
    .most = 1,
    .computes = verb_computes,
    .run = run,
};
