/* What papers do to the scores of frames, against sums by hand. */
#include "stats/frame_scores.h"

#include "support/files.h"

#include <math.h>

static void min_max_of_each_video(void **state)
{
    (void)state;
    float scores[] = {1, 3, 2, 10, 30, 7};
    const size_t video[] = {0, 0, 0, 4, 4, 5};
    const float want[] = {0, 1, 0.5f, 0, 1, 0};
    frame_scores_min_max(scores, video, 6);
    for (int i = 0; i < 6; i++)
        assert_true(scores[i] == want[i]);
}

static void smoothing_stays_in_its_video(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    float scores[] = {0, 0, 6, 0, 0, 5, 5};
    const size_t video[] = {0, 0, 0, 0, 0, 1, 1};
    assert_int_equal(frame_scores_smooth(scores, video, 7, 1, &e), 0);
    const double a = exp(-0.5), b = exp(-2.0);
    assert_true(fabs((double)scores[2] - 6 / (1 + 2 * a + 2 * b)) < 1e-5);
    assert_true(fabs((double)scores[0] - 6 * b / (1 + a + b + exp(-4.5))) < 1e-5);
    assert_true(scores[1] == scores[3]);
    assert_true(fabsf(scores[5] - 5) < 1e-6f && fabsf(scores[6] - 5) < 1e-6f);
}

/* A video of one kind of frames has no curve. */
static void macro_is_a_mean_over_videos(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const float scores[] = {1, 2, 9, 9, 5, 4};
    const uint8_t anomalous[] = {0, 1, 1, 1, 0, 1};
    const size_t video[] = {0, 0, 1, 1, 2, 2};
    double auroc;
    size_t videos;
    assert_int_equal(frame_scores_macro(scores, anomalous, video, 6, &auroc, &videos, &e), 0);
    assert_int_equal(videos, 2);
    assert_true(auroc == 0.5);
    assert_int_equal(frame_scores_macro(scores + 2, anomalous + 2, video + 2, 2, &auroc, &videos, &e), 0);
    assert_int_equal(videos, 0);
    assert_true(isnan(auroc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_max_of_each_video),
        cmocka_unit_test(smoothing_stays_in_its_video),
        cmocka_unit_test(macro_is_a_mean_over_videos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
