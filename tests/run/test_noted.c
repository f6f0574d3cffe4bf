/* What a model chose by the shape of its samples is in its file; and files of before it was noted are what they were.
 */
#include "run/score.h"
#include "support/files.h"
#include "support/toy.h"

#include "models/features.h"

#include <string.h>

enum { SIDE = 368 }; /* of pictures that are seen at two sizes: 2 x 256 x 256 pixels and more */

#define LARGE "synth:?n=4&test=2&size=368"
#define FEW   "size=368 items=10 components=16 folds=2 validation=0 batch=2 "

static void make(const char *options, const char *output)
{
    struct toy t;
    struct err e;
    char all[300];
    snprintf(all, sizeof all, FEW "%s", options);
    toy_init(&t, "features", LARGE, all, output);
    if (toy_train(&t, &e))
        fail_msg("%s", e.msg);
    toy_free(&t);
}

/* With sizes and layers left to training; made once. */
static const char *chosen(void)
{
    const char *path = in_folder("chosen");
    if (!exists(path))
        make("", path);
    return path;
}

/* Empties an option of a file, which keeps its length: JSON minds no spaces. */
static void forget(const char *path, const char *option, const char *value, const char *to)
{
    char written[60], empty[60];
    size_t size;
    char *bytes = read_file(path, &size);
    snprintf(written, sizeof written, "\\\"%s\\\":\\\"%s\\\"", option, value);
    snprintf(empty, sizeof empty, "\\\"%s\\\":\\\"\\\"%*s", option, (int)strlen(value), "");
    char *at = memmem(bytes, size, written, strlen(written));
    assert_non_null(at);
    memcpy(at, empty, strlen(empty));
    write_file(to, bytes, size);
    free(bytes);
}

static void expect_ints(const struct ints *found, int n, const int *wanted)
{
    assert_int_equal(found->n, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(found->v[i], wanted[i]);
}

static void expect_sizes(const char *path, int n, int second)
{
    struct loaded *s = toy_open(path);
    const struct features_config *c = loaded_file(s)->config;
    expect_ints(&c->sizes, n, (const int[]){100, second});
    expect_ints(&c->net_layers, 2, (const int[]){2, 3});
    loaded_close(s);
}

static float score(const char *path)
{
    static uint8_t pixels[SIDE * SIDE];
    const struct scorer_spec spec = {
        .batch = 1, .threads = 1, .precision = PRECISION_AUTO, .rate = 0.05, .by = BY_FILE};
    const struct picture picture = {SIDE, SIDE, 1, pixels};
    struct loaded *s = toy_open(path);
    struct scorer *scorer;
    struct verdict v;
    struct err e = ERR_INIT;
    for (int i = 0; i < SIDE * SIDE; i++)
        pixels[i] = (uint8_t)(90 + i % SIDE % 13 * 4 + i / SIDE % 7 * 9);
    assert_int_equal(scorer_new(s, &spec, &scorer, &e), 0);
    assert_int_equal(scorer_score(scorer, &picture, 1, &v, &e), 0);
    scorer_free(scorer);
    loaded_close(s);
    return v.score;
}

static void what_was_chosen_is_noted(void **state)
{
    (void)state;
    make("sizes=100,70 net_layers=2,3", in_folder("named"));
    expect_sizes(chosen(), 2, 70);
    assert_true(same_files(chosen(), in_folder("named")));
}

/* With an overview, as it was for a while, or without one, as at first. */
static void older_files_are_what_their_tensors_say(void **state)
{
    (void)state;
    forget(chosen(), "sizes", "100,70", in_folder("two.old"));
    expect_sizes(in_folder("two.old"), 2, 70);
    assert_true(score(in_folder("two.old")) == score(chosen()));
    make("sizes=100", in_folder("one"));
    forget(in_folder("one"), "sizes", "100", in_folder("one.old"));
    forget(in_folder("one.old"), "net_layers", "2,3", in_folder("one.older"));
    expect_sizes(in_folder("one.older"), 1, 0);
    assert_true(score(in_folder("one.older")) == score(in_folder("one")));
}

static void other_tensors_are_refused(void **state)
{
    (void)state;
    struct loaded *s;
    struct err e = ERR_INIT;
    make("sizes=100,50,25", in_folder("three"));
    forget(in_folder("three"), "sizes", "100,50,25", in_folder("three.old"));
    assert_int_equal(loaded_open(in_folder("three.old"), &s, &e), ERR_FORMAT);
    assert_says(e.msg, "whiten.weight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_chosen_is_noted),
        cmocka_unit_test(older_files_are_what_their_tensors_say),
        cmocka_unit_test(other_tensors_are_refused),
    };
    return cmocka_run_group_tests_name("options noted", tests, folder_begin, folder_end);
}
