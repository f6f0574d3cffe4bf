/* The report's charts. */
#include "report/chart.h"
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 40 };

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* ---- scores ---- */

struct histogram {
    double share[3][BINS]; /* of the samples of truth 0, 1 and unknown */
    size_t n[3];
    double top; /* the largest share */
};

/* All but one in a thousand at either end, and the threshold: the axis of the histogram. */
static int score_range(const struct sample_scores *s, float threshold, double *from, double *to, struct err *e)
{
    float *sorted = malloc(s->n * sizeof *sorted);
    if (!sorted)
        return err_memory(e, "the histogram of scores");
    for (size_t i = 0; i < s->n; i++)
        sorted[i] = s->score[i];
    qsort(sorted, s->n, sizeof *sorted, compare_floats);
    *from = (double)sorted[s->n / 1000];
    *to = (double)sorted[s->n - 1 - s->n / 1000];
    free(sorted);
    if (isfinite(threshold)) {
        *from = fmin(*from, (double)threshold);
        *to = fmax(*to, (double)threshold);
    }
    return 0;
}

static void count_scores(struct histogram *h, const struct sample_scores *s, const struct chart_axis *x)
{
    *h = (struct histogram){0};
    for (size_t i = 0; i < s->n; i++) {
        int kind = !s->truth || s->truth[i] < 0 ? 2 : s->truth[i];
        double share = (chart_at(x, (double)s->score[i]) - x->start) / (x->end - x->start);
        int bin = (int)(share * BINS);
        h->share[kind][bin < BINS ? bin : BINS - 1]++;
        h->n[kind]++;
    }
    for (int k = 0; k < 3; k++) {
        for (int b = 0; b < BINS; b++) {
            h->share[k][b] /= h->n[k] ? (double)h->n[k] : 1;
            h->top = fmax(h->top, h->share[k][b]);
        }
    }
}

static void draw_bins(struct chart *c, const struct histogram *h, int kind, double sign, const char *name)
{
    for (int b = 0; b < BINS; b++) {
        if (!(h->share[kind][b] > 0))
            continue;
        double x0 = chart_value(&c->x, (b + 0.06) / BINS), x1 = chart_value(&c->x, (b + 0.94) / BINS);
        char title[128];
        snprintf(title, sizeof title, "score %.3g to %.3g: %.2g%% of %s", x0, x1, 100 * h->share[kind][b], name);
        chart_box(c, x0, 0, x1, sign * h->share[kind][b], name, title);
    }
}

/* The threshold, and the ground of everything above it tinted: flagged. */
static void draw_threshold(struct chart *c, float threshold)
{
    if (!isfinite(threshold))
        return;
    double x = chart_at(&c->x, (double)threshold);
    chart_box(c, (double)threshold, c->y.from, c->x.to, c->y.to, "flag", "");
    chart_segment(c, (double)threshold, c->y.from, (double)threshold, c->y.to, "limit");
    bool right = x < 0.7 * CHART_WIDTH;
    chart_note(c, x + (right ? 5 : -5), c->y.end + 12, right ? "start" : "end", "label",
               right ? "flagged \xe2\x86\x92" : "not flagged \xe2\x86\x90 | \xe2\x86\x92 flagged");
}

static void draw_share_grid(struct chart *c, double top, bool mirrored)
{
    double unit = pow(10, floor(log10(top))), step = unit * (top / unit >= 5 ? 5 : top / unit >= 2 ? 2 : 1);
    for (int side = mirrored ? -1 : 1; side <= 1; side += 2) {
        chart_segment(c, c->x.from, side * step, c->x.to, side * step, "grid");
        chart_note(c, c->x.start - 6, chart_at(&c->y, side * step) + 4, "end", "ticktext", "%.3g", 100 * step);
    }
}

/* A side's name at the left, or where the threshold and its words stand there, at the right. */
static void draw_side_name(struct chart *c, float threshold, double y, const char *name)
{
    enum { WORDS = 100 };
    bool left = !isfinite(threshold) || chart_at(&c->x, (double)threshold) > c->x.start + WORDS;
    char class[32];
    snprintf(class, sizeof class, "label %s", name);
    chart_note(c, left ? c->x.start + 4 : c->x.end - 4, y, left ? "start" : "end", class, "%s", name);
}

