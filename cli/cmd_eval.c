#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdlib.h>
#include <unistd.h>

const struct flag eval_flags[] = {
    {"false-alarm-rate", 'r', FLAG_NUMBER, offsetof(struct args, rate), "RATE", "0.05", 0, 1, NULL,
     "share of normal samples that may be called anomalous"},
    {"report", 0, FLAG_TEXT, offsetof(struct args, report), "FILE", NULL, 0, 0, NULL,
     "write a page with pictures, heat maps and curves (HTML, self-contained)"},
    {"format", 0, FLAG_CHOICE, offsetof(struct args, format), "FORMAT", "csv", 0, 0, "csv|jsonl|text",
     "of the rows on stdout"},
    {"force", 'f', FLAG_SWITCH, offsetof(struct args, force), NULL, NULL, 0, 0, NULL, "overwrite an existing report"},
    {"batch", 0, FLAG_WHOLE, offsetof(struct args, batch), "N", "64", 1, 4096, NULL, "samples computed at once"},
    {"threads", 0, FLAG_WHOLE, offsetof(struct args, threads), "N", "0", 0, 1024, NULL, "to compute on; 0: all"},
    {0},
};

static const char *const columns[] = {"model", "metric", "kind", "value", NULL};

struct evaluating {
    const struct args *args;
    const char *data;
    size_t n; /* models */
    engram_model **models;
    engram_evaluation **evaluations;
};

static int evaluate(struct evaluating *e, size_t i)
{
    engram_error error;
    struct scorer_settings s;
    args_scorer_settings(e->args, false, &s);
    if (engram_model_load(e->args->operands[i], &e->models[i], &error))
        return console_report(&error);
    int failed = engram_evaluate(e->models[i], e->data, s.list, s.n, &console_hooks, &e->evaluations[i], &error);
    console_clear();
    return failed ? console_report(&error) : 0;
}

static int print_metrics(const struct evaluating *e)
{
    struct output output;
    output_begin(&output, e->args->format, columns);
    for (size_t i = 0; i < e->n; i++) {
        engram_metric m = ENGRAM_METRIC_INIT;
        for (size_t k = 0; engram_evaluation_metric(e->evaluations[i], k, &m); k++) {
            const struct cell cells[] = {CELL_OF_TEXT(e->args->operands[i]), CELL_OF_TEXT(m.name), CELL_OF_TEXT(m.kind),
                                         CELL_OF_FLOAT(m.value)};
            output_row(&output, cells);
        }
    }
    return output_end(&output);
}

static int evaluate_all(struct evaluating *e)
{
    engram_error error;
    char date[32];
    for (size_t i = 0; i < e->n; i++) {
        int code = evaluate(e, i);
        if (code || console_interrupted())
            return code ? code : console_signal_code();
    }
    int code = print_metrics(e);
    if (!code && e->args->report) {
        const engram_evaluation *const *evaluations = (const engram_evaluation *const *)e->evaluations;
        if (engram_report_write(evaluations, e->n, NULL, console_date(date), e->args->report, e->args->force,
                                &console_hooks, &error))
            return console_report(&error);
        console_info("report: %s", e->args->report);
    }
    return code;
}

int cmd_eval(const struct args *args)
{
    if (args->report && !args->force && access(args->report, F_OK) == 0)
        return console_error("%s is there already; --force overwrites it", args->report);
    struct evaluating e = {.args = args, .data = args->operands[args->noperands - 1], .n = args->noperands - 1};
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
