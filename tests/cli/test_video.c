/* The command on videos: from frames to rows, a row a frame. */
#include "support.h"
#include "support/pictures.h"
#include "support/videos.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    if (command_begin(state))
        return -1;
    write_y4m("walk/training/a.y4m", 40, 0, 0);
    write_y4m("walk/training/b.y4m", 45, 0, 0);
    write_y4m("walk/training/c.y4m", 50, 0, 0);
    write_y4m("walk/testing/d.y4m", 20, 8, 16);
    write_y4m("walk/testing/e.y4m", 12, 0, 0);
    static const char labels[] = "video,first,last\nd,8,15\ne,,\n";
    write_file("walk/intervals.csv", labels, sizeof labels - 1);
    struct ran r = run("train memae walk -o walk.safetensors --frames 4 --size 16 --widths 4,8 --items 10 --epochs 2 "
                       "--batch 8 --hop 2 --calibration 0.2");
    assert_code(r, 0);
    assert_says(r.err, "stretch");
    return 0;
}

static void a_row_a_frame(void **state)
{
    (void)state;
    struct ran r = run("score walk.safetensors walk");
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "video,frame,time,score,p_value,anomalous,error");
    assert_int_equal(count_lines(r.out), 1 + 20 + 12);
    assert_says(line_of(r.out, 1), "walk/testing/d.y4m,0,0,");
    assert_says(line_of(r.out, 2), "walk/testing/d.y4m,1,0.04,");
    assert_says(line_of(r.out, 32), "walk/testing/e.y4m,11,0.44,");
    r = run("score walk.safetensors walk/testing/e.y4m --format jsonl --hop 1");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 12);
    assert_says(line_of(r.out, 0), "\"frame\":0,\"time\":0,");
    r = run("score walk.safetensors walk/testing/e.y4m --protocol official");
    assert_int_equal(count_lines(r.out), 1 + 12 - 3);
    assert_says(line_of(r.out, 1), "e.y4m,2,0.08,");
}

static void from_a_pipe(void **state)
{
    (void)state;
    struct ran r = run_how(&(struct how){.in_file = "walk/testing/e.y4m"}, "score walk.safetensors -");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 13);
    assert_says(line_of(r.out, 12), "-,11,0.44,");
}

/* The rows of all frames that are whole, and one that says what became of the rest. */
static void from_a_pipe_that_breaks(void **state)
{
    (void)state;
    size_t size;
    void *bytes = read_file("walk/testing/e.y4m", &size);
    write_file("broken.y4m", bytes, size - 5);
    free(bytes);
    struct ran r = run_how(&(struct how){.in_file = "broken.y4m"}, "score walk.safetensors -");
    assert_code(r, 4);
    assert_int_equal(count_lines(r.out), 1 + 11 + 1);
    assert_says(line_of(r.out, 11), "-,10,0.4,");
    assert_says(line_of(r.out, 12), "standard input is damaged or cut short behind frame 10");
}

/* What verdicts stand on is said where it is not what was asked for, or what was calibrated. */
static void what_verdicts_stand_on(void **state)
{
    (void)state;
    struct ran r =
        run("train ae walk -o map.safetensors --frames 4 --size 16 --widths 4,8 --epochs 1 --batch 8 --hop 4 "
            "--score map");
    assert_code(r, 0);
    assert_says(r.err, "verdicts stand on the model's own score, not on its map (score=map)");
    r = run("score walk.safetensors walk/testing/e.y4m");
    assert_null(strstr(r.err, "was calibrated"));
    r = run("score walk.safetensors walk/testing/e.y4m --hop 2");
    assert_says(r.err, "was calibrated with clips that begin 4 frames apart");
    assert_says(r.err, "a smaller hop takes means of several");
    r = run("score walk.safetensors walk/testing/e.y4m --hop 4");
    assert_null(strstr(r.err, "was calibrated"));
    r = run("eval walk.safetensors walk --protocol official");
    assert_says(r.err, "protocol=official scores clips by one of their frames");
}

static void maps_of_frames(void **state)
{
    (void)state;
    struct ran r = run("score walk.safetensors walk/testing/e.y4m --maps maps --npy --regions");
    assert_code(r, 0);
    assert_true(exists("maps/e.y4m/000000.map.png"));
    assert_true(exists("maps/e.y4m/000011.map.npy"));
    assert_says(line_of(r.out, 0), "regions");
}

static void what_cannot_be_scored(void **state)
{
    (void)state;
    write_y4m("bad/a.y4m", 3, 0, 0);
    write_sound("bad/b.mp4");
    write_y4m("bad/c.y4m", 6, 0, 0);
    struct ran r = run("score walk.safetensors bad");
    assert_code(r, 4);
    assert_int_equal(count_lines(r.out), 1 + 2 + 6);
    assert_says(line_of(r.out, 1), "too short");
    assert_says(line_of(r.out, 2), "no video in it");
    assert_code(run("score walk.safetensors bad/b.mp4"), 1);
    write_frames("01", 6, 0, 0);
    assert_refused(run("score walk.safetensors images:01"), 2, "video:PATH");
    assert_code(run("score walk.safetensors 01"), 0); /* whose model takes clips means frames */
    assert_code(run("score walk.safetensors video:01"), 0);
    assert_refused(run("train memae 01 -o x.safetensors --frames 4"), 2, "video:PATH");
}

