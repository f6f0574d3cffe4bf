/* The trainer, stopped and gone on with: as if nothing had happened, or a sentence. */
#include "run/rate.h"
#include "support/files.h"
#include "support/toy.h"

#include <stdlib.h>
#include <unistd.h>

/* Stopped after `stop` steps (and once more later), continued: the very bytes of a training without a stop. */
static void resume_case(const char *model, const char *options, int64_t stop)
{
    struct toy t;
    struct err e;
    const char *whole = in_folder("whole"), *parts = in_folder("parts");
    toy_init(&t, model, NULL, options, whole);
    t.job.force = true;
    t.job.date = "the beginning";
    toy_must_train(&t);
    t.job.output = parts;
    t.stop_after = stop;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    assert_int_equal(t.steps, stop);
    assert_says(e.msg, "--resume");
    assert_true(exists(in_folder("parts.train")));
    assert_int_equal(exists(parts), t.epochs_seen > 0 || t.job.resume);
    t.job.resume = true;
    t.job.force = false;
    t.job.date = "another day";
    t.stop_after = 1;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    t.stop_after = 0;
    toy_must_train(&t);
    assert_int_equal(t.result.epochs, rate_epochs(&t.train, 57 / 16));
    assert_false(exists(in_folder("parts.train")));
    if (!same_files(whole, parts))
        fail_msg("%s %s: stopped after %d steps and continued, the model differs", model, options, (int)stop);
    assert_int_equal(unlink(parts), 0);
    toy_free(&t);
}

static void resumed_equals_uninterrupted(void **state)
{
    (void)state;
    /* 4 steps an epoch: in the middle, at the end of an epoch, in the first and in a later one. */
    resume_case("memae", "items=10", 1);
    resume_case("memae", "items=10", 4);
    resume_case("memae", "items=10 keep=last flip_v=true", 6);
    resume_case("memae", "items=10 validation=0", 8);
    resume_case("ae", "lr_epochs=1,3 lr_factor=0.5", 7);
    resume_case("ae", "lr_cosine=true lr_warmup=5 weight_decay=0.01 steps=15", 7); /* one epoch more than asked for */
    resume_case("ae", "lr=0.05 threads=2", 11);                                    /* best epoch is not the last */
    resume_case("memae", "items=10 precision=bf16", 6);
    resume_case("memae", "items=10 cache=0", 6); /* decoded again in every epoch */
    resume_case("ae", TOY_VARIED, 6);
    resume_case("ae", TOY_VARIED " cache=0 threads=2", 5);
    resume_case("segment", TOY_VARIED " made_kind=mixed lr_cosine=true", 6);
}

/* A power cut between the two files: a model of a later epoch beside a state of an earlier one, or no model at all. */
static void an_older_state_leads_to_the_same_model(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    const char *whole = in_folder("uncut"), *cut = in_folder("cut"), *side = in_folder("cut.train");
    toy_init(&t, "ae", NULL, "lr=0.05", whole);
    toy_must_train(&t);
    t.job.output = cut;
    t.stop_after = 6;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    size_t size;
    unsigned char *older = read_file(side, &size);
    t.job.resume = true;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    t.stop_after = 0;
    for (int lost = 0; lost < 2; lost++) {
        write_file(side, older, size);
        if (lost)
            assert_int_equal(unlink(cut), 0);
        toy_must_train(&t);
        assert_true(same_files(whole, cut));
    }
    free(older);
    toy_free(&t);
}

static void resume_wants_the_same_training(void **state)
{
    (void)state;
    struct toy t, other;
    struct err e;
    const char *path = in_folder("same");
    toy_init(&t, "ae", NULL, "", path);
    t.job.resume = true;
    assert_int_equal(toy_train(&t, &e), ERR_IO);
    assert_says(e.msg, "no training state");
    t.job.resume = false;
    t.stop_after = 5;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    assert_int_equal(toy_train(&t, &e), ERR_IO); /* neither resume nor force */
    assert_says(e.msg, "--resume");
    t.job.resume = true;
    toy_set(&t, "batch=8");
    assert_int_equal(toy_train(&t, &e), ERR_USAGE);
    assert_says(e.msg, "begun with batch=16, not 8");
    toy_set(&t, "batch=16 kernel=5");
    assert_int_equal(toy_train(&t, &e), ERR_USAGE);
    assert_says(e.msg, "begun with kernel=3, not 5");
    toy_set(&t, "kernel=3 epochs=1");
    t.stop_after = 0;
    toy_must_train(&t); /* one epoch is done: nothing is left to do */
    assert_int_equal(t.steps, 0);
    toy_init(&other, "ae", "synth:?n=80&test=20&size=16&seed=7", "", path);
    other.stop_after = 5;
    other.job.force = true;
    assert_int_equal(toy_train(&other, &e), ERR_STOPPED);
    t.job.model = other.model;
    t.job.data = other.data;
    toy_set(&t, "epochs=4");
    dataset_close(t.data);
    assert_int_equal(dataset_open("synth:?n=81&size=16", DATASET_LEARN, NULL, &t.data, &e), 0);
    t.job.data = t.data;
    assert_int_equal(toy_train(&t, &e), ERR_USAGE);
    assert_says(e.msg, "other data");
    toy_free(&other);
    toy_free(&t);
}

/* A longer training may be asked for later, with the state left in place: as if it had been asked for at once. */
static void goes_on_longer(void **state)
{
    (void)state;
    struct toy t;
    const char *at_once = in_folder("long0"), *later = in_folder("long1");
    toy_init(&t, "ae", NULL, "epochs=5 keep_state=true", at_once);
    toy_must_train(&t);
    t.job.output = later;
    toy_set(&t, "epochs=2");
    toy_must_train(&t);
    toy_set(&t, "epochs=5");
    t.job.resume = true;
    toy_must_train(&t);
    assert_int_equal(t.epochs_seen, 3);
    assert_true(same_files(at_once, later));
    assert_true(same_files(in_folder("long0.train"), in_folder("long1.train")));
    toy_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(an_older_state_leads_to_the_same_model),
        cmocka_unit_test(resume_wants_the_same_training),
        cmocka_unit_test(goes_on_longer),
    };
    return cmocka_run_group_tests_name("training: resumed", tests, folder_begin, folder_end);
}
