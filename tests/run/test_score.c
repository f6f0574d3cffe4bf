/* Scoring: the same score whatever is beside a picture, from memory or from a data set, on one thread or several; maps,
 * attention and memory items that agree with it; the calibrated promise on generated pictures. */
#include "base/rng.h"
#include "run/inspect.h"
#include "stats/metrics.h"
#include "run/score.h"
#include "support/files.h"
#include "support/toy.h"
#include "support/within.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 16, TESTS = 20, PIXELS = SIDE * SIDE };

static struct loaded *position, *whole, *plain; /* memae by position, memae by whole code, ae */
static struct dataset *tests;

static int setup(void **state)
{
    struct err e = ERR_INIT;
    if (folder_begin(state))
        return -1;
    position = toy_trained("memae", NULL, "items=10 query=position", "position");
    whole = toy_trained("memae", NULL, "items=6 query=whole scale=30", "whole");
    plain = toy_trained("ae", NULL, "range=0..1", "plain");
    return dataset_open("synth:?n=80&test=20&size=16", DATASET_SCORE, NULL, &tests, &e);
}

static int teardown(void **state)
{
    loaded_close(position);
    loaded_close(whole);
    loaded_close(plain);
    dataset_close(tests);
    return folder_end(state);
}

static struct scorer *open_scorer(struct loaded *s, int batch, bool all)
{
    struct err e = ERR_INIT;
    struct scorer *scorer;
    struct scorer_spec spec = {.batch = batch,
                               .threads = 1,
                               .precision = PRECISION_AUTO,
                               .map = all,
                               .reconstruction = all,
                               .attention = all,
                               .rate = 0.2};
    if (scorer_new(s, &spec, &scorer, &e))
        fail_msg("%s", e.msg);
    return scorer;
}

static void read_pixels(size_t i, uint8_t *pixels)
{
    struct err e = ERR_INIT;
    assert_int_equal(dataset_load(tests, SPLIT_TEST, i, &loaded_file(position)->input, pixels, &e), 0);
}

struct collected {
    float score[TESTS];
    float map[TESTS][PIXELS];
    size_t n, errors, stop_at;
};

static int collect(void *user, size_t index, const struct verdict *v)
{
    struct collected *c = user;
    if (index != c->n || index >= TESTS)
        return 1;
    c->errors += v->error != 0;
    c->score[index] = v->score;
    if (v->map)
        memcpy(c->map[index], v->map, sizeof c->map[index]);
    return ++c->n == c->stop_at;
}

static void collect_all(struct loaded *s, int batch, struct collected *c)
{
    struct err e = ERR_INIT;
    struct scorer *scorer = open_scorer(s, batch, true);
    *c = (struct collected){0};
    if (scorer_score_dataset(scorer, tests, SPLIT_TEST, NULL, 0, collect, c, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(c->n, TESTS);
    assert_int_equal(c->errors, 0);
    scorer_free(scorer);
}

/* To a few units in the last place: oneDNN may block other batches otherwise. */
static void assert_close(float a, float b)
{
    assert_true(fabsf(a - b) <= 2e-6f * fmaxf(fabsf(a), fabsf(b)));
}

/* One by one, in batches that divide and that do not, padded: the same. */
static void score_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    static const int batches[] = {2, 7, 20, 32};
    struct loaded *const all[] = {position, whole, plain};
    for (int k = 0; k < 3; k++) {
        static struct collected one, many;
        collect_all(all[k], 1, &one);
        for (int i = 0; i < 4; i++) {
            collect_all(all[k], batches[i], &many);
            for (size_t s = 0; s < TESTS; s++) {
                assert_close(one.score[s], many.score[s]);
                for (int p = 0; p < PIXELS; p++)
                    assert_true(fabsf(one.map[s][p] - many.map[s][p]) <= 1e-5f);
            }
        }
    }
}

/* What lies beside a picture in its batch changes no bit of its score. */
static void neighbours_do_not_matter(void **state)
{
    (void)state;
    static uint8_t pixels[8][PIXELS];
    struct loaded *const all[] = {position, whole, plain};
    struct rng r = rng_new(1, 3);
    for (int k = 0; k < 3; k++) {
        struct scorer *s = open_scorer(all[k], 8, false);
        struct picture pictures[8];
        struct verdict v[8];
        struct err e = ERR_INIT;
        float first = 0;
        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < 8; i++) {
                for (int p = 0; p < PIXELS; p++)
                    pixels[i][p] = (uint8_t)(rng_below(&r, 256) * (uint64_t)(round % 3) / 2);
                pictures[i] = (struct picture){SIDE, SIDE, 1, pixels[i]};
            }
            read_pixels(3, pixels[2]);
            int n = round % 2 ? 3 : 8;
            assert_int_equal(scorer_score(s, pictures, n, v, &e), 0);
            if (round)
                assert_memory_equal(&first, &v[2].score, sizeof first);
            first = v[2].score;
        }
        scorer_free(s);
    }
}

