/* The ground floor: every option's default is one that the option takes, options read back what they write, random
 * numbers depend on seed and stream alone, arenas hand out aligned zeros. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/option.h"
#include "base/rng.h"
#include "models/model.h"
#include "file/train_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_table(const struct option *table, size_t bytes)
{
    unsigned char *values = calloc(1, bytes), *again = calloc(1, bytes);
    assert_true(values && again);
    options_default(table, values);
    for (const struct option *row = table; row->name; row++) {
        struct err e = ERR_INIT;
        char text[OPTION_TEXT];
        assert_int_equal(options_set(table, again, "a table", row->name, row->value, &e), 0);
        assert_true(option_format(row, values, text, sizeof text) < (int)sizeof text);
        assert_int_equal(options_set(table, again, "a table", row->name, text, &e), 0);
        assert_true(row->help && *row->help && row->help[strlen(row->help) - 1] != '.');
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

struct sample {
    double number;
    struct ints list;
};

static const struct option sample_options[] = {
    {"number", OPTION_FLOAT, offsetof(struct sample, number), "1", 0, 10, NULL, "a number"},
    {"the_list", OPTION_INTS, offsetof(struct sample, list), "1,2", 1, 9, NULL, "a list"},
    {0},
};

static void bad_values_are_sentences_and_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"number", "eleven"}, {"number", "11"},     {"number", "nan"},
                                         {"number", ""},       {"the_list", "1,10"}, {"the_list", "1,,2"},
                                         {"the_list", "1.5"},  {"nothing", "1"}};
    struct sample s;
    options_default(sample_options, &s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = ERR_INIT;
        assert_int_equal(options_set(sample_options, &s, "a table", bad[i][0], bad[i][1], &e), ERR_USAGE);
        assert_non_null(strstr(e.msg, bad[i][0]));
        assert_true(s.number == 1 && s.list.n == 2 && s.list.v[1] == 2);
    }
    struct err e = ERR_INIT;
    assert_int_equal(options_set(sample_options, &s, "a table", "the-list", "7", &e), 0); /* minus is underscore */
    assert_true(s.list.n == 1 && s.list.v[0] == 7);
}

static void random_numbers_are_a_function(void **state)
{
    (void)state;
    struct rng a = rng_new(1, 2), b = rng_new(1, 2), other = rng_new(1, 3);
    double sum = 0, squares = 0;
    uint64_t first = rng_u64(&a);
    assert_true(first == rng_u64(&b) && first != rng_u64(&other));
    a.counter = 0;
    assert_true(rng_u64(&a) == first);
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        float v = rng_normal(&a), u = rng_uniform(&a);
        assert_true(u >= 0 && u < 1 && isfinite(v));
        sum += v;
        squares += (double)v * v;
    }
    assert_true(fabs(sum / N) < 0.02 && fabs(squares / N - 1) < 0.03);
    size_t order[1000], seen[1000] = {0};
    rng_permutation(&a, order, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seen[order[i]]++, 0);
}

static void arenas_hand_out_aligned_zeros(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        unsigned char *p = arena_alloc(&arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 255, size);
    }
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_taken_and_read_back),
        cmocka_unit_test(presets_fit_their_model),
        cmocka_unit_test(bad_values_are_sentences_and_change_nothing),
        cmocka_unit_test(random_numbers_are_a_function),
        cmocka_unit_test(arenas_hand_out_aligned_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
