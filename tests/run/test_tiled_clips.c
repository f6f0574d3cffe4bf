/* Clips in tiles and with regions that count: frames are cut and blanked as pictures are, and what is outside of a
 * region does not matter by a bit. */
#include "data/region.h"
#include "run/score.h"
#include "support/files.h"
#include "support/pictures.h"
#include "support/toy.h"
#include "support/videos.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FRAMES = 20, PIXELS = VIDEO_WIDTH * VIDEO_HEIGHT, TOP = 15 };

static int setup(void **state)
{
    if (folder_begin(state))
        return -1;
    write_frames("walk/training/frames/01", 40, 0, 0);
    write_frames("walk/training/frames/02", 45, 0, 0);
    write_frames("walk/training/frames/03", 40, 0, 0);
    write_frames("walk/testing/frames/01", FRAMES, 0, 0);
    write_frames("walk/testing/frames/02", FRAMES, 8, 16); /* a dark bar, below row 15 */
    write_mask("roi.png", VIDEO_WIDTH, VIDEO_HEIGHT, 0, 0, VIDEO_WIDTH, TOP);
    return 0;
}

struct seen {
    int n;
    float score[2 * FRAMES], by[2 * FRAMES][2], map[2 * FRAMES][PIXELS], output[2 * FRAMES][PIXELS];
    double p_value[2 * FRAMES];
};

static int on_row(void *user, size_t index, const struct verdict *v)
{
    struct seen *s = user;
    assert_int_equal(v->error, 0);
    assert_int_equal(index, s->n / FRAMES);
    assert_int_equal(v->frame, s->n % FRAMES);
    s->score[s->n] = v->score;
    s->p_value[s->n] = v->p_value;
    memcpy(s->by[s->n], v->by, sizeof v->by);
    memcpy(s->map[s->n], v->map, sizeof *s->map);
    memcpy(s->output[s->n++], v->reconstruction, sizeof *s->output);
    return 0;
}

static void score(struct loaded *l, enum score_by by, struct seen *seen)
{
    const struct scorer_spec spec = {
        .batch = 16, .threads = 1, .rate = 0.05, .map = true, .reconstruction = true, .by = by, .both = true};
    struct dataset *ds;
    struct scorer *s = NULL;
    struct err e = ERR_INIT;
    memset(seen, 0, sizeof *seen);
    if (dataset_open("walk", DATASET_SCORE, NULL, &ds, &e) || scorer_new(l, &spec, &s, &e) ||
        scorer_score_dataset(s, ds, SPLIT_TEST, NULL, 0, on_row, seen, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(seen->n, 2 * FRAMES);
    scorer_free(s);
    dataset_close(ds);
}

#define NET "frames=4 size=24x32 epochs=2 batch=4 widths=4,8"

/* A tile that is larger than the frame is the frame: the same training and the same verdicts, bit for bit. */
static void one_tile_is_the_frame(void **state)
{
    (void)state;
    static struct seen whole, tiled;
    struct loaded *s = toy_trained("memae", "walk/training", NET " items=10", "whole");
    score(s, BY_MODEL, &whole);
    loaded_close(s);
    s = toy_trained("memae", "walk/training", NET " items=10 tile=64", "tiled");
    score(s, BY_MODEL, &tiled);
    assert_memory_equal(&whole, &tiled, sizeof whole);
    loaded_close(s);
}

static void check_region(const char *model, const char *options, const char *name, bool mean)
{
    static struct seen seen;
    char text[300];
    snprintf(text, sizeof text, "%s roi=%s", options, in_folder("roi.png"));
    struct loaded *s = toy_trained(model, "walk/training", text, name);
    assert_int_equal(region_pixels(&loaded_file(s)->input), VIDEO_WIDTH * TOP);
    for (enum score_by by = BY_MODEL; by <= BY_MAP; by++) {
        score(s, by, &seen);
        for (int i = 0; i < FRAMES; i++) {
            const float *map = seen.map[i];
            double sum = 0;
            assert_memory_equal(&seen.score[i], &seen.score[FRAMES + i], sizeof *seen.score);
            assert_memory_equal(seen.by[i], seen.by[FRAMES + i], sizeof *seen.by);
            assert_memory_equal(map, seen.map[FRAMES + i], sizeof *seen.map);
            assert_true(seen.p_value[i] == seen.p_value[FRAMES + i]);
            for (int k = 0; k < PIXELS; k++) {
                assert_true(isfinite(seen.output[i][k]));
                assert_true(k < VIDEO_WIDTH * TOP || map[k] == 0);
                sum += (double)map[k];
            }
            assert_true(sum != 0);
        }
        /* Of the model's own score the clip is the measure: its frames' mean over what counts. */
        double clip = 0;
        for (int i = 0; by == BY_MODEL && i < 4; i++)
            for (int k = 0; k < PIXELS; k++)
                clip += (double)seen.map[i][k] / (4 * VIDEO_WIDTH * TOP);
        assert_true(by == BY_MAP || !mean || fabs(clip - (double)seen.score[0]) < 1e-4 * clip);
    }
    loaded_close(s);
}

static void what_is_outside_does_not_matter(void **state)
{
    (void)state;
    check_region("memae", NET " items=10", "region", true);
    check_region("ae", NET " tile=16 overlap=0.5 flip_h=true", "tiles", true);
    check_region("mnad", "frames=3 size=24x32 epochs=1 batch=4 widths=4,8 items=3 tile=16", "predicts", false);
}

/* Frames keep their own size in tiles, whatever the model would choose else; the region is drawn over a frame. */
static void sizes(void **state)
{
    (void)state;
    struct loaded *s = toy_trained("ae", "walk/training", "frames=4 epochs=1 batch=4 widths=4,8 tile=16", "own");
    const struct shape *sample = &loaded_file(s)->input.sample;
    assert_true(sample->d[0] == 4 && sample->d[1] == VIDEO_HEIGHT && sample->d[2] == VIDEO_WIDTH);
    loaded_close(s);
    struct toy t;
    struct err e;
    char text[300];
    write_mask("square.png", 20, 20, 0, 0, 10, 10);
    snprintf(text, sizeof text, NET " roi=%s", in_folder("square.png"));
    toy_init(&t, "ae", "walk/training", text, in_folder("square"));
    assert_true(toy_train(&t, &e) < 0);
    assert_says(e.msg, "20x20");
    assert_says(e.msg, "32x24");
    toy_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_tile_is_the_frame),
        cmocka_unit_test(what_is_outside_does_not_matter),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, setup, folder_end);
}
