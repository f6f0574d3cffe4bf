/* What a model file says of itself: all of it, with the values behind the texts. */
#include "file/facts.h"
#include "run/loaded.h"
#include "support/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char file[] = "tests/golden/memae-0.1.safetensors";

static const struct fact *find(const struct facts *f, const char *section, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->rows[i].section, section) && !strcmp(f->rows[i].name, name))
            return &f->rows[i];
    fail_msg("there is no fact %s, %s", section, name);
    return NULL;
}

static void values_stand_behind_the_texts(void **state)
{
    (void)state;
    struct loaded *model;
    struct facts f = {0};
    struct err e = ERR_INIT;
    assert_int_equal(loaded_open(file, &model, &e), 0);
    assert_int_equal(facts_list(loaded_file(model), 1234, &f, &e), 0);
    assert_string_equal(find(&f, "model", "name")->text, "memae");
    const struct fact *weights = find(&f, "model", "weights"), *widths = find(&f, "options", "widths");
    assert_true(weights->type == FACT_INT && weights->integer == 1234 && !strcmp(weights->unit, "bytes"));
    assert_true(widths->type == FACT_LIST && widths->nlist == 2 && widths->list[1] == 4);
    assert_true(find(&f, "training", "seed")->integer == 7);
    /* Four were held out: the least rate is 1/5, and 0.1 says nothing. */
    assert_true(find(&f, "calibration", "smallest false-alarm rate")->number == 0.2);
    for (size_t i = 0; i < f.n; i++)
        assert_null(strstr(f.rows[i].name, "bound of the rate"));
    facts_free(&f);

    float scores[19] = {0};
    struct model_file about = *loaded_file(model); /* with another calibration */
    about.calibration = (struct calibration){.n = 19, .scores = scores};
    assert_int_equal(facts_list(&about, 0, &f, &e), 0);
    assert_true(find(&f, "calibration", "threshold at 0.05")->number == 0);
    assert_true(fabs(find(&f, "calibration", "90 % bound of the rate at 0.05")->number - 0.1141332096) < 1e-9);
    facts_free(&f);
    loaded_close(model);
}

/* Neither many lines nor a long one push anything out. */
static void nothing_is_left_out(void **state)
{
    (void)state;
    enum { LINES = 700, LONG = 3000 };
    struct loaded *model;
    struct facts f = {0};
    struct err e = ERR_INIT;
    char *summary = calloc(1, LONG + 2 * LINES + 2);
    assert_non_null(summary);
    memset(summary, 'x', LONG);
    for (int i = 0; i < LINES; i++)
        strcpy(summary + LONG + 2 * i, "\ny");
    assert_int_equal(loaded_open(file, &model, &e), 0);
    struct model_file about = *loaded_file(model);
    about.data_summary = summary;
    assert_int_equal(facts_list(&about, 0, &f, &e), 0);
    size_t lines = 0, longest = 0;
    for (size_t i = 0; i < f.n; i++) {
        bool data = !strcmp(f.rows[i].section, "origin") && !strcmp(f.rows[i].name, "data");
        size_t length = strlen(f.rows[i].text);
        lines += data;
        longest = data && length > longest ? length : longest;
    }
    assert_int_equal(lines, 1 + 1 + LINES); /* its name; the long one and the others */
    assert_int_equal(longest, LONG);
    assert_string_equal(f.rows[f.n - 1].name, "cache"); /* the last of the last section */
    facts_free(&f);
    loaded_close(model);
    free(summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_behind_the_texts),
        cmocka_unit_test(nothing_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
