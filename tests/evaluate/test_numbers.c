/* Evaluation: every number is the exact one. */
#include "glass.h"

#include <math.h>
#include <string.h>

static void numbers_are_exact(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    assert_number(&t.ev, "normal", "", 3);
    assert_number(&t.ev, "anomalous", "", 4);
    assert_number(&t.ev, "unreadable", "", 0);
    assert_number(&t.ev, "auroc", "", (3 + 1 + 3 + 2.5) / 12);
    assert_number(&t.ev, "model_auroc", "", (3 + 1 + 3 + 2.5) / 12);
    assert_true(isnan(number(&t.ev, "map_auroc", ""))); /* its file does not say what is usual */
    assert_number(&t.ev, "average_precision", "", (1 + 1 + 3.0 / 4 + 4.0 / 6) / 4);
    assert_number(&t.ev, "promised_false_alarm_rate", "", 0.1);
    assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3);
    assert_number(&t.ev, "detection_rate", "", 3.0 / 4);
    assert_number(&t.ev, "precision", "", 3.0 / 4);
    assert_number(&t.ev, "f1", "", 3.0 / 4);
    assert_number(&t.ev, "best_f1", "", 0.8); /* at 0.27: all four, and two of the normal ones */
    assert_true(t.told == 7 && t.total == 7);
    assert_string_equal(t.ev.samples, "pictures");
    done(&t);
}

static float brightest(const struct shown_sample *s)
{
    float highest = s->map[0];
    for (int i = 0; i < PIXELS; i++)
        highest = fmaxf(highest, s->map[i]);
    return highest;
}

/* Both columns, whichever one the rest stands on. By the map the score is that of the brightest pixel: 0.2, 1/3, 0.6 of
 * the good ones, 1, 0.4, 1, 0.6 of the others. */
static void both_scores_are_measured(void **state)
{
    (void)state;
    glass_knows_usual = true;
    for (int by = BY_MODEL; by <= BY_MAP; by++) {
        struct tried t = {.by = (enum score_by)by};
        evaluate(&t, load_for_pictures(), in_folder("all"));
        if (t.code)
            fail_msg("%s", t.e.msg);
        double model = (3 + 1 + 3 + 2.5) / 12, map = (3 + 2 + 3 + 2.5) / 12;
        assert_number(&t.ev, "model_auroc", "", model);
        assert_number(&t.ev, "map_auroc", "", map);
        assert_number(&t.ev, "auroc", "", by == BY_MAP ? map : model);
        assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3); /* 0.4 / 1.3 is above 0.3 */
        assert_true(t.ev.by == (enum score_by)by);
        assert_ptr_equal(t.ev.calibration, model_file_calibration(t.ev.file, t.ev.by));
        const struct gallery *g = &t.ev.galleries[GALLERY_MOST_ANOMALOUS];
        assert_true(g->n && fabs((double)brightest(&g->v[0]) - (by == BY_MAP ? 0.8 / 1.3 : 1)) < 1e-6);
        done(&t);
    }
    glass_knows_usual = false;
}