/* One side: the normal ones, else the anomalous, else those of unknown truth. Both: normal above, anomalous below. */
static void draw_sides(struct chart *c, const struct histogram *h, float threshold)
{
    static const char *const names[] = {"normal", "anomalous", "unlabelled"};
    bool both = h->n[0] && h->n[1];
    int first = h->n[0] ? 0 : h->n[1] ? 1 : 2;
    c->y.from = both ? -1.28 * h->top : 0;
    c->y.to = 1.28 * h->top;
    draw_threshold(c, threshold);
    draw_share_grid(c, h->top, both);
    draw_bins(c, h, first, 1, names[first]);
    if (both)
        draw_bins(c, h, 1, -1, names[1]);
    chart_segment(c, c->x.from, 0, c->x.to, 0, "zero");
    chart_note(c, c->x.start, c->y.end - 5, "start", "label", "share of samples, %%");
    if (first < 2)
        draw_side_name(c, threshold, c->y.end + 14, names[first]);
    if (both)
        draw_side_name(c, threshold, c->y.start - 6, names[1]);
}

int report_chart_scores(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    const struct sample_scores *s = &m->scores;
    if (!s->n)
        return 0;
    float threshold = calibration_threshold(m->calibration, p->rate);
    double from = 0, to = 0;
    TRY(score_range(s, threshold, &from, &to, e));
    struct chart c;
    struct histogram h;
    chart_begin(&c, f, "Scores and threshold", "Histogram of the scores by truth");
    chart_x(&c, from, to, chart_wants_log(from, to), CHART_PLAIN, "score");
    count_scores(&h, s, &c.x);
    draw_sides(&c, &h, threshold);
    chart_end(&c);
    return 0;
}

/* ---- ROC ---- */

enum { SQUARE = 212, BESIDE = 276 }; /* the side of square plots, and where the notes beside them begin */

static void square_begin(struct chart *c, FILE *f, const char *title, const char *label)
{
    chart_begin(c, f, title, label);
    chart_area(c, 46, 18, 46 + SQUARE, 18 + SQUARE);
}

static void roc_begin(struct chart *c, FILE *f, const char *title)
{
    square_begin(c, f, title, "ROC curve: share of anomalies found over share of false alarms");
    chart_y(c, 0, 1, false, CHART_PERCENT, "anomalies found, %");
    chart_x(c, 0, 1, false, CHART_PERCENT, "false alarms, %");
    chart_segment(c, 0, 0, 1, 1, "chance");
}

static void roc_line(struct chart *c, const struct metrics *m, const char *class)
{
    double xs[ROC_POINTS], ys[ROC_POINTS];
    for (int i = 0; i < m->nroc; i++) {
        xs[i] = m->roc[i].false_alarm;
        ys[i] = m->roc[i].detection;
    }
    chart_line(c, xs, ys, (size_t)m->nroc, class);
}

void report_chart_roc(FILE *f, const struct evaluation *m)
{
    struct chart c;
    if (m->metrics.nroc < 2)
        return;
    roc_begin(&c, f, "Every threshold (ROC)");
    roc_line(&c, &m->metrics, "s0");
    chart_note(&c, BESIDE, 44, "start", "label", "AUROC");
    chart_note(&c, BESIDE, 70, "start", "big", "%.3f", m->metrics.auroc);
    if (m->judged) {
        chart_dot(&c, m->decisions.false_alarm_rate, m->decisions.detection_rate, "point");
        chart_note(&c, BESIDE, 112, "start", "label", "\xe2\x97\x8f threshold");
        chart_note(&c, BESIDE, 134, "start", "strong", "%.1f&#160;%%", 100 * m->decisions.detection_rate);
        chart_note(&c, BESIDE, 150, "start", "label", "found");
        chart_note(&c, BESIDE, 174, "start", "strong", "%.1f&#160;%%", 100 * m->decisions.false_alarm_rate);
        chart_note(&c, BESIDE, 190, "start", "label", "false alarms");
    }
    chart_end(&c);
}

void report_chart_roc_all(FILE *f, const struct page *p)
{
    struct chart c;
    roc_begin(&c, f, "Every threshold (ROC)");
    for (size_t i = 0; i < p->n; i++) {
        char class[8];
        snprintf(class, sizeof class, "s%zu", i % 4);
        const struct evaluation *m = p->evaluations[i];
        if (m->metrics.nroc < 2)
            continue;
        roc_line(&c, &m->metrics, class);
        double y = 44 + 46 * (double)i;
        fprintf(f, "<path class=\"line %s\" d=\"M%d %.0fh18\"/>", class, BESIDE, y - 4);
        chart_note(&c, BESIDE + 24, y, "start", "strong", "%s", m->file->model->name);
        chart_note(&c, BESIDE + 24, y + 17, "start", "label", "%.3f", m->metrics.auroc);
    }
    chart_end(&c);
}

