/* Model files of 0.1 load and score as 0.1 scored. They were written by
 *
 *     engram train MODEL 'synth:?n=40&test=8&size=16' --set widths=4,4 --set size=16 --set epochs=3 --set batch=8
 *            --set threads=1 --set seed=7 [--set items=6] -o tests/golden/MODEL-0.1.safetensors
 *
 * and the scores below are what its `score` said of the pictures drawn here. */
#include "run/score.h"
#include "support/files.h"

#include <math.h>
#include <string.h>

enum { SIDE = 16, PICTURES = 4 };

static void draw(int k, uint8_t *pixels)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            pixels[y * SIDE + x] = (uint8_t)(x * x * 3 + y * 7 * (k + 1) + x * y + k * 40);
}

static void scores_are(const char *path, const double *wanted)
{
    struct loaded *model;
    struct scorer *s;
    struct err e = ERR_INIT;
    const struct scorer_spec spec = {.batch = 1, .threads = 1, .precision = PRECISION_AUTO, .map = true, .rate = 0.2};
    if (loaded_open(path, &model, &e) || scorer_new(model, &spec, &s, &e))
        fail_msg("%s", e.msg);
    const struct model_file *about = loaded_file(model);
    assert_string_equal(about->version, "0.1.0");
    assert_int_equal(about->calibration.n, 4);
    assert_true(about->calibration.map_high > about->calibration.map_low);
    for (int k = 0; k < PICTURES; k++) {
        uint8_t pixels[SIDE * SIDE];
        struct verdict v;
        draw(k, pixels);
        const struct picture p = {.width = SIDE, .height = SIDE, .channels = 1, .pixels = pixels};
        if (scorer_score(s, &p, 1, &v, &e))
            fail_msg("%s", e.msg);
        assert_true(fabs((double)v.score - wanted[k]) < 1e-6);
        assert_true(v.p_value == 0.2 && v.anomalous);
    }
    scorer_free(s);
    /* They know nothing of what is usual: their verdicts stand on the model's own score, and on nothing else. */
    struct scorer_spec other = spec;
    other.by = BY_FILE;
    assert_int_equal(scorer_new(model, &other, &s, &e), 0);
    assert_int_equal(scorer_stands(s), BY_MODEL);
    scorer_free(s);
    other.by = BY_MAP;
    assert_int_equal(scorer_new(model, &other, &s, &e), ERR_USAGE);
    assert_non_null(strstr(e.msg, "before engram 0.2"));
    loaded_close(model);
}

static void the_plain_one(void **state)
{
    (void)state;
    scores_are("tests/golden/ae-0.1.safetensors", (const double[]){0.09193667, 0.060897537, 0.050114445, 0.04885379});
}

static void the_one_with_a_memory(void **state)
{
    (void)state;
    scores_are("tests/golden/memae-0.1.safetensors", (const double[]){0.08987098, 0.061501697, 0.050875954, 0.0489567});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_one),
        cmocka_unit_test(the_one_with_a_memory),
    };
    return cmocka_run_group_tests_name("model files of 0.1", tests, NULL, NULL);
}
