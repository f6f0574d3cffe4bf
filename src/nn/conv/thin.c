/* The adjoint of a convolution from very few channels (pictures): the last layer of every decoder here, and the
 * gradient of a picture that another net looks at. oneDNN's backward-data vectorises over those channels and runs at a
 * few percent of the machine. Here it is one matrix product into a column per tap and channel (as a 1x1 convolution,
 * which oneDNN does well in any precision), and a gather of the columns into the picture (col2im), which may be F32
 * where the rest is BF16. */
#include "nn/conv/way.h"
#include "nn/layout.h"
#include "nn/parallel.h"
#include "nn/spatial.h"

#include <stdlib.h>

struct thin {
    struct spatial size;
    int64_t n, in, out, rows, columns;
    int threads;
    struct dnn_conv *product;
    float *weight; /* columns x O */
};

static unsigned takes(const struct conv_task *t)
{
    bool fits = shape_last(&t->conv.src) <= CONV_THIN && t->data_type == F32;
    bool ends = !t->adjoint || t->conv.act == ACT_NONE; /* no activation is to be applied */
    return fits && ends ? t->conv.directions & 1u << DNN_BACKWARD_DATA : 0;
}

static void set_sizes(struct thin *t, const struct dnn_conv_spec *s)
{
    t->size = spatial_of(&s->src, &s->dst, s->kernel, s->stride, s->pad);
    t->n = s->src.d[0];
    t->in = shape_last(&s->src);
    t->out = shape_last(&s->dst);
    t->rows = shape_rows(&s->dst);
    t->columns = (int64_t)t->size.kernel[0] * t->size.kernel[1] * t->size.kernel[2] * t->in;
    t->threads = s->threads;
}

static void release(void *own)
{
    struct thin *t = own;
    if (!t)
        return;
    dnn_conv_free(t->product);
    free(t->weight);
    free(t);
}

static int create(const struct conv_task *task, void **own, struct err *e)
{
    struct thin *t = *own = calloc(1, sizeof *t);
    if (!t)
        return err_memory(e, "a decoder's last layer");
    set_sizes(t, &task->conv);
    struct dnn_conv_spec product = {
        .src = SHAPE(t->n, t->size.dst[0] * t->size.dst[1], t->size.dst[2], t->out),
        .dst = SHAPE(t->n, t->size.dst[0] * t->size.dst[1], t->size.dst[2], t->columns),
        .src_type = task->conv.dst_type,
        .dst_type = F32,
        .kernel = {1, 1},
        .stride = {1, 1},
        .directions = 1u << DNN_FORWARD,
        .threads = t->threads,
    };
    t->weight = malloc((size_t)(t->columns * t->out) * sizeof *t->weight);
    return t->weight ? dnn_conv_new(&product, &t->product, e) : err_memory(e, "a decoder's last layer");
}

static size_t column_bytes(const struct thin *t)
{
    return layout_padded((size_t)(t->rows * t->columns) * sizeof(float));
}

static size_t scratch(const void *own)
{
    const struct thin *t = own;
    return column_bytes(t) + dnn_conv_scratch(t->product);
}

static size_t bytes(const void *own)
{
    const struct thin *t = own;
    return dnn_conv_bytes(t->product) + (size_t)(t->columns * t->out) * sizeof(float);
}

static bool pack(void *own, const float *weight)
{
    struct thin *t = own;
    for (int64_t o = 0; o < t->out; o++)
        for (int64_t c = 0; c < t->columns; c++)
            t->weight[c * t->out + o] = weight[o * t->columns + c];
    return dnn_conv_pack(t->product, t->weight);
}

/* ---- gather ---- */

struct job {
    const struct thin *t;
    const float *columns, *bias; /* columns: rows of dst x taps x channels */
    float *src;
};

/* The position of dst from which tap k reaches `at` of src; -1: none. */
static int64_t source(const struct thin *t, int dim, int64_t at, int k)
{
    int64_t p = at + t->size.pad[dim] - k;
    return p >= 0 && p % t->size.stride[dim] == 0 && p / t->size.stride[dim] < t->size.dst[dim]
               ? p / t->size.stride[dim]
               : -1;
}

/* to[x step + i] += taps[x][i] for the positions whose every tap lands inside. */
static void add_whole(float *restrict to, const float *restrict taps, int64_t n, int64_t step, int64_t span,
                      int64_t columns)
{
    for (int64_t x = 0; x < n; x++, to += step, taps += columns)
        for (int64_t i = 0; i < span; i++)
            to[i] += taps[i];
}

enum { OVER_MOST = 6 };

/* The same for taps of which the last `over` land where the next position's first do: kept until then, they need not
 * come back from memory. Constants unroll. */
