/* Pictures in tiles and regions that count: what is scored in tiles against what is scored whole, the file, training,
 * and what must not matter. */
#include "data/region.h"
#include "run/forward.h"
#include "run/inspect.h"
#include "run/score.h"
#include "support/files.h"
#include "support/pictures.h"
#include "support/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 48, PIXELS = SIDE * SIDE };

static const char *const url = "synth:?n=30&test=6&size=48";

static struct scorer *open_scorer(struct loaded *s, int batch, enum score_by by)
{
    struct err e = ERR_INIT;
    struct scorer *scorer;
    const struct scorer_spec spec = {.batch = batch,
                                     .threads = 1,
                                     .map = true,
                                     .reconstruction = true,
                                     .attention = true,
                                     .rate = 0.2,
                                     .by = by,
                                     .both = true};
    if (scorer_new(s, &spec, &scorer, &e))
        fail_msg("%s", e.msg);
    return scorer;
}

struct seen {
    size_t n;
    float score[8], map[8][PIXELS], by[8][2];
    double p_value[8];
};

static int see(void *user, size_t index, const struct verdict *v)
{
    struct seen *s = user;
    assert_int_equal(index, s->n);
    assert_int_equal(v->error, 0);
    s->score[s->n] = v->score;
    s->p_value[s->n] = v->p_value;
    memcpy(s->by[s->n], v->by, sizeof v->by);
    memcpy(s->map[s->n++], v->map, sizeof *s->map);
    return 0;
}

static void score_all(struct loaded *s, int batch, struct seen *seen)
{
    struct err e = ERR_INIT;
    struct dataset *ds;
    struct scorer *scorer = open_scorer(s, batch, BY_MODEL);
    *seen = (struct seen){0};
    assert_int_equal(dataset_open(url, DATASET_SCORE, NULL, &ds, &e), 0);
    if (scorer_score_dataset(scorer, ds, SPLIT_TEST, NULL, 0, see, seen, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(seen->n, 6);
    dataset_close(ds);
    scorer_free(scorer);
}

/* A tile as large as the picture, and one that is larger, is the picture: the same training and the same scores, bit
 * for bit. */
static void test_one_tile(void **state)
{
    (void)state;
    static struct seen whole, tiled;
    const char *const options[] = {"tile=48", "tile=64 overlap=0.5"};
    struct loaded *s = toy_trained("memae", url, "items=10 flip_h=true", "whole");
    score_all(s, 4, &whole);
    loaded_close(s);
    for (int i = 0; i < 2; i++) {
        char text[100];
        snprintf(text, sizeof text, "items=10 flip_h=true %s", options[i]);
        s = toy_trained("memae", url, text, options[i]);
        score_all(s, 4, &tiled);
        assert_memory_equal(&whole, &tiled, sizeof whole);
        loaded_close(s);
    }
}

/* ---- the same weights over tiles and over the whole ---- */

static void map_of(struct loaded *s, const struct preprocess *input, float *map, float *score)
{
    struct forward f;
    struct err e = ERR_INIT;
    const struct forward_spec spec = {.model = loaded_file(s)->model,
                                      .config = loaded_file(s)->config,
                                      .params = loaded_params(s),
                                      .sample = input->sample,
                                      .input = input,
                                      .batch = 4,
                                      .threads = 1,
                                      .map = true};
    if (forward_build(&f, &spec, &e) || forward_plan(&f, &e))
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < f.sample_values; i++)
        f.input[i] = sinf((float)(i % 128) * 0.3f) * cosf((float)(i / 128) * 0.2f);
    forward_run(&f, 1);
    memcpy(map, forward_map(&f, 0), f.map_values * sizeof *map);
    *score = forward_score(&f, 0);
    forward_free(&f);
}

/* Where tiles see all that a pixel depends on, at places that the net's strides divide, the map is the whole one's. */
static void test_same_inside(void **state)
{
    (void)state;
    enum { WIDTH = 128, HEIGHT = 64, SEES = 14 };
    static float whole[WIDTH * HEIGHT], tiled[WIDTH * HEIGHT];
    float score;
    struct loaded *s = toy_trained("ae", url, "channels=1", "ae");
    struct preprocess input = loaded_file(s)->input;
    input.sample = SHAPE(HEIGHT, WIDTH, 1);
    map_of(s, &input, whole, &score);
    input.tile = 64;
    input.overlap = 0.25;
    map_of(s, &input, tiled, &score);
    int compared = 0;
    double sum = 0, most = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int i = y * WIDTH + x, edge = x % 32 < 16 ? x % 32 : 32 - x % 32; /* tiles end at 32, 64 and 96 */
            bool inside = edge >= SEES || x < SEES || x >= WIDTH - SEES;
            sum += (double)tiled[i];
            most = fmax(most, fabs((double)(tiled[i] - whole[i])));
            compared += inside;
            assert_true(!inside || fabsf(tiled[i] - whole[i]) <= 1e-5f * (1 + whole[i]));
        }
    assert_true(compared > HEIGHT * WIDTH / 4);
    assert_true(most > 0); /* at the edges they see less */
    assert_true(fabs(sum / (WIDTH * HEIGHT) - (double)score) < 1e-5 * (double)score);
    loaded_close(s);
}

