#include "harness.h"

#include "nn/bf16.h"
#include "nn/dnn.h"
#include "nn/parallel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct shape common_sizes[] = {
    {2, {1, 1}},           {2, {7, 3}},         {2, {64, 16}},        {2, {1000, 17}},
    {4, {2, 4, 8, 96}},    {4, {3, 37, 31, 1}}, {4, {4, 5, 5, 3}},    {5, {2, 3, 11, 13, 16}},
    {5, {1, 2, 5, 7, 96}}, {4, {5, 67, 31, 3}}, {4, {2, 20, 21, 96}}, {0, {0}},
};

int operands_one(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = *size;
    return 1;
}

int operands_two(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = in[1] = *size;
    return 2;
}

size_t count_of(const struct shape *s)
{
    return (size_t)shape_count(s);
}

double element(const void *data, enum dtype type, size_t i)
{
    return (double)(type == F32 ? ((const float *)data)[i] : bf16_to_f32(((const bf16 *)data)[i]));
}

void set_element(void *data, enum dtype type, size_t i, double value)
{
    if (type == F32)
        ((float *)data)[i] = (float)value;
    else
        ((bf16 *)data)[i] = bf16_from_f32((float)value);
}

/* ---- guarded buffers ---- */

enum { GUARD = 64, PATTERN = 0xa5 };

struct guarded {
    size_t bytes;
    unsigned char before[GUARD - sizeof(size_t)];
};

/* Between guards, filled with NaN in either format. */
static void *guarded_new(size_t bytes)
{
    size_t whole = (GUARD + bytes + GUARD + 63) / 64 * 64;
    struct guarded *g = aligned_alloc(64, whole);
    assert_non_null(g);
    memset(g, PATTERN, whole);
    g->bytes = bytes;
    memset(g + 1, 0xff, bytes);
    return g + 1;
}

static void guarded_check(const void *data, const char *what)
{
    const struct guarded *g = (const struct guarded *)data - 1;
    const unsigned char *behind = (const unsigned char *)data + g->bytes;
    for (size_t i = 0; i < GUARD; i++)
        if (behind[i] != PATTERN || (i < sizeof g->before && g->before[i] != PATTERN))
            fail_msg("%s was written out of bounds", what);
}

static void guarded_free(void *data, const char *what)
{
    if (!data)
        return;
    guarded_check(data, what);
    free((struct guarded *)data - 1);
}

static void *guarded_copy(const void *data)
{
    size_t bytes = ((const struct guarded *)data - 1)->bytes;
    return memcpy(guarded_new(bytes), data, bytes);
}

static void guarded_same(const void *a, const void *b, const char *what)
{
    if (memcmp(a, b, ((const struct guarded *)a - 1)->bytes) != 0)
        fail_msg("%s differs", what);
}

static size_t node_bytes(const struct node *n)
{
    return count_of(&n->shape) * dtype_bytes(n->dtype);
}

/* ---- one op by hand ---- */

void bench_open(struct bench *b, build_fn *build, const void *options, int inputs, const struct shape shapes[],
                unsigned narrow, unsigned wants, unsigned parameters)
{
    struct err e = ERR_INIT;
    struct node *in[NODE_INPUTS] = {0};
    *b = (struct bench){.inputs = inputs, .version = 1};
    b->params = params_new();
    b->graph = graph_new(GRAPH_TRAIN, F32, b->params);
    assert_non_null(b->graph);
    for (int i = 0; i < inputs; i++) {
        if (shapes[i].nd == 0)
            continue;
        in[i] = graph_input(b->graph, "in", shapes[i]);
        assert_non_null(in[i]);
        in[i]->dtype = narrow >> i & 1 ? BF16 : F32;
        in[i]->constant = parameters >> i & 1;
        b->in[i] = guarded_new(node_bytes(in[i]));
        if (wants >> i & 1)
            b->gin[i] = guarded_new(node_bytes(in[i]));
    }
    b->node = build(b->graph, in, options);
    if (graph_error(b->graph, &e) < 0)
        fail_msg("%s", e.msg);
    b->out = guarded_new(node_bytes(b->node));
    b->gout = guarded_new(node_bytes(b->node));
    b->x = (struct exec){.node = b->node, .wants = wants, .threads = 4, .version = &b->version};
    if (b->node->op->prepare && b->node->op->prepare(&b->x, &e) < 0)
        fail_msg("%s", e.msg);
    b->x.saved = guarded_new(b->x.saved_bytes);
    b->x.scratch = guarded_new(b->x.scratch_bytes);
}

