#include "report/report.h"

#include "base/file.h"
#include "base/version.h"
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <string.h>

const char *report_samples_name(const struct report *r)
{
    return r->samples ? r->samples : "samples";
}

/* ---- the top of the page ---- */

static void put_head(FILE *f, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta name=\"generator\" content=\"engram " BASE_VERSION "\">\n"
          /* Nothing may be loaded or run, even if a text of the data found a way to ask for it. */
          "<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n<title>",
          f);
    html_text(f, title);
    fputs(" \xc2\xb7 engram report</title>\n<style>\n", f);
    fputs(report_style, f);
    fputs("</style>\n</head>\n<body>\n<main>\n", f);
}

static void put_of(FILE *f, size_t part, size_t whole)
{
    html_count(f, part);
    fputs(" of ", f);
    html_count(f, whole);
}

static void lead_labelled(FILE *f, const struct report *r, const struct decision_rates *d)
{
    const char *samples = report_samples_name(r);
    if (d->normal) {
        fputs(" raised a false alarm on <span class=\"normal\">", f);
        put_of(f, d->false_alarms, d->normal);
        fputs(" normal ", f);
        html_text(f, samples);
        fputs("</span> (", f);
        html_percent(f, d->false_alarm_rate, 1);
        fputs(d->anomalous ? ") and" : ")", f);
    }
    if (d->anomalous) {
        fputs(" found <span class=\"anomalous\">", f);
        put_of(f, d->detected, d->anomalous);
        fputs(d->normal ? " anomalous ones</span> (" : " anomalous samples</span> (", f);
        html_percent(f, d->detection_rate, 1);
        fputs(")", f);
    }
}

/* The result in one sentence; the promise is the same for all models and said once. */
static void put_lead(FILE *f, const struct report *r, const struct report_model *m)
{
    struct report_count all = report_count(&m->scores, -1, r->rate);
    fputs("<p class=\"lead\">", f);
    if (!m->file->calibration.n) {
        fprintf(f,
                "<b>%s</b> was trained without held-out normal data, so it has scores but no threshold: nothing is "
                "flagged. Train with a calibration share to get verdicts.</p>\n",
                report_model_name(m));
        return;
    }
    if (m == r->models) {
        fputs("At a promised false-alarm rate of ", f);
        html_percent(f, r->rate, report_percent_decimals(r->rate));
        fputs(", ", f);
    }
    fprintf(f, "<b>%s</b>", report_model_name(m));
    if (m->decisions) {
        lead_labelled(f, r, m->decisions);
    } else {
        fputs(" flagged ", f);
        put_of(f, all.flagged, all.n);
        fputs(" ", f);
        html_text(f, report_samples_name(r));
        fputs(". The data have no labels: whether these are true finds is for you to judge", f);
    }
    fputs(".</p>\n", f);
}

/* A promise that no threshold can keep other than by flagging nothing at all. */
static void put_too_small(FILE *f, const struct report *r, const struct report_model *m)
{
    const struct calibration *c = &m->file->calibration;
    if (!c->n || r->rate >= calibration_smallest_rate(c))
        return;
    fputs("<p class=\"warn\">", f);
    html_count(f, c->n);
    fprintf(f,
            " held-out normal samples are too few for this promise, so %s flags nothing. The smallest rate they can "
            "promise is ",
            report_model_name(m));
    html_digits(f, 100 * calibration_smallest_rate(c), 2);
    fputs("&nbsp;%.</p>\n", f);
}

static void put_lines(FILE *f, const char *text)
{
    fputs("<pre>", f);
    html_text(f, text);
    fputs("</pre>", f);
}

static void head_fact(FILE *f, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(f, "<div><dt>%s</dt><dd>", name);
    html_text(f, value);
    fputs("</dd></div>\n", f);
}

static void put_header(FILE *f, const struct report *r)
{
    const struct model_file *file = r->models[0].file;
    char seed[32];
    snprintf(seed, sizeof seed, "%lld", (long long)file->train.seed);
    fputs("<header>\n<p class=\"brand\"><b>engram</b> report</p>\n<h1>", f);
    html_text(f, r->title ? r->title : r->data);
    fputs("</h1>\n", f);
    for (size_t i = 0; i < r->nmodels; i++)
        put_lead(f, r, &r->models[i]);
    for (size_t i = 0; i < r->nmodels; i++)
        put_too_small(f, r, &r->models[i]);
    fputs("<dl class=\"head\">\n", f);
    head_fact(f, "data", r->data);
    head_fact(f, "evaluated", r->date);
    head_fact(f, "seed", seed);
    head_fact(f, "engram", BASE_VERSION);
    fputs("</dl>\n", f);
    if (r->data_summary && *r->data_summary)
        put_lines(f, r->data_summary);
    if (r->skipped)
        fprintf(f, "<p class=\"warn\">%zu %s could not be read and %s left out.</p>\n", r->skipped,
                r->skipped > 1 ? "samples" : "sample", r->skipped > 1 ? "are" : "is");
    fputs("</header>\n", f);
}

/* ---- all models ---- */

