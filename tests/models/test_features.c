/* What the memory of features is made with: whitening, and centres. */
#include "models/centres.h"
#include "models/features.h"
#include "models/whiten.h"
#include "support/files.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3000, WIDTH = 60, KEPT = 12 };

/* Rows whose first directions vary most: value k is 2^(-k/4) times a normal number, mixed with the one before it, and
 * not centred. */
static float *correlated(size_t n)
{
    float *v = malloc(n * WIDTH * sizeof *v);
    struct rng r = rng_new(5, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < WIDTH; k++) {
            float own = rng_normal(&r) * exp2f(-(float)k / 4);
            v[i * WIDTH + k] = own + (k ? 0.5f * v[i * WIDTH + k - 1] : 3);
        }
    return v;
}

static struct fit_rows rows_of(const float *values, size_t *index, size_t n)
{
    for (size_t i = 0; i < n; i++)
        index[i] = n - 1 - i; /* the order is the index's */
    return (struct fit_rows){.values = values, .index = index, .n = n, .width = WIDTH, .seed = 1, .threads = 1};
}

static double product_mean(const float *y, size_t n, size_t a, size_t b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)y[i * KEPT + a] * (double)y[i * KEPT + b] / (double)n;
    return sum;
}

static void project(const float *v, size_t n, const float *weight, const float *bias, float *y)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < KEPT; k++) {
            double sum = (double)bias[k];
            for (size_t j = 0; j < WIDTH; j++)
                sum += (double)weight[k * WIDTH + j] * (double)v[i * WIDTH + j];
            y[i * KEPT + k] = (float)sum;
        }
}

/* Uncorrelated, centred, and of variance v / (v + a): below 1 by what is added, the less the larger v is. */
static void whitened_rows_are_uncorrelated(void **state)
{
    (void)state;
    static float weight[KEPT * WIDTH], bias[KEPT], y[ROWS * KEPT];
    static size_t index[ROWS];
    float *v = correlated(ROWS);
    struct err e = ERR_INIT;
    const struct fit_rows rows = rows_of(v, index, ROWS);
    assert_int_equal(whiten_fit(&rows, KEPT, weight, bias, &e), 0);
    project(v, ROWS, weight, bias, y);
    double last = 1;
    for (size_t a = 0; a < KEPT; a++) {
        double mean = 0, own = product_mean(y, ROWS, a, a);
        for (size_t i = 0; i < ROWS; i++)
            mean += (double)y[i * KEPT + a] / ROWS;
        assert_true(fabs(mean) < 1e-3);
        assert_true(own > 0.7 && own < 1 && own < last + 1e-4);
        last = own;
        for (size_t b = 0; b < a; b++)
            assert_true(fabs(product_mean(y, ROWS, a, b)) < 2e-3);
    }
    free(v);
}

/* Fewer rows than components, and values that never vary: no direction is made of nothing. */
static void rows_that_hardly_vary_are_whitened(void **state)
{
    (void)state;
    static float weight[KEPT * WIDTH], bias[KEPT], y[4 * KEPT];
    size_t index[4];
    float *v = correlated(4);
    struct err e = ERR_INIT;
    const struct fit_rows rows = rows_of(v, index, 4);
    assert_int_equal(whiten_fit(&rows, KEPT, weight, bias, &e), 0);
    project(v, 4, weight, bias, y);
    for (size_t i = 0; i < 4 * KEPT; i++)
        assert_true(isfinite(y[i]) && fabsf(y[i]) < 3);
    for (size_t i = 0; i < 4 * WIDTH; i++)
        v[i] = 7;
    assert_int_equal(whiten_fit(&rows, KEPT, weight, bias, &e), 0);
    for (size_t i = 0; i < KEPT * WIDTH; i++)
        assert_true(isfinite(weight[i]));
    free(v);
}

