/* Videos are scored frame by frame: one verdict each, whatever the batch, the hop and the step; the official protocol;
 * single frames; held-out stretches; what evaluation says of them. */
#include "run/evaluate.h"
#include "run/frames.h"
#include "run/stream.h"
#include "support/files.h"
#include "support/toy.h"
#include "support/videos.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIP = 4, FRAMES = 23, MOST = 200 };

static struct loaded *plain, *stepping;

static struct loaded *train_one(const char *options, const char *name)
{
    return toy_trained("memae", "walk/training", options, name);
}

static int setup(void **state)
{
    if (folder_begin(state))
        return -1;
    write_frames("walk/training/frames/01", 40, 0, 0);
    write_frames("walk/training/frames/02", 45, 0, 0);
    write_frames("walk/training/frames/03", 50, 0, 0);
    write_frames("walk/testing/frames/01", FRAMES, 8, 16);
    write_frames("walk/testing/frames/02", 17, 0, 0);
    write_frames("walk/testing/frames/03", 3, 0, 0);
    static const char labels[] = "video,first,last\n01,8,15\n02,,\n03,,\n";
    write_file("walk/intervals.csv", labels, sizeof labels - 1);
    plain = train_one("items=10 frames=4 size=16 epochs=2 batch=4 widths=4,8", "plain");
    stepping = train_one("items=10 frames=4 step=3 size=16 epochs=1 batch=4 widths=4,8 hop=2", "stepping");
    return 0;
}

static int teardown(void **state)
{
    loaded_close(plain);
    loaded_close(stepping);
    return folder_end(state);
}

struct seen {
    int n, errors;
    int64_t next; /* frame of the video in hand */
    size_t video;
    float score[MOST];
    char message[400];
};

static int on_row(void *user, size_t index, const struct verdict *v)
{
    struct seen *s = user;
    if (v->error) {
        snprintf(s->message, sizeof s->message, "%s", v->message);
        s->errors++;
        return 0;
    }
    if (index != s->video)
        s->next = 0;
    s->video = index;
    assert_int_equal(v->frame, s->next);
    assert_true(fabs(v->time - (double)v->frame / 25) < 1e-9);
    assert_true(v->p_value > 0 && v->p_value <= 1);
    s->next++;
    s->score[s->n++] = v->score;
    return 0;
}

static void score(struct loaded *l, struct scorer_spec spec, scorer_each *each, void *seen)
{
    struct dataset *ds;
    struct scorer *s = NULL;
    struct err e = ERR_INIT;
    spec.threads = 1;
    spec.rate = 0.05;
    if (dataset_open("walk", DATASET_SCORE, NULL, &ds, &e) || scorer_new(l, &spec, &s, &e) ||
        scorer_score_dataset(s, ds, SPLIT_TEST, NULL, 0, each, seen, &e))
        fail_msg("%s", e.msg);
    scorer_free(s);
    dataset_close(ds);
}

/* The third video is shorter than a clip: a sentence, and nothing else is missing. */
static void every_frame_has_one_verdict(void **state)
{
    (void)state;
    for (int hop = 0; hop <= CLIP; hop++)
        for (int batch = 1; batch <= 16; batch += 5) {
            struct seen s = {0};
            score(plain, (struct scorer_spec){.batch = batch, .hop = hop}, on_row, &s);
            assert_int_equal(s.n, FRAMES + 17);
            assert_int_equal(s.errors, 1);
            assert_says(s.message, "3 frames");
            assert_says(s.message, "too short");
        }
}

static void the_batch_changes_nothing(void **state)
{
    (void)state;
    struct seen one = {0}, many = {0};
    score(plain, (struct scorer_spec){.batch = 1, .hop = 3}, on_row, &one);
    score(plain, (struct scorer_spec){.batch = 32, .hop = 3}, on_row, &many);
    for (int i = 0; i < one.n; i++)
        assert_true(fabsf(one.score[i] - many.score[i]) <= 1e-4f * fabsf(one.score[i]));
}

/* Nor does what is asked for beside the score. */
static void a_map_changes_nothing(void **state)
{
    (void)state;
    struct seen without = {0}, with = {0};
    score(plain, (struct scorer_spec){.batch = 1}, on_row, &without);
    score(plain, (struct scorer_spec){.batch = 1, .map = true, .both = true}, on_row, &with);
    for (int i = 0; i < with.n; i++)
        assert_true(with.score[i] == without.score[i]);
    assert_true(with.score[0] == with.score[CLIP - 1]); /* frames of one clip, and of another */
    assert_true(with.score[0] != with.score[CLIP]);
}

