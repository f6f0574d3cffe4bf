/* The pieces under a convolution: thin adjoints, transformed tiles, matrix products, and what oneDNN computes wrongly.
 */
#include "nn/bf16.h"
#include "nn/conv/way.h"
#include "nn/conv/winograd.h"
#include "convolutions.h"
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

extern const struct conv_way conv_thin;

enum { SEED = 78 };

/* ---- adjoints to few channels ---- */

static void check_thin(const struct layer *l, enum dtype type)
{
    struct geometry g = {.n = l->n, .fine_channels = l->out, .coarse_channels = l->in};
    struct conv_task task = {.data_type = F32, .adjoint = true};
    struct dnn_conv_spec *t = &task.conv;
    *t =
        (struct dnn_conv_spec){.src_type = type, .dst_type = type, .directions = 1u << DNN_BACKWARD_DATA, .threads = 2};
    t->src.nd = t->dst.nd = l->nd + 2;
    t->src.d[0] = t->dst.d[0] = l->n;
    t->src.d[l->nd + 1] = l->out;
    t->dst.d[l->nd + 1] = l->in;
    for (int i = 0; i < 3; i++)
        g.fine[i] = g.coarse[i] = g.kernel[i] = g.stride[i] = 1;
    for (int i = 0, at = 3 - l->nd; i < l->nd; i++, at++) {
        t->kernel[i] = g.kernel[at] = l->kernel[i];
        t->stride[i] = g.stride[at] = l->stride[i];
        t->pad[i] = g.pad[at] = l->pad[i];
        g.coarse[at] = l->size[i];
        g.fine[at] = (l->size[i] - 1) * l->stride[i] - 2 * l->pad[i] + l->kernel[i] + l->output_pad[i];
        t->src.d[i + 1] = g.fine[at];
        t->dst.d[i + 1] = g.coarse[at];
    }
    size_t nsrc = (size_t)shape_count(&t->src), ndst = (size_t)shape_count(&t->dst);
    size_t nw = (size_t)(l->in * l->out * g.kernel[0] * g.kernel[1] * g.kernel[2]);
    float *dst = malloc(ndst * sizeof *dst), *w = malloc(nw * sizeof *w), *src = malloc((nsrc + 1) * sizeof *src);
    bf16 *narrow = malloc(ndst * sizeof *narrow);
    void *thin;
    struct err e = ERR_INIT;
    assert_int_equal(conv_thin.takes(&task), 1u << DNN_BACKWARD_DATA);
    assert_int_equal(conv_thin.create(&task, &thin, &e), 0);
    float bias[CONV_THIN] = {0.5f, -1, 2, 3};
    struct conv_call call = {.bias = l->bias ? bias : NULL, .dst = type == F32 ? (void *)dst : narrow, .to = src};
    call.scratch = aligned_alloc(64, (conv_thin.scratch(thin) + 64) / 64 * 64);
    probe_fill(dst, ndst, 1, 1);
    probe_fill(w, nw, 2, 1);
    for (size_t i = 0; i < ndst; i++)
        narrow[i] = bf16_from_f32(dst[i]);
    double *want = zeros(nsrc), *wide = widened(dst, ndst, type), *weight = widened(w, nw, type);
    connect(&g, wide, weight, want, want);
    for (size_t i = 0; i < nsrc; i++)
        want[i] += l->bias ? (double)bias[i % (size_t)l->out] : 0;
    src[nsrc] = 12345;
    assert_true(conv_thin.pack(thin, w));
    assert_true(conv_thin.run[DNN_BACKWARD_DATA](thin, &call));
    layer_compare(l, "the adjoint", src, want, nsrc);
    assert_true(src[nsrc] == 12345);
    conv_thin.release(thin);
    free(want);
    free(wide);
    free(weight);
    free(dst);
    free(w);
    free(src);
    free(narrow);
    free(call.scratch);
}

