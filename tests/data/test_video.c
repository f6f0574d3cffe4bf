/* Videos: what is one, their frames in order and out of order, labels, and what is wrong with them. */
#include "data/feed.h"
#include "support.h"
#include "video/media_video.h"
#include "video/video_writer.h"

#include "support/picture_bytes.h"
#include "support/videos.h"

#include "base/arena.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = VIDEO_WIDTH * VIDEO_HEIGHT };

static const char *source_of(const char *path)
{
    struct dataset *ds = open_dataset(path, DATASET_LEARN);
    const char *kind = kind_name(dataset_kind(ds));
    dataset_close(ds);
    return kind;
}

static void what_is_a_video(void **state)
{
    (void)state;
    write_y4m("one.y4m", 3, 0, 0);
    write_y4m("nameless", 3, 0, 0);
    write_frames("ped/training/frames/01", 3, 0, 0);
    write_frames("ped/testing/frames/01", 3, 0, 0);
    write_frames("ucsd/Train/Train001", 3, 0, 0);
    write_y4m("many/a.y4m", 3, 0, 0);
    const char *const videos[] = {
        "one.y4m", "nameless",   "ped", "ped/training", "ped/training/frames", "ped/training/frames/",
        "ucsd",    "ucsd/Train", "many"};
    for (size_t i = 0; i < sizeof videos / sizeof *videos; i++)
        assert_string_equal(source_of(in_folder("%s", videos[i])), "clips");
}

/* Single pictures stay with those who train on pictures. */
static void what_is_none(void **state)
{
    (void)state;
    write_frames("digits/train/0", 2, 0, 0);
    write_frames("digits/train/1", 2, 0, 0);
    write_frames("digits/test/0", 2, 0, 0);
    write_frames("parts/good", 2, 0, 0);
    write_frames("parts/scratch", 2, 0, 0);
    write_frames("days/monday", 2, 0, 0);
    write_frames("01", 2, 0, 0);
    const char *const pictures[] = {"digits", "digits/train", "parts", "days", "01", "01/000.png"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        assert_string_equal(source_of(in_folder("%s", pictures[i])), "pictures");
    assert_string_equal(source_of("video:01"), "clips");
}

static void parts_and_names(void **state)
{
    (void)state;
    write_frames("layout/training/frames/02", 4, 0, 0);
    write_frames("layout/training/frames/10", 4, 0, 0);
    write_frames("layout/testing/frames/01", 4, 0, 0);
    write_frames("layout/testing/frames/01_gt", 4, 0, 0);
    struct dataset *ds = open_dataset(in_folder("layout"), DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 2);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 1);
    assert_string_equal(dataset_sample(ds, SPLIT_TRAIN, 0)->name, "training/frames/02");
    assert_string_equal(dataset_sample(ds, SPLIT_TRAIN, 1)->name, "training/frames/10");
    dataset_close(ds);
    ds = open_dataset(in_folder("layout"), DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 0);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 1);
    dataset_close(ds);
}

/* ---- frames ---- */

static struct media_video *open_video(const char *name)
{
    struct media_video *v;
    struct err e = ERR_INIT;
    if (media_video_open(in_folder("%s", name), &(struct picture_limits){0}, NULL, &v, &e))
        fail_msg("%s", e.msg);
    return v;
}

/* Nothing is lost in a file of plain pixels. */
static void frames_as_they_are(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct picture p;
    uint8_t want[PIXELS];
    double time;
    write_y4m("plain.y4m", 5, 3, 4);
    struct media_video *v = open_video("plain.y4m");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(media_video_next(v, 1, &p, &time, &e), 1);
        draw_frame(want, i, i == 3);
        assert_int_equal(p.width, VIDEO_WIDTH);
        assert_memory_equal(p.pixels, want, PIXELS);
        assert_true(fabs(time - i / 25.0) < 1e-9);
    }
    assert_int_equal(media_video_next(v, 1, &p, &time, &e), 0);
    media_video_close(v);
}

