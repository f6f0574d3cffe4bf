/* Feature maps cut into blocks and put together again (DAAD): N,H,W,C by rates r_h,r_w,r_c is a grid of blocks, each of
 * H/r_h x W/r_w x C/r_c numbers; a block is a row:
 *
 *   divide:   rows[((n r_h + i) r_w + j) r_c + k][(h, w, c)] = x[n][i H/r_h + h][j W/r_w + w][k C/r_c + c]
 *   assemble: the inverse. Both move numbers and change none, so each is the gradient of the other; and cheaper to make
 *             again than to keep. */
#include "nn/op.h"
#include "nn/ops/kernel.h"
#include "nn/parallel.h"

#include <string.h>

struct blocks_spec {
    int rates[3];
    struct shape map; /* of what assemble gives */
};

static int check_rates(const struct node *n, const struct shape *map, const int rates[3], struct err *e)
{
    char text[SHAPE_TEXT];
    bool fits = map->nd == 4;
    for (int i = 0; fits && i < 3; i++)
        fits = rates[i] > 0 && map->d[i + 1] > 0 && map->d[i + 1] % rates[i] == 0;
    return fits ? 0
                : op_error(n, e,
                           "a map of shape %s cannot be divided by rates %d,%d,%d: height, width and channels want "
                           "to be multiples of them",
                           shape_text(map, text), rates[0], rates[1], rates[2]);
}

/* A block a row. */
static struct shape rows_of(const struct shape *map, const int rates[3])
{
    int64_t rows = map->d[0] * rates[0] * rates[1] * rates[2];
    return SHAPE(rows, shape_count(map) / rows);
}

static int divide_infer(struct node *n, struct err *e)
{
    const struct blocks_spec *s = n->spec;
    TRY(check_rates(n, &n->in[0]->shape, s->rates, e));
    n->shape = rows_of(&n->in[0]->shape, s->rates);
    n->dtype = n->in[0]->dtype;
    return 0;
}

static int assemble_infer(struct node *n, struct err *e)
{
    const struct blocks_spec *s = n->spec;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    TRY(check_rates(n, &s->map, s->rates, e));
    struct shape rows = rows_of(&s->map, s->rates);
    if (!shape_equal(&rows, &n->in[0]->shape))
        return op_error(n, e, "its blocks have shape %s, but a map of those rates is made of %s",
                        shape_text(&n->in[0]->shape, a), shape_text(&rows, b));
    n->shape = s->map;
    n->dtype = n->in[0]->dtype;
    return 0;
}

/* One way or the other: a line of the map is all channels along one row of one sample, and crosses `across` times
 * `deep` blocks. */
struct move {
    const char *from;
    char *to;
    bool divide;
    size_t height;       /* of a block, in lines */
    size_t across, deep; /* blocks along a line; along its channels */
    size_t positions;    /* of a block along a line */
    size_t run, block;   /* bytes: of a block's channels at one position; of a block */
};

static struct move move_of(const struct shape *map, const int rates[3], enum dtype type)
{
    struct move m = {
        .height = (size_t)(map->d[1] / rates[0]),
        .across = (size_t)rates[1],
        .deep = (size_t)rates[2],
        .positions = (size_t)(map->d[2] / rates[1]),
        .run = (size_t)(map->d[3] / rates[2]) * dtype_bytes(type),
    };
    m.block = m.height * m.positions * m.run;
    if (m.deep == 1) { /* whole channels: a block's part of a line is in one piece */
        m.run *= m.positions;
        m.positions = 1;
    }
    return m;
}

static void move_line(const struct move *m, size_t line)
{
    size_t blocks = m->across * m->deep, step = m->deep * m->run;
    for (size_t b = 0; b < blocks; b++) {
        size_t map = (line * m->across + b / m->deep) * m->positions * step + b % m->deep * m->run;
        size_t row = (line / m->height * blocks + b) * m->block + line % m->height * m->positions * m->run;
        for (size_t p = 0; p < m->positions; p++, map += step, row += m->run)
            memcpy(m->to + (m->divide ? row : map), m->from + (m->divide ? map : row), m->run);
    }
}

static void move_range(void *context, size_t begin, size_t end)
{
    for (size_t line = begin; line < end; line++)
        move_line(context, line);
}

/* Between a map of this shape and its blocks; the spec of either op has the rates. */
static void move_all(const struct exec *x, const struct shape *map, const void *from, void *to, bool divide)
{
    const struct blocks_spec *s = x->node->spec;
    struct move m = move_of(map, s->rates, x->node->dtype);
    m.from = from;
    m.to = to;
    m.divide = divide;
    size_t grain = KERNEL_GRAIN / (size_t)(map->d[2] * map->d[3]) + 1;
    parallel_ranges(x->threads, (size_t)(map->d[0] * map->d[1]), grain, move_range, &m);
}

static void divide_forward(struct exec *x)
{
    move_all(x, &x->node->in[0]->shape, x->in[0], x->out, true);
}

static void divide_backward(struct exec *x)
{
    if (x->gin[0])
        move_all(x, &x->node->in[0]->shape, x->gout, x->gin[0], false);
}

static void assemble_forward(struct exec *x)
{
    move_all(x, &x->node->shape, x->in[0], x->out, false);
}

static void assemble_backward(struct exec *x)
{
    if (x->gin[0])
        move_all(x, &x->node->shape, x->gout, x->gin[0], true);
}

static const struct op divide_op = {
    .name = "divide",
    .remakes = READ_IN0,
    .infer = divide_infer,
    .forward = divide_forward,
    .backward = divide_backward,
    .recompute = divide_forward,
};

static const struct op assemble_op = {
    .name = "assemble",
    .remakes = READ_IN0,
    .infer = assemble_infer,
    .forward = assemble_forward,
    .backward = assemble_backward,
    .recompute = assemble_forward,
};

struct node *op_divide(struct graph *g, struct node *x, const int rates[3])
{
    struct blocks_spec s = {.rates = {rates[0], rates[1], rates[2]}};
    return graph_apply(g, &divide_op, &s, sizeof s, 1, &x);
}

struct node *op_assemble(struct graph *g, struct node *rows, const int rates[3], struct shape map)
{
    struct blocks_spec s = {.rates = {rates[0], rates[1], rates[2]}, .map = map};
    return graph_apply(g, &assemble_op, &s, sizeof s, 1, &rows);
}
