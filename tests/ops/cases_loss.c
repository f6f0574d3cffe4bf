/* Losses and scores. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct node *build_mse(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_mse(g, in[0], in[1]);
}

static void mse(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t n = count_of(&shapes[0]);
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out += pow(in[0][i] - in[1][i], 2) / (double)n;
}

static struct node *build_l1(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_l1(g, in[0], in[1]);
}

static void l1(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t n = count_of(&shapes[0]);
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out += fabs(in[0][i] - in[1][i]) / (double)n;
}

/* Two inputs that are never near each other: above 0.5 or below -0.5, and between. */
static double apart(struct rng *r, int input)
{
    double v = (double)rng_uniform(r);
    return input ? 0.8 * (v - 0.5) : v < 0.5 ? v - 1 : v;
}

static struct node *build_bce(struct graph *g, struct node *const in[], const void *options)
{
    return op_bce(g, in[0], *(const float *)options);
}

static void bce(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    double target = (double)*(const float *)row->options;
    *out = 0;
    for (size_t i = 0; i < count_of(&shapes[0]); i++) {
        double real_loss = log1p(exp(-in[0][i])), made_loss = log1p(exp(in[0][i])); /* -log p, -log (1 - p) */
        *out += (target * real_loss + (1 - target) * made_loss) / (double)count_of(&shapes[0]);
    }
}

static struct node *build_bce_each(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_bce_each(g, in[0], in[1]);
}

static void bce_each(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    *out = 0;
    for (size_t i = 0; i < count_of(&shapes[0]); i++) {
        double true_loss = log1p(exp(-in[0][i])), false_loss = log1p(exp(in[0][i]));
        *out += (in[1][i] * true_loss + (1 - in[1][i]) * false_loss) / (double)count_of(&shapes[0]);
    }
}

/* Logits, and what they should say: mostly one of both. */
static double logit_and_truth(struct rng *r, int input)
{
    double v = (double)rng_uniform(r);
    return !input ? 3 * (double)rng_normal(r) : v < 0.4 ? 0 : v < 0.8 ? 1 : v;
}

/* Logits of a discriminator that is rather sure. */
static double logit(struct rng *r, int input)
{
    (void)input;
    return 3 * (double)rng_normal(r);
}

static struct node *build_entropy(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_entropy(g, in[0]);
}

static void entropy(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    *out = 0;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        *out -= in[0][i] * log(in[0][i] + 1e-12) / (double)shape_rows(&shapes[0]);
}

/* From weights of 1 down to weights of a thousandth; smaller ones bend too much for differences. */
static double weight(struct rng *r, int input)
{
    (void)input;
    return 1e-3 + pow((double)rng_uniform(r), 4);
}

static struct node *build_weighted(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_weighted(g, in[0], 2.0f, in[1], -0.25f);
}

static void weighted(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    (void)shapes;
    *out = 2 * in[0][0] - 0.25 * in[1][0];
}

static struct node *build_square_mean(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_square_mean(g, in[0]);
}

static void square_mean(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t channels = (size_t)shape_last(&shapes[0]);
    memset(out, 0, (size_t)shape_rows(&shapes[0]) * sizeof *out);
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i / channels] += in[0][i] * in[0][i] / (double)channels;
}

static struct node *build_cross_entropy(struct graph *g, struct node *const in[], const void *options)
{
    return op_cross_entropy(g, in[0], *(const float *)options);
}

static void cross_entropy(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    double target = (double)*(const float *)row->options;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = target * log1p(exp(-in[0][i])) + (1 - target) * log1p(exp(in[0][i]));
}

static struct node *build_decibel(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_decibel(g, in[0]);
}

static void decibel(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i] = 10 * log10(fmax(in[0][i], 1e-10));
}

static struct node *build_absolute_mean(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_absolute_mean(g, in[0]);
}

static void absolute_mean(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t channels = (size_t)shape_last(&shapes[0]);
    memset(out, 0, (size_t)shape_rows(&shapes[0]) * sizeof *out);
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i / channels] += fabs(in[0][i]) / (double)channels;
}

static struct node *build_sample_mean(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_sample_mean(g, in[0]);
}

static void sample_mean(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t samples = (size_t)shapes[0].d[0], each = count_of(&shapes[0]) / samples;
    memset(out, 0, samples * sizeof *out);
    for (size_t i = 0; i < count_of(&shapes[0]); i++)
        out[i / each] += in[0][i] / (double)each;
}

static const int one = 1, five = 5, most = 64;

static struct node *build_top_mean(struct graph *g, struct node *const in[], const void *options)
{
    return op_top_mean(g, in[0], *(const int *)options);
}

/* Of each sample, k times the highest below the last one taken; no two are equal. */
static void top_mean(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    int64_t samples = shapes[0].d[0], each = shape_count(&shapes[0]) / samples;
    int k = *(const int *)row->options < each ? *(const int *)row->options : (int)each;
    for (int64_t n = 0; n < samples; n++) {
        double last = INFINITY, sum = 0;
        for (int taken = 0; taken < k; taken++) {
            double best = -INFINITY;
            for (int64_t i = n * each; i < (n + 1) * each; i++)
                best = in[0][i] < last ? fmax(best, in[0][i]) : best;
            sum += last = best;
        }
        out[n] = sum / k;
    }
}

static const float twentieth = 0.05f, third = 0.33f, everything = 1;

