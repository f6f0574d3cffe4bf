/* The machine's peaks, each the best of several tries: what a profile is to be compared with. */
#include "base/clock.h"
#include "nn/dnn.h"
#include "nn/parallel.h"
#include "run/bench.h"

#include <stdlib.h>
#include <string.h>

static const double TRY_SECONDS = 0.25; /* for each peak */

/* ---- multiply-adds ---- */

enum { FMA_ROUNDS = 1 << 16, FMA_WIDTH = 16 };

/* Of 16 floats, in one register or in several: loops over single floats are made vectors by some compilers only. */
typedef float fma_vector __attribute__((vector_size(FMA_WIDTH * sizeof(float))));

/* Sums that do not wait for each other, as many as fill the registers; how many that is depends on the processor, so
 * several numbers are tried. */
#define FMA_LOOP(VECTORS)                                                                                              \
    HOT static float fma_##VECTORS(float start)                                                                        \
    {                                                                                                                  \
        fma_vector sum[VECTORS];                                                                                       \
        float total = 0;                                                                                               \
        for (int i = 0; i < (VECTORS); i++)                                                                            \
            sum[i] = (fma_vector){start + (float)i};                                                                   \
        for (int r = 0; r < FMA_ROUNDS; r++) {                                                                         \
            _Pragma("GCC unroll 16") for (int i = 0; i < (VECTORS); i++) sum[i] = sum[i] * 0.999f + start;             \
        }                                                                                                              \
        for (int i = 0; i < (VECTORS); i++)                                                                            \
            for (int lane = 0; lane < FMA_WIDTH; lane++)                                                               \
                total += sum[i][lane];                                                                                 \
        return total;                                                                                                  \
    }

FMA_LOOP(4)
FMA_LOOP(6)
FMA_LOOP(8)
FMA_LOOP(12)

static const struct fma_loop {
    float (*run)(float start);
    int vectors;
} fma_loops[] = {{fma_4, 4}, {fma_6, 6}, {fma_8, 8}, {fma_12, 12}};

struct fma_job {
    const struct fma_loop *loop;
    volatile float sink; /* so that the work is wanted */
};

static void fma_chunk(void *context, int chunk, size_t begin, size_t end)
{
    struct fma_job *job = context;
    (void)begin;
    (void)end;
    job->sink = job->loop->run((float)chunk);
}

static double fma_peak(int threads)
{
    double best = 0, until = clock_seconds() + TRY_SECONDS;
    for (size_t i = 0; clock_seconds() < until; i++) {
        struct fma_job job = {.loop = &fma_loops[i % (sizeof fma_loops / sizeof *fma_loops)]};
        double start = clock_seconds();
        parallel_chunks(threads, (size_t)threads, threads, fma_chunk, &job);
        double rate = 2.0 * FMA_ROUNDS * FMA_WIDTH * job.loop->vectors * threads / (clock_seconds() - start);
        best = rate > best ? rate : best;
    }
    return best * 1e-9;
}

/* ---- a large convolution ---- */

static int conv_peak(enum dtype type, int threads, double *gflops, struct err *e)
{
    const struct dnn_conv_spec spec = {.src = SHAPE(4, 64, 64, 128),
                                       .dst = SHAPE(4, 64, 64, 128),
                                       .src_type = type,
                                       .dst_type = type,
                                       .kernel = {3, 3},
                                       .stride = {1, 1},
                                       .pad = {1, 1},
                                       .directions = 1u << DNN_FORWARD,
                                       .threads = threads};
    const double flops = 2.0 * 4 * 64 * 64 * 128 * 128 * 9;
    size_t bytes = (size_t)shape_count(&spec.src) * sizeof(float), weights = sizeof(float) * 128 * 128 * 9;
    struct dnn_conv *conv = NULL;
    TRY(dnn_conv_new(&spec, &conv, e));
    size_t scratch = (dnn_conv_scratch(conv) + 64) / 64 * 64;
    unsigned char *block = aligned_alloc(64, 2 * bytes + weights + scratch);
    if (!block) {
        dnn_conv_free(conv);
        return err_memory(e, "the measurement of a convolution");
    }
    memset(block, 0, 2 * bytes + weights + scratch);
    dnn_conv_pack(conv, (float *)(block + 2 * bytes));
    *gflops = 0;
    for (double until = clock_seconds() + TRY_SECONDS; clock_seconds() < until;) {
        double start = clock_seconds();
        dnn_conv_forward(conv, block, NULL, block + bytes, block + 2 * bytes + weights);
        double rate = flops / (clock_seconds() - start) * 1e-9;
        *gflops = rate > *gflops ? rate : *gflops;
    }
    free(block);
    dnn_conv_free(conv);
    return 0;
}

/* ---- memory ---- */

enum { COPY_BYTES = 64 << 20 }; /* beyond any cache, mostly */

static void copy_range(void *context, size_t begin, size_t end)
{
    unsigned char *block = context;
    memcpy(block + COPY_BYTES + begin, block + begin, end - begin);
}

static int copy_peak(int threads, double *gbytes, struct err *e)
{
    unsigned char *block = malloc(2 * (size_t)COPY_BYTES);
    if (!block)
        return err_memory(e, "the measurement of memory");
    memset(block, 1, 2 * (size_t)COPY_BYTES);
    *gbytes = 0;
    for (double until = clock_seconds() + TRY_SECONDS; clock_seconds() < until;) {
        double start = clock_seconds();
        parallel_ranges(threads, COPY_BYTES, 1 << 16, copy_range, block);
        double rate = 2.0 * COPY_BYTES / (clock_seconds() - start) * 1e-9;
        *gbytes = rate > *gbytes ? rate : *gbytes;
    }
    free(block);
    return 0;
}

static int measure(int threads, struct bench_machine *out, struct err *e)
{
    *out = (struct bench_machine){.fma_gflops = fma_peak(threads)};
    TRY(conv_peak(F32, threads, &out->conv_gflops, e));
    if (dnn_has_bf16())
        TRY(conv_peak(BF16, threads, &out->conv_bf16_gflops, e));
    return copy_peak(threads, &out->copy_gbytes, e);
}

int bench_machine(int threads, struct bench_machine *out, struct err *e)
{
    unsigned before = parallel_begin(threads);
    int code = measure(threads, out, e);
    parallel_end(before);
    return code;
}
