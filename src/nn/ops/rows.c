#include "nn/ops/rows.h"

#include "nn/layout.h"

#include "nn/ops/kernel.h"
#include "nn/parallel.h"

const float *rows_repeat(const float *values, size_t channels, float *wide)
{
    size_t width = rows_width(channels);
    if (width == channels)
        return values;
    for (size_t i = 0; i < width; i++)
        wide[i] = values[i % channels];
    return wide;
}

/* ---- bias and activation ---- */

struct bias_act {
    enum dtype type;
    enum act act;
    float slope;
    void *x;
    size_t elements, channels;
    const float *bias;
};

KERNEL void bias_act_rows(void *x, size_t n, size_t width, const float *bias, float slope, enum dtype type,
                          enum act act)
{
    float line[KERNEL_LINE];
    for (size_t at = 0, first = 0, length; at < n; at += length, first = (first + length) % width) {
        length = kernel_line_length(at, n, first, width);
        float *to = kernel_line(x, at, line, type);
#pragma omp simd
        for (size_t i = 0; i < length; i++)
            to[i] = kernel_act(kernel_load(x, at + i, type) + bias[first + i], act, slope);
        kernel_flush(x, at, line, length, type);
    }
}

HOT static void bias_act(void *x, size_t n, size_t width, const float *bias, float slope, enum dtype type, enum act act)
{
    if (act == ACT_TANH && type == F32)
        bias_act_rows(x, n, width, bias, slope, F32, ACT_TANH);
    else if (act == ACT_TANH)
        bias_act_rows(x, n, width, bias, slope, BF16, ACT_TANH);
    else if (act == ACT_SIGMOID && type == F32)
        bias_act_rows(x, n, width, bias, slope, F32, ACT_SIGMOID);
    else if (act == ACT_SIGMOID)
        bias_act_rows(x, n, width, bias, slope, BF16, ACT_SIGMOID);
    else if (type == F32)
        bias_act_rows(x, n, width, bias, slope, F32, ACT_LRELU);
    else
        bias_act_rows(x, n, width, bias, slope, BF16, ACT_LRELU);
}

static void bias_act_range(void *context, size_t begin, size_t end)
{
    const struct bias_act *k = context;
    float wide[ROWS_WIDE];
    size_t width = rows_width(k->channels), first = begin * width;
    size_t last = end * width < k->elements ? end * width : k->elements;
    bias_act(kernel_at(k->x, first, k->type), last - first, width, rows_repeat(k->bias, k->channels, wide), k->slope,
             k->type, k->act);
}

void rows_bias_act(int threads, enum dtype type, void *x, size_t rows, size_t channels, const float *bias, enum act act,
                   float slope)
{
    if (!bias && act == ACT_NONE)
        return;
    static const float none[1];
    struct bias_act k = {type, act, kernel_slope(act, slope), x, rows * channels, channels, bias};
    if (!bias) { /* without a bias the data has no channels */
        k.channels = 1;
        k.bias = none;
    }
    size_t width = rows_width(k.channels);
    parallel_ranges(threads, (k.elements + width - 1) / width, KERNEL_GRAIN / width + 1, bias_act_range, &k);
}

struct act_gradient {
    enum dtype type;
    enum act act;
    float slope;
    const void *y, *g;
    void *to;
};

KERNEL void act_gradient_loop(const void *y, const void *g, void *to, size_t n, float slope, enum dtype type,
                              enum act act)
{
    float line[KERNEL_LINE];
    for (size_t at = 0, length; at < n; at += length) {
        length = kernel_line_length(at, n, 0, n);
        float *results = kernel_line(to, at, line, type);
#pragma omp simd
        for (size_t i = 0; i < length; i++)
            results[i] = kernel_load(g, at + i, type) * kernel_act_slope(kernel_load(y, at + i, type), act, slope);
        kernel_flush(to, at, line, length, type);
    }
}

