/* Streams: frames as they come have the verdicts that they have in a file, as soon as they can. */
#include "support.h"

#include "support/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 20, FRAMES = 30, CLIP = 4 };

static engram_model *of_clips;

/* The frame that write_png draws with that shade. */
static void draw(uint8_t *pixels, int shade)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            pixels[y * SIDE + x] = (uint8_t)(x + 2 * y + shade);
}

static void write_video(const char *folder, int frames)
{
    for (int i = 0; i < frames; i++)
        write_png(in_folder("%s/%03d.png", folder, i), SIDE, SIDE, 1, 3 * i % 40);
}

static int begin(void **state)
{
    static const char *const settings[] = {"widths=4,8", "items=10", "epochs=1", "batch=4",
                                           "frames=4",   "size=16",  "threads=1"};
    const engram_train_job job = {.size = sizeof job,
                                  .model = "memae",
                                  .settings = settings,
                                  .nsettings = 7,
                                  .data = "video:videos",
                                  .output = "clips.safetensors"};
    engram_error error;
    if (model_begin(state))
        return -1;
    write_video("videos/train/01", 40);
    write_video("videos/train/02", 40);
    write_video("videos/test/01", FRAMES);
    if (engram_train(&job, NULL, NULL, &error) || engram_model_load("clips.safetensors", &of_clips, &error)) {
        print_error("%s\n", error.message);
        return -1;
    }
    return 0;
}

static int end(void **state)
{
    engram_model_free(of_clips);
    return model_end(state);
}

struct seen {
    const engram_scorer *scorer;
    int n, errors, stop_at, map_values;
    int64_t pushed, waited; /* frames pushed so far; the most that one has waited for */
    engram_result results[FRAMES];
    double times[FRAMES], spots[FRAMES];
};

static int note(void *user, const engram_row *row)
{
    struct seen *s = user;
    float map[16 * 16];
    assert_int_equal(row->index, s->n);
    s->errors += row->error != NULL;
    if (row->error)
        return s->n++, 0;
    if (s->pushed - 1 - row->index > s->waited)
        s->waited = s->pushed - 1 - row->index;
    s->results[s->n] = *row->result;
    s->times[s->n] = row->time;
    if (s->map_values) {
        assert_int_equal(engram_scorer_map(s->scorer, 0, map, (size_t)s->map_values, NULL), 0);
        s->spots[s->n] = (double)map[5];
    }
    return ++s->n == s->stop_at;
}

static engram_scorer *scorer_of(const engram_model *m, bool maps)
{
    const char *const settings[] = {maps ? "maps=true" : "maps=false", "threads=1", "batch=1"};
    engram_error error;
    engram_scorer *scorer;
    if (engram_scorer_new(m, settings, 3, &scorer, &error))
        fail_msg("%s", error.message);
    return scorer;
}

static engram_stream *stream_of(engram_scorer *scorer, struct seen *seen, const engram_hooks *hooks)
{
    engram_error error;
    engram_stream *stream;
    seen->scorer = scorer;
    if (engram_stream_new(scorer, hooks, note, seen, &stream, &error))
        fail_msg("%s", error.message);
    return stream;
}

static int push(engram_stream *stream, struct seen *seen, int number, engram_error *error)
{
    uint8_t pixels[SIDE * SIDE];
    draw(pixels, 3 * number % 40);
    const engram_picture picture = grey(pixels, SIDE, SIDE);
    seen->pushed++;
    return engram_stream_push(stream, &picture, number / 25.0, error);
}

/* The scores of a file's frames are a stream's, to the last bits, and their maps; no frame waits longer than was said.
 */
static void as_in_a_file(void **state)
{
    static const char *const urls[] = {"video:videos"};
    (void)state;
    const engram_model *const models[] = {of_clips, model};
    for (int i = 0; i < 2; i++) {
        struct seen file = {.map_values = 16 * 16}, live = {.map_values = 16 * 16};
        engram_scorer *scorer = scorer_of(models[i], true);
        engram_error error;
        file.scorer = scorer;
        if (engram_score_data(scorer, urls, 1, NULL, note, &file, &error))
            fail_msg("%s", error.message);
        engram_stream *stream = stream_of(scorer, &live, NULL);
        for (int k = 0; k < FRAMES; k++)
            assert_int_equal(push(stream, &live, k, NULL), 0);
        assert_true(live.n < FRAMES || i == 1);
        assert_int_equal(engram_stream_end(stream, NULL), 0);
        assert_int_equal(live.n, FRAMES);
        assert_int_equal(file.n, FRAMES);
        assert_int_equal(engram_stream_latency(stream), i ? 0 : CLIP - 1);
        assert_true(live.waited <= engram_stream_latency(stream));
        for (int k = 0; k < FRAMES; k++) {
            assert_true(file.results[k].score == live.results[k].score && file.spots[k] == live.spots[k]);
            assert_true(file.results[k].p_value == live.results[k].p_value);
            assert_true(fabs(live.times[k] - k / 25.0) < 1e-12 && fabs(file.times[k] - k / 25.0) < 1e-12);
        }
        engram_stream_free(stream);
        engram_scorer_free(scorer);
    }
}