/* With a step every frame has what the frame of its clip has that stands for it. */
static void steps(void **state)
{
    (void)state;
    struct seen s = {0};
    score(stepping, (struct scorer_spec){.batch = 1}, on_row, &s);
    assert_int_equal(s.n, FRAMES + 17);
    for (int i = 0; i < FRAMES; i++)
        assert_true(s.score[i] == s.score[i / 3 * 3]);
}

/* ---- the official protocol ---- */

static int on_official(void *user, size_t index, const struct verdict *v)
{
    int *counts = user;
    if (v->error)
        return 0;
    assert_true(v->frame >= CLIP / 2);
    assert_true(v->frame < (index ? 17 : FRAMES) - (CLIP - 1 - CLIP / 2));
    counts[index]++;
    return 0;
}

static void a_clip_has_one_frame_there(void **state)
{
    (void)state;
    int counts[3] = {0};
    score(plain, (struct scorer_spec){.batch = 8, .protocol = PROTOCOL_OFFICIAL}, on_official, counts);
    assert_int_equal(counts[0], FRAMES - CLIP + 1);
    assert_int_equal(counts[1], 17 - CLIP + 1);
}

/* ---- single frames ---- */

struct single {
    float score;
    int n, shown;
};

static int on_single(void *user, size_t index, const struct verdict *v)
{
    struct single *s = user;
    (void)index;
    s->score = v->score;
    s->shown += v->reconstruction && v->target && v->map;
    s->n++;
    return 0;
}

static void single_frames_are_those_of_the_whole(void **state)
{
    (void)state;
    for (int hop = 1; hop <= CLIP; hop++) {
        struct seen all = {0};
        struct scorer_spec spec = {.batch = 1, .threads = 1, .hop = hop, .map = true, .reconstruction = true};
        struct dataset *ds;
        struct scorer *s;
        struct err e = ERR_INIT;
        score(plain, spec, on_row, &all);
        assert_int_equal(dataset_open("walk", DATASET_SCORE, NULL, &ds, &e), 0);
        assert_int_equal(scorer_new(plain, &spec, &s, &e), 0);
        for (int64_t frame = 0; frame < FRAMES; frame += 2) {
            struct single one = {0};
            if (scorer_score_frames(s, ds, SPLIT_TEST, &(size_t){0}, &frame, 1, on_single, &one, &e))
                fail_msg("%s", e.msg);
            assert_int_equal(one.n, 1);
            assert_int_equal(one.shown, 1);
            assert_true(fabsf(one.score - all.score[frame]) <= 1e-4f * fabsf(one.score));
        }
        scorer_free(s);
        dataset_close(ds);
    }
}

/* ---- training ---- */

/* Held out are whole stretches, each frame of which is judged; and no clip that is trained on reaches into them. */
static void stretches_are_held_out(void **state)
{
    (void)state;
    const struct model_file *file = loaded_file(plain);
    const size_t lengths[] = {40, 45, 50};
    bool whole = false;
    assert_int_equal((int64_t)file->calibration.n, file->calibrated);
    assert_int_equal((int64_t)file->map_calibration.n, file->calibrated);
    for (int i = 0; i < 3; i++)
        for (size_t parts = 1; parts <= 3; parts++)
            whole |= file->calibration.n >= lengths[i] / parts && file->calibration.n <= lengths[i] / parts + 1;
    assert_true(whole);
    assert_true(file->trained + file->calibrated <= 135 - 3 * (CLIP - 1));
    assert_int_equal(file->input.step, 1);
    assert_int_equal(loaded_file(stepping)->input.step, 3);
}

static void too_little_video(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    write_y4m("brief.y4m", 12, 0, 0);
    toy_init(&t, "memae", "brief.y4m", "items=10 frames=4 size=16 widths=4,8", in_folder("brief"));
    assert_int_equal(toy_train(&t, &e), ERR_USAGE);
    assert_says(e.msg, "12 frames");
    toy_free(&t);
    write_y4m("shorter.y4m", 3, 0, 0);
    toy_init(&t, "memae", "shorter.y4m", "items=10 frames=4 size=16 widths=4,8", in_folder("shorter"));
    assert_int_equal(toy_train(&t, &e), ERR_FORMAT);
    assert_says(e.msg, "3 frames");
    toy_free(&t);
    /* Frames that find no room in memory are read again. */
    write_y4m("fits.y4m", 80, 0, 0);
    toy_init(&t, "memae", "fits.y4m", "items=10 frames=4 size=16 widths=4,8 epochs=1 cache=0", in_folder("fits"));
    if (toy_train(&t, &e))
        fail_msg("%s", e.msg);
    toy_free(&t);
}

/* ---- evaluation ---- */

