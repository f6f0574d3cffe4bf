/* Which frames a clip's score is given to, against the rule said frame by frame. */
#include "data/clips.h"

#include "support/files.h"

#include <stdlib.h>

/* What the header says, frame by frame: the clip of the grid whose frame is nearest, of those that are there. */
static void check_video(const struct clips *c, int64_t total)
{
    const int64_t n = clips_count(c, total), span = clips_span(c);
    int64_t next = 0;
    for (int64_t k = 0; k < n; k++) {
        int64_t first, end = clips_share(c, k, total, &first), start = clips_start(c, k, total);
        assert_true(start >= 0 && start + span <= total);
        assert_true(first == next && end > first); /* no frame twice, none left out, no clip for nothing */
        for (int64_t frame = first; frame < end; frame++) {
            int place = clips_place(c, k, total, frame);
            assert_true(place >= 0 && place < c->length);
            if (frame >= start && frame < start + span)
                assert_true(2 * llabs(start + (int64_t)place * c->step - frame) <= c->step);
            if (c->hop <= span)
                assert_true(frame >= start && frame < start + span);
        }
        next = end;
    }
    assert_true(next == total || (n == 0 && total < span));
}

static void every_frame_has_one_clip(void **state)
{
    (void)state;
    for (int length = 1; length <= 6; length++)
        for (int step = 1; step <= 3; step++)
            for (int hop = 1; hop <= 20; hop++)
                for (int last = 0; last < 2; last++)
                    for (int64_t total = 1; total < 60; total++) {
                        const struct clips c = {length, step, hop, last ? length - 1 : length / 2};
                        check_video(&c, total);
                    }
}

/* Until the end is known a stream says the same as a list, but for the last clip's frames; and no frame waits longer
 * than was said. */
static void a_stream_says_the_same(void **state)
{
    (void)state;
    for (int hop = 1; hop <= 20; hop++)
        for (int about = 0; about < 8; about++) {
            const struct clips c = {8, 2, hop, about};
            int64_t first, of_list, waited = 0;
            for (int64_t k = 0; k + 1 < clips_count(&c, 200); k++) {
                int64_t end = clips_share(&c, k, CLIPS_ENDLESS, &first);
                assert_true(clips_start(&c, k, CLIPS_ENDLESS) == clips_start(&c, k, 200));
                assert_true(clips_share(&c, k, 200, &of_list) == end && of_list == first);
                int64_t wait = clips_start(&c, k, 200) + clips_span(&c) - 1 - first;
                waited = wait > waited ? wait : waited;
            }
            assert_true(waited == clips_latency(&c));
        }
}

static void as_the_papers_have_it(void **state)
{
    (void)state;
    const struct clips memae = {16, 1, 1, 8}, whole = {16, 1, 16, 8}, predicted = {5, 1, 1, 4};
    int64_t first;
    assert_int_equal(clips_count(&memae, 180), 165);
    assert_int_equal(clips_share(&memae, 10, 180, &first), 19); /* the ninth of frames 10 to 25 */
    assert_int_equal(first, 18);
    assert_int_equal(clips_share(&memae, 164, 180, &first), 180);
    assert_int_equal(first, 172);
    assert_int_equal(clips_share(&whole, 3, 180, &first), 64); /* every frame of the clip */
    assert_int_equal(first, 48);
    assert_int_equal(clips_count(&whole, 180), 12); /* 11 and the last 16 frames */
    assert_int_equal(clips_start(&whole, 11, 180), 164);
    assert_int_equal(clips_share(&whole, 11, 180, &first), 180);
    assert_int_equal(first, 176);
    assert_int_equal(clips_count(&whole, 15), 0);
    assert_int_equal(clips_share(&predicted, 0, 100, &first), 5);
    assert_int_equal(clips_share(&predicted, 7, 100, &first), 12);
    assert_int_equal(first, 11);
    assert_int_equal(clips_latency(&whole), 15);
    assert_int_equal(clips_latency(&predicted), 4); /* of the very first frame; 0 afterwards */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_has_one_clip),
        cmocka_unit_test(a_stream_says_the_same),
        cmocka_unit_test(as_the_papers_have_it),
    };
    return cmocka_run_group_tests_name("clips", tests, NULL, NULL);
}
