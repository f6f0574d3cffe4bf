/* Augmentation: what is drawn, and each change against what it should be, pixel by pixel. */
#include "support.h"

#include "base/rng.h"
#include "data/augment.h"
#include "support/within.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct change nothing = {.zoom = 1, .gain = 1};
static const struct augment everything = {
    .flip_h = true, .flip_v = true, .shift = 0.2, .rotate = 30, .zoom = 0.25, .gain = 0.3, .offset = 0.1};

enum { H = 13, W = 17, MOST = 5 * H * W * 3 };

static void noise(uint8_t *pixels, size_t n)
{
    struct rng r = rng_new(3, n);
    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint8_t)rng_below(&r, 256);
}

/* Soft enough that the 1/256 of a pixel to which places are known makes no difference. */
static void soft(uint8_t *pixels, int channels)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < channels; c++)
                *pixels++ = (uint8_t)lround(127 + 60 * sin(0.5 * x + c) + 60 * cos(0.4 * y - c));
}

static void make(const struct change *c, struct shape sample, uint8_t *pixels)
{
    uint8_t spare[MOST];
    change_make(c, &sample, pixels, spare);
}

/* Beyond its edges a picture goes on with the pixels there. */
static int inside(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static void test_nothing(void **state)
{
    (void)state;
    uint8_t before[MOST], after[MOST];
    noise(before, MOST);
    memcpy(after, before, MOST);
    make(&nothing, SHAPE(5, H, W, 3), after);
    assert_memory_equal(before, after, MOST);
    assert_false(augment_wanted(&(struct augment){0}));
    struct shape sample = SHAPE(H, W, 3);
    struct change c = augment_draw(&(struct augment){0}, &sample, 1, 2, 3);
    make(&c, SHAPE(5, H, W, 3), after);
    assert_memory_equal(before, after, MOST);
}

static void test_shift(void **state)
{
    (void)state;
    static const int shifts[][2] = {{1, 0}, {0, 1}, {-3, 2}, {5, -6}, {0, -H}, {40, 40}};
    for (int channels = 1; channels <= 3; channels += 2)
        for (size_t k = 0; k < sizeof shifts / sizeof *shifts; k++) {
            struct change c = nothing;
            uint8_t before[MOST], after[MOST];
            c.right = shifts[k][0];
            c.down = shifts[k][1];
            noise(before, MOST);
            memcpy(after, before, MOST);
            make(&c, SHAPE(H, W, channels), after);
            for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++)
                    for (int i = 0; i < channels; i++) {
                        int from = (inside(y - c.down, H) * W + inside(x - c.right, W)) * channels + i;
                        assert_int_equal(after[(y * W + x) * channels + i], before[from]);
                    }
        }
}

/* Half a turn is both mirrors, a quarter turn clockwise brings the left column to the top. */
static void test_turn(void **state)
{
    (void)state;
    struct change half = nothing, mirrors = nothing, quarter = nothing;
    uint8_t turned[MOST], flipped[MOST], before[MOST];
    half.angle = 180;
    mirrors.flip_h = mirrors.flip_v = true;
    noise(before, MOST);
    memcpy(turned, before, MOST);
    memcpy(flipped, before, MOST);
    make(&half, SHAPE(H, W, 3), turned);
    make(&mirrors, SHAPE(H, W, 3), flipped);
    assert_memory_equal(turned, flipped, H * W * 3);
    quarter.angle = 90;
    memcpy(turned, before, MOST);
    make(&quarter, SHAPE(W, W, 1), turned);
    for (int y = 0; y < W; y++)
        for (int x = 0; x < W; x++)
            assert_int_equal(turned[y * W + x], before[(W - 1 - x) * W + y]);
}

/* From the definition, in double precision. */
static double expected(const struct change *c, const uint8_t *in, int channels, int x, int y, int channel)
{
    const double pi = acos(-1), angle = c->angle * pi / 180;
    const double dx = x - (W - 1) / 2.0 - c->right, dy = y - (H - 1) / 2.0 - c->down;
    const double u = (W - 1) / 2.0 + (cos(angle) * dx + sin(angle) * dy) / c->zoom;
    const double v = (H - 1) / 2.0 + (-sin(angle) * dx + cos(angle) * dy) / c->zoom;
    double sum = 0;
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
            int column = inside((int)floor(u) + i, W), row = inside((int)floor(v) + j, H);
            double weight = (1 - fabs(u - floor(u) - i)) * (1 - fabs(v - floor(v) - j));
            sum += weight * in[(row * W + column) * channels + channel];
        }
    return fmin(fmax(sum * c->gain + 255 * c->offset, 0), 255);
}

static void test_reference(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int k = 0; k < 50; k++) {
            uint8_t before[MOST], after[MOST];
            struct shape sample = SHAPE(H, W, channels);
            struct augment a = everything;
            a.flip_h = a.flip_v = false;
            a.rotate = 180;
            struct change c = augment_draw(&a, &sample, 5, 0, (size_t)k);
            soft(before, channels);
            memcpy(after, before, MOST);
            make(&c, sample, after);
            for (int i = 0; i < H * W * channels; i++) {
                double want = expected(&c, before, channels, i / channels % W, i / channels / W, i % channels);
                assert_true(fabs(after[i] - want) < 1.6);
            }
        }
}

