/* Presets and options of every model: they fit what they are for, and what does not fit is a sentence. */
#include "run/train.h"
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void presets_are_sound(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++)
        for (const struct preset *p = models[i]->presets; p->name; p++) {
            const struct model *m = models[i];
            struct err e = ERR_INIT;
            struct train_config train;
            void *config = calloc(1, m->config_bytes);
            options_default(m->options, config);
            options_default(train_options, &train);
            if (options_parse(m->options, config, m->name, p->model, ' ', &e) < 0 ||
                options_parse(train_options, &train, "training", p->run, ' ', &e) < 0 ||
                train_config_check(&train, &e) < 0)
                fail_msg("%s, preset %s: %s", m->name, p->name, e.msg);
            struct wishes w;
            assert_int_equal(train_wishes(&train, &w, &e), 0);
            struct shape picture = SHAPE(w.height ? w.height : 64, w.width ? w.width : 64, w.channels ? w.channels : 3);
            struct shape row = SHAPE(20);
            if (m->check(config, m->takes & TAKES_PICTURES ? &picture : &row, &e) < 0)
                fail_msg("%s, preset %s: %s", m->name, p->name, e.msg);
            free(config);
        }
}

/* --scale means one thing: what training and a model both called so, nobody could set of the model. */
static void options_have_names_of_their_own(void **state)
{
    (void)state;
    struct option row;
    for (int i = 0; models[i]; i++)
        for (size_t k = 0; option_at(models[i]->options, k, &row); k++)
            if (option_find(train_options, row.name, NULL))
                fail_msg("%s and training both have an option '%s'", models[i]->name, row.name);
}

/* A general preset of its own for a kind of samples is one of the model's, and fits samples of that shape. */
static void preset_is_sound(const struct model *m, const char *name, struct shape sample)
{
    struct err e = ERR_INIT;
    const struct preset *p = preset_find(m, name, &e);
    assert_non_null(p);
    char text[SHAPE_TEXT];
    struct subject s = {.model = m, .config = calloc(1, m->config_bytes), .sample = sample};
    options_default(m->options, s.config);
    assert_int_equal(options_parse(m->options, s.config, m->name, p->model, ' ', &e), 0);
    s.input = shape_with_batch(&s.sample, 4);
    snprintf(s.name, sizeof s.name, "%s, preset %s, %s", m->name, name, shape_text(&sample, text));
    if (m->check(s.config, &s.sample, &e) < 0)
        fail_msg("%s: %s", s.name, e.msg);
    subject_check_heads(&s);
    free(s.config);
}

static void general_presets_fit_their_samples(void **state)
{
    (void)state;
    static const int columns[] = {1, 2, 6, 21, 274, 5000};
    for (int i = 0; models[i]; i++) {
        const struct model *m = models[i];
        for (size_t k = 0; m->row_preset && k < sizeof columns / sizeof *columns; k++)
            preset_is_sound(m, m->row_preset, SHAPE(columns[k]));
        if (m->clip_preset)
            preset_is_sound(m, m->clip_preset, SHAPE(5, 32, 48, 1));
    }
}

static bool takes_any_picture(const struct model *m)
{
    return (m->takes & TAKES_PICTURES) && !m->some_sizes;
}

/* A model that has learnt what defects are judges by itself. */
static bool learns_from_truth(const struct model *m)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    void *config = calloc(1, m->config_bytes);
    struct heads h = {0};
    options_default(m->options, config);
    if (takes_any_picture(m))
        m->build(g, config, SHAPE(2, 32, 32, 1), &h);
    free(config);
    graph_free(g);
    params_free(ps);
    return h.truth != NULL;
}

/* What users meet first knows what is usual (a model that is fitted, or has learnt what defects are, does by itself);
 * what a paper set says what the paper said. */
