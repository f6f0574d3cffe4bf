/* Pictures in all the ways they come, and what is copied out: maps, outputs, parts. */
#include "support.h"

#include "support/pictures.h"
#include "support/within.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 14, H = 10, GAP = 6, SIDE = 16 };

static double score_of(engram_scorer *s, const engram_picture *p)
{
    engram_result r = ENGRAM_RESULT_INIT;
    engram_error error;
    if (engram_score_picture(s, p, &r, &error))
        fail_msg("%s", error.message);
    return r.score;
}

/* Grey pixels as `format` has them, `bytes` each, with a gap behind every row that would spoil the score. */
static engram_picture spread(const uint8_t *grey_pixels, int format, size_t bytes, uint8_t *out)
{
    engram_picture p = ENGRAM_PICTURE_INIT;
    size_t stride = W * bytes + GAP;
    memset(out, 200, stride * H);
    for (size_t i = 0; i < (size_t)W * H; i++)
        for (size_t k = 0; k < bytes; k++)
            out[i / W * stride + i % W * bytes + k] = k == 3 ? 255 : grey_pixels[i];
    p.format = format;
    p.width = W;
    p.height = H;
    p.plane[0] = out;
    p.stride[0] = stride;
    return p;
}

static void formats_agree(void **state)
{
    (void)state;
    static const struct {
        int format;
        size_t bytes;
    } cases[] = {{ENGRAM_GREY8, 1}, {ENGRAM_GREY16, 2}, {ENGRAM_RGB, 3},
                 {ENGRAM_BGR, 3},   {ENGRAM_RGBA, 4},   {ENGRAM_BGRA, 4}};
    uint8_t pixels[W * H], loose[(W * 4 + GAP) * H];
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    fill(pixels, sizeof pixels, 5);
    const engram_picture plain = grey(pixels, W, H);
    double want = score_of(s, &plain);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const engram_picture p = spread(pixels, cases[i].format, cases[i].bytes, loose);
        assert_true(score_of(s, &p) == want);
    }
    engram_scorer_free(s);
}

/* Luma of video counts from 16 to 235, and the chroma of what is grey is 128: nearly the same score. */
static void video_formats_agree(void **state)
{
    (void)state;
    uint8_t pixels[W * H], luma[W * H], chroma[W * H], packed[W * H * 2];
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    fill(pixels, sizeof pixels, 3);
    memset(chroma, 128, sizeof chroma);
    for (size_t i = 0; i < sizeof pixels; i++) {
        luma[i] = packed[2 * i] = (uint8_t)(16 + (pixels[i] * 219 + 127) / 255);
        packed[2 * i + 1] = 128;
    }
    engram_picture plain = grey(pixels, W, H), nv12 = grey(luma, W, H), yuyv = grey(packed, W, H);
    nv12.format = ENGRAM_NV12;
    nv12.plane[1] = chroma;
    yuyv.format = ENGRAM_YUYV;
    double want = score_of(s, &plain);
    assert_true(fabs(score_of(s, &nv12) - want) < 0.02 * want);
    assert_true(score_of(s, &nv12) == score_of(s, &yuyv));
    engram_scorer_free(s);
}

static void pictures_that_are_none(void **state)
{
    (void)state;
    uint8_t pixels[64] = {0};
    engram_result result = ENGRAM_RESULT_INIT;
    engram_error error;
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    engram_picture bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = grey(pixels, 4, 4);
    bad[0].plane[0] = NULL;
    bad[1].width = 0;
    bad[2].height = -1;
    bad[3].format = 99;
    bad[4].stride[0] = 3;
    bad[5].width = bad[5].height = 1 << 30;
    bad[6].format = ENGRAM_NV12; /* its second plane is missing */
    bad[7].size = 0;
    for (int i = 0; i < 8; i++) {
        int code = engram_score_picture(s, &bad[i], &result, &error);
        assert_true(code == ENGRAM_USAGE || (i == 5 && code == ENGRAM_FORMAT));
        assert_true(strlen(error.message) > 20);
    }
    assert_int_equal(engram_score_file(s, "none.png", &result, &error), ENGRAM_IO);
    assert_says(error.message, "none.png");
    assert_int_equal(engram_score_file(s, "model.safetensors", &result, &error), ENGRAM_FORMAT);
    engram_scorer_free(s);
}

