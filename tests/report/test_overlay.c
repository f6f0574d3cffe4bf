/* The overlay's video: there with the frames it was given, drawn from maps and scores, whole or not at all. */
#include "report/overlay.h"
#include "report/text_pixels.h"

#include "support/files.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 160, HEIGHT = 120, MAP = 16 };

static float scores[] = {1, 2, 3, 4}, peaks[] = {0.5f, 0.6f, 0.7f, 0.8f};
static const struct calibration calibration = {4, scores, peaks, 0.1f, 0.6f};

static struct overlay *begin(const char *name, bool force)
{
    const struct overlay_spec spec = {in_folder("%s", name), force, &calibration, 0.2, MAP, MAP};
    struct err e = ERR_INIT;
    struct overlay *o;
    if (overlay_new(&spec, &o, &e))
        fail_msg("%s", e.msg);
    return o;
}

/* A grey ramp; from the 30th frame on a hot spot and a high score. */
static int add_frames(struct overlay *o, int n, int width, struct err *e)
{
    static uint8_t pixels[2 * WIDTH * HEIGHT];
    for (int i = 0; i < n; i++) {
        float map[MAP * MAP] = {0};
        for (int k = 0; k < width * HEIGHT; k++)
            pixels[k] = (uint8_t)(k % width + i);
        if (i >= 30)
            map[5 * MAP + 5] = map[5 * MAP + 6] = map[6 * MAP + 5] = 1;
        const struct overlay_frame f = {.picture = {width, HEIGHT, 1, pixels},
                                        .map = map,
                                        .score = i < 30 ? 2 : 5,
                                        .p_value = i < 30 ? 0.8 : 0.2,
                                        .time = i / 25.0,
                                        .anomalous = i >= 30};
        TRY(overlay_add(o, &f, e));
    }
    return 0;
}

static void a_video_is_written(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct overlay *o = begin("o.mp4", false);
    assert_int_equal(add_frames(o, 60, WIDTH, &e), 0);
    assert_int_equal(add_frames(o, 2, WIDTH / 2, &e), 0); /* brought to the first one's size */
    assert_false(exists("o.mp4"));
    assert_int_equal(overlay_close(o, &e), 0);
    assert_true(exists("o.mp4"));
    o = begin("o.mp4", false);
    assert_int_equal(add_frames(o, 1, WIDTH, &e), ERR_IO);
    assert_says(e.msg, "--force");
    overlay_free(o);
}

static void without_a_frame_there_is_none(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const int files = count_files();
    assert_int_equal(overlay_close(begin("none.mp4", false), &e), ERR_FAIL);
    assert_says(e.msg, "no frame");
    struct overlay *o = begin("given_up.mp4", false);
    e = ERR_INIT;
    assert_int_equal(add_frames(o, 3, WIDTH, &e), 0);
    overlay_free(o);
    assert_int_equal(count_files(), files);
}

static void words_stay_inside(void **state)
{
    (void)state;
    uint8_t rgb[20 * 10 * 3 + 3];
    memset(rgb, 0, sizeof rgb);
    text_draw("88", -3, 6, 1, (const uint8_t[]){9, 9, 9}, 20, 10, rgb);
    text_draw("8", 17, -2, 2, (const uint8_t[]){9, 9, 9}, 20, 10, rgb);
    int drawn = 0;
    for (size_t i = 0; i < sizeof rgb; i++)
        drawn += rgb[i] == 9;
    assert_true(drawn > 30);
    assert_int_equal(rgb[sizeof rgb - 1], 0);
    assert_int_equal(text_width("abc", 2), 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_video_is_written),
        cmocka_unit_test(without_a_frame_there_is_none),
        cmocka_unit_test(words_stay_inside),
    };
    return cmocka_run_group_tests_name("overlay", tests, folder_begin, folder_end);
}
