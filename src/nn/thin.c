#include "nn/thin.h"

#include "nn/bf16.h"
#include "nn/dnn.h"
#include "nn/parallel.h"

#include <string.h>

enum { ROWS = 512 }; /* rows of dst a block: with 128 channels a quarter of a megabyte, in the second-level cache */

/* Sizes as three spatial dimensions, the first being 1 in 2-D. */
struct sizes {
    int64_t n, src[3], dst[3], in, out, rows, columns;
    int kernel[3], stride[3], pad[3];
};

static struct sizes sizes_of(const struct thin *t)
{
    int nd = t->src.nd - 2, skip = 3 - nd;
    struct sizes s = {.n = t->src.d[0], .in = shape_last(&t->src), .out = shape_last(&t->dst)};
    for (int i = 0; i < 3; i++) {
        bool there = i >= skip;
        s.src[i] = there ? t->src.d[1 + i - skip] : 1;
        s.dst[i] = there ? t->dst.d[1 + i - skip] : 1;
        s.kernel[i] = there ? t->kernel[i - skip] : 1;
        s.stride[i] = there ? t->stride[i - skip] : 1;
        s.pad[i] = there ? t->pad[i - skip] : 0;
    }
    s.rows = shape_rows(&t->dst);
    s.columns = (int64_t)s.kernel[0] * s.kernel[1] * s.kernel[2] * s.in;
    return s;
}

static size_t column_bytes(const struct sizes *s)
{
    return ((size_t)(s->rows * s->columns) * sizeof(float) + 63) & ~(size_t)63;
}

size_t thin_scratch(const struct thin *t)
{
    struct sizes s = sizes_of(t);
    size_t widened = t->dst_type == BF16 ? (size_t)t->threads * ROWS * (size_t)s.out * sizeof(float) : 0;
    return column_bytes(&s) + widened;
}

struct job {
    const struct thin *t;
    struct sizes s;
    const void *dst;
    const float *weight, *bias;
    float *src, *columns, *widened;
};

HOT static void widen(const bf16 *restrict from, float *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = bf16_to_f32(from[i]);
}

/* columns[tap, channel][row] = sum over o of weight[o][tap, channel] dst[row][o], for blocks of rows. */
static void product_blocks(void *context, int chunk, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct sizes *s = &j->s;
    float *wide = j->widened ? j->widened + (size_t)chunk * ROWS * (size_t)s->out : NULL;
    for (size_t row = begin; row < end; row += ROWS) {
        size_t rows = end - row < ROWS ? end - row : ROWS, at = row * (size_t)s->out;
        const float *block = wide;
        if (wide)
            widen((const bf16 *)j->dst + at, wide, rows * (size_t)s->out);
        else
            block = (const float *)j->dst + at;
        dnn_gemm(true, true, s->columns, (int64_t)rows, s->out, 1, j->weight, s->columns, block, s->out, 0,
                 j->columns + row, s->rows);
    }
}

HOT static void add_strided(float *restrict to, size_t stride, const float *restrict from, size_t n)
{
    if (stride == 1)
        for (size_t i = 0; i < n; i++)
            to[i] += from[i];
    else if (stride == 2)
        for (size_t i = 0; i < n; i++)
            to[2 * i] += from[i];
    else
        for (size_t i = 0; i < n; i++)
            to[stride * i] += from[i];
}

/* Adds one tap's columns of one line of dst to a line of src: position x of dst lands on x stride + offset. */
static void add_tap(const struct sizes *s, float *line, int64_t channel, int kx, const float *columns)
{
    int64_t stride = s->stride[2], offset = kx - s->pad[2];
    int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t last = (s->src[2] - 1 - offset) / stride; /* the last x that lands inside */
    if (s->src[2] - 1 < offset)
        return;
    if (last > s->dst[2] - 1)
        last = s->dst[2] - 1;
    if (first <= last)
        add_strided(line + (first * stride + offset) * s->in + channel, (size_t)(stride * s->in), columns + first,
                    (size_t)(last - first + 1));
}

/* The position of dst from which tap k reaches `at` of src; -1: none. */
static int64_t source(const struct sizes *s, int dim, int64_t at, int k)
{
    int64_t p = at + s->pad[dim] - k;
    return p >= 0 && p % s->stride[dim] == 0 && p / s->stride[dim] < s->dst[dim] ? p / s->stride[dim] : -1;
}

static void gather_line(const struct job *j, int64_t n, int64_t z, int64_t y, float *line)
{
    const struct sizes *s = &j->s;
    for (int64_t i = 0; i < s->src[2] * s->in; i++)
        line[i] = j->bias ? j->bias[i % s->in] : 0;
    for (int kz = 0; kz < s->kernel[0]; kz++) {
        int64_t dz = source(s, 0, z, kz);
        for (int ky = 0; dz >= 0 && ky < s->kernel[1]; ky++) {
            int64_t dy = source(s, 1, y, ky);
            int64_t row = ((n * s->dst[0] + dz) * s->dst[1] + dy) * s->dst[2];
            for (int kx = 0; dy >= 0 && kx < s->kernel[2]; kx++)
                for (int64_t c = 0; c < s->in; c++) {
                    int64_t column = ((int64_t)(kz * s->kernel[1] + ky) * s->kernel[2] + kx) * s->in + c;
                    add_tap(s, line, c, kx, j->columns + column * s->rows + row);
                }
        }
    }
}

static void gather_lines(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct sizes *s = &j->s;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        int64_t y = i % s->src[1], z = i / s->src[1] % s->src[0], n = i / (s->src[1] * s->src[0]);
        gather_line(j, n, z, y, j->src + i * s->src[2] * s->in);
    }
}

void thin_adjoint(const struct thin *t, const void *dst, const float *weight, const float *bias, float *src,
                  void *scratch)
{
    struct job j = {.t = t, .s = sizes_of(t), .dst = dst, .weight = weight, .bias = bias, .src = src};
    j.columns = scratch;
    if (t->dst_type == BF16)
        j.widened = (float *)((unsigned char *)scratch + column_bytes(&j.s));
    parallel_chunks(t->threads, (size_t)j.s.rows, t->threads, product_blocks, &j);
    size_t lines = (size_t)(j.s.n * j.s.src[0] * j.s.src[1]);
    parallel_ranges(t->threads, lines, 1 + 4096 / (size_t)(j.s.src[2] * j.s.columns), gather_lines, &j);
}