/* ---- many at once ---- */

/* A struct of a program that was built with a later header: longer. */
struct later {
    engram_result now;
    double more;
};

static void many_are_each_alone(void **state)
{
    (void)state;
    enum { N = 5 };
    static uint8_t pixels[N][W * H];
    engram_scorer *s = scorer_with("batch=5", "maps=true", "threads=1", NULL);
    engram_picture pictures[N];
    struct later results[N] = {0};
    engram_error error;
    float map[SIDE * SIDE], alone[SIDE * SIDE];
    for (int i = 0; i < N; i++) {
        fill(pixels[i], sizeof pixels[i], i);
        pictures[i] = grey(pixels[i], W, H);
        results[i].more = 7;
    }
    results[0].now.size = sizeof *results; /* and so is that of all the others */
    assert_int_equal(engram_score_pictures(s, pictures, N, &results[0].now, &error), 0);
    assert_int_equal(engram_scorer_map(s, 3, map, SIDE * SIDE, &error), 0);
    for (int i = 0; i < N; i++) {
        assert_true(results[i].more == 0);
        assert_true(fabs(results[i].now.score - score_of(s, &pictures[i])) < 1e-5 * results[i].now.score);
        if (i == 3)
            assert_int_equal(engram_scorer_map(s, 0, alone, SIDE * SIDE, &error), 0);
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_true(fabsf(map[i] - alone[i]) < 1e-5f);
    engram_scorer_free(s);
}

static void too_many_or_a_bad_one(void **state)
{
    (void)state;
    uint8_t pixels[W * H] = {0};
    engram_scorer *s = scorer_with("batch=3", NULL, NULL, NULL);
    engram_picture pictures[4];
    engram_result results[4] = {ENGRAM_RESULT_INIT};
    engram_error error;
    for (int i = 0; i < 4; i++)
        pictures[i] = grey(pixels, W, H);
    assert_int_equal(engram_score_pictures(s, pictures, 4, results, &error), ENGRAM_USAGE);
    assert_says(error.message, "batch");
    assert_int_equal(engram_score_pictures(s, pictures, 0, results, &error), ENGRAM_USAGE);
    pictures[2].width = 0;
    assert_int_equal(engram_score_pictures(s, pictures, 3, results, &error), ENGRAM_USAGE);
    assert_says(error.message, "picture 2 of 3");
    engram_scorer_free(s);
}

/* ---- files in memory ---- */

static void files_in_memory(void **state)
{
    (void)state;
    size_t n;
    engram_result from_file = ENGRAM_RESULT_INIT, from_memory = ENGRAM_RESULT_INIT;
    engram_error error;
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    write_png("a.png", 20, 12, 3, 4);
    void *bytes = read_file("a.png", &n);
    assert_int_equal(engram_score_file(s, "a.png", &from_file, &error), 0);
    assert_int_equal(engram_score_encoded(s, bytes, n, &from_memory, &error), 0);
    assert_true(from_file.score == from_memory.score);
    for (size_t cut = 0; cut < n; cut += 7)
        assert_int_equal(engram_score_encoded(s, bytes, cut, &from_memory, &error), ENGRAM_FORMAT);
    engram_scorer_free(s);
    free(bytes);
}

static void limits_of_a_server(void **state)
{
    (void)state;
    size_t n;
    engram_result r = ENGRAM_RESULT_INIT;
    engram_error error;
    write_png("b.png", 20, 12, 3, 4);
    void *bytes = read_file("b.png", &n);
    static const char *const tight[] = {"max_side=19", "max_pixels=239", "max_bytes=700"}, *const enough[] = {
                                                                                               "max_side=20",
                                                                                               "max_pixels=240",
                                                                                               "max_bytes=4000"};
    for (int i = 0; i < 3; i++) {
        engram_scorer *s = scorer_with(tight[i], NULL, NULL, NULL);
        assert_int_equal(engram_score_encoded(s, bytes, n, &r, &error), ENGRAM_FORMAT);
        engram_scorer_free(s);
        s = scorer_with(enough[i], NULL, NULL, NULL);
        assert_int_equal(engram_score_encoded(s, bytes, n, &r, &error), 0);
        engram_scorer_free(s);
    }
    free(bytes);
}

static int count_errors(void *user, const engram_row *row)
{
    if (row->error)
        assert_says(row->error, "pixels");
    *(int *)user += row->error != NULL;
    return 0;
}

/* They hold for what comes from data sets too. */
static void limits_of_data(void **state)
{
    (void)state;
    static const char *const urls[] = {"limited"};
    engram_scorer *s = scorer_with("max_side=19", "threads=1", NULL, NULL);
    int errors = 0;
    write_png("limited/large.png", 20, 12, 3, 4);
    write_png("limited/small.png", 19, 12, 3, 4);
    assert_int_equal(engram_score_data(s, urls, 1, NULL, count_errors, &errors, NULL), 0);
    assert_int_equal(errors, 1);
    engram_scorer_free(s);
}

static void a_model_in_memory(void **state)
{
    (void)state;
    size_t n;
    uint8_t pixels[W * H];
    engram_model *other;
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL), *t;
    engram_error error;
    unsigned char *bytes = read_file("model.safetensors", &n);
    assert_int_equal(engram_model_load_memory(bytes, n, &other, &error), 0);
    memset(bytes, 0xff, n); /* not needed any more */
    assert_int_equal(engram_scorer_new(other, NULL, 0, &t, &error), 0);
    fill(pixels, sizeof pixels, 2);
    const engram_picture p = grey(pixels, W, H);
    assert_true(score_of(s, &p) == score_of(t, &p));
    engram_scorer_free(t);
    engram_model_free(other);
    free(bytes);
    bytes = read_file("model.safetensors", &n);
    for (size_t cut = 0; cut < n; cut += 97)
        assert_int_equal(engram_model_load_memory(bytes, cut, &other, &error), ENGRAM_FORMAT);
    assert_says(error.message, "in memory");
    engram_scorer_free(s);
    free(bytes);
}