static void evaluation_of_frames(void **state)
{
    (void)state;
    for (int official = 0; official < 2; official++) {
        struct dataset *ds;
        struct evaluation ev;
        struct err e = ERR_INIT;
        assert_int_equal(dataset_open("walk", DATASET_SCORE, NULL, &ds, &e), 0);
        const struct evaluate_job job = {.loaded = plain,
                                         .data = ds,
                                         .data_name = "walk",
                                         .batch = 8,
                                         .threads = 1,
                                         .by = BY_FILE,
                                         .rate = 0.05,
                                         .protocol = official ? PROTOCOL_OFFICIAL : PROTOCOL_FRAMES,
                                         .per_video = official ? PER_VIDEO_MIN_MAX : PER_VIDEO_RAW,
                                         .smooth = official};
        if (evaluation_run(&job, &ev, &e))
            fail_msg("%s", e.msg);
        const size_t unscored = official ? CLIP - 1 : 0;
        assert_int_equal(ev.scores.n, FRAMES + 17 - 2 * unscored);
        assert_int_equal(ev.decisions.anomalous, 8);
        assert_int_equal(ev.videos.n, 2);
        assert_int_equal(ev.videos.both, 1);
        assert_int_equal(ev.skipped, 1);
        assert_true(ev.metrics.auroc > 0.8); /* a dark bar that was never there before */
        assert_int_equal(ev.videos.changed, official);
        assert_true(isnan(ev.videos.changed_auroc) == !official);
        assert_true(ev.galleries[GALLERY_MOST_ANOMALOUS].n > 0);
        assert_non_null(ev.galleries[GALLERY_MOST_ANOMALOUS].v[0].input.pixels);
        assert_says(ev.galleries[GALLERY_MOST_ANOMALOUS].v[0].name, "testing/frames/01 #");
        const struct video_curve *odd = &ev.videos.curves[0], *usual = &ev.videos.curves[1];
        assert_string_equal(odd->name, "testing/frames/01");
        assert_int_equal(odd->n + usual->n, ev.scores.n);
        assert_int_equal(usual->first, odd->n);
        assert_true(odd->peaks > 0 && odd->peaks <= PEAKS);
        assert_non_null(odd->peak[0].input.pixels);
        for (size_t i = 0; i < odd->peaks; i++)
            assert_true(odd->peak[i].score == ev.scores.score[odd->first + odd->place[i]]);
        evaluation_free(&ev);
        dataset_close(ds);
    }
}

static int on_predicted(void *user, size_t index, const struct verdict *v)
{
    int *count = user;
    (void)index;
    if (v->error)
        return 0;
    assert_true(v->frame >= CLIP - 1);
    assert_true(isfinite(v->by[BY_MAP]) && v->by[BY_MAP] != 0);
    return ++*count, 0;
}

/* A model that predicts says something of the last frame of its clip: the first that can be predicted speaks for those
 * before it too. The bar comes in frame 8: no earlier prediction knows of it, and that one is worse than any before. */
static void what_is_predicted_is_the_last_frame(void **state)
{
    (void)state;
    for (int rebuild = 0; rebuild < 2; rebuild++) {
        struct loaded *l = toy_trained("mnad", "walk/training",
                                       rebuild ? "items=4 task=rebuild frames=1 size=16 epochs=2 batch=4 widths=4,8"
                                               : "items=4 frames=4 size=16 epochs=2 batch=4 widths=4,8",
                                       rebuild ? "rebuilt" : "predicted");
        struct seen s = {0};
        score(l, (struct scorer_spec){.batch = 4, .hop = 1}, on_row, &s);
        assert_int_equal(s.errors, !rebuild); /* three frames are enough for clips of one */
        for (int i = 1; i < CLIP; i++)
            assert_true((s.score[i] == s.score[0]) == !rebuild);
        for (int i = 0; i < 8; i++)
            assert_true(s.score[i] < s.score[8]);
        int count = 0;
        if (!rebuild)
            score(l, (struct scorer_spec){.batch = 4, .both = true, .protocol = PROTOCOL_OFFICIAL}, on_predicted,
                  &count);
        assert_int_equal(count, rebuild ? 0 : FRAMES - CLIP + 1 + 17 - CLIP + 1);
        loaded_close(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_has_one_verdict), cmocka_unit_test(the_batch_changes_nothing),
        cmocka_unit_test(a_map_changes_nothing),       cmocka_unit_test(steps),
        cmocka_unit_test(a_clip_has_one_frame_there),  cmocka_unit_test(single_frames_are_those_of_the_whole),
        cmocka_unit_test(stretches_are_held_out),      cmocka_unit_test(too_little_video),
        cmocka_unit_test(evaluation_of_frames),        cmocka_unit_test(what_is_predicted_is_the_last_frame),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
