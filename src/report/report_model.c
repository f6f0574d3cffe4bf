/* The report's numbers and tables for one model. */
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tiles ---- */

/* A tile: its name, then the caller's number, tile_note, the caller's small print, tile_end. */
static void tile_begin(FILE *f, const char *name, const char *class)
{
    fprintf(f, "<div class=\"tile %s\"><dt>%s</dt><dd>", class, name);
}

static void tile_note(FILE *f)
{
    fputs("<small>", f);
}

static void tile_end(FILE *f)
{
    fputs("</small></dd></div>\n", f);
}

static void tile_number(FILE *f, const char *name, double value, const char *note)
{
    if (!isfinite(value))
        return;
    tile_begin(f, name, "");
    html_number(f, value, 3);
    tile_note(f);
    fputs(note, f);
    tile_end(f);
}

/* A part of the score on its own. */
static void tile_part(FILE *f, const struct part_metrics *part)
{
    if (!isfinite(part->auroc))
        return;
    fputs("<div class=\"tile\"><dt>AUROC of ", f);
    html_text(f, part->name);
    fputs("</dt><dd>", f);
    html_number(f, part->auroc, 3);
    tile_note(f);
    fputs("this part of the score alone", f);
    tile_end(f);
}

static void tile_false_alarms(FILE *f, const struct page *p, const struct evaluation *m)
{
    const struct decision_rates *d = &m->decisions;
    const struct calibration *c = m->calibration;
    struct calibration_range range = calibration_expected(c, p->rate, d->normal);
    tile_begin(f, "False alarms", "normal");
    html_percent(f, d->false_alarm_rate, 1);
    tile_note(f);
    html_count(f, d->false_alarms);
    fputs(" of ", f);
    html_count(f, d->normal);
    fputs(" normal<br>promised: ", f);
    html_percent(f, p->rate, report_percent_decimals(p->rate));
    if (p->rate >= calibration_smallest_rate(c))
        fprintf(f, "<br>expected: %.1f&nbsp;%%, by chance %.1f to&nbsp;%.1f&nbsp;%%", 100 * range.centre,
                100 * range.from, 100 * range.to);
    if (d->false_alarm_rate > range.to)
        fputs("<br><strong>More than chance explains: the normal test data differ from the training data.</strong>", f);
    tile_end(f);
}

static void tile_found(FILE *f, const struct decision_rates *d)
{
    tile_begin(f, "Anomalies found", "anomalous");
    html_percent(f, d->detection_rate, 1);
    tile_note(f);
    html_count(f, d->detected);
    fputs(" of ", f);
    html_count(f, d->anomalous);
    fputs("<br>at that threshold", f);
    tile_end(f);
}

static void tile_flagged(FILE *f, const struct page *p, const struct evaluation *m)
{
    struct flagged_count c = count_flagged(&m->scores, -1, p->rate);
    tile_begin(f, "Flagged", "");
    html_percent(f, (double)c.flagged / (double)c.n, 1);
    tile_note(f);
    html_count(f, c.flagged);
    fputs(" of ", f);
    html_count(f, c.n);
    fputs("<br>promised on normal data: at most ", f);
    html_percent(f, p->rate, report_percent_decimals(p->rate));
    tile_end(f);
}

static void tile_training(FILE *f, const struct evaluation *m)
{
    if (!isfinite(m->train_seconds))
        return;
    tile_begin(f, "Training", "cost");
    html_seconds(f, m->train_seconds);
    tile_note(f);
    if (m->file->model->fitted)
        fputs("fitted, without epochs", f);
    else
        fprintf(f, "%d epochs, weights of epoch&nbsp;%d", m->file->curve.epochs, m->file->kept_epoch);
    tile_end(f);
}

static void tile_scoring(FILE *f, const struct evaluation *m)
{
    if (!isfinite(m->score_seconds) || !m->scores.n)
        return;
    tile_begin(f, "Scoring", "cost");
    html_seconds(f, m->score_seconds / (double)m->scores.n);
    tile_note(f);
    fputs("a sample,<br>", f);
    html_seconds(f, m->score_seconds);
    fputs(" in all", f);
    tile_end(f);
}

static void tile_memory(FILE *f, const struct evaluation *m)
{
    if (!m->peak_bytes)
        return;
    tile_begin(f, "Peak memory", "cost");
    html_bytes(f, m->peak_bytes);
    tile_note(f);
    fputs("of the process", f);
    tile_end(f);
}

