/* Help, version, man page, completion; what is asked for wrongly; what can be listed without any data. */
#include "support.h"

#include "engram.h"
#include "support/within.h"

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

static void man_knows_everything(void **state)
{
    (void)state;
    struct ran r = run("help --man");
    assert_code(r, 0);
    assert_says(r.out, ".TH ENGRAM 1");
    assert_says(r.out, "\\-\\-false\\-alarm\\-rate");
    assert_says(r.out, "\\-\\-files\\-from");
    assert_says(r.out, "\\-\\-shrink");
    assert_says(r.out, "4 done but for some samples");
}

/* Every verb and every flag, choices, models. Where the shell is there, it has to take the script. */
static void check_completion(const char *shell, const char *flag)
{
    char words[80], program[80];
    snprintf(words, sizeof words, "help --completion %s", shell);
    struct ran r = run(words);
    assert_code(r, 0);
    char what[80];
    static const char *const names[] = {"false-alarm-rate", "files-from", "flip-h", "shrink", "verbose"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(what, sizeof what, flag, names[i]);
        assert_says(r.out, what);
    }
    assert_says(r.out, "csv jsonl text");
    assert_says(r.out, "memae ae");
    assert_says(r.out, "train");
    snprintf(program, sizeof program, "/usr/bin/%s", shell);
    write_file("completion", r.out, strlen(r.out));
    if (!exists(program)) {
        print_message("%s is not installed: nobody has read its completion script\n", shell);
        skip();
    }
    r = run_how(&(struct how){.program = program}, "-n completion");
    assert_code(r, 0);
    assert_string_equal(r.err, "");
}

static void completion_of_bash(void **state)
{
    (void)state;
    check_completion("bash", " --%s");
}

static void completion_of_zsh(void **state)
{
    (void)state;
    check_completion("zsh", "--%s");
}

static void completion_of_fish(void **state)
{
    (void)state;
    check_completion("fish", "-l %s");
}