static void thin_adjoint_of_any_kernel(void **state)
{
    (void)state;
    struct rng r = rng_new(5, 0);
    for (int i = 0; i < 80; i++) {
        struct layer l = layer_draw(&r);
        if (!l.transposed)
            for (int k = 0; k < l.nd; k++)
                l.size[k] = 1 + l.pad[k] + (int)rng_below(&r, 6);
        l.out = 1 + (int)rng_below(&r, CONV_THIN);
        check_thin(&l, F32);
        if (dnn_has_bf16())
            check_thin(&l, BF16);
    }
    const struct layer large = {.nd = 2,
                                .n = 5,
                                .size = {21, 22},
                                .in = 40,
                                .out = 1,
                                .kernel = {3, 3},
                                .stride = {2, 2},
                                .pad = {1, 1},
                                .output_pad = {1, 1},
                                .transposed = true,
                                .bias = true}; /* several blocks */
    check_thin(&large, F32);
}

/* ---- in transformed tiles ---- */

static float *noise(int64_t n, int stream)
{
    float *p = malloc((size_t)n * sizeof *p);
    assert_non_null(p);
    probe_fill(p, (size_t)n, (uint64_t)(SEED + stream), 1);
    return p;
}

static void expect_near(const char *what, const float *got, const float *want, int64_t n)
{
    double *wide = widened(want, (size_t)n, F32), error = probe_error(got, wide, (size_t)n);
    if (!(error < 2e-5))
        fail_msg("%s is off by %g of its largest value", what, error);
    free(wide);
}

/* Every direction against oneDNN's. */
struct tiled {
    struct winograd_spec spec;
    struct dnn_conv *conv;
    int64_t ns, nd, nw;
    float *src, *dst, *weight, *got, *got_weight, *want;
    void *room, *scratch;
};

static void tiled_begin(struct tiled *t, struct winograd_spec s)
{
    struct dnn_conv_spec d = {.src = s.src,
                              .dst = s.dst,
                              .kernel = {s.side, s.side, s.side},
                              .stride = {2, 2, 2},
                              .pad = {1, 1, 1},
                              .directions = ALL_DIRECTIONS,
                              .threads = s.threads};
    int64_t taps = s.side * s.side * (s.src.nd == 5 ? s.side : 1);
    *t = (struct tiled){.spec = s, .ns = shape_count(&s.src), .nd = shape_count(&s.dst)};
    t->nw = taps * shape_last(&s.src) * shape_last(&s.dst);
    t->src = noise(t->ns, 1);
    t->dst = noise(t->nd, 2);
    t->weight = noise(t->nw, 3);
    t->got = noise(t->ns > t->nd ? t->ns : t->nd, 4);
    t->got_weight = noise(t->nw, 5);
    t->want = noise(t->ns + t->nd + t->nw, 6);
    struct err e = ERR_INIT;
    assert_int_equal(dnn_conv_new(&d, &t->conv, &e), 0);
    t->room = malloc(winograd_scratch(&s));
    t->scratch = malloc(dnn_conv_scratch(t->conv));
    assert_true(dnn_conv_pack(t->conv, t->weight));
}

static void tiled_end(struct tiled *t)
{
    dnn_conv_free(t->conv);
    free(t->src);
    free(t->dst);
    free(t->weight);
    free(t->got);
    free(t->got_weight);
    free(t->want);
    free(t->room);
    free(t->scratch);
}

static void check_tiles(struct winograd_spec s)
{
    struct tiled t;
    tiled_begin(&t, s);
    assert_true(winograd_run(&s, &(struct winograd_call){.src = t.src, .weight = t.weight, .to_dst = t.got}, t.room));
    assert_true(dnn_conv_forward(t.conv, t.src, NULL, t.want, t.scratch));
    expect_near("the convolution", t.got, t.want, t.nd);
    assert_true(winograd_run(&s, &(struct winograd_call){.dst = t.dst, .weight = t.weight, .to_src = t.got}, t.room));
    assert_true(dnn_conv_backward_data(t.conv, t.dst, t.want, t.scratch));
    expect_near("its adjoint", t.got, t.want, t.ns);
    assert_true(
        winograd_run(&s, &(struct winograd_call){.src = t.src, .dst = t.dst, .to_weight = t.got_weight}, t.room));
    assert_true(dnn_conv_backward_weights(t.conv, t.src, t.dst, t.want, t.scratch));
    expect_near("the weights' gradient", t.got_weight, t.want, t.nw);
    tiled_end(&t);
}

