/* Convolutions and their adjoints in BF16 as products of matrices, whose rows are the windows that lie under the
 * kernel, copied together (columns, as im2col has it). A processor that multiplies in tiles (AMX) does such products
 * several times as fast as oneDNN's adjoints of convolutions with a stride, and takes the weights as they lie:
 *
 *   forward   coarse[p,o] = sum over k,i of  fine[p stride + k - pad, i] w[o,k,i]           rows: windows of fine
 *   weights   dw[o,k,i]   = sum over p of    coarse[p,o] fine[p stride + k - pad, i]        rows: the same
 *   data      fine[q stride + r, i] = sum over o, and k with r + pad - k = stride offset, of
 *                           coarse[q + offset, o] w[o,k,i]                                  rows: windows of coarse
 *
 * The last is a convolution of its own for every remainder r, all with stride 1: nothing has to be added up in memory.
 */
#include "nn/conv/way.h"
#include "nn/conv/windows.h"
#include "nn/layout.h"
#include "nn/ops/elements.h"
#include "nn/parallel.h"
#include "nn/spatial.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a product: enough to keep the processor busy, few enough to stay near it. */
enum { ROWS = 1024, ROWS_STEP = 16 };

enum { PARTS = 64, CLASSES = 27 };

/* One product over a walk: of all its places in chunks, for each thread of its own, as what it reads is bound to it. */
struct stage {
    struct walk walk;
    int64_t rows, chunk, chunks; /* the last chunk may be shorter */
    int64_t values;              /* of a window */
    int parts;
    struct dnn_product *whole[PARTS], *last; /* last: of the shorter chunk, or NULL */
    int origin[3], taps[3][CLASSES];         /* of data: r, and which k stands at each place of the window */
    const bf16 *weight;
};

struct columns {
    struct dnn_conv_spec spec;
    struct spatial size; /* src: the fine side, dst: the coarse one */
    int64_t outputs, inputs, taps;
    struct stage forward, weights, data[CLASSES];
    int classes;
    bf16 *weight, *data_weight;                     /* O,k,I, and for every class k,O,I; NULL: not wanted */
    size_t cols_bytes, result_bytes, product_bytes; /* of scratch, for each part */
};

/* ---- what pays ---- */

/* How many remainders there are; above CLASSES: of those, or of taps in a dimension, more than there is room for. */
static int classes(const struct dnn_conv_spec *s)
{
    int product = 1;
    for (int i = 0; i < s->src.nd - 2; i++) {
        if (s->stride[i] > CLASSES || s->kernel[i] > CLASSES)
            return CLASSES + 1;
        product *= s->stride[i];
    }
    return product;
}

static int64_t divided_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Rows of a product, where so many are shared out. */
static int64_t chunk_rows(int64_t rows, int threads)
{
    int64_t chunks = divided_up(divided_up(rows, ROWS), threads) * threads;
    return divided_up(divided_up(rows, chunks), ROWS_STEP) * ROWS_STEP;
}

/* Whether the windows of one product lie beyond what is near a core. */
static bool too_wide(const struct dnn_conv_spec *s)
{
    enum { NEAR = 4 << 20 };
    int64_t values = shape_last(&s->src);
    for (int i = 0; i < s->src.nd - 2; i++)
        values *= s->kernel[i];
    return chunk_rows(shape_rows(&s->dst), s->threads) * values * (int64_t)sizeof(bf16) > NEAR;
}

/* Measured on a Xeon with AMX, oneDNN 2.6 and 3.7: products do 600 to 1500 GFLOP/s a core, oneDNN's gradients of
 * strided convolutions 20 to 500, of large clips up to 1400. Towards few channels the copies outweigh that, and windows
 * that come from far; without a stride oneDNN is faster in every direction. Its forward direction is as fast where it
 * brings few weights into its order, in every step, for many places. */