struct measure {
    const char *name;
    double (*value)(const struct report_model *m);
    void (*put)(FILE *f, double value, int decimals);
    int decimals, better; /* better: 1 where more is, -1 where less is, 0 where neither */
};

static double value_auroc(const struct report_model *m)
{
    return m->metrics ? m->metrics->auroc : NAN;
}

static double value_precision(const struct report_model *m)
{
    return m->metrics ? m->metrics->average_precision : NAN;
}

static double value_pixels(const struct report_model *m)
{
    return m->pixel_auroc;
}

static double value_false_alarms(const struct report_model *m)
{
    return m->decisions ? m->decisions->false_alarm_rate : NAN;
}

static double value_found(const struct report_model *m)
{
    return m->decisions ? m->decisions->detection_rate : NAN;
}

static double value_training(const struct report_model *m)
{
    return m->train_seconds;
}

static double value_scoring(const struct report_model *m)
{
    return m->scores.n ? 1000 * m->score_seconds / (double)m->scores.n : NAN;
}

static double value_memory(const struct report_model *m)
{
    return m->peak_bytes ? (double)m->peak_bytes : NAN;
}

static void put_seconds(FILE *f, double value, int decimals)
{
    (void)decimals;
    html_seconds(f, value);
}

static void put_milliseconds(FILE *f, double value, int digits)
{
    html_digits(f, value, digits);
    fputs("&nbsp;ms", f);
}

static void put_bytes(FILE *f, double value, int decimals)
{
    (void)decimals;
    html_bytes(f, (size_t)value);
}

static const struct measure measures[] = {
    {"AUROC", value_auroc, html_number, 3, 1},
    {"average precision", value_precision, html_number, 3, 1},
    {"pixel AUROC", value_pixels, html_number, 3, 1},
    {"false alarms", value_false_alarms, html_percent, 1, 0},
    {"anomalies found", value_found, html_percent, 1, 1},
    {"training", value_training, put_seconds, 0, -1},
    {"scoring a sample", value_scoring, put_milliseconds, 2, -1},
    {"peak memory", value_memory, put_bytes, 0, -1},
};

static bool measure_known(const struct report *r, const struct measure *c)
{
    for (size_t i = 0; i < r->nmodels; i++)
        if (isfinite(c->value(&r->models[i])))
            return true;
    return false;
}

/* Whether a value is the best of all, or cannot be told from it in the digits that are shown. */
static bool as_good(double value, double best)
{
    return isfinite(value) && fabs(value - best) <= 0.0005 * fabs(best);
}

static bool measure_best(const struct report *r, const struct measure *c, double value)
{
    double best = value;
    for (size_t i = 0; i < r->nmodels; i++)
        if (c->better * c->value(&r->models[i]) > c->better * best)
            best = c->value(&r->models[i]);
    return c->better && as_good(value, best);
}

static void put_measure(FILE *f, const struct report *r, const struct measure *c, const struct report_model *m)
{
    double value = c->value(m);
    fprintf(f, "<td%s>", measure_best(r, c, value) ? " class=\"best\"" : "");
    if (isfinite(value))
        c->put(f, value, c->decimals);
    else
        fputs("\xe2\x80\x93", f);
    fputs("</td>", f);
}

static double kind_auroc(const struct report_model *m, const char *kind)
{
    for (size_t i = 0; i < m->nkinds; i++)
        if (m->kinds[i].kind && !strcmp(m->kinds[i].kind, kind))
            return m->kinds[i].auroc;
    return NAN;
}

/* The kinds of anomaly, model by model; the data are the same, so the first model has all of them. */
static void put_kinds_compared(FILE *f, const struct report *r)
{
    enum { SHOWN = 40 };
    const struct report_model *first = &r->models[0];
    if (first->nkinds < 2)
        return;
    fprintf(f, "<tbody><tr class=\"part\"><th scope=\"rowgroup\" colspan=\"%zu\">AUROC by kind of anomaly</th></tr>\n",
            r->nmodels + 1);
    for (size_t k = 0; k < first->nkinds && k < SHOWN; k++) {
        const char *kind = first->kinds[k].kind;
        double best = -INFINITY;
        for (size_t i = 0; kind && i < r->nmodels; i++)
            best = fmax(best, kind_auroc(&r->models[i], kind));
        if (!isfinite(best))
            continue;
        fputs("<tr><th scope=\"row\">", f);
        html_text(f, kind);
        fputs("</th>", f);
        for (size_t i = 0; i < r->nmodels; i++) {
            double auroc = kind_auroc(&r->models[i], kind);
            fputs(as_good(auroc, best) ? "<td class=\"best\">" : "<td>", f);
            html_number(f, auroc, 3);
            fputs("</td>", f);
        }
        fputs("</tr>\n", f);
    }
    fputs("</tbody>\n", f);
}

