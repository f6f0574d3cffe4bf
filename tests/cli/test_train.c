/* engram train: what it writes, what it refuses, stopping and going on, full disks. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN "train memae " SMALL_DATA " " SMALL_FLAGS

/* The files are written every ten seconds and at the end: an epoch of milliseconds is kept, not saved. */
static void saved_is_said_of_what_is_on_disk(void **state)
{
    (void)state;
    struct ran r = run("train memae " SMALL_DATA " -o told.safetensors " SMALL_FLAGS);
    assert_code(r, 0);
    for (int i = 0; i < count_lines(r.err); i++)
        if (!strncmp(line_of(r.err, i), "epoch ", 6))
            assert_null(strstr(line_of(r.err, i), "saved"));
    assert_says(r.err, "kept");
    assert_true(exists("told.safetensors"));
}

static void writes_a_model_and_says_so(void **state)
{
    (void)state;
    struct ran r = run(TRAIN " -o a.safetensors");
    assert_code(r, 0);
    assert_string_equal(r.out, "");
    assert_says(r.err, "epoch 1/2  loss");
    assert_says(r.err, "epoch 2/2  loss");
    assert_says(r.err, "a.safetensors: epoch");
    assert_true(exists("a.safetensors"));
    assert_false(exists("a.safetensors.train"));
    assert_string_equal(run(TRAIN " -o quiet.safetensors -q").err, "");
    assert_true(same_files("a.safetensors", "quiet.safetensors"));
}

static void options_come_by_set_and_by_flag(void **state)
{
    (void)state;
    assert_code(run("train memae " SMALL_DATA
                    " -q -o set.safetensors --set widths=4,8 --set items=10 --set epochs=2 --set batch=8 -s "
                    "calibration=0.5"),
                0);
    assert_code(run(TRAIN " -q -o flag.safetensors"), 0);
    assert_true(same_files("set.safetensors", "flag.safetensors"));
    assert_code(run(TRAIN " -q -o later.safetensors --items=7 --items 5 --flip-h"), 0);
    struct ran r = run("info later.safetensors --format csv");
    assert_says(r.out, "options,items,5");
    assert_says(r.out, "training,flip_h,true");
    assert_says(r.out, "origin,date,1970-01-02");
}

/* What is trained when no model is named, and that a setting of it reaches it. */
static void begins_with_a_model_for_the_data(void **state)
{
    (void)state;
    static const char rows[] = "a,b,label\n1,2,good\n2,4,good\n3,6,good\n4,8,good\n5,10,good\n6,12,good\n";
    struct ran r = run("train " SMALL_DATA " -o begun.safetensors --size 32 --items 20 --folds 2");
    assert_code(r, 0);
    assert_says(r.err, "no model is named: features");
    assert_says(r.err, "begun.safetensors: fitted to");
    r = run("info begun.safetensors --format csv");
    assert_says(r.out, "options,items,20");
    assert_says(r.out, "options,net,own");
    assert_code(run("eval begun.safetensors " SMALL_DATA " --report begun.html"), 0);
    char *page = read_file("begun.html", NULL);
    assert_says(page, "<img");
    assert_says(page, "unlike what the model knows");
    free(page);
    write_file("rows.csv", rows, sizeof rows - 1);
    r = run("train rows.csv -o rows.safetensors --epochs 1");
    assert_code(r, 0);
    assert_says(r.err, "no model is named: memae");
    assert_says(run("info rows.safetensors --format csv").out, "input,columns,2");
    assert_refused(run("train features -o no.safetensors"), 2, "train features needs data to learn from");
    assert_refused(run("train " SMALL_DATA " -o no.safetensors --preset mnist"), 2, "no preset 'mnist'");
    assert_refused(run("train " SMALL_DATA " -o no.safetensors --set itmes=3"), 2, "did you mean 'items'?");
    assert_refused(run("train " SMALL_DATA " -o no.safetensors --shrink 3"), 2, "neither model features nor training");
}

static void looks_at_tiles_and_at_what_counts(void **state)
{
    (void)state;
    write_mask("roi.png", 96, 96, 10, 10, 50, 60);
    struct ran r =
        run("train memae synth:?n=40&test=6&size=48 -o tiles.safetensors --tile 16 --roi roi.png " SMALL_FLAGS);
    assert_code(r, 0);
    assert_says(r.err, "32.6 % of a picture counts");
    assert_says(r.err, "tiles of 16x16 pixels");
    r = run("info tiles.safetensors --format csv");
    assert_says(r.out, "input,height,48");
    assert_says(r.out, "input,tile,16");
    assert_says(r.out, "input,counted,750");
    assert_says(r.out, "training,roi,roi.png");
    r = run("score tiles.safetensors synth:?n=40&test=6&size=48 --maps maps");
    assert_code(r, 0);
    assert_int_equal(count_lines(r.out), 7);
    assert_code(run("eval tiles.safetensors synth:?n=40&test=6&size=48 --report tiles.html"), 0);
}

