/* Models that are fitted: what is in the file, what calibrates it, and what is a sentence. The net's weights are made
 * by a formula: it has learnt nothing, and yet places differ. */
#include "base/file.h"
#include "run/evaluate.h"
#include "run/score.h"
#include "support/files.h"
#include "support/nets.h"
#include "support/pictures.h"
#include "support/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPOTTED "synth:?n=60&test=40&size=64"
#define SMALL   "size=32 items=20 components=16 net_layers=3,4 batch=6 "

static void begin(struct toy *t, const char *options, const char *output)
{
    char all[600];
    if (!exists(in_folder("net")))
        net_write("squeezenet1_1", in_folder("net"));
    snprintf(all, sizeof all, SMALL "backbone=%s validation=0 %s", in_folder("net"), options);
    toy_init(t, "features", "synth:?n=30&test=20&size=32", all, output);
}

static void expect_fitted(struct toy *t)
{
    struct err e;
    if (toy_train(t, &e))
        fail_msg("%s", e.msg);
}

static void fitted(const char *options, const char *output)
{
    struct toy t;
    begin(&t, options, output);
    expect_fitted(&t);
    toy_free(&t);
}

/* The log names the samples whose scores the thresholds are made of, the highest first. */
static void expect_oddest(const char *lines, const struct calibration *c)
{
    const char *at = strstr(lines, "the oddest of the good samples: ");
    assert_non_null(at);
    for (size_t i = 0; i < 3; i++) {
        const float wanted = c->scores[c->n - 1 - i];
        at = strchr(at, '(');
        assert_non_null(at);
        assert_true(fabs(strtod(++at, NULL) - (double)wanted) <= 6e-4 * (double)wanted); /* four digits */
    }
}

static void folds_calibrate_on_every_sample(void **state)
{
    (void)state;
    struct toy t;
    begin(&t, "folds=5", in_folder("folds"));
    expect_fitted(&t);
    assert_int_equal(t.result.epochs, 0);
    assert_int_equal(t.result.trained, 30);
    assert_int_equal(t.result.calibrated, 30);
    assert_int_equal(t.steps, 2 * 5 + 5); /* batches: five for each step of fitting, one for each part */
    assert_says(t.lines, "in 5 parts");
    assert_false(exists(in_folder("folds.train")));
    struct loaded *s = toy_open(in_folder("folds"));
    const struct model_file *c = loaded_file(s);
    expect_oddest(t.lines, &c->calibration);
    toy_free(&t);
    assert_int_equal(c->calibration.n, 30);
    assert_true(c->calibration.scores[0] > 0 && c->calibration.peaks[0] > 0);
    assert_int_equal(c->curve.epochs, 0);
    assert_int_equal(c->usual.n, 0);
    loaded_close(s);
}

/* The mean of the calibration's scores. */
static double mean_score(const char *path)
{
    struct loaded *s = toy_open(path);
    const struct calibration *c = &loaded_file(s)->calibration;
    double sum = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += (double)c->scores[i] / (double)c->n;
    loaded_close(s);
    return sum;
}

struct sum {
    double all;
    size_t n;
};

static int add(void *user, size_t index, const struct verdict *v)
{
    struct sum *s = user;
    (void)index;
    assert_int_equal(v->error, 0);
    s->all += (double)v->score;
    s->n++;
    return 0;
}

/* Of the samples it was fitted to, scored afterwards. */
static double mean_of_known(const char *path)
{
    struct loaded *s = toy_open(path);
    struct scorer *scorer;
    struct dataset *data;
    struct sum sum = {0};
    struct err e = ERR_INIT;
    const struct scorer_spec spec = {
        .batch = 4, .threads = 1, .precision = PRECISION_AUTO, .rate = 0.05, .by = BY_FILE};
    assert_int_equal(dataset_open("synth:?n=30&test=20&size=32", DATASET_LEARN, NULL, &data, &e), 0);
    assert_int_equal(scorer_new(s, &spec, &scorer, &e), 0);
    assert_int_equal(scorer_score_dataset(scorer, data, SPLIT_TRAIN, NULL, 0, add, &sum, &e), 0);
    scorer_free(scorer);
    dataset_close(data);
    loaded_close(s);
    return sum.all / (double)sum.n;
}

