#include "nn/pairs.h"

#include "nn/bf16.h"
#include "nn/ops/elements.h"
#include "nn/parallel.h"

#include <string.h>

/* Places that a block of sums is kept in registers for, at least, and channels of the weight in such a block. */
enum { PLACES = 96, LANES = 16, VECTORS = 2, OUTPUTS = 8 };

/* Sizes as three spatial dimensions, the first being 1 in 2-D. */
struct sizes {
    size_t samples, in, out, taps;
    int64_t src[3], dst[3], kernel[3], stride[3], pad[3];
    size_t src_values, dst_values; /* of a sample */
    size_t together;               /* pairs whose sums stay in registers */
    int parts;
};

static size_t at_least_one(size_t n)
{
    return n ? n : 1;
}

static struct sizes sizes_of(const struct dnn_conv_spec *s)
{
    int skip = 5 - s->src.nd;
    struct sizes z = {.samples = (size_t)s->src.d[0],
                      .in = (size_t)shape_last(&s->src),
                      .out = (size_t)shape_last(&s->dst),
                      .taps = 1};
    for (int i = 0; i < 3; i++) {
        bool there = i >= skip;
        z.src[i] = there ? s->src.d[1 + i - skip] : 1;
        z.dst[i] = there ? s->dst.d[1 + i - skip] : 1;
        z.kernel[i] = there ? s->kernel[i - skip] : 1;
        z.stride[i] = there ? s->stride[i - skip] : 1;
        z.pad[i] = there ? s->pad[i - skip] : 0;
        z.taps *= (size_t)z.kernel[i];
    }
    z.src_values = (size_t)shape_count(&s->src) / z.samples;
    z.dst_values = (size_t)shape_count(&s->dst) / z.samples;
    size_t pairs = (z.samples + 1) / 2;
    z.parts = pairs < (size_t)s->threads ? (int)pairs : s->threads;
    size_t together = at_least_one(PLACES * z.out / z.dst_values),
           most = (pairs + (size_t)z.parts - 1) / (size_t)z.parts;
    z.together = together < most ? together : most;
    return z;
}

static size_t weight_values(const struct sizes *z)
{
    return z->out * z->taps * z->in;
}

static size_t lines(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* Of one part: pairs of src, pairs of dst, its sums, which for the first part are the result. */
static size_t part_bytes(const struct sizes *z)
{
    return lines(z->together * z->src_values * 2 * sizeof(bf16)) +
           lines(z->together * z->dst_values * 2 * sizeof(bf16)) + lines(weight_values(z) * sizeof(float));
}

size_t pairs_scratch(const struct dnn_conv_spec *s)
{
    struct sizes z = sizes_of(s);
    return (size_t)z.parts * part_bytes(&z);
}

/* One value of each sample side by side; without a second sample, zeros. */
HOT static void interleave(const bf16 *restrict first, const bf16 *restrict second, uint32_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint32_t)first[i] | (second ? (uint32_t)second[i] << 16 : 0);
}

/* `pairs` of them from pair `at` on. */
static void bring_together(const bf16 *from, size_t values, size_t samples, size_t at, size_t pairs, uint32_t *to)
{
    for (size_t k = 0; k < pairs; k++) {
        const bf16 *first = from + 2 * (at + k) * values;
        interleave(first, 2 * (at + k) + 1 < samples ? first + values : NULL, to + k * values, values);
    }
}

static int64_t at_most(int64_t a, int64_t limit)
{
    return a < limit ? a : limit;
}

/* One tap of the kernel: the places of dst whose place of src is inside, `first` to `end` - 1 in each dimension. */
struct tap {
    int64_t first[3], end[3], offset[3];
};