static void memory_and_data_set_agree(void **state)
{
    (void)state;
    struct loaded *const all[] = {position, whole, plain};
    for (int k = 0; k < 3; k++) {
        static struct collected c;
        collect_all(all[k], 1, &c);
        struct scorer *s = open_scorer(all[k], 1, false);
        for (size_t i = 0; i < TESTS; i++) {
            uint8_t pixels[PIXELS];
            struct verdict v;
            struct err e = ERR_INIT;
            read_pixels(i, pixels);
            assert_int_equal(scorer_score(s, &(struct picture){SIDE, SIDE, 1, pixels}, 1, &v, &e), 0);
            assert_memory_equal(&v.score, &c.score[i], sizeof v.score);
            assert_null(v.map);
            assert_null(v.attention[0].weights);
        }
        scorer_free(s);
    }
}

/* A picture of another size and colour goes through the same preparation as a file would. */
static void any_picture_is_taken(void **state)
{
    (void)state;
    enum { BIG = 40 };
    static uint8_t colour[BIG * BIG * 3], fitted[PIXELS];
    struct rng r = rng_new(2, 3);
    struct err e = ERR_INIT;
    struct scorer *s = open_scorer(position, 2, false);
    struct picture_decoder *d;
    struct verdict a, b;
    for (size_t i = 0; i < sizeof colour; i++)
        colour[i] = (uint8_t)rng_below(&r, 256);
    struct picture big = {BIG, BIG, 3, colour}, small = {SIDE, SIDE, 1, fitted};
    assert_int_equal(picture_decoder_new(&d, &e), 0);
    assert_int_equal(picture_fit(d, &big, &(struct picture_format){SIDE, SIDE, 1}, fitted, &e), 0);
    assert_int_equal(scorer_score(s, &big, 1, &a, &e), 0);
    assert_int_equal(scorer_score(s, &small, 1, &b, &e), 0);
    assert_true(a.score == b.score);
    picture_decoder_free(d);
    scorer_free(s);
}

/* The score is the mean of its map, the map the squared residual, p-value and verdict those of the calibration. */
static void a_verdict_is_consistent(void **state)
{
    (void)state;
    struct scorer *s = open_scorer(position, 4, true);
    const struct model_file *c = loaded_file(position);
    for (size_t i = 0; i < TESTS; i++) {
        uint8_t pixels[PIXELS], back[PIXELS];
        struct verdict v;
        struct err e = ERR_INIT;
        read_pixels(i, pixels);
        assert_int_equal(scorer_score(s, &(struct picture){SIDE, SIDE, 1, pixels}, 1, &v, &e), 0);
        double sum = 0;
        for (int p = 0; p < PIXELS; p++)
            sum += (double)v.map[p];
        assert_true(fabs(sum / PIXELS - (double)v.score) < 1e-5 * (double)v.score);
        assert_true(v.p_value == calibration_p_value(&c->calibration, v.score));
        assert_int_equal(v.anomalous, v.p_value <= 0.2);
        preprocess_show(&c->input, v.target, back);
        assert_memory_equal(back, pixels, PIXELS);
        assert_non_null(v.reconstruction);
        const struct attention *a = &v.attention[0];
        assert_true(v.parts[0] == v.score); /* its only part */
        assert_int_equal(a->items, 10);
        assert_int_equal(a->rows, 16); /* 16x16, halved twice */
        for (int64_t row = 0; row < a->rows; row++) {
            double total = 0;
            for (int64_t k = 0; k < a->items; k++)
                total += (double)a->weights[row * a->items + k];
            assert_true(fabs(total - 1) < 1e-4);
        }
    }
    scorer_free(s);
}

struct worker {
    struct loaded *loaded;
    struct collected c;
    int rounds;
};

static void *work(void *user)
{
    struct worker *w = user;
    for (int i = 0; i < w->rounds; i++)
        collect_all(w->loaded, 4, &w->c);
    return NULL;
}