/* y > 0 ? g : slope g, g (1 - y^2), g y (1 - y) */
HOT static void act_gradient(const void *y, const void *g, void *to, size_t n, float slope, enum dtype type,
                             enum act act)
{
    if (act == ACT_TANH && type == F32)
        act_gradient_loop(y, g, to, n, slope, F32, ACT_TANH);
    else if (act == ACT_TANH)
        act_gradient_loop(y, g, to, n, slope, BF16, ACT_TANH);
    else if (act == ACT_SIGMOID && type == F32)
        act_gradient_loop(y, g, to, n, slope, F32, ACT_SIGMOID);
    else if (act == ACT_SIGMOID)
        act_gradient_loop(y, g, to, n, slope, BF16, ACT_SIGMOID);
    else if (type == F32)
        act_gradient_loop(y, g, to, n, slope, F32, ACT_LRELU);
    else
        act_gradient_loop(y, g, to, n, slope, BF16, ACT_LRELU);
}

static void act_gradient_range(void *context, size_t begin, size_t end)
{
    const struct act_gradient *k = context;
    act_gradient(kernel_at(k->y, begin, k->type), kernel_at(k->g, begin, k->type), kernel_at(k->to, begin, k->type),
                 end - begin, k->slope, k->type, k->act);
}

void rows_act_gradient(int threads, enum dtype type, const void *y, const void *g, void *to, size_t n, enum act act,
                       float slope)
{
    struct act_gradient k = {type, act, kernel_slope(act, slope), y, g, to};
    parallel_ranges(threads, n, KERNEL_GRAIN, act_gradient_range, &k);
}

/* ---- sums over rows ---- */

enum { BLOCK = 64, CHUNKS = 64 }; /* rows added up in float before they go to double; chunks of a sum at most */

/* Rows in cache are added up four at a time: that spares loads and stores of the sums. From memory numbers come fastest
 * as they lie: with four rows at a time a map of 100 MB took 1.3 times (its gradient 1.6 times) as long. */
enum { TOGETHER = 4 };

/* One chunk's accumulators: 2 width doubles, then 2 width floats. */
struct sums {
    double *total;
    float *block;
    size_t width;
};

struct moments_call {
    const struct rows_moments *m;
    char *scratch;
    size_t elements, width;
};

static bool comes_from_memory(const struct rows_moments *m)
{
    return layout_is_far(m->rows * m->channels * dtype_bytes(m->type));
}

static size_t sums_bytes(size_t width)
{
    return layout_padded(width * 2 * (sizeof(double) + sizeof(float)));
}

static int sums_chunks(size_t elements)
{
    size_t chunks = elements / KERNEL_GRAIN;
    return chunks < 1 ? 1 : chunks > CHUNKS ? CHUNKS : (int)chunks;
}

static struct sums sums_of_chunk(char *scratch, int chunk, size_t width)
{
    char *at = scratch + (size_t)chunk * sums_bytes(width);
    return (struct sums){(double *)at, (float *)(at + width * 2 * sizeof(double)), width};
}

/* `lines` wide rows from element `at` on, each of `end` elements, added to the block's sums. */
KERNEL void add_lines(const struct rows_moments *m, const struct sums *s, size_t at, size_t lines, size_t end,
                      enum dtype type, bool gradient)
{
    const float *center = m->center, *scale = m->scale, *offset = m->offset;
    const void *x = m->x, *g = m->g;
    float *sum = s->block, *product = s->block + s->width, slope = m->slope;
    size_t width = s->width;
#pragma omp simd
    for (size_t c = 0; c < end; c++) {
        float v_sum = 0.0f, p_sum = 0.0f;
        for (size_t k = 0; k < lines; k++) {
            float value = kernel_load(x, at + k * width + c, type), d = value - center[c], v = d;
            if (gradient) {
                v = kernel_load(g, at + k * width + c, type);
                v = value * scale[c] + offset[c] > 0.0f ? v : v * slope;
            }
            v_sum += v;
            p_sum += v * d;
        }
        sum[c] += v_sum;
        product[c] += p_sum;
    }
}