static void completion_completes(void **state)
{
    static const char script[] =
        "source ./completion\n"
        "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _engram; echo \"${COMPREPLY[*]}\"; }\n"
        "try engram tr\ntry engram train mem\ntry engram train memae x --shr\n"
        "try engram score x --format j\ntry engram -q tr\ntry engram -q models mem\n";
    (void)state;
    struct ran r = run("help --completion bash");
    write_file("completion", r.out, strlen(r.out));
    write_file("script", script, strlen(script));
    r = run_how(&(struct how){.program = "/bin/bash"}, "script");
    assert_string_equal(r.out, "train\nmemae\n--shrink\njsonl\ntrain\nmemae\n");
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
    assert_refused(run("--format csv models"), 2, "a verb's own flags stand behind it");
    assert_refused(run("-o x train"), 2, "no flag -o; a verb's own flags stand behind it");
    assert_refused(run("-q"), 2, "engram demo");
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

/* What another verb takes is no flag of this one, in parsing and in help. */
static void flags_belong_to_their_verb(void **state)
{
    (void)state;
    assert_refused(run("info x --maps d"), 2, "info has no flag --maps");
    assert_refused(run("score a b --report r"), 2, "score has no flag --report");
    assert_refused(run("eval a b --npy"), 2, "eval has no flag --npy");
    assert_refused(run("data --resume"), 2, "data has no flag --resume");
    assert_refused(run("train memae synth: -o x --profile"), 2, "train has no flag --profile");
    assert_refused(run("bench -o x"), 2, "bench has no flag -o");
    assert_null(strstr(run("info --help").out, "--maps"));
    assert_null(strstr(run("bench --help").out, "-o, --output"));
    assert_false(exists("x"));
}

static void flags_of_every_verb_stand_before_it_too(void **state)
{
    (void)state;
    assert_string_equal(run("-q train memae " SMALL_DATA " -o quiet.safetensors " SMALL_FLAGS).err, "");
    assert_string_equal(run("--quiet score quiet.safetensors " SMALL_DATA " -r 1").err, "");
    assert_says(run("-v models").err, "exit code 0");
    assert_says(run("models --verbose").err, "exit code 0");
    assert_string_equal(run("models").err, "");
    assert_says(run("-h models").out, "engram models [MODEL]");
    assert_says(run("models --version").out, "engram ");
}

/* One rule for all verbs: csv in a pipe. */
static void rows_are_csv_in_a_pipe(void **state)
{
    (void)state;
    small_model();
    assert_string_equal(line_of(run("models").out, 0), "name,title,paper");
    assert_string_equal(line_of(run("info small.safetensors").out, 0), "section,name,value");
    assert_string_equal(line_of(run("data " SMALL_DATA " --list").out, 0), "part,name,path,index,kind,anomalous");
    assert_string_equal(line_of(run("score small.safetensors " SMALL_DATA " -q").out, 0),
                        "path,index,score,p_value,anomalous,error");
    assert_string_equal(line_of(run("eval small.safetensors " SMALL_DATA " -q").out, 0), "model,metric,kind,value");
    assert_says(run("bench --preset mnist --batch 1 --repeat 1 --profile").out, "layer,operation,");
}

static void rows_are_text_on_a_terminal(void **state)
{
    (void)state;
    small_model();
    const struct how terminal = {.out_terminal = true};
    assert_says(run_how(&terminal, "models").out, "name           title  "); /* as wide as skip-ganomaly */
    assert_says(run_how(&terminal, "info small.safetensors").out, "section ");
    struct ran r = run_how(&terminal, "score small.safetensors " SMALL_DATA " -q");
    assert_says(r.out, "anomalous  error");
    assert_int_equal(count_lines(r.out), 13);
    assert_says(run_how(&terminal, "models --format csv").out, "name,title,paper");
}

static size_t widest_line(const char *text)
{
    size_t widest = 0;
    for (; *text; text += strcspn(text, "\n") + 1)
        widest = strcspn(text, "\n") > widest ? strcspn(text, "\n") : widest;
    return widest;
}

static void tables_fit_the_screen(void **state)
{
    (void)state;
    struct ran r = run("models memae --format text");
    assert_code(r, 0);
    assert_within(widest_line(r.out), 60, 80);
    assert_says(r.out, "\nitems ");
    assert_says(r.out, "\nmnist ");
    r = run_how(&(struct how){.environment = "COLUMNS=120"}, "models memae --format text");
    assert_within(widest_line(r.out), 100, 120);
    r = run_how(&(struct how){.environment = "COLUMNS=10"}, "models --format text");
    assert_within(widest_line(r.out), 60, 80); /* nobody's screen */
    r = run_how(&(struct how){.out_terminal = true}, "models memae");
    assert_within(widest_line(r.out), 81, 101); /* the terminal's CR */
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
    r = run("models --format text");
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
        cmocka_unit_test(man_knows_everything),
        cmocka_unit_test(completion_of_bash),
        cmocka_unit_test(completion_of_zsh),
        cmocka_unit_test(completion_of_fish),
        cmocka_unit_test(completion_completes),
        cmocka_unit_test(colours_on_a_terminal),
        cmocka_unit_test(unknown_words_bring_suggestions),
        cmocka_unit_test(usage_mistakes),
        cmocka_unit_test(flags_belong_to_their_verb),
        cmocka_unit_test(flags_of_every_verb_stand_before_it_too),
        cmocka_unit_test(rows_are_csv_in_a_pipe),
        cmocka_unit_test(rows_are_text_on_a_terminal),
        cmocka_unit_test(tables_fit_the_screen),
        cmocka_unit_test(every_preset_and_option_is_one_of_one),
        cmocka_unit_test(stdout_that_takes_nothing),
    };
    return cmocka_run_group_tests_name("cli: usage", tests, command_begin, folder_end);
}