static struct node *build_top_share(struct graph *g, struct node *const in[], const void *options)
{
    return op_top_share(g, in[0], NULL, *(const float *)options);
}

static struct node *build_counted_share(struct graph *g, struct node *const in[], const void *options)
{
    return op_top_share(g, in[0], in[1], *(const float *)options);
}

/* Values above 0, of which about half count. */
static double counted_value(struct rng *r, int input)
{
    return input ? (double)rng_below(r, 2) : 0.1 + (double)rng_uniform(r);
}

static int by_value_down(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static double highest_share(double *values, int64_t n, int64_t counted, float share)
{
    const int64_t k = (int64_t)fmax(1, ceil((double)share * (double)counted));
    double sum = 0;
    qsort(values, (size_t)n, sizeof *values, by_value_down);
    for (int64_t i = 0; i < k; i++)
        sum += values[i];
    return sum / (double)k;
}

static void top_share(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const int64_t samples = shapes[0].d[0], each = shape_count(&shapes[0]) / samples;
    double values[1024];
    for (int64_t n = 0; n < samples; n++) {
        memcpy(values, in[0] + n * each, (size_t)each * sizeof *values);
        out[n] = highest_share(values, each, each, *(const float *)row->options);
    }
}

/* So many as a share of what counts, but among all. */
static void counted_share(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const int64_t samples = shapes[0].d[0], each = shape_count(&shapes[0]) / samples;
    double values[1024];
    for (int64_t n = 0; n < samples; n++) {
        int64_t counted = 0;
        for (int64_t i = 0; i < each; i++)
            counted += in[1][n * each + i] > 0;
        memcpy(values, in[0] + n * each, (size_t)each * sizeof *values);
        out[n] = highest_share(values, each, counted, *(const float *)row->options);
    }
}

static const float real = 1, made = 0, smoothed = 0.9f;

static const struct shape scalar[] = {{1, {1}}, {0}};

static const struct shape maps[] = {{2, {3, 4}}, {4, {5, 9, 8, 1}}, {4, {1, 16, 16, 1}}, {0}};

#define TOP(title, k, shapes)                                                                                          \
    {                                                                                                                  \
        .name = title, .build = build_top_mean, .options = &k, .sizes = shapes, .operands = operands_one,              \
        .reference = top_mean                                                                                          \
    }
#define SHARE(title, builder, share, given, filled, naive)                                                             \
    {                                                                                                                  \
        .name = title, .build = builder, .options = &share, .sizes = maps, .operands = given, .value = filled,         \
        .reference = naive                                                                                             \
    }

const struct op_row loss_rows[] = {
    {.name = "mse",
     .build = build_mse,
     .sizes = common_sizes,
     .operands = operands_two,
     .reference = mse,
     .wants = 3,
     .bf16 = {1, 2, 3}},
    {.name = "l1",
     .build = build_l1,
     .sizes = common_sizes,
     .operands = operands_two,
     .reference = l1,
     .wants = 3,
     .bf16 = {1, 2, 3},
     .value = apart},
    {.name = "bce, real",
     .build = build_bce,
     .options = &real,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = bce,
     .wants = 1,
     .bf16 = {1},
     .value = logit},
    {.name = "bce, made",
     .build = build_bce,
     .options = &made,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = bce,
     .wants = 1,
     .bf16 = {1},
     .value = logit},
    {.name = "bce, smoothed",
     .build = build_bce,
     .options = &smoothed,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = bce,
     .wants = 1},
    {.name = "bce, each",
     .build = build_bce_each,
     .sizes = common_sizes,
     .operands = operands_two,
     .reference = bce_each,
     .wants = 1,
     .bf16 = {1},
     .value = logit_and_truth},
    {.name = "entropy",
     .build = build_entropy,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = entropy,
     .wants = 1,
     .value = weight},
    {.name = "weighted",
     .build = build_weighted,
     .sizes = scalar,
     .operands = operands_two,
     .reference = weighted,
     .wants = 3},
    {.name = "decibel", .build = build_decibel, .sizes = common_sizes, .operands = operands_one, .reference = decibel},
    {.name = "square mean",
     .build = build_square_mean,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = square_mean,
     .bf16 = {1}},
    {.name = "cross entropy, real",
     .build = build_cross_entropy,
     .options = &real,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = cross_entropy,
     .bf16 = {1},
     .value = logit},
    {.name = "cross entropy, smoothed",
     .build = build_cross_entropy,
     .options = &smoothed,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = cross_entropy},
    {.name = "absolute mean",
     .build = build_absolute_mean,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = absolute_mean,
     .bf16 = {1}},
    {.name = "sample mean",
     .build = build_sample_mean,
     .sizes = common_sizes,
     .operands = operands_one,
     .reference = sample_mean,
     .bf16 = {1}},
    TOP("top mean, of one", one, common_sizes),
    TOP("top mean, of five", five, common_sizes),
    TOP("top mean, of 64", most, common_sizes),
    TOP("top mean, of one of a map", one, maps),
    TOP("top mean, of five of a map", five, maps),
    TOP("top mean, of more than there are", most, maps),
    SHARE("top share, of a twentieth", build_top_share, twentieth, operands_one, NULL, top_share),
    SHARE("top share, of all", build_top_share, everything, operands_one, NULL, top_share),
    SHARE("top share, of a third of what counts", build_counted_share, third, operands_two, counted_value,
          counted_share),
    {0},
};
