/* The trainer: what it leaves behind, whatever happens. */
#include "run/rate.h"
#include "run/score.h"
#include "support/files.h"

#include "base/file.h"
#include "support/toy.h"
#include "support/within.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void leaves_a_complete_model(void **state)
{
    (void)state;
    struct toy t;
    const char *path = in_folder("complete");
    toy_init(&t, "memae", NULL, "items=10", path);
    t.job.date = "2024-05-06";
    toy_must_train(&t);
    assert_int_equal(t.result.epochs, 4);
    assert_int_equal(t.epochs_seen, 4);
    assert_int_equal(t.steps, 4 * (57 / 16));
    assert_int_equal(t.result.trained, 57);
    assert_int_equal(t.result.validated, 4);
    assert_int_equal(t.result.calibrated, 19);
    assert_says(t.lines, "57 samples of 16x16x1");
    assert_says(t.lines, "MiB to train");
    assert_false(exists(in_folder("complete.train")));
    struct loaded *s = toy_open(path);
    const struct model_file *c = loaded_file(s);
    assert_string_equal(c->model->name, "memae");
    assert_string_equal(c->date, "2024-05-06");
    assert_string_equal(c->data, t.job.data_name);
    assert_true(strlen(c->data_summary) > 10);
    assert_int_equal(c->kept_epoch, t.result.kept_epoch);
    assert_int_equal(c->curve.epochs, 4);
    assert_true(c->curve.rows[3].validation == t.last_validation);
    assert_true(c->curve.rows[c->kept_epoch - 1].validation == t.result.validation);
    assert_true(c->curve.rows[3].loss[0] < c->curve.rows[0].loss[0]);
    assert_int_equal(c->calibration.n, 19);
    assert_true(c->calibration.scores[0] > 0 && c->calibration.peaks[0] > 0);
    assert_true(c->calibration.map_low > 0 && c->calibration.map_high > c->calibration.map_low);
    assert_int_equal(c->usual.n, 16 * 16); /* textures are worse rebuilt at borders: each position has its own */
    assert_true(*c->usual.mean > 0 && *c->usual.deviation > 0);
    assert_int_equal(c->map_calibration.n, 19);
    assert_non_null(c->map_calibration.peaks);
    assert_true(c->map_calibration.map_high > 0);
    assert_int_equal(c->train.lr * 1000, 3);
    loaded_close(s);
    toy_free(&t);
}

static void equal_trainings_give_equal_files(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct toy t;
        toy_init(&t, "memae", NULL, "items=10 epochs=2 flip_h=true", in_folder(i ? "equal1" : "equal0"));
        toy_must_train(&t);
        toy_free(&t);
    }
    assert_true(same_files(in_folder("equal0"), in_folder("equal1")));
    struct toy t;
    toy_init(&t, "memae", NULL, "items=10 epochs=2 flip_h=true seed=2", in_folder("equal2"));
    toy_must_train(&t);
    toy_free(&t);
    assert_false(same_files(in_folder("equal0"), in_folder("equal2")));
}

struct plain_scores {
    float v[80];
    size_t n;
};

static int keep_score(void *user, size_t index, const struct verdict *v)
{
    struct plain_scores *s = user;
    (void)index;
    s->v[s->n++] = v->score;
    return v->error;
}

/* The threshold is made of scores that the same pictures have when they are scored as they are. */
static void what_is_held_out_is_never_varied(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    struct scorer *scorer;
    struct scorer_spec spec = {.batch = 16, .threads = 1, .precision = PRECISION_AUTO, .rate = 0.05};
    struct plain_scores plain = {.n = 0};
    toy_init(&t, "ae", NULL, TOY_VARIED, in_folder("varied"));
    toy_must_train(&t);
    struct loaded *s = toy_open(in_folder("varied"));
    if (scorer_new(s, &spec, &scorer, &e) ||
        scorer_score_dataset(scorer, t.data, SPLIT_TRAIN, NULL, 0, keep_score, &plain, &e))
        fail_msg("%s", e.msg);
    const struct calibration *c = &loaded_file(s)->calibration;
    for (size_t i = 0; i < c->n; i++) {
        size_t found = 0;
        for (size_t k = 0; k < plain.n; k++)
            found += fabsf(plain.v[k] - c->scores[i]) <= 1e-5f * plain.v[k];
        assert_true(found > 0);
    }
    scorer_free(scorer);
    loaded_close(s);
    toy_free(&t);
}

