/* A picture beside those that are most like it (Cohen and Hoshen 2020, SPADE): like by the mean over positions of what
 * is there, and compared position by position with all positions of those.
 *
 *   M[n]    = mean over p of x[n p]              near(n) = the k pictures g of the gallery with the least |M[n] - m[g]|
 *   far[n]  = mean over near(n) of |M[n] - m[g]|
 *   y[n p]  = min over g in near(n) and positions q of |x[n p] - G[g q]|
 *
 * The gallery's first `count` pictures are there; where they are fewer than k, so many. No gradient: for scores. */
#include "nn/op.h"
#include "nn/ops/check.h"
#include "nn/ops/distance.h"
#include "nn/ops/kernel.h"
#include "nn/ops/rows.h"
#include "nn/parallel.h"

#include <string.h>

enum { NEAREST_MOST = 64 };

struct spec {
    int k;
    bool positions; /* y; false: far */
};

static const struct spec *spec_of(const struct node *n)
{
    return n->spec;
}

static int infer(struct node *n, struct err *e)
{
    TRY(check_f32(n, 0, "pictures", e));
    TRY(check_f32(n, 1, "gallery", e));
    TRY(check_matrix(n, 2, "means", e));
    TRY(check_channels(n, 3, "count", 1, e));
    const struct shape *x = &n->in[0]->shape, *g = &n->in[1]->shape, *m = &n->in[2]->shape;
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    if (x->nd != 3 || g->nd != 3 || x->d[1] != g->d[1] || x->d[2] != g->d[2])
        return op_error(n, e, "its pictures are %s, its gallery %s: positions and their numbers must be as many",
                        shape_text(x, a), shape_text(g, b));
    if (m->d[0] != g->d[0] || m->d[1] != g->d[2])
        return op_error(n, e, "its means are %s, but its gallery %s", shape_text(m, a), shape_text(g, b));
    if (spec_of(n)->k < 1 || spec_of(n)->k > NEAREST_MOST)
        return op_error(n, e, "it compares with 1 to %d pictures, not %d", NEAREST_MOST, spec_of(n)->k);
    n->shape = spec_of(n)->positions ? SHAPE(x->d[0] * x->d[1]) : SHAPE(x->d[0]);
    n->dtype = F32;
    return 0;
}

/* Scratch: the mean of a picture, then what distances need. */
static int prepare(struct exec *x, struct err *e)
{
    const struct shape *g = &x->node->in[1]->shape;
    (void)e;
    x->scratch_bytes = ((size_t)g->d[2] + DISTANCE_SCRATCH((size_t)g->d[1])) * sizeof(float);
    return 0;
}

HOT static void mean_of(const float *restrict picture, size_t positions, size_t n, float *restrict mean)
{
    memset(mean, 0, n * sizeof *mean);
    for (size_t p = 0; p < positions; p++)
        for (size_t i = 0; i < n; i++)
            mean[i] += picture[p * n + i];
    for (size_t i = 0; i < n; i++)
        mean[i] /= (float)positions;
}

/* The nearest pictures of the gallery, nearest first. */
struct nearest {
    int n;
    size_t picture[NEAREST_MOST];
    float distance[NEAREST_MOST];
};

static void note(struct nearest *near, int k, size_t picture, float distance)
{
    int at = near->n;
    if (near->n == k && distance >= near->distance[--at])
        return;
    near->n += near->n < k;
    for (; at > 0 && distance < near->distance[at - 1]; at--) {
        near->distance[at] = near->distance[at - 1];
        near->picture[at] = near->picture[at - 1];
    }
    near->distance[at] = distance;
    near->picture[at] = picture;
}

/* Of picture i of the batch. */
static struct nearest find(const struct exec *x, size_t i)
{
    const struct shape *g = &x->node->in[1]->shape;
    const size_t positions = (size_t)g->d[1], n = (size_t)g->d[2], said = (size_t) * (const float *)x->in[3];
    const size_t count = said < 1 ? 1 : said < (size_t)g->d[0] ? said : (size_t)g->d[0];
    struct nearest near = {0};
    mean_of((const float *)x->in[0] + i * positions * n, positions, n, x->scratch);
    for (size_t k = 0; k < count; k++)
        note(&near, spec_of(x->node)->k, k,
             sqrtf(rows_square_distance(x->scratch, (const float *)x->in[2] + k * n, n)));
    return near;
}

static float mean_distance(const struct nearest *near)
{
    float sum = 0;
    for (int k = 0; k < near->n; k++)
        sum += near->distance[k];
    return sum / (float)near->n;
}

static void forward(struct exec *x)
{
    const struct shape *q = &x->node->in[0]->shape;
    const size_t positions = (size_t)q->d[1], n = (size_t)q->d[2];
    for (size_t i = 0; i < (size_t)q->d[0]; i++) {
        const struct nearest near = find(x, i);
        float *out = x->out;
        if (!spec_of(x->node)->positions) {
            out[i] = mean_distance(&near);
            continue;
        }
        struct distance_of d = {.queries = (const float *)x->in[0] + i * positions * n,
                                .nqueries = positions,
                                .nitems = positions,
                                .n = n,
                                .scratch = (float *)x->scratch + n};
        for (int k = 0; k < near.n; k++) {
            d.items = (const float *)x->in[1] + near.picture[k] * positions * n;
            distance_nearest(x, &d, k > 0, out + i * positions);
        }
    }
}

static double flops(const struct node *n)
{
    const double each = (double)n->in[1]->shape.d[1] * spec_of(n)->k;
    return spec_of(n)->positions ? 2 * (double)shape_count(&n->in[0]->shape) * each : 0;
}

static const struct op pictures_op = {
    .name = "pictures",
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .flops = flops,
};

static struct node *apply(struct graph *g, struct node *x, struct known_pictures known, int k, bool positions)
{
    const struct spec s = {k, positions};
    return graph_apply(g, &pictures_op, &s, sizeof s, 4,
                       (struct node *[]){x, known.pictures, known.means, known.count});
}

struct node *op_pictures_far(struct graph *g, struct node *x, struct known_pictures known, int k)
{
    return apply(g, x, known, k, false);
}

struct node *op_pictures_positions(struct graph *g, struct node *x, struct known_pictures known, int k)
{
    return apply(g, x, known, k, true);
}