static void threads_share_a_model(void **state)
{
    (void)state;
    static struct collected alone;
    static struct worker workers[3];
    pthread_t threads[3];
    collect_all(position, 4, &alone);
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){.loaded = position, .rounds = 5};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(workers[i].c.score, alone.score, sizeof alone.score);
        assert_memory_equal(workers[i].c.map, alone.map, sizeof alone.map);
    }
}

static void a_caller_may_stop(void **state)
{
    (void)state;
    static struct collected c;
    struct err e = ERR_INIT;
    struct scorer *s = open_scorer(plain, 4, false);
    c = (struct collected){.stop_at = 6};
    assert_int_equal(scorer_score_dataset(s, tests, SPLIT_TEST, NULL, 0, collect, &c, &e), ERR_STOPPED);
    assert_int_equal(c.n, 6);
    scorer_free(s);
}

/* A file that is no picture is one row with a sentence; the others have their scores. */
static int count_errors(void *user, size_t index, const struct verdict *v)
{
    size_t *counts = user;
    (void)index;
    counts[v->error != 0]++;
    if (v->error)
        assert_says(v->message, "broken.png");
    return 0;
}

static void a_bad_picture_is_a_row(void **state)
{
    (void)state;
    uint8_t pixels[PIXELS];
    struct err e = ERR_INIT;
    struct dataset *ds;
    size_t counts[2] = {0};
    read_pixels(0, pixels);
    assert_int_equal(picture_write_png(in_folder("a.png"), &(struct picture){SIDE, SIDE, 1, pixels}, true, &e), 0);
    assert_int_equal(picture_write_png(in_folder("c.png"), &(struct picture){SIDE, SIDE, 1, pixels}, true, &e), 0);
    write_file(in_folder("broken.png"), "no picture", 10);
    const char *const urls[] = {in_folder("a.png"), in_folder("broken.png"), in_folder("c.png")};
    assert_int_equal(dataset_open_all(urls, 3, DATASET_SCORE, NULL, &ds, &e), 0);
    struct scorer *s = open_scorer(plain, 2, false);
    assert_int_equal(scorer_score_dataset(s, ds, SPLIT_TEST, NULL, 0, count_errors, counts, &e), 0);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 1);
    scorer_free(s);
    dataset_close(ds);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const struct scorer_spec specs[] = {
        {.batch = 0, .threads = 1, .rate = 0.1},  {.batch = 1, .threads = 0, .rate = 0.1},
        {.batch = 1, .threads = 1, .rate = -0.1}, {.batch = 1, .threads = 1, .rate = 1.1},
        {.batch = 1, .threads = 1, .rate = NAN},
    };
    for (size_t i = 0; i < 5; i++) {
        struct scorer *s;
        struct err e = ERR_INIT;
        assert_int_equal(scorer_new(plain, &specs[i], &s, &e), ERR_USAGE);
        assert_null(s);
    }
    struct scorer *s = open_scorer(plain, 2, false);
    struct verdict v[3];
    struct err e = ERR_INIT;
    uint8_t pixels[PIXELS] = {0};
    struct picture p[3] = {{SIDE, SIDE, 1, pixels}, {SIDE, SIDE, 1, pixels}, {SIDE, SIDE, 1, pixels}};
    assert_int_equal(scorer_score(s, p, 3, v, &e), ERR_USAGE);
    e = ERR_INIT;
    assert_int_equal(scorer_score(s, p, 0, v, &e), ERR_USAGE);
    scorer_free(s);
}

/* ---- what is usual ---- */

static struct scorer *open_by(struct loaded *s, enum score_by by, bool both)
{
    struct err e = ERR_INIT;
    struct scorer *scorer;
    const struct scorer_spec spec = {.batch = 3, .threads = 1, .map = true, .rate = 0.2, .by = by, .both = both};
    if (scorer_new(s, &spec, &scorer, &e))
        fail_msg("%s", e.msg);
    return scorer;
}

static void score_three(struct scorer *s, struct verdict *v)
{
    struct err e = ERR_INIT;
    uint8_t pixels[3][PIXELS];
    struct picture p[3];
    for (size_t i = 0; i < 3; i++) {
        read_pixels(i, pixels[i]);
        p[i] = (struct picture){SIDE, SIDE, 1, pixels[i]};
    }
    assert_int_equal(scorer_score(s, p, 3, v, &e), 0);
}

/* A model that smooths nothing: the map is made of the model's own, its highest value is the score, and each score has
 * the p-value of its own calibration. */