/* Two streams over one model, their frames in turn, are each what they are alone. */
static void streams_side_by_side(void **state)
{
    (void)state;
    struct seen alone = {0}, a = {0}, b = {0};
    engram_scorer *one = scorer_of(of_clips, false), *two = scorer_of(of_clips, false);
    engram_stream *first = stream_of(one, &alone, NULL);
    for (int k = 0; k < 12; k++)
        assert_int_equal(push(first, &alone, k, NULL), 0);
    assert_int_equal(engram_stream_end(first, NULL), 0);
    engram_stream_free(first);
    first = stream_of(one, &a, NULL);
    engram_stream *second = stream_of(two, &b, NULL);
    for (int k = 0; k < 12; k++) {
        assert_int_equal(push(first, &a, k, NULL), 0);
        assert_int_equal(push(second, &b, 11 - k, NULL), 0);
    }
    assert_int_equal(engram_stream_end(first, NULL), 0);
    assert_int_equal(a.n, 12);
    for (int k = 0; k < 12; k++)
        assert_true(a.results[k].score == alone.results[k].score);
    engram_stream_free(first);
    engram_stream_free(second); /* with frames that wait */
    engram_scorer_free(one);
    engram_scorer_free(two);
}

/* No clip reaches over an end; counting goes on. */
static void ends_between(void **state)
{
    (void)state;
    struct seen seen = {0}, again = {0};
    engram_scorer *scorer = scorer_of(of_clips, false);
    engram_stream *stream = stream_of(scorer, &seen, NULL);
    assert_int_equal(engram_stream_end(stream, NULL), 0); /* of nothing */
    for (int k = 0; k < 6; k++)
        assert_int_equal(push(stream, &seen, k, NULL), 0);
    assert_int_equal(engram_stream_end(stream, NULL), 0);
    assert_int_equal(seen.n, 6);
    for (int k = 0; k < 6; k++)
        assert_int_equal(push(stream, &seen, k, NULL), 0);
    assert_int_equal(engram_stream_end(stream, NULL), 0);
    assert_int_equal(seen.n, 12);
    for (int k = 0; k < 6; k++)
        assert_true(seen.results[k].score == seen.results[k + 6].score);
    engram_stream_free(stream);
    stream = stream_of(scorer, &again, NULL);
    for (int k = 0; k < CLIP - 1; k++)
        assert_int_equal(push(stream, &again, k, NULL), 0);
    assert_int_equal(engram_stream_end(stream, NULL), 0); /* too few for a clip */
    assert_int_equal(again.errors, 1);
    engram_stream_free(stream);
    engram_scorer_free(scorer);
}

struct pictures {
    int n;
};

/* The frame is the one that the row is of. */
static int note_picture(void *user, const engram_row *row)
{
    struct pictures *p = user;
    uint8_t pixels[SIDE * SIDE];
    draw(pixels, 3 * (int)row->index % 40);
    assert_non_null(row->picture);
    assert_int_equal(row->picture->width, SIDE);
    assert_int_equal(row->picture->height, SIDE);
    assert_int_equal(row->picture->format, ENGRAM_GREY8);
    assert_memory_equal(row->picture->plane[0], pixels, sizeof pixels);
    p->n++;
    return 0;
}

static void rows_have_their_pictures(void **state)
{
    static const char *const urls[] = {"video:videos"}, *const settings[] = {"pictures=true", "batch=2"};
    (void)state;
    struct pictures file = {0}, live = {0};
    struct seen unused = {0};
    engram_error error;
    engram_scorer *scorer;
    engram_stream *stream;
    assert_int_equal(engram_scorer_new(of_clips, settings, 2, &scorer, &error), 0);
    if (engram_score_data(scorer, urls, 1, NULL, note_picture, &file, &error))
        fail_msg("%s", error.message);
    assert_int_equal(engram_stream_new(scorer, NULL, note_picture, &live, &stream, &error), 0);
    for (int k = 0; k < FRAMES; k++)
        assert_int_equal(push(stream, &unused, k, NULL), 0);
    assert_int_equal(engram_stream_end(stream, NULL), 0);
    assert_int_equal(file.n, FRAMES);
    assert_int_equal(live.n, FRAMES);
    engram_stream_free(stream);
    engram_scorer_free(scorer);
}

static void what_is_no_frame(void **state)
{
    (void)state;
    uint8_t pixels[SIDE * SIDE] = {0};
    struct seen seen = {0};
    engram_error error;
    engram_scorer *scorer = scorer_of(model, false);
    engram_stream *stream = stream_of(scorer, &seen, NULL);
    engram_picture bad = grey(pixels, SIDE, SIDE);
    bad.format = 77;
    assert_int_equal(engram_stream_push(stream, &bad, 0, &error), ENGRAM_USAGE);
    assert_int_equal(seen.n, 0);
    assert_int_equal(push(stream, &seen, 0, &error), 0); /* and is frame 0 */
    assert_int_equal(seen.n, 1);
    engram_stream_free(stream);
    engram_scorer_free(scorer);
}

static void stopping(void **state)
{
    (void)state;
    struct seen seen = {.stop_at = 2};
    engram_hooks hooks = ENGRAM_HOOKS_INIT;
    engram_error error;
    engram_stop *stop;
    engram_scorer *scorer = scorer_of(model, false);
    assert_int_equal(engram_stop_new(&stop, NULL), 0);
    hooks.stop = stop;
    engram_stream *stream = stream_of(scorer, &seen, &hooks);
    assert_int_equal(push(stream, &seen, 0, &error), 0);
    assert_int_equal(push(stream, &seen, 1, &error), ENGRAM_STOPPED);
    engram_stop_set(stop);
    assert_int_equal(push(stream, &seen, 2, &error), ENGRAM_STOPPED);
    assert_int_equal(seen.n, 2);
    assert_int_equal(engram_stream_end(stream, &error), 0);
    engram_stream_free(stream);
    engram_scorer_free(scorer);
    engram_stop_free(stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_in_a_file),     cmocka_unit_test(streams_side_by_side),
        cmocka_unit_test(ends_between),     cmocka_unit_test(rows_have_their_pictures),
        cmocka_unit_test(what_is_no_frame), cmocka_unit_test(stopping),
    };
    return cmocka_run_group_tests_name("stream", tests, begin, end);
}
