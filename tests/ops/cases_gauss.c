/* Codes that are normal distributions: samples of them and their divergence. */
#include "harness.h"

#include <math.h>

enum { MU, LOGVAR, NOISE };

static int operands_three(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    in[NOISE] = *size;
    return operands_two(size, options, in) + 1;
}

static struct node *build_draw(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_draw(g, in[MU], in[LOGVAR], in[NOISE]);
}

static void drawn(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    for (size_t i = 0; i < count_of(&shapes[MU]); i++)
        out[i] = in[MU][i] + sqrt(exp(in[LOGVAR][i])) * in[NOISE][i];
}

static struct node *build_sample_kl(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_sample_kl(g, in[MU], in[LOGVAR]);
}

/* KL(N(mu, s^2) || N(0, 1)) = (s^2 + mu^2 - 1) / 2 - log s */
static double divergence(double mu, double logvar)
{
    double s = exp(logvar / 2);
    return (s * s + mu * mu - 1) / 2 - log(s);
}

static void sample_kl(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    size_t samples = (size_t)shapes[MU].d[0], each = count_of(&shapes[MU]) / samples;
    for (size_t n = 0; n < samples; n++) {
        out[n] = 0;
        for (size_t i = n * each; i < (n + 1) * each; i++)
            out[n] += divergence(in[MU][i], in[LOGVAR][i]);
    }
}

static struct node *build_kl(struct graph *g, struct node *const in[], const void *options)
{
    (void)options;
    return op_kl(g, in[MU], in[LOGVAR]);
}

static void kl(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    (void)row;
    *out = 0;
    for (size_t i = 0; i < count_of(&shapes[MU]); i++)
        *out += divergence(in[MU][i], in[LOGVAR][i]) / (double)shapes[MU].d[0];
}

const struct op_row gauss_rows[] = {
    {.name = "draw",
     .build = build_draw,
     .sizes = common_sizes,
     .operands = operands_three,
     .reference = drawn,
     .wants = 7},
    {.name = "sample kl",
     .build = build_sample_kl,
     .sizes = common_sizes,
     .operands = operands_two,
     .reference = sample_kl},
    {.name = "kl", .build = build_kl, .sizes = common_sizes, .operands = operands_two, .reference = kl, .wants = 3},
    {0},
};