static void both_scores_and_maps(void **state)
{
    (void)state;
    struct loaded *s = toy_trained("ae", NULL, "map_blur=0 score=map aligned=yes", "usual");
    const struct model_file *about = loaded_file(s);
    assert_int_equal(about->usual.n, PIXELS);
    assert_int_equal(about->map_calibration.n, about->calibration.n);
    struct scorer *own = open_by(s, BY_MODEL, true), *map = open_by(s, BY_MAP, false),
                  *file = open_by(s, BY_FILE, false);
    struct verdict a[3], b[3], c[3];
    score_three(own, a);
    score_three(map, b);
    score_three(file, c);
    assert_true(scorer_stands(own) == BY_MODEL && scorer_stands(map) == BY_MAP && scorer_stands(file) == BY_MAP);
    for (int i = 0; i < 3; i++) {
        float wanted[PIXELS], highest = -INFINITY;
        usual_map(&about->usual, a[i].map, PIXELS, wanted);
        for (int k = 0; k < PIXELS; k++)
            highest = fmaxf(highest, wanted[k]);
        assert_memory_equal(b[i].map, wanted, sizeof wanted);
        assert_memory_equal(c[i].map, wanted, sizeof wanted);
        assert_true(a[i].score == a[i].by[BY_MODEL] && b[i].score == highest && a[i].by[BY_MAP] == highest);
        assert_true(b[i].by[BY_MODEL] == a[i].score && c[i].score == highest);
        assert_true(a[i].p_value == calibration_p_value(&about->calibration, a[i].score));
        assert_true(b[i].p_value == calibration_p_value(&about->map_calibration, highest));
        assert_true(b[i].anomalous == (b[i].p_value <= 0.2));
    }
    scorer_free(own);
    scorer_free(map);
    scorer_free(file);
    loaded_close(s);
}

static void no_map_without_being_asked(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct scorer *s;
    struct verdict v[3];
    const struct scorer_spec spec = {.batch = 3, .threads = 1, .rate = 0.2, .by = BY_MAP};
    assert_int_equal(scorer_new(plain, &spec, &s, &e), 0);
    score_three(s, v);
    assert_null(v[0].map);
    assert_true(v[0].score == v[0].by[BY_MAP] && isfinite(v[0].score));
    scorer_free(s);
    s = open_by(plain, BY_MODEL, false);
    score_three(s, v);
    assert_true(v[0].map && isnan(v[0].by[BY_MAP]));
    scorer_free(s);
}

/* ---- memory ---- */

/* A sample whose attention is one item alone is rebuilt as that item's picture. */
static void items_are_decoded(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    uint8_t pictures[3][PIXELS];
    const int64_t wanted[] = {2, 0, 2}, outside[] = {6};
    assert_int_equal(inspect_item_count(whole, 0), 6);
    assert_int_equal(inspect_item_count(position, 0), 10);
    assert_int_equal(inspect_item_count(plain, 0), 0);
    assert_int_equal(inspect_items(whole, 0, wanted, 3, pictures[0], &e), 0);
    assert_memory_equal(pictures[0], pictures[2], PIXELS);
    assert_memory_not_equal(pictures[0], pictures[1], PIXELS);
    struct scorer *s = open_scorer(whole, 1, true);
    int single = 0;
    for (size_t i = 0; i < TESTS; i++) {
        uint8_t pixels[PIXELS], rebuilt[PIXELS], item[PIXELS];
        struct verdict v;
        read_pixels(i, pixels);
        assert_int_equal(scorer_score(s, &(struct picture){SIDE, SIDE, 1, pixels}, 1, &v, &e), 0);
        assert_int_equal(v.attention[0].rows, 1);
        for (int64_t k = 0; k < v.attention[0].items; k++)
            if (v.attention[0].weights[k] == 1) {
                single++;
                preprocess_show(&loaded_file(whole)->input, v.reconstruction, rebuilt);
                assert_int_equal(inspect_items(whole, 0, &k, 1, item, &e), 0);
                for (int p = 0; p < PIXELS; p++)
                    assert_within(item[p] + 1 - rebuilt[p], 0, 2);
            }
    }
    assert_true(single > 0); /* else this says nothing: raise the toy's scale */
    scorer_free(s);
    assert_int_equal(inspect_items(position, 0, wanted, 3, pictures[0], &e), 0);
    assert_int_equal(inspect_items(whole, 0, outside, 1, pictures[0], &e), ERR_USAGE);
    e = ERR_INIT;
    assert_int_equal(inspect_items(plain, 0, wanted, 1, pictures[0], &e), ERR_USAGE);
    assert_says(e.msg, "no memory");
}

