/* Rows of length one, queries and the items nearest to them, softmax. Sizes are queries, channels, items. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>

struct choice {
    int groups, rank;
};

static const struct choice best = {1, 0}, next = {1, 1}, own_best = {3, 0}, own_next = {3, 1};

static const struct shape sizes[] = {{3, {6, 3, 6}}, {3, {63, 17, 30}}, {3, {24, 256, 12}}, {0}};

static int operands(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = SHAPE(size->d[0], size->d[1]);
    in[1] = SHAPE(size->d[2], size->d[1]);
    return 2;
}

static int operands_three(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = in[1] = in[2] = SHAPE(size->d[0], size->d[1]);
    return 3;
}

/* ---- unit ---- */

static struct node *build_unit(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_unit(g, in[0]);
}

static void unit(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t channels = (size_t)shape_last(&shapes[0]);
    for (size_t i = 0; i < count_of(&shapes[0]); i++) {
        double squares = 0;
        for (size_t c = 0; c < channels; c++)
            squares += pow(in[0][i / channels * channels + c], 2);
        out[i] = in[0][i] / sqrt(squares);
    }
}

/* ---- nearest ---- */

static double product(const double *a, const double *b, size_t channels)
{
    double sum = 0;
    for (size_t c = 0; c < channels; c++)
        sum += a[c] * b[c];
    return sum;
}

/* Item `rank` of a query's group by inner product, of all items; `gap`: how far the others are from it. */
static size_t item_of(size_t query, int groups, int rank, const struct shape shapes[], const double *const in[],
                      double *gap)
{
    size_t channels = (size_t)shapes[0].d[1], items = (size_t)(shapes[1].d[0] / groups);
    size_t first = query / ((size_t)shapes[0].d[0] / (size_t)groups) * items, chosen = first;
    double wanted = 0;
    for (size_t j = first; j < first + items; j++) {
        double dot = product(in[0] + query * channels, in[1] + j * channels, channels);
        int above = 0;
        for (size_t k = first; k < first + items; k++)
            above += product(in[0] + query * channels, in[1] + k * channels, channels) > dot;
        if (above == rank) {
            chosen = j;
            wanted = dot;
        }
    }
    *gap = INFINITY;
    for (size_t j = first; j < first + items; j++)
        if (j != chosen)
            *gap = fmin(*gap, fabs(product(in[0] + query * channels, in[1] + j * channels, channels) - wanted));
    return chosen;
}

static struct node *build_nearest(struct graph *g, struct node *const in[], const void *options)
{
    const struct choice *o = options;
    return op_nearest(g, in[0], in[1], o->groups, o->rank);
}

static void nearest(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct choice *o = row->options;
    size_t channels = (size_t)shapes[0].d[1];
    double gap;
    for (size_t q = 0; q < (size_t)shapes[0].d[0]; q++) {
        size_t item = item_of(q, o->groups, o->rank, shapes, in, &gap);
        for (size_t c = 0; c < channels; c++)
            out[q * channels + c] = in[1][item * channels + c];
    }
}

static bool nearly_two(const struct op_row *row, const struct shape shapes[], const double *const in[], size_t element)
{
    const struct choice *o = row->options;
    double gap;
    item_of(element / (size_t)shapes[0].d[1], o->groups, o->rank, shapes, in, &gap);
    return gap < 1e-3;
}

/* ---- consolidate ---- */

static struct node *build_consolidate(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_consolidate(g, in[0], in[1]);
}

static void count(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    double gap;
    for (size_t j = 0; j < (size_t)shapes[1].d[0]; j++)
        out[j] = 0;
    for (size_t q = 0; q < (size_t)shapes[0].d[0]; q++)
        out[item_of(q, 1, 0, shapes, in, &gap)]++;
}

/* ---- triplet ---- */

static const float margin = 1;

static struct node *build_triplet(struct graph *g, struct node *const in[], const void *options)
{
    return op_triplet(g, in[0], in[1], in[2], *(const float *)options);
}

static double row_loss(const struct shape *s, const double *const in[], double wide, size_t r)
{
    double near = 0, far = 0;
    for (size_t i = r * (size_t)s->d[1]; i < (r + 1) * (size_t)s->d[1]; i++) {
        near += pow(in[0][i] - in[1][i] + 1e-6, 2);
        far += pow(in[0][i] - in[2][i] + 1e-6, 2);
    }
    return sqrt(near) - sqrt(far) + wide;
}