static void keeps_best_or_last(void **state)
{
    (void)state;
    struct toy t;
    const char *path = in_folder("keep");
    toy_init(&t, "ae", NULL, "lr=0.1 seed=4 epochs=8 validation=0.1", path);
    toy_must_train(&t);
    struct loaded *s = toy_open(path);
    const struct model_file *c = loaded_file(s);
    assert_int_equal(c->curve.epochs, 8);
    for (int i = 0; i < 8; i++)
        assert_true(c->curve.rows[c->kept_epoch - 1].validation <= c->curve.rows[i].validation);
    assert_int_not_equal(c->kept_epoch, 8); /* else this says nothing: choose another lr */
    loaded_close(s);
    toy_set(&t, "keep=last");
    t.job.force = true;
    toy_must_train(&t);
    assert_int_equal(t.result.kept_epoch, 8);
    assert_int_equal(t.kept_seen, 8);
    toy_set(&t, "keep=best validation=0");
    toy_must_train(&t);
    assert_int_equal(t.result.kept_epoch, 8);
    assert_true(isnan(t.result.validation));
    toy_free(&t);
}

/* The kept weights are those of their epoch: a training that ends there gives the same scores. */
static void best_weights_are_those_of_their_epoch(void **state)
{
    (void)state;
    struct toy t;
    struct err e = ERR_INIT;
    const char *path = in_folder("best"), *shorter = in_folder("shorter");
    toy_init(&t, "ae", NULL, "lr=0.1 seed=4 epochs=8 validation=0.1", path);
    toy_must_train(&t);
    char epochs[32];
    snprintf(epochs, sizeof epochs, "epochs=%d keep=last", t.result.kept_epoch);
    toy_set(&t, epochs);
    t.job.output = shorter;
    toy_must_train(&t);
    struct loaded *a = toy_open(path), *b = toy_open(shorter);
    const struct calibration *x = &loaded_file(a)->calibration, *y = &loaded_file(b)->calibration;
    assert_int_equal(x->n, y->n);
    assert_memory_equal(x->scores, y->scores, x->n * sizeof(float));
    assert_memory_equal(loaded_params(a)->value[GROUP_MAIN], loaded_params(b)->value[GROUP_MAIN],
                        loaded_params(a)->size[GROUP_MAIN] * sizeof(float));
    assert_memory_equal(loaded_params(a)->value[GROUP_STATE], loaded_params(b)->value[GROUP_STATE],
                        loaded_params(a)->size[GROUP_STATE] * sizeof(float));
    (void)e;
    loaded_close(a);
    loaded_close(b);
    toy_free(&t);
}

static void stops_early(void **state)
{
    (void)state;
    struct toy t;
    toy_init(&t, "ae", NULL, "lr=0.1 epochs=200 patience=3 validation=0.1", in_folder("early"));
    toy_must_train(&t);
    assert_true(t.result.stopped_early);
    assert_within(t.result.epochs, 4, 199);
    assert_int_equal(t.result.epochs - t.result.kept_epoch, 3);
    toy_free(&t);
}

static void divergence_keeps_the_last_good_model(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    const char *path = in_folder("nan"), *good = in_folder("good");
    toy_init(&t, "ae", NULL, "keep=last", path);
    t.explode_after = 7; /* 3 steps an epoch: the second step of the third spoils the weights, the next one sees it */
    assert_int_equal(toy_train(&t, &e), ERR_FAIL);
    assert_says(e.msg, "diverged in epoch 3, step 3: the loss 'loss' is NaN");
    assert_says(e.msg, "enc.0"); /* the first layer's weights are the first to go */
    assert_says(e.msg, "lower lr");
    assert_says(e.msg, path);
    assert_int_equal(t.result.kept_epoch, 2);
    t.explode_after = 0;
    toy_set(&t, "lr=0.003 epochs=2");
    t.job.output = good;
    toy_must_train(&t);
    struct loaded *a = toy_open(path), *b = toy_open(good);
    assert_int_equal(loaded_file(a)->kept_epoch, 2);
    assert_memory_equal(loaded_params(a)->value[GROUP_MAIN], loaded_params(b)->value[GROUP_MAIN],
                        loaded_params(a)->size[GROUP_MAIN] * sizeof(float));
    assert_memory_equal(loaded_file(a)->calibration.scores, loaded_file(b)->calibration.scores,
                        loaded_file(a)->calibration.n * sizeof(float));
    loaded_close(a);
    loaded_close(b);
    t.job.output = in_folder("nothing");
    t.explode_after = 1;
    assert_int_equal(toy_train(&t, &e), ERR_FAIL);
    assert_says(e.msg, "no epoch was finished");
    assert_false(exists(in_folder("nothing")));
    toy_free(&t);
}

static bool remove_and_go_on(void *user)
{
    struct toy *t = user;
    if (t->steps == 6)
        unlink(in_folder("p7.png"));
    return false;
}

