/* The gradient of a convolution's weights in BF16 by the processor's instruction that adds two products at once, where
 * oneDNN has no better: it takes its two numbers of neighbouring columns of one picture, and half of the time goes into
 * that where maps are small. Here they are those of two samples at one place, which need one pass to be brought
 * together, whatever kernel, stride and padding are:
 *
 *   dw[o,k,i] = sum over pairs of samples and places p of  g[n,p,o] x[n,q,i] + g[n+1,p,o] x[n+1,q,i],
 *   q = p stride + k - pad
 *
 * Of one clip alone the samples are its frames. */
#include "nn/bf16.h"
#include "nn/conv/way.h"
#include "nn/layout.h"
#include "nn/ops/elements.h"
#include "nn/parallel.h"
#include "nn/spatial.h"

#include <stdlib.h>
#include <string.h>

/* Places that a block of sums is kept in registers for, at least, and channels of the weight in such a block. */
enum { PLACES = 96, LANES = 16, VECTORS = 2, OUTPUTS = 8 };

struct sizes {
    struct spatial size;
    size_t samples, in, out, taps;
    size_t src_values, dst_values; /* of a sample */
    size_t src_step, dst_step;     /* between samples */
    size_t row;                    /* of the weight: what belongs to one output */
    size_t together;               /* pairs whose sums stay in registers */
    int threads, parts;
};

static size_t at_least_one(size_t n)
{
    return n ? n : 1;
}

static size_t pairs_of(const struct sizes *z)
{
    return (z->samples + 1) / 2;
}

/* One clip alone is a batch of its frames, for each tap of the kernel in time another. */
static bool takes_frames(const struct sizes *z)
{
    return z->samples == 1;
}

static void set_parts(struct sizes *z, size_t samples)
{
    size_t pairs = (samples + 1) / 2,
           places = (size_t)(z->size.dst[1] * z->size.dst[2]) * (takes_frames(z) ? 1 : (size_t)z->size.dst[0]);
    z->parts = pairs < (size_t)z->threads ? (int)pairs : z->threads;
    size_t most = (pairs + (size_t)z->parts - 1) / (size_t)z->parts;
    z->together = at_least_one(PLACES / places) < most ? at_least_one(PLACES / places) : most;
}

static struct sizes sizes_of(const struct dnn_conv_spec *s)
{
    struct sizes z = {.size = spatial_of(&s->src, &s->dst, s->kernel, s->stride, s->pad),
                      .samples = (size_t)s->src.d[0],
                      .in = (size_t)shape_last(&s->src),
                      .out = (size_t)shape_last(&s->dst),
                      .taps = 1,
                      .threads = s->threads};
    for (int i = 0; i < 3; i++)
        z.taps *= (size_t)z.size.kernel[i];
    z.src_values = z.src_step = (size_t)shape_count(&s->src) / z.samples;
    z.dst_values = z.dst_step = (size_t)shape_count(&s->dst) / z.samples;
    z.row = z.taps * z.in;
    set_parts(&z, takes_frames(&z) ? (size_t)z.size.dst[0] : z.samples);
    return z;
}

static size_t weight_values(const struct sizes *z)
{
    return z->out * z->row;
}

/* Of one part: pairs of src, pairs of dst, its sums, which for the first part are the result. */
struct room {
    size_t src, dst, sums;
};

static struct room part_room(const struct sizes *z)
{
    size_t frames = takes_frames(z) ? (size_t)z->size.src[0] : 1,
           results = takes_frames(z) ? (size_t)z->size.dst[0] : 1;
    return (struct room){layout_padded(z->together * (z->src_values / frames) * 2 * sizeof(bf16)),
                         layout_padded(z->together * (z->dst_values / results) * 2 * sizeof(bf16)),
                         layout_padded(weight_values(z) * sizeof(float))};
}

static size_t part_bytes(const struct sizes *z)
{
    struct room room = part_room(z);
    return room.src + room.dst + room.sums;
}

/* One value of each sample side by side; without a second sample, zeros. */
HOT static void interleave(const bf16 *restrict first, const bf16 *restrict second, uint32_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint32_t)first[i] | (second ? (uint32_t)second[i] << 16 : 0);
}