static struct tap tap_of(const struct sizes *z, size_t number)
{
    struct tap t;
    int64_t k[3] = {(int64_t)number / (z->kernel[1] * z->kernel[2]), (int64_t)number / z->kernel[2] % z->kernel[1],
                    (int64_t)number % z->kernel[2]};
    for (int i = 0; i < 3; i++) {
        int64_t offset = k[i] - z->pad[i], room = z->src[i] - 1 - offset;
        t.offset[i] = offset;
        t.first[i] = offset < 0 ? (-offset + z->stride[i] - 1) / z->stride[i] : 0;
        t.end[i] = room < 0 ? 0 : room / z->stride[i] + 1;
        t.end[i] = at_most(t.end[i], z->dst[i]);
    }
    return t;
}

/* A block of sums, OUTPUTS x some vectors of LANES inputs, over all places of a tap in some pairs. */
struct block {
    const struct sizes *z;
    const struct tap *tap;
    const uint32_t *src, *dst; /* its first input and output at the first place */
    size_t pairs;
    float *weight; /* its first sum; outputs are a row apart */
};

#if defined(__x86_64__) && BASE_HOT_LEVEL == 4
#include <immintrin.h>

#define ADDS_PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

/* Places of one line, from those of src and dst on. */
#define ADD_LINE(vectors)                                                                                              \
    for (int64_t p = 0; p < n; p++, x += step, g += z->out) {                                                          \
        __m512bh in[vectors];                                                                                          \
        for (int v = 0; v < (vectors); v++)                                                                            \
            in[v] = (__m512bh)_mm512_loadu_si512(x + v * LANES);                                                       \
        for (int o = 0; o < OUTPUTS; o++) {                                                                            \
            __m512bh both = (__m512bh)_mm512_set1_epi32((int)g[o]);                                                    \
            for (int v = 0; v < (vectors); v++)                                                                        \
                sums[o][v] = _mm512_dpbf16_ps(sums[o][v], both, in[v]);                                                \
        }                                                                                                              \
    }

/* A constant number of vectors, so that the sums stay in registers. */
#define ADD_BLOCK(name, vectors)                                                                                       \
    ADDS_PAIRS static void name(const struct block *b)                                                                 \
    {                                                                                                                  \
        const struct sizes *z = b->z;                                                                                  \
        const struct tap *t = b->tap;                                                                                  \
        int64_t n = t->end[2] - t->first[2], step = z->stride[2] * (int64_t)z->in, row = (int64_t)(z->taps * z->in);   \
        __m512 sums[OUTPUTS][vectors] = {{_mm512_setzero_ps()}};                                                       \
        for (size_t k = 0; k < b->pairs; k++)                                                                          \
            for (int64_t d = t->first[0]; d < t->end[0]; d++)                                                          \
                for (int64_t h = t->first[1]; h < t->end[1]; h++) {                                                    \
                    const uint32_t *g = b->dst + k * z->dst_values + dst_place(z, d, h, t->first[2]) * z->out;         \
                    const uint32_t *x = b->src + k * z->src_values + src_place(z, t, d, h, t->first[2]) * z->in;       \
                    ADD_LINE(vectors)                                                                                  \
                }                                                                                                      \
        for (int o = 0; o < OUTPUTS; o++)                                                                              \
            for (int v = 0; v < (vectors); v++) {                                                                      \
                float *to = b->weight + o * row + v * LANES;                                                           \
                _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sums[o][v]));                                  \
            }                                                                                                          \
    }

static size_t dst_place(const struct sizes *z, int64_t d, int64_t h, int64_t w)
{
    return (size_t)((d * z->dst[1] + h) * z->dst[2] + w);
}

static size_t src_place(const struct sizes *z, const struct tap *t, int64_t d, int64_t h, int64_t w)
{
    d = d * z->stride[0] + t->offset[0];
    h = h * z->stride[1] + t->offset[1];
    return (size_t)((d * z->src[1] + h) * z->src[2] + w * z->stride[2] + t->offset[2]);
}

ADD_BLOCK(add_wide, VECTORS)
ADD_BLOCK(add_narrow, 1)

static bool processor_adds_pairs(void)
{
    return __builtin_cpu_supports("avx512bf16");
}

#else

static void add_wide(const struct block *b)
{
    (void)b;
}

static void add_narrow(const struct block *b)
{
    (void)b;
}

