#include "nets.h"

#include "nn/ops.h"
#include "probe.h"

#include <stdio.h>

enum { VALUES = 14 };

static const struct init uniform = {.kind = INIT_UNIFORM, .a = -0.3f, .b = 0.3f};
static const struct init one = {.kind = INIT_CONSTANT, .a = 1};
static const struct init zero = {.kind = INIT_CONSTANT, .a = 0};

static struct node *draw_norm(struct graph *g, struct dice *d, struct node *x, enum param_group group)
{
    char name[32];
    struct shape s = SHAPE(shape_last(&x->shape));
    struct node *p[4];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "norm%d.%d", d->layers, i);
        p[i] = graph_param(g, name, s, i < 2 ? group : GROUP_STATE, i == 0 || i == 3 ? one : zero);
    }
    d->layers++;
    struct norm_spec spec = {.eps = 1e-5f, .momentum = 0.1f, .act = d->smooth ? ACT_NONE : ACT_LRELU, .slope = 0.2f};
    return op_batch_norm(g, x, p[0], p[1], p[2], p[3], spec);
}

struct node *net_conv(struct graph *g, struct dice *d, struct node *x, int64_t out, enum param_group group)
{
    char name[32];
    snprintf(name, sizeof name, "conv%d", d->layers++);
    struct node *w = graph_param(g, name, SHAPE(out, 1, 1, shape_last(&x->shape)), group, uniform);
    struct conv_spec s = {.kernel = {1, 1}, .stride = {1, 1}, .dtype = x->dtype};
    return op_conv(g, x, w, NULL, s);
}

/* With the activation within. */
static struct node *draw_conv_act(struct graph *g, struct dice *d, struct node *x, enum param_group group)
{
    char name[32];
    snprintf(name, sizeof name, "conv%d", d->layers++);
    int64_t channels = shape_last(&x->shape);
    struct node *w = graph_param(g, name, SHAPE(channels, 1, 1, channels), group, uniform);
    struct conv_spec s = {.kernel = {1, 1}, .stride = {1, 1}, .act = d->smooth ? ACT_NONE : ACT_LRELU, .slope = 0.2f};
    s.dtype = x->dtype;
    return rng_below(&d->rng, 2) ? op_conv(g, x, w, NULL, s) : op_deconv(g, x, w, NULL, s);
}

static struct node *draw_act(struct graph *g, struct dice *d, struct node *x)
{
    static const enum act acts[] = {ACT_TANH, ACT_SIGMOID, ACT_RELU, ACT_LRELU};
    return op_act(g, x, acts[rng_below(&d->rng, d->smooth ? 2 : 4)], 0.1f);
}

/* A chain of views that ends in the shape of x. */
static struct node *draw_views(struct graph *g, struct dice *d, struct node *x)
{
    struct shape shape = x->shape, rows = SHAPE(shape_rows(&shape), shape_last(&shape));
    struct node *flat = op_reshape(g, x, rows);
    if (rng_below(&d->rng, 2))
        flat = draw_act(g, d, flat);
    return op_reshape(g, flat, shape);
}

static struct node *draw_pair(struct graph *g, struct dice *d, struct node *a, struct node *b, enum param_group group)
{
    int64_t channels = shape_last(&a->shape);
    b = op_cast(g, b, a->dtype);
    switch (rng_below(&d->rng, 4)) {
    case 0:
        return op_add(g, a, b);
    case 1:
        return op_sub(g, a, b);
    case 2:
        return op_mul(g, a, b);
    default:
        return net_conv(g, d, op_concat(g, a, b), channels, group);
    }
}