static double mean(const uint8_t *pixels, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pixels[i];
    return sum / (double)n;
}

static void test_brightness(void **state)
{
    (void)state;
    uint8_t pixels[MOST];
    soft(pixels, 1);
    double before = mean(pixels, H * W);
    struct change c = nothing;
    c.gain = 0.8;
    c.offset = 0.1;
    make(&c, SHAPE(H, W, 1), pixels);
    assert_true(fabs(mean(pixels, H * W) - (0.8 * before + 25.5)) < 0.1);
    c.gain = 1;
    c.offset = 1;
    make(&c, SHAPE(H, W, 1), pixels);
    assert_true(mean(pixels, H * W) == 255);
}

/* Every frame as if it were alone. */
static void test_clip(void **state)
{
    (void)state;
    struct shape sample = SHAPE(5, H, W, 3);
    struct change c = augment_draw(&everything, &sample, 1, 1, 1);
    uint8_t clip[MOST], frames[MOST];
    noise(clip, MOST);
    memcpy(frames, clip, MOST);
    make(&c, sample, clip);
    for (int i = 0; i < 5; i++)
        make(&c, SHAPE(H, W, 3), frames + i * H * W * 3);
    assert_memory_equal(clip, frames, MOST);
}

static void test_tiny(void **state)
{
    (void)state;
    for (int h = 1; h <= 3; h++)
        for (int w = 1; w <= 3; w++)
            for (size_t k = 0; k < 20; k++) {
                struct shape sample = SHAPE(h, w, 1);
                struct change c = augment_draw(&everything, &sample, 1, 1, k);
                uint8_t pixels[9] = {100, 100, 100, 100, 100, 100, 100, 100, 100};
                c.gain = 1;
                c.offset = 0;
                make(&c, sample, pixels);
                for (int i = 0; i < h * w; i++)
                    assert_int_equal(pixels[i], 100);
            }
}

struct extremes {
    double least, most, sum;
};

static void count(struct extremes *x, double v)
{
    x->least = fmin(x->least, v);
    x->most = fmax(x->most, v);
    x->sum += v;
}

/* All of the range is drawn, nothing beyond it, and the middle is the mean. */
static void expect_range(const struct extremes *x, double least, double most, int n)
{
    double width = most - least;
    assert_true(x->least >= least - 1e-9 && x->least < least + 0.02 * width);
    assert_true(x->most <= most + 1e-9 && x->most > most - 0.02 * width);
    assert_true(fabs(x->sum / n - (least + most) / 2) < 0.03 * width);
}

static void test_draws(void **state)
{
    (void)state;
    enum { N = 4000 };
    struct shape sample = SHAPE(40, 60, 1);
    struct extremes right = {0}, down = {0}, angle = {0}, zoom = {0}, gain = {1, 1, 0}, offset = {0};
    int flips[2] = {0, 0};
    for (size_t i = 0; i < N; i++) {
        struct change c = augment_draw(&everything, &sample, 1, (int64_t)i % 7, i / 7);
        count(&right, c.right);
        count(&down, c.down);
        count(&angle, c.angle);
        count(&zoom, log(c.zoom));
        count(&gain, c.gain);
        count(&offset, c.offset);
        flips[0] += c.flip_h;
        flips[1] += c.flip_v;
    }
    expect_range(&right, -12, 12, N);
    expect_range(&down, -8, 8, N);
    expect_range(&angle, -30, 30, N);
    expect_range(&zoom, -log(1.25), log(1.25), N);
    expect_range(&gain, 0.7, 1.3, N);
    expect_range(&offset, -0.1, 0.1, N);
    for (int i = 0; i < 2; i++)
        assert_within(flips[i], N / 2 - 150, N / 2 + 150);
}

/* A share too small for a pixel still moves by one; an option does not alter what the others draw. */
static void test_draws_apart(void **state)
{
    (void)state;
    struct shape sample = SHAPE(16, 16, 1);
    bool moved = false;
    for (size_t i = 0; i < 50; i++) {
        struct change all = augment_draw(&everything, &sample, 9, 3, i);
        struct change turn = augment_draw(&(struct augment){.rotate = 30}, &sample, 9, 3, i);
        struct change shift = augment_draw(&(struct augment){.shift = 0.001}, &sample, 9, 3, i);
        struct change later = augment_draw(&everything, &sample, 9, 4, i);
        struct change other = augment_draw(&everything, &sample, 8, 3, i);
        assert_true(turn.angle == all.angle && turn.right == 0 && turn.zoom == 1 && turn.gain == 1);
        assert_true(later.angle != all.angle && other.angle != all.angle);
        assert_within(shift.right + 1, 0, 2);
        moved |= shift.right != 0;
    }
    assert_true(moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),   cmocka_unit_test(test_shift),      cmocka_unit_test(test_turn),
        cmocka_unit_test(test_reference), cmocka_unit_test(test_brightness), cmocka_unit_test(test_clip),
        cmocka_unit_test(test_tiny),      cmocka_unit_test(test_draws),      cmocka_unit_test(test_draws_apart),
    };
    return cmocka_run_group_tests_name("data/augment", tests, NULL, NULL);
}
