/* Pixel metrics against cases worked out by hand, and against their definitions, threshold by threshold. */
#include "stats/pixels.h"

#include "base/rng.h"
#include "stats/regions.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- regions ---- */

static void assert_regions(const char *mask, int width, const char *wanted, uint32_t most)
{
    uint8_t bits[64] = {0};
    uint32_t label[64];
    size_t n = strlen(mask);
    for (size_t i = 0; i < n; i++)
        bits[i] = mask[i] != '.';
    uint32_t got = regions_label(bits, width, (int)n / width, label), highest = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(label[i], wanted[i] == '.' ? 0 : wanted[i] - '0');
        highest = label[i] > highest ? label[i] : highest;
    }
    assert_int_equal(got, highest);
    assert_int_equal(regions_most(width, (int)n / width), most);
}

static void regions_touch_by_sides_and_corners(void **state)
{
    (void)state;
    assert_regions("....", 2, "....", 1);
    assert_regions("x", 1, "1", 1);
    assert_regions("x.x.x", 5, "1.2.3", 3);
    assert_regions("x.x.x", 1, "1.2.3", 3);
    assert_regions("x.."
                   ".x."
                   "..x",
                   3,
                   "1.."
                   ".1."
                   "..1",
                   4);
    assert_regions("..x"
                   ".x."
                   "x..",
                   3,
                   "..1"
                   ".1."
                   "1..",
                   4);
    /* The ends of two rows are no neighbours. */
    assert_regions("..x"
                   "..."
                   "x..",
                   3,
                   "..1"
                   "..."
                   "2..",
                   4);
    assert_regions("..x"
                   "x..",
                   3,
                   "..1"
                   "2..",
                   2);
    /* Arms that meet at the bottom: their numbers become one, and the dot in between stays its own. */
    assert_regions("x.....x.x"
                   "x..x..x.x"
                   "x.....x.x"
                   "xxxxxxx.x",
                   9,
                   "1.....1.2"
                   "1..3..1.2"
                   "1.....1.2"
                   "1111111.2",
                   10);
}

/* ---- by hand ---- */

static void assert_rates(const struct pixel_metrics *p, const char *kind, const struct pixel_rates *wanted)
{
    struct pixel_rates got = pixel_metrics_rates(p, kind);
    assert_int_equal(got.regions, wanted->regions);
    if (!(fabs(got.auroc - wanted->auroc) < 1e-12 && fabs(got.average_precision - wanted->average_precision) < 1e-12 &&
          fabs(got.aupro - wanted->aupro) < 1e-12))
        fail_msg("AUROC %.12g, precision %.12g, AUPRO %.12g, not %.12g, %.12g, %.12g", got.auroc, got.average_precision,
                 got.aupro, wanted->auroc, wanted->average_precision, wanted->aupro);
}

/* One row of pixels. */
static struct pixel_metrics *row(int width, const float *map, const uint8_t *mask)
{
    struct err e = ERR_INIT;
    struct pixel_metrics *p = pixel_metrics_new(width, 1);
    assert_non_null(p);
    assert_int_equal(pixel_metrics_add(p, "dent", map, mask, &e), 0);
    return p;
}

static void assert_row(int width, const float *map, const uint8_t *mask, const struct pixel_rates *wanted)
{
    struct pixel_metrics *p = row(width, map, mask);
    assert_rates(p, NULL, wanted);
    pixel_metrics_free(p);
}

static void perfect_maps_have_1(void **state)
{
    (void)state;
    const float map[] = {0.1f, 0.2f, 0.9f, 0.9f, 0.3f, 5, 0.3f};
    const uint8_t mask[] = {0, 0, 1, 1, 0, 1, 0};
    assert_row(7, map, mask, &(struct pixel_rates){1, 1, 1, 2});
}

/* Wrong everywhere outside; of the defects one is all there and one half. */
static void what_is_outside_a_region_does_not_count(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const float map[] = {0, 9, 0.1f, 0.9f, 0, 0.2f, 5};
    const uint8_t mask[] = {1, 0, 0, 1, 1, 0, 1}, roi[] = {0, 0, 1, 1, 0, 1, 1};
    struct pixel_metrics *p = pixel_metrics_new(7, 1);
    assert_non_null(p);
    pixel_metrics_region(p, roi);
    assert_int_equal(pixel_metrics_add(p, "dent", map, mask, &e), 0);
    assert_rates(p, NULL, &(struct pixel_rates){1, 1, 1, 2});
    pixel_metrics_free(p);
}