/* More samples, or lines, than are transformed at once; sides that are not whole tiles; an odd number of frames. */
static void tiles_in_blocks(void **state)
{
    (void)state;
    struct winograd_spec many = {.src = SHAPE(9, 128, 128, 40), .dst = SHAPE(9, 64, 64, 8), .side = 4, .threads = 2};
    assert_true(winograd_scratch(&many) < (size_t)9 * 100 * 256 * (4 * 40 + 8)); /* in less than one block */
    check_tiles(many);
    check_tiles((struct winograd_spec){SHAPE(9, 128, 127, 40), SHAPE(9, 64, 64, 8), .side = 3, .threads = 2});
    check_tiles((struct winograd_spec){SHAPE(1, 508, 512, 40), SHAPE(1, 254, 256, 8), .side = 3, .threads = 2});
    check_tiles((struct winograd_spec){SHAPE(3, 16, 16, 130), SHAPE(3, 8, 8, 150), .side = 3, .threads = 3});
}

static void tiles_in_time(void **state)
{
    (void)state;
    check_tiles((struct winograd_spec){SHAPE(2, 5, 20, 16, 33), SHAPE(2, 3, 10, 8, 136), .side = 3, .threads = 2});
    check_tiles((struct winograd_spec){SHAPE(1, 1, 32, 32, 32), SHAPE(1, 1, 16, 16, 32), .side = 3, .threads = 1});
    check_tiles((struct winograd_spec){SHAPE(1, 8, 96, 96, 32), SHAPE(1, 4, 48, 48, 32), .side = 3, .threads = 2});
}

/* A score must not depend on what else is in the batch: there, samples do not count. */
static void tiles_pay_where_there_are_many(void **state)
{
    (void)state;
    struct winograd_spec s = {.src = SHAPE(64, 8, 8, 128), .dst = SHAPE(64, 4, 4, 256), .side = 4, .threads = 1};
    assert_true(winograd_pays(&s, true));
    assert_false(winograd_pays(&s, false));
    s = (struct winograd_spec){.src = SHAPE(1, 32, 32, 128), .dst = SHAPE(1, 16, 16, 256), .side = 4, .threads = 1};
    assert_true(winograd_pays(&s, false));
    s.src.d[3] = 3;
    assert_false(winograd_pays(&s, false));
    s = (struct winograd_spec){.src = SHAPE(64, 10, 10, 64), .dst = SHAPE(64, 5, 5, 64), .side = 4, .threads = 1};
    assert_false(winograd_pays(&s, true)); /* mostly beyond the end */
    s = (struct winograd_spec){.src = SHAPE(1, 16, 64, 64, 96), .dst = SHAPE(1, 8, 32, 32, 128), .side = 3};
    assert_true(winograd_pays(&s, false)); /* frames are of one sample */
    s = (struct winograd_spec){.src = SHAPE(32, 8, 8, 128), .dst = SHAPE(32, 4, 4, 128), .side = 3, .threads = 1};
    assert_false(winograd_pays(&s, true));
    assert_true(winograd_pays_for_weights(&s));
}

/* ---- products ---- */

static void matrix_product(void **state)
{
    (void)state;
    enum { M = 7, N = 19, K = 33, LD = 40 };
    float a[LD * LD], b[LD * LD], c[LD * LD], old[LD * LD];
    probe_fill(a, LD * LD, 1, 1);
    probe_fill(b, LD * LD, 2, 1);
    for (int form = 0; form < 8; form++) {
        bool ta = form & 1, tb = form & 2;
        float beta = form & 4 ? 0.5f : 0;
        probe_fill(c, LD * LD, 3, 1);
        memcpy(old, c, sizeof c);
        dnn_gemm(ta, tb, M, N, K, 2, a, LD, b, LD, beta, c, LD);
        for (int i = 0; i < LD * LD; i++) {
            int m = i / LD, n = i % LD;
            double want = (double)old[i];
            if (m < M && n < N) {
                want *= (double)beta;
                for (int k = 0; k < K; k++)
                    want += 2 * (double)a[ta ? k * LD + m : m * LD + k] * (double)b[tb ? n * LD + k : k * LD + n];
            }
            assert_true(fabs(want - (double)c[i]) < 2e-5);
        }
    }
}