/* Three heaps of very different size: three centres find one each, the rare one too. */
static void centres_are_far_apart(void **state)
{
    (void)state;
    enum { N = 500, W = 5 };
    static const float heaps[3] = {0, 10, -10};
    static float rows[N * W];
    struct rng r = rng_new(3, 0);
    struct err e = ERR_INIT;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < W; k++)
            rows[i * W + k] = heaps[i == 77 ? 2 : i % 100 == 0] + 0.1f * rng_normal(&r);
    for (uint64_t seed = 1; seed < 6; seed++) {
        unsigned found = 0;
        size_t chosen[3];
        assert_int_equal(centres_choose(&(struct centre_rows){rows, N, W, 2}, 3, seed, chosen, &e), 0);
        for (size_t c = 0; c < 3; c++)
            for (unsigned h = 0; h < 3; h++)
                found |= fabsf(rows[chosen[c] * W] - heaps[h]) < 2 ? 1u << h : 0;
        assert_int_equal(found, 7);
    }
}

/* More centres than rows: every row is one, and none is made up. */
static void every_row_may_be_a_centre(void **state)
{
    (void)state;
    static const float rows[] = {1, 2, 3, 4};
    size_t chosen[7];
    struct err e = ERR_INIT;
    unsigned found = 0;
    assert_int_equal(centres_choose(&(struct centre_rows){rows, 4, 1, 1}, 7, 9, chosen, &e), 0);
    for (int i = 0; i < 7; i++) {
        assert_true(chosen[i] < 4);
        found |= 1u << chosen[i];
    }
    assert_int_equal(found, 15);
}

/* One centre at a time, each against all rows. */
static void naive_centres(const float *rows, size_t n, size_t width, size_t first, size_t count, size_t *chosen)
{
    double *distance = malloc(n * sizeof *distance);
    for (size_t k = 0; k < count; k++) {
        chosen[k] = first;
        for (size_t i = 0; i < n; i++) {
            double d = 0;
            for (size_t j = 0; j < width; j++)
                d += pow((double)(rows[i * width + j] - rows[chosen[k] * width + j]), 2);
            distance[i] = k && distance[i] < d ? distance[i] : d;
        }
        first = 0;
        for (size_t i = 1; i < n; i++)
            first = distance[i] > distance[first] ? i : first;
    }
    free(distance);
}

static void many_at_once_choose_what_one_at_a_time_does(void **state)
{
    (void)state;
    enum { COUNT = 120 };
    struct err e = ERR_INIT;
    size_t chosen[2][COUNT], naive[COUNT];
    float *v = correlated(ROWS);
    for (int threads = 1; threads <= 2; threads++)
        assert_int_equal(
            centres_choose(&(struct centre_rows){v, ROWS, WIDTH, threads}, COUNT, 4, chosen[threads - 1], &e), 0);
    naive_centres(v, ROWS, WIDTH, chosen[0][0], COUNT, naive);
    assert_memory_equal(chosen[0], naive, sizeof naive);
    assert_memory_equal(chosen[1], naive, sizeof naive);
    free(v);
}

