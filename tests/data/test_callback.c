/* Data from functions of the caller's. */
#include "support.h"

#include "data/callback.h"
#include "data/loader.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { N = 24, WIDTH = 5, HEIGHT = 3, BAD = 7 };

struct camera {
    uint8_t frame[WIDTH * HEIGHT]; /* one buffer for all frames, as cameras have it */
    atomic_int inside;
    int overlaps, reads;
};

static int read_frame(void *user, size_t i, struct pixels *out, char *why, size_t size)
{
    struct camera *c = user;
    c->overlaps += atomic_fetch_add(&c->inside, 1) != 0;
    c->reads++;
    memset(c->frame, (int)(10 * i), sizeof c->frame);
    *out = (struct pixels){PIXELS_GREY8, WIDTH, HEIGHT, {c->frame}, {WIDTH}};
    snprintf(why, size, "the shutter stuck");
    atomic_fetch_sub(&c->inside, 1);
    return i == BAD ? -1 : 0;
}

static void describe(void *user, size_t i, struct callback_sample *s)
{
    static char name[32];
    (void)user;
    snprintf(name, sizeof name, "frame %zu", i);
    *s = (struct callback_sample){.name = name, .truth = i < 20 ? CALLBACK_NORMAL : CALLBACK_ANOMALOUS};
    s->kind = i < 20 ? "good" : "torn";
    s->test = i >= 16;
}

static struct dataset *open_camera(struct callback_data *data, enum dataset_use use)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    if (dataset_open_callback(data, use, NULL, &ds, &e) < 0)
        fail_msg("%s", e.msg);
    return ds;
}

static void test_parts(void **state)
{
    (void)state;
    static struct camera camera;
    struct callback_data data = {
        .name = "camera 1", .count = N, .user = &camera, .describe = describe, .read = read_frame};
    struct dataset *ds = open_camera(&data, DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), 16);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), 8);
    const struct sample *s = dataset_sample(ds, SPLIT_TEST, 7);
    assert_string_equal(s->name, "frame 23");
    assert_string_equal(s->kind, "torn");
    assert_int_equal(s->anomalous, 1);
    dataset_close(ds);
    ds = open_camera(&data, DATASET_SCORE);
    assert_int_equal(dataset_count(ds, SPLIT_TEST), N);
    assert_int_equal(dataset_known(ds, SPLIT_TEST), N);
    dataset_close(ds);
    data.describe = NULL;
    ds = open_camera(&data, DATASET_LEARN);
    assert_int_equal(dataset_count(ds, SPLIT_TRAIN), N);
    assert_string_equal(dataset_sample(ds, SPLIT_TRAIN, 3)->name, "00003");
    assert_int_equal(dataset_sample(ds, SPLIT_TRAIN, 3)->anomalous, -1);
    dataset_close(ds);
    assert_int_equal(camera.reads, 0);
}

/* Four threads read, the caller's function sees one at a time, and its buffer is copied before the next. */
static void test_one_call_at_a_time(void **state)
{
    (void)state;
    static struct camera camera;
    struct callback_data data = {.count = N, .user = &camera, .read = read_frame};
    struct dataset *ds = open_camera(&data, DATASET_SCORE);
    struct preprocess input = pictures_of(WIDTH, HEIGHT, 1);
    const struct loader_options o = {.batch = 4, .input = &input, .threads = 4};
    struct loader *l;
    struct batch b;
    struct err e = ERR_INIT;
    int errors = 0;
    assert_int_equal(loader_new(ds, SPLIT_TEST, NULL, 0, &o, &l, &e), 0);
    while (loader_next(l, &b, &e) == 1)
        for (size_t i = 0; i < b.n; i++) {
            errors += b.errors[i] != NULL;
            if (b.errors[i])
                assert_says(b.errors[i], "sample 00007 of the program's data cannot be read: the shutter stuck");
            for (int k = 0; !b.errors[i] && k < WIDTH * HEIGHT; k++)
                assert_int_equal((int)(b.data[i * WIDTH * HEIGHT + (size_t)k] * 255 + 0.5f), 10 * b.samples[i]);
        }
    assert_int_equal(errors, 1);
    assert_int_equal(camera.reads, N);
    assert_int_equal(camera.overlaps, 0);
    loader_free(l);
    dataset_close(ds);
}

static int read_nonsense(void *user, size_t i, struct pixels *out, char *why, size_t size)
{
    (void)user, (void)why, (void)size;
    *out = (struct pixels){PIXELS_GREY8, i ? -3 : 4, 4, {NULL}, {4}};
    return 0;
}

static void test_nonsense(void **state)
{
    (void)state;
    struct dataset *ds;
    struct err none = ERR_INIT, empty = ERR_INIT;
    struct callback_data data = {.name = "nonsense", .count = 2};
    assert_int_equal(dataset_open_callback(&data, DATASET_SCORE, NULL, &ds, &none), ERR_USAGE);
    data.read = read_nonsense;
    ds = open_camera(&data, DATASET_SCORE);
    struct preprocess input = pictures_of(4, 4, 1);
    for (size_t i = 0; i < 2; i++) {
        uint8_t pixels[16];
        struct err e = ERR_INIT;
        assert_true(dataset_load(ds, SPLIT_TEST, i, &input, pixels, &e) < 0);
        assert_says(e.msg, "of nonsense");
    }
    dataset_close(ds);
    data.count = 0;
    assert_int_equal(dataset_open_callback(&data, DATASET_SCORE, NULL, &ds, &empty), ERR_FORMAT);
    assert_says(empty.msg, "nothing to score");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_one_call_at_a_time),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
