/* Evaluation of what is not all there: unreadable pictures, one kind of samples alone, no thresholds; and its end
 * before the end. */
#include "glass.h"

#include <math.h>
#include <stdio.h>

static void unreadable_pictures_are_left_out(void **state)
{
    (void)state;
    struct tried t = {0};
    const char *path = in_folder("all/test/good/0b.png");
    write_file(path, "no picture", 10);
    evaluate(&t, load_for_pictures(), in_folder("all"));
    remove(path);
    assert_int_equal(t.code, 0);
    assert_number(&t.ev, "unreadable", "", 1);
    assert_number(&t.ev, "anomalous", "", 4);
    assert_number(&t.ev, "auroc", "", 9.5 / 12);
    assert_number(&t.ev, "pixel_auroc", "", 644.0 / 896);
    assert_says(t.lines, "good/0b.png");
    static const size_t read[] = {0, 2, 3, 4, 5, 6, 7};
    assert_memory_equal(t.ev.scores.sample, read, sizeof read);
    only(&t.ev, GALLERY_FALSE_ALARMS, "test/good/2.png");
    only(&t.ev, GALLERY_MISSED, "test/spot/1.png");
    assert_int_equal(t.told, 8);
    done(&t);
}

/* Whether the promise holds on fresh good parts can be seen without a single defect. */
static void normal_samples_alone(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("fine"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    static const char *const unknown[] = {"auroc", "average_precision", "detection_rate", "best_f1", "pixel_auroc"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_true(isnan(number(&t.ev, unknown[i], "")));
    assert_true(isnan(number(&t.ev, "part_auroc", "level")));
    assert_number(&t.ev, "normal", "", 3);
    assert_true(isnan(number(&t.ev, "precision", "")) && isnan(number(&t.ev, "f1", "")));
    assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3);
    assert_says(t.ev.metrics.missing, "no anomalous samples");
    assert_int_equal(t.ev.galleries[GALLERY_MISSED].n, 0);
    done(&t);
}

/* Scores 0.37, 0.5, 0.28, 0.25, 1, 0.22: three are above 0.3. */
static void anomalous_samples_alone(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_glass("rows", SHAPE(COLUMNS), COLUMNS, HELD), "rows:odd");
    if (t.code)
        fail_msg("%s", t.e.msg);
    assert_true(isnan(number(&t.ev, "auroc", "")) && isnan(number(&t.ev, "false_alarm_rate", "")));
    assert_number(&t.ev, "anomalous", "", 6);
    assert_number(&t.ev, "detection_rate", "", 3.0 / 6);
    assert_true(isnan(number(&t.ev, "auroc", "unknown")));
    assert_says(t.ev.metrics.missing, "no normal samples");
    done(&t);
}

/* A model that no data were held out for has no thresholds: nothing is flagged, and nothing can be said of that. */
static void no_thresholds_no_verdicts(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_glass("pictures", SHAPE(HEIGHT, WIDTH, 1), 1, 0), in_folder("all"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    static const char *const unknown[] = {"false_alarm_rate", "detection_rate", "precision", "f1"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_true(isnan(number(&t.ev, unknown[i], "")));
    assert_true(!t.ev.judged && isnan(number(&t.ev, "detection_rate", "spot")));
    assert_number(&t.ev, "auroc", "", 9.5 / 12);
    assert_int_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].n, 7);
    assert_int_equal(t.ev.galleries[GALLERY_MISSED].n, 0);
    done(&t);
}

static void nothing_known_is_refused(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("plain"));
    assert_int_equal(t.code, ERR_FAIL);
    assert_says(t.e.msg, "does not say of any sample whether it is normal");
    done(&t);
}

/* ---- stopping: the first pass asks after each of 7 samples, the second goes on asking ---- */

static void a_stop_is_heard_in_both_passes(void **state)
{
    (void)state;
    for (int at = 1; at <= 9; at += 4) {
        struct tried t = {.stop_at = at};
        evaluate(&t, load_for_pictures(), in_folder("all"));
        assert_int_equal(t.code, ERR_STOPPED);
        assert_int_equal(t.asked, at);
        done(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreadable_pictures_are_left_out), cmocka_unit_test(normal_samples_alone),
        cmocka_unit_test(anomalous_samples_alone),          cmocka_unit_test(no_thresholds_no_verdicts),
        cmocka_unit_test(nothing_known_is_refused),         cmocka_unit_test(a_stop_is_heard_in_both_passes),
    };
    return cmocka_run_group_tests_name("evaluation: what is missing", tests, pictures_begin, folder_end);
}
