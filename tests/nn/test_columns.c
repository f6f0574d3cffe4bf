/* Convolutions as products of gathered windows: all three directions of layers of any kind against double precision.
 * Where they are used by themselves is another matter (conv_way.takes): here they are computed on any processor that
 * has bf16. */
#include "nn/bf16.h"
#include "nn/conv/way.h"
#include "convolutions.h"
#include "probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct conv_way conv_columns;

enum { GUARD = 0x4241 }; /* behind what is written */

struct tensor {
    size_t n;
    float *f32;
    bf16 *half;
    double *wide; /* of half */
};

static struct tensor tensor_new(int64_t n, int stream)
{
    struct tensor t = {.n = (size_t)n};
    t.f32 = malloc(t.n * sizeof *t.f32);
    t.half = malloc((t.n + 1) * sizeof *t.half);
    assert_non_null(t.f32);
    assert_non_null(t.half);
    probe_fill(t.f32, t.n, (uint64_t)stream, 1);
    bf16_narrow(t.f32, t.half, t.n);
    t.half[t.n] = GUARD;
    t.wide = widened(t.f32, t.n, BF16);
    return t;
}

static void tensor_free(struct tensor *t)
{
    free(t->f32);
    free(t->half);
    free(t->wide);
}

/* Of a convolution with the layer's kernel whose fine side has the layer's size. */
static struct conv_task task_of(const struct layer *l, int threads, struct geometry *g)
{
    struct dnn_conv_spec s = {.src_type = BF16, .dst_type = BF16, .directions = ALL_DIRECTIONS, .threads = threads};
    s.src.nd = s.dst.nd = l->nd + 2;
    s.src.d[0] = s.dst.d[0] = l->n;
    s.src.d[l->nd + 1] = l->in;
    s.dst.d[l->nd + 1] = l->out;
    *g = (struct geometry){.n = l->n, .fine_channels = l->in, .coarse_channels = l->out};
    for (int i = 0; i < 3; i++)
        g->fine[i] = g->coarse[i] = g->kernel[i] = g->stride[i] = 1;
    for (int i = 0, at = 3 - l->nd; i < l->nd; i++, at++) {
        s.kernel[i] = g->kernel[at] = l->kernel[i];
        s.stride[i] = g->stride[at] = l->stride[i];
        s.pad[i] = g->pad[at] = l->pad[i];
        g->fine[at] = l->size[i];
        g->coarse[at] = (l->size[i] + 2 * l->pad[i] - l->kernel[i]) / l->stride[i] + 1;
        s.src.d[i + 1] = g->fine[at];
        s.dst.d[i + 1] = g->coarse[at];
    }
    return (struct conv_task){.conv = s, .data_type = BF16, .training = true};
}

