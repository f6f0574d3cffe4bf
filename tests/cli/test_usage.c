/* Help, version, man page, completion; what is asked for wrongly; what can be listed without any data. */
#include "support.h"

#include "engram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void help_of_every_verb(void **state)
{
    static const char *const verbs[] = {"train", "score", "eval", "info", "models", "data", "demo", "bench", "help"};
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char words[80];
        snprintf(words, sizeof words, "%s --help", verbs[i]);
        struct ran r = run(words);
        assert_code(r, 0);
        assert_says(r.out, verbs[i]);
        assert_says(r.out, "--quiet");
        assert_says(r.out, "Examples:");
        assert_string_equal(r.err, "");
        snprintf(words, sizeof words, "help %s", verbs[i]);
        assert_code(run(words), 0);
    }
    assert_says(run("--help").out, "engram demo");
    assert_says(run("help").out, "score FILE DATA...");
}

static void help_shows_defaults(void **state)
{
    (void)state;
    assert_says(run("score --help").out, "(default 0.05)");
    struct ran r = run("train memae --help");
    assert_says(r.out, "--epochs N");
    assert_says(r.out, "cosine|dot");
    assert_says(r.out, "(default 200)");
    r = run("train ae --help");
    assert_null(strstr(r.out, "--similarity"));
}

static void version(void **state)
{
    (void)state;
    struct ran r = run("--version");
    assert_code(r, 0);
    assert_string_equal(r.out, "engram " ENGRAM_VERSION "\n");
}

static void man_and_completion_know_everything(void **state)
{
    (void)state;
    struct ran r = run("help --man");
    assert_code(r, 0);
    assert_says(r.out, ".TH ENGRAM 1");
    assert_says(r.out, "\\-\\-false\\-alarm\\-rate");
    assert_says(r.out, "\\-\\-shrink");
    r = run("help --completion bash");
    assert_says(r.out, "complete -o default -F _engram engram");
    assert_says(r.out, "--flip-h");
    write_file("completion", r.out, strlen(r.out));
    const struct how bash = {.program = "/bin/bash"};
    assert_code(run_how(&bash, "-n completion"), 0);
}

static void completion_completes(void **state)
{
    static const char script[] =
        "source ./completion\n"
        "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _engram; echo \"${COMPREPLY[*]}\"; }\n"
        "try engram tr\ntry engram train mem\ntry engram train memae x --shr\n"
        "try engram score x --format j\n";
    (void)state;
    struct ran r = run("help --completion bash");
    write_file("completion", r.out, strlen(r.out));
    write_file("script", script, strlen(script));
    r = run_how(&(struct how){.program = "/bin/bash"}, "script");
    assert_string_equal(r.out, "train\nmemae\n--shrink\njsonl\n");
}

static void colours_on_a_terminal(void **state)
{
    (void)state;
    const struct how colours = {.terminal = true, .environment = "TERM=xterm"};
    assert_says(run_how(&colours, "score none none").err, "\033[31merror: \033[0m");
    setenv("NO_COLOR", "1", 1);
    struct ran r = run_how(&colours, "score none none");
    unsetenv("NO_COLOR");
    assert_says(r.err, "engram: error: ");
    assert_null(strchr(r.err, '\033'));
    assert_null(strchr(run("score none none").err, '\033'));
}

static void unknown_words_bring_suggestions(void **state)
{
    (void)state;
    assert_refused(run("scroe x y"), 2, "did you mean 'score'?");
    assert_refused(run("train memea synth: -o x"), 2, "did you mean 'memae'?");
    assert_refused(run("train memae synth: -o x --set itmes=3"), 2, "did you mean 'items'?");
    assert_refused(run("train memae synth: -o x --epoch 3"), 2, "did you mean --epochs?");
    assert_refused(run("train memae synth: -o x --preset mnsit"), 2, "did you mean 'mnist'?");
    assert_refused(run("score --fromat csv x y"), 2, "did you mean --format?");
    assert_refused(run("models mema"), 2, "did you mean 'memae'?");
    assert_refused(run("frobnicate"), 2, "no verb 'frobnicate'");
    assert_false(exists("x"));
}

static void usage_mistakes(void **state)
{
    (void)state;
    assert_refused(run(""), 2, "engram demo");
    assert_refused(run("-q score"), 2, "verb comes first");
    assert_refused(run("score"), 2, "score FILE DATA");
    assert_refused(run("score only-one"), 2, "score FILE DATA");
    assert_refused(run("train memae synth:"), 2, "-o FILE");
    assert_refused(run("train memae synth: extra -o x"), 2, "'extra'");
    assert_refused(run("score a b --format xml"), 2, "csv|jsonl|text");
    assert_refused(run("score a b --false-alarm-rate 2"), 2, "from 0 to 1");
    assert_refused(run("score a b --batch 1.5"), 2, "whole number");
    assert_refused(run("score a b --npy"), 2, "--maps");
    assert_refused(run("score a b --batch"), 2, "--batch needs a value");
    assert_refused(run("score a b --strict=yes"), 2, "takes no value");
    assert_refused(run("score a b -z"), 2, "-z");
    assert_refused(run("train memae synth: -o x --set items"), 2, "NAME=VALUE");
    assert_refused(run("train memae synth: -o x --items 0"), 2, "option items takes a number from 1");
    assert_refused(run("train memae synth: -o x --similarity euclid"), 2, "cosine|dot");
    assert_refused(run("train ae synth: -o x --items 5"), 2, "neither model ae nor training");
    assert_refused(run("train memae synth:?siez=3 -o x"), 2, "siez");
    assert_refused(run("train memae synht: -o x"), 2, "synth");
    assert_false(exists("x"));
}

static void every_preset_and_option_is_one_of_one(void **state)
{
    (void)state;
    struct ran r = run("models memae --format csv");
    assert_code(r, 0);
    assert_string_equal(line_of(r.out, 0), "what,name,value,range,help");
    assert_says(r.out, "\npreset,mnist,");
    assert_says(r.out, "\noption,items,200,1 to 100000,");
    assert_says(r.out, "\"32,64,128,128\""); /* RFC 4180 */
    r = run("models");
    assert_says(r.out, "memae");
    assert_says(r.out, "Gong et al.");
    r = run("models --format jsonl");
    assert_says(r.out, "{\"name\":\"memae\",\"title\":\"");
}

static void stdout_that_takes_nothing(void **state)
{
    (void)state;
    const struct how full = {.out_file = "/dev/full"}, gone = {.reader_gone = true};
    struct ran r = run_how(&full, "models");
    assert_refused(r, 1, "standard output");
    assert_code(run_how(&full, "--help"), 1);
    r = run_how(&gone, "models");
    assert_code(r, 0);
    assert_string_equal(r.err, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_of_every_verb),
        cmocka_unit_test(help_shows_defaults),
        cmocka_unit_test(version),
        cmocka_unit_test(man_and_completion_know_everything),
        cmocka_unit_test(completion_completes),
        cmocka_unit_test(colours_on_a_terminal),
        cmocka_unit_test(unknown_words_bring_suggestions),
        cmocka_unit_test(usage_mistakes),
        cmocka_unit_test(every_preset_and_option_is_one_of_one),
        cmocka_unit_test(stdout_that_takes_nothing),
    };
    return cmocka_run_group_tests_name("cli: usage", tests, command_begin, folder_end);
}