static inline __attribute__((always_inline)) void
add_overlapping(float *restrict to, const float *restrict taps, int64_t n, int64_t step, int64_t over, int64_t columns)
{
    float kept[OVER_MOST] = {0};
    for (int64_t x = 0; x < n; x++, to += step, taps += columns)
        for (int64_t i = 0; i < step; i++) {
            to[i] += i < over ? kept[i] + taps[i] : taps[i];
            if (i < over)
                kept[i] = taps[step + i];
        }
    for (int64_t i = 0; i < over; i++)
        to[i] += kept[i];
}

static void add_cut(const struct thin *t, float *line, const float *taps, int64_t x)
{
    int64_t at = (x * t->size.stride[2] - t->size.pad[2]) * t->in, width = t->size.src[2] * t->in;
    for (int64_t i = 0; i < t->size.kernel[2] * t->in; i++)
        if (at + i >= 0 && at + i < width)
            line[at + i] += taps[x * t->columns + i];
}

static int64_t at_most(int64_t a, int64_t limit)
{
    return a < limit ? a : limit;
}

/* Adds one line of dst to one line of src: position x of dst lands on x stride + kx - pad for every tap kx. `taps`:
 * kernel x channels values at the front of each row of columns. */
static void add_line(const struct thin *t, float *line, const float *taps)
{
    int64_t stride = t->size.stride[2], room = t->size.src[2] + t->size.pad[2] - t->size.kernel[2];
    int64_t first =
        at_most((t->size.pad[2] + stride - 1) / stride, t->size.dst[2]); /* before it taps fall off the front, */
    int64_t end = room < 0 ? first : at_most(room / stride + 1, t->size.dst[2]); /* and from here on off the end */
    if (end < first)
        end = first;
    int64_t span = t->size.kernel[2] * t->in, step = stride * t->in;
    for (int64_t x = 0; x < first; x++)
        add_cut(t, line, taps, x);
    float *to = line + (first * stride - t->size.pad[2]) * t->in;
    const float *from = taps + first * t->columns;
    if (span == 3 && step == 2)
        add_overlapping(to, from, end - first, 2, 1, t->columns);
    else if (span == 4 && step == 2)
        add_overlapping(to, from, end - first, 2, 2, t->columns);
    else if (span == 9 && step == 6)
        add_overlapping(to, from, end - first, 6, 3, t->columns);
    else if (span == 12 && step == 6)
        add_overlapping(to, from, end - first, 6, 6, t->columns);
    else
        add_whole(to, from, end - first, step, span, t->columns);
    for (int64_t x = end; x < t->size.dst[2]; x++)
        add_cut(t, line, taps, x);
}

static void begin_line(const struct job *j, float *line)
{
    int64_t width = j->t->size.src[2], channels = j->t->in;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t x = 0; x < width; x++)
            line[x * channels + c] = j->bias ? j->bias[c] : 0;
}

static void gather_line(const struct job *j, int64_t n, int64_t z, int64_t y, float *line)
{
    const struct thin *t = j->t;
    begin_line(j, line);
    for (int kz = 0; kz < t->size.kernel[0]; kz++) {
        int64_t dz = source(t, 0, z, kz);
        for (int ky = 0; dz >= 0 && ky < t->size.kernel[1]; ky++) {
            int64_t dy = source(t, 1, y, ky);
            int64_t row = ((n * t->size.dst[0] + dz) * t->size.dst[1] + dy) * t->size.dst[2];
            if (dy >= 0)
                add_line(t, line,
                         j->columns + row * t->columns + (kz * t->size.kernel[1] + ky) * t->size.kernel[2] * t->in);
        }
    }
}

static void gather_lines(void *context, size_t begin, size_t end)
{
    const struct job *j = context;
    const struct thin *t = j->t;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        int64_t y = i % t->size.src[1], z = i / t->size.src[1] % t->size.src[0],
                n = i / (t->size.src[1] * t->size.src[0]);
        gather_line(j, n, z, y, j->src + i * t->size.src[2] * t->in);
    }
}

static bool backward_data(void *own, const struct conv_call *c)
{
    const struct thin *t = own;
    struct job j = {.t = t, .columns = c->scratch, .bias = c->bias, .src = c->to};
    bool done = dnn_conv_forward(t->product, c->dst, NULL, c->scratch, (unsigned char *)c->scratch + column_bytes(t));
    size_t lines = (size_t)(t->n * t->size.src[0] * t->size.src[1]);
    parallel_ranges(t->threads, lines, 1 + 16384 / (size_t)(t->size.src[2] * t->columns), gather_lines, &j);
    return done;
}

const struct conv_way conv_thin = {
    .name = "thin",
    .takes = takes,
    .create = create,
    .release = release,
    .scratch = scratch,
    .bytes = bytes,
    .pack = pack,
    .run = {[DNN_BACKWARD_DATA] = backward_data},
    .finishes = 1u << DNN_BACKWARD_DATA,
};