/* ---- what is copied out ---- */

static void maps_only_when_asked(void **state)
{
    (void)state;
    uint8_t pixels[SIDE * SIDE] = {0};
    float map[SIDE * SIDE];
    const engram_picture picture = grey(pixels, SIDE, SIDE);
    engram_error error;
    fill(pixels, sizeof pixels, 1);
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    double without = score_of(s, &picture);
    assert_int_equal(engram_scorer_map(s, 0, map, SIDE * SIDE, &error), ENGRAM_USAGE);
    assert_says(error.message, "maps=true");
    engram_scorer_free(s);
    s = scorer_with("maps=true", NULL, NULL, NULL);
    assert_int_equal(engram_scorer_map(s, 0, map, SIDE * SIDE, &error), ENGRAM_USAGE); /* no call yet */
    assert_true(score_of(s, &picture) == without);
    assert_int_equal(engram_scorer_map(s, 0, map, SIDE * SIDE - 1, &error), ENGRAM_USAGE);
    assert_says(error.message, "256");
    assert_int_equal(engram_scorer_map(s, 1, map, SIDE * SIDE, &error), ENGRAM_USAGE);
    assert_int_equal(engram_scorer_map(s, 0, map, SIDE * SIDE, &error), 0);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_true(isfinite(map[i]));
    engram_result failed = ENGRAM_RESULT_INIT;
    assert_int_equal(engram_score_file(s, "none.png", &failed, &error), ENGRAM_IO);
    assert_int_equal(engram_scorer_map(s, 0, map, SIDE * SIDE, &error), ENGRAM_USAGE); /* of a call that failed */
    engram_scorer_free(s);
}

