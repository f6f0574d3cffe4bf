/* Live streams: every frame has its verdict, or is counted as dropped; lost connections are made again; a stop is an
 * orderly end. */
#include "engram.h"

#include "support/files.h"
#include "support/pictures.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLIP = 4 };

static engram_model *pictures, *clips;

static engram_model *train(const char *data, const char *frames, const char *output)
{
    const char *const settings[] = {"widths=4,8", "epochs=1", "batch=8", "size=16", "threads=1", frames};
    const engram_train_job job = {
        .size = sizeof job, .model = "ae", .settings = settings, .nsettings = 6, .data = data, .output = output};
    engram_error error;
    engram_model *m = NULL;
    if (engram_train(&job, NULL, NULL, &error) || engram_model_load(output, &m, &error))
        fail_msg("%s", error.message);
    return m;
}

static int begin(void **state)
{
    if (folder_begin(state))
        return -1;
    for (int i = 0; i < 120; i++)
        write_png(in_folder("videos/%d/%02d.png", i / 40, i % 40), 16, 16, 1, i % 40);
    pictures = train("synth:?n=40&test=4&size=16", "frames=0", "pictures");
    clips = train("video:videos", "frames=4", "clips");
    return 0;
}

static int end(void **state)
{
    engram_model_free(pictures);
    engram_model_free(clips);
    return folder_end(state);
}

struct seen {
    int rows, errors, gaps, pause; /* microseconds a row takes */
    int64_t last, run, stop_at;    /* index of the last row; rows since a gap; index at which to stop, or -1 */
    int64_t unit;                  /* runs are of so many */
    engram_stop *stop;
    char said[2000];
};

static int note(void *user, const engram_row *row)
{
    struct seen *s = user;
    s->rows++;
    if (row->error) {
        s->errors++;
        snprintf(s->said, sizeof s->said, "%s", row->error);
        return 0;
    }
    assert_true(row->index > s->last);
    if (row->index != s->last + 1) {
        assert_int_equal(s->run % s->unit, 0);
        s->gaps++;
        s->run = 0;
    }
    s->run++;
    s->last = row->index;
    if (row->index == s->stop_at)
        engram_stop_set(s->stop);
    usleep((useconds_t)s->pause);
    return 0;
}

static void log_line(void *user, int level, const char *text)
{
    struct seen *s = user;
    const size_t n = strlen(s->said);
    (void)level;
    snprintf(s->said + n, sizeof s->said - n, "%s\n", text);
}

static int score(const engram_model *m, const char *url, const char *setting, struct seen *s)
{
    const char *const settings[] = {"threads=1", setting};
    engram_hooks hooks = ENGRAM_HOOKS_INIT;
    engram_scorer *scorer;
    engram_error error;
    s->last = -1;
    s->unit = s->unit ? s->unit : 1;
    hooks.user = s;
    hooks.log = log_line;
    assert_int_equal(engram_stop_new(&s->stop, NULL), 0);
    hooks.stop = s->stop;
    assert_int_equal(engram_scorer_new(m, settings, 2, &scorer, &error), 0);
    int code = engram_score_data(scorer, &url, 1, &hooks, note, s, &error);
    if (code)
        print_error("%s\n", error.message);
    engram_scorer_free(scorer);
    engram_stop_free(s->stop);
    return code;
}

/* Where all may wait nothing is lost, and the last frames come, too. */
static void all_wait(void **state)
{
    (void)state;
    struct seen of_pictures = {.stop_at = -1, .pause = 500}, of_clips = {.stop_at = -1};
    engram_model *const models[] = {pictures, clips};
    struct seen *const seen[] = {&of_pictures, &of_clips};
    for (int i = 0; i < 2; i++) {
        const char *const settings[] = {"late=wait", "reconnect=0"};
        const char *url = "toylive:?n=203";
        engram_scorer *scorer;
        seen[i]->last = -1;
        seen[i]->unit = 1;
        assert_int_equal(engram_scorer_new(models[i], settings, 2, &scorer, NULL), 0);
        assert_int_equal(engram_score_data(scorer, &url, 1, NULL, note, seen[i], NULL), 0);
        engram_scorer_free(scorer);
        assert_int_equal(seen[i]->rows, 203);
        assert_int_equal(seen[i]->gaps + seen[i]->errors, 0);
    }
}

/* Frames that come too fast are dropped, never within a clip. */
static void some_are_dropped(void **state)
{
    (void)state;
    struct seen of_pictures = {.stop_at = -1, .pause = 10000}, of_clips = {.stop_at = -1, .pause = 10000, .unit = CLIP};
    assert_int_equal(score(pictures, "toylive:?n=200&rate=1000", "reconnect=0", &of_pictures), 0);
    assert_true(of_pictures.gaps > 0 && of_pictures.rows > 5 && of_pictures.rows < 200);
    assert_null(strstr(of_pictures.said, " 0 dropped"));
    assert_int_equal(score(clips, "toylive:?n=200&rate=1000", "reconnect=0", &of_clips), 0);
    assert_true(of_clips.gaps > 0 && of_clips.rows >= CLIP && of_clips.rows < 200);
    assert_int_equal(of_clips.errors, 0);
}

/* Frames count on behind a connection that was lost; a stop is no error, and brings the frames that waited. */
static void connections_are_made_again(void **state)
{
    (void)state;
    struct seen s = {.stop_at = 38}; /* of two times 20 */
    assert_int_equal(score(clips, "toylive:?n=20&rate=200&connections=2", "reconnect=1", &s), 0);
    assert_int_equal(s.rows, 40);
    assert_int_equal(s.gaps + s.errors, 0);
    assert_says(s.said, "it is tried again");
    assert_says(s.said, "in all, ");
    assert_says(s.said, "40 frames scored");
    assert_says(s.said, "connected 2 times");
}

static void nobody_is_there(void **state)
{
    (void)state;
    struct seen s = {.stop_at = -1};
    assert_int_equal(score(pictures, "toylive:?connections=0", "reconnect=5", &s), 0);
    assert_int_equal(s.rows, 1);
    assert_int_equal(s.errors, 1);
    assert_says(s.said, "nobody is there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_wait),
        cmocka_unit_test(some_are_dropped),
        cmocka_unit_test(connections_are_made_again),
        cmocka_unit_test(nobody_is_there),
    };
    return cmocka_run_group_tests_name("live", tests, begin, end);
}
