#include "report/report.h"

#include "base/file.h"
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <string.h>

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

static void lead_labelled(FILE *f, const struct page *p, const struct decision_rates *d)
{
    const char *samples = p->samples;
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
static void put_lead(FILE *f, const struct page *p, const struct evaluation *m)
{
    struct flagged_count all = count_flagged(&m->scores, -1, p->rate);
    fputs("<p class=\"lead\">", f);
    if (!m->judged) {
        fprintf(f,
                "<b>%s</b> was trained without held-out normal data, so it has scores but no threshold: nothing is "
                "flagged. Train with a calibration share to get verdicts.</p>\n",
                m->file->model->name);
        return;
    }
    if (m == p->evaluations[0]) {
        fputs("At a promised false-alarm rate of ", f);
        html_percent(f, p->rate, report_percent_decimals(p->rate));
        fputs(", ", f);
    }
    fprintf(f, "<b>%s</b>", m->file->model->name);
    if (report_labelled(m)) {
        lead_labelled(f, p, &m->decisions);
    } else {
        fputs(" flagged ", f);
        put_of(f, all.flagged, all.n);
        fputs(" ", f);
        html_text(f, p->samples);
        fputs(". The data have no labels: whether these are true finds is for you to judge", f);
    }
    fputs(".</p>\n", f);
}

/* A promise that no threshold can keep other than by flagging nothing at all. */
static void put_too_small(FILE *f, const struct page *p, const struct evaluation *m)
{
    const struct calibration *c = m->calibration;
    if (!m->judged || p->rate >= calibration_smallest_rate(c))
        return;
    fputs("<p class=\"warn\">", f);
    html_count(f, c->n);
    fprintf(f,
            " held-out normal samples are too few for this promise, so %s flags nothing. The smallest rate they can "
            "promise is ",
            m->file->model->name);
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

static void put_header(FILE *f, const struct page *p)
{
    const struct model_file *file = p->evaluations[0]->file;
    char seed[32];
    snprintf(seed, sizeof seed, "%lld", (long long)file->train.seed);
    fputs("<header>\n<p class=\"brand\"><b>engram</b> report</p>\n<h1>", f);
    html_text(f, p->title);
    fputs("</h1>\n", f);
    for (size_t i = 0; i < p->n; i++)
        put_lead(f, p, p->evaluations[i]);
    for (size_t i = 0; i < p->n; i++)
        put_too_small(f, p, p->evaluations[i]);
    fputs("<dl class=\"head\">\n", f);
    head_fact(f, "data", p->evaluations[0]->data);
    head_fact(f, "evaluated", p->date);
    head_fact(f, "seed", seed);
    head_fact(f, "engram", BASE_VERSION);
    fputs("</dl>\n", f);
    if (p->evaluations[0]->data_summary && *p->evaluations[0]->data_summary)
        put_lines(f, p->evaluations[0]->data_summary);
    if (p->evaluations[0]->skipped)
        fprintf(f, "<p class=\"warn\">%zu %s could not be read and %s left out.</p>\n", p->evaluations[0]->skipped,
                p->evaluations[0]->skipped > 1 ? "samples" : "sample", p->evaluations[0]->skipped > 1 ? "are" : "is");
    fputs("</header>\n", f);
}

/* ---- all models ---- */

struct measure {
    const char *name;
    double (*value)(const struct evaluation *m);
    void (*put)(FILE *f, double value, int decimals);
    int decimals, better; /* better: 1 where more is, -1 where less is, 0 where neither */
};

static double value_auroc(const struct evaluation *m)
{
    return m->metrics.auroc;
}

static double value_by_model(const struct evaluation *m)
{
    return m->by_auroc[BY_MODEL];
}

static double value_by_map(const struct evaluation *m)
{
    return m->by_auroc[BY_MAP];
}

static double value_precision(const struct evaluation *m)
{
    return m->metrics.average_precision;
}

static double value_pixels(const struct evaluation *m)
{
    return m->pixels.auroc;
}

static double value_pixel_precision(const struct evaluation *m)
{
    return m->pixels.average_precision;
}

static double value_regions(const struct evaluation *m)
{
    return m->pixels.aupro;
}

static double value_min_max(const struct evaluation *m)
{
    return m->has_min_max ? m->min_max.f1 : NAN;
}

static double value_false_alarms(const struct evaluation *m)
{
    return m->decisions.false_alarm_rate;
}

static double value_found(const struct evaluation *m)
{
    return m->decisions.detection_rate;
}

static double value_training(const struct evaluation *m)
{
    return m->train_seconds;
}

static double value_scoring(const struct evaluation *m)
{
    return m->scores.n ? m->score_seconds / (double)m->scores.n : NAN;
}

static double value_memory(const struct evaluation *m)
{
    return m->peak_bytes ? (double)m->peak_bytes : NAN;
}

static void put_seconds(FILE *f, double value, int decimals)
{
    (void)decimals;
    html_seconds(f, value);
}

static void put_bytes(FILE *f, double value, int decimals)
{
    (void)decimals;
    html_bytes(f, (size_t)value);
}

static const struct measure measures[] = {
    {"AUROC", value_auroc, html_number, 3, 1},
    {"AUROC, model's own score", value_by_model, html_number, 3, 1},
    {"AUROC, map of the unusual", value_by_map, html_number, 3, 1},
    {"average precision", value_precision, html_number, 3, 1},
    {"pixel AUROC", value_pixels, html_number, 3, 1},
    {"pixel average precision", value_pixel_precision, html_number, 3, 1},
    {"AUPRO", value_regions, html_number, 3, 1},
    {"min-max F1", value_min_max, html_number, 3, 1},
    {"false alarms", value_false_alarms, html_percent, 1, 0},
    {"anomalies found", value_found, html_percent, 1, 1},
    {"training", value_training, put_seconds, 0, -1},
    {"scoring a sample", value_scoring, put_seconds, 0, -1},
    {"peak memory", value_memory, put_bytes, 0, -1},
};

/* Whether something is known of one of the models. */
static bool any_known(const struct page *p, double (*value)(const struct evaluation *m))
{
    for (size_t i = 0; i < p->n; i++)
        if (isfinite(value(p->evaluations[i])))
            return true;
    return false;
}

/* Whether a value is the best of all, or cannot be told from it in the digits that are shown. */
static bool as_good(double value, double best)
{
    return isfinite(value) && fabs(value - best) <= 0.0005 * fabs(best);
}

static bool measure_best(const struct page *p, const struct measure *c, double value)
{
    double best = value;
    for (size_t i = 0; i < p->n; i++)
        if (c->better * c->value(p->evaluations[i]) > c->better * best)
            best = c->value(p->evaluations[i]);
    return c->better && as_good(value, best);
}

static void put_measure(FILE *f, const struct page *p, const struct measure *c, const struct evaluation *m)
{
    double value = c->value(m);
    fprintf(f, "<td%s>", measure_best(p, c, value) ? " class=\"best\"" : "");
    if (isfinite(value))
        c->put(f, value, c->decimals);
    else
        fputs("\xe2\x80\x93", f);
    fputs("</td>", f);
}

static double kind_auroc(const struct kind_metrics *k)
{
    return k->auroc;
}

static double kind_regions(const struct kind_metrics *k)
{
    return k->pixels.aupro;
}

typedef double kind_value(const struct kind_metrics *k);

static double value_of_kind(const struct evaluation *m, const char *kind, kind_value *value)
{
    for (size_t i = 0; i < m->nkinds; i++)
        if (m->kinds[i].kind && !strcmp(m->kinds[i].kind, kind))
            return value(&m->kinds[i]);
    return NAN;
}

static double best_of_kind(const struct page *p, const char *kind, kind_value *value)
{
    double best = -INFINITY;
    for (size_t i = 0; kind && i < p->n; i++)
        best = fmax(best, value_of_kind(p->evaluations[i], kind, value));
    return best;
}

static void put_kind_compared(FILE *f, const struct page *p, const char *kind, kind_value *value, double best)
{
    fputs("<tr><th scope=\"row\">", f);
    html_text(f, kind);
    fputs("</th>", f);
    for (size_t i = 0; i < p->n; i++) {
        double one = value_of_kind(p->evaluations[i], kind, value);
        fputs(as_good(one, best) ? "<td class=\"best\">" : "<td>", f);
        html_number(f, one, 3);
        fputs("</td>", f);
    }
    fputs("</tr>\n", f);
}

/* The kinds of anomaly, model by model; the data are the same, so the first model has all of them. */
static void put_kinds_compared(FILE *f, const struct page *p, const char *name, kind_value *value)
{
    enum { SHOWN = 40 };
    const struct evaluation *first = p->evaluations[0];
    if (first->nkinds < 2)
        return;
    fprintf(f, "<tbody><tr class=\"part\"><th scope=\"rowgroup\" colspan=\"%zu\">%s by kind of anomaly</th></tr>\n",
            p->n + 1, name);
    for (size_t k = 0; k < first->nkinds && k < SHOWN; k++) {
        double best = best_of_kind(p, first->kinds[k].kind, value);
        if (isfinite(best))
            put_kind_compared(f, p, first->kinds[k].kind, value, best);
    }
    fputs("</tbody>\n", f);
}

static void put_comparison(FILE *f, const struct page *p)
{
    enum { MEASURES = sizeof measures / sizeof *measures };
    fputs(
        "<section><h2>Side by side</h2>\n<p class=\"note\">The same data, the same promise. The best of each is set in "
        "bold.</p>\n<div class=\"compare\"><div class=\"wide\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"comparison\"><table><thead><tr><td></td>",
        f);
    for (size_t i = 0; i < p->n; i++)
        fprintf(f, "<th scope=\"col\"><a href=\"#model-%zu\">%s</a></th>", i + 1, p->evaluations[i]->file->model->name);
    fputs("</tr></thead><tbody>\n", f);
    for (int k = 0; k < MEASURES; k++) {
        if (!any_known(p, measures[k].value))
            continue;
        fprintf(f, "<tr><th scope=\"row\">%s</th>", measures[k].name);
        for (size_t i = 0; i < p->n; i++)
            put_measure(f, p, &measures[k], p->evaluations[i]);
        fputs("</tr>\n", f);
    }
    fputs("</tbody>\n", f);
    put_kinds_compared(f, p, "AUROC", kind_auroc);
    if (any_known(p, value_regions))
        put_kinds_compared(f, p, "AUPRO", kind_regions);
    fputs("</table></div>\n", f);
    if (any_known(p, measures[0].value))
        report_chart_roc_all(f, p);
    fputs("</div></section>\n", f);
}

/* ---- one model ---- */

static int put_charts(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    if (!m->scores.n)
        return 0;
    bool both = m->decisions.normal && m->decisions.anomalous;
    fputs(both ? "<section><h3>How well it tells them apart</h3>\n" : "<section><h3>Scores</h3>\n", f);
    fputs("<p class=\"note\">A score says how abnormal a sample is.", f);
    if (m->judged)
        fputs(" The threshold comes from normal data held out of training, never from these.", f);
    fputs("</p>\n<div class=\"charts\">\n", f);
    TRY(report_chart_scores(f, p, m, e));
    report_chart_roc(f, m);
    report_chart_promise(f, p, m);
    fputs(report_labelled(m) ? "</div>\n<div class=\"tables\">\n" : "", f);
    report_rates(f, p, m);
    fputs(m->nkinds ? "<div class=\"stack\">\n" : "", f);
    report_kinds(f, p, m);
    report_pixels(f, m);
    fputs(m->nkinds ? "</div>\n</div></section>\n" : "</div></section>\n", f);
    return 0;
}

static int put_training(FILE *f, const struct evaluation *m, struct err *e)
{
    if (m->file->curve.epochs < 1)
        return 0;
    fputs("<section><h3>Training</h3>\n<div class=\"charts\">\n", f);
    TRY(report_charts_training(f, m, e));
    fputs("</div></section>\n", f);
    return 0;
}

static int put_model(FILE *f, const struct page *p, size_t i, struct err *e)
{
    const struct evaluation *m = p->evaluations[i];
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
    report_tiles(f, p, m);
    TRY(put_charts(f, p, m, e));
    TRY(report_videos(f, p, m, e));
    TRY(report_galleries(f, p, m, e));
    TRY(report_memories(f, m, e));
    TRY(put_training(f, m, e));
    TRY(report_options(f, m, e));
    fputs("</article>\n", f);
    return 0;
}

/* ---- the page ---- */

static int stopped(const struct report_job *job, struct err *e)
{
    if (!job->should_stop || !job->should_stop(job->user))
        return 0;
    return err_set(e, ERR_STOPPED, "the report %s was not written: it was stopped", job->path);
}

static void put_footer(FILE *f, const struct page *p)
{
    fputs(
        "<footer><h2>How to read this</h2>\n"
        "<p>A <b>score</b> says how far a sample is from what the model knows as normal; higher is more abnormal. The "
        "<b>p-value</b> is the share of held-out normal samples that score at least as high: 0.01 means that one "
        "normal sample in a hundred looks this strange. A sample is <b>flagged</b> when its p-value is at most the "
        "promised false-alarm rate.</p>\n"
        "<p>The <b>promise</b>: of normal data like those of the training no more than that share is flagged by "
        "mistake, whatever the model, on average over all trainings. One model has drawn one set of held-out samples, "
        "so its own rate lies around that: nine times in ten below the bound that stands with it.</p>\n"
        "<p><b>AUROC</b> is the chance that an anomalous sample scores above a normal one: 0.5 is guessing, 1 is "
        "perfect. <b>Average precision</b> is the share of true anomalies among what ranks highest, averaged over all "
        "thresholds; it depends on how many anomalies the data hold.</p>\n",
        f);
    if (any_known(p, value_regions))
        fputs(
            "<p><b>Pixel AUROC</b> and pixel average precision are the same of single pixels, heat maps against masks: "
            "large defects weigh most in them. In <b>AUPRO</b> every connected region of a mask weighs the same: the "
            "share of it that a threshold finds, averaged over regions and over the thresholds that call up to 30 % of "
            "the normal pixels abnormal. 0.15 is guessing, 1 is perfect.</p>\n",
            f);
    if (any_known(p, value_min_max))
        fputs("<p><b>Min-max F1</b> puts a threshold at a fifth of the way from the lowest score of these very data to "
              "the "
              "highest, as some papers do. It compares models; other data would move the threshold.</p>\n",
              f);
    fputs("<p class=\"quiet\">engram " BASE_VERSION ". This page is one file and loads nothing.</p></footer>\n"
          "</main>\n</body>\n</html>\n",
          f);
}

static int put_page(FILE *f, const struct page *p, const struct report_job *job, struct err *e)
{
    put_head(f, p->title);
    put_header(f, p);
    if (p->n > 1)
        put_comparison(f, p);
    TRY(report_drawn(f, p, e));
    for (size_t i = 0; i < p->n; i++) {
        TRY(stopped(job, e));
        TRY(put_model(f, p, i, e));
    }
    put_footer(f, p);
    return 0;
}

/* Models stand side by side, and are compared: on the same samples, with the same promise. */
static int check_alike(const struct report_job *job, struct err *e)
{
    if (!job->path)
        return err_set(e, ERR_USAGE, "a report needs a path to be written to, and there is none");
    if (job->n < 1 || !job->evaluations)
        return err_set(e, ERR_USAGE, "a report needs at least one model's results, and there is none to write to '%s'",
                       job->path);
    const struct evaluation *first = job->evaluations[0];
    for (size_t i = 0; i < job->n; i++) {
        const struct evaluation *other = job->evaluations[i];
        if (!other)
            return err_set(e, ERR_USAGE, "a report of %zu evaluations cannot be written: evaluation %zu is NULL",
                           job->n, i + 1);
        if (other->fingerprint != first->fingerprint)
            return err_set(e, ERR_USAGE,
                           "a report compares models on the same data, but evaluation 1 is of %s and evaluation %zu of "
                           "other samples of %s; write a report for each",
                           first->data, i + 1, other->data);
        if (other->rate != first->rate)
            return err_set(
                e, ERR_USAGE,
                "a report compares models at the same promise, but evaluation 1 has a false-alarm rate of %g "
                "and evaluation %zu of %g; evaluate them with the same rate",
                first->rate, i + 1, other->rate);
    }
    return 0;
}

int report_write(const struct report_job *job, struct err *e)
{
    struct file_out out;
    struct html_locale locale;
    TRY(check_alike(job, e));
    const struct evaluation *first = job->evaluations[0];
    const struct page page = {.evaluations = job->evaluations,
                              .n = job->n,
                              .title = job->title ? job->title : first->data,
                              .date = job->date,
                              .samples = first->samples,
                              .rate = first->rate};
    TRY(file_create(&out, job->path, job->force, e));
    int code = html_begin(&locale, e);
    if (!code) {
        code = put_page(out.stream, &page, job, e);
        html_end(&locale);
    }
    if (code < 0) {
        file_abandon(&out);
        return code;
    }
    return file_commit(&out, e);
}