static void compare_half(const struct layer *l, const char *what, const bf16 *got, const double *want, size_t n)
{
    float *wide = malloc(n * sizeof *wide);
    assert_non_null(wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = bf16_to_f32(got[i]);
    layer_compare(l, what, wide, want, n);
    assert_int_equal(got[n], GUARD);
    free(wide);
}

static void check(struct layer l, int threads)
{
    struct geometry g;
    struct conv_task t = task_of(&l, threads, &g);
    void *columns;
    struct err e = ERR_INIT;
    l.from = l.to = BF16;
    l.transposed = false;
    assert_int_equal(conv_columns.create(&t, &columns, &e), 0);
    struct tensor fine = tensor_new(shape_count(&t.conv.src), 1), coarse = tensor_new(shape_count(&t.conv.dst), 2);
    struct tensor weight = tensor_new((int64_t)l.in * l.out * g.kernel[0] * g.kernel[1] * g.kernel[2], 3);
    size_t room = conv_columns.scratch(columns);
    struct conv_call call = {.scratch = aligned_alloc(64, room + 64)};
    memset(call.scratch, 0xff, room); /* NaN, where it is read before it is written */
    conv_columns.pack(columns, weight.f32);

    double *want = zeros(coarse.n + fine.n + weight.n);
    memset(coarse.half, 0xff, coarse.n * sizeof(bf16));
    connect(&g, want, weight.wide, fine.wide, want);
    call.src = fine.half;
    call.to = coarse.half;
    assert_true(conv_columns.run[DNN_FORWARD](columns, &call));
    compare_half(&l, "forward", coarse.half, want, coarse.n);

    bf16_narrow(coarse.f32, coarse.half, coarse.n);
    connect(&g, coarse.wide, want + coarse.n, fine.wide, want + coarse.n);
    call.dst = coarse.half;
    call.to = weight.f32;
    assert_true(conv_columns.run[DNN_BACKWARD_WEIGHTS](columns, &call));
    layer_compare(&l, "the weight's gradient", weight.f32, want + coarse.n, weight.n);

    memset(fine.half, 0xff, fine.n * sizeof(bf16));
    connect(&g, coarse.wide, weight.wide, want + coarse.n + weight.n, want + coarse.n + weight.n);
    call.to = fine.half;
    assert_true(conv_columns.run[DNN_BACKWARD_DATA](columns, &call));
    compare_half(&l, "data", fine.half, want + coarse.n + weight.n, fine.n);

    conv_columns.release(columns);
    free(call.scratch);
    free(want);
    tensor_free(&fine);
    tensor_free(&coarse);
    tensor_free(&weight);
}

static void skip_without_bf16(void)
{
    if (dnn_has_bf16())
        return;
    print_message("this processor does not compute in bf16: nothing to test\n");
    skip();
}

static void any_layer(void **state)
{
    (void)state;
    skip_without_bf16();
    struct rng r = rng_new(22, 0);
    for (int i = 0; i < 120; i++) {
        struct layer l = layer_draw(&r);
        for (int d = 0; d < l.nd; d++)
            l.size[d] = l.size[d] < l.kernel[d] ? l.kernel[d] : l.size[d];
        check(l, 1 + i % 3);
    }
}

/* Several products a thread, the last of fewer rows; strides in which some values are reached by no tap. */
static void large_and_odd_layers(void **state)
{
    (void)state;
    skip_without_bf16();
    static const struct layer layers[] = {
        {.nd = 2, .n = 7, .size = {41, 40}, .in = 5, .out = 6, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}},
        {.nd = 3,
         .n = 1,
         .size = {6, 50, 44},
         .in = 1,
         .out = 4,
         .kernel = {3, 3, 3},
         .stride = {1, 2, 2},
         .pad = {1, 1, 1}},
        {.nd = 2, .n = 2, .size = {13, 17}, .in = 3, .out = 2, .kernel = {1, 2}, .stride = {3, 4}, .pad = {0, 1}},
        {.nd = 2, .n = 3, .size = {4, 4}, .in = 8, .out = 8, .kernel = {4, 4}, .stride = {2, 2}, .pad = {1, 1}},
        {.nd = 2, .n = 1, .size = {1, 1}, .in = 40, .out = 3, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}},
        {.nd = 2, .n = 3, .size = {28, 28}, .in = 1, .out = 16, .kernel = {1, 1}, .stride = {2, 2}},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int threads = 1; threads <= 4; threads++)
            check(layers[i], threads);
}

/* Without tiles oneDNN's convolutions are the faster way; in F32 and for scorers always. */
static void pays_in_bf16_with_tiles_alone(void **state)
{
    (void)state;
    struct layer l = {
        .nd = 2, .n = 64, .size = {16, 16}, .in = 64, .out = 128, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}};
    struct geometry g;
    struct conv_task t = task_of(&l, 1, &g);
    assert_int_equal(conv_columns.takes(&t), dnn_has_amx() ? t.conv.directions : 0);
    t.training = false;
    assert_int_equal(conv_columns.takes(&t), 0);
    t.training = true;
    t.conv.src_type = t.conv.dst_type = F32;
    assert_int_equal(conv_columns.takes(&t), 0);
    l.stride[0] = l.stride[1] = 1;
    t = task_of(&l, 1, &g);
    assert_int_equal(conv_columns.takes(&t), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_layer),
        cmocka_unit_test(large_and_odd_layers),
        cmocka_unit_test(pays_in_bf16_with_tiles_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