KERNEL void add_chunk(const struct rows_moments *m, const struct sums *s, size_t begin, size_t end, enum dtype type,
                      bool gradient)
{
    size_t width = s->width;
    bool together = !comes_from_memory(m);
    for (size_t at = begin; at < end;) {
        size_t stop = end - at > BLOCK * width ? at + BLOCK * width : end;
        memset(s->block, 0, 2 * width * sizeof *s->block);
        for (; together && stop - at >= TOGETHER * width; at += TOGETHER * width)
            add_lines(m, s, at, TOGETHER, width, type, gradient);
        for (; stop - at >= width; at += width)
            add_lines(m, s, at, 1, width, type, gradient);
        if (at < stop)
            add_lines(m, s, at, 1, stop - at, type, gradient);
        at = stop;
        for (size_t c = 0; c < 2 * width; c++)
            s->total[c] += (double)s->block[c];
    }
}

HOT static void moments_chunk_hot(const struct rows_moments *m, const struct sums *s, size_t begin, size_t end)
{
    if (m->type == F32 && m->g)
        add_chunk(m, s, begin, end, F32, true);
    else if (m->type == F32)
        add_chunk(m, s, begin, end, F32, false);
    else if (m->g)
        add_chunk(m, s, begin, end, BF16, true);
    else
        add_chunk(m, s, begin, end, BF16, false);
}

static void moments_chunk(void *context, int chunk, size_t begin, size_t end)
{
    const struct moments_call *k = context;
    float wide[3][ROWS_WIDE];
    struct rows_moments m = *k->m;
    struct sums s = sums_of_chunk(k->scratch, chunk, k->width);
    m.center = rows_repeat(m.center, m.channels, wide[0]);
    if (m.g) {
        m.scale = rows_repeat(m.scale, m.channels, wide[1]);
        m.offset = rows_repeat(m.offset, m.channels, wide[2]);
    }
    memset(s.total, 0, 2 * k->width * sizeof *s.total);
    size_t last = end * k->width < k->elements ? end * k->width : k->elements;
    moments_chunk_hot(&m, &s, begin * k->width, last);
}

size_t rows_moments_scratch(size_t rows, size_t channels)
{
    return (size_t)sums_chunks(rows * channels) * sums_bytes(rows_width(channels));
}

void rows_moments(int threads, const struct rows_moments *m, void *scratch)
{
    struct moments_call k = {m, scratch, m->rows * m->channels, rows_width(m->channels)};
    int chunks = sums_chunks(k.elements);
    parallel_chunks(threads, (k.elements + k.width - 1) / k.width, chunks, moments_chunk, &k);
    memset(m->sum, 0, m->channels * sizeof *m->sum);
    memset(m->product, 0, m->channels * sizeof *m->product);
    for (int i = 0; i < chunks; i++) {
        struct sums s = sums_of_chunk(scratch, i, k.width);
        for (size_t at = 0; at < k.width; at += m->channels)
            for (size_t c = 0; c < m->channels; c++) {
                m->sum[c] += s.total[at + c];
                m->product[c] += s.total[k.width + at + c];
            }
    }
}

size_t rows_sum_scratch(size_t rows, size_t channels)
{
    return rows_moments_scratch(rows, channels) + channels * (2 * sizeof(double) + sizeof(float));
}

void rows_sum(int threads, enum dtype type, const void *x, size_t rows, size_t channels, float *sum, void *scratch)
{
    double *sums = (double *)((char *)scratch + rows_moments_scratch(rows, channels));
    float *zero = (float *)(sums + 2 * channels);
    memset(zero, 0, channels * sizeof *zero);
    struct rows_moments m = {.type = type, .x = x, .rows = rows, .channels = channels, .center = zero};
    m.sum = sums;
    m.product = sums + channels;
    rows_moments(threads, &m, scratch);
    for (size_t c = 0; c < channels; c++)
        sum[c] = (float)sums[c];
}

/* ---- distances ---- */

HOT static float square_distance(const float *restrict a, const float *restrict b, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        float d = a[i] - b[i];
        sum += d * d;
    }
    return sum;
}

float rows_square_distance(const float *a, const float *b, size_t n)
{
    return square_distance(a, b, n);
}
