/* engram score --overlay: videos that show what was found in videos. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

/* A disk that is full so soon; LLVM's OpenMP needs a kilobyte for itself. */
enum { FULL = 1500 };

static void write_videos(void)
{
    for (int i = 0; i < 20; i++) {
        write_png(in_folder("one/%02d.png", i), 24, 16, 1, i);
        write_png(in_folder("several/a/%02d.png", i), 24, 16, 3, i);
        write_png(in_folder("several/b/%02d.png", i), 40, 30, 1, 2 * i);
    }
}

static void is_mp4(const char *path)
{
    size_t size;
    char *bytes = read_file(path, &size);
    assert_true(size > FULL);
    assert_memory_equal(bytes + 4, "ftyp", 4);
    free(bytes);
}

static void of_one_video_a_file(void **state)
{
    (void)state;
    small_model();
    write_videos();
    struct ran r = run("score small.safetensors video:one --overlay shown/one.mp4");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 21);
    is_mp4("shown/one.mp4");
    assert_refused(run("score small.safetensors video:one --overlay shown/one.mp4"), 1, "--force");
    assert_code(run("score small.safetensors video:one --overlay shown/one.mp4 --force -q"), 0);
    assert_refused(run("score small.safetensors video:one --overlay one/in/none.mp4 --maps shown/one.mp4"), 1,
                   "shown/one.mp4");
}

static void of_several_a_folder(void **state)
{
    (void)state;
    small_model();
    write_videos();
    assert_refused(run("score small.safetensors video:several --overlay all.mp4"), 1, "folder");
    assert_false(exists("all.mp4"));
    assert_code(run("score small.safetensors video:several --overlay all -q"), 0);
    is_mp4("all/a.overlay.mp4");
    is_mp4("all/b.overlay.mp4");
}

static void what_cannot_be_shown(void **state)
{
    (void)state;
    small_model();
    write_videos();
    write_png("pictures/a.png", 16, 16, 1, 1);
    assert_refused(run("score small.safetensors video:one --overlay one.avi"), 2, "mp4, mkv, mov or webm");
    assert_false(exists("one.avi"));
    assert_refused(run("score small.safetensors pictures --overlay pictures.mp4"), 1, "no frame of a video");
    const struct how full = {.limit_bytes = FULL};
    assert_refused(run_how(&full, "score small.safetensors video:one --overlay full.mp4"), 1, "full.mp4");
    assert_false(exists("pictures.mp4") || exists("full.mp4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_video_a_file),
        cmocka_unit_test(of_several_a_folder),
        cmocka_unit_test(what_cannot_be_shown),
    };
    return cmocka_run_group_tests_name("cli: overlay", tests, command_begin, folder_end);
}