/* Of compressed ones as many come out as were put in, and a search finds the very frame. */
static void compressed_frames(void **state)
{
    static const char *const names[] = {"c.mp4", "c.mkv"};
    enum { FRAMES = 130 };
    static uint8_t seen[FRAMES][PIXELS];
    static double times[FRAMES];
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct err e = ERR_INIT;
        struct picture p;
        double time;
        int64_t counted;
        int n = 0;
        write_video(names[k], FRAMES);
        struct media_video *v = open_video(names[k]);
        for (; media_video_next(v, 1, &p, &time, &e) > 0; n++) {
            memcpy(seen[n], p.pixels, PIXELS);
            times[n] = time;
        }
        if (e.code)
            fail_msg("%s", e.msg);
        assert_int_equal(n, FRAMES);
        assert_int_equal(media_video_count(in_folder("%s", names[k]), &counted, &e), 0);
        assert_int_equal(counted, FRAMES);
        media_video_close(v);
        const int wanted[] = {77, 3, 129, 0, 51};
        for (int i = 0; i < 5; i++) {
            v = open_video(names[k]);
            const bool blind = i % 2;
            assert_int_equal(media_video_seek(v, wanted[i], blind ? -1 : times[wanted[i]], &e), 0);
            assert_int_equal(media_video_next(v, 1, &p, &time, &e), 1);
            assert_memory_equal(p.pixels, seen[wanted[i]], PIXELS);
            media_video_close(v);
        }
    }
}

/* ---- what is wrong ---- */

static void check_says(const char *url, const char *word, const char *other)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    int code = dataset_open(url, DATASET_LEARN, NULL, &ds, &e);
    if (code == 0) {
        code = dataset_check(ds, SPLIT_TRAIN, &(struct dataset_needs){.at_least = 1}, NULL, &e);
        dataset_close(ds);
    }
    assert_true(code < 0);
    assert_says(e.msg, word);
    assert_says(e.msg, other);
}

static void cut_file(const char *from, const char *to, double share)
{
    size_t size;
    void *bytes = read_file(from, &size);
    write_file(to, bytes, (size_t)((double)size * share));
    free(bytes);
}

/* Motion JPEG is pictures one behind the other. The last one here has half of their height. */
static void a_file_that_changes_its_size(void **state)
{
    (void)state;
    enum { SIZE = sizeof jpg_grey, WHOLE = 3 };
    if (!videos_can_be())
        skip();
    static const unsigned char head[] = {0xff, 0xc0};
    unsigned char file[(WHOLE + 1) * SIZE];
    for (int i = 0; i <= WHOLE; i++)
        memcpy(file + i * SIZE, jpg_grey, SIZE);
    unsigned char *frame = memmem(file + WHOLE * SIZE, SIZE, head, sizeof head);
    assert_non_null(frame);
    assert_true(frame[5] == 0 && frame[6] == 16);
    frame[6] = 8;
    write_file("mixed.mjpeg", file, sizeof file);
    check_says(in_folder("mixed.mjpeg"), "mixed.mjpeg", "changes from 16x16 to 16x8 pixels at frame 3");
}

static void damaged_videos(void **state)
{
    (void)state;
    write_video("whole.mkv", 200);
    cut_file("whole.mkv", "broken/a.mkv", 0.5);
    check_says(in_folder("broken"), "a.mkv", "cut short");
    write_video("whole.mp4", 60);
    cut_file("whole.mp4", "short.mp4", 0.5);
    check_says(in_folder("short.mp4"), "short.mp4", "whole?");
    write_y4m("whole.y4m", 10, 0, 0);
    cut_file("whole.y4m", "cut.y4m", 0.93);
    check_says(in_folder("cut.y4m"), "cut.y4m", "cut short behind frame 8 (0.32 s)");
    write_sound("sound/song.mp4");
    check_says(in_folder("sound"), "song.mp4", "no video in it");
    write_file("text.mp4", "this is a letter", 16);
    check_says(in_folder("text.mp4"), "text.mp4", "as a video");
    write_frames("sizes/frames/01", 3, 0, 0);
    write_png("sizes/frames/01/999.png", 16, 16, 1, 0);
    check_says(in_folder("sizes"), "999.png", "16x16");
    write_frames("hurt/frames/01", 3, 0, 0);
    write_file("hurt/frames/01/001.png", "\x89PNG", 4);
    check_says(in_folder("hurt"), "001.png", "png");
    write_file("empty/notes.txt", "x", 1);
    check_says("video:empty", "no videos", "images");
}

static struct preprocess clips_of(struct dataset *ds, int frames, struct arena *arena)
{
    struct preprocess p;
    struct err e = ERR_INIT;
    const struct wishes w = {.frames = frames, .height = VIDEO_HEIGHT, .width = VIDEO_WIDTH, .channels = 1};
    if (dataset_fit(ds, SPLIT_TRAIN, &w, arena, &p, &e))
        fail_msg("%s", e.msg);
    return p;
}