static unsigned pay(const struct dnn_conv_spec *s)
{
    enum { PLACES_AN_OUTPUT = 50, CHANNELS = 64 };
    if (s->src_type != BF16 || s->dst_type != BF16 || !dnn_has_amx() || s->threads > PARTS || classes(s) == 1 ||
        classes(s) > CLASSES || too_wide(s))
        return 0;
    unsigned paying = 1u << DNN_BACKWARD_WEIGHTS;
    if (shape_last(&s->src) >= CHANNELS)
        paying |= 1u << DNN_BACKWARD_DATA;
    if (shape_rows(&s->dst) < PLACES_AN_OUTPUT * shape_last(&s->dst))
        paying |= 1u << DNN_FORWARD;
    return s->directions & paying;
}

/* ---- building ---- */

static void measure(struct columns *c)
{
    const struct dnn_conv_spec *s = &c->spec;
    c->size = spatial_of(&s->src, &s->dst, s->kernel, s->stride, s->pad);
    c->outputs = shape_last(&s->dst);
    c->inputs = shape_last(&s->src);
    c->taps = (int64_t)c->size.kernel[0] * c->size.kernel[1] * c->size.kernel[2];
}

/* Rows and values of a walk, and how the threads share it out. */
static void share_out(const struct columns *c, struct stage *s)
{
    const struct walk *w = &s->walk;
    s->rows = w->samples * w->count[0] * w->count[1] * w->count[2];
    s->values = w->channels * w->size[0] * w->size[1] * w->size[2];
    s->chunk = chunk_rows(s->rows, c->spec.threads);
    s->chunks = divided_up(s->rows, s->chunk);
    s->parts = (int)(s->chunks < c->spec.threads ? s->chunks : c->spec.threads);
}

static void want(size_t *bytes, size_t more)
{
    more = layout_padded(more);
    *bytes = more > *bytes ? more : *bytes;
}

/* `rows`: the product's m or k, whichever the rows are, which is filled in here. */
static int build_products(struct columns *c, struct stage *s, struct dnn_product_spec *product, int64_t *rows,
                          struct err *e)
{
    product->threads = 1;
    *rows = s->chunk;
    for (int part = 0; part < s->parts && s->rows >= s->chunk; part++) {
        TRY(dnn_product_new(product, &s->whole[part], e));
        want(&c->product_bytes, dnn_product_scratch(s->whole[part]));
    }
    *rows = s->rows % s->chunk;
    if (*rows)
        TRY(dnn_product_new(product, &s->last, e));
    want(&c->product_bytes, dnn_product_scratch(s->last));
    want(&c->cols_bytes, (size_t)(s->chunk * s->values) * sizeof(bf16));
    return 0;
}

static struct walk walk_fine(const struct columns *c)
{
    struct walk w = {.samples = c->spec.src.d[0], .channels = c->inputs};
    for (int d = 0; d < 3; d++) {
        w.count[d] = c->size.dst[d];
        w.size[d] = c->size.kernel[d];
        w.step[d] = c->size.stride[d];
        w.start[d] = -c->size.pad[d];
        w.room[d] = c->size.src[d];
    }
    return w;
}

static int build_forward(struct columns *c, struct err *e)
{
    struct stage *s = &c->forward;
    struct dnn_product_spec product = {.transpose_b = true, .n = c->outputs, .type = BF16};
    s->walk = walk_fine(c);
    s->weight = c->weight;
    share_out(c, s);
    product.k = s->values;
    return build_products(c, s, &product, &product.m, e);
}

static int build_weights(struct columns *c, struct err *e)
{
    struct stage *s = &c->weights;
    struct dnn_product_spec product = {.transpose_a = true, .m = c->outputs, .type = F32};
    s->walk = walk_fine(c);
    share_out(c, s);
    product.n = s->values;
    want(&c->result_bytes, (size_t)(c->outputs * s->values) * sizeof(float));
    return build_products(c, s, &product, &product.k, e);
}

