#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct eval_flags {
    double false_alarm_rate;
    const char *report, *format, *score, *made_kind, *protocol, *per_video;
    double smooth;
    bool force, min_max;
    int made, hop, batch, threads;
};

#define FLAGS_OF struct eval_flags
// clang-format off
static const struct flag flags[] = {
    ROW_RATE,
    ROW_TEXT(report, 0, "FILE", NULL, "write a page with pictures, heat maps and curves (HTML, self-contained)"),
    ROW_SWITCH(min_max, 0, "measure too what a threshold at 0.20 does where the lowest score of DATA counts as 0 and the highest as 1 (GANomaly's protocol)"),
    ROW_WHOLE(made, 0, "N", "0", 0, 100000, "measure with N pictures with made defects, of the good ones in DATA, in place of real defects"),
    ROW_CHOICE(made_kind, 0, "WORD", "mixed", "shapes|cuts|blends|mixed", "what is made: noise shapes filled with something else, pieces cut out and pasted, pieces blended in, or each in turn"),
    ROW_PROTOCOL,
    ROW_HOP,
    ROW_CHOICE(per_video, 0, "WHAT", "raw", "raw|min-max", "of videos: measure too what is left when the scores of each are brought to 0..1 on their own; --protocol official has it"),
    ROW_NUMBER(smooth, 0, "FRAMES", "0", 0, 10000, "of videos: measure too what is left when scores are smoothed along each by a Gaussian of that deviation"),
    ROW_COLUMNS,
    ROW_SCORE,
    ROW_FORMAT,
    ROW_FORCE("overwrite an existing report"),
    ROW_BATCH,
    ROW_THREADS,
    {0}};
// clang-format on

static const char *const columns[] = {"model", "metric", "kind", "value", NULL};

struct evaluating {
    const struct eval_flags *flags;
    const char **files; /* n of them */
    const char *data;
    size_t n; /* models */
    engram_model **models;
    engram_evaluation **evaluations;
};

static int evaluate(struct evaluating *e, size_t i)
{
    engram_error error;
    struct scorer_settings s;
    scorer_settings_make(&s, e->flags->false_alarm_rate, e->flags->threads, e->flags->batch, e->flags->score, false);
    if (e->flags->min_max)
        scorer_settings_add(&s, "min_max=true");
    if (e->flags->made) {
        scorer_settings_add(&s, "made=%d", e->flags->made);
        scorer_settings_add(&s, "made_kind=%s", e->flags->made_kind);
    }
    scorer_settings_add(&s, "protocol=%s", e->flags->protocol);
    scorer_settings_add(&s, "hop=%d", e->flags->hop);
    scorer_settings_add(&s, "per_video=%s", e->flags->per_video);
    scorer_settings_add(&s, "smooth=%.17g", e->flags->smooth);
    console_debug("loading %s", e->files[i]);
    if (engram_model_load(e->files[i], &e->models[i], &error))
        return console_report(&error);
    int failed = engram_evaluate(e->models[i], e->data, s.list, s.n, &console_hooks, &e->evaluations[i], &error);
    console_clear();
    return failed ? console_report(&error) : 0;
}

/* Adds up what could not be read. */
static int print_metrics(const struct evaluating *e, double *unreadable)
{
    struct output output;
    output_begin(&output, e->flags->format, columns);
    for (size_t i = 0; i < e->n; i++) {
        engram_metric m = ENGRAM_METRIC_INIT;
        for (size_t k = 0; engram_evaluation_metric(e->evaluations[i], k, &m); k++) {
            const struct cell cells[] = {CELL_OF_TEXT(e->files[i]), CELL_OF_TEXT(m.name), CELL_OF_TEXT(m.kind),
                                         CELL_OF_FLOAT(m.value)};
            output_row(&output, cells);
        }
        *unreadable += engram_evaluation_value(e->evaluations[i], "unreadable");
    }
    return output_end(&output);
}

static int write_report(const struct evaluating *e)
{
    engram_error error;
    char date[32];
    const engram_evaluation *const *evaluations = (const engram_evaluation *const *)e->evaluations;
    console_debug("writing %s", e->flags->report);
    if (engram_report_write(evaluations, e->n, NULL, console_date(date), e->flags->report, e->flags->force,
                            &console_hooks, &error))
        return console_report(&error);
    console_info("report: %s", e->flags->report);
    return 0;
}

static int evaluate_all(struct evaluating *e)
{
    double unreadable = 0;
    for (size_t i = 0; i < e->n; i++) {
        int code = evaluate(e, i);
        if (code || console_interrupted())
            return code ? code : console_signal_code();
    }
    int code = print_metrics(e, &unreadable);
    if (!code && e->flags->report)
        code = write_report(e);
    return code ? code : unreadable > 0 ? EXIT_PARTLY : EXIT_OK;
}

static int run(const struct args *args)
{
    const struct eval_flags *f = args->flags;
    if (f->report && !f->force && access(f->report, F_OK) == 0)
        return console_error("%s is there already; --force overwrites it", f->report);
    struct evaluating e = {.flags = f, .files = args->operands, .n = args->noperands - 1};
    e.data = args->operands[e.n];
    e.models = calloc(e.n, sizeof *e.models);
    e.evaluations = calloc(e.n, sizeof *e.evaluations);
    int code = e.models && e.evaluations ? evaluate_all(&e) : console_error("out of memory");
    for (size_t i = 0; e.models && e.evaluations && i < e.n; i++) {
        engram_evaluation_free(e.evaluations[i]);
        engram_model_free(e.models[i]);
    }
    free(e.models);
    free(e.evaluations);
    return code;
}

const struct verb verb_eval = {
    .name = "eval",
    .operands = "FILE... DATA",
    .summary = "measure a model on labelled data",
    .details =
        "Scores the test part of DATA, which must say what is normal and what is not, with each model FILE and "
        "prints what was measured: area under the ROC curve, average precision, false-alarm and detection rate "
        "at the calibrated threshold, and the same by kind of anomaly. model_auroc and map_auroc are the first "
        "of these for the model's own score and for the map that knows what is usual, whichever the rest stands on. "
        "Where DATA has masks, the heat maps' pixels are "
        "measured too: area under the ROC curve, average precision, and AUPRO, the mean share found of each "
        "connected defect, over false-alarm rates of pixels from 0 to 0.3. --min-max adds F1 and rates at a "
        "threshold that depends on the samples of DATA, as some papers have it; scores and verdicts stay as "
        "they are. Where there are no real defects, --made N makes some in good pictures, which the model should not "
        "have been trained on: what it finds of them says which of several models or settings sees more. Samples that "
        "cannot be read are left out "
        "and counted; the exit code is then 4.",
    .examples = "engram eval bottle.safetensors bottle/ --report report.html\n"
                "engram eval small.safetensors large.safetensors more-good/ --made 200\n"
                "engram eval memae.safetensors ae.safetensors 'idx:mnist/?normal=3' --format text",
    .flags = flags,
    .flags_size = sizeof(struct eval_flags),
    .least = 2,
    .most = 100,
    .data = -1,
    .computes = verb_computes,
    .run = run,
};