static void shorter_than_a_clip(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err e = ERR_INIT;
    write_y4m("brief.y4m", 5, 0, 0);
    struct dataset *ds = open_dataset("brief.y4m", DATASET_LEARN);
    const struct preprocess p = clips_of(ds, 8, &arena);
    assert_int_equal(dataset_check(ds, SPLIT_TRAIN, &(struct dataset_needs){.input = &p}, NULL, &e), 0);
    assert_int_equal(dataset_cut(ds, SPLIT_TRAIN, &p, &e), ERR_FORMAT);
    assert_says(e.msg, "brief.y4m");
    assert_says(e.msg, "5 frames");
    dataset_close(ds);
    arena_free(&arena);
}

/* ---- clips ---- */

/* A clip holds the frames from its own on, whether they were kept in memory or are read again. */
static void clips_hold_their_frames(void **state)
{
    static const char *const names[] = {"cut.y4m", "cut/frames/01"};
    (void)state;
    write_y4m(names[0], 12, 0, 0);
    write_frames(names[1], 12, 0, 0);
    for (int k = 0; k < 4; k++) {
        struct arena arena = {0};
        struct err e = ERR_INIT;
        uint8_t kept[3][PIXELS], want[PIXELS];
        struct dataset *ds = open_dataset(k % 2 ? "cut" : names[0], DATASET_LEARN);
        struct preprocess p = clips_of(ds, 3, &arena);
        p.step = 2;
        const struct dataset_needs needs = {.input = &p, .memory = k < 2 ? 1 << 20 : 0};
        assert_int_equal(dataset_check(ds, SPLIT_TRAIN, &needs, NULL, &e), 0);
        assert_int_equal(dataset_cut(ds, SPLIT_TRAIN, &p, &e), 0);
        assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 12 - 4);
        for (size_t i = 0; i < 8; i += 3) {
            if (dataset_load(ds, SPLIT_TRAIN, i, &p, kept, &e))
                fail_msg("%s", e.msg);
            for (int f = 0; f < 3; f++) {
                draw_frame(want, (int)i + 2 * f, 0);
                assert_memory_equal(kept[f], want, PIXELS);
            }
        }
        dataset_close(ds);
        arena_free(&arena);
    }
}

/* ---- labels ---- */

static int truth_sum(struct dataset *ds, size_t video)
{
    int sum = 0;
    for (int64_t i = 0; i < dataset_sample(ds, SPLIT_TEST, video)->ntruths; i++)
        sum += dataset_truth(ds, SPLIT_TEST, video, i);
    return sum;
}

static void labels_are_found(void **state)
{
    (void)state;
    write_frames("lab/testing/frames/01", 6, 0, 0);
    write_frames("lab/testing/frames/02", 4, 0, 0);
    write_frames("lab/training/frames/01", 4, 0, 0);
    write_labels("lab/frame_labels.npy", 10, 4, 7);
    struct dataset *ds = open_dataset("lab", DATASET_SCORE);
    assert_int_equal(truth_sum(ds, 0), 2);
    assert_int_equal(truth_sum(ds, 1), 1);
    assert_int_equal(dataset_truth(ds, SPLIT_TEST, 1, 0), 1);
    assert_int_equal(dataset_truth(ds, SPLIT_TEST, 1, 1), 0);
    dataset_close(ds);
    ds = open_dataset("video:lab?labels=none", DATASET_SCORE);
    assert_int_equal(dataset_truth(ds, SPLIT_TEST, 1, 0), -1);
    dataset_close(ds);
    static const char based[] = "clip,frames,first_1based,last_1based\n1,6,2,3\r\n02,4,,\n";
    write_file("one.csv", based, sizeof based - 1);
    ds = open_dataset("video:lab?labels=one.csv", DATASET_SCORE);
    assert_int_equal(truth_sum(ds, 0), 2);
    assert_int_equal(dataset_truth(ds, SPLIT_TEST, 0, 1), 1);
    assert_int_equal(truth_sum(ds, 1), 0);
    dataset_close(ds);
    write_labels("each/01.npy", 6, 0, 6);
    write_labels("each/02.npy", 4, 0, 0);
    ds = open_dataset("video:lab?labels=each", DATASET_SCORE);
    assert_int_equal(truth_sum(ds, 0), 6);
    dataset_close(ds);
    write_y4m("alone.y4m", 5, 0, 0);
    write_labels("alone.npy", 5, 1, 2);
    write_file("alone.csv", "", 0); /* scores that are being written are none */
    ds = open_dataset("alone.y4m", DATASET_SCORE);
    assert_int_equal(truth_sum(ds, 0), 1);
    dataset_close(ds);
}