/* The regions of a map, found again in a copy of it. */
static void regions_are_parts_of_the_map(void **state)
{
    (void)state;
    uint8_t pixels[SIDE * SIDE] = {0};
    float map[SIDE * SIDE];
    const engram_picture picture = grey(pixels, SIDE, SIDE);
    engram_region regions[SIDE * SIDE] = {ENGRAM_REGION_INIT}, first = ENGRAM_REGION_INIT;
    engram_error error;
    size_t n = 7, again, above = 0, area = 0;
    for (int k = 0; k < 8; k++) /* two lines on black */
        pixels[SIDE * 3 + 2 + k] = pixels[SIDE * (4 + k) + 13] = 255;
    engram_scorer *s = scorer_with("maps=true", "false_alarm_rate=0.9", NULL, NULL);
    assert_int_equal(engram_scorer_regions(s, 0, regions, SIDE * SIDE, &n, &error), ENGRAM_USAGE); /* no call yet */
    assert_int_equal(n, 7);
    score_of(s, &picture);
    assert_int_equal(engram_scorer_map(s, 0, map, SIDE * SIDE, &error), 0);
    assert_int_equal(engram_scorer_regions(s, 0, regions, SIDE * SIDE, &n, &error), 0);
    assert_int_equal(engram_scorer_regions(s, 0, NULL, 0, &again, &error), 0);
    assert_true(n > 0 && n == again);
    double threshold = engram_model_threshold(model, 0.9); /* the score is the map's highest value */
    for (int i = 0; i < SIDE * SIDE; i++)
        above += (double)map[i] > threshold;
    for (size_t i = 0; i < n; i++) {
        const engram_region *r = &regions[i];
        assert_true(r->size == sizeof *r && r->frame == 0 && r->area >= 1 && r->area <= r->width * r->height);
        assert_true((double)map[r->peak_y * SIDE + r->peak_x] == r->peak && r->peak > threshold);
        assert_true(r->peak_x >= r->x && r->peak_x < r->x + r->width && r->x + r->width <= SIDE);
        area += (size_t)r->area;
    }
    assert_int_equal(area, above);
    assert_int_equal(engram_scorer_regions(s, 0, &first, 1, &again, &error), 0);
    assert_memory_equal(&first, regions, sizeof first);
    first.size = 0;
    assert_int_equal(engram_scorer_regions(s, 0, &first, 1, &again, &error), ENGRAM_USAGE);
    assert_int_equal(engram_scorer_map_write(s, 0, "regions/map.npy", ENGRAM_MAP_NPY, 0, &error), 0);
    assert_int_equal(engram_scorer_map_write(s, 0, "regions/map.png", ENGRAM_MAP_PNG, 0, &error), 0);
    assert_int_equal(engram_scorer_map_write(s, 1, "regions/none.png", ENGRAM_MAP_PNG, 0, &error), ENGRAM_USAGE);
    engram_scorer_free(s);
    s = scorer_with(NULL, NULL, NULL, NULL);
    score_of(s, &picture);
    assert_int_equal(engram_scorer_regions(s, 0, regions, 1, &n, &error), ENGRAM_USAGE);
    assert_says(error.message, "maps=true");
    engram_scorer_free(s);
}

static void maps_as_files(void **state)
{
    (void)state;
    float map[SIDE * SIDE] = {0};
    engram_error error;
    assert_int_equal(engram_map_write(model, map, SIDE, SIDE, "maps/a/map.png", ENGRAM_MAP_PNG, 0, &error), 0);
    assert_int_equal(engram_map_write(model, map, SIDE, SIDE, "maps/a/map.png", ENGRAM_MAP_PNG, 0, &error), ENGRAM_IO);
    assert_int_equal(engram_map_write(model, map, SIDE, SIDE, "maps/a/map.png", ENGRAM_MAP_PNG, 1, &error), 0);
    assert_int_equal(engram_map_write(model, map, SIDE, SIDE, "maps/a/map.npy", ENGRAM_MAP_NPY, 0, &error), 0);
    assert_int_equal(engram_map_write(model, map, SIDE, SIDE, "maps/a/map", 7, 1, &error), ENGRAM_USAGE);
    static const int bad[][2] = {{-SIDE, SIDE}, {SIDE, -SIDE}, {0, SIDE}, {-1, -1}, {1 << 30, 1 << 30}};
    for (int i = 0; i < 5; i++)
        for (int format = ENGRAM_MAP_PNG; format <= ENGRAM_MAP_NPY; format++)
            assert_int_equal(engram_map_write(model, map, bad[i][0], bad[i][1], "bad", format, 0, &error),
                             ENGRAM_USAGE);
    assert_false(exists("bad"));
}

