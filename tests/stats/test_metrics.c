/* Metrics against the definitions, counted pair by pair. */
#include "stats/metrics.h"

#include "base/rng.h"
#include "support/within.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 500 };

static double naive_auroc(const float *s, const uint8_t *y, size_t n)
{
    double wins = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (y[i] && !y[j]) {
                wins += s[i] > s[j] ? 1 : s[i] == s[j] ? 0.5 : 0;
                pairs++;
            }
    return wins / pairs;
}

static void count_at(const float *s, const uint8_t *y, size_t n, float threshold, double *hits, double *alarms)
{
    *hits = *alarms = 0;
    for (size_t i = 0; i < n; i++)
        if (s[i] >= threshold)
            *(y[i] ? hits : alarms) += 1;
}

/* Every anomalous sample brings the precision at its own score. */
static double naive_average_precision(const float *s, const uint8_t *y, size_t n)
{
    double sum = 0, positives = 0;
    for (size_t i = 0; i < n; i++) {
        double hits, alarms;
        count_at(s, y, n, s[i], &hits, &alarms);
        sum += y[i] ? hits / (hits + alarms) : 0;
        positives += y[i];
    }
    return sum / positives;
}

static double naive_best_f1(const float *s, const uint8_t *y, size_t n)
{
    double best = 0, positives = 0;
    for (size_t i = 0; i < n; i++)
        positives += y[i];
    for (size_t i = 0; i < n; i++) {
        double hits, alarms;
        count_at(s, y, n, s[i], &hits, &alarms);
        best = fmax(best, 2 * hits / (positives + hits + alarms));
    }
    return best;
}

/* Anomalous ones higher on average; `levels` distinct scores, so that few levels mean many ties. */
static void draw(struct rng *r, float *s, uint8_t *y, size_t n, double share, int levels)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (double)rng_uniform(r) < share;
        s[i] = floorf((float)levels * (rng_uniform(r) + 0.3f * (float)y[i])) / (float)levels;
    }
    y[0] = 0;
    y[1] = 1;
}

static void equals_naive(void **state)
{
    (void)state;
    static const int levels[] = {1, 2, 5, 40, 1 << 20};
    static const size_t sizes[] = {2, 3, 10, 199, N};
    struct rng r = rng_new(1, 2);
    for (size_t k = 0; k < 25; k++) {
        float s[N];
        uint8_t y[N];
        size_t n = sizes[k / 5];
        struct metrics m;
        struct err e = ERR_INIT;
        draw(&r, s, y, n, 0.3, levels[k % 5]);
        assert_int_equal(metrics_compute(s, y, n, &m, &e), 0);
        assert_true(fabs(m.auroc - naive_auroc(s, y, n)) < 1e-12);
        assert_true(fabs(m.average_precision - naive_average_precision(s, y, n)) < 1e-12);
        assert_true(fabs(m.best_f1 - naive_best_f1(s, y, n)) < 1e-12);
        assert_int_equal(m.normal + m.anomalous, n);
        assert_string_equal(m.missing, "");
    }
}

static void roc_is_a_curve(void **state)
{
    (void)state;
    static float s[20000];
    static uint8_t y[20000];
    static const size_t sizes[] = {2, 199, 200, 201, 1000, 20000};
    struct rng r = rng_new(3, 4);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct metrics m;
        struct err e = ERR_INIT;
        draw(&r, s, y, sizes[k], 0.5, 1 << 20);
        assert_int_equal(metrics_compute(s, y, sizes[k], &m, &e), 0);
        assert_within(m.nroc, 2, ROC_POINTS);
        if (sizes[k] >= 1000)
            assert_int_equal(m.nroc, ROC_POINTS);
        assert_true(m.roc[0].false_alarm == 0 && m.roc[0].detection == 0);
        assert_true(m.roc[m.nroc - 1].false_alarm == 1 && m.roc[m.nroc - 1].detection == 1);
        double area = 0;
        for (int i = 1; i < m.nroc; i++) {
            const struct roc_point *a = &m.roc[i - 1], *b = &m.roc[i];
            double hits, alarms;
            assert_true(b->false_alarm >= a->false_alarm && b->detection >= a->detection);
            assert_true(b->threshold < a->threshold);
            count_at(s, y, sizes[k], b->threshold, &hits, &alarms);
            assert_true(b->detection == hits / (double)m.anomalous);
            assert_true(b->false_alarm == alarms / (double)m.normal);
            area += (b->false_alarm - a->false_alarm) * (a->detection + b->detection) / 2;
        }
        assert_true(fabs(area - m.auroc) < 0.01);
    }
}