/* UCSD's layout: a mask a frame. */
static void masks_are_labels(void **state)
{
    (void)state;
    write_frames("masked/Test/Test001", 3, 0, 0);
    write_frames("masked/Test/Test002", 2, 0, 0);
    for (int i = 0; i < 3; i++)
        write_mask(in_folder("masked/Test/Test001_gt/%d.png", i), VIDEO_WIDTH, VIDEO_HEIGHT, 0, 0, i == 1, i == 1);
    struct dataset *ds = open_dataset("masked", DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 2);
    assert_int_equal(truth_sum(ds, 0), 1);
    assert_int_equal(dataset_truth(ds, SPLIT_TEST, 0, 1), 1);
    assert_int_equal(dataset_truth(ds, SPLIT_TEST, 1, 0), -1);
    uint8_t mask[PIXELS];
    struct err e = ERR_INIT;
    assert_true(dataset_has_masks(ds));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 0, i, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), 1);
        assert_true(mask[0] == (i == 1) && !mask[1]);
    }
    assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 1, 0, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), 0);
    dataset_close(ds);
    /* Masks are known beside other labels, too. */
    static const char labels[] = "video,first,last\nTest001,1,2\nTest002,,\n";
    write_file("masked/intervals.csv", labels, sizeof labels - 1);
    ds = open_dataset("masked", DATASET_SCORE);
    assert_int_equal(truth_sum(ds, 0), 2);
    assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 0, 1, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), 1);
    assert_true(mask[0] == 1);
    dataset_close(ds);
    remove("masked/Test/Test001_gt/2.png");
    ds = open_dataset("masked", DATASET_SCORE);
    assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 0, 2, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), ERR_FORMAT);
    assert_says(e.msg, "holds 2 masks, and frame 2 has none");
    remove("masked/intervals.csv");
    write_mask("masked/Test/Test001_gt/2.png", VIDEO_WIDTH, VIDEO_HEIGHT, 0, 0, 0, 0);
    e = ERR_INIT;
    dataset_close(ds);
    write_mask("masked/Test/Test001_gt/9.png", VIDEO_WIDTH, VIDEO_HEIGHT, 0, 0, 1, 1);
    assert_true(dataset_open("masked", DATASET_SCORE, NULL, &ds, &e) < 0);
    assert_says(e.msg, "4 masks");
}

/* ShanghaiTech's layout: labels and masks of all frames of a video in an array each. */
static void masks_in_arrays(void **state)
{
    (void)state;
    uint8_t mask[PIXELS];
    struct err e = ERR_INIT;
    write_frames("arrays/testing/frames/01_0014", 4, 0, 0);
    write_frames("arrays/testing/frames/01_0015", 2, 0, 0);
    write_mask_array("arrays/testing/test_pixel_mask/01_0014.npy", 4, 1, 3);
    static const char *const openings[] = {"arrays", "arrays/testing", "arrays/testing/frames",
                                           "video:arrays/testing/frames/01_0014"};
    for (int i = 0; i < 4; i++) {
        struct dataset *ds = open_dataset(openings[i], DATASET_SCORE);
        assert_true(dataset_has_masks(ds));
        assert_int_equal(truth_sum(ds, 0), 2);
        assert_int_equal(dataset_truth(ds, SPLIT_TEST, 0, 3), 0);
        dataset_close(ds);
    }
    write_labels("arrays/testing/test_frame_mask/01_0014.npy", 4, 1, 4);
    write_labels("arrays/testing/test_frame_mask/01_0015.npy", 2, 1, 2);
    struct dataset *ds = open_dataset("arrays", DATASET_SCORE);
    assert_int_equal(truth_sum(ds, 0), 3);
    assert_int_equal(truth_sum(ds, 1), 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 0, i, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), 1);
        const bool odd = i == 1 || i == 2;
        assert_true(!mask[15 * VIDEO_WIDTH] && mask[16 * VIDEO_WIDTH] == odd && mask[21 * VIDEO_WIDTH - 1] == odd);
    }
    assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 1, 1, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), 0);
    write_mask_array("arrays/testing/test_pixel_mask/01_0014.npy", 3, 1, 3);
    assert_int_equal(dataset_frame_mask(ds, SPLIT_TEST, 0, 3, VIDEO_WIDTH, VIDEO_HEIGHT, mask, &e), ERR_FORMAT);
    assert_says(e.msg, "holds 3 masks, and frame 3 has none");
    dataset_close(ds);
    ds = open_dataset("video:arrays?labels=none", DATASET_SCORE);
    assert_false(dataset_has_masks(ds));
    dataset_close(ds);
}

