/* engram bench. */
#include "support.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

static void assert_line(const char *text, const char *pattern)
{
    regex_t r;
    assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
    if (regexec(&r, text, 0, NULL, 0))
        fail_msg("no line '%s' in:\n%s", pattern, text);
    regfree(&r);
}

static void prints_one_line(void **state)
{
    (void)state;
    struct ran r = run("bench memae --preset mnist --batch 4 --threads 1 --repeat 3");
    assert_code(r, 0);
    assert_line(r.out,
                "^mnist f32 score batch 4, 1 threads: [0-9.]+ ms, [0-9.]+ samples/s, [0-9]+ MB, [0-9]+ parameters$");
    r = run("bench ae --train --widths 4,8 --size 16 --channels 1 --batch 2 --threads 1 --repeat 1");
    assert_code(r, 0);
    assert_line(r.out, "^ae f32 train batch 2, 1 threads: ");
    r = run("bench memae --preset kdd --columns 120 --train --batch 8 --threads 1 --repeat 2");
    assert_code(r, 0);
    assert_line(r.out, "^kdd f32 train batch 8, 1 threads: .*, 19133 parameters$");
}

static void a_profile_has_every_operation(void **state)
{
    (void)state;
    struct ran r = run("bench --preset mnist --train --batch 4 --threads 1 --repeat 2 --profile --format csv");
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "layer,operation,pass,ms,share,gflops,of_peak,mb");
    assert_line(r.err, "mnist f32 train batch 4, 1 threads: ");
    assert_line(r.out, "^enc.0,conv,forward,[0-9.]+,");
    assert_line(r.out, "^dec.2,deconv,backward,[0-9.]+,");
    assert_line(r.out, "^memory,memory attend,forward,[0-9.]+,");
    assert_line(r.out, "^,adam,backward,[0-9.]+,");
    assert_line(r.err, "GFLOP/s in registers");
}

/* OpenMP binds the first thread to a core of its own, which is not the only one. In a build with clang libgomp, which
 * oneDNN brings, does so before LLVM's OpenMP looks how many there are: that is said. */
static void bound_threads_are_as_many(void **state)
{
    (void)state;
    static char words[] = "bench memae --preset mnist --batch 4 --repeat 1";
    int free = 0, bound = 0;
    assert_int_equal(sscanf(run(words).out, "mnist f32 score batch 4, %d threads", &free), 1);
    const struct how how = {.environment = "OMP_PROC_BIND=true"};
    struct ran r = run_how(&how, words);
    assert_int_equal(sscanf(r.out, "mnist f32 score batch 4, %d threads", &bound), 1);
    if (bound < free)
        assert_line(r.err, "OMP_PROC_BIND leaves one processor core");
#ifndef __clang__
    assert_int_equal(bound, free);
#endif
}

static void mistakes_are_said(void **state)
{
    (void)state;
    assert_refused(run("bench nothing"), 2, "no model 'nothing'");
    assert_refused(run("bench memae --preset nothing"), 2, "no preset 'nothing'");
    assert_refused(run("bench memae --repeat 0"), 2, "repeat");
    assert_refused(run("bench memae --widths 8 --decoder 8"), 2, "decoder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_one_line),
        cmocka_unit_test(a_profile_has_every_operation),
        cmocka_unit_test(bound_threads_are_as_many),
        cmocka_unit_test(mistakes_are_said),
    };
    return cmocka_run_group_tests_name("cli: bench", tests, command_begin, folder_end);
}
