/* engram add. */
#include "support.h"
#include "support/nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA "synth:?n=12&test=4&size=32"

static void fitted(const char *name)
{
    char words[300];
    net_write("squeezenet1_1", "net");
    snprintf(words, sizeof words,
             "train features " DATA " -o %s --force --backbone net --net-layers 3 --items 20 "
             "--components 8 --folds 3 --batch 4 --threads 1",
             name);
    assert_code(run(words), 0);
}

static void more_is_added(void **state)
{
    (void)state;
    fitted("part");
    struct ran r = run("add part synth:?n=5&size=32 -o more --threads 1");
    assert_code(r, 0);
    assert_says(r.err, "more: 5 samples added");
    assert_says(r.err, "fitted to 17 in all; 5 more calibrate it");
    assert_says(run("info more --format csv").out, "calibration,samples,17");
    assert_code(run("score more " DATA), 0);
    assert_code(run("add part " DATA " --force --threads 1"), 0);
    assert_says(run("info part --format csv").out, "calibration,samples,24");
}

static void mistakes_are_said(void **state)
{
    (void)state;
    fitted("part");
    small_model();
    assert_refused(run("add part " DATA), 2, "--force to replace part");
    assert_refused(run("add part"), 2, "DATA");
    assert_refused(run("add part " DATA " -o part"), 1, "exists");
    assert_refused(run("add part nowhere -o new"), 1, "nowhere");
    assert_refused(run("add nowhere " DATA " -o new"), 1, "nowhere");
    char words[200];
    snprintf(words, sizeof words, "add %s " SMALL_DATA " -o new", small_model());
    assert_refused(run(words), 2, "trained in epochs");
    assert_false(exists("new"));
}

/* It was fitted: how steps are taken is no matter of its report. */
static void its_report_has_no_steps(void **state)
{
    (void)state;
    fitted("part");
    assert_code(run("eval part " DATA " --report part.html --threads 1"), 0);
    char *page = read_file("part.html", NULL);
    assert_says(page, ">calibration</dt>");
    assert_null(strstr(page, ">lr</dt>"));
    assert_null(strstr(page, ">epochs</dt>"));
    free(page);
    small_model();
    assert_code(run("eval small.safetensors " SMALL_DATA " --report small.html --threads 1"), 0);
    page = read_file("small.html", NULL);
    assert_says(page, ">lr</dt>");
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_is_added),
        cmocka_unit_test(mistakes_are_said),
        cmocka_unit_test(its_report_has_no_steps),
    };
    return cmocka_run_group_tests_name("cli: add", tests, command_begin, folder_end);
}
