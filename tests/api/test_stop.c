/* The stop token ends every long call, wherever it is set. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static engram_stop *stop;
static engram_hooks hooks = ENGRAM_HOOKS_INIT;
static engram_error error;

static int begin(void **state)
{
    if (model_begin(state) || engram_stop_new(&stop, &error))
        return -1;
    hooks.stop = stop;
    return 0;
}

static int end(void **state)
{
    engram_stop_free(stop);
    return model_end(state);
}

static int rows_before_stop;

static int stop_at_third(void *user, const engram_row *row)
{
    (void)user;
    (void)row;
    if (++rows_before_stop == 3)
        engram_stop_set(stop);
    return 0;
}

static void set_and_clear(void **state)
{
    (void)state;
    assert_int_equal(engram_stop_is_set(stop), 0);
    engram_stop_set(stop);
    assert_int_equal(engram_stop_is_set(stop), 1);
    engram_stop_clear(stop);
    assert_int_equal(engram_stop_is_set(stop), 0);
}

static void scoring(void **state)
{
    (void)state;
    static const char *const urls[] = {DATA};
    engram_scorer *s = scorer_with("batch=4", NULL, NULL, NULL);
    rows_before_stop = 0;
    assert_int_equal(engram_score_data(s, urls, 1, &hooks, stop_at_third, NULL, &error), ENGRAM_STOPPED);
    assert_int_equal(rows_before_stop, 3);
    engram_stop_clear(stop);
    engram_scorer_free(s);
}

/* A token that is set beforehand, and the call must say so. */
static void checking_data(void **state)
{
    (void)state;
    engram_data *data;
    assert_int_equal(engram_data_open(DATA, &hooks, &data, &error), 0);
    engram_stop_set(stop);
    assert_int_equal(engram_data_check(data, &hooks, &error), ENGRAM_STOPPED);
    engram_stop_clear(stop);
    assert_int_equal(engram_data_check(data, &hooks, &error), 0);
    engram_data_free(data);
}

static size_t told; /* progress of an evaluation */

static void stop_at_the_last(void *user, const engram_progress *p)
{
    (void)user;
    told++;
    if (p->done == p->total)
        engram_stop_set(stop);
}

/* Both passes: set at the last sample of the first, and nothing is shown. */
static void evaluating(void **state)
{
    (void)state;
    engram_evaluation *ev = NULL;
    engram_hooks both = hooks;
    engram_stop_set(stop);
    assert_int_equal(engram_evaluate(model, DATA, NULL, 0, &hooks, &ev, &error), ENGRAM_STOPPED);
    engram_stop_clear(stop);
    both.progress = stop_at_the_last;
    told = 0;
    assert_int_equal(engram_evaluate(model, DATA, NULL, 0, &both, &ev, &error), ENGRAM_STOPPED);
    assert_int_equal(told, 20);
    engram_stop_clear(stop);
    assert_null(ev);
}

static void reporting(void **state)
{
    (void)state;
    engram_evaluation *ev;
    assert_int_equal(engram_evaluate(model, DATA, NULL, 0, &hooks, &ev, &error), 0);
    const engram_evaluation *const all[] = {ev};
    engram_stop_set(stop);
    assert_int_equal(engram_report_write(all, 1, NULL, NULL, "r.html", 0, &hooks, &error), ENGRAM_STOPPED);
    assert_false(exists("r.html"));
    engram_stop_clear(stop);
    assert_int_equal(engram_report_write(all, 1, NULL, NULL, "r.html", 0, &hooks, &error), 0);
    engram_evaluation_free(ev);
}

static void on_alarm(int number)
{
    (void)number;
    engram_stop_set(stop);
}

/* A measurement without end, stopped by a signal. */
static void measuring(void **state)
{
    (void)state;
    static const char *const settings[] = {"widths=4,8", "size=16", "batch=2", "threads=1"};
    engram_bench_job job = ENGRAM_BENCH_JOB_INIT;
    engram_bench_summary summary = ENGRAM_BENCH_SUMMARY_INIT;
    job.model = "ae";
    job.settings = settings;
    job.nsettings = 4;
    job.repeat = 100000000;
    job.training = 1;
    signal(SIGALRM, on_alarm);
    alarm(1);
    assert_int_equal(engram_bench(&job, &hooks, &summary, NULL, NULL, &error), ENGRAM_STOPPED);
    signal(SIGALRM, SIG_DFL);
    engram_stop_clear(stop);
}

static void *set_after_a_moment(void *user)
{
    (void)user;
    usleep(200000);
    engram_stop_set(stop);
    return NULL;
}

/* Another thread stops a training, which saves and can be gone on with. */
static void training(void **state)
{
    (void)state;
    static const char *const long_settings[] = {"widths=4,8",       "items=10",  "epochs=100000", "batch=8",
                                                "calibration=0.25", "threads=1", "patience=0"};
    engram_train_job job = small_job("stopped.safetensors");
    pthread_t other;
    job.settings = long_settings;
    job.nsettings = 7;
    assert_int_equal(pthread_create(&other, NULL, set_after_a_moment, NULL), 0);
    assert_int_equal(engram_train(&job, &hooks, NULL, &error), ENGRAM_STOPPED);
    pthread_join(other, NULL);
    engram_stop_clear(stop);
    assert_true(exists("stopped.safetensors.train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_and_clear), cmocka_unit_test(scoring),   cmocka_unit_test(checking_data),
        cmocka_unit_test(evaluating),    cmocka_unit_test(reporting), cmocka_unit_test(measuring),
        cmocka_unit_test(training),
    };
    return cmocka_run_group_tests_name("stop", tests, begin, end);
}