static void refuses_sizes_and_regions_that_are_none(void **state)
{
    (void)state;
    write_mask("black.png", 16, 16, 0, 0, 0, 0);
    assert_refused(run(TRAIN " -o no.safetensors --tile 8"), 2, "option tile takes 0");
    assert_refused(run(TRAIN " -o no.safetensors --square 64,32"), 2, "32 stands behind 64");
    assert_refused(run(TRAIN " -o no.safetensors --square 0,32"), 2, "at least 8 pixels");
    assert_refused(run(TRAIN " -o no.safetensors --square 7"), 2, "at least 8 pixels");
    assert_code(run(TRAIN " -o unsquared.safetensors --square 0 --epochs 1 -f"), 0); /* as files of before say it */
    assert_code(run("score unsquared.safetensors " SMALL_DATA), 0);
    assert_refused(run("train features synth:?n=40 -o no.safetensors --top 2.5"), 2, "2.5 is neither");
    assert_refused(run(TRAIN " -o no.safetensors --roi nosuch.png"), 1, "nosuch.png");
    assert_refused(run(TRAIN " -o no.safetensors --roi black.png"), 1, "white counts");
    assert_false(exists("no.safetensors"));
}

static void never_overwrites_without_force(void **state)
{
    (void)state;
    write_file("there.safetensors", "precious", 8);
    assert_refused(run(TRAIN " -o there.safetensors"), 1, "there.safetensors");
    size_t size;
    char *kept = read_file("there.safetensors", &size);
    assert_int_equal(size, 8);
    assert_memory_equal(kept, "precious", 8);
    free(kept);
    assert_code(run(TRAIN " -q -o there.safetensors --force"), 0);
    assert_code(run("info there.safetensors"), 0);
}

static void unwritable_output(void **state)
{
    (void)state;
    assert_refused(run(TRAIN " -o no/such/folder/a.safetensors"), 1, "no/such/folder/a.safetensors");
    assert_refused(run(TRAIN " -o ."), 1, "");
    assert_refused(run(TRAIN " -o /dev/full"), 1, "/dev/full");
}

/* A limit on the size of files does what a full disk does: writes come back short. */
static void full_disk_leaves_what_was_there(void **state)
{
    (void)state;
    const struct how full = {.limit_bytes = 2000};
    assert_refused(run_how(&full, TRAIN " -o none.safetensors"), 1, "none.safetensors");
    assert_false(exists("none.safetensors"));
    write_file("old.safetensors", "precious", 8);
    assert_refused(run_how(&full, TRAIN " -o old.safetensors --force"), 1, "old.safetensors");
    char *kept = read_file("old.safetensors", NULL);
    assert_string_equal(kept, "precious");
    free(kept);
    struct ran r = run_how(&(struct how){.program = "/bin/ls"}, "-A");
    assert_null(strstr(r.out, "tmp"));
}

#define LONG "train memae " SMALL_DATA " --widths 4,8 --items 10 --batch 8 --calibration 0.5 --epochs 400 --patience 0"

static void interrupted_and_resumed_is_the_same(void **state)
{
    (void)state;
    assert_code(run(LONG " -q -o whole.safetensors"), 0);
    const struct how interrupt = {.interrupt = "stderr:epoch 20/"};
    struct ran r = run_how(&interrupt, LONG " -o parts.safetensors");
    assert_code(r, 130);
    assert_says(r.err, "--resume");
    assert_true(exists("parts.safetensors.train"));
    assert_refused(run(LONG " -o parts.safetensors"), 1, "parts.safetensors");
    assert_code(run_how(&(struct how){.interrupt = "stderr:epoch 150/"}, LONG " -o parts.safetensors --resume"), 130);
    assert_code(run(LONG " -q -o parts.safetensors --resume"), 0);
    assert_true(same_files("whole.safetensors", "parts.safetensors"));
    assert_false(exists("parts.safetensors.train"));
}

static void progress_bar_on_a_terminal(void **state)
{
    (void)state;
    const struct how terminal = {.terminal = true, .environment = "TERM=xterm"};
    struct ran r = run_how(&terminal, LONG " -o bar.safetensors");
    assert_code(r, 0);
    assert_says(r.err, "\repoch ");
    assert_says(r.err, "[=");
    assert_says(r.err, " left");
    assert_says(r.err, "epoch 400/400  loss");
    const struct how dumb = {.terminal = true, .environment = "TERM=dumb"};
    assert_null(strstr(run_how(&dumb, TRAIN " -o dumb.safetensors").err, "[="));
    assert_null(strchr(run_how(&terminal, TRAIN " -o silent.safetensors -q").err, 'e'));
}

static void nothing_to_resume(void **state)
{
    (void)state;
    assert_refused(run(TRAIN " -o fresh.safetensors --resume"), 1, "fresh.safetensors");
    assert_false(exists("fresh.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_is_said_of_what_is_on_disk),  cmocka_unit_test(writes_a_model_and_says_so),
        cmocka_unit_test(options_come_by_set_and_by_flag),   cmocka_unit_test(begins_with_a_model_for_the_data),
        cmocka_unit_test(looks_at_tiles_and_at_what_counts), cmocka_unit_test(refuses_sizes_and_regions_that_are_none),
        cmocka_unit_test(never_overwrites_without_force),    cmocka_unit_test(unwritable_output),
        cmocka_unit_test(full_disk_leaves_what_was_there),   cmocka_unit_test(interrupted_and_resumed_is_the_same),
        cmocka_unit_test(progress_bar_on_a_terminal),        cmocka_unit_test(nothing_to_resume),
    };
    return cmocka_run_group_tests_name("cli: train", tests, command_begin, folder_end);
}