static void one_class_is_said(void **state)
{
    (void)state;
    const float s[] = {1, 2, 3};
    const uint8_t none[] = {0, 0, 0}, all[] = {1, 1, 1};
    struct metrics m;
    struct err e = ERR_INIT;
    assert_int_equal(metrics_compute(s, none, 3, &m, &e), 0);
    assert_true(isnan(m.auroc) && isnan(m.average_precision) && isnan(m.best_f1));
    assert_non_null(strstr(m.missing, "no anomalous samples among the 3"));
    assert_int_equal(metrics_compute(s, all, 3, &m, &e), 0);
    assert_non_null(strstr(m.missing, "no normal samples"));
    assert_int_equal(metrics_compute(s, all, 0, &m, &e), 0);
    assert_true(isnan(m.auroc));
    assert_int_equal(m.nroc, 0);
}

static void not_finite_is_refused(void **state)
{
    (void)state;
    const float s[] = {1, NAN, 3}, t[] = {1, INFINITY};
    const uint8_t y[] = {0, 1, 0};
    struct metrics m;
    struct err e = ERR_INIT, f = ERR_INIT;
    assert_int_equal(metrics_compute(s, y, 3, &m, &e), ERR_FAIL);
    assert_non_null(strstr(e.msg, "score 2 of 3"));
    assert_int_equal(metrics_compute(t, y, 2, &m, &f), ERR_FAIL);
}

static void decisions_are_counted(void **state)
{
    (void)state;
    const uint8_t flagged[] = {1, 0, 1, 0, 1, 0}, y[] = {1, 1, 1, 0, 0, 0};
    struct decision_rates r;
    metrics_decisions(flagged, y, 6, &r);
    assert_int_equal(r.detected, 2);
    assert_int_equal(r.false_alarms, 1);
    assert_true(r.detection_rate == 2.0 / 3 && r.false_alarm_rate == 1.0 / 3);
    assert_true(r.precision == 2.0 / 3 && r.f1 == 2 * 2.0 / (3 + 3));
    metrics_decisions(flagged, y, 3, &r);
    assert_true(isnan(r.false_alarm_rate) && r.detection_rate == 2.0 / 3);
    assert_true(isnan(r.precision) && isnan(r.f1)); /* of what is all anomalous they say nothing */
    metrics_decisions(NULL, y, 6, &r);
    assert_true(r.normal == 3 && r.anomalous == 3 && r.detected == 0 && r.false_alarms == 0);
    assert_true(isnan(r.false_alarm_rate) && isnan(r.detection_rate) && isnan(r.precision) && isnan(r.f1));
    metrics_decisions(flagged, y, 0, &r);
    assert_true(isnan(r.detection_rate) && isnan(r.precision) && isnan(r.f1));
}

static void assert_min_max(size_t n, const float *s, const uint8_t *wanted)
{
    uint8_t flagged[8];
    metrics_min_max(s, n, flagged);
    assert_memory_equal(flagged, wanted, n);
}

/* 0.20 itself counts; the unit of the scores does not. */
static void min_max_flags_from_a_fifth_on(void **state)
{
    (void)state;
    assert_min_max(5, (float[]){0, 10, 2, 1.99f, 5}, (uint8_t[]){0, 1, 1, 0, 1});
    assert_min_max(5, (float[]){-7, 13, -3, -3.02f, 3}, (uint8_t[]){0, 1, 1, 0, 1});
    assert_min_max(3, (float[]){4, 4, 4}, (uint8_t[]){0, 0, 0});
    assert_min_max(1, (float[]){4}, (uint8_t[]){0});
}

static void kinds_stand_alone(void **state)
{
    (void)state;
    const float s[] = {1, 2, 3, 10, 2.5f, 0, 3};
    const uint8_t y[] = {0, 0, 0, 1, 1, 1, 1}, flagged[] = {0, 0, 0, 1, 0, 0, 1};
    const char *const kinds[] = {"good", "good", "good", "scratch", "hole", NULL, "scratch"};
    struct kind_metrics k[8];
    size_t n;
    struct err e = ERR_INIT;
    assert_int_equal(metrics_by_kind(s, y, kinds, flagged, 7, k, 8, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_string_equal(k[0].kind, "scratch");
    assert_int_equal(k[0].n, 2);
    assert_true(fabs(k[0].auroc - 5.5 / 6) < 1e-12);
    assert_true(k[0].detection_rate == 1);
    assert_string_equal(k[1].kind, "hole");
    assert_true(fabs(k[1].auroc - 2.0 / 3) < 1e-12 && k[1].detection_rate == 0);
    assert_string_equal(k[2].kind, "unknown");
    assert_true(k[2].auroc == 0);
    assert_int_equal(metrics_by_kind(s, y, kinds, NULL, 7, k, 2, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_true(isnan(k[0].detection_rate) && isnan(k[0].pixels.auroc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_naive),
        cmocka_unit_test(roc_is_a_curve),
        cmocka_unit_test(one_class_is_said),
        cmocka_unit_test(not_finite_is_refused),
        cmocka_unit_test(decisions_are_counted),
        cmocka_unit_test(kinds_stand_alone),
        cmocka_unit_test(min_max_flags_from_a_fifth_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
