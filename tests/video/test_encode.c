/* Videos out: whole or not at all, and what cannot be written. */
#include "picture/colour.h"
#include "video/video_writer.h"

#include "support/files.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 48 };

/* A bright square that wanders over a ramp. */
static void draw(uint8_t *rgb, int number)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++)
                rgb[(y * WIDTH + x) * 3 + c] = (uint8_t)(abs(x - number) < 6 && abs(y - 20) < 6 ? 240 : 2 * x + 20 * c);
}

static struct video_writer *begin(const char *name, bool force)
{
    struct err e = ERR_INIT;
    struct video_writer *w;
    if (video_writer_new(in_folder("%s", name), WIDTH, HEIGHT, force, &w, &e))
        fail_msg("%s", e.msg);
    return w;
}

static void add_frames(struct video_writer *w, int n)
{
    static uint8_t rgb[WIDTH * HEIGHT * 3];
    struct err e = ERR_INIT;
    for (int i = 0; i < n; i++) {
        draw(rgb, i);
        if (video_writer_add(w, rgb, i / 25.0, &e))
            fail_msg("%s", e.msg);
    }
}

static void whole_or_not_at_all(void **state)
{
    static const char *const names[] = {"a.mp4", "a.mkv", "a.mov", "a.webm"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err e = ERR_INIT;
        struct video_writer *w = begin(names[i], false);
        add_frames(w, 60);
        assert_false(exists(in_folder("%s", names[i])));
        if (video_writer_close(w, &e))
            fail_msg("%s: %s", names[i], e.msg);
        assert_true(exists(in_folder("%s", names[i])));
    }
    const int files = count_files();
    struct video_writer *w = begin("b.mp4", false);
    add_frames(w, 5);
    video_writer_free(w);
    assert_int_equal(count_files(), files);
}

static void an_existing_file_stays(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct video_writer *w;
    write_file("there.mp4", "mine", 4);
    assert_int_equal(video_writer_new("there.mp4", WIDTH, HEIGHT, false, &w, &e), ERR_IO);
    assert_says(e.msg, "--force");
    w = begin("there.mp4", true);
    add_frames(w, 2);
    e = ERR_INIT;
    assert_int_equal(video_writer_close(w, &e), 0);
    size_t size;
    char *bytes = read_file("there.mp4", &size);
    assert_memory_equal(bytes + 4, "ftyp", 4);
    free(bytes);
}

static void what_cannot_be(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct video_writer *w;
    assert_int_equal(video_writer_new("a.txt", WIDTH, HEIGHT, false, &w, &e), ERR_USAGE);
    assert_says(e.msg, ".mp4");
    e = ERR_INIT;
    assert_int_equal(video_writer_new("a.avi", WIDTH, HEIGHT, false, &w, &e), ERR_USAGE);
    e = ERR_INIT;
    assert_int_equal(video_writer_new("c.mp4", WIDTH + 1, HEIGHT, false, &w, &e), ERR_USAGE);
    assert_says(e.msg, "even");
    e = ERR_INIT;
    assert_int_equal(video_writer_new("none/c.mp4", WIDTH, HEIGHT, false, &w, &e), ERR_IO);
    assert_says(e.msg, "none/c.mp4");
    assert_false(exists("a.txt") || exists("c.mp4"));
}

/* Times that stand still or are none do not stop it. */
static void odd_times(void **state)
{
    static uint8_t rgb[WIDTH * HEIGHT * 3];
    static const double times[] = {0, 0, 1e300, -5, 0.5};
    (void)state;
    struct err e = ERR_INIT;
    struct video_writer *w = begin("odd.mp4", false);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_int_equal(video_writer_add(w, rgb, times[i], &e), 0);
    assert_int_equal(video_writer_close(w, &e), 0);
}

/* There and back. */
static void colours_survive(void **state)
{
    static const uint8_t colours[][3] = {{0, 0, 0},   {255, 255, 255}, {255, 0, 0},
                                         {0, 255, 0}, {0, 0, 255},     {90, 140, 30}};
    (void)state;
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        uint8_t rgb[12], back[12], y[4], u[1], v[1];
        uint16_t work[64];
        for (int k = 0; k < 12; k++)
            rgb[k] = colours[i][k % 3];
        rgb_to_yuv(rgb, 2, 2, (uint8_t *const[]){y, u, v}, (const ptrdiff_t[]){2, 1, 1});
        const struct yuv p = {.width = 2, .height = 2, .across = 1, .down = 1, .plane = {y, u, v}, .stride = {2, 1, 1}};
        assert_true(yuv_work_bytes(2) <= sizeof work);
        yuv_to_rgb(&p, work, back);
        for (int k = 0; k < 12; k++)
            assert_true(abs(back[k] - rgb[k]) <= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_or_not_at_all), cmocka_unit_test(an_existing_file_stays),
        cmocka_unit_test(what_cannot_be),      cmocka_unit_test(odd_times),
        cmocka_unit_test(colours_survive),
    };
    return cmocka_run_group_tests_name("video/encode", tests, folder_begin, folder_end);
}