/* A picture that vanishes during training: its name, and the model of the epochs before. */
static void a_vanished_picture_ends_training_well(void **state)
{
    (void)state;
    struct toy t;
    struct err e = ERR_INIT;
    char url[600], name[32];
    uint8_t pixels[256];
    for (int i = 0; i < 24; i++) {
        for (int k = 0; k < 256; k++)
            pixels[k] = (uint8_t)(k * i);
        snprintf(name, sizeof name, "p%d.png", i);
        assert_int_equal(picture_write_png(in_folder("%s", name), &(struct picture){16, 16, 1, pixels}, true, &e), 0);
    }
    snprintf(url, sizeof url, "%s", in_folder("p1.png"));
    *strrchr(url, '/') = 0;
    toy_init(&t, "ae", url, "cache=0 batch=4 epochs=50 keep=last calibration=0.05", in_folder("vanish"));
    t.job.should_stop = remove_and_go_on;
    assert_int_equal(toy_train(&t, &e), ERR_IO);
    assert_says(e.msg, "p7.png");
    assert_within(t.result.kept_epoch, 1, 49);
    /* Of the share it was in, only calibration could not be made without it. */
    if (exists(in_folder("vanish")))
        loaded_close(toy_open(in_folder("vanish")));
    else
        assert_says(t.lines, "p7.png");
    toy_free(&t);
}

static void existing_files_are_safe(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    const char *path = in_folder("mine");
    write_file(path, "precious", 8);
    toy_init(&t, "ae", NULL, "epochs=1", path);
    int files = count_files();
    assert_int_equal(toy_train(&t, &e), ERR_IO);
    assert_says(e.msg, "--force");
    assert_int_equal(t.steps, 0);
    t.job.output = in_folder("no/such/folder");
    assert_int_equal(toy_train(&t, &e), ERR_IO);
    assert_int_equal(t.steps, 0);
    /* A full disk: the first write fails, what was there stays. */
    t.job.output = path;
    t.job.force = true;
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 2000;
    setrlimit(RLIMIT_FSIZE, &small);
    int code = toy_train(&t, &e);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(code, ERR_IO);
    assert_says(e.msg, path);
    assert_int_equal(count_files(), files);
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    toy_free(&t);
}

/* Each of the several writes would be another end of the pipe, the first of them before anything was learnt. */
static void a_pipe_is_no_output(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    const char *path = in_folder("pipe");
    assert_int_equal(mkfifo(path, 0666), 0);
    int files = count_files(), reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    toy_init(&t, "ae", NULL, "epochs=1", path);
    t.job.force = true;
    assert_int_equal(toy_train(&t, &e), ERR_IO);
    assert_says(e.msg, "is a pipe or a device");
    assert_int_equal(t.steps, 0);
    assert_int_equal(count_files(), files);
    close(reader);
    unlink(path);
    toy_free(&t);
}

/* Two trainings to one output would each write over the other. */
static void a_second_training_to_one_output_is_refused(void **state)
{
    (void)state;
    struct toy t;
    struct file_lock other;
    struct err e = ERR_INIT;
    const char *path = in_folder("contested");
    assert_int_equal(file_lock(&other, path, &e), 0);
    toy_init(&t, "ae", NULL, "epochs=1", path);
    assert_int_equal(toy_train(&t, &e), ERR_IO);
    assert_says(e.msg, "is being written by another process");
    assert_false(exists(path));
    file_unlock(&other);
    e = ERR_INIT;
    assert_int_equal(toy_train(&t, &e), 0);
    assert_true(exists(path));
    assert_false(exists(in_folder("contested.lock")));
    toy_free(&t);
}