/* ---- the promise ---- */

enum { RATES = 61 };

/* Measured false-alarm rates over promised ones; the band is what chance explains. */
void report_chart_promise(FILE *f, const struct page *p, const struct evaluation *m)
{
    double promised[RATES], measured[RATES], low[RATES], high[RATES], end = fmin(1, fmax(0.2, 2 * p->rate));
    size_t normal = count_flagged(&m->scores, 0, 0).n;
    struct chart c;
    if (!normal || !m->judged)
        return;
    for (int i = 0; i < RATES; i++) {
        promised[i] = end * i / (RATES - 1);
        measured[i] = (double)count_flagged(&m->scores, 0, promised[i]).flagged / (double)normal;
        struct calibration_range range = calibration_expected(m->calibration, promised[i], normal);
        low[i] = range.from;
        high[i] = range.to;
    }
    square_begin(&c, f, "Is the promise kept?", "Measured over promised false-alarm rate");
    chart_y(&c, 0, end, false, CHART_PERCENT, "false alarms measured, %");
    chart_x(&c, 0, end, false, CHART_PERCENT, "promised, %");
    chart_band(&c, promised, low, high, RATES, "band");
    chart_segment(&c, 0, 0, end, end, "chance");
    chart_line(&c, promised, measured, RATES, "normal");
    double rate = (double)count_flagged(&m->scores, 0, p->rate).flagged / (double)normal;
    chart_dot(&c, p->rate, rate, "point");
    chart_note(&c, BESIDE, 44, "start", "label", "promised");
    chart_note(&c, BESIDE, 64, "start", "strong", "%.4g&#160;%%", 100 * p->rate);
    chart_note(&c, BESIDE, 92, "start", "label", "measured");
    chart_note(&c, BESIDE, 112, "start", "strong", "%.1f&#160;%%", 100 * rate);
    chart_note(&c, BESIDE, 140, "start", "label", "90&#160;%% bound");
    chart_note(&c, BESIDE, 160, "start", "strong", "%.1f&#160;%%",
               100 * calibration_rate_bound(m->calibration, p->rate, 0.9));
    fprintf(f, "<path class=\"band\" d=\"M%d 188h18v12h-18z\"/>", BESIDE);
    chart_note(&c, BESIDE + 24, 198, "start", "label", "by chance");
    chart_end(&c);
}

/* ---- training ---- */

/* One line over the epochs. */
struct series {
    const char *name, *class;
    double *y; /* an entry an epoch */
};

enum { SERIES = OBJECTIVES + 1 + WATCHES };

struct span {
    double from, to;
};

static struct span series_span(const struct series *s, size_t count, size_t n)
{
    struct span span = {INFINITY, -INFINITY};
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < n; i++) {
            if (isfinite(s[k].y[i])) {
                span.from = fmin(span.from, s[k].y[i]);
                span.to = fmax(span.to, s[k].y[i]);
            }
        }
    }
    return span;
}

static void draw_legend(FILE *f, const struct series *s, size_t count, double at)
{
    for (size_t k = 0; k < count; k++, at += 120) {
        fprintf(f, "<path class=\"line %s\" d=\"M%.0f 12h16\"/>", s[k].class, at);
        fprintf(f, "<text class=\"label\" x=\"%.0f\" y=\"16\">", at + 21);
        html_text(f, s[k].name);
        fputs("</text>\n", f);
    }
}