static void put_comparison(FILE *f, const struct report *r)
{
    enum { MEASURES = sizeof measures / sizeof *measures };
    fputs(
        "<section><h2>Side by side</h2>\n<p class=\"note\">The same data, the same promise. The best of each is set in "
        "bold.</p>\n<div class=\"compare\"><div class=\"wide\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"comparison\"><table><thead><tr><td></td>",
        f);
    for (size_t i = 0; i < r->nmodels; i++)
        fprintf(f, "<th scope=\"col\"><a href=\"#model-%zu\">%s</a></th>", i + 1, report_model_name(&r->models[i]));
    fputs("</tr></thead><tbody>\n", f);
    for (int k = 0; k < MEASURES; k++) {
        if (!measure_known(r, &measures[k]))
            continue;
        fprintf(f, "<tr><th scope=\"row\">%s</th>", measures[k].name);
        for (size_t i = 0; i < r->nmodels; i++)
            put_measure(f, r, &measures[k], &r->models[i]);
        fputs("</tr>\n", f);
    }
    fputs("</tbody>\n", f);
    put_kinds_compared(f, r);
    fputs("</table></div>\n", f);
    if (measure_known(r, &measures[0]))
        report_chart_roc_all(f, r);
    fputs("</div></section>\n", f);
}

/* ---- one model ---- */

static int put_charts(FILE *f, const struct report *r, const struct report_model *m, struct err *e)
{
    if (!m->scores.n)
        return 0;
    fputs(m->decisions ? "<section><h3>How well it tells them apart</h3>\n" : "<section><h3>Scores</h3>\n", f);
    fputs("<p class=\"note\">A score says how abnormal a sample is. The threshold comes from normal data held out of "
          "training, never from these.</p>\n<div class=\"charts\">\n",
          f);
    TRY(report_chart_scores(f, r, m, e));
    report_chart_roc(f, m);
    report_chart_promise(f, r, m);
    fputs(m->decisions ? "</div>\n<div class=\"tables\">\n" : "", f);
    report_rates(f, r, m);
    report_kinds(f, r, m);
    fputs("</div></section>\n", f);
    return 0;
}

static int put_training(FILE *f, const struct report_model *m, struct err *e)
{
    if (m->file->curve.epochs < 1)
        return 0;
    fputs("<section><h3>Training</h3>\n<div class=\"charts\">\n", f);
    TRY(report_charts_training(f, m, e));
    fputs("</div></section>\n", f);
    return 0;
}

static int put_model(FILE *f, const struct report *r, size_t i, struct err *e)
{
    const struct report_model *m = &r->models[i];
    const struct model *model = m->file->model;
    fprintf(f, "<article id=\"model-%zu\">\n<h2>", i + 1);
    html_text(f, model->name);
    fputs(" <span>", f);
    html_text(f, model->title);
    fputs("</span></h2>\n<p class=\"note\">", f);
    html_text(f, model->idea);
    if (model->paper && *model->paper) {
        fputs(" <cite>", f);
        html_text(f, model->paper);
        fputs("</cite>", f);
    }
    fputs("</p>\n", f);
    report_tiles(f, r, m);
    TRY(put_charts(f, r, m, e));
    TRY(report_galleries(f, r, m, e));
    TRY(report_memory(f, m, e));
    TRY(put_training(f, m, e));
    TRY(report_options(f, m, e));
    fputs("</article>\n", f);
    return 0;
}

/* ---- the page ---- */

static int put_page(FILE *f, const struct report *r, struct err *e)
{
    put_head(f, r->title ? r->title : r->data);
    put_header(f, r);
    if (r->nmodels > 1)
        put_comparison(f, r);
    TRY(report_drawn(f, r, e));
    for (size_t i = 0; i < r->nmodels; i++)
        TRY(put_model(f, r, i, e));
    fputs(
        "<footer><h2>How to read this</h2>\n"
        "<p>A <b>score</b> compares a sample with what the model rebuilt of it; higher is more abnormal. The "
        "<b>p-value</b> is the share of held-out normal samples that score at least as high: 0.01 means that one "
        "normal "
        "sample in a hundred looks this strange. A sample is <b>flagged</b> when its p-value is at most the promised "
        "false-alarm rate, so on normal data like those of the training no more than that share is flagged by "
        "mistake, whatever the model.</p>\n"
        "<p><b>AUROC</b> is the chance that an anomalous sample scores above a normal one: 0.5 is guessing, 1 is "
        "perfect. <b>Average precision</b> is the share of true anomalies among what ranks highest, averaged over all "
        "thresholds; it depends on how many anomalies the data hold.</p>\n"
        "<p class=\"quiet\">engram " BASE_VERSION ". This page is one file and loads nothing.</p></footer>\n"
        "</main>\n</body>\n</html>\n",
        f);
    return 0;
}

int report_write(const struct report *r, const char *path, bool force, struct err *e)
{
    struct file_out out;
    struct html_locale locale;
    if (r->nmodels < 1)
        return err_set(e, ERR_USAGE, "a report needs at least one model's results, and there is none to write to '%s'",
                       path);
    TRY(file_create(&out, path, force, e));
    int code = html_begin(&locale, e);
    if (!code) {
        code = put_page(out.stream, r, e);
        html_end(&locale);
    }
    if (code < 0) {
        file_abandon(&out);
        return code;
    }
    return file_commit(&out, e);
}
