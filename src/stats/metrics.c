#include "stats/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sample as the sweep over thresholds sees it. */
struct scored {
    float score;
    uint8_t anomalous;
};

static int by_falling_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* Where the sweep stands after all samples with score >= threshold. */
struct sweep {
    size_t hits, alarms; /* anomalous and normal ones so far */
    float threshold;
};

/* Takes in the samples from `at` on that tie; returns where the next threshold begins. */
static size_t sweep_tie(const struct scored *s, size_t n, size_t at, struct sweep *w)
{
    w->threshold = s[at].score;
    for (; at < n && s[at].score == w->threshold; at++) {
        w->hits += s[at].anomalous;
        w->alarms += !s[at].anomalous;
    }
    return at;
}

/* Falling order makes the area one sum: each tie adds a trapezoid, which counts its pairs one half. */
static double area_under_roc(const struct scored *s, size_t n, size_t normal, size_t anomalous)
{
    struct sweep w = {0};
    double area = 0;
    for (size_t at = 0; at < n;) {
        struct sweep before = w;
        at = sweep_tie(s, n, at, &w);
        area += (double)(w.alarms - before.alarms) * ((double)w.hits + (double)before.hits) / 2;
    }
    return area / ((double)normal * (double)anomalous);
}

static void precision_and_f1(const struct scored *s, size_t n, struct metrics *m)
{
    struct sweep w = {0};
    double sum = 0, best = 0;
    for (size_t at = 0; at < n;) {
        size_t hits = w.hits;
        at = sweep_tie(s, n, at, &w);
        double precision = (double)w.hits / (double)(w.hits + w.alarms);
        double f1 = 2 * (double)w.hits / (double)(m->anomalous + w.hits + w.alarms);
        sum += precision * (double)(w.hits - hits);
        best = fmax(best, f1);
    }
    m->average_precision = sum / (double)m->anomalous;
    m->best_f1 = best;
}

static size_t count_thresholds(const struct scored *s, size_t n)
{
    size_t count = n > 0;
    for (size_t i = 1; i < n; i++)
        count += s[i].score != s[i - 1].score;
    return count;
}

/* (0,0), then at most ROC_POINTS - 1 of the curve's corners, evenly spaced over the thresholds, the last always. */
static void roc_curve(const struct scored *s, size_t n, struct metrics *m)
{
    size_t total = count_thresholds(s, n), room = ROC_POINTS - 1;
    size_t points = total < room ? total : room, seen = 0;
    struct sweep w = {0};
    m->roc[m->nroc++] = (struct roc_point){.threshold = INFINITY};
    for (size_t at = 0; at < n;) {
        at = sweep_tie(s, n, at, &w);
        seen++;
        /* Point j stands for threshold ceil(j total / points), j = 1 .. points. */
        if (seen * points / total == (size_t)m->nroc)
            m->roc[m->nroc++] = (struct roc_point){.false_alarm = (double)w.alarms / (double)m->normal,
                                                   .detection = (double)w.hits / (double)m->anomalous,
                                                   .threshold = w.threshold};
    }
}

/* Sorted by falling score; NULL with a sentence. */
static struct scored *sort_scores(const float *scores, const uint8_t *anomalous, size_t n, struct err *e)
{
    struct scored *s = malloc((n + 1) * sizeof *s);
    if (!s) {
        err_memory(e, "sorted scores");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(scores[i])) {
            err_set(e, ERR_FAIL, "score %zu of %zu is not finite; metrics need finite scores", i + 1, n);
            free(s);
            return NULL;
        }
        s[i] = (struct scored){scores[i], anomalous[i] != 0};
    }
    qsort(s, n, sizeof *s, by_falling_score);
    return s;
}

static void one_class_only(struct metrics *m)
{
    m->auroc = m->average_precision = m->best_f1 = NAN;
    snprintf(m->missing, sizeof m->missing,
             "no %s samples among the %zu: AUROC, average precision and F1 need both kinds",
             m->normal ? "anomalous" : "normal", m->n);
}