/* One chart of one or two lines; the last one's value at the kept epoch is marked. */
static void draw_series(FILE *f, const struct series *s, size_t count, const double *x, size_t n, int kept)
{
    struct span span = series_span(s, count, n);
    struct chart c;
    if (!(span.to >= span.from))
        return;
    bool log = chart_wants_log(span.from, span.to);
    double from = log ? span.from : span.from >= 0 && span.from < span.to / 3 ? 0 : span.from;
    chart_begin(&c, f, count > 1 ? "loss" : s->name, "Training: a line over the epochs");
    chart_area(&c, 56, 30, CHART_WIDTH - 10, CHART_HEIGHT - 40);
    chart_y(&c, from, span.to + (log ? 0 : 0.05 * (span.to - from)), log, CHART_PLAIN, "");
    chart_x(&c, 1, (double)n, false, CHART_WHOLE, "epoch");
    for (size_t k = 0; k < count; k++) {
        chart_line(&c, x, s[k].y, n, s[k].class);
        if (n == 1)
            chart_dot(&c, x[0], s[k].y[0], "point");
    }
    if (count > 1)
        draw_legend(f, s, count, c.x.start);
    if (kept >= 1 && (size_t)kept <= n) {
        chart_segment(&c, kept, c.y.from, kept, c.y.to, "kept");
        chart_dot(&c, kept, s[count - 1].y[kept - 1], "point");
        chart_note(&c, chart_at(&c.x, kept), c.y.end - 3, kept * 2 > (int)n ? "end" : "start", "label", "kept");
    }
    chart_end(&c);
}

static size_t collect_series(const struct curve *curve, double *memory, struct series s[SERIES])
{
    size_t n = (size_t)curve->epochs, count = 0;
    for (int k = 0; k < curve->nlosses; k++)
        s[count++] = (struct series){curve->nlosses > 1 ? curve->loss_names[k] : "training", "s1", NULL};
    s[count++] = (struct series){"validation", "s0", NULL};
    for (int k = 0; k < curve->nwatches; k++)
        s[count++] = (struct series){curve->watch_names[k], "s0", NULL};
    for (size_t k = 0; k < count; k++)
        s[k].y = memory + k * n;
    for (size_t i = 0; i < n; i++) {
        const struct epoch_row *row = &curve->rows[i];
        size_t k = 0;
        for (int j = 0; j < curve->nlosses; j++)
            s[k++].y[i] = row->loss[j];
        s[k++].y[i] = row->validation;
        for (int j = 0; j < curve->nwatches; j++)
            s[k++].y[i] = row->watch[j];
    }
    return count;
}

/* Whether two lines can share an axis: training loss and validation score need not have the same unit. */
static bool comparable(const struct series *s, size_t n)
{
    struct span a = series_span(s, 1, n), b = series_span(s + 1, 1, n);
    return a.from > 0 && b.from > 0 && a.from < 4 * b.to && b.from < 4 * a.to;
}

int report_charts_training(FILE *f, const struct evaluation *m, struct err *e)
{
    const struct curve *curve = &m->file->curve;
    size_t n = curve->epochs > 0 ? (size_t)curve->epochs : 0;
    if (!n)
        return 0;
    struct series s[SERIES];
    double *memory = malloc((SERIES + 1) * n * sizeof *memory);
    if (!memory)
        return err_memory(e, "the training curves");
    double *x = memory + SERIES * n;
    for (size_t i = 0; i < n; i++)
        x[i] = (double)i + 1;
    size_t count = collect_series(curve, memory, s);
    for (size_t k = 0; k < count;) {
        bool pair = (int)k + 1 == curve->nlosses && comparable(s + k, n);
        draw_series(f, s + k, pair ? 2 : 1, x, n, m->file->kept_epoch);
        k += pair ? 2 : 1;
    }
    free(memory);
    return 0;
}

/* ---- memory ---- */

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

int report_chart_memory(FILE *f, const struct memory_use *use, struct err *e)
{
    size_t n = (size_t)use->items;
    double *share = malloc(2 * n * sizeof *share);
    if (!share)
        return err_memory(e, "the use of the memory");
    for (size_t i = 0; i < n; i++) {
        share[i] = use->rows ? use->weight[i] / (double)use->rows : 0;
        share[n + i] = (double)i + 1;
    }
    qsort(share, n, sizeof *share, falling);
    struct chart c;
    chart_begin(&c, f, "Use of the items", "Share of the attention that each memory item gets, the most used first");
    chart_y(&c, 0, share[0] * 1.05, false, CHART_PERCENT, "share of attention, %");
    chart_x(&c, 1, (double)n, false, CHART_WHOLE, "items, most used first");
    chart_segment(&c, 1, 1 / (double)n, (double)n, 1 / (double)n, "chance");
    chart_note(&c, c.x.end, chart_at(&c.y, 1 / (double)n) - 5, "end", "label", "if all were used alike");
    chart_line(&c, share + n, share, n, "s0");
    chart_end(&c);
    free(share);
    return 0;
}
