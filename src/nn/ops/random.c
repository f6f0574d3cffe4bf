/* Random numbers: y[r, i] = draw i of the stream (seed, node's name, step, sample of row r). */
#include "base/rng.h"
#include "nn/op.h"
#include "nn/ops.h"
#include "nn/parallel.h"

#include <string.h>

/* A number takes some 20 ns, so a thread pays sooner than in other loops. */
enum { GRAIN = 1 << 10 };

/* What is drawn. A mask is 1/keep with probability keep, else 0. */
enum draw { DRAW_NORMAL = NOISE_NORMAL, DRAW_UNIFORM = NOISE_UNIFORM, DRAW_MASK };

struct noise_spec {
    struct shape shape;
    enum draw kind;
    float keep;
    uint64_t stream;
};

static int infer(struct node *n, struct err *e)
{
    const struct noise_spec *s = n->spec;
    n->shape = s->shape;
    n->dtype = F32;
    for (int i = 0; i < n->shape.nd; i++)
        if (n->shape.d[i] < 1)
            return op_error(n, e, "noise of no elements is wanted: dimension %d is %lld", i, (long long)n->shape.d[i]);
    if (s->kind == DRAW_MASK && !(s->keep > 0 && s->keep <= 1))
        return op_error(n, e, "the share to keep must be above 0 and at most 1, but it is %g", (double)s->keep);
    return n->shape.nd > 0 ? 0 : op_error(n, e, "noise of no dimensions is wanted");
}

static struct rng row_stream(const struct exec *x, size_t row)
{
    const struct moment *m = x->moment;
    const struct noise_spec *s = x->node->spec;
    struct rng r = rng_new(rng_new(m->seed, s->stream).key, m->step);
    return rng_new(r.key, m->samples ? m->samples[row] : row);
}

static float draw(const struct noise_spec *s, struct rng *r)
{
    if (s->kind == DRAW_MASK)
        return rng_uniform(r) < s->keep ? 1 / s->keep : 0;
    return s->kind == DRAW_NORMAL ? rng_normal(r) : rng_uniform(r);
}

/* A normal number takes two draws, so every element has two. */
static void draw_row(const struct exec *x, size_t row, size_t begin, size_t end, float *out)
{
    const struct noise_spec *s = x->node->spec;
    struct rng r = row_stream(x, row);
    for (size_t i = begin; i < end; i++) {
        r.counter = 2 * i;
        *out++ = draw(s, &r);
    }
}

static void draw_range(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    size_t each = (size_t)(shape_count(&x->node->shape) / x->node->shape.d[0]);
    for (size_t at = begin, next; at < end; at = next) {
        size_t row = at / each;
        next = end < (row + 1) * each ? end : (row + 1) * each;
        draw_row(x, row, at - row * each, next - row * each, (float *)x->out + at);
    }
}

static void forward(struct exec *x)
{
    parallel_ranges(x->threads, (size_t)shape_count(&x->node->shape), GRAIN, draw_range, x);
}

static const struct op noise = {.name = "noise", .flags = OP_NOISE, .infer = infer, .forward = forward};

static struct node *apply(struct graph *g, struct noise_spec s)
{
    uint64_t before = 0; /* noise of the same layer */
    for (const struct node *n = g->first; n; n = n->next)
        before += n->op == &noise && !strcmp(n->name, g->scope);
    s.stream = rng_new(rng_stream(g->scope), before).key;
    return graph_apply(g, &noise, &s, sizeof s, 0, NULL);
}

struct node *op_noise(struct graph *g, struct shape shape, enum noise kind)
{
    return apply(g, (struct noise_spec){.shape = shape, .kind = (enum draw)kind});
}

struct node *op_mask(struct graph *g, struct shape shape, float keep)
{
    return apply(g, (struct noise_spec){.shape = shape, .kind = DRAW_MASK, .keep = keep});
}

struct node *op_dropout(struct graph *g, struct node *x, float rate)
{
    bool drops = x && g->mode == GRAPH_TRAIN && rate > 0;
    return drops ? op_mul(g, x, op_cast(g, op_mask(g, x->shape, 1 - rate), x->dtype)) : x;
}