/* 0.20 of the way from 2/9 to 1 lies at 0.378: above all but one stain. */
static void min_max_is_a_metric_for_those_who_ask(void **state)
{
    (void)state;
    struct tried t = {.min_max = true};
    struct evaluation_number n;
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_number(&t.ev, "min_max_f1", "", 2 / 5.0);
    assert_number(&t.ev, "min_max_false_alarm_rate", "", 0);
    assert_number(&t.ev, "min_max_detection_rate", "", 1 / 4.0);
    assert_number(&t.ev, "f1", "", 3.0 / 4); /* the verdicts are what they were */
    assert_number(&t.ev, "part_auroc", "level", 8.5 / 12);
    done(&t);
    t = (struct tried){0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    for (size_t i = 0; evaluation_number(&t.ev, i, &n); i++)
        assert_null(strstr(n.name, "min_max"));
    done(&t);
}

static void each_kind_is_measured(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_int_equal(t.ev.nkinds, 2);
    assert_number(&t.ev, "auroc", "spot", (3 + 1) / 6.0);
    assert_number(&t.ev, "auroc", "stain", (3 + 2.5) / 6.0);
    assert_number(&t.ev, "detection_rate", "spot", 0.5);
    assert_number(&t.ev, "detection_rate", "stain", 1);
    done(&t);
}

static void each_part_is_measured(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_int_equal(t.ev.nparts, 2);
    assert_number(&t.ev, "part_auroc", "level", (2 + 1 + 3 + 2.5) / 12);
    assert_number(&t.ev, "part_auroc", "contrast", (2 + 2 + 3 + 0.5) / 12);
    done(&t);
}

/* Normal pixels: 24 of 0.2, 1/3 and 0.6 each in the good ones; 20 of 0.4; 18 of 0.2 and 2 of 0.4. Marked: 4 of 1, 2 of
 * 0.4, 2 of 0.2. Stains have no masks: of their pixels nothing is known. */
static void pixels_are_measured(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    double of_1 = 4 * 112, of_04 = 2 * (24 + 24 + 18 + 22 / 2.0), of_02 = 2 * (24 + 18) / 2.0;
    double precision = (4 + 2 * 6 / 52.0 + 2 * 8 / 120.0) / 8;
    /* Up to 33.6 normal pixels: the first region is found, after 24 of them half of the second with 22 more. */
    double aupro = (24 * 0.5 + 9.6 * (0.5 + 0.25 * 9.6 / 22 / 2)) / 33.6;
    for (int k = 0; k < 2; k++) { /* only spots have masks */
        const char *kind = k ? "spot" : "";
        assert_number(&t.ev, "pixel_auroc", kind, (of_1 + of_04 + of_02) / (112 * 8));
        assert_number(&t.ev, "pixel_average_precision", kind, precision);
        assert_number(&t.ev, "aupro", kind, aupro);
    }
    assert_true(isnan(number(&t.ev, "pixel_auroc", "stain")) && isnan(number(&t.ev, "aupro", "stain")));
    assert_number(&t.ev, "regions", "", 2);
    done(&t);
}

/* Only the right half counts: of the 12 pixels there 4 are marked in each spot. */
static void pixels_outside_the_roi_do_not_count(void **state)
{
    (void)state;
    struct tried t = {0};
    uint8_t roi[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        roi[i] = i % WIDTH >= 3;
    evaluate(&t, load_glass_with("pictures", SHAPE(HEIGHT, WIDTH, 1), 1, HELD, roi), in_folder("all"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    double of_1 = 4 * 52, of_04 = 2 * (12 + 12 + 6 + 10 / 2.0), of_02 = 2 * (12 + 6) / 2.0;
    assert_number(&t.ev, "pixel_auroc", "", (of_1 + of_04 + of_02) / (52 * 8));
    assert_number(&t.ev, "regions", "", 2);
    done(&t);
}

/* 76 of the 168 pixels are bright. */
static void each_memory_has_its_use(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_int_equal(t.ev.nmemories, 2);
    assert_number(&t.ev, "memory_items", "sign", 3);
    assert_number(&t.ev, "memory_dead", "sign", 1);
    assert_number(&t.ev, "memory_entropy", "sign", 0);
    assert_number(&t.ev, "memory_items", "even", 2);
    assert_number(&t.ev, "memory_dead", "even", 0);
    assert_true(fabs(number(&t.ev, "memory_entropy", "even") - log(2)) < 1e-6);
    const struct shown_memory *sign = &t.ev.memories[0];
    assert_true(sign->use.rows == 7 * PIXELS && sign->use.weight[0] == 76 && sign->use.weight[1] == 92);
    assert_null(sign->pictures); /* the model decodes nothing */
    done(&t);
}

static void chosen_samples_are_shown(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    const struct shown_sample *alarm = only(&t.ev, GALLERY_FALSE_ALARMS, "test/good/2.png");
    const struct shown_sample *missed = only(&t.ev, GALLERY_MISSED, "test/spot/1.png");
    assert_true(alarm->truth == 0 && missed->truth == 1);
    assert_string_equal(missed->kind, "spot");
    assert_true(fabs((double)missed->score - 0.27) < 1e-6);
    assert_true(fabs(missed->p_value - 3.0 / 20) < 1e-12 && fabs(alarm->p_value - 2.0 / 20) < 1e-12);
    assert_true(missed->input.width == WIDTH && missed->input.height == HEIGHT && missed->input.channels == 1);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int at = y * WIDTH + x;
            bool inner = y == 1 || y == 2, spot = inner && x >= 4;
            assert_int_equal(missed->input.pixels[at], spot ? 102 : 51);
            assert_int_equal(missed->reconstruction[at], spot ? 115 : 89); /* 114.75, 89.25 */
            assert_true(fabsf(missed->map[at] - (spot ? 0.4f : 0.2f)) < 1e-6f);
            assert_int_equal(missed->mask[at], inner && (x == 3 || x == 4));
        }
    assert_null(alarm->mask);
    assert_int_equal(t.ev.galleries[GALLERY_DRAWN].n, 7);
    assert_string_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[0].name, "test/stain/0.png");
    assert_null(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[0].mask); /* it has none */
    done(&t);
}

/* ---- rows ---- */

/* Scores: 0.5, 0.28, 0.25 of normal rows, 1, 0.22 of odd ones, 0.37 of one whose truth is not known. */
static void rows_have_numbers_and_no_pictures(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_glass("rows", SHAPE(COLUMNS), COLUMNS, HELD), "rows:");
    if (t.code)
        fail_msg("%s", t.e.msg);
    assert_string_equal(t.ev.samples, "rows");
    assert_int_equal(t.ev.scores.n, 6);
    assert_number(&t.ev, "normal", "", 3);
    assert_number(&t.ev, "anomalous", "", 2);
    assert_number(&t.ev, "auroc", "", (3 + 0) / 6.0);
    assert_number(&t.ev, "part_auroc", "level", (3 + 2) / 6.0);
    assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3);
    assert_true(isnan(number(&t.ev, "pixel_auroc", "")) && isnan(number(&t.ev, "aupro", "")));
    assert_int_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].n, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct shown_sample *s = &t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[i];
        assert_true(!s->input.pixels && !s->reconstruction && !s->map && !s->mask);
    }
    assert_string_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[2].name, "row/0");
    assert_int_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[2].truth, -1);
    assert_int_equal(t.ev.galleries[GALLERY_DRAWN].n, 5);
    done(&t);
}