/* `pairs` of them from pair `at` on, of samples that are a step apart. */
static void bring_together(const bf16 *from, size_t values, size_t step, size_t samples, size_t at, size_t pairs,
                           uint32_t *to)
{
    for (size_t k = 0; k < pairs; k++) {
        const bf16 *first = from + 2 * (at + k) * step;
        interleave(first, 2 * (at + k) + 1 < samples ? first + step : NULL, to + k * values, values);
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
    int64_t k[3] = {(int64_t)number / (z->size.kernel[1] * z->size.kernel[2]),
                    (int64_t)number / z->size.kernel[2] % z->size.kernel[1], (int64_t)number % z->size.kernel[2]};
    for (int i = 0; i < 3; i++) {
        int64_t offset = k[i] - z->size.pad[i], room = z->size.src[i] - 1 - offset;
        t.offset[i] = offset;
        t.first[i] = offset < 0 ? (-offset + z->size.stride[i] - 1) / z->size.stride[i] : 0;
        t.end[i] = room < 0 ? 0 : room / z->size.stride[i] + 1;
        t.end[i] = at_most(t.end[i], z->size.dst[i]);
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

#define ADDS_PAIRS        __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define ADDS_PAIRS_WITHIN ADDS_PAIRS static inline __attribute__((always_inline))

static size_t dst_place(const struct sizes *z, int64_t d, int64_t h, int64_t w)
{
    return (size_t)((d * z->size.dst[1] + h) * z->size.dst[2] + w);
}

static size_t src_place(const struct sizes *z, const struct tap *t, int64_t d, int64_t h, int64_t w)
{
    d = d * z->size.stride[0] + t->offset[0];
    h = h * z->size.stride[1] + t->offset[1];
    return (size_t)((d * z->size.src[1] + h) * z->size.src[2] + w * z->size.stride[2] + t->offset[2]);
}

/* A place: x inputs of one pair of samples, g its outputs. */
ADDS_PAIRS_WITHIN void add_place(__m512 sums[OUTPUTS][VECTORS], const uint32_t *x, const uint32_t *g, int vectors)
{
    __m512bh in[VECTORS];
    for (int v = 0; v < vectors; v++)
        in[v] = (__m512bh)_mm512_loadu_si512(x + v * LANES);
    for (int o = 0; o < OUTPUTS; o++) {
        __m512bh both = (__m512bh)_mm512_set1_epi32((int)g[o]);
        for (int v = 0; v < vectors; v++)
            sums[o][v] = _mm512_dpbf16_ps(sums[o][v], both, in[v]);
    }
}

/* A constant number of vectors, so that the sums stay in registers. */
ADDS_PAIRS_WITHIN void add_block(const struct block *b, int vectors)
{
    const struct sizes *z = b->z;
    const struct tap *t = b->tap;
    int64_t n = t->end[2] - t->first[2], step = z->size.stride[2] * (int64_t)z->in, row = (int64_t)z->row;
    __m512 sums[OUTPUTS][VECTORS] = {{_mm512_setzero_ps()}};
    for (size_t k = 0; k < b->pairs; k++)
        for (int64_t d = t->first[0]; d < t->end[0]; d++)
            for (int64_t h = t->first[1]; h < t->end[1]; h++) {
                const uint32_t *g = b->dst + k * z->dst_values + dst_place(z, d, h, t->first[2]) * z->out;
                const uint32_t *x = b->src + k * z->src_values + src_place(z, t, d, h, t->first[2]) * z->in;
                for (int64_t p = 0; p < n; p++, x += step, g += z->out)
                    add_place(sums, x, g, vectors);
            }
    for (int o = 0; o < OUTPUTS; o++)
        for (int v = 0; v < vectors; v++) {
            float *to = b->weight + o * row + v * LANES;
            _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), sums[o][v]));
        }
}

ADDS_PAIRS static void add_wide(const struct block *b)
{
    add_block(b, VECTORS);
}

ADDS_PAIRS static void add_narrow(const struct block *b)
{
    add_block(b, 1);
}

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

/* Sums for each number that is brought together: below some the pass costs too much of what it saves. */
static bool is_worth_the_pass(const struct dnn_conv_spec *s)
{
    enum { SUMS = 16 };
    int64_t in = shape_last(&s->src), out = shape_last(&s->dst), taps = 1;
    for (int i = 0; i < s->src.nd - 2; i++)
        taps *= s->kernel[i];
    return taps * in * out >= SUMS * (in + out);
}