/* Whoever is judged by a memory of itself is judged mildly: a fold must not be. */
static void a_fold_is_judged_by_the_others(void **state)
{
    (void)state;
    fitted("folds=5 items=4000", in_folder("own"));
    assert_true(mean_of_known(in_folder("own")) < 0.2 * mean_score(in_folder("own")));
}

static void a_share_can_be_held_out(void **state)
{
    (void)state;
    struct toy t;
    begin(&t, "folds=0 calibration=0.2", in_folder("share"));
    expect_fitted(&t);
    assert_int_equal(t.result.trained, 15);
    assert_int_equal(t.result.calibrated, 15);
    toy_free(&t);
    struct loaded *s = toy_open(in_folder("share"));
    assert_int_equal(loaded_file(s)->calibration.n, 15);
    loaded_close(s);
}

static void equal_fits_give_equal_files(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        fitted("folds=3 threads=2", in_folder(i ? "equal1" : "equal0"));
    assert_true(same_files(in_folder("equal0"), in_folder("equal1")));
    fitted("folds=3 threads=2 seed=2", in_folder("equal2"));
    assert_false(same_files(in_folder("equal0"), in_folder("equal2")));
}

static void more_folds_than_samples_leave_each_out(void **state)
{
    (void)state;
    struct toy t;
    begin(&t, "folds=100 batch=2", in_folder("each"));
    expect_fitted(&t);
    assert_says(t.lines, "in 30 parts");
    assert_says(t.lines, "30 samples can flag");
    toy_free(&t);
    struct loaded *s = toy_open(in_folder("each"));
    assert_int_equal(loaded_file(s)->calibration.n, 30);
    loaded_close(s);
}

static void the_gaussian_and_imagenets_scale_fit_too(void **state)
{
    (void)state;
    fitted("folds=2 head=gaussian input=imagenet", in_folder("gauss"));
    assert_true(mean_score(in_folder("gauss")) > 1);
}

static void every_head_fits(void **state)
{
    (void)state;
    static const char *const heads[] = {"head=positions components=8", "head=pictures pictures=12 nearest=3",
                                        "net_layers=3,7 sizes=100,50", "sizes=150"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char options[100];
        snprintf(options, sizeof options, "folds=2 %s", heads[i]);
        fitted(options, in_folder("head%zu", i));
        assert_true(mean_score(in_folder("head%zu", i)) > 0);
        assert_true(mean_of_known(in_folder("head%zu", i)) > 0);
    }
}

/* Nothing needs the backbone's file once the model is there. */
static void the_net_is_in_the_file(void **state)
{
    (void)state;
    fitted("folds=2", in_folder("alone"));
    assert_int_equal(rename(in_folder("net"), in_folder("moved")), 0);
    double known = mean_of_known(in_folder("alone"));
    assert_int_equal(rename(in_folder("moved"), in_folder("net")), 0);
    assert_true(isfinite(known) && known > 0);
}

/* What a model sees is shown, though it rebuilds nothing. */
static void expect_shown(const struct gallery *gallery)
{
    assert_true(gallery->n > 0);
    for (size_t i = 0; i < gallery->n; i++) {
        const struct shown_sample *s = &gallery->v[i];
        const uint8_t *pixels = s->input.pixels;
        assert_non_null(pixels);
        assert_int_equal(s->input.width, 64);
        assert_memory_not_equal(pixels, pixels + 64 * 32, 64); /* a picture, no plain ground */
        assert_null(s->reconstruction);
        assert_non_null(s->map);
    }
}