int metrics_compute(const float *scores, const uint8_t *anomalous, size_t n, struct metrics *m, struct err *e)
{
    *m = (struct metrics){.n = n};
    struct scored *s = sort_scores(scores, anomalous, n, e);
    if (!s)
        return e->code;
    for (size_t i = 0; i < n; i++)
        m->anomalous += s[i].anomalous;
    m->normal = n - m->anomalous;
    if (m->normal && m->anomalous) {
        m->auroc = area_under_roc(s, n, m->normal, m->anomalous);
        precision_and_f1(s, n, m);
        roc_curve(s, n, m);
    } else {
        one_class_only(m);
    }
    free(s);
    return 0;
}

static double ratio(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : (double)NAN;
}

void metrics_decisions(const uint8_t *flagged, const uint8_t *anomalous, size_t n, struct decision_rates *r)
{
    *r = (struct decision_rates){0};
    for (size_t i = 0; i < n; i++) {
        r->anomalous += anomalous[i] != 0;
        r->detected += flagged && flagged[i] && anomalous[i];
        r->false_alarms += flagged && flagged[i] && !anomalous[i];
    }
    r->normal = n - r->anomalous;
    bool both = flagged && r->normal && r->anomalous;
    r->false_alarm_rate = ratio(r->false_alarms, flagged ? r->normal : 0);
    r->detection_rate = ratio(r->detected, flagged ? r->anomalous : 0);
    r->precision = ratio(r->detected, both ? r->detected + r->false_alarms : 0);
    r->f1 = ratio(2 * r->detected, both ? r->anomalous + r->detected + r->false_alarms : 0);
}

void metrics_min_max(const float *scores, size_t n, uint8_t *flagged)
{
    float least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        least = fminf(least, scores[i]);
        most = fmaxf(most, scores[i]);
    }
    const double low = (double)least, high = (double)most;
    for (size_t i = 0; i < n; i++)
        flagged[i] = high > low && ((double)scores[i] - low) / (high - low) >= 0.20;
}

/* ---- by kind ---- */

const char *kind_called(const char *kind)
{
    return kind && *kind ? kind : "unknown";
}

static struct kind_metrics *find_kind(struct kind_metrics *list, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].kind, kind))
            return &list[i];
    return NULL;
}

/* One kind's samples and all normal ones, gathered into x and label; adds up what else is known of the kind. */
static size_t gather_kind(struct kind_metrics *k, const float *scores, const uint8_t *anomalous,
                          const char *const *kinds, const uint8_t *flagged, size_t n, float *x, uint8_t *label)
{
    size_t count = 0, hits = 0;
    for (size_t i = 0; i < n; i++) {
        bool member = anomalous[i] && !strcmp(kind_called(kinds[i]), k->kind);
        if (anomalous[i] && !member)
            continue;
        k->n += member;
        hits += member && flagged && flagged[i];
        x[count] = scores[i];
        label[count++] = member;
    }
    k->detection_rate = flagged ? ratio(hits, k->n) : (double)NAN;
    return count;
}

int metrics_by_kind(const float *scores, const uint8_t *anomalous, const char *const *kinds, const uint8_t *flagged,
                    size_t n, struct kind_metrics *out, size_t limit, size_t *nout, struct err *e)
{
    *nout = 0;
    for (size_t i = 0; i < n; i++)
        if (anomalous[i] && *nout < limit && !find_kind(out, *nout, kind_called(kinds[i])))
            out[(*nout)++] = (struct kind_metrics){.kind = kind_called(kinds[i]), .pixels = pixel_rates_unknown};
    float *x = malloc((n + 1) * sizeof *x);
    uint8_t *label = malloc(n + 1);
    struct metrics *m = malloc(sizeof *m);
    int code = x && label && m ? 0 : err_memory(e, "metrics by kind");
    for (size_t k = 0; k < *nout && !code; k++) {
        size_t count = gather_kind(&out[k], scores, anomalous, kinds, flagged, n, x, label);
        code = metrics_compute(x, label, count, m, e);
        out[k].auroc = m->auroc;
    }
    free(x);
    free(label);
    free(m);
    return code;
}