/* ---- oneDNN ---- */

/* avx2_vnni, 0x407 in oneDNN, is a larger number than avx512_core_bf16, 0xe7. */
static void instruction_sets_are_sets(void **state)
{
    (void)state;
    static const unsigned with[] = {0xe7, 0x3e7}, without[] = {0, 1, 7, 0x27, 0x67, 0x407};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        assert_true(dnn_isa_has_bf16(with[i]));
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        assert_false(dnn_isa_has_bf16(without[i]));
}

/* A gradient of the weights a thread costs memory by the thread. */
static void large_weights_are_not_computed_in_parts(void **state)
{
    (void)state;
    struct dnn_conv_spec s = {.src = SHAPE(16, 2, 2, 1024),
                              .dst = SHAPE(16, 2, 2, 2048),
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .pad = {1, 1},
                              .directions = 1u << DNN_BACKWARD_WEIGHTS,
                              .threads = 16};
    struct dnn_conv *c;
    struct err e = ERR_INIT;
    assert_int_equal(dnn_conv_new(&s, &c, &e), 0);
    size_t weights = 9 * 1024 * 2048 * sizeof(float);
    assert_true(dnn_conv_scratch(c) < 8 * weights); /* of 16 threads; without AVX-512 oneDNN itself takes 5 */
    dnn_conv_free(c);
}

/* Zeroed, with its end at a page that nobody may touch. */
static void *fenced(size_t size)
{
    const size_t page = 4096, bytes = (size + page - 1) / page * page;
    unsigned char *at = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    assert_int_equal(mprotect(at + bytes, page, PROT_NONE), 0);
    return at + (bytes - size) / 64 * 64;
}

/* What oneDNN gathers beyond its workspace (dnn_faults.c) ends the process here, or gives wrong numbers. */
static void few_channels_with_a_stride(void **state)
{
    (void)state;
    enum { N = 33, SIDE = 64, IN = 4, OUT = 16, PIXELS = N * SIDE * SIDE, SUMS = PIXELS / 4 };
    struct dnn_conv_spec s = {.src = SHAPE(N, SIDE, SIDE, IN),
                              .dst = SHAPE(N, SIDE / 2, SIDE / 2, OUT),
                              .kernel = {1, 1},
                              .stride = {2, 2},
                              .directions = 1u << DNN_BACKWARD_WEIGHTS,
                              .threads = 1};
    struct dnn_conv *c;
    struct err e = ERR_INIT;
    assert_int_equal(dnn_conv_new(&s, &c, &e), 0);
    float *x = fenced(PIXELS * IN * sizeof *x), *g = fenced(SUMS * OUT * sizeof *g), w[OUT * IN];
    for (int i = 0; i < PIXELS * IN; i++)
        x[i] = (float)(i * 7 % 5 - 2);
    for (int i = 0; i < SUMS * OUT; i++)
        g[i] = (float)(i % 7 - 3);
    assert_true(dnn_conv_backward_weights(c, x, g, w, fenced(dnn_conv_scratch(c))));
    for (int i = 0; i < OUT * IN; i++) {
        double want = 0;
        for (int p = 0; p < SUMS; p++) {
            int row = p / (SIDE / 2), column = p % (SIDE / 2); /* of all pictures */
            want += (double)g[p * OUT + i / IN] * (double)x[(row * 2 * SIDE + column * 2) * IN + i % IN];
        }
        assert_true(fabs(want - (double)w[i]) < 0.5); /* whole numbers */
    }
    dnn_conv_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thin_adjoint_of_any_kernel),
        cmocka_unit_test(tiles_in_blocks),
        cmocka_unit_test(tiles_in_time),
        cmocka_unit_test(tiles_pay_where_there_are_many),
        cmocka_unit_test(matrix_product),
        cmocka_unit_test(instruction_sets_are_sets),
        cmocka_unit_test(large_weights_are_not_computed_in_parts),
        cmocka_unit_test(few_channels_with_a_stride),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