/* Without a file it is the library's own net, which has learnt to see: what is odd stands out. */
static void the_built_in_net_sees(void **state)
{
    (void)state;
    struct toy t;
    struct evaluation ev = {0};
    struct dataset *data;
    struct err e = ERR_INIT;
    toy_init(&t, "features", SPOTTED, "size=64 folds=5 validation=0", in_folder("built-in"));
    expect_fitted(&t);
    toy_free(&t);
    assert_int_equal(dataset_open(SPOTTED, DATASET_SCORE, NULL, &data, &e), 0);
    const struct evaluate_job job = {.loaded = toy_open(in_folder("built-in")),
                                     .data = data,
                                     .data_name = SPOTTED,
                                     .batch = 4,
                                     .threads = 1,
                                     .precision = PRECISION_AUTO,
                                     .by = BY_FILE,
                                     .rate = 0.05};
    assert_int_equal(evaluation_run(&job, &ev, &e), 0);
    assert_true(ev.metrics.auroc > 0.95);
    expect_shown(&ev.galleries[GALLERY_MOST_ANOMALOUS]);
    evaluation_free(&ev);
    loaded_close(job.loaded);
    dataset_close(data);
}

/* All tiles of a picture are learnt from, and it is judged by the one that says most. */
static void tiles_are_fitted_and_scored(void **state)
{
    (void)state;
    struct toy t;
    begin(&t, "folds=3 tile=32 size=64 overlap=0 items=4000", in_folder("tiled"));
    expect_fitted(&t);
    toy_free(&t);
    struct loaded *s = toy_open(in_folder("tiled"));
    const struct model_file *c = loaded_file(s);
    assert_int_equal(c->input.tile, 32);
    assert_int_equal(c->calibration.n, 30);
    assert_true(c->calibration.scores[0] > 0 && isfinite(c->calibration.scores[29]));
    loaded_close(s);
    assert_true(mean_of_known(in_folder("tiled")) < 0.2 * mean_score(in_folder("tiled")));
}

/* A mask of the left half of 32x32. */
static void region_options(char *options, size_t size, const char *more)
{
    write_mask(in_folder("left.png"), 32, 32, 0, 0, 16, 32);
    snprintf(options, size, "folds=3 roi=%s %s", in_folder("left.png"), more);
}

static float score_of(const char *path, int brighten_from)
{
    struct loaded *s = toy_open(path);
    struct scorer *scorer;
    struct err e = ERR_INIT;
    uint8_t pixels[32 * 32];
    const struct scorer_spec spec = {
        .batch = 1, .threads = 1, .precision = PRECISION_AUTO, .rate = 0.05, .by = BY_FILE};
    for (int i = 0; i < 32 * 32; i++)
        pixels[i] = (uint8_t)(100 + 7 * (i % 32 % 5) + (i % 32 >= brighten_from ? 60 * (i / 32 % 3) : 0));
    const struct picture picture = {32, 32, 1, pixels};
    struct verdict v;
    assert_int_equal(scorer_new(s, &spec, &scorer, &e), 0);
    assert_int_equal(scorer_score(scorer, &picture, 1, &v, &e), 0);
    float score = v.score;
    scorer_free(scorer);
    loaded_close(s);
    return score;
}

/* What is outside has no part in scores, whatever is there; nor in what is remembered. */
static void only_the_region_counts(void **state)
{
    (void)state;
    char options[400];
    region_options(options, sizeof options, "");
    fitted(options, in_folder("region"));
    assert_true(score_of(in_folder("region"), 32) == score_of(in_folder("region"), 16));
    assert_true(score_of(in_folder("region"), 32) != score_of(in_folder("region"), 8));
    region_options(options, sizeof options, "tile=16 overlap=0");
    fitted(options, in_folder("region.tiled"));
    assert_true(score_of(in_folder("region.tiled"), 32) == score_of(in_folder("region.tiled"), 16));
}