/* Dimension d of the class of remainder r: the taps that reach it, from the farthest offset behind to that before. */
static void walk_class(const struct columns *c, struct stage *s, int d, int r)
{
    struct walk *w = &s->walk;
    int least = 0;
    w->size[d] = 0;
    for (int k = c->size.kernel[d] - 1; k >= 0; k--) {
        int distance = r + c->size.pad[d] - k;
        if (distance % c->size.stride[d])
            continue;
        if (!w->size[d])
            least = distance / c->size.stride[d];
        s->taps[d][w->size[d]++] = k;
    }
    w->count[d] = (c->size.src[d] - r + c->size.stride[d] - 1) / c->size.stride[d];
    w->step[d] = 1;
    w->start[d] = least;
    w->room[d] = c->size.dst[d];
    s->origin[d] = r;
}

/* Every remainder, also one that no tap reaches, whose values are 0. */
static int build_class(struct columns *c, int number, struct err *e)
{
    struct stage *s = &c->data[number];
    struct dnn_product_spec product = {.n = c->inputs, .type = BF16};
    int r[3] = {number / (c->size.stride[1] * c->size.stride[2]), number / c->size.stride[2] % c->size.stride[1],
                number % c->size.stride[2]};
    s->walk = (struct walk){.samples = c->spec.src.d[0], .channels = c->outputs};
    for (int d = 0; d < 3; d++)
        walk_class(c, s, d, r[d]);
    for (int d = 0; d < 3; d++)
        if (s->walk.count[d] <= 0)
            return 0;
    s->weight = c->data_weight;
    for (int before = 0; before < number; before++)
        s->weight += c->data[before].values * c->inputs; /* O,k,I in all: every tap is of one class */
    share_out(c, s);
    product.k = s->values;
    want(&c->result_bytes, (size_t)(s->chunk * c->inputs) * sizeof(bf16));
    return s->values ? build_products(c, s, &product, &product.m, e) : 0;
}

static int build(struct columns *c, struct err *e)
{
    unsigned asked = c->spec.directions;
    size_t bytes = (size_t)(c->outputs * c->taps * c->inputs) * sizeof(bf16);
    if (asked & 1u << DNN_FORWARD)
        c->weight = malloc(bytes);
    if (asked & 1u << DNN_BACKWARD_DATA)
        c->data_weight = malloc(bytes);
    if ((asked & 1u << DNN_FORWARD && !c->weight) || (asked & 1u << DNN_BACKWARD_DATA && !c->data_weight))
        return err_memory(e, "a convolution's weights");
    if (asked & 1u << DNN_FORWARD)
        TRY(build_forward(c, e));
    if (asked & 1u << DNN_BACKWARD_WEIGHTS)
        TRY(build_weights(c, e));
    c->classes = asked & 1u << DNN_BACKWARD_DATA ? c->size.stride[0] * c->size.stride[1] * c->size.stride[2] : 0;
    for (int number = 0; number < c->classes; number++)
        TRY(build_class(c, number, e));
    return 0;
}

static void free_products(struct stage *s)
{
    for (int part = 0; part < PARTS; part++)
        dnn_product_free(s->whole[part]);
    dnn_product_free(s->last);
}

static void release(void *own)
{
    struct columns *c = own;
    if (!c)
        return;
    free_products(&c->forward);
    free_products(&c->weights);
    for (int number = 0; number < c->classes; number++)
        free_products(&c->data[number]);
    free(c->weight);
    free(c->data_weight);
    free(c);
}

static int create(const struct conv_task *t, void **own, struct err *e)
{
    struct columns *c = *own = calloc(1, sizeof *c);
    if (!c)
        return err_memory(e, "a convolution");
    c->spec = t->conv;
    measure(c);
    return build(c, e);
}

