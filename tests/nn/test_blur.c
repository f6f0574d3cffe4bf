/* The score's Gaussian against a naive one in double precision: not separated, weights scaled up at the edges. */
#include "nn/ops.h"
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double blurred(const float *x, int height, int width, int channels, int y, int at, int c, float sigma)
{
    int radius = (int)ceil(3 * (double)sigma);
    double sum = 0, weights = 0;
    for (int dy = -radius; dy <= radius; dy++)
        for (int dx = -radius; dx <= radius; dx++) {
            if (y + dy < 0 || y + dy >= height || at + dx < 0 || at + dx >= width)
                continue;
            double w = exp(-0.5 * (dy * dy + dx * dx) / ((double)sigma * (double)sigma));
            sum += w * (double)x[((y + dy) * width + at + dx) * channels + c];
            weights += w;
        }
    return sum / weights;
}

static void check(struct shape shape, float sigma, int threads)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, ps);
    struct node *x = graph_input(g, "x", shape), *y = op_blur(g, x, sigma);
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .outputs = &y, .noutputs = 1, .threads = threads});
    size_t n = (size_t)shape_count(&shape);
    float *data = plan_data(p, x), *copy = malloc(n * sizeof *copy);
    probe_fill(data, n, 4, 1);
    memcpy(copy, data, n * sizeof *copy);
    plan_forward(p, 0);
    int height = (int)shape.d[shape.nd - 3], width = (int)shape.d[shape.nd - 2], channels = (int)shape_last(&shape);
    size_t picture = (size_t)(height * width * channels);
    const float *got = plan_data(p, y);
    for (size_t i = 0; i < n; i++) {
        int in = (int)(i % picture);
        double want = blurred(copy + i / picture * picture, height, width, channels, in / (width * channels),
                              in / channels % width, in % channels, sigma);
        if (!(fabs((double)got[i] - want) < 1e-5))
            fail_msg("element %zu of %dx%dx%d is %g, not %g", i, height, width, channels, (double)got[i], want);
    }
    free(copy);
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

static void blur_is_a_gaussian(void **state)
{
    (void)state;
    check(SHAPE(3, 28, 28, 1), 1, 2);
    check(SHAPE(2, 9, 7, 3), 0.4f, 1);
    check(SHAPE(2, 5, 31, 17), 2, 2);
    check(SHAPE(2, 3, 6, 11, 2), 1, 2); /* each frame of a clip on its own */
}

static void blur_wider_than_the_picture(void **state)
{
    (void)state;
    check(SHAPE(2, 4, 3, 2), 16, 1);
    check(SHAPE(1, 1, 1, 1), 1, 1);
    check(SHAPE(1, 1, 40, 1), 5, 1);
}

static void a_constant_stays_as_it_is(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(1, 13, 17, 1)), *y = op_blur(g, x, 3);
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .outputs = &y, .noutputs = 1, .threads = 1});
    float *data = plan_data(p, x);
    for (int i = 0; i < 13 * 17; i++)
        data[i] = 2.5f;
    plan_forward(p, 0);
    for (int i = 0; i < 13 * 17; i++)
        assert_true(fabsf(((float *)plan_data(p, y))[i] - 2.5f) < 1e-5f);
    plan_free(p);
    graph_free(g);
    params_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blur_is_a_gaussian),
        cmocka_unit_test(blur_wider_than_the_picture),
        cmocka_unit_test(a_constant_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
