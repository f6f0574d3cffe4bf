/* Resizing against a double-precision reference written from the definition. */
#include "support.h"

#include "base/rng.h"
#include "picture/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double cubic(double x)
{
    x = fabs(x);
    return x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

/* Weight of input k (any whole number; beyond the ends the end repeats) for output i. */
static double weight(enum resize_filter filter, int from, int to, int i, int k)
{
    double scale = (double)from / to;
    if (filter == RESIZE_AREA || to < from) {
        double covered = fmin((i + 1) * scale, k + 1) - fmax(i * scale, k);
        return fmax(covered, 0) / scale;
    }
    return cubic((i + 0.5) * scale - 0.5 - k);
}

static void reference(enum resize_filter filter, const uint8_t *in, int w, int h, int channels, double *out, int to_w,
                      int to_h)
{
    for (int y = 0; y < to_h; y++)
        for (int x = 0; x < to_w; x++)
            for (int c = 0; c < channels; c++) {
                double sum = 0;
                for (int v = -3; v < h + 3; v++) {
                    double down = weight(filter, h, to_h, y, v);
                    for (int u = -3; down != 0 && u < w + 3; u++) {
                        int at_x = u < 0 ? 0 : u >= w ? w - 1 : u, at_y = v < 0 ? 0 : v >= h ? h - 1 : v;
                        sum += down * weight(filter, w, to_w, x, u) * in[(at_y * w + at_x) * channels + c];
                    }
                }
                *out++ = fmin(fmax(sum, 0), 255);
            }
}

static void test_reference(void **state)
{
    (void)state;
    static const int sizes[][4] = {{7, 5, 7, 5},   {16, 16, 8, 8},   {10, 10, 7, 3}, {5, 4, 17, 13},
                                   {3, 40, 20, 9}, {1, 1, 6, 6},     {33, 21, 1, 1}, {100, 2, 9, 2},
                                   {2, 2, 3, 3},   {64, 48, 63, 49}, {300, 3, 7, 11}};
    struct resize r = {0};
    struct rng rng = rng_new(1, 1);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int channels = 1; channels <= 3; channels += 2)
            for (enum resize_filter filter = RESIZE_SMOOTH; filter <= RESIZE_AREA; filter++) {
                const int *s = sizes[k];
                size_t n = (size_t)(s[0] * s[1] * channels), to_n = (size_t)(s[2] * s[3] * channels);
                uint8_t *in = malloc(n), *out = malloc(to_n);
                double *want = malloc(to_n * sizeof *want);
                for (size_t i = 0; i < n; i++)
                    in[i] = (uint8_t)rng_u64(&rng);
                struct err e = ERR_INIT;
                assert_int_equal(resize_run(&r, filter, in, s[0], s[1], channels, out, s[2], s[3], &e), 0);
                reference(filter, in, s[0], s[1], channels, want, s[2], s[3]);
                for (size_t i = 0; i < to_n; i++)
                    if (fabs(out[i] - want[i]) > 0.75)
                        fail_msg("%dx%d to %dx%d: value %zu is %d, not %.2f", s[0], s[1], s[2], s[3], i, out[i],
                                 want[i]);
                free(in);
                free(out);
                free(want);
            }
    resize_free(&r);
}

/* Whatever the sizes, one shade stays that shade. */
static void test_flat_stays_flat(void **state)
{
    (void)state;
    static uint8_t in[8000 * 20], out[256 * 256];
    struct resize r = {0};
    for (int shade = 0; shade < 256; shade += 51)
        for (int to = 1; to <= 256; to += 85) {
            struct err e = ERR_INIT;
            memset(in, shade, sizeof in);
            assert_int_equal(resize_run(&r, RESIZE_SMOOTH, in, 8000, 20, 1, out, to, to, &e), 0);
            for (int i = 0; i < to * to; i++)
                assert_int_equal(out[i], shade);
        }
    resize_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_flat_stays_flat),
    };
    return cmocka_run_group_tests_name("picture/resize", tests, NULL, NULL);
}