void report_tiles(FILE *f, const struct page *p, const struct evaluation *m)
{
    fputs("<dl class=\"tiles\">\n", f);
    tile_number(f, "AUROC", m->metrics.n ? m->metrics.auroc : NAN, "an anomaly scores above a normal sample");
    if (m->metrics.n && isfinite(m->by_auroc[BY_MODEL]) && isfinite(m->by_auroc[BY_MAP])) {
        tile_number(f, "AUROC, model", m->by_auroc[BY_MODEL], "of the model's own score");
        tile_number(f, "AUROC, map", m->by_auroc[BY_MAP], "of the map that knows what is usual");
    }
    for (int k = 0; k < m->nparts; k++)
        tile_part(f, &m->parts[k]);
    tile_number(f, "Average precision", m->metrics.n ? m->metrics.average_precision : NAN, "over all thresholds");
    tile_number(f, "Pixel AUROC", m->pixels.auroc, "heat maps against the masks");
    tile_number(f, "Pixel precision", m->pixels.average_precision, "average precision of the same pixels");
    tile_number(f, "AUPRO", m->pixels.aupro, "each defect\xe2\x80\x99s region counts the same");
    if (m->judged && m->decisions.normal)
        tile_false_alarms(f, p, m);
    if (m->judged && m->decisions.anomalous)
        tile_found(f, &m->decisions);
    if (m->judged && !report_labelled(m) && m->scores.n)
        tile_flagged(f, p, m);
    if (m->has_min_max)
        tile_number(f, "Min-max F1", m->min_max.f1, "at 0.20 of these scores\xe2\x80\x99 range");
    tile_training(f, m);
    tile_scoring(f, m);
    tile_memory(f, m);
    fputs("</dl>\n", f);
    if (*m->metrics.missing) {
        fputs("<p class=\"quiet\">", f);
        html_text(f, m->metrics.missing);
        fputs(".</p>\n", f);
    }
}

/* ---- other rates ---- */

/* The last columns of the table: a truth whose flagged share is counted (-1: all). */
struct rate_columns {
    int n;
    struct {
        int truth;
        const char *name;
    } v[2];
};

static struct rate_columns rate_columns(const struct evaluation *m)
{
    struct rate_columns c = {0};
    if (m->decisions.normal) {
        c.v[c.n].truth = 0;
        c.v[c.n++].name = "false alarms";
    }
    if (m->decisions.anomalous) {
        c.v[c.n].truth = 1;
        c.v[c.n++].name = "found";
    }
    if (!c.n) {
        c.v[c.n].truth = -1;
        c.v[c.n++].name = "flagged";
    }
    return c;
}

static void rate_row(FILE *f, const struct evaluation *m, double rate, bool chosen)
{
    const struct calibration *c = m->calibration;
    const struct rate_columns columns = rate_columns(m);
    fprintf(f, "<tr%s><th scope=\"row\">", chosen ? " class=\"chosen\"" : "");
    html_percent(f, rate, report_percent_decimals(rate));
    fputs("</th>", f);
    if (rate < calibration_smallest_rate(c)) {
        fprintf(f, "<td colspan=\"%d\" class=\"quiet\">needs %.0f held-out normal samples, there are %zu</td></tr>\n",
                2 + columns.n, ceil(1 / rate) - 1, c->n);
        return;
    }
    fputs("<td>", f);
    html_percent(f, calibration_rate_bound(c, rate, 0.9), 1);
    fputs("</td><td>", f);
    html_digits(f, (double)calibration_threshold(c, rate), 3);
    for (int i = 0; i < columns.n; i++) {
        struct flagged_count count = count_flagged(&m->scores, columns.v[i].truth, rate);
        fputs("</td><td>", f);
        html_percent(f, (double)count.flagged / (double)count.n, 1);
    }
    fputs("</td></tr>\n", f);
}

static void rates_head(FILE *f, const struct evaluation *m)
{
    const struct rate_columns columns = rate_columns(m);
    fputs("<div class=\"block\"><h4>If you promise another rate</h4>\n"
          "<p class=\"note\">A lower promise means fewer false alarms and more that is missed. This model's own rate "
          "stays below the bound nine times in ten. A sample is flagged when its score is above the threshold.</p>\n"
          "<table><thead><tr><th scope=\"col\">promised</th><th scope=\"col\">bound</th>"
          "<th scope=\"col\">threshold</th>",
          f);
    for (int i = 0; i < columns.n; i++)
        fprintf(f, "<th scope=\"col\">%s</th>", columns.v[i].name);
    fputs("</tr></thead><tbody>\n", f);
}