/* ---- scoring in tiles ---- */

static void test_batches(void **state)
{
    (void)state;
    static struct seen one, many;
    struct loaded *s = toy_trained("memae", url, "items=10 tile=16", "tiled");
    const int batches[] = {3, 16, 33, 200};
    score_all(s, 1, &one);
    for (int b = 0; b < 4; b++) {
        score_all(s, batches[b], &many);
        for (int i = 0; i < 6; i++) {
            assert_true(fabsf(one.score[i] - many.score[i]) <= 2e-6f * one.score[i]);
            assert_true(fabsf(one.by[i][BY_MAP] - many.by[i][BY_MAP]) <= 1e-4f * (1 + fabsf(one.by[i][BY_MAP])));
            for (int k = 0; k < PIXELS; k++)
                assert_true(fabsf(one.map[i][k] - many.map[i][k]) <= 1e-5f * (1 + one.map[i][k]));
        }
    }
    loaded_close(s);
}

/* Memory, reconstruction and items, where there are 16 tiles of 16 pixels and each has 4 x 4 queries. */
static void test_roles(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct verdict v;
    static uint8_t pixels[PIXELS], item[16 * 16];
    struct loaded *s = toy_trained("memae", url, "items=10 tile=16 channels=1", "roles");
    struct scorer *scorer = open_scorer(s, 1, BY_MODEL);
    assert_int_equal(scorer_score(scorer, &(struct picture){SIDE, SIDE, 1, pixels}, 1, &v, &e), 0);
    assert_int_equal(v.attention[0].rows, 16 * 16);
    assert_int_equal(v.attention[0].items, 10);
    for (int row = 0; row < 16 * 16; row++) {
        float sum = 0;
        for (int i = 0; i < 10; i++)
            sum += v.attention[0].weights[row * 10 + i];
        assert_true(fabsf(sum - 1) < 1e-4f);
    }
    for (int i = 0; i < PIXELS; i++) {
        assert_true(fabsf(v.target[i] + 1) < 1e-5f); /* black */
        assert_true(isfinite(v.reconstruction[i]));
    }
    assert_int_equal(inspect_items(s, 0, &(int64_t){3}, 1, item, &e), 0);
    assert_int_equal(scorer_score(scorer, &(struct picture){SIDE, SIDE, 1, pixels}, 2, &v, &e), ERR_USAGE);
    assert_says(e.msg, "takes 1 to 1");
    scorer_free(scorer);
    loaded_close(s);
}

/* Pictures of other sizes are brought to the size that most have; the promise is one a picture. */
static void test_sizes(void **state)
{
    (void)state;
    struct toy t;
    struct err e = ERR_INIT;
    for (int i = 0; i < 12; i++)
        write_png(in_folder("good/%02d.png", i), 60 + (i == 3), 40, 1, i);
    toy_init(&t, "ae", in_folder("good"), "tile=32 epochs=2 batch=8", in_folder("sizes"));
    if (toy_train(&t, &e))
        fail_msg("%s", e.msg);
    assert_says(t.lines, "a picture is looked at in 6 tiles of 32x32 pixels");
    assert_says(t.lines, "4 steps an epoch of 8 tiles"); /* of 6 pictures: a batch is not of pictures */
    assert_int_equal(t.result.calibrated, 5);
    struct loaded *s;
    assert_int_equal(loaded_open(in_folder("sizes"), &s, &e), 0);
    assert_int_equal(loaded_file(s)->input.sample.d[0], 40);
    assert_int_equal(loaded_file(s)->input.sample.d[1], 60);
    assert_int_equal(loaded_file(s)->input.tile, 32);
    assert_int_equal(loaded_file(s)->calibration.n, 5);
    loaded_close(s);
    toy_free(&t);
}

static void test_resume(void **state)
{
    (void)state;
    struct toy t;
    struct err e = ERR_INIT;
    const char *const options = "tile=16 items=8 flip_v=true epochs=2";
    loaded_close(toy_trained("memae", url, options, "through"));
    toy_init(&t, "memae", url, options, in_folder("stopped"));
    t.stop_after = 17;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    t.stop_after = 0;
    t.job.resume = true;
    if (toy_train(&t, &e))
        fail_msg("%s", e.msg);
    assert_true(same_files(in_folder("through"), in_folder("stopped")));
    toy_free(&t);
}