/* Where there is AMX, oneDNN has better ways. Few frames could not be shared out. */
static bool pays(const struct dnn_conv_spec *s)
{
    int64_t samples = s->src.d[0], frames = s->dst.nd == 5 ? s->dst.d[1] : 1;
    return s->src_type == BF16 && s->dst_type == BF16 && (samples > 1 || frames >= 2 * s->threads) &&
           shape_last(&s->src) % LANES == 0 && shape_last(&s->dst) % OUTPUTS == 0 && is_worth_the_pass(s) &&
           processor_adds_pairs() && !dnn_has_amx();
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
            b.weight = weight + o * z->row + i;
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
    int64_t plane = z->size.dst[1] * z->size.dst[2], planes = plane < PLACES ? z->size.dst[0] : 1;
    int64_t most = planes == 1 ? (PLACES + z->size.dst[2] - 1) / z->size.dst[2] : z->size.dst[1];
    for (int64_t d = 0; d < z->size.dst[0]; d += planes)
        for (int64_t h = 0; h < z->size.dst[1]; h += most)
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
    struct room room = part_room(&j->z);
    return part ? (float *)(j->scratch + (size_t)part * part_bytes(&j->z) + room.src + room.dst) : j->weight;
}

/* A part's share of the pairs of these samples. */
static void compute_share(const struct job *j, const struct sizes *z, int part, const bf16 *from, const bf16 *to,
                          float *weight)
{
    uint32_t *src = (uint32_t *)(j->scratch + (size_t)part * part_bytes(&j->z));
    uint32_t *dst = src + part_room(&j->z).src / sizeof *src;
    size_t all = pairs_of(z), parts = (size_t)z->parts, end = all * ((size_t)part + 1) / parts;
    for (size_t at = all * (size_t)part / parts, pairs; at < end; at += pairs) {
        pairs = end - at < z->together ? end - at : z->together;
        bring_together(from, z->src_values, z->src_step, z->samples, at, pairs, src);
        bring_together(to, z->dst_values, z->dst_step, z->samples, at, pairs, dst);
        add_pairs(z, &(struct pairs){src, dst, pairs}, weight);
    }
}

/* One tap in time of one clip: the frames of dst whose frame of src is inside are the samples. */
static void compute_frames(const struct job *j, int part, int64_t k, float *weight)
{
    const struct sizes *z = &j->z;
    size_t taps = (size_t)(z->size.kernel[1] * z->size.kernel[2]);
    struct tap tap = tap_of(z, (size_t)k * taps);
    struct sizes f = *z;
    if (tap.first[0] >= tap.end[0])
        return;
    f.samples = (size_t)(tap.end[0] - tap.first[0]);
    f.taps = taps;
    f.src_values /= (size_t)z->size.src[0];
    f.dst_values = f.dst_step = z->dst_values / (size_t)z->size.dst[0];
    f.src_step = f.src_values * (size_t)z->size.stride[0];
    f.size.src[0] = f.size.dst[0] = f.size.kernel[0] = f.size.stride[0] = 1;
    f.size.pad[0] = 0;
    size_t first = (size_t)(tap.first[0] * z->size.stride[0] + tap.offset[0]);
    compute_share(j, &f, part, j->src + first * f.src_values, j->dst + (size_t)tap.first[0] * f.dst_values,
                  weight + (size_t)k * taps * z->in);
}

static void compute_part(void *context, int part, size_t begin, size_t end)
{
    const struct job *j = context;
    float *weight = sums_of(j, part);
    (void)begin; /* a part is one item */
    (void)end;
    memset(weight, 0, weight_values(&j->z) * sizeof *weight);
    if (!takes_frames(&j->z))
        compute_share(j, &j->z, part, j->src, j->dst, weight);
    for (int64_t k = 0; takes_frames(&j->z) && k < j->z.size.kernel[0]; k++)
        compute_frames(j, part, k, weight);
}

static bool backward_weights(void *own, const struct conv_call *c)
{
    const struct sizes *z = own;
    struct job j = {.z = *z, .src = c->src, .dst = c->dst, .weight = c->to, .scratch = c->scratch};
    parallel_chunks(z->threads, (size_t)z->parts, z->parts, compute_part, &j);
    for (int part = 1; part < z->parts; part++)
        elements_add(z->threads, F32, j.weight, sums_of(&j, part), weight_values(z));
    return true;
}

/* ---- the way ---- */

static unsigned takes(const struct conv_task *t)
{
    return pays(&t->conv) ? t->conv.directions & 1u << DNN_BACKWARD_WEIGHTS : 0;
}

static int create(const struct conv_task *t, void **own, struct err *e)
{
    struct sizes *z = malloc(sizeof *z);
    if (!z)
        return err_memory(e, "a convolution");
    *z = sizes_of(&t->conv);
    *own = z;
    return 0;
}

static size_t scratch(const void *own)
{
    const struct sizes *z = own;
    return (size_t)z->parts * part_bytes(z);
}

const struct conv_way conv_pairs = {
    .name = "pairs",
    .takes = takes,
    .create = create,
    .release = free,
    .scratch = scratch,
    .run = {[DNN_BACKWARD_WEIGHTS] = backward_weights},
};