void bench_close(struct bench *b)
{
    if (b->node->op->release)
        b->node->op->release(&b->x);
    for (int i = 0; i < b->inputs; i++) {
        guarded_free(b->in[i], "an input");
        guarded_free(b->gin[i], "an input's gradient");
    }
    guarded_free(b->out, "the output");
    guarded_free(b->gout, "the output's gradient");
    guarded_free(b->x.saved, "saved");
    guarded_free(b->x.scratch, "scratch");
    graph_free(b->graph);
    params_free(b->params);
}

static void run(struct bench *b, void (*fn)(struct exec *), int threads)
{
    b->x.threads = threads;
    memset(b->x.scratch, 0xff, b->x.scratch_bytes);
    unsigned before = parallel_begin(threads);
    fn(&b->x);
    parallel_end(before);
    guarded_check(b->x.saved, "saved");
    guarded_check(b->x.scratch, "scratch");
}

void bench_forward(struct bench *b, int threads)
{
    memcpy(b->x.in, b->in, sizeof b->in);
    b->x.out = b->out;
    b->x.gout = NULL;
    memset(b->x.gin, 0, sizeof b->x.gin);
    run(b, b->node->op->forward, threads);
    guarded_check(b->out, "the output");
}

/* Only what may be read is there: READ_*. */
static void point_reads(struct bench *b, unsigned reads)
{
    for (int i = 0; i < b->inputs; i++)
        b->x.in[i] = reads >> i & 1 ? b->in[i] : NULL;
    b->x.out = reads & READ_OUT ? b->out : NULL;
}

static unsigned reads_of(const struct bench *b, unsigned wants)
{
    unsigned reads = 0;
    for (int i = 0; i < b->inputs; i++)
        reads |= wants >> i & 1 ? b->node->op->reads[i] : 0;
    return reads;
}

void bench_backward(struct bench *b, int threads, unsigned wants)
{
    point_reads(b, reads_of(b, wants));
    b->x.gout = b->gout;
    for (int i = 0; i < NODE_INPUTS; i++) {
        b->x.gin[i] = wants >> i & 1 ? b->gin[i] : NULL;
        if (b->x.gin[i])
            memset(b->gin[i], 0xff, node_bytes(b->node->in[i]));
    }
    run(b, b->node->op->backward, threads);
    for (int i = 0; i < NODE_INPUTS; i++)
        if (b->gin[i])
            guarded_check(b->gin[i], "an input's gradient");
}

/* ---- a row ---- */

struct trial {
    const struct op_row *row;
    struct bench bench;
    struct shape shapes[NODE_INPUTS];
    double *in[NODE_INPUTS]; /* the inputs as the reference sees them */
    double *out;

    struct rng rng;
    char label[200];
};

static void differ(const struct trial *t, const char *what, size_t i, double got, double wanted, double allowed)
{
    fail_msg("%s: %s, element %zu: got %.9g, wanted %.9g, which may differ by %.3g", t->label, what, i, got, wanted,
             allowed);
}

static double tolerance(const struct trial *t, enum dtype type)
{
    double f32 = t->row->tolerance > 0 ? t->row->tolerance : 2e-5;
    return f32 + (type == BF16 ? 1.0 / 128 : 0);
}

static void trial_open(struct trial *t, const struct op_row *row, const struct shape *size, unsigned narrow)
{
    char text[SHAPE_TEXT];
    *t = (struct trial){.row = row, .rng = rng_new(7, rng_stream(row->name))};
    snprintf(t->label, sizeof t->label, "%s %s%s", row->name, shape_text(size, text), narrow ? " bfloat16" : "");
    int inputs = row->operands(size, row->options, t->shapes);
    bench_open(&t->bench, row->build, row->options, inputs, t->shapes, narrow, row->wants, row->parameters);
    for (int i = 0; i < inputs; i++) {
        size_t n = t->shapes[i].nd ? count_of(&t->shapes[i]) : 0;
        enum dtype type = narrow >> i & 1 ? BF16 : F32;
        t->in[i] = n ? malloc(n * sizeof(double)) : NULL;
        for (size_t k = 0; k < n; k++) {
            double v = row->value ? row->value(&t->rng, i) : (double)rng_normal(&t->rng);
            set_element(t->bench.in[i], type, k, v);
            t->in[i][k] = element(t->bench.in[i], type, k);
        }
    }
    t->out = malloc(count_of(&t->bench.node->shape) * sizeof(double));
    row->reference(row, t->shapes, (const double *const *)t->in, t->out);
}

static void trial_close(struct trial *t)
{
    for (int i = 0; i < t->bench.inputs; i++)
        free(t->in[i]);
    free(t->out);
    bench_close(&t->bench);
}