static bool processor_adds_pairs(void)
{
    return false;
}

#endif

/* Where there is AMX, oneDNN has better ways. */
bool pairs_pay(const struct dnn_conv_spec *s)
{
    return s->src_type == BF16 && s->dst_type == BF16 && s->src.d[0] > 1 && shape_last(&s->src) % LANES == 0 &&
           shape_last(&s->dst) % OUTPUTS == 0 && processor_adds_pairs() && !dnn_has_amx();
}

/* Some pairs, brought together. */
struct pairs {
    const uint32_t *src, *dst;
    size_t n;
};

/* Adds what they say of all weights of one tap. */
static void add_tap(const struct sizes *z, const struct tap *tap, const struct pairs *p, float *weight)
{
    for (size_t i = 0, width; i < z->in; i += width) {
        width = z->in - i < VECTORS * LANES ? LANES : VECTORS * LANES;
        for (size_t o = 0; o < z->out; o += OUTPUTS) {
            struct block b = {.z = z, .tap = tap, .src = p->src + i, .dst = p->dst + o, .pairs = p->n};
            b.weight = weight + o * z->taps * z->in + i;
            if (width == LANES)
                add_narrow(&b);
            else
                add_wide(&b);
        }
    }
}

static struct tap cut(struct tap t, int dim, int64_t begin, int64_t end)
{
    t.first[dim] = t.first[dim] > begin ? t.first[dim] : begin;
    t.end[dim] = at_most(t.end[dim], end);
    return t;
}

/* All taps of some lines, which stay in cache meanwhile, before the next ones. */
static void add_pairs(const struct sizes *z, const struct pairs *p, float *weight)
{
    int64_t plane = z->dst[1] * z->dst[2], planes = plane < PLACES ? z->dst[0] : 1;
    int64_t most = planes == 1 ? (PLACES + z->dst[2] - 1) / z->dst[2] : z->dst[1];
    for (int64_t d = 0; d < z->dst[0]; d += planes)
        for (int64_t h = 0; h < z->dst[1]; h += most)
            for (size_t number = 0; number < z->taps; number++) {
                struct tap tap = cut(cut(tap_of(z, number), 0, d, d + planes), 1, h, h + most);
                if (tap.first[0] < tap.end[0] && tap.first[1] < tap.end[1])
                    add_tap(z, &tap, p, weight + number * z->in);
            }
}

struct job {
    struct sizes z;
    const bf16 *src, *dst;
    float *weight;
    char *scratch;
};

static float *sums_of(const struct job *j, int part)
{
    size_t before = part_bytes(&j->z) - lines(weight_values(&j->z) * sizeof(float));
    return part ? (float *)(j->scratch + (size_t)part * part_bytes(&j->z) + before) : j->weight;
}

static void compute_part(void *context, int part, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct sizes *z = &j->z;
    uint32_t *src = (uint32_t *)(j->scratch + (size_t)part * part_bytes(z));
    uint32_t *dst = src + lines(z->together * z->src_values * 2 * sizeof(bf16)) / sizeof *src;
    float *weight = sums_of(j, part);
    memset(weight, 0, weight_values(z) * sizeof *weight);
    for (size_t at = begin, pairs; at < end; at += pairs) {
        pairs = end - at < z->together ? end - at : z->together;
        bring_together(j->src, z->src_values, z->samples, at, pairs, src);
        bring_together(j->dst, z->dst_values, z->samples, at, pairs, dst);
        add_pairs(z, &(struct pairs){src, dst, pairs}, weight);
    }
}

void pairs_backward_weights(const struct dnn_conv_spec *s, const void *src, const void *dst, float *weight,
                            void *scratch)
{
    struct job j = {.z = sizes_of(s), .src = src, .dst = dst, .weight = weight, .scratch = scratch};
    parallel_chunks(s->threads, (j.z.samples + 1) / 2, j.z.parts, compute_part, &j);
    for (int part = 1; part < j.z.parts; part++)
        elements_add(s->threads, F32, weight, sums_of(&j, part), weight_values(&j.z));
}