/* ---- a region ---- */

static void score_picture(struct loaded *s, const uint8_t *pixels, enum score_by by, float *map, float *score)
{
    struct err e = ERR_INIT;
    struct verdict v;
    struct scorer *scorer = open_scorer(s, 1, by);
    assert_int_equal(scorer_score(scorer, &(struct picture){SIDE, SIDE, 1, pixels}, 1, &v, &e), 0);
    memcpy(map, v.map, PIXELS * sizeof *map);
    *score = v.score;
    scorer_free(scorer);
}

static void check_region(const char *options, const char *name)
{
    static uint8_t pixels[2][PIXELS];
    static float maps[2][PIXELS];
    float scores[2];
    char text[200];
    snprintf(text, sizeof text, "%s channels=1 roi=%s", options, in_folder("roi.png"));
    write_mask(in_folder("roi.png"), 2 * SIDE, 2 * SIDE, 20, 40, 60, 30);
    struct loaded *s = toy_trained("ae", url, text, name);
    const struct preprocess *input = &loaded_file(s)->input;
    assert_int_equal(region_pixels(input), 30 * 15);
    double sum = 0;
    for (int i = 0; i < PIXELS; i++) {
        pixels[0][i] = (uint8_t)(i * 7 % 256);
        pixels[1][i] = input->roi[i] ? pixels[0][i] : (uint8_t)(i * 11 % 256);
    }
    float highest = -INFINITY;
    for (int k = 0; k < 2; k++)
        score_picture(s, pixels[k], BY_MAP, maps[k], &scores[k]);
    assert_memory_equal(maps[0], maps[1], sizeof *maps);
    for (int i = 0; i < PIXELS; i++)
        if (input->roi[i])
            highest = fmaxf(highest, maps[0][i]);
        else
            assert_true(maps[0][i] == 0);
    assert_true(scores[0] == highest && scores[1] == highest);
    for (int k = 0; k < 2; k++)
        score_picture(s, pixels[k], BY_MODEL, maps[k], &scores[k]);
    assert_memory_equal(maps[0], maps[1], sizeof *maps);
    assert_true(scores[0] == scores[1]);
    for (int i = 0; i < PIXELS; i++) {
        assert_true(input->roi[i] ? maps[0][i] > 0 : maps[0][i] == 0);
        sum += (double)maps[0][i];
    }
    assert_true(fabs(sum / (30 * 15) - (double)scores[0]) < 1e-5 * (double)scores[0]);
    loaded_close(s);
}

/* What is outside does not matter by a bit; maps are 0 there, and scores are the mean or the highest of the rest. */
static void test_region(void **state)
{
    (void)state;
    check_region("epochs=2", "whole");
    check_region("epochs=2 tile=16", "tiles");
    check_region("epochs=2 tile=16 aligned=yes map_blur=0", "places");
}

/* What is made of a map's highest value is so of the whole map, over what counts; training makes defects in tiles. */
static void test_highest(void **state)
{
    (void)state;
    static uint8_t pixels[PIXELS];
    static float map[PIXELS];
    float score, best = 0;
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)(i * 37 % 251);
    char options[400];
    write_mask(in_folder("roi.png"), SIDE, SIDE, 10, 5, 20, 30);
    snprintf(options, sizeof options, "widths=6,8 epochs=2 channels=1 tile=32 roi=%s", in_folder("roi.png"));
    struct loaded *s = toy_trained("segment", url, options, "highest");
    const uint8_t *roi = loaded_file(s)->input.roi;
    score_picture(s, pixels, BY_MODEL, map, &score);
    for (int i = 0; i < PIXELS; i++) {
        assert_true(roi[i] || map[i] == 0);
        best = fmaxf(best, map[i]);
    }
    assert_true(best > 0 && score == best);
    loaded_close(s);
}

static void test_other_region(void **state)
{
    (void)state;
    struct toy t;
    struct err e = ERR_INIT;
    char text[200];
    write_mask(in_folder("roi.png"), SIDE, SIDE, 0, 0, 20, 20);
    snprintf(text, sizeof text, "epochs=2 roi=%s", in_folder("roi.png"));
    toy_init(&t, "ae", url, text, in_folder("other"));
    t.stop_after = 1;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    write_mask(in_folder("roi.png"), SIDE, SIDE, 0, 0, 21, 20);
    t.job.resume = true;
    assert_int_equal(toy_train(&t, &e), ERR_USAGE);
    assert_says(e.msg, "what counts of them");
    toy_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_tile, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_same_inside, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_batches, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_roles, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_sizes, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_resume, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_region, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_highest, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_other_region, folder_begin, folder_end),
    };
    return cmocka_run_group_tests_name("tiled", tests, NULL, NULL);
}
