/* Option tables: every default is one that the option takes, options read back what they write, linked tables stand in
 * their place, choices are in the order of their enum, presets fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/option.h"
#include "file/train_config.h"
#include "models/autoencoder.h"
#include "models/backbone.h"
#include "models/features.h"
#include "models/framenet.h"
#include "models/unet.h"

#include <stdlib.h>
#include <string.h>

static void check_table(const struct option *table, size_t bytes)
{
    unsigned char *values = calloc(1, bytes), *again = calloc(1, bytes);
    assert_true(values && again);
    options_default(table, values);
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        struct err e = ERR_INIT;
        char text[OPTION_TEXT];
        assert_int_equal(options_set(table, again, "a table", row.name, row.value, &e), 0);
        assert_true(option_format(&row, values, text, sizeof text) < (int)sizeof text);
        assert_int_equal(options_set(table, again, "a table", row.name, text, &e), 0);
        assert_true(row.help && *row.help && row.help[strlen(row.help) - 1] != '.');
    }
    assert_memory_equal(values, again, bytes);
    free(values);
    free(again);
}

static void defaults_are_taken_and_read_back(void **state)
{
    (void)state;
    check_table(train_options, sizeof(struct train_config));
    for (int i = 0; models[i]; i++)
        check_table(models[i]->options, models[i]->config_bytes);
}

static void presets_fit_their_model(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++)
        for (const struct preset *p = models[i]->presets; p->name; p++) {
            struct err e = ERR_INIT;
            struct train_config train;
            void *config = calloc(1, models[i]->config_bytes);
            assert_non_null(config);
            assert_int_equal(options_parse(models[i]->options, config, "a model", p->model, ' ', &e), 0);
            free(config);
            options_default(train_options, &train);
            assert_int_equal(options_parse(train_options, &train, "training", p->run, ' ', &e), 0);
        }
}

struct numbers {
    double number;
    struct ints the_list;
};

#define OPTIONS_OF struct numbers
// clang-format off
static const struct option sample_options[] = {
    ROW_FLOAT(number, "1", 0, 10, "a number"),
    ROW_INTS(the_list, "1,2", 1, 9, "a list"),
    {0}};
// clang-format on
#undef OPTIONS_OF

struct holder {
    bool first;
    struct numbers one, two;
    int64_t last;
};

#define OPTIONS_OF struct holder
// clang-format off
static const struct option holder_options[] = {
    ROW_BOOL(first, "true", "what comes first"),
    ROW_TABLE(sample_options, two),
    ROW_INT(last, "7", 0, 9, "what comes last"),
    {0}};
// clang-format on
#undef OPTIONS_OF

struct outermost {
    char pad[24];
    struct holder holder;
};

#define OPTIONS_OF struct outermost
static const struct option outermost_options[] = {ROW_TABLE(holder_options, holder), {0}};

static void a_linked_table_stands_in_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset;
    } want[] = {
        {"first", offsetof(struct outermost, holder.first)},
        {"number", offsetof(struct outermost, holder.two.number)},
        {"the_list", offsetof(struct outermost, holder.two.the_list)},
        {"last", offsetof(struct outermost, holder.last)},
    };
    struct option row;
    size_t n = 0;
    for (; option_at(outermost_options, n, &row); n++) {
        assert_true(n < sizeof want / sizeof *want);
        assert_string_equal(row.name, want[n].name);
        assert_int_equal(row.offset, want[n].offset);
    }
    assert_int_equal(n, 4);
    check_table(outermost_options, sizeof(struct outermost));

    struct outermost o;
    struct err e = ERR_INIT;
    memset(&o, 0, sizeof o);
    options_default(outermost_options, &o);
    assert_true(o.holder.first && o.holder.two.number == 1 && o.holder.two.the_list.n == 2 && o.holder.last == 7);
    assert_true(o.holder.one.number == 0 && o.holder.one.the_list.n == 0);
    assert_int_equal(options_parse(outermost_options, &o, "a table", "number=3 last=2 the_list=5", ' ', &e), 0);
    assert_true(o.holder.two.number == 3 && o.holder.last == 2 && o.holder.two.the_list.v[0] == 5);
    assert_int_equal(options_set(outermost_options, &o, "a table", "middle", "1", &e), ERR_USAGE);
    assert_non_null(strstr(e.msg, "first, number, the_list, last"));
}

/* Every choice: its words, and what its field is for each of them, which is the enum's order. Enums that a file keeps
 * to itself stand here as numbers. */
