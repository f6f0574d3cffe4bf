/* Pooling with padding, and of means; resizing, distances to items, highest values. */
#include "harness.h"

#include <math.h>

/* ---- pooling: sizes are N,H,W,C ---- */

static const struct shape maps[] = {{4, {1, 7, 9, 1}},    {4, {2, 3, 3, 64}}, {4, {3, 8, 5, 17}},
                                    {4, {2, 13, 6, 130}}, {4, {5, 4, 21, 3}}, {0}};

/* Its smallest map is one window. */
static const struct shape larger[] = {{4, {2, 15, 16, 5}}, {4, {1, 33, 20, 70}}, {0}};

static const struct pool_spec halve = {.kernel = 3, .stride = 2}, up = {.kernel = 3, .stride = 2, .ceil = true},
                              padded = {.kernel = 3, .stride = 2, .pad = 1},
                              around = {.kernel = 3, .stride = 1, .pad = 1},
                              wide = {.kernel = 5, .stride = 3, .pad = 2, .ceil = true},
                              two = {.kernel = 2, .stride = 2};

static struct node *build_max(struct graph *g, struct node *const in[], const void *options)
{
    return op_max_pool(g, in[0], *(const struct pool_spec *)options);
}

static struct node *build_mean(struct graph *g, struct node *const in[], const void *options)
{
    return op_mean_pool(g, in[0], *(const struct pool_spec *)options);
}

/* How many windows begin inside the picture or its padding before it, and fit into both paddings, or with `ceil` need
 * not. */
static int64_t windows(const struct pool_spec *s, int64_t size)
{
    int64_t n = 0;
    while (n * s->stride + s->kernel <= size + 2 * s->pad ||
           (s->ceil && n * s->stride - s->pad < size && (n - 1) * s->stride + s->kernel < size + 2 * s->pad))
        n++;
    return n;
}

/* Value of one window: the sum over what is inside of it and its number, or the largest. */
static double pooled(const struct pool_spec *s, const struct shape *x, const double *in, int64_t sample, int64_t row,
                     int64_t column, int64_t channel, bool mean)
{
    double sum = 0, most = -INFINITY, n = 0;
    for (int64_t i = row * s->stride - s->pad; i < row * s->stride - s->pad + s->kernel; i++)
        for (int64_t k = column * s->stride - s->pad; k < column * s->stride - s->pad + s->kernel; k++)
            if (i >= 0 && i < x->d[1] && k >= 0 && k < x->d[2]) {
                double v = in[((sample * x->d[1] + i) * x->d[2] + k) * x->d[3] + channel];
                sum += v;
                most = fmax(most, v);
                n++;
            }
    return mean ? sum / n : most;
}

static void pool(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct pool_spec *s = row->options;
    const struct shape *x = &shapes[0];
    int64_t height = windows(s, x->d[1]), width = windows(s, x->d[2]);
    for (int64_t i = 0; i < x->d[0] * height * width * x->d[3]; i++) {
        int64_t c = i % x->d[3], at = i / x->d[3];
        out[i] = pooled(s, x, in[0], at / width / height, at / width % height, at % width, c, row->build == build_mean);
    }
}

/* Far apart, so that steps of the differences change no maximum. */
static double apart(struct rng *r, int input)
{
    (void)input;
    return 1e2 * (double)rng_uniform(r);
}

#define MAX(title, spec, shapes)                                                                                       \
    {                                                                                                                  \
        .name = "max pool, " title, .build = build_max, .options = &spec, .sizes = shapes, .operands = operands_one,   \
        .reference = pool, .wants = 1, .value = apart                                                                  \
    }
#define MEAN(title, spec, shapes)                                                                                      \
    {                                                                                                                  \
        .name = "mean pool, " title, .build = build_mean, .options = &spec, .sizes = shapes, .operands = operands_one, \
        .reference = pool, .wants = 1, .bf16 = {                                                                       \
            1                                                                                                          \
        }                                                                                                              \
    }

/* ---- resizing ---- */

struct size {
    int64_t height, width;
};

static const struct size smaller = {4, 5}, bigger = {14, 22}, flat = {1, 40};

static struct node *build_resize(struct graph *g, struct node *const in[], const void *options)
{
    const struct size *s = options;
    return op_resize(g, in[0], s->height, s->width);
}