static void outputs_are_pictures(void **state)
{
    (void)state;
    uint8_t pixels[SIDE * SIDE] = {0}, target[SIDE * SIDE], output[SIDE * SIDE];
    const engram_picture picture = grey(pixels, SIDE, SIDE);
    engram_error error;
    fill(pixels, sizeof pixels, 1);
    engram_scorer *s = scorer_with("outputs=true", NULL, NULL, NULL);
    score_of(s, &picture);
    assert_int_equal(engram_scorer_pixels(s, 0, ENGRAM_TARGET, target, sizeof target, &error), 0);
    assert_int_equal(engram_scorer_pixels(s, 0, ENGRAM_OUTPUT, output, sizeof output, &error), 0);
    assert_memory_equal(target, pixels, sizeof pixels);
    assert_memory_not_equal(output, pixels, sizeof pixels);
    assert_int_equal(engram_scorer_pixels(s, 0, 7, output, sizeof output, &error), ENGRAM_USAGE);
    assert_int_equal(engram_scorer_pixels(s, 0, ENGRAM_OUTPUT, output, 1, &error), ENGRAM_USAGE);
    engram_scorer_free(s);
}

static void parts_add_up(void **state)
{
    (void)state;
    uint8_t pixels[SIDE * SIDE] = {0};
    const engram_picture picture = grey(pixels, SIDE, SIDE);
    engram_result r = ENGRAM_RESULT_INIT;
    engram_scorer *s = scorer_with("score=model", NULL, NULL, NULL);
    fill(pixels, sizeof pixels, 1);
    assert_int_equal(engram_score_picture(s, &picture, &r, NULL), 0);
    double sum = 0;
    assert_within(r.nparts, 1, ENGRAM_PARTS);
    for (int i = 0; i < r.nparts; i++) {
        assert_true(strlen(r.parts[i].name) > 0);
        sum += r.parts[i].value * r.parts[i].weight;
    }
    assert_true(fabs(sum - r.score) < 1e-6 * r.score);
    engram_scorer_free(s);
}

struct row_maps {
    engram_scorer *scorer;
    int n;
};

static int look_at_map(void *user, const engram_row *row)
{
    struct row_maps *r = user;
    float map[SIDE * SIDE];
    assert_non_null(row->result);
    assert_int_equal(engram_scorer_map(r->scorer, 0, map, SIDE * SIDE, NULL), 0);
    r->n++;
    return 0;
}

static void maps_within_rows(void **state)
{
    (void)state;
    static const char *const urls[] = {DATA};
    float map[SIDE * SIDE];
    struct row_maps r = {scorer_with("maps=true", "batch=7", NULL, NULL), 0};
    assert_int_equal(engram_score_data(r.scorer, urls, 1, NULL, look_at_map, &r, NULL), 0);
    assert_int_equal(r.n, 20);
    assert_int_equal(engram_scorer_map(r.scorer, 0, map, SIDE * SIDE, NULL), ENGRAM_USAGE);
    engram_scorer_free(r.scorer);
}

/* A model of pictures takes none of them from rows. */
static void rows_are_no_pictures(void **state)
{
    (void)state;
    float rows[256] = {0};
    engram_result r = ENGRAM_RESULT_INIT;
    engram_error error;
    engram_scorer *s = scorer_with(NULL, NULL, NULL, NULL);
    assert_int_equal(engram_score_rows(s, rows, 1, 256, &r, &error), ENGRAM_USAGE);
    assert_says(error.message, "pictures");
    engram_scorer_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_agree),
        cmocka_unit_test(video_formats_agree),
        cmocka_unit_test(pictures_that_are_none),
        cmocka_unit_test(many_are_each_alone),
        cmocka_unit_test(too_many_or_a_bad_one),
        cmocka_unit_test(files_in_memory),
        cmocka_unit_test(limits_of_a_server),
        cmocka_unit_test(limits_of_data),
        cmocka_unit_test(a_model_in_memory),
        cmocka_unit_test(maps_only_when_asked),
        cmocka_unit_test(regions_are_parts_of_the_map),
        cmocka_unit_test(maps_as_files),
        cmocka_unit_test(outputs_are_pictures),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(maps_within_rows),
        cmocka_unit_test(rows_are_no_pictures),
    };
    return cmocka_run_group_tests_name("pictures", tests, model_begin, model_end);
}