static void general_presets_stand_on_the_map(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++) {
        const struct model *m = models[i];
        struct err e = ERR_INIT;
        struct train_config train;
        options_default(train_options, &train);
        assert_int_equal(options_parse(train_options, &train, "training", m->presets[0].run, ' ', &e), 0);
        if (m->has_map && !m->fitted && strncmp(m->name, "toy", 3) && !learns_from_truth(m) && train.score != BY_MAP)
            fail_msg("%s: its first preset, %s, has no score=map", m->name, m->presets[0].name);
    }
}

static void any_picture_size_from_16_on_is_taken(void **state)
{
    (void)state;
    static const int sizes[] = {16, 17, 31, 32, 100, 255, 512};
    for (int i = 0; models[i]; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes && takes_any_picture(models[i]); k++) {
            struct subject s = {.model = models[i], .config = calloc(1, models[i]->config_bytes)};
            struct err e = ERR_INIT;
            options_default(s.model->options, s.config);
            s.sample = SHAPE(sizes[k], sizes[(k + 3) % 7], 3);
            s.input = SHAPE(1, sizes[k], sizes[(k + 3) % 7], 3);
            snprintf(s.name, sizeof s.name, "%s, %d pixels", s.model->name, sizes[k]);
            if (s.model->check(s.config, &s.sample, &e) < 0)
                fail_msg("%s: %s", s.name, e.msg);
            subject_check_heads(&s);
            free(s.config);
        }
}

/* A model that does not take any size refuses others with what they are and a size that would do. */
static void sizes_that_do_not_fit_are_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++) {
        void *config = calloc(1, models[i]->config_bytes);
        struct err e = ERR_INIT;
        options_default(models[i]->options, config);
        if (models[i]->some_sizes) {
            assert_int_equal(models[i]->check(config, &SHAPE(61, 61, 3), &e), ERR_USAGE);
            assert_non_null(strstr(e.msg, "61"));
            assert_non_null(strstr(e.msg, "64"));
        }
        free(config);
    }
}

/* Samples of a rank that a model does not take are refused, with what they are. */
static void what_does_not_fit_is_a_sentence(void **state)
{
    (void)state;
    static const struct {
        unsigned takes;
        struct shape shape;
        const char *text;
    } kinds[] = {{TAKES_PICTURES, {3, {64, 64, 3}}, "64x64x3"},
                 {TAKES_CLIPS, {4, {4, 64, 96, 1}}, "4x64x96x1"},
                 {TAKES_ROWS, {1, {120}}, "120"}};
    for (int i = 0; models[i]; i++)
        for (int k = 0; k < 3; k++) {
            void *config = calloc(1, models[i]->config_bytes);
            struct err e = ERR_INIT;
            options_default(models[i]->options, config);
            int code = models[i]->check(config, &kinds[k].shape, &e);
            assert_int_equal(code, models[i]->takes & kinds[k].takes ? 0 : ERR_USAGE);
            assert_true(!code || strstr(e.msg, kinds[k].text));
            free(config);
        }
}

static void options_that_do_not_fit_are_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++) {
        void *config = calloc(1, models[i]->config_bytes);
        struct err e = ERR_INIT;
        options_default(models[i]->options, config);
        if (option_find(models[i]->options, "decoder", NULL)) {
            options_set(models[i]->options, config, "model", "decoder", "8,8,8,8,8,8", &e);
            assert_int_equal(models[i]->check(config, &SHAPE(64, 64, 3), &e), ERR_USAGE);
            assert_non_null(strstr(e.msg, "decoder"));
        }
        free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_sound),
        cmocka_unit_test(options_have_names_of_their_own),
        cmocka_unit_test(general_presets_fit_their_samples),
        cmocka_unit_test(general_presets_stand_on_the_map),
        cmocka_unit_test(any_picture_size_from_16_on_is_taken),
        cmocka_unit_test(sizes_that_do_not_fit_are_a_sentence),
        cmocka_unit_test(what_does_not_fit_is_a_sentence),
        cmocka_unit_test(options_that_do_not_fit_are_a_sentence),
    };
    return cmocka_run_group_tests_name("models: presets", tests, NULL, NULL);
}