static void triplet(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    double wide = (double)*(const float *)row->options;
    *out = 0;
    for (size_t r = 0; r < (size_t)shapes[0].d[0]; r++)
        *out += fmax(row_loss(&shapes[0], in, wide, r), 0) / (double)shapes[0].d[0];
}

/* ---- distinction ---- */

static const int one_group = 1, three_groups = 3;

static struct node *build_distinction(struct graph *g, struct node *const in[], const void *options)
{
    return op_distinction(g, in[0], *(const int *)options);
}

static void distinction(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    size_t groups = (size_t) * (const int *)row->options, channels = (size_t)shapes[0].d[1];
    size_t each = (size_t)shapes[0].d[0] / groups;
    *out = 0;
    for (size_t i = 0; i < groups * each; i++)
        for (size_t j = i + 1; j < groups * each; j++) {
            double squares = 0;
            for (size_t c = 0; c < channels; c++)
                squares += pow(in[0][i * channels + c] - in[0][j * channels + c], 2);
            if (i / each == j / each)
                *out += fmax(1 - squares, 0) * 2 / (double)(each * (each - 1) * groups);
        }
}

static int operands_items(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = SHAPE(size->d[0], size->d[1]);
    return 1;
}

/* Items of whom some pairs lie apart and some do not. */
static double nearby(struct rng *r, int input)
{
    (void)input;
    return 0.4 * (double)rng_normal(r);
}

/* ---- softmax ---- */

static struct node *build_softmax(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_softmax(g, in[0]);
}

static struct node *build_softmax_positions(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_softmax_positions(g, in[0]);
}

/* Of `n` values, `stride` apart. */
static void softmax(const double *in, double *out, size_t n, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(in[i * stride]);
    for (size_t i = 0; i < n; i++)
        out[i * stride] = exp(in[i * stride]) / sum;
}

static void softmax_rows(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t channels = (size_t)shape_last(&shapes[0]);
    for (size_t r = 0; r < (size_t)shape_rows(&shapes[0]); r++)
        softmax(in[0] + r * channels, out + r * channels, channels, 1);
}

static void softmax_positions(const struct op_row *row, const struct shape shapes[], const double *const in[],
                              double *out)
{
    (void)row;
    size_t channels = (size_t)shape_last(&shapes[0]), samples = (size_t)shapes[0].d[0];
    size_t positions = (size_t)shape_rows(&shapes[0]) / samples;
    for (size_t n = 0; n < samples; n++)
        for (size_t c = 0; c < channels; c++)
            softmax(in[0] + n * positions * channels + c, out + n * positions * channels + c, positions, channels);
}

static const struct shape map_sizes[] = {{3, {2, 7, 3}}, {4, {3, 12, 16, 10}}, {5, {1, 3, 5, 4, 17}}, {0}};

#define NEAREST(title, o)                                                                                              \
    {                                                                                                                  \
        .name = title, .build = build_nearest, .options = &o, .sizes = sizes, .operands = operands,                    \
        .reference = nearest, .wants = 3, .undecided = nearly_two                                                      \
    }

const struct op_row assign_rows[] = {
    {.name = "unit",
     .build = build_unit,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = unit,
     .wants = 1,
     .absolute = 1e-5},
    NEAREST("nearest, of all", best),
    NEAREST("nearest, the next", next),
    NEAREST("nearest, of its group", own_best),
    NEAREST("nearest, the next of its group", own_next),
    {.name = "consolidate: counts",
     .build = build_consolidate,
     .sizes = sizes,
     .operands = operands,
     .reference = count,
     .parameters = 2},
    {.name = "triplet",
     .build = build_triplet,
     .options = &margin,
     .sizes = sizes,
     .operands = operands_three,
     .reference = triplet,
     .wants = 7},
    {.name = "distinction",
     .build = build_distinction,
     .options = &one_group,
     .sizes = sizes,
     .operands = operands_items,
     .reference = distinction,
     .wants = 1,
     .value = nearby},
    {.name = "distinction, of groups",
     .build = build_distinction,
     .options = &three_groups,
     .sizes = sizes,
     .operands = operands_items,
     .reference = distinction,
     .wants = 1,
     .value = nearby},
    {.name = "softmax",
     .build = build_softmax,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = softmax_rows,
     .wants = 1,
     .absolute = 1e-6},
    {.name = "softmax, positions",
     .build = build_softmax_positions,
     .sizes = map_sizes,
     .operands = operands_one,
     .reference = softmax_positions,
     .wants = 1},
    {0},
};
