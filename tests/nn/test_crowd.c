/* Others on our cores: what is judged of how long threads waited, and that idle ones then sleep at once. */
#include "base/clock.h"
#include "nn/crowd.h"
#include "nn/parallel.h"
#include "support/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/* A look of 0.05 seconds of computing that begins at `now`, for a share of which threads wait. */
static double look(struct crowd *c, double now, double share)
{
    assert_true(crowd_opens(c, now));
    assert_false(crowd_opens(c, now)); /* one at a time */
    assert_true(crowd_closes(c, 0.05));
    assert_false(crowd_closes(c, 0.05));
    return crowd_judge(c, now + 0.05, 0.05 * share);
}

/* Looks from `now` on until something is found. */
static double find(struct crowd *c, double now)
{
    double hold = 0;
    for (int i = 0; hold <= 0; i++) {
        assert_true(i < 10);
        hold = look(c, now + 0.05 * i, 0.5);
    }
    return hold;
}

static void what_is_found_again_holds_for_longer(void **state)
{
    (void)state;
    struct crowd c = {0};
    double now = 10, first = find(&c, now);
    assert_true(first > 0.1 && c.quiet_until >= now + first);
    assert_false(crowd_opens(&c, c.quiet_until - 0.01));
    double second = find(&c, c.quiet_until), last = find(&c, c.quiet_until);
    for (int i = 0; i < 20; i++)
        last = find(&c, c.quiet_until);
    assert_true(second > first && last > second && last < 60);
    assert_true(look(&c, c.quiet_until, 0) <= 0 && c.hold <= 0); /* alone again: it is forgotten */
    assert_true(find(&c, c.quiet_until) <= first);
}

static void a_little_waiting_is_no_crowd(void **state)
{
    (void)state;
    struct crowd c = {0};
    assert_true(look(&c, 5, 0.02) <= 0);
    assert_false(crowd_opens(&c, 5.06)); /* looking costs a little, too */
    assert_true(look(&c, 6, 0.2) <= 0);  /* for once */
    assert_true(look(&c, 7, 0.02) <= 0 && look(&c, 8, 0.2) <= 0);
    assert_true(find(&c, 9) > 0);
}

static void short_computations_are_looked_at_together(void **state)
{
    (void)state;
    struct crowd c = {0};
    int n = 1;
    assert_true(crowd_opens(&c, 1));
    while (!crowd_closes(&c, 0.001)) {
        assert_false(crowd_opens(&c, 1 + 0.1 * n));
        assert_true(++n < 1000);
    }
    assert_true(n > 5 && c.computed > 0.005);
}

/* Before the first look none of ours spin, and after one that has found others they sleep. */
static void what_runs_is_suspected_while_ours_do_not(void **state)
{
    (void)state;
    struct crowd c = {0};
    assert_true(crowd_suspicion(&c) > 0);
    look(&c, 5, 0);
    assert_true(crowd_suspicion(&c) <= 0);
    double hold = find(&c, 6); /* at 6.15 */
    assert_true(crowd_suspicion(&c) > 0);
    assert_true(c.quiet_until + 0.01 < 6.15 + hold); /* the next look begins while they still sleep */
}

/* Pieces of a hundredth of a second are worth waking a thread for, those of a hundredth of that are not. */
static void brief_pieces_are_kept_alone(void **state)
{
    (void)state;
    struct crowd c = {0};
    crowd_note(&c, 0.002, 40);
    assert_false(crowd_keeps_alone(&c, 1)); /* nobody is there */
    find(&c, 10);
    assert_true(crowd_keeps_alone(&c, c.quiet_until - 0.01));
    assert_false(crowd_keeps_alone(&c, c.quiet_until + 0.01));
    crowd_note(&c, 0.4, 40);
    assert_false(crowd_keeps_alone(&c, c.quiet_until - 0.01));
    crowd_note(&c, 0.002, 0); /* nothing is shared */
    assert_false(crowd_keeps_alone(&c, c.quiet_until - 0.01));
    crowd_note(&c, 0.002, 40);
    assert_true(look(&c, c.quiet_until, 0) <= 0);
    assert_false(crowd_keeps_alone(&c, c.quiet_until - 0.01));
}

/* ---- the real thing ---- */

static atomic_bool leave;

static void *be_busy(void *unused)
{
    while (!atomic_load(&leave))
        ;
    return unused;
}

static int count_threads(void)
{
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    while (readdir(tasks))
        n++;
    closedir(tasks);
    return n - 2; /* . and .. */
}

static void turn(void *context, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        ((volatile float *)context)[i] *= 0.99f;
}

/* LLVM's OpenMP, where it is the one: for how many milliseconds idle threads spin. */
extern void kmp_set_blocktime(int milliseconds) __attribute__((weak));
extern int kmp_get_blocktime(void) __attribute__((weak));

enum { BLOCKTIME = 1 };

/* Whether idle threads sleep at once: LLVM's OpenMP is told so, libgomp finds itself with more threads than there are
 * cores, beside `others`. */
static bool idle_threads_sleep(int cores, int others)
{
    return kmp_get_blocktime ? kmp_get_blocktime() == 0 : count_threads() > cores + others;
}

/* A short computation; whether idle threads slept at once in it. */
static bool compute(int threads, int others)
{
    static float values[4096];
    unsigned before = parallel_begin(threads);
    for (int i = 0; i < 5; i++)
        parallel_ranges(threads, sizeof values / sizeof *values, 1, turn, values);
    bool sleep = idle_threads_sleep(threads, others);
    parallel_end(before);
    return sleep;
}

/* Beside as many others as there are cores, idle threads are made to sleep; alone they no longer are. What LLVM's
 * OpenMP had been told is left to the host, what libgomp got of threads has gone. */
static void others_are_noticed(void **state)
{
    (void)state;
    enum { MOST = 64 };
    pthread_t others[MOST];
    if (kmp_set_blocktime)
        kmp_set_blocktime(BLOCKTIME);
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    int cores = CPU_COUNT(&set);
    if (cores < 2 || cores > MOST)
        skip();
    for (int i = 0; i < cores; i++)
        assert_int_equal(pthread_create(&others[i], NULL, be_busy, NULL), 0);
    bool noticed = false;
    for (int i = 0; i < 100000 && !noticed; i++)
        noticed = compute(cores, cores);
    atomic_store(&leave, true);
    for (int i = 0; i < cores; i++)
        pthread_join(others[i], NULL);
    assert_true(noticed);
    bool still = true;
    for (double until = clock_seconds() + limit_of(60); still && clock_seconds() < until; usleep(10000))
        still = kmp_get_blocktime ? compute(cores, 0) : idle_threads_sleep(cores, 0);
    assert_false(still);
    if (kmp_get_blocktime)
        assert_int_equal(kmp_get_blocktime(), BLOCKTIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_again_holds_for_longer),
        cmocka_unit_test(a_little_waiting_is_no_crowd),
        cmocka_unit_test(short_computations_are_looked_at_together),
        cmocka_unit_test(what_runs_is_suspected_while_ours_do_not),
        cmocka_unit_test(brief_pieces_are_kept_alone),
        cmocka_unit_test(others_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
