/* Memory addressing. Sizes are queries, channels, items. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>

static const struct shape sizes[] = {{3, {1, 1, 1}},
                                     {3, {7, 3, 5}},
                                     {3, {64, 17, 100}},
                                     {3, {16, 256, 50}},
                                     {3, {3, 16, 2000}},
                                     {3, {130, 32, 123}},
                                     {0}};

static int operands(const struct shape *size, const void *options, struct shape in[NODE_INPUTS])
{
    (void)options;
    in[0] = SHAPE(size->d[0], size->d[1]);
    in[1] = SHAPE(size->d[2], size->d[1]);
    return 2;
}

static struct node *build(struct graph *g, struct node *const in[], const void *options)
{
    struct attend_spec spec = *(const struct attend_spec *)options;
    spec.shrink = spec.shrink / (float)in[1]->shape.d[0]; /* rows give it as a multiple of 1/N */
    return op_attend(g, in[0], in[1], spec);
}

/* The softmax of one query, in p; returns its largest element. */
static double softmax(const struct attend_spec *spec, const double *q, const double *m, size_t items, size_t channels,
                      double *p)
{
    double top = -INFINITY, sum = 0, best = 0;
    for (size_t j = 0; j < items; j++) {
        double dot = 0, qq = 0, mm = 0;
        for (size_t c = 0; c < channels; c++) {
            dot += q[c] * m[j * channels + c];
            qq += q[c] * q[c];
            mm += m[j * channels + c] * m[j * channels + c];
        }
        if (spec->similarity == SIM_COSINE)
            dot = qq > 0 && mm > 0 ? dot / sqrt(qq * mm) : 0;
        p[j] = (double)spec->scale * dot;
        top = fmax(top, p[j]);
    }
    for (size_t j = 0; j < items; j++)
        sum += p[j] = exp(p[j] - top);
    for (size_t j = 0; j < items; j++)
        best = fmax(best, p[j] /= sum);
    return best;
}

static void attend(const struct op_row *row, const struct shape shapes[], const double *const in[], double *out)
{
    const struct attend_spec *spec = row->options;
    size_t queries = (size_t)shapes[0].d[0], channels = (size_t)shapes[0].d[1], items = (size_t)shapes[1].d[0];
    double lambda = (double)(spec->shrink / (float)items);
    for (size_t i = 0; i < queries; i++, out += items) {
        double best = softmax(spec, in[0] + i * channels, in[1], items, channels, out), kept = 0;
        for (size_t j = 0; j < items; j++)
            kept += out[j] > lambda ? out[j] : 0;
        for (size_t j = 0; j < items; j++) {
            if (kept > 0)
                out[j] = out[j] > lambda ? out[j] / kept : 0;
            else
                out[j] = spec->fallback == FALLBACK_BEST && out[j] == best;
        }
    }
}

/* Rows with a weight next to the threshold: float and double may fall on different sides. */
static bool undecided(const struct op_row *row, const struct shape shapes[], const double *const in[], size_t element)
{
    const struct attend_spec *spec = row->options;
    size_t channels = (size_t)shapes[0].d[1], items = (size_t)shapes[1].d[0];
    double lambda = (double)(spec->shrink / (float)items), *p = malloc(items * sizeof *p);
    bool near = false;
    softmax(spec, in[0] + element / items * channels, in[1], items, channels, p);
    for (size_t j = 0; j < items; j++)
        near = near || fabs(p[j] - lambda) < 2e-5 * lambda;
    free(p);
    return near;
}

static const struct attend_spec cosine = {SIM_COSINE, 10, 0, FALLBACK_BEST}, dot = {SIM_DOT, 0.3f, 0, FALLBACK_ZERO},
                                cosine_shrunk = {SIM_COSINE, 10, 0.99f, FALLBACK_BEST},
                                dot_shrunk = {SIM_DOT, 0.3f, 0.9f, FALLBACK_ZERO},
                                emptied_best = {SIM_COSINE, 1, 2.5f, FALLBACK_BEST},
                                emptied_zero = {SIM_COSINE, 1, 2.5f, FALLBACK_ZERO};

static const struct shape emptied_sizes[] = {{3, {64, 96, 100}}, {3, {7, 64, 17}}, {0}};

#define ATTEND(title, o, s)                                                                                            \
    {                                                                                                                  \
        .name = title, .build = build, .options = &o, .sizes = s, .operands = operands, .reference = attend,           \
        .wants = 3, .undecided = undecided, .loose = true, .tolerance = 5e-5, .absolute = 2e-7, .bf16 = {3},           \
        .native = true                                                                                                 \
    }

const struct op_row memory_rows[] = {
    ATTEND("attend, cosine", cosine, sizes),
    ATTEND("attend, dot", dot, sizes),
    ATTEND("attend, cosine, shrunk", cosine_shrunk, sizes),
    ATTEND("attend, dot, shrunk", dot_shrunk, sizes),
    ATTEND("attend, everything shrunk away, best", emptied_best, emptied_sizes),
    ATTEND("attend, everything shrunk away, zero", emptied_zero, emptied_sizes),
    {0},
};
