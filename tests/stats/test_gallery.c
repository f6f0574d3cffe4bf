/* How memory items are used, and which samples and items of an evaluation are shown. */
#include "stats/gallery.h"

#include "support/files.h"

#include <math.h>

static void each_gallery_has_its_picks(void **state)
{
    (void)state;
    float score[] = {5, 1, 3, 5, 2, 4};
    double p[] = {0.01, 0.9, 0.04, 0.01, 0.5, 0.02};
    int8_t truth[] = {1, 1, 0, 1, 0, 0};
    struct sample_scores s = {6, NULL, score, p, truth, 0};
    size_t picks[GALLERY_PICKS];
    assert_int_equal(gallery_pick(GALLERY_MOST_ANOMALOUS, &s, 0.05, picks), 6);
    assert_int_equal(picks[0], 0); /* equal scores stay in the data's order */
    assert_int_equal(picks[1], 3);
    assert_int_equal(picks[5], 1);
    assert_int_equal(gallery_pick(GALLERY_MOST_NORMAL, &s, 0.05, picks), 6);
    assert_int_equal(picks[0], 1);
    assert_int_equal(gallery_pick(GALLERY_FALSE_ALARMS, &s, 0.05, picks), 2);
    assert_int_equal(picks[0], 5);
    assert_int_equal(picks[1], 2);
    assert_int_equal(gallery_pick(GALLERY_MISSED, &s, 0.05, picks), 1);
    assert_int_equal(picks[0], 1);
    assert_int_equal(gallery_pick(GALLERY_DRAWN, &s, 0.05, picks), 6);
    assert_int_equal(picks[0], 2); /* normal ones first */
    assert_int_equal(picks[3], 0);
    s.truth = NULL;
    assert_int_equal(gallery_pick(GALLERY_DRAWN, &s, 0.05, picks), 6);
    assert_int_equal(gallery_pick(GALLERY_MISSED, &s, 0.05, picks), 0);
}

/* Of two videos, clips of three frames: one frame of each is enough. */
static void frames_of_a_clip_are_shown_once(void **state)
{
    (void)state;
    const float score[] = {7, 7, 7, 9, 9, 9, 1, 8, 8, 8};
    const double p[10] = {0};
    const size_t video[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1};
    const struct sample_scores s = {10, video, score, p, NULL, 3};
    size_t picks[GALLERY_PICKS];
    assert_int_equal(gallery_pick(GALLERY_MOST_ANOMALOUS, &s, 0.05, picks), 4);
    assert_int_equal(picks[0], 3);
    assert_int_equal(picks[1], 7);
    assert_int_equal(picks[2], 0);
    assert_int_equal(picks[3], 6);
}

/* 200 samples, every other one anomalous, their scores overlapping; a tenth of the normal ones is flagged. */
static void picks_are_bounded_and_distinct(void **state)
{
    (void)state;
    enum { SAMPLES = 200 };
    float score[SAMPLES];
    double p[SAMPLES];
    int8_t truth[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        truth[i] = (int8_t)(i % 2);
        score[i] = (float)((i * 37) % SAMPLES + 20 * (i % 2));
        p[i] = score[i] >= 180 ? 0.05 : 0.5;
    }
    const struct sample_scores s = {.n = SAMPLES, .score = score, .p_value = p, .truth = truth};
    for (int g = 0; g < GALLERIES; g++) {
        size_t picks[GALLERY_PICKS];
        size_t n = gallery_pick((enum gallery_kind)g, &s, 0.1, picks);
        assert_true(n > 0 && n <= GALLERY_PICKS);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                assert_true(picks[i] != picks[j]);
    }
}

static void items_come_most_used_first(void **state)
{
    (void)state;
    double weight[300];
    int64_t items[ITEM_PICKS];
    for (int i = 0; i < 300; i++)
        weight[i] = (i * 7) % 300;
    struct memory_use use = {.items = 300, .weight = weight};
    assert_int_equal(gallery_pick_items(&use, items), ITEM_PICKS);
    for (int i = 1; i < ITEM_PICKS; i++)
        assert_true(weight[items[i - 1]] >= weight[items[i]]);
    assert_int_equal((int)weight[items[0]], 299);
}

static void use_is_counted(void **state)
{
    (void)state;
    const float attention[] = {
        0.5f, 0.5f, 0, 0, /* two items */
        0,    1,    0, 0, /* one */
        0,    0.2f, 0, 0.8f,
    };
    struct memory_use u;
    struct err e = ERR_INIT;
    assert_int_equal(memory_use_init(&u, 4, &e), 0);
    memory_use_finish(&u);
    assert_true(isnan(u.entropy) && u.dead == 4);
    memory_use_add(&u, attention, 1);
    memory_use_add(&u, attention + 4, 2);
    memory_use_finish(&u);
    assert_int_equal(u.rows, 3);
    assert_int_equal(u.dead, 1);
    assert_true(fabs(u.weight[1] - 1.7) < 1e-6 && u.weight[2] == 0);
    assert_true(u.best[0] == 1 && u.best[1] == 1 && u.best[2] == 0 && u.best[3] == 1);
    assert_true(fabs(u.entropy - (log(2) - 0.2 * log(0.2) - 0.8 * log(0.8)) / 3) < 1e-6);
    assert_true(fabs(u.rows_one_item - 1.0 / 3) < 1e-12);
    memory_use_free(&u);
}

static void peaks_of_a_video(void **state)
{
    (void)state;
    enum { FRAMES = 120 };
    float score[FRAMES];
    size_t picks[3];
    for (int i = 0; i < FRAMES; i++)
        score[i] = i == 50 ? 9 : i == 53 ? 8.5f : i == 100 ? 7 : i == 10 ? 6 : 0.01f * (float)i;
    assert_int_equal(gallery_peaks(score, FRAMES, 3, picks), 3);
    assert_int_equal(picks[0], 10); /* in the order of time, and none beside another: not 53 */
    assert_int_equal(picks[1], 50);
    assert_int_equal(picks[2], 100);
    assert_int_equal(gallery_peaks(score, FRAMES, 1, picks), 1);
    assert_int_equal(picks[0], 50);
    assert_int_equal(gallery_peaks(score, 5, 3, picks), 1); /* there is room for no more */
    assert_int_equal(gallery_peaks(score, 0, 3, picks), 0);
    assert_int_equal(gallery_peaks(score, 5, 0, picks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gallery_has_its_picks),
        cmocka_unit_test(frames_of_a_clip_are_shown_once),
        cmocka_unit_test(picks_are_bounded_and_distinct),
        cmocka_unit_test(items_come_most_used_first),
        cmocka_unit_test(use_is_counted),
        cmocka_unit_test(peaks_of_a_video),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