static struct node *draw_node(struct graph *g, struct dice *d, struct node *a, struct node *b)
{
    enum param_group group = rng_below(&d->rng, 3) ? GROUP_MAIN : GROUP_ADVERSARY;
    switch (rng_below(&d->rng, 9)) {
    case 0:
        return draw_act(g, d, a);
    case 1:
        return op_scale(g, a, 0.7f, 0.1f);
    case 2:
        return draw_views(g, d, a);
    case 3:
        return draw_norm(g, d, a, group);
    case 4:
        return net_conv(g, d, a, shape_last(&a->shape), group);
    case 5:
        return d->half ? op_cast(g, a, a->dtype == F32 ? BF16 : F32) : draw_norm(g, d, a, group);
    case 6:
        return draw_conv_act(g, d, a, group);
    default:
        return draw_pair(g, d, a, b, group);
    }
}

static struct node *draw_loss(struct graph *g, struct dice *d, struct node *const *values, int n)
{
    struct node *a = values[n - 1 - (int)rng_below(&d->rng, 3)], *b = values[rng_below(&d->rng, (uint64_t)n)];
    return op_weighted(g, op_mse(g, a, b), 1, probe_sum(g, a, 9), 1e-4f);
}

/* One objective of each kind, in this order; whether the second and third see what those before them changed is drawn.
 */
static void draw_objectives(struct net *n, struct dice *d, struct node *const *values, int count)
{
    static const char *const names[] = {"main", "adversary", "input", "main again"};
    n->nobjectives = 1 + (int)rng_below(&d->rng, OBJECTIVES);
    for (int i = 0; i < n->nobjectives; i++)
        n->objectives[i] = (struct objective){.name = names[i],
                                              .loss = draw_loss(n->graph, d, values, count),
                                              .group = i == 1 ? GROUP_ADVERSARY : GROUP_MAIN,
                                              .wrt = i == 2 ? n->input : NULL,
                                              .fresh = i == 3 || (i > 0 && rng_below(&d->rng, 2))};
}

/* VALUES random nodes over an input and two convolutions. */
void net_draw(struct net *n, struct dice d, enum graph_mode mode, struct shape shape)
{
    *n = (struct net){.params = params_new()};
    struct graph *g = n->graph = graph_new(mode, F32, n->params);
    struct node *v[VALUES + 2];
    int64_t channels = shape_last(&shape);
    int count = 0;
    n->input = v[count++] = graph_input(g, "x", shape);
    v[count++] = net_conv(g, &d, net_conv(g, &d, v[0], channels, GROUP_MAIN), channels, GROUP_ADVERSARY);
    while (count < VALUES + 2) {
        struct node *a = v[rng_below(&d.rng, 3) ? count - 1 : (int)rng_below(&d.rng, (uint64_t)count)];
        v[count] = draw_node(g, &d, a, v[rng_below(&d.rng, (uint64_t)count)]);
        count++;
    }
    n->noutputs = 1 + (int)rng_below(&d.rng, NET_OUTPUTS);
    for (int i = 0; i < n->noutputs; i++)
        n->outputs[i] = v[count - 1 - (i ? (int)rng_below(&d.rng, (uint64_t)count - 2) : 0)];
    if (mode == GRAPH_TRAIN)
        draw_objectives(n, &d, v, count);
}

void net_free(struct net *n)
{
    graph_free(n->graph);
    params_free(n->params);
}

struct plan *net_plan(const struct net *n, bool keep_all, int threads)
{
    struct plan_spec s = {.graph = n->graph,
                          .outputs = n->outputs,
                          .noutputs = n->noutputs,
                          .objectives = n->objectives,
                          .nobjectives = n->nobjectives,
                          .keep_all = keep_all,
                          .threads = threads};
    return probe_plan(&s);
}

void net_forward(const struct net *n, struct plan *p, uint64_t seed)
{
    probe_fill(plan_data(p, n->input), (size_t)shape_count(&n->input->shape), seed, 1);
    plan_forward(p, seed);
}

int net_pass(const struct net *n, int first)
{
    int last = first + 1;
    while (last < n->nobjectives && !n->objectives[last].fresh)
        last++;
    return last;
}

size_t node_bytes(const struct node *n)
{
    return (size_t)shape_count(&n->shape) * dtype_bytes(n->dtype);
}
