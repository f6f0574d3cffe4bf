/* Ctrl-C and SIGTERM in every phase of every verb that takes long: it ends soon, by itself, with nothing half written,
 * and says so with its exit code. Phases are known by --verbose, which says what begins. */
#include "support.h"

#include "support/limits.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* What it says that waited some seconds in vain for what was in hand. */
#define HUNG "stopped, although what was in hand did not end"
/* Hours of work, if nobody stops it. */
#define MANY "synth:?n=200000&test=200000&size=64"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Ends by itself within some seconds of the first signal. */
static struct ran stopped_in(const char *phase, int signal, const char *words)
{
    const struct how how = {.interrupt = phase, .signal = signal};
    double began = seconds();
    struct ran r = run_how(&how, words);
    assert_code(r, 128 + signal);
    assert_int_equal(r.killed, 0);
    assert_true(seconds() - began < limit_of(30));
    return r;
}

static void checking_data(void **state)
{
    (void)state;
    struct ran r = stopped_in("stderr:] checking", SIGINT, "data " MANY " -v");
    assert_null(strstr(r.err, "error"));
    stopped_in("stderr:] checking", SIGTERM, "data " MANY " -v");
}

/* Nothing is there yet to go on with, and nothing says that there is. */
static void checking_before_training(void **state)
{
    (void)state;
    struct ran r =
        stopped_in("stderr:] looking at", SIGINT, "train memae synth:?n=8000&size=256 -v -o checked.safetensors");
    assert_null(strstr(r.err, "--resume"));
    /* The check itself is stopped in tests/api; here a machine that is slow may be given up, which says so, too. */
    assert_true(strstr(r.err, "the check was stopped") || strstr(r.err, HUNG));
    assert_false(exists("checked.safetensors"));
    assert_false(exists("checked.safetensors.train"));
}

static void training(void **state)
{
    (void)state;
    struct ran r = stopped_in("stderr:] training", SIGTERM,
                              "train memae synth:?n=400&size=64 --epochs 4000 -v -o stopped.safetensors");
    assert_says(r.err, "--resume");
    assert_true(exists("stopped.safetensors.train"));
}

static void scoring(void **state)
{
    (void)state;
    small_model();
    struct ran r = stopped_in("stderr:] scoring", SIGTERM, "score small.safetensors " MANY " -v");
    assert_int_equal(r.out[strlen(r.out) - 1], '\n');
}

static void evaluating(void **state)
{
    (void)state;
    small_model();
    struct ran r =
        stopped_in("stderr:] evaluating", SIGINT, "eval small.safetensors " MANY " -v --report stopped.html");
    assert_string_equal(r.out, "");
    assert_false(exists("stopped.html"));
}

static void benchmarking(void **state)
{
    (void)state;
    stopped_in("stderr:] timing", SIGINT, "bench memae --preset cifar10 --train --repeat 100000 -v");
    stopped_in("stderr:] timing", SIGINT, "bench memae --preset cifar10 --repeat 100000 --profile -v");
}

/* A pipe that nobody writes to: no step ends, so nothing looks at the wish to stop. One signal has to do. */
static void a_pipe_that_hangs(void **state)
{
    (void)state;
    small_model();
    if (!exists("pipe"))
        assert_int_equal(mkfifo("pipe", 0600), 0);
    struct ran r = stopped_in("stderr:] reading", SIGTERM, "score small.safetensors --files-from pipe -v");
    assert_says(r.err, HUNG);
    stopped_in("stderr:] reading", SIGINT, "score small.safetensors --files-from pipe -v");
}

/* The first signal waits some seconds for the end of what is in hand, the second does not. */
static void the_second_kills(void **state)
{
    (void)state;
    small_model();
    if (!exists("pipe"))
        assert_int_equal(mkfifo("pipe", 0600), 0);
    const struct how twice = {.interrupt = "stderr:] reading",
                              .interrupts = 100}; /* two that arrive together are one */
    struct ran r = run_how(&twice, "score small.safetensors --files-from pipe -v");
    assert_int_equal(r.killed, SIGINT);
    assert_code(r, 130);
}

/* ---- where signals arrive ---- */

/* Whether a thread lets any of the signals that stop a command in. */
static bool lets_in(pid_t pid, const char *task)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    char path[100], line[200];
    unsigned long long blocked = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", (int)pid, task);
    FILE *status = fopen(path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        sscanf(line, "SigBlk: %llx", &blocked);
    fclose(status);
    for (int i = 0; i < 4; i++)
        if (!(blocked >> (stops[i] - 1) & 1))
            return true;
    return false;
}

/* Hundredths of a second that a thread has computed, its own work and the system's for it. */
static long ticks_of(pid_t pid, const char *task)
{
    char path[100], text[500] = "";
    long user = -1, system = -1;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, task);
    FILE *stat = fopen(path, "r");
    assert_non_null(stat);
    assert_non_null(fgets(text, sizeof text, stat));
    fclose(stat);
    assert_int_equal(
        sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system), 2);
    return user + system;
}

/* One thread lets signals in, and it is not the first, which computes, nor has computed. */
static void one_idle_thread_lets_in(pid_t pid)
{
    char path[100];
    int tasks = 0, open = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        tasks++;
        if (!lets_in(pid, entry->d_name))
            continue;
        open++;
        assert_int_not_equal(atoi(entry->d_name), pid);
        assert_true(ticks_of(pid, entry->d_name) == 0);
    }
    closedir(folder);
    assert_true(tasks > 2);
    assert_int_equal(open, 1);
}

/* oneDNN's generated code borrows the stack's register: a handler that ran in a thread that computes would write into
 * the heap. */
static void signals_keep_away_from_computing(void **state)
{
    (void)state;
    const struct how how = {.interrupt = "stderr:epoch 1/", .look = one_idle_thread_lets_in};
    assert_code(run_how(&how, "train memae synth:?n=400&size=64 --epochs 4000 --threads 2 -o signals.safetensors"),
                130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checking_data),
        cmocka_unit_test(checking_before_training),
        cmocka_unit_test(training),
        cmocka_unit_test(scoring),
        cmocka_unit_test(evaluating),
        cmocka_unit_test(benchmarking),
        cmocka_unit_test(a_pipe_that_hangs),
        cmocka_unit_test(the_second_kills),
        cmocka_unit_test(signals_keep_away_from_computing),
    };
    return cmocka_run_group_tests_name("cli: stopping", tests, command_begin, folder_end);
}
