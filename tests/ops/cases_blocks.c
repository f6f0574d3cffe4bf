/* Maps as blocks and back, and as larger maps. Sizes are N,H,W,C of the map. */
#include "harness.h"

struct rates {
    int r[3];
};

static const struct rates whole = {{1, 1, 1}}, grid = {{2, 3, 1}}, channels = {{1, 1, 4}}, all = {{3, 2, 2}},
                          positions = {{6, 6, 1}};

static const struct shape sizes[] = {{4, {1, 6, 6, 4}}, {4, {3, 12, 18, 8}}, {4, {2, 30, 24, 64}}, {0}};

static struct shape rows_of(const struct shape *map, const struct rates *o)
{
    int64_t grid_size = (int64_t)o->r[0] * o->r[1] * o->r[2];
    return SHAPE(map->d[0] * grid_size, shape_count(map) / map->d[0] / grid_size);
}

/* Where element (n,y,x,c) of the map is among its blocks: by the definition. */
static size_t place(const struct shape *map, const int r[3], int64_t n, int64_t y, int64_t x, int64_t c)
{
    int64_t h = map->d[1] / r[0], w = map->d[2] / r[1], d = map->d[3] / r[2];
    int64_t row = ((n * r[0] + y / h) * r[1] + x / w) * r[2] + c / d;
    return (size_t)(((row * h + y % h) * w + x % w) * d + c % d);
}

static void walk(const struct shape *map, const int r[3], const double *from, double *to, bool dividing)
{
    size_t i = 0;
    for (int64_t n = 0; n < map->d[0]; n++)
        for (int64_t y = 0; y < map->d[1]; y++)
            for (int64_t x = 0; x < map->d[2]; x++)
                for (int64_t c = 0; c < map->d[3]; c++, i++) {
                    size_t at = place(map, r, n, y, x, c);
                    to[dividing ? at : i] = from[dividing ? i : at];
                }
}

static struct node *build_divide(struct graph *g, struct node *const in[], const void *options)
{
    const struct rates *o = options;
    return op_divide(g, in[0], o->r);
}

static void divide(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct rates *o = row->options;
    walk(&shapes[0], o->r, in[0], out, true);
}

/* Rows do not tell the map's shape: of 2n rows of blocks, maps twice as wide as high. */
static const struct shape row_sizes[] = {{4, {2, 6, 12, 8}}, {0}};

static int operands_rows(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    in[0] = rows_of(size, options);
    return 1;
}

static struct node *build_assemble(struct graph *g, struct node *const in[], const void *options)
{
    const struct rates *o = options;
    return op_assemble(g, in[0], o->r, row_sizes[0]);
}

static void assemble(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct rates *o = row->options;
    (void)shapes;
    walk(&row_sizes[0], o->r, in[0], out, false);
}

#define DIVIDE(title, o)                                                                                               \
    {                                                                                                                  \
        .name = title, .build = build_divide, .options = &o, .sizes = sizes, .operands = operands_one,                 \
        .reference = divide, .wants = 1, .bf16 = {                                                                     \
            1                                                                                                          \
        }                                                                                                              \
    }
#define ASSEMBLE(title, o)                                                                                             \
    {                                                                                                                  \
        .name = title, .build = build_assemble, .options = &o, .sizes = row_sizes, .operands = operands_rows,          \
        .reference = assemble, .wants = 1, .bf16 = {                                                                   \
            1                                                                                                          \
        }                                                                                                              \
    }

/* To sizes that are no multiple, and to the double. */
static struct node *build_enlarge(struct graph *g, struct node *const in[], const void *options)
{
    const struct rates *o = options;
    return op_enlarge(g, in[0], in[0]->shape.d[1] * o->r[0] / o->r[2], in[0]->shape.d[2] * o->r[1] / o->r[2]);
}

static void enlarge(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct rates *o = row->options;
    const int64_t *d = shapes[0].d, height = d[1] * o->r[0] / o->r[2], width = d[2] * o->r[1] / o->r[2];
    for (int64_t i = 0; i < d[0] * height * width * d[3]; i++) {
        int64_t n = i / (height * width * d[3]), y = i / (width * d[3]) % height, x = i / d[3] % width;
        out[i] = in[0][((n * d[1] + y * d[1] / height) * d[2] + x * d[2] / width) * d[3] + i % d[3]];
    }
}

static const struct rates doubled = {{2, 2, 1}}, odd = {{7, 9, 6}}, as_it_is = {{1, 1, 1}};

#define ENLARGE(title, o)                                                                                              \
    {                                                                                                                  \
        .name = title, .build = build_enlarge, .options = &o, .sizes = sizes, .operands = operands_one,                \
        .reference = enlarge, .wants = 1, .bf16 = {                                                                    \
            1                                                                                                          \
        }                                                                                                              \
    }

const struct op_row blocks_rows[] = {
    DIVIDE("divide, one block", whole),
    DIVIDE("divide, a grid", grid),
    DIVIDE("divide, channels", channels),
    DIVIDE("divide, all three", all),
    DIVIDE("divide, fine", positions),
    ASSEMBLE("assemble, one block", whole),
    ASSEMBLE("assemble, a grid", grid),
    ASSEMBLE("assemble, channels", channels),
    ASSEMBLE("assemble, all three", all),
    ENLARGE("enlarge, double", doubled),
    ENLARGE("enlarge, odd", odd),
    ENLARGE("enlarge, not at all", as_it_is),
    {0},
};