static void worst_maps_have_0(void **state)
{
    (void)state;
    const float map[] = {3, 2, 0, 0.1f, 4, 5, 3};
    const uint8_t mask[] = {0, 0, 1, 1, 0, 0, 0};
    assert_row(7, map, mask, &(struct pixel_rates){0, (1 / 6.0 + 2 / 7.0) / 2, 0, 1});
}

/* All equal: one line from (0,0) to (1,1); up to 0.3 it has 0.3^2 / 2. */
static void a_flat_map_is_guessing(void **state)
{
    (void)state;
    const float map[] = {0, 0, 0, 0, 0};
    const uint8_t mask[] = {0, 0, 1, 0, 1};
    assert_row(5, map, mask, &(struct pixel_rates){0.5, 2 / 5.0, 0.15, 2});
}

/* A region of 3 pixels and one of 1 weigh the same. 10 normal pixels: the curve goes (0, 1/6), (0.1, 1/6), (0.1, 2/3),
 * (0.2, 5/6), (0.4, 5/6) ..: 0.1/6 + 0.1 (2/3 + 5/6) / 2 + 0.1 5/6 = 0.175. */
static void regions_weigh_the_same(void **state)
{
    (void)state;
    const float map[] = {9, 6, 1, 8, 7, 1, 1, 6, 5, 5, 1, 1, 1, 1};
    const uint8_t mask[] = {1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    double roc = 10 + 9 + (8 + 0.5) + 6 / 2.0, precision = 1 + 2 / 3.0 + 3 / 5.0 + 4 / 14.0;
    assert_row(14, map, mask, &(struct pixel_rates){roc / 40, precision / 4, 0.175 / 0.3, 2});
}

/* Nine of ten normal pixels tie at the bottom: from (0.1, 0.5) the curve goes in one line to (1,1). At 0.3 it is at
 * 0.5 + 0.5 2/9. To cut at the last point before would lose most of the area, to divide by the 0.1 reached would
 * flatter.
 */
static void the_limit_lies_within_the_last_jump(void **state)
{
    (void)state;
    const float map[] = {3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t mask[] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    double area = 0.1 * 0.5 + 0.2 * (0.5 + 0.5 + 0.5 * 2 / 9) / 2;
    assert_row(12, map, mask, &(struct pixel_rates){(10 + 4.5) / 20, (1 + 2 / 12.0) / 2, area / 0.3, 2});
}

/* The limit is met exactly: 3 of 10 normal pixels, at PRO 1 from 0.2 on. */
static void the_limit_is_a_point_of_the_curve(void **state)
{
    (void)state;
    const float map[] = {9, 8, 7, 6, 1, 1, 1, 1, 1, 1, 1};
    const uint8_t mask[] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_row(11, map, mask, &(struct pixel_rates){0.8, 1 / 3.0, 0.1 / 0.3, 1});
}

static void negative_values_are_in_order(void **state)
{
    (void)state;
    static const float values[] = {-INFINITY, -1e30f, -2,     -1,     -0.5f, -1e-30f,
                                   -1e-44f,   0,      1e-44f, 1e-30f, 0.5f,  INFINITY};
    static const uint8_t second[] = {0, 1};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            struct pixel_metrics *p = row(2, (float[]){values[i], values[j]}, second);
            bool tiny = fabsf(values[i]) < 1e-40f && fabsf(values[j]) < 1e-40f; /* below the first step */
            double wanted = i == j ? 0.5 : i < j ? 1 : 0;
            if (!tiny)
                assert_true(pixel_metrics_rates(p, NULL).auroc == wanted);
            pixel_metrics_free(p);
        }
    struct pixel_metrics *p = row(2, (float[]){0.0f, -0.0f}, second); /* one value, whatever its sign */
    assert_true(pixel_metrics_rates(p, NULL).auroc == 0.5);
    pixel_metrics_free(p);
}

static void no_defect_no_number(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const float map[] = {1, 2};
    const uint8_t none[] = {0, 0}, all[] = {1, 1};
    struct pixel_metrics *p = pixel_metrics_new(2, 1);
    assert_true(isnan(pixel_metrics_rates(p, NULL).auroc));
    assert_int_equal(pixel_metrics_add(p, NULL, map, all, &e), 0); /* a normal picture's mask is not read */
    assert_int_equal(pixel_metrics_add(p, "faint", map, none, &e), 0);
    struct pixel_rates r = pixel_metrics_rates(p, NULL);
    assert_true(isnan(r.auroc) && isnan(r.average_precision) && isnan(r.aupro) && r.regions == 0);
    pixel_metrics_free(p);
    p = row(2, map, all);
    r = pixel_metrics_rates(p, NULL);
    assert_true(isnan(r.auroc) && isnan(r.average_precision) && isnan(r.aupro) && r.regions == 1);
    pixel_metrics_free(p);
}

/* ---- by definition ---- */

enum { WIDTH = 9, HEIGHT = 7, PIXELS = WIDTH * HEIGHT, PICTURES = 6 };

struct drawn {
    const char *kind;
    float map[PIXELS];
    uint8_t mask[PIXELS];
    int region[PIXELS]; /* of all pictures together, from 1 */
};

static void flood(struct drawn *d, int x, int y, int number)
{
    int i = y * WIDTH + x;
    if (x < 0 || y < 0 || x >= WIDTH || y >= HEIGHT || !d->mask[i] || d->region[i])
        return;
    d->region[i] = number;
    for (int k = 0; k < 9; k++)
        flood(d, x + k % 3 - 1, y + k / 3 - 1, number);
}

/* Values are quarters, negative ones too, so that each has a step of its own; few levels mean many ties. */
static int draw(struct rng *r, struct drawn *d, const char *kind, int levels, int regions)
{
    *d = (struct drawn){.kind = kind};
    for (int i = 0; i < PIXELS; i++) {
        d->mask[i] = kind && rng_uniform(r) < 0.2f;
        float x = (float)levels * (rng_uniform(r) + 0.3f * (float)d->mask[i]);
        d->map[i] = (floorf(x) - (float)(levels / 2)) / 4;
    }
    for (int i = 0; i < PIXELS; i++)
        if (d->mask[i] && !d->region[i])
            flood(d, i % WIDTH, i / WIDTH, ++regions);
    return regions;
}

static bool belongs(const struct drawn *d, const char *kind)
{
    return !kind || !d->kind || !strcmp(d->kind, kind);
}

/* Where the threshold stands. */
struct point {
    double fpr, recall, precision, pro;
};

static struct point point_at(const struct drawn *d, const char *kind, float threshold)
{
    double normal = 0, alarms = 0, defective = 0, hits = 0, pro = 0, regions = 0, size[PICTURES * PIXELS] = {0},
           found[PICTURES * PIXELS] = {0};
    for (int k = 0; k < PICTURES; k++)
        for (int i = 0; i < PIXELS && belongs(&d[k], kind); i++) {
            bool above = d[k].map[i] >= threshold;
            *(d[k].mask[i] ? &defective : &normal) += 1;
            *(d[k].mask[i] ? &hits : &alarms) += above;
            size[d[k].region[i]]++;
            found[d[k].region[i]] += above;
        }
    for (int i = 1; i < PICTURES * PIXELS; i++) {
        regions += size[i] > 0;
        pro += size[i] > 0 ? found[i] / size[i] : 0;
    }
    return (struct point){alarms / normal, hits / defective, hits / (hits + alarms), pro / regions};
}

static double line_area(double x0, double y0, double x1, double y1, double limit)
{
    if (x0 >= limit)
        return 0;
    double x = x1 < limit ? x1 : limit, y = x1 < limit ? y1 : y0 + (y1 - y0) * (limit - x0) / (x1 - x0);
    return (x - x0) * (y0 + y) / 2;
}

static struct pixel_rates by_definition(const struct drawn *d, const char *kind, int levels)
{
    struct pixel_rates r = {0};
    struct point last = {0};
    for (int step = 2 * levels; step >= -levels; step--) {
        struct point now = point_at(d, kind, (float)step / 4);
        r.auroc += line_area(last.fpr, last.recall, now.fpr, now.recall, 1);
        r.aupro += line_area(last.fpr, last.pro, now.fpr, now.pro, 0.3) / 0.3;
        r.average_precision += now.recall > last.recall ? (now.recall - last.recall) * now.precision : 0;
        last = now;
    }
    assert_true(last.fpr == 1 && last.recall == 1 && fabs(last.pro - 1) < 1e-12);
    return r;
}

static size_t count_regions(const struct drawn *d, const char *kind)
{
    size_t n = 0;
    for (int k = 0, seen = 0; k < PICTURES; k++)
        for (int i = 0; i < PIXELS; i++) {
            n += belongs(&d[k], kind) && d[k].region[i] > seen;
            seen = d[k].region[i] > seen ? d[k].region[i] : seen;
        }
    return n;
}

static void equal_the_definition(void **state)
{
    (void)state;
    static const int levels[] = {1, 2, 3, 10, 40};
    static const char *const kinds[PICTURES] = {"dent", NULL, "hole", "dent", NULL, "hole"}, *const asked[] = {
                                                                                                 NULL, "dent", "hole"};
    struct rng r = rng_new(5, 6);
    struct err e = ERR_INIT;
    for (int round = 0; round < 40; round++) {
        struct drawn d[PICTURES];
        struct pixel_metrics *p = pixel_metrics_new(WIDTH, HEIGHT);
        for (int k = 0, regions = 0; k < PICTURES; k++) {
            regions = draw(&r, &d[k], kinds[k], levels[round % 5], regions);
            assert_int_equal(pixel_metrics_add(p, kinds[k], d[k].map, d[k].mask, &e), 0);
        }
        for (size_t k = 0; k < 3; k++) {
            struct pixel_rates wanted = by_definition(d, asked[k], levels[round % 5]);
            wanted.regions = count_regions(d, asked[k]);
            assert_rates(p, asked[k], &wanted);
        }
        pixel_metrics_free(p);
    }
}

/* Values closer than a step tie; on values of all sizes this is worth less than 1e-3. */
static void steps_are_fine_enough(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static float map[MANY];
    static uint8_t mask[MANY];
    struct rng r = rng_new(7, 8);
    double wins = 0, pairs = 0;
    for (size_t i = 0; i < MANY; i++) {
        mask[i] = rng_uniform(&r) < 0.1f;
        float x = rng_normal(&r) + (mask[i] ? 1.0f : 0.0f);
        map[i] = i % 7 ? x * x * x * 1e-3f : 0;
    }
    for (size_t i = 0; i < MANY; i++)
        for (size_t j = 0; j < MANY && mask[i]; j++) {
            pairs += !mask[j];
            wins += mask[j] ? 0 : map[i] > map[j] ? 1 : map[i] == map[j] ? 0.5 : 0;
        }
    struct pixel_metrics *p = row(MANY, map, mask);
    assert_true(fabs(pixel_metrics_rates(p, NULL).auroc - wins / pairs) < 1e-3);
    pixel_metrics_free(p);
}

/* The 66th kind and those after it have no numbers of their own, but count. */
static void kinds_beyond_the_last_count_in_the_whole(void **state)
{
    (void)state;
    const uint8_t mask[] = {1, 0};
    struct err e = ERR_INIT;
    struct pixel_metrics *p = pixel_metrics_new(2, 1);
    for (int k = 0; k < 70; k++) {
        char kind[16];
        snprintf(kind, sizeof kind, "kind %d", k);
        assert_int_equal(pixel_metrics_add(p, kind, (float[]){k < 50 ? 2 : 0, 1}, mask, &e), 0);
    }
    assert_true(pixel_metrics_rates(p, "kind 49").auroc == 1 && pixel_metrics_rates(p, "kind 50").auroc == 0);
    assert_true(isnan(pixel_metrics_rates(p, "kind 69").auroc));
    assert_true(fabs(pixel_metrics_rates(p, NULL).auroc - 50.0 / 70) < 1e-12);
    assert_int_equal(pixel_metrics_rates(p, NULL).regions, 70);
    pixel_metrics_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_touch_by_sides_and_corners),
        cmocka_unit_test(perfect_maps_have_1),
        cmocka_unit_test(what_is_outside_a_region_does_not_count),
        cmocka_unit_test(worst_maps_have_0),
        cmocka_unit_test(a_flat_map_is_guessing),
        cmocka_unit_test(regions_weigh_the_same),
        cmocka_unit_test(the_limit_lies_within_the_last_jump),
        cmocka_unit_test(the_limit_is_a_point_of_the_curve),
        cmocka_unit_test(negative_values_are_in_order),
        cmocka_unit_test(no_defect_no_number),
        cmocka_unit_test(equal_the_definition),
        cmocka_unit_test(steps_are_fine_enough),
        cmocka_unit_test(kinds_beyond_the_last_count_in_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