/* ---- whether two evaluations are of the same data ---- */

static void the_fingerprint_tells_data_apart(void **state)
{
    (void)state;
    struct tried t[4] = {0};
    evaluate(&t[0], load_for_pictures(), in_folder("all"));
    evaluate(&t[1], load_for_pictures(), in_folder("all?normal=good"));
    evaluate(&t[2], load_for_pictures(), in_folder("all?normal=good,stain"));
    evaluate(&t[3], load_for_pictures(), in_folder("fine"));
    assert_true(t[0].ev.fingerprint == t[1].ev.fingerprint);
    assert_true(t[0].ev.fingerprint != t[2].ev.fingerprint);
    assert_true(t[0].ev.fingerprint != t[3].ev.fingerprint);
    for (int i = 0; i < 4; i++)
        done(&t[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(both_scores_are_measured),
        cmocka_unit_test(min_max_is_a_metric_for_those_who_ask),
        cmocka_unit_test(each_kind_is_measured),
        cmocka_unit_test(each_part_is_measured),
        cmocka_unit_test(pixels_are_measured),
        cmocka_unit_test(pixels_outside_the_roi_do_not_count),
        cmocka_unit_test(each_memory_has_its_use),
        cmocka_unit_test(chosen_samples_are_shown),
        cmocka_unit_test(rows_have_numbers_and_no_pictures),
        cmocka_unit_test(the_fingerprint_tells_data_apart),
    };
    return cmocka_run_group_tests_name("evaluation: numbers", tests, pictures_begin, folder_end);
}