static void nonsense_is_refused_before_the_first_step(void **state)
{
    (void)state;
    static const struct {
        const char *url, *options, *says;
    } cases[] = {
        {NULL, "validation=0 patience=3", "patience"},
        {NULL, "validation=0.5 calibration=0.5", "hold out"},
        {NULL, "channels=2", "channels"},
        {NULL, "size=16x", "size"},
        {NULL, "size=x16", "size"},
        {NULL, "size=99999999999", "size"},
        {NULL, "size=-4", "size"},
        {NULL, "size=16384", "choose another size"},
        {NULL, "widths=", "widths"},
        {"synth:?n=1&size=16", "", "1"},
        {"synth:?n=3&size=16", "", "3"},
        {"synth:?n=4&size=16", "calibration=0.8", "held out"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct toy t;
        struct err e;
        toy_init(&t, "ae", cases[i].url, cases[i].options, in_folder("nonsense"));
        int code = toy_train(&t, &e);
        if (code >= 0)
            fail_msg("'%s' was accepted", cases[i].options);
        assert_says(e.msg, cases[i].says);
        assert_int_equal(t.steps, 0);
        assert_false(exists(in_folder("nonsense")));
        toy_free(&t);
    }
}

/* A tenth is enough where it is 19, which 0.05 needs; of less data more is held out, up to half of what validation
 * leaves, and before the first step it is said what comes of it. */
static void small_data_hold_out_what_a_promise_needs(void **state)
{
    (void)state;
    static const struct {
        int n, held;
        const char *options, *says;
    } cases[] = {
        {4, 1, "", "with 1 sample held out for calibration nothing can be flagged at false-alarm rates below 0.5;"},
        {39, 18, "", "rates below 0.05263; 0.05 needs 19 samples, which are held out of 40 and more"},
        {40, 19, "", "19 samples held out for calibration can flag at false-alarm rates from 0.05 on; at 0.05 "},
        {100, 19, "", "the real rate of 9 trainings in 10 stays below 0.1141"},
        {190, 19, "", "from 0.05 on"},
        {200, 20, "", "from 0.04762 on"},
        {400, 40, "", "at 0.05 the real rate of 9 trainings in 10 stays below 0.0938"},
        {100, 19, "calibration=0.01", "from 0.05 on"},
        {100, 50, "calibration=0.5", "from 0.01961 on"},
        {100, 19, "validation=0", "from 0.05 on"},
        {20, 2, "validation=0.8", "with 2 samples"},
        {100, 0, "calibration=0", "nothing is held out for calibration, so the file will never flag anything"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct toy t;
        char url[64];
        snprintf(url, sizeof url, "synth:?n=%d&test=0&size=16", cases[i].n);
        toy_init(&t, "ae", url, "widths=4 epochs=1", in_folder("held"));
        toy_set(&t, cases[i].options);
        t.job.force = true;
        t.stop_after = 1;
        struct err e;
        int code = toy_train(&t, &e);
        assert_true(!code || code == ERR_STOPPED);
        assert_says(t.lines, cases[i].says);
        t.stop_after = 0;
        t.job.resume = code == ERR_STOPPED;
        toy_must_train(&t);
        assert_int_equal(t.result.calibrated, cases[i].held);
        toy_free(&t);
    }
}

/* What is usual comes from pictures that were trained on: it is known where nothing is held out. */
static void nothing_held_out_says_what_is_usual(void **state)
{
    (void)state;
    struct toy t;
    toy_init(&t, "ae", NULL, "calibration=0 validation=0 epochs=1 score=map aligned=no map_blur=0",
             in_folder("unheld"));
    toy_must_train(&t);
    struct loaded *s = toy_open(in_folder("unheld"));
    const struct model_file *c = loaded_file(s);
    assert_true(c->usual.n == 1 && *c->usual.mean > 0 && *c->usual.deviation > 0);
    assert_true(c->calibration.n == 0 && c->map_calibration.n == 0 && model_file_stands(c) == BY_MAP);
    loaded_close(s);
    toy_free(&t);
}

static void the_smallest_data_train(void **state)
{
    (void)state;
    struct toy t;
    toy_init(&t, "memae", "synth:?n=4&test=2&size=8", "epochs=2 size=16x24 channels=3 items=4", in_folder("small"));
    toy_must_train(&t);
    assert_int_equal(t.result.trained, 2);
    struct loaded *s = toy_open(in_folder("small"));
    assert_int_equal(loaded_file(s)->input.sample.d[0], 16);
    assert_int_equal(loaded_file(s)->input.sample.d[1], 24);
    assert_int_equal(loaded_file(s)->input.sample.d[2], 3);
    loaded_close(s);
    toy_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_a_complete_model),
        cmocka_unit_test(equal_trainings_give_equal_files),
        cmocka_unit_test(what_is_held_out_is_never_varied),
        cmocka_unit_test(keeps_best_or_last),
        cmocka_unit_test(best_weights_are_those_of_their_epoch),
        cmocka_unit_test(stops_early),
        cmocka_unit_test(divergence_keeps_the_last_good_model),
        cmocka_unit_test(a_vanished_picture_ends_training_well),
        cmocka_unit_test(existing_files_are_safe),
        cmocka_unit_test(a_pipe_is_no_output),
        cmocka_unit_test(a_second_training_to_one_output_is_refused),
        cmocka_unit_test(nonsense_is_refused_before_the_first_step),
        cmocka_unit_test(small_data_hold_out_what_a_promise_needs),
        cmocka_unit_test(nothing_held_out_says_what_is_usual),
        cmocka_unit_test(the_smallest_data_train),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