static void measuring(void **state)
{
    (void)state;
    struct ran r = run("eval walk.safetensors walk");
    assert_code(r, 0);
    assert_says(r.out, ",normal,,24\n");
    assert_says(r.out, ",anomalous,,8\n");
    assert_says(r.out, ",macro_auroc,,");
    assert_says(r.out, ",macro_videos,,1\n");
    assert_null(strstr(r.out, "per_video_auroc"));
    r = run("eval walk.safetensors walk --protocol official --smooth 2 --report r.html");
    assert_code(r, 0);
    assert_says(r.out, ",normal,,18\n");
    assert_says(r.out, ",per_video_auroc,,");
    char *page = read_file("r.html", NULL);
    assert_non_null(strstr(page, ">Videos<"));
    assert_null(strstr(page, "By kind of anomaly")); /* labels of frames know no kinds */
    free(page);
    write_labels("nine.npy", 9, 0, 2);
    assert_refused(run("eval walk.safetensors video:walk?labels=nine.npy"), 1, "9 frames");
    assert_refused(run("eval walk.safetensors video:walk?labels=none"), 1, "labels of their frames");
}

/* Masks of frames, as UCSD and ShanghaiTech have them: where it is in a frame is measured as in a picture. */
static void measuring_places(void **state)
{
    (void)state;
    write_frames("ucsd/Test/Test001", 20, 8, 16);
    write_frames("ucsd/Test/Test002", 8, 0, 0);
    for (int i = 0; i < 20; i++) {
        char path[80];
        const int odd = i >= 8 && i < 16;
        snprintf(path, sizeof path, "ucsd/Test/Test001_gt/%03d.png", i);
        write_mask(path, VIDEO_WIDTH, VIDEO_HEIGHT, 0, 16, odd ? VIDEO_WIDTH : 0, odd ? 5 : 0);
    }
    struct ran r = run("eval walk.safetensors ucsd --report places.html");
    assert_code(r, 0);
    assert_says(r.out, ",anomalous,,8\n");
    assert_says(r.out, ",regions,,8\n");
    const char *found = strstr(r.out, ",pixel_auroc,,");
    assert_non_null(found);
    assert_true(atof(found + strlen(",pixel_auroc,,")) > 0.6);
    const double by_pictures = atof(found + strlen(",pixel_auroc,,"));
    r = run("eval walk.safetensors walk");
    assert_null(strstr(r.out, ",pixel_auroc,,0"));
    write_frames("shanghai/testing/frames/01_0014", 20, 8, 16);
    write_frames("shanghai/testing/frames/01_0015", 8, 0, 0);
    write_labels("shanghai/testing/test_frame_mask/01_0014.npy", 20, 8, 16);
    write_labels("shanghai/testing/test_frame_mask/01_0015.npy", 8, 0, 0);
    write_mask_array("shanghai/testing/test_pixel_mask/01_0014.npy", 20, 8, 16);
    write_mask_array("shanghai/testing/test_pixel_mask/01_0015.npy", 8, 0, 0);
    r = run("eval walk.safetensors shanghai");
    assert_code(r, 0);
    assert_says(r.out, ",anomalous,,8\n");
    assert_says(r.out, ",regions,,8\n");
    found = strstr(r.out, ",pixel_auroc,,");
    assert_non_null(found);
    assert_true(fabs(atof(found + strlen(",pixel_auroc,,")) - by_pictures) < 1e-3);
}

/* What a named model begins with where nothing else is said is its preset for videos. */
static void the_preset_for_videos(void **state)
{
    (void)state;
    assert_code(run("train memae walk -q -o little.safetensors --widths 4,8 --items 10 --epochs 1"), 0);
    struct ran r = run("info little.safetensors");
    assert_says(r.out, "options,error,absolute\n");
    assert_says(r.out, "input,height,32\n"); /* a multiple of 16 */
    assert_refused(run("train memae walk/training/a.y4m -f -o little.safetensors"), 2, "they make 1 stretch of video");
    r = run("train memae walk -f -o little.safetensors --widths 4,8 --items 10 --epochs 1 --square 20 "
            "--calibration 0.01");
    assert_code(r, 0);
    assert_says(r.err, "more video");
    assert_says(run("info little.safetensors").out, "input,height,16\n");
}

static void looking_at_data(void **state)
{
    (void)state;
    struct ran r = run("data walk");
    assert_code(r, 0);
    assert_says(r.out, "3 videos, of 40 to 50 frames, all 32x24, grey");
    assert_says(r.out, "135 frames, 5.4 seconds");
    assert_says(r.out, "labels of 32 frames: 24 normal, 8 anomalous");
    r = run("data bad");
    assert_code(r, 1);
    assert_says(r.err, "b.mp4 has no video in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_a_frame),
        cmocka_unit_test(from_a_pipe),
        cmocka_unit_test(maps_of_frames),
        cmocka_unit_test(from_a_pipe_that_breaks),
        cmocka_unit_test(what_verdicts_stand_on),
        cmocka_unit_test(what_cannot_be_scored),
        cmocka_unit_test(measuring),
        cmocka_unit_test(measuring_places),
        cmocka_unit_test(the_preset_for_videos),
        cmocka_unit_test(looking_at_data),
    };
    return cmocka_run_group_tests(tests, setup, folder_end);
}