static void refuses_array(const char *about, size_t bytes, const char *word)
{
    static const float values[4 * 2 * 2];
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_npy("odd/test_pixel_mask/a.npy", about, values, bytes);
    assert_true(dataset_open("video:odd", DATASET_SCORE, NULL, &ds, &e) < 0);
    assert_says(e.msg, "a.npy");
    assert_says(e.msg, word);
}

static void arrays_that_do_not_fit(void **state)
{
    (void)state;
    write_frames("odd/frames/a", 4, 0, 0);
    refuses_array("'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 2), ", 48, "3 masks for the 4 frames");
    refuses_array("'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), ", 64, "of 2 dimensions");
    refuses_array("'descr': '<f4', 'fortran_order': True, 'shape': (4, 2, 2), ", 64, "Fortran");
    refuses_array("'descr': '<f4', 'fortran_order': False, 'shape': (4, 2, 2), ", 63, "damaged");
    refuses_array("'descr': '>f4', 'fortran_order': False, 'shape': (4, 2, 2), ", 64, "NumPy");
    refuses_array("'descr': '<f4', 'fortran_order': False, 'shape': (0, 2, 2), ", 0, "0 frames");
    refuses_array("'descr': '|b1', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), ", 1, "NumPy");
    struct dataset *ds;
    struct err e = ERR_INIT;
    write_file("odd/test_pixel_mask/a.npy", "no array", 8);
    assert_true(dataset_open("video:odd", DATASET_SCORE, NULL, &ds, &e) < 0);
    assert_says(e.msg, "NumPy");
}

static void refuses_labels(const char *labels, const char *text, const char *word, const char *other)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    if (text)
        write_file(labels, text, strlen(text));
    char url[200];
    snprintf(url, sizeof url, "video:lab2?labels=%s", labels);
    assert_true(dataset_open(url, DATASET_SCORE, NULL, &ds, &e) < 0);
    assert_says(e.msg, word);
    assert_says(e.msg, other);
}

static void labels_that_do_not_fit(void **state)
{
    (void)state;
    write_frames("lab2/testing/frames/01", 6, 0, 0);
    write_frames("lab2/testing/frames/02", 4, 0, 0);
    write_labels("nine.npy", 9, 0, 1);
    refuses_labels("nine.npy", NULL, "9 frames", "10");
    write_labels("some/01.npy", 5, 0, 1);
    refuses_labels("some", NULL, "01.npy", "which has 6");
    refuses_labels("bad.npy", "no array", "bad.npy", "NumPy");
    refuses_labels("a.csv", "video,first,last\n01,2,9\n02,,\n", "line 2", "2 to 9");
    refuses_labels("b.csv", "video,first,last\n01,two,3\n", "line 2", "two");
    refuses_labels("c.csv", "video,first,last\n01,2,3\n", "nothing of 02", "02,,");
    refuses_labels("d.csv", "1,2,3\n", "line of names", "first");
    refuses_labels("e.csv", "video,frames,first,last\n01,7,1,2\n", "7 frames", "which has 6");
    refuses_labels("gone.npy", NULL, "gone.npy", "check the name");
    refuses_labels("f.txt", "x", "f.txt", ".csv");
}

/* A frame of a folder is decoded no larger than it is wanted, and that is the same picture whether it is to be shown,
 * which it is at its own size. What its own size is, is known. */