/* ---- the promise, with everything in it: generated normal pictures, a trained model ---- */

struct flags {
    size_t normal, flagged;
};

static int count_flags(void *user, size_t index, const struct verdict *v)
{
    struct flags *f = user;
    (void)index;
    f->normal++;
    f->flagged += v->anomalous;
    return v->error;
}

static void false_alarms_are_as_promised(void **state)
{
    (void)state;
    struct toy t;
    struct err e;
    struct loaded *s = NULL;
    struct dataset *normal = NULL;
    struct scorer *scorer;
    toy_init(&t, "ae", "synth:?n=400&test=0&size=16", "calibration=0.5 epochs=2", in_folder("promise"));
    if (toy_train(&t, &e) || loaded_open(in_folder("promise"), &s, &e) ||
        dataset_open("synth:?n=400&test=1000&size=16&defects=0", DATASET_SCORE, NULL, &normal, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(loaded_file(s)->calibration.n, 200);
    for (int by = BY_MODEL; by <= BY_MAP; by++) {
        struct flags f = {0};
        struct scorer_spec spec = {.batch = 32, .threads = 2, .rate = 0.1, .by = (enum score_by)by};
        assert_int_equal(scorer_new(s, &spec, &scorer, &e), 0);
        assert_int_equal(scorer_score_dataset(scorer, normal, SPLIT_TEST, NULL, 0, count_flags, &f, &e), 0);
        double measured = (double)f.flagged / (double)f.normal, deviation = sqrt(0.1 * 0.9 * (1.0 / 200 + 1.0 / 1000));
        assert_true(fabs(measured - 0.1) < 3.5 * deviation);
        scorer_free(scorer);
    }
    loaded_close(s);
    dataset_close(normal);
    toy_free(&t);
}

/* ---- the demonstration that all of it is for ---- */

static int label_scores(void *user, size_t index, const struct verdict *v)
{
    ((float *)user)[index] = v->score;
    return v->error;
}

static void defects_are_found(void **state)
{
    (void)state;
    enum { N = 200 };
    struct toy t;
    struct err e;
    struct loaded *s = NULL;
    struct dataset *ds = NULL;
    struct scorer *scorer;
    static float scores[N];
    uint8_t anomalous[N];
    toy_init(&t, "memae", "synth:?n=300&test=0&size=16", "epochs=12 items=50", in_folder("finds"));
    if (toy_train(&t, &e) || loaded_open(in_folder("finds"), &s, &e) ||
        dataset_open("synth:?n=300&test=200&size=16", DATASET_SCORE, NULL, &ds, &e))
        fail_msg("%s", e.msg);
    struct scorer_spec spec = {.batch = 32, .threads = 1, .rate = 0.1};
    assert_int_equal(scorer_new(s, &spec, &scorer, &e), 0);
    assert_int_equal(scorer_score_dataset(scorer, ds, SPLIT_TEST, NULL, 0, label_scores, scores, &e), 0);
    for (size_t i = 0; i < N; i++)
        anomalous[i] = dataset_sample(ds, SPLIT_TEST, i)->anomalous == 1;
    struct metrics m;
    assert_int_equal(metrics_compute(scores, anomalous, N, &m, &e), 0);
    print_message("AUROC on generated textures: %.3f\n", m.auroc);
    assert_true(m.auroc > 0.8);
    scorer_free(scorer);
    loaded_close(s);
    dataset_close(ds);
    toy_free(&t);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(score_does_not_depend_on_the_batch),
        cmocka_unit_test(neighbours_do_not_matter),
        cmocka_unit_test(memory_and_data_set_agree),
        cmocka_unit_test(any_picture_is_taken),
        cmocka_unit_test(a_verdict_is_consistent),
        cmocka_unit_test(threads_share_a_model),
        cmocka_unit_test(a_caller_may_stop),
        cmocka_unit_test(a_bad_picture_is_a_row),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(both_scores_and_maps),
        cmocka_unit_test(no_map_without_being_asked),
        cmocka_unit_test(items_are_decoded),
        cmocka_unit_test(false_alarms_are_as_promised),
        cmocka_unit_test(defects_are_found),
    };
    return cmocka_run_group_tests(list, setup, teardown);
}