static bool is_undecided(const struct trial *t, size_t i)
{
    return t->row->undecided && t->row->undecided(t->row, t->shapes, (const double *const *)t->in, i);
}

static void check_forward(struct trial *t)
{
    const struct node *n = t->bench.node;
    size_t count = count_of(&n->shape), skipped = 0;
    double top = 0;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, fabs(t->out[i]));
    double allowed = tolerance(t, n->dtype) * top + t->row->absolute;
    for (size_t i = 0; i < count; i++) {
        double got = element(t->bench.out, n->dtype, i);
        if (is_undecided(t, i))
            skipped++;
        else if (!(fabs(got - t->out[i]) <= allowed))
            differ(t, "output", i, got, t->out[i], allowed);
    }
    if (skipped * 10 > count)
        fail_msg("%s: %zu of %zu elements are undecided; choose other values", t->label, skipped, count);
}

/* The output's gradient: random, nothing where the output is undecided. */
static void fill_gout(struct trial *t)
{
    const struct node *n = t->bench.node;
    for (size_t i = 0; i < count_of(&n->shape); i++)
        set_element(t->bench.gout, n->dtype, i, is_undecided(t, i) ? 0 : (double)rng_normal(&t->rng));
}

/* sum of gout times the reference's output */
static double objective(struct trial *t)
{
    double sum = 0;
    t->row->reference(t->row, t->shapes, (const double *const *)t->in, t->out);
    for (size_t i = 0; i < count_of(&t->bench.node->shape); i++)
        sum += element(t->bench.gout, t->bench.node->dtype, i) * t->out[i];
    return sum;
}

/* Of a single element, and of all at once: there some elements lie near a kink, and the fewer cross it the better. */
static const double STEP = 3e-6, SMALL_STEP = 1e-7;

static double slope_at(struct trial *t, int input, size_t i)
{
    double was = t->in[input][i];
    t->in[input][i] = was + STEP;
    double above = objective(t);
    t->in[input][i] = was - STEP;
    double below = objective(t);
    t->in[input][i] = was;
    return (above - below) / (2 * STEP);
}

static void check_elements(struct trial *t, int input)
{
    enum { MOST = 8 };
    enum dtype type = t->bench.node->in[input]->dtype;
    size_t count = count_of(&t->shapes[input]);
    double top = 0;
    for (size_t i = 0; i < count; i++) {
        double v = element(t->bench.gin[input], type, i);
        if (!isfinite(v))
            fail_msg("%s: gradient of input %d, element %zu is %g", t->label, input, i, v);
        top = fmax(top, fabs(v));
    }
    for (size_t k = 0; k < count && k < MOST; k++) {
        size_t i = count <= MOST ? k : (size_t)rng_below(&t->rng, count);
        double got = element(t->bench.gin[input], type, i), wanted = slope_at(t, input, i);
        double allowed = tolerance(t, type) * fmax(top, fabs(wanted)) + t->row->absolute;
        if (!(fabs(got - wanted) <= allowed))
            differ(t, input ? "gradient of an input but the first" : "gradient of input 0", i, got, wanted, allowed);
    }
}

static void shift(struct trial *t, int input, const double *direction, double by)
{
    for (size_t i = 0; i < count_of(&t->shapes[input]); i++)
        t->in[input][i] += by * direction[i];
}

/* All elements at once: the derivative along a random direction. */
static void check_direction(struct trial *t, int input)
{
    enum dtype type = t->bench.node->in[input]->dtype;
    size_t count = count_of(&t->shapes[input]);
    double *direction = malloc(count * sizeof *direction), got = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        double g = element(t->bench.gin[input], type, i);
        direction[i] = (double)rng_normal(&t->rng);
        got += g * direction[i];
        squares += g * g;
    }
    shift(t, input, direction, SMALL_STEP);
    double above = objective(t);
    shift(t, input, direction, -2 * SMALL_STEP);
    double wanted = (above - objective(t)) / (2 * SMALL_STEP);
    shift(t, input, direction, SMALL_STEP);
    free(direction);
    double allowed = 4 * tolerance(t, type) * sqrt(squares) + t->row->absolute * sqrt((double)count);
    if (!(fabs(got - wanted) <= allowed))
        differ(t, "gradient along a direction", (size_t)input, got, wanted, allowed);
}

static void check_gradients(struct trial *t)
{
    for (int i = 0; i < t->bench.inputs; i++) {
        if (!t->bench.gin[i])
            continue;
        check_elements(t, i);
        for (int k = 0; k < 2; k++)
            check_direction(t, i);
    }
}