static size_t part_bytes(const struct columns *c)
{
    size_t sums = c->weights.parts ? layout_padded((size_t)(c->outputs * c->weights.values) * sizeof(float)) : 0;
    return c->cols_bytes + c->result_bytes + c->product_bytes + sums;
}

static size_t scratch(const void *own)
{
    const struct columns *c = own;
    return part_bytes(c) * (size_t)c->spec.threads;
}

static size_t bytes(const void *own)
{
    const struct columns *c = own;
    size_t one = (size_t)(c->outputs * c->taps * c->inputs) * sizeof(bf16);
    return (c->weight ? one : 0) + (c->data_weight ? one : 0);
}

/* ---- packing ---- */

struct pack_job {
    const struct columns *c;
    const float *weight;
};

/* Of the class's window place t: the weights of the tap that stands there, O,I. */
static void pack_tap(const struct columns *c, const struct stage *s, int t, const float *weight, bf16 *to)
{
    const int *size = s->walk.size;
    int at[3] = {t / (size[1] * size[2]), t / size[2] % size[1], t % size[2]};
    int tap = (s->taps[0][at[0]] * c->size.kernel[1] + s->taps[1][at[1]]) * c->size.kernel[2] + s->taps[2][at[2]];
    for (int64_t o = 0; o < c->outputs; o++)
        bf16_narrow(weight + (o * c->taps + tap) * c->inputs, to + o * c->inputs, (size_t)c->inputs);
}

static void pack_classes(void *context, size_t begin, size_t end)
{
    const struct pack_job *j = context;
    const struct columns *c = j->c;
    for (size_t i = begin; i < end; i++) {
        const struct stage *s = &c->data[i];
        bf16 *to = c->data_weight + (s->weight - c->data_weight);
        for (int t = 0; s->values && t < s->values / c->outputs; t++)
            pack_tap(c, s, t, j->weight, to + t * c->outputs * c->inputs);
    }
}

static bool pack(void *own, const float *weight)
{
    struct columns *c = own;
    struct pack_job j = {c, weight};
    if (c->weight)
        elements_cast(c->spec.threads, weight, c->weight, BF16, (size_t)(c->outputs * c->taps * c->inputs));
    parallel_ranges(c->spec.threads, (size_t)c->classes, 1, pack_classes, &j);
    return true;
}

/* ---- the products ---- */

/* A chunk of a stage's rows, in the hands of one part, and its room in scratch. */
struct chunk {
    int part;
    int64_t first, rows;
    bool begins; /* it is the part's first */
    void *cols, *result, *product;
};

struct job {
    const struct columns *c;
    const struct stage *s;
    bool (*multiply)(const struct job *j, const struct chunk *k); /* what is done once the windows are gathered */
    const bf16 *from, *coarse; /* what windows are of; of weights, what they are multiplied with */
    bf16 *to;
    float *weight;
    void *scratch;
    bool done[PARTS];
};

static unsigned char *room_of(const struct job *j, int part)
{
    return (unsigned char *)j->scratch + (size_t)part * part_bytes(j->c);
}

/* Where a part adds up the weights' gradient: in itself, or, all parts but the first, behind the rest of its room. */
static float *sums_of(const struct job *j, int part)
{
    size_t before = j->c->cols_bytes + j->c->result_bytes + j->c->product_bytes;
    return part ? (float *)(room_of(j, part) + before) : j->weight;
}

static bool multiply(const struct job *j, const struct chunk *k, const void *a, const void *b, void *out)
{
    return dnn_product_run(k->rows < j->s->chunk ? j->s->last : j->s->whole[k->part], a, b, out, k->product);
}

static bool multiply_forward(const struct job *j, const struct chunk *k)
{
    return multiply(j, k, k->cols, j->s->weight, j->to + k->first * j->c->outputs);
}

static bool multiply_weights(const struct job *j, const struct chunk *k)
{
    float *sums = sums_of(j, k->part);
    bool done = multiply(j, k, j->coarse + k->first * j->c->outputs, k->cols, k->begins ? sums : k->result);
    if (!k->begins)
        elements_add(1, F32, sums, k->result, (size_t)(j->c->outputs * j->s->values));
    return done;
}