void report_rates(FILE *f, const struct page *p, const struct evaluation *m)
{
    static const double rates[] = {0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2};
    bool done = false;
    if (!m->scores.n || !m->judged)
        return;
    rates_head(f, m);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        bool same = fabs(rates[i] - p->rate) < 1e-9;
        if (!done && !same && p->rate < rates[i])
            rate_row(f, m, p->rate, true);
        done = done || same || p->rate < rates[i];
        rate_row(f, m, rates[i], same);
    }
    if (!done)
        rate_row(f, m, p->rate, true);
    fputs("</tbody></table></div>\n", f);
}

/* ---- kinds ---- */

static int hardest_first(const void *a, const void *b)
{
    const struct kind_metrics *x = *(const struct kind_metrics *const *)a, *y = *(const struct kind_metrics *const *)b;
    return (x->auroc > y->auroc) - (x->auroc < y->auroc);
}

static void kind_row(FILE *f, const struct kind_metrics *k, bool judged)
{
    /* The bar begins at one half: chance. */
    double bar = isfinite(k->auroc) ? 200 * fmax(0, k->auroc - 0.5) : 0;
    fputs("<tr><th scope=\"row\">", f);
    html_text(f, k->kind);
    fputs("</th><td>", f);
    html_count(f, k->n);
    fputs("</td><td class=\"bar\"><span>", f);
    html_number(f, k->auroc, 3);
    fprintf(f, "</span><i style=\"--share:%.1f%%\"></i></td>", bar);
    if (judged) {
        fputs("<td>", f);
        html_percent(f, k->detection_rate, 1);
        fputs("</td>", f);
    }
    fputs("</tr>\n", f);
}

void report_kinds(FILE *f, const struct page *p, const struct evaluation *m)
{
    enum { SHOWN = 40 };
    const struct kind_metrics *order[SHOWN];
    size_t n = m->nkinds < SHOWN ? m->nkinds : SHOWN;
    if (!n || (n == 1 && !strcmp(m->kinds[0].kind, kind_called(NULL))))
        return; /* all are of one kind without a name: the figures above are theirs */
    for (size_t i = 0; i < n; i++)
        order[i] = &m->kinds[i];
    qsort(order, n, sizeof *order, hardest_first);
    fprintf(f, "<div class=\"block\"><h4>By kind of anomaly</h4>\n<p class=\"note\">Each kind against the normal ");
    html_text(f, p->samples);
    fputs(", the hardest first. Bars begin at 0.5, which is guessing.</p>\n"
          "<table class=\"kinds\"><thead><tr><th scope=\"col\">kind</th><th scope=\"col\">n</th>"
          "<th scope=\"col\" class=\"start\">AUROC</th>",
          f);
    fputs(m->judged ? "<th scope=\"col\">found</th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n", f);
    for (size_t i = 0; i < n; i++)
        kind_row(f, order[i], m->judged);
    fputs("</tbody></table>\n", f);
    if (m->nkinds > n)
        fprintf(f, "<p class=\"quiet\">%zu further kinds are not shown.</p>\n", m->nkinds - n);
    fputs("</div>\n", f);
}

/* ---- where the defects are ---- */

static int worst_found_first(const void *a, const void *b)
{
    const struct kind_metrics *x = *(const struct kind_metrics *const *)a, *y = *(const struct kind_metrics *const *)b;
    return (x->pixels.aupro > y->pixels.aupro) - (x->pixels.aupro < y->pixels.aupro);
}

static void pixels_row(FILE *f, const char *name, const struct pixel_rates *r, const char *class)
{
    /* The bar begins where guessing ends. */
    const double guessing = 0.15;
    fprintf(f, "<tr%s><th scope=\"row\">", class);
    html_text(f, name);
    fputs("</th><td>", f);
    html_count(f, r->regions);
    fputs("</td><td>", f);
    html_number(f, r->auroc, 3);
    fputs("</td><td>", f);
    html_number(f, r->average_precision, 3);
    fputs("</td><td class=\"bar\"><span>", f);
    html_number(f, r->aupro, 3);
    fprintf(f, "</span><i style=\"--share:%.1f%%\"></i></td></tr>\n",
            100 * fmax(0, r->aupro - guessing) / (1 - guessing));
}