/* On a line: centres at 0, 4, 10 are 4 apart, so nothing within 4 of one needs another. */
static void centres_are_added_where_none_is_near(void **state)
{
    (void)state;
    static const float centres[] = {0, 4, 10, 4}, rows[] = {1, 7, -3.5f, 20, 21, 30, 14};
    struct err e = ERR_INIT;
    size_t chosen[7], n;
    const struct centre_rows line = {rows, 7, 1, 1};
    assert_int_equal(centres_add(&line, centres, 4, 7, chosen, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(chosen[0], 5); /* 30; then 20, which is 10 from all, where 21 is 9 from that one */
    assert_int_equal(chosen[1], 3);
    assert_int_equal(centres_add(&line, centres, 4, 1, chosen, &n, &e), 0);
    assert_int_equal(n, 1);
}

/* ---- the heads ---- */

enum { PICTURES = 9, PLACES = 4, NUMBERS = 6 };

/* Rows of a few pictures whose positions differ in mean and spread. */
static struct fit_rows of_pictures(float *values, size_t *index, size_t *samples, size_t *places)
{
    struct rng r = rng_new(11, 0);
    for (size_t i = 0; i < PICTURES * PLACES; i++) {
        index[i] = i;
        samples[i] = i / PLACES;
        places[i] = i % PLACES;
        for (size_t k = 0; k < NUMBERS; k++)
            values[i * NUMBERS + k] =
                (float)places[i] + rng_normal(&r) * (float)(1 + k) * 0.3f + (k ? values[i * NUMBERS + k - 1] : 0);
    }
    return (struct fit_rows){.values = values,
                             .index = index,
                             .samples = samples,
                             .places = places,
                             .n = PICTURES * PLACES,
                             .width = NUMBERS,
                             .seed = 1,
                             .threads = 2};
}

static struct params *declared(const char *const *names, const struct shape *shapes, size_t n)
{
    struct params *ps = params_new();
    struct err e = ERR_INIT;
    for (size_t i = 0; i < n; i++)
        assert_non_null(params_declare(ps, names[i], &shapes[i], GROUP_STATE, (struct init){0}, &e));
    assert_int_equal(params_allocate(ps, 1, false, &e), 0);
    return ps;
}

/* W^T W times the covariance that is meant is 1: without a factorisation. */
static void positions_have_gaussians_of_their_own(void **state)
{
    (void)state;
    static float values[PICTURES * PLACES * NUMBERS];
    static size_t index[PICTURES * PLACES], samples[PICTURES * PLACES], places[PICTURES * PLACES];
    static const char *const names[] = {FEATURES_MEANS, FEATURES_WHITENING};
    static const struct shape shapes[] = {{2, {PLACES, NUMBERS}}, {3, {PLACES, NUMBERS, NUMBERS}}};
    const struct fit_rows rows = of_pictures(values, index, samples, places);
    struct params *ps = declared(names, shapes, 2);
    struct err e = ERR_INIT;
    double mean[PLACES][NUMBERS] = {{0}}, variance = 0, all = PICTURES + NUMBERS;
    assert_int_equal(features_fit_positions(NULL, &rows, ps, &e), 0);
    const float *w = params_find(ps, FEATURES_WHITENING)->value, *m = params_find(ps, FEATURES_MEANS)->value;
    for (size_t i = 0; i < rows.n * NUMBERS; i++)
        mean[i / NUMBERS % PLACES][i % NUMBERS] += (double)values[i] / PICTURES;
    for (size_t i = 0; i < rows.n * NUMBERS; i++)
        variance += pow((double)values[i] - mean[i / NUMBERS % PLACES][i % NUMBERS], 2) / (double)(rows.n * NUMBERS);
    for (size_t p = 0; p < PLACES; p++) {
        double c[NUMBERS][NUMBERS] = {{0}}, precision[NUMBERS][NUMBERS] = {{0}};
        for (size_t a = 0; a < NUMBERS; a++) {
            assert_true(fabs((double)m[p * NUMBERS + a] - mean[p][a]) < 1e-5);
            for (size_t b = 0; b < NUMBERS; b++) {
                for (size_t i = p; i < rows.n; i += PLACES)
                    c[a][b] += ((double)values[i * NUMBERS + a] - mean[p][a]) *
                               ((double)values[i * NUMBERS + b] - mean[p][b]) / all;
                c[a][b] += a == b ? NUMBERS * variance / all : 0;
                for (size_t k = 0; k < NUMBERS; k++)
                    precision[a][b] +=
                        (double)w[(p * NUMBERS + k) * NUMBERS + a] * (double)w[(p * NUMBERS + k) * NUMBERS + b];
            }
        }
        for (size_t a = 0; a < NUMBERS; a++)
            for (size_t b = 0; b < NUMBERS; b++) {
                double one = 0;
                for (size_t k = 0; k < NUMBERS; k++)
                    one += c[a][k] * precision[k][b];
                assert_true(fabs(one - (a == b)) < 1e-4);
            }
    }
    params_free(ps);
}

static void pictures_are_kept_whole(void **state)
{
    (void)state;
    static float values[PICTURES * PLACES * NUMBERS];
    static size_t index[PICTURES * PLACES], samples[PICTURES * PLACES], places[PICTURES * PLACES];
    static const char *const names[] = {FEATURES_GALLERY, FEATURES_GALLERY_MEANS, FEATURES_GALLERY_COUNT};
    const struct fit_rows rows = of_pictures(values, index, samples, places);
    for (int64_t room = 4; room <= 12; room += 8) {
        const struct shape shapes[] = {{3, {room, PLACES, NUMBERS}}, {2, {room, NUMBERS}}, {1, {1}}};
        const size_t want = room < PICTURES ? (size_t)room : PICTURES;
        struct params *ps = declared(names, shapes, 3);
        struct err e = ERR_INIT;
        bool seen[PICTURES] = {false};
        assert_int_equal(features_fit_pictures(NULL, &rows, ps, &e), 0);
        const float *gallery = params_find(ps, FEATURES_GALLERY)->value,
                    *means = params_find(ps, FEATURES_GALLERY_MEANS)->value;
        assert_int_equal((int)params_find(ps, FEATURES_GALLERY_COUNT)->value[0], (int)want);
        for (size_t k = 0; k < want; k++) {
            size_t i = 0;
            while (i < PICTURES && memcmp(gallery + k * PLACES * NUMBERS, values + i * PLACES * NUMBERS,
                                          PLACES * NUMBERS * sizeof *values))
                i++;
            assert_true(i < PICTURES && !seen[i]);
            seen[i] = true;
            double mean = 0;
            for (size_t p = 0; p < PLACES; p++)
                mean += (double)values[(i * PLACES + p) * NUMBERS + 2] / PLACES;
            assert_true(fabs((double)means[k * NUMBERS + 2] - mean) < 1e-5);
        }
        params_free(ps);
    }
}

/* ---- what is usual where ---- */

enum { SEEN = 40, HIGH = 5, WIDE = 12, GRID = HIGH * WIDE, ITEMS = 30, PER_ROW = 8 };

/* Rows of `n` pictures, that spread four times as far in the right half. */
static void draw_grid(uint64_t seed, size_t n, float *values, size_t *index, size_t *samples, size_t *places)
{
    struct rng r = rng_new(seed, 0);
    for (size_t i = 0; i < n * GRID; i++) {
        index[i] = i;
        samples[i] = i / GRID;
        places[i] = i % GRID;
        for (size_t k = 0; k < PER_ROW; k++)
            values[PER_ROW * i + k] = rng_normal(&r) * (i % WIDE < WIDE / 2 ? 1 : 4);
    }
}

struct grid {
    float values[PER_ROW * SEEN * GRID], bank[PER_ROW * ITEMS];
    size_t index[SEEN * GRID], samples[SEEN * GRID], places[SEEN * GRID], chosen[ITEMS];
};

static struct params *usual_of(struct grid *g, size_t pictures, size_t first_place)
{
    static const char *const names[] = {FEATURES_ITEMS_NAME, FEATURES_USUAL, FEATURES_USUAL_FACTOR};
    static const struct shape shapes[] = {{2, {ITEMS, PER_ROW}}, {2, {HIGH, WIDE}}, {2, {HIGH, WIDE}}};
    struct params *ps = declared(names, shapes, 3);
    struct err e = ERR_INIT;
    draw_grid(3, SEEN, g->values, g->index, g->samples, g->places);
    for (size_t i = 0; i < SEEN * GRID; i++)
        g->places[i] += first_place;
    const struct fit_rows rows = {.values = g->values,
                                  .index = g->index,
                                  .samples = g->samples,
                                  .places = g->places,
                                  .n = pictures * GRID,
                                  .width = PER_ROW,
                                  .seed = 1,
                                  .threads = 2};
    const struct centre_rows white = {g->values, rows.n, PER_ROW, 1};
    assert_int_equal(centres_choose(&white, ITEMS, 1, g->chosen, &e), 0);
    for (size_t k = 0; k < (size_t)PER_ROW * ITEMS; k++)
        g->bank[k] = params_find(ps, FEATURES_ITEMS_NAME)->value[k] =
            g->values[PER_ROW * g->chosen[k / PER_ROW] + k % PER_ROW];
    assert_int_equal(features_fit_usual(&rows, g->values, g->chosen, ps, &e), 0);
    return ps;
}

static double distance_from(const float *bank, const float *row)
{
    float least = INFINITY;
    for (size_t k = 0; k < ITEMS; k++) {
        float d = 0;
        for (size_t j = 0; j < PER_ROW; j++)
            d += powf(row[j] - bank[k * PER_ROW + j], 2);
        least = fminf(least, d);
    }
    return sqrt((double)least);
}

/* Distances of pictures that were not seen: as unlike from half to half as they are, and as they are levelled. */
static void levelled_distances_are_alike_everywhere(void **state)
{
    (void)state;
    static struct grid g, more;
    struct params *ps = usual_of(&g, SEEN, 0);
    const float *shift = params_find(ps, FEATURES_USUAL)->value,
                *factor = params_find(ps, FEATURES_USUAL_FACTOR)->value;
    double raw[2] = {0}, level[2] = {0}, n = SEEN * GRID / 2;
    draw_grid(4, SEEN, more.values, more.index, more.samples, more.places);
    for (size_t i = 0; i < SEEN * GRID; i++) {
        const size_t right = i % WIDE >= WIDE / 2, p = i % GRID;
        const double far = distance_from(g.bank, more.values + PER_ROW * i),
                     d = (double)factor[p] * (far - (double)shift[p]);
        if (i % WIDE >= 3 && i % WIDE < WIDE - 3) /* where both halves are around */
            continue;
        raw[right] += far / n;
        level[right] += d / n;
    }
    assert_true(fabs(log(raw[1] / raw[0])) > 0.3);
    assert_true(fabs(log(level[1] / level[0])) < 0.1);
    params_free(ps);
}

/* Tiles follow each other; a single picture leaves nothing to measure, and everything as it is. */
static void places_of_tiles_are_the_same_ones(void **state)
{
    (void)state;
    static struct grid g;
    struct params *one = usual_of(&g, SEEN, 0), *other = usual_of(&g, SEEN, 3 * GRID), *none = usual_of(&g, 1, 0);
    assert_memory_equal(params_find(one, FEATURES_USUAL)->value, params_find(other, FEATURES_USUAL)->value,
                        GRID * sizeof(float));
    for (size_t p = 0; p < GRID; p++) {
        assert_true(params_find(none, FEATURES_USUAL)->value[p] == 0);
        assert_true(params_find(none, FEATURES_USUAL_FACTOR)->value[p] == 1);
    }
    params_free(one);
    params_free(other);
    params_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whitened_rows_are_uncorrelated),
        cmocka_unit_test(rows_that_hardly_vary_are_whitened),
        cmocka_unit_test(centres_are_far_apart),
        cmocka_unit_test(every_row_may_be_a_centre),
        cmocka_unit_test(many_at_once_choose_what_one_at_a_time_does),
        cmocka_unit_test(centres_are_added_where_none_is_near),
        cmocka_unit_test(positions_have_gaussians_of_their_own),
        cmocka_unit_test(pictures_are_kept_whole),
        cmocka_unit_test(levelled_distances_are_alike_everywhere),
        cmocka_unit_test(places_of_tiles_are_the_same_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