static const struct choice {
    const char *name, *words;
    int values[5];
} choices[] = {
    {"activation", "relu|leaky|tanh", {HIDDEN_RELU, HIDDEN_LEAKY, HIDDEN_TANH}},
    {"activation", "relu|leaky", {0, 1}},
    {"activation", "leaky|relu", {UNET_LEAKY, UNET_RELU}},
    {"output", "linear|tanh|sigmoid", {OUTPUT_LINEAR, OUTPUT_TANH, OUTPUT_SIGMOID}},
    {"output", "tanh|linear|sigmoid", {UNET_TANH, UNET_LINEAR, UNET_SIGMOID}},
    {"init", "uniform|normal", {WEIGHTS_UNIFORM, WEIGHTS_NORMAL}},
    {"query", "whole|position", {0, 1}},
    {"similarity", "cosine|dot", {SIM_COSINE, SIM_DOT}},
    {"fallback", "best|zero", {FALLBACK_BEST, FALLBACK_ZERO}},
    {"net",
     BACKBONE_NAMES,
     {BACKBONE_AUTO, BACKBONE_SQUEEZENET1_1, BACKBONE_RESNET18, BACKBONE_WIDE_RESNET50_2, BACKBONE_OWN}},
    {"input", "set|imagenet", {0, 1}},
    {"head", "bank|gaussian|positions|pictures", {HEAD_BANK, HEAD_GAUSSIAN, HEAD_POSITIONS, HEAD_PICTURES}},
    {"adversarial", "features|verdict", {0, 1}},
    {"distance", "l2|l1", {0, 1}},
    {"judged", "features|verdict", {0, 1}},
    {"error", "squared|absolute", {ERROR_SQUARED, ERROR_ABSOLUTE}},
    {"task", "auto|predict|rebuild", {TASK_AUTO, TASK_PREDICT, TASK_REBUILD}},
    {"scaling", "standard|minmax|none", {SCALE_STANDARD, SCALE_MINMAX, SCALE_NONE}},
    {"categories", "standard|plain", {CATEGORIES_STANDARD, CATEGORIES_PLAIN}},
    {"missing", "error|mean|median", {MISSING_ERROR, MISSING_MEAN, MISSING_MEDIAN}},
    {"made_kind", "shapes|cuts|blends|mixed", {MADE_SHAPES, MADE_CUTS, MADE_BLENDS, MADE_MIXED}},
    {"precision", "f32|bf16|auto", {PRECISION_F32, PRECISION_BF16, PRECISION_AUTO}},
    {"range", "-1..1|0..1", {RANGE_SYMMETRIC, RANGE_UNIT}},
    {"keep", "best|last", {KEEP_BEST, KEEP_LAST}},
    {"score", "model|map", {BY_MODEL, BY_MAP}},
    {"aligned", "auto|yes|no", {ALIGNED_AUTO, ALIGNED_YES, ALIGNED_NO}},
};

static const struct choice *choice_of(const struct option *row)
{
    for (size_t k = 0; k < sizeof choices / sizeof *choices; k++)
        if (!strcmp(choices[k].name, row->name) && !strcmp(choices[k].words, row->choices))
            return &choices[k];
    fail_msg("option %s with the choices %s is not in this test's list", row->name, row->choices);
    return NULL;
}

static void check_choices(const struct option *table, size_t bytes)
{
    int *values = calloc(1, bytes);
    assert_non_null(values);
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        if (row.type != OPTION_CHOICE)
            continue;
        const struct choice *c = choice_of(&row);
        const char *word = c->words;
        for (int k = 0; *word; k++) {
            char text[32] = "";
            size_t n = strcspn(word, "|");
            struct err e = ERR_INIT;
            memcpy(text, word, n);
            assert_int_equal(options_set(table, values, "a table", row.name, text, &e), 0);
            assert_int_equal(values[row.offset / sizeof(int)], c->values[k]);
            word += n + (word[n] == '|');
        }
    }
    free(values);
}

static void choices_are_in_the_order_of_their_enum(void **state)
{
    (void)state;
    check_choices(train_options, sizeof(struct train_config));
    for (int i = 0; models[i]; i++)
        check_choices(models[i]->options, models[i]->config_bytes);
}

/* A double would round them. */
static void whole_numbers_keep_every_digit(void **state)
{
    (void)state;
    static const char *const seeds[] = {"9007199254740993", "1234567890123456789", "9223372036854775807", "12"};
    struct train_config train;
    struct option row;
    struct err e = ERR_INIT;
    options_default(train_options, &train);
    assert_true(option_find(train_options, "seed", &row));
    for (int i = 0; i < 4; i++) {
        char text[OPTION_TEXT];
        assert_int_equal(options_set(train_options, &train, "training", "seed", seeds[i], &e), 0);
        assert_int_equal(train.seed, strtoll(seeds[i], NULL, 10));
        option_format(&row, &train, text, sizeof text);
        assert_string_equal(text, seeds[i]);
    }
    assert_int_equal(options_set(train_options, &train, "training", "seed", "1e3", &e), 0);
    assert_int_equal(train.seed, 1000);
    assert_int_equal(options_set(train_options, &train, "training", "seed", "9223372036854775808", &e), ERR_USAGE);
}

static void bad_values_are_sentences_and_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"number", "eleven"}, {"number", "11"},     {"number", "nan"},
                                         {"number", ""},       {"the_list", "1,10"}, {"the_list", "1,,2"},
                                         {"the_list", "1.5"},  {"nothing", "1"}};
    struct numbers s;
    options_default(sample_options, &s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = ERR_INIT;
        assert_int_equal(options_set(sample_options, &s, "a table", bad[i][0], bad[i][1], &e), ERR_USAGE);
        assert_non_null(strstr(e.msg, bad[i][0]));
        assert_true(s.number == 1 && s.the_list.n == 2 && s.the_list.v[1] == 2);
    }
    struct err e = ERR_INIT;
    assert_int_equal(options_set(sample_options, &s, "a table", "the-list", "7", &e), 0); /* minus is underscore */
    assert_true(s.the_list.n == 1 && s.the_list.v[0] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_taken_and_read_back),
        cmocka_unit_test(a_linked_table_stands_in_its_place),
        cmocka_unit_test(choices_are_in_the_order_of_their_enum),
        cmocka_unit_test(presets_fit_their_model),
        cmocka_unit_test(whole_numbers_keep_every_digit),
        cmocka_unit_test(bad_values_are_sentences_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