/* The kinds that have masks; returns how many of them `order` holds. */
static size_t kinds_with_masks(const struct evaluation *m, const struct kind_metrics **order, size_t limit)
{
    size_t n = 0;
    for (size_t i = 0; i < m->nkinds && n < limit; i++)
        if (isfinite(m->kinds[i].pixels.aupro))
            order[n++] = &m->kinds[i];
    qsort(order, n, sizeof *order, worst_found_first);
    return n;
}

void report_pixels(FILE *f, const struct evaluation *m)
{
    enum { SHOWN = 40 };
    const struct kind_metrics *order[SHOWN];
    if (!isfinite(m->pixels.aupro))
        return;
    fputs(
        "<div class=\"block\"><h4>Where the defects are</h4>\n<p class=\"note\">The heat maps against the masks, each "
        "kind with all normal pixels, the hardest first. Bars begin at 0.15, which is guessing.</p>\n"
        "<table class=\"pixels\"><thead><tr><th scope=\"col\">kind</th><th scope=\"col\">regions</th>"
        "<th scope=\"col\">pixel AUROC</th><th scope=\"col\">precision</th><th scope=\"col\" "
        "class=\"start\">AUPRO</th></tr></thead>"
        "<tbody>\n",
        f);
    size_t n = kinds_with_masks(m, order, SHOWN);
    for (size_t i = 0; i < n; i++)
        pixels_row(f, order[i]->kind, &order[i]->pixels, "");
    if (n != 1)
        pixels_row(f, "all", &m->pixels, " class=\"chosen\"");
    fputs("</tbody></table></div>\n", f);
}

/* ---- options ---- */

/* `without` (NULL: none): options that mean nothing here. */
static void option_rows(FILE *f, const struct option *table, const struct option *without, const void *values,
                        const void *defaults)
{
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        char now[OPTION_TEXT + 64], usual[OPTION_TEXT + 64];
        if (without && option_find(without, row.name, NULL))
            continue;
        option_format(&row, values, now, sizeof now);
        option_format(&row, defaults, usual, sizeof usual);
        bool same = !strcmp(now, usual);
        fprintf(f, "<div%s><dt title=\"", same ? " class=\"usual\"" : "");
        html_text(f, row.help);
        fputs("\">", f);
        html_text(f, row.name);
        fputs("</dt><dd>", f);
        html_text(f, *now ? now : "\xe2\x80\x93");
        fputs("</dd></div>\n", f);
    }
}

static void fact(FILE *f, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(f, "<div><dt>%s</dt><dd>", name);
    html_text(f, value);
    fputs("</dd></div>\n", f);
}

static void fact_count(FILE *f, const char *name, long long value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    fact(f, name, text);
}

static void provenance(FILE *f, const struct model_file *c)
{
    char shape[SHAPE_TEXT];
    fputs("<h4>Made from</h4><dl class=\"facts\">\n", f);
    fact(f, "trained on", c->data);
    fact_count(f, "samples trained on", c->trained);
    fact_count(f, "held out: validation", c->validated);
    fact_count(f, "held out: calibration", c->calibrated);
    fact(f, "model input", shape_text(&c->input.sample, shape));
    fact_count(f, "weights of epoch", c->kept_epoch);
    fact(f, "engram", c->version);
    fact(f, "date", c->date);
    fputs("</dl>\n", f);
}

int report_options(FILE *f, const struct evaluation *m, struct err *e)
{
    const struct model_file *c = m->file;
    void *defaults = calloc(1, c->model->config_bytes + 1);
    if (!defaults)
        return err_memory(e, "a model's default options");
    struct train_config train;
    options_default(c->model->options, defaults);
    options_default(train_options, &train);
    fputs("<section class=\"options\"><h3>Options</h3>\n<p class=\"note\">Defaults are dimmed.</p>\n"
          "<div class=\"columns\">\n",
          f);
    provenance(f, c);
    fputs("<h4>Model</h4><dl class=\"facts\">\n", f);
    option_rows(f, c->model->options, NULL, c->config, defaults);
    fputs("</dl>\n<h4>Training</h4><dl class=\"facts\">\n", f);
    option_rows(f, train_options, c->model->fitted ? train_step_options : NULL, &c->train, &train);
    fputs("</dl></div></section>\n", f);
    free(defaults);
    return 0;
}