static void a_stop_leaves_nothing(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    begin(&t, "folds=5", in_folder("stopped"));
    t.stop_after = 2;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    assert_says(e.msg, "nothing was written");
    assert_false(exists(in_folder("stopped")));
    toy_free(&t);
}

static void refused(const char *model, const char *options, int code, const char *says)
{
    struct toy t;
    struct err e;
    if (strcmp(model, "features"))
        toy_init(&t, model, NULL, options, in_folder("refused"));
    else
        begin(&t, options, in_folder("refused"));
    assert_int_equal(toy_train(&t, &e), code);
    assert_says(e.msg, says);
    assert_false(exists(in_folder("refused")));
    toy_free(&t);
}

static void what_does_not_fit_is_a_sentence(void **state)
{
    (void)state;
    char options[300];
    refused("memae", "folds=5", ERR_USAGE, "folds (5) would train memae as often");
    refused("features", "folds=1", ERR_USAGE, "at least 2");
    refused("features", "score=map", ERR_USAGE, "leave score at model");
    refused("features", "net=resnet18", ERR_USAGE, "another net");
    refused("features", "head=positions tile=16", ERR_USAGE, "option tile means nothing to it");
    refused("features", "head=pictures tile=16", ERR_USAGE, "take another head");
    refused("features", "net_layers=6,8", ERR_USAGE, "it has 3, 4, 6, 7, 9, 10, 11");
    refused("features", "net_layers=9,6", ERR_USAGE, "in rising order");
    refused("features", "sizes=100,25", ERR_USAGE, "less than 16 pixels");
    snprintf(options, sizeof options, "backbone=%s", in_folder("nowhere"));
    refused("features", options, ERR_IO, "cannot be opened");
    write_file(in_folder("text"), "no weights", 10);
    snprintf(options, sizeof options, "backbone=%s", in_folder("text"));
    refused("features", options, ERR_FORMAT, "damaged");
    fitted("folds=2", in_folder("engram"));
    snprintf(options, sizeof options, "backbone=%s", in_folder("engram"));
    refused("features", options, ERR_FORMAT, "no net that is known here");
}

/* A net's file without one of its tensors, or with one of another shape. */
static void damaged_nets_are_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {{"features.4.squeeze.weight", "features.4.squeeze.w_ight", "no tensor features.4.squeeze.weight"},
                 {"\"shape\":[16,128,1,1]", "\"shape\":[128,16,1,1]", "tensor features.4.squeeze.weight is 128x16x1x1"},
                 {"\"shape\":[64,3,3,3]", "\"shape\":[64,9,3,1]", "no net that is known here"}};
    char options[300];
    size_t size;
    if (!exists(in_folder("net")))
        net_write("squeezenet1_1", in_folder("net"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *file = read_file(in_folder("net"), &size), *at = memmem(file, size, cases[i].from, strlen(cases[i].from));
        assert_non_null(at);
        memcpy(at, cases[i].to, strlen(cases[i].to));
        write_file(in_folder("damaged"), file, size);
        free(file);
        snprintf(options, sizeof options, "backbone=%s", in_folder("damaged"));
        refused("features", options, ERR_FORMAT, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_calibrate_on_every_sample),
        cmocka_unit_test(a_fold_is_judged_by_the_others),
        cmocka_unit_test(a_share_can_be_held_out),
        cmocka_unit_test(equal_fits_give_equal_files),
        cmocka_unit_test(more_folds_than_samples_leave_each_out),
        cmocka_unit_test(the_gaussian_and_imagenets_scale_fit_too),
        cmocka_unit_test(every_head_fits),
        cmocka_unit_test(the_net_is_in_the_file),
        cmocka_unit_test(the_built_in_net_sees),
        cmocka_unit_test(tiles_are_fitted_and_scored),
        cmocka_unit_test(only_the_region_counts),
        cmocka_unit_test(a_stop_leaves_nothing),
        cmocka_unit_test(what_does_not_fit_is_a_sentence),
        cmocka_unit_test(damaged_nets_are_a_sentence),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