/* The value at a place between pixels, of which the first and last are repeated beyond the edge. */
static double between(const struct shape *x, const double *in, int64_t sample, double v, double h, int64_t c)
{
    double sum = 0;
    for (int64_t i = 0; i < x->d[1]; i++)
        for (int64_t k = 0; k < x->d[2]; k++)
            sum += fmax(0, 1 - fabs(fmin(fmax(v, 0), (double)x->d[1] - 1) - (double)i)) *
                   fmax(0, 1 - fabs(fmin(fmax(h, 0), (double)x->d[2] - 1) - (double)k)) *
                   in[((sample * x->d[1] + i) * x->d[2] + k) * x->d[3] + c];
    return sum;
}

static void resize(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct size *s = row->options;
    const struct shape *x = &shapes[0];
    for (int64_t i = 0; i < x->d[0] * s->height * s->width * x->d[3]; i++) {
        int64_t c = i % x->d[3], at = i / x->d[3], v = at / s->width % s->height, h = at % s->width;
        out[i] =
            between(x, in[0], at / s->width / s->height, ((double)v + 0.5) * (double)x->d[1] / (double)s->height - 0.5,
                    ((double)h + 0.5) * (double)x->d[2] / (double)s->width - 0.5, c);
    }
}

#define RESIZE(title, to)                                                                                              \
    {                                                                                                                  \
        .name = title, .build = build_resize, .options = &to, .sizes = maps, .operands = operands_one,                 \
        .reference = resize, .wants = 1, .bf16 = {                                                                     \
            1                                                                                                          \
        }                                                                                                              \
    }

/* ---- distance: sizes are queries, numbers, items ---- */

static const struct shape banks[] = {{3, {1, 1, 1}}, {3, {7, 3, 5}}, {3, {1100, 17, 40}}, {3, {16, 128, 400}}, {0}};

static int operands_bank(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = SHAPE(size->d[0], size->d[1]);
    in[1] = SHAPE(size->d[2], size->d[1]);
    return 2;
}

static struct node *build_distance(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_distance(g, in[0], in[1]);
}

static void distance(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    int64_t n = shapes[0].d[1];
    (void)row;
    for (int64_t q = 0; q < shapes[0].d[0]; q++) {
        out[q] = INFINITY;
        for (int64_t m = 0; m < shapes[1].d[0]; m++) {
            double square = 0;
            for (int64_t i = 0; i < n; i++)
                square += pow(in[0][q * n + i] - in[1][m * n + i], 2);
            out[q] = fmin(out[q], sqrt(square));
        }
    }
}

/* ---- positions: sizes are samples, positions, numbers ---- */

static const struct shape grids[] = {{3, {1, 1, 1}}, {3, {3, 5, 7}}, {3, {2, 40, 33}}, {3, {4, 6, 128}}, {0}};

static int operands_positions(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = SHAPE(size->d[0] * size->d[1], size->d[2]);
    in[1] = SHAPE(size->d[1], size->d[2]);
    in[2] = SHAPE(size->d[1], size->d[2], size->d[2]);
    return 3;
}

static struct node *build_positions(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_positions(g, in[0], in[1], in[2]);
}

static void positions(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const int64_t count = shapes[1].d[0], n = shapes[1].d[1];
    (void)row;
    for (int64_t r = 0; r < shapes[0].d[0]; r++) {
        const int64_t p = r % count;
        double square = 0;
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t k = 0; k <= i; k++)
                sum += in[2][(p * n + i) * n + k] * (in[0][r * n + k] - in[1][p * n + k]);
            square += sum * sum;
        }
        out[r] = sqrt(square);
    }
}

/* ---- pictures: sizes are samples, positions, numbers, pictures of the known ---- */

static const struct shape galleries[] = {
    {4, {1, 1, 1, 1}}, {4, {3, 5, 7, 6}}, {4, {2, 40, 33, 9}}, {4, {2, 600, 4, 5}}, {0}};

static const int three = 3, forty = 40;

static int operands_gallery(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = SHAPE(size->d[0], size->d[1], size->d[2]);
    in[1] = SHAPE(size->d[3], size->d[1], size->d[2]);
    in[2] = SHAPE(size->d[3], size->d[2]);
    in[3] = SHAPE(1);
    return 4;
}

/* The last input is how many pictures there are. */
static double gallery_value(struct rng *r, int input)
{
    return input == 3 ? 5 : (double)rng_normal(r);
}