/* Rows of a class to their places in the fine tensor; of a class that no tap reaches, zeros. */
static void scatter(const struct job *j, const struct chunk *k)
{
    const struct columns *c = j->c;
    const struct stage *s = j->s;
    const bf16 *from = k->result;
    size_t bytes = (size_t)c->inputs * sizeof *from;
    struct place p = walk_place(&s->walk, k->first);
    for (int64_t row = 0; row < k->rows; row++, walk_on(&s->walk, &p)) {
        int64_t to = p.sample;
        for (int d = 0; d < 3; d++)
            to = to * c->size.src[d] + p.at[d] * c->size.stride[d] + s->origin[d];
        if (s->values)
            memcpy(j->to + to * c->inputs, from + row * c->inputs, bytes);
        else
            memset(j->to + to * c->inputs, 0, bytes);
    }
}

static bool multiply_data(const struct job *j, const struct chunk *k)
{
    bool done = !j->s->values || multiply(j, k, k->cols, j->s->weight, k->result);
    scatter(j, k);
    return done;
}

static void run_part(void *context, int part, size_t begin, size_t end)
{
    struct job *j = context;
    const struct stage *s = j->s;
    unsigned char *room = room_of(j, part);
    struct chunk k = {.part = part, .cols = room, .result = room + j->c->cols_bytes};
    k.product = room + j->c->cols_bytes + j->c->result_bytes;
    j->done[part] = true;
    for (size_t i = begin; i < end && j->done[part]; i++) {
        k.first = (int64_t)i * s->chunk;
        k.rows = s->rows - k.first < s->chunk ? s->rows - k.first : s->chunk;
        k.begins = i == begin;
        walk_gather(&s->walk, j->from, k.first, s->values ? k.rows : 0, k.cols);
        j->done[part] = j->multiply(j, &k);
    }
}

static bool run(struct job *j, const struct stage *s)
{
    bool done = true;
    j->s = s;
    parallel_chunks(s->parts, (size_t)s->chunks, s->parts, run_part, j);
    for (int part = 0; part < s->parts; part++)
        done = done && j->done[part];
    return done;
}

static bool forward(void *own, const struct conv_call *call)
{
    const struct columns *c = own;
    struct job j = {.c = c, .multiply = multiply_forward, .from = call->src, .to = call->to, .scratch = call->scratch};
    return run(&j, &c->forward);
}

static bool backward_data(void *own, const struct conv_call *call)
{
    const struct columns *c = own;
    struct job j = {.c = c, .multiply = multiply_data, .from = call->dst, .to = call->to, .scratch = call->scratch};
    bool done = true;
    for (int number = 0; number < c->classes && done; number++)
        done = !c->data[number].rows || run(&j, &c->data[number]);
    return done;
}

static bool backward_weights(void *own, const struct conv_call *call)
{
    const struct columns *c = own;
    const struct stage *s = &c->weights;
    struct job j = {.c = c, .multiply = multiply_weights, .from = call->src, .coarse = call->dst};
    j.weight = call->to;
    j.scratch = call->scratch;
    bool done = run(&j, s);
    for (int part = 1; part < s->parts; part++)
        elements_add(c->spec.threads, F32, j.weight, sums_of(&j, part), (size_t)(c->outputs * s->values));
    return done;
}

/* Scorers have oneDNN's convolution, whose packed weights they share. */
static unsigned takes(const struct conv_task *t)
{
    return t->training ? pay(&t->conv) : 0;
}

const struct conv_way conv_columns = {
    .name = "columns",
    .takes = takes,
    .create = create,
    .release = release,
    .scratch = scratch,
    .bytes = bytes,
    .pack = pack,
    .run = {forward, backward_data, backward_weights},
};