static void frames_decoded_smaller(void **state)
{
    (void)state;
    enum { OWN = 16, WANTED = 4 };
    struct err e = ERR_INIT;
    for (int i = 0; i < 2; i++)
        write_file(in_folder("photos/%d.jpg", i), jpg_colour, sizeof jpg_colour);
    struct dataset *ds = open_dataset("video:photos", DATASET_SCORE);
    struct preprocess p = pictures_of(WANTED, WANTED, 3);
    uint8_t kept[2][WANTED * WANTED * 3], want[WANTED * WANTED * 3];
    for (int shows = 0; shows < 2; shows++) {
        struct feed *feed;
        struct feed_item item;
        const struct feed_spec spec = {.ds = ds, .split = SPLIT_TEST, .input = &p, .shows = shows};
        assert_int_equal(feed_new(&spec, &feed, &e), 0);
        assert_int_equal(feed_next(feed, &item, &e), 1);
        memcpy(kept[shows], item.kept, sizeof want);
        if (shows)
            assert_int_equal(item.shown.width, OWN);
        feed_free(feed);
    }
    dataset_close(ds);
    ds = open_dataset(in_folder("photos/0.jpg"), DATASET_SCORE); /* as a picture it is decoded so, too */
    const struct picture_format format = {WANTED, WANTED, 3};
    assert_int_equal(load_pixels(ds, SPLIT_TEST, 0, &format, want, &e), 0);
    dataset_close(ds);
    assert_memory_equal(kept[0], want, sizeof want);
    assert_memory_equal(kept[1], want, sizeof want);
}

/* ---- feeds ---- */

static void a_feed_plays_everything(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err e = ERR_INIT;
    struct feed *feed;
    struct feed_item item;
    int frames = 0, ends = 0, errors = 0;
    write_y4m("feed/a.y4m", 70, 0, 0);
    write_sound("feed/b.mp4");
    write_y4m("feed/c.y4m", 3, 0, 0);
    struct dataset *ds = open_dataset("feed", DATASET_LEARN);
    const struct preprocess p = clips_of(ds, 2, &arena);
    const struct feed_spec spec = {.ds = ds, .split = SPLIT_TRAIN, .input = &p};
    assert_int_equal(feed_new(&spec, &feed, &e), 0);
    while (feed_next(feed, &item, &e) > 0) {
        frames += item.what == FEED_FRAME;
        ends += item.what == FEED_END;
        errors += item.what == FEED_ERROR;
        if (item.what == FEED_ERROR)
            assert_says(item.message, "b.mp4");
    }
    assert_int_equal(frames, 73);
    assert_int_equal(ends, 2);
    assert_int_equal(errors, 1);
    feed_free(feed);
    /* One that nobody waits for ends. */
    assert_int_equal(feed_new(&spec, &feed, &e), 0);
    assert_int_equal(feed_next(feed, &item, &e), 1);
    feed_free(feed);
    dataset_close(ds);
    arena_free(&arena);
}

/* Without libengram-video a video is known when it is seen, and it is said why it cannot be played; folders of frames
 * can. */
static void without_ffmpeg(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct dataset *ds;
    struct media_video *v;
    struct video_writer *w;
    if (videos_can_be())
        skip();
    write_file("some.mp4", "anything", 8);
    assert_int_equal(dataset_open("some.mp4", DATASET_LEARN, NULL, &ds, &e), 0);
    assert_int_equal(dataset_check(ds, SPLIT_TRAIN, &(struct dataset_needs){0}, NULL, &e), ERR_FORMAT);
    assert_says(e.msg, "some.mp4");
    assert_says(e.msg, "libengram-video");
    dataset_close(ds);
    e = ERR_INIT;
    assert_int_equal(media_video_open("rtsp://me:secret@there/", &(struct picture_limits){0}, NULL, &v, &e), ERR_USAGE);
    assert_says(e.msg, "rtsp://there/");
    assert_says(e.msg, "libengram-video");
    e = ERR_INIT;
    assert_int_equal(video_writer_new("out.mp4", 64, 48, false, &w, &e), ERR_USAGE);
    assert_says(e.msg, "out.mp4");
    assert_says(e.msg, "libengram-video");
    assert_false(exists("out.mp4"));
    write_frames("played", 3, 0, 0);
    assert_string_equal(source_of("video:played"), "clips");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_video),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(parts_and_names),
        cmocka_unit_test(frames_as_they_are),
        cmocka_unit_test(compressed_frames),
        cmocka_unit_test(damaged_videos),
        cmocka_unit_test(a_file_that_changes_its_size),
        cmocka_unit_test(shorter_than_a_clip),
        cmocka_unit_test(clips_hold_their_frames),
        cmocka_unit_test(masks_are_labels),
        cmocka_unit_test(masks_in_arrays),
        cmocka_unit_test(arrays_that_do_not_fit),
        cmocka_unit_test(labels_are_found),
        cmocka_unit_test(labels_that_do_not_fit),
        cmocka_unit_test(frames_decoded_smaller),
        cmocka_unit_test(a_feed_plays_everything),
        cmocka_unit_test(without_ffmpeg),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
