/* Memory needed, as an answer without a plan, against what plans then hold. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static engram_error error;

static size_t train_memory(const engram_train_job *job)
{
    size_t bytes = 0;
    if (engram_train_memory(job, &bytes, &error))
        fail_msg("%s", error.message);
    return bytes;
}

/* What is said before is what the training holds, to the byte. */
static void trainings(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"memae", "widths=4,8", "items=10", "batch=8"},
        {"memae", "widths=8,16,16", "items=50", "batch=16"},
        {"ae", "widths=4,8", "size=24", "batch=8"},
        {"ae", "widths=16", "precision=f32", "batch=5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const settings[] = {cases[i][1], cases[i][2], cases[i][3], "epochs=1"};
        engram_train_job job = small_job("measured.safetensors");
        engram_train_summary summary = ENGRAM_TRAIN_SUMMARY_INIT;
        job.model = cases[i][0];
        job.settings = settings;
        job.nsettings = 4;
        job.force = 1;
        size_t bytes = train_memory(&job);
        assert_int_equal(engram_train(&job, NULL, &summary, &error), 0);
        assert_int_equal(bytes, summary.bytes);
    }
}

/* A scorer of the model's own score computes in what a bench of the same net in scoring does. */
static void scorers(void **state)
{
    (void)state;
    static const char *const batches[] = {"batch=1", "batch=7", "batch=64"};
    for (int i = 0; i < 3; i++) {
        const char *const net[] = {"widths=4,8", "items=10", "size=16", "channels=1", "threads=1", batches[i]};
        const char *const scorer[] = {"threads=1", "score=model", batches[i]};
        engram_bench_job job = ENGRAM_BENCH_JOB_INIT;
        engram_bench_summary summary = ENGRAM_BENCH_SUMMARY_INIT;
        size_t bytes = 0;
        job.model = "memae";
        job.settings = net;
        job.nsettings = 6;
        job.repeat = 1;
        assert_int_equal(engram_bench(&job, NULL, &summary, NULL, NULL, &error), 0);
        assert_int_equal(engram_model_memory(model, scorer, 3, &bytes, &error), 0);
        assert_int_equal(bytes, summary.bytes);
    }
}

/* More than the process may have is a number all the same. */
static void more_than_there_is(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* the sanitiser takes address space by the terabyte */
#endif
    static const char *const settings[] = {"widths=16,32", "size=512", "batch=65536", "threads=1"};
    engram_train_job job = small_job("never.safetensors");
    struct rlimit before, small;
    job.data = "synth:?n=100000&test=1&size=16";
    job.model = "ae";
    job.settings = settings;
    job.nsettings = 4;
    job.output = NULL;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)4 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    size_t bytes = train_memory(&job);
    setrlimit(RLIMIT_AS, &before);
    assert_true(bytes > (size_t)100 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trainings),
        cmocka_unit_test(scorers),
        cmocka_unit_test(more_than_there_is),
    };
    return cmocka_run_group_tests_name("memory", tests, model_begin, model_end);
}