/* What the plan relies on: the same result, bit for bit, in place and made again. */
static void check_forward_forms(struct trial *t)
{
    struct bench *b = &t->bench;
    const struct op *op = b->node->op;
    void *out = guarded_copy(b->out), *in = guarded_copy(b->in[0]);
    if (op->flags & OP_INPLACE) {
        memcpy(b->x.in, b->in, sizeof b->in);
        b->x.out = b->in[0];
        run(b, op->forward, 2);
        guarded_same(out, b->in[0], "the output written over the input");
        memcpy(b->in[0], in, node_bytes(b->node->in[0]));
    }
    if (op->recompute) {
        point_reads(b, op->remakes);
        b->x.out = memset(b->out, 0xff, node_bytes(b->node));
        run(b, op->recompute, 2);
        guarded_same(out, b->out, "the output made again");
    }
    guarded_free(out, "a copy");
    guarded_free(in, "a copy");
}

static void check_backward_forms(struct trial *t)
{
    struct bench *b = &t->bench;
    void *all[NODE_INPUTS] = {0};
    for (int i = 0; i < b->inputs; i++)
        all[i] = b->gin[i] ? guarded_copy(b->gin[i]) : NULL;
    for (int i = 0; i < b->inputs; i++) {
        if (!all[i])
            continue;
        bench_backward(b, 2, 1u << i);
        guarded_same(all[i], b->gin[i], "a gradient wanted alone");
    }
    if (all[0] && b->node->op->flags & OP_INPLACE_GRAD) {
        void *gout = guarded_copy(b->gout);
        point_reads(b, reads_of(b, b->x.wants));
        for (int i = 0; i < b->inputs; i++)
            b->x.gin[i] = i ? b->gin[i] : b->gout;
        run(b, b->node->op->backward, 2);
        guarded_same(all[0], b->gout, "the gradient written over the output's");
        for (int i = 1; i < b->inputs; i++)
            if (all[i])
                guarded_same(all[i], b->gin[i], "another gradient, when the first is written over the output's");
        memcpy(b->gout, gout, node_bytes(b->node));
        guarded_free(gout, "a copy");
    }
    for (int i = 0; i < b->inputs; i++)
        guarded_free(all[i], "a copy");
}

static void check_forward_threads(struct trial *t)
{
    bench_forward(&t->bench, 1);
    void *first = guarded_copy(t->bench.out);
    for (int threads = 1; threads <= 2; threads++) {
        memset(t->bench.out, 0xff, node_bytes(t->bench.node));
        bench_forward(&t->bench, threads);
        check_forward(t);
        if (!t->row->loose)
            guarded_same(first, t->bench.out, "the output with more threads");
    }
    guarded_free(first, "a copy");
}

static void check_backward_threads(struct trial *t)
{
    struct bench *b = &t->bench;
    void *first[NODE_INPUTS] = {0};
    for (int threads = 1; threads <= 2; threads++) {
        bench_forward(b, threads);
        bench_backward(b, threads, t->row->wants);
        for (int i = 0; i < b->inputs; i++) {
            if (!b->gin[i])
                continue;
            if (!first[i])
                first[i] = guarded_copy(b->gin[i]);
            if (!t->row->loose)
                guarded_same(first[i], b->gin[i], "a gradient with more threads");
        }
    }
    for (int i = 0; i < b->inputs; i++)
        guarded_free(first[i], "a copy");
}

static void check_trial(const struct op_row *row, const struct shape *size, unsigned narrow)
{
    struct trial t;
    trial_open(&t, row, size, narrow);
    struct bench *b = &t.bench;
    void *before[NODE_INPUTS] = {0};
    for (int i = 0; i < b->inputs; i++)
        before[i] = b->in[i] ? guarded_copy(b->in[i]) : NULL;
    check_forward_threads(&t);
    check_forward_forms(&t);
    if (row->wants) {
        fill_gout(&t);
        check_backward_threads(&t);
        bench_forward(b, 2);
        bench_backward(b, 2, row->wants);
        check_backward_forms(&t);
        bench_backward(b, 2, row->wants);
        check_gradients(&t);
    } else if (b->node->op->backward) {
        fail_msg("%s has a backward pass that is not checked", t.label);
    }
    for (int i = 0; i < b->inputs; i++) {
        if (before[i])
            guarded_same(before[i], b->in[i], "an input that should only be read");
        guarded_free(before[i], "a copy");
    }
    trial_close(&t);
}

void check_row(const struct op_row *row)
{
    for (const struct shape *size = row->sizes; size->nd; size++) {
        check_trial(row, size, 0);
        for (int v = 0; v < VARIANTS && row->bf16[v] && (!row->native || dnn_has_bf16()); v++)
            check_trial(row, size, row->bf16[v]);
    }
}