static struct node *build_far(struct graph *g, struct node *const in[], const void *options)
{
    return op_pictures_far(g, in[0], (struct known_pictures){in[1], in[2], in[3]}, *(const int *)options);
}

static struct node *build_among(struct graph *g, struct node *const in[], const void *options)
{
    return op_pictures_positions(g, in[0], (struct known_pictures){in[1], in[2], in[3]}, *(const int *)options);
}

static double distance_of(const double *a, const double *b, int64_t n)
{
    double square = 0;
    for (int64_t i = 0; i < n; i++)
        square += pow(a[i] - b[i], 2);
    return sqrt(square);
}

/* Sample s: for each picture its distance, or INFINITY where it is not among the k nearest; returns their mean. */
static double find_near(const struct shape shapes[], const double *const in[], int64_t s, int k, double far[])
{
    const int64_t count = shapes[1].d[0] < 5 ? shapes[1].d[0] : 5, positions = shapes[0].d[1], n = shapes[0].d[2];
    double mean[64] = {0}, sum = 0;
    for (int64_t p = 0; p < positions; p++)
        for (int64_t i = 0; i < n; i++)
            mean[i] += in[0][(s * positions + p) * n + i] / (double)positions;
    for (int64_t g = 0; g < count; g++)
        far[g] = distance_of(mean, in[2] + g * n, n);
    for (int64_t left = count; left > k; left--) {
        int64_t most = 0;
        for (int64_t g = 1; g < count; g++)
            most = isinf(far[most]) || (!isinf(far[g]) && far[g] > far[most]) ? g : most;
        far[most] = INFINITY;
    }
    int64_t kept = 0;
    for (int64_t g = 0; g < count; g++)
        if (!isinf(far[g])) {
            sum += far[g];
            kept++;
        }
    return sum / (double)kept;
}

static void far_pictures(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    double far[8];
    for (int64_t s = 0; s < shapes[0].d[0]; s++)
        out[s] = find_near(shapes, in, s, *(const int *)row->options, far);
}

static void among_pictures(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const int64_t count = shapes[1].d[0] < 5 ? shapes[1].d[0] : 5, positions = shapes[0].d[1], n = shapes[0].d[2];
    double far[8];
    for (int64_t s = 0; s < shapes[0].d[0]; s++) {
        find_near(shapes, in, s, *(const int *)row->options, far);
        for (int64_t p = s * positions; p < (s + 1) * positions; p++) {
            out[p] = INFINITY;
            for (int64_t g = 0; g < count; g++)
                for (int64_t q = 0; !isinf(far[g]) && q < positions; q++)
                    out[p] = fmin(out[p], distance_of(in[0] + p * n, in[1] + (g * positions + q) * n, n));
        }
    }
}

const struct op_row feature_rows[] = {
    MAX("3 by 2", halve, maps),
    MAX("3 by 2, rounded up", up, maps),
    MAX("3 by 2, padded", padded, maps),
    MAX("5 by 3, padded and rounded up", wide, larger),
    MAX("2 by 2", two, maps),
    MEAN("3 by 1, padded", around, maps),
    MEAN("3 by 2, rounded up", up, maps),
    MEAN("5 by 3, padded and rounded up", wide, larger),
    RESIZE("resize, smaller", smaller),
    RESIZE("resize, larger", bigger),
    RESIZE("resize, one line", flat),
    {.name = "distance",
     .build = build_distance,
     .sizes = banks,
     .operands = operands_bank,
     .reference = distance,
     .loose = true},
    {.name = "positions",
     .build = build_positions,
     .sizes = grids,
     .operands = operands_positions,
     .reference = positions},
    {.name = "pictures, 3 nearest, far",
     .build = build_far,
     .options = &three,
     .sizes = galleries,
     .operands = operands_gallery,
     .reference = far_pictures,
     .value = gallery_value},
    {.name = "pictures, 3 nearest, positions",
     .build = build_among,
     .options = &three,
     .sizes = galleries,
     .operands = operands_gallery,
     .reference = among_pictures,
     .value = gallery_value,
     .loose = true},
    {.name = "pictures, as many as there are",
     .build = build_far,
     .options = &forty,
     .sizes = galleries,
     .operands = operands_gallery,
     .reference = far_pictures,
     .value = gallery_value},
    {0},
};
