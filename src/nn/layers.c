#include "nn/layers.h"

#include <math.h>
#include <stdio.h>

/* PyTorch's defaults, which the papers' codes use. */
static const float NORM_EPS = 1e-5f, NORM_MOMENTUM = 0.1f;

static struct node *parameter(struct graph *g, const char *layer, const char *part, struct shape shape,
                              enum param_group group, struct init init)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", layer, part);
    return graph_param(g, name, shape, group, init);
}

static struct init constant(float value)
{
    return (struct init){.kind = INIT_CONSTANT, .a = value};
}

/* Of a weight O,[kD],kH,kW,I or O,I; fan in as PyTorch counts it: dimension 1 (here the last) times the taps,
 * transposed too.
 */
static struct node *weight_of(struct graph *g, const char *name, const struct node *x, const struct layer_spec *l)
{
    int64_t in = shape_last(&x->shape);
    struct shape s = x->shape;
    double fan = 1;
    s.d[0] = l->transposed ? in : l->out;
    s.d[s.nd - 1] = l->transposed ? l->out : in;
    for (int i = 1; i < s.nd - 1; i++)
        s.d[i] = l->kernel[i - 1];
    for (int i = 1; i < s.nd; i++)
        fan *= (double)s.d[i];
    float bound = (float)(1 / sqrt(fan));
    struct init uniform = {.kind = INIT_UNIFORM, .a = -bound, .b = bound};
    struct init normal = {.kind = INIT_NORMAL, .a = 0, .b = 0.02f};
    return parameter(g, name, "weight", s, l->group, l->init == WEIGHTS_NORMAL ? normal : uniform);
}

struct norm_params {
    struct node *gain, *shift, *mean, *var;
};

static struct norm_params norm_of(struct graph *g, const char *name, const struct layer_spec *l)
{
    struct init normal = {.kind = INIT_NORMAL, .a = 1, .b = 0.02f};
    struct shape s = SHAPE(l->out);
    return (struct norm_params){
        .gain = parameter(g, name, "gain", s, l->group, l->init == WEIGHTS_NORMAL ? normal : constant(1)),
        .shift = parameter(g, name, "shift", s, l->group, constant(0)),
        .mean = parameter(g, name, "mean", s, GROUP_STATE, constant(0)),
        .var = parameter(g, name, "var", s, GROUP_STATE, constant(1)),
    };
}

/* What a layer multiplies with its weight. */
struct factors {
    struct node *weight, *scale, *bias; /* scale and bias: NULL, there is none */
};

/* How a layer multiplies, and which activations it can take within that: while training, and scoring. */
struct product {
    struct node *(*apply)(struct graph *g, struct node *x, struct factors f, const struct layer_spec *l, enum act act);
    bool (*fuses)(enum graph_mode mode, enum act act);
};

static struct node *convolve(struct graph *g, struct node *x, struct factors f, const struct layer_spec *l,
                             enum act act)
{
    struct conv_spec s = {.act = act, .slope = l->slope, .dtype = l->dtype, .scale = f.scale};
    for (int i = 0; i < 3; i++) {
        s.kernel[i] = l->kernel[i];
        s.stride[i] = l->stride[i];
        s.pad[i] = l->pad[i];
        s.output_pad[i] = l->output_pad[i];
    }
    return l->transposed ? op_deconv(g, x, f.weight, f.bias, s) : op_conv(g, x, f.weight, f.bias, s);
}

static struct node *multiply(struct graph *g, struct node *x, struct factors f, const struct layer_spec *l,
                             enum act act)
{
    struct node *weight = f.scale ? op_fold_weight(g, f.weight, f.scale) : f.weight;
    return op_cast(g, op_linear(g, x, weight, f.bias, act, l->slope), l->dtype);
}

static bool is_leaky(enum act act)
{
    return act == ACT_NONE || act == ACT_RELU || act == ACT_LRELU;
}

/* Trained, an activation within a convolution costs its gradient a copy. */
static bool convolution_fuses(enum graph_mode mode, enum act act)
{
    return act == ACT_NONE || (mode == GRAPH_SCORE && is_leaky(act));
}

static bool linear_fuses(enum graph_mode mode, enum act act)
{
    (void)mode;
    (void)act;
    return true;
}

static const struct product convolution = {convolve, convolution_fuses}, linear = {multiply, linear_fuses};

static struct node *with_norm(struct graph *g, const char *name, struct node *x, struct node *weight,
                              const struct layer_spec *l, const struct product *product)
{
    struct norm_params p = norm_of(g, name, l);
    enum act act = is_leaky(l->act) ? l->act : ACT_NONE;
    if (g->mode == GRAPH_TRAIN) {
        struct norm_spec s = {.eps = NORM_EPS, .momentum = NORM_MOMENTUM, .act = act, .slope = l->slope};
        x = product->apply(g, x, (struct factors){weight, NULL, NULL}, l, ACT_NONE);
        x = op_batch_norm(g, x, p.gain, p.shift, p.mean, p.var, s);
    } else {
        struct node *scale = op_fold_scale(g, p.gain, p.var, NORM_EPS);
        struct node *bias = op_fold_bias(g, NULL, p.gain, p.shift, p.mean, p.var, NORM_EPS);
        x = product->apply(g, x, (struct factors){weight, scale, bias}, l, act);
    }
    return act == l->act ? x : op_act(g, x, l->act, l->slope);
}

static struct node *with_bias(struct graph *g, const char *name, struct node *x, struct node *weight,
                              const struct layer_spec *l, const struct product *product)
{
    struct node *bias = l->no_bias ? NULL : parameter(g, name, "bias", SHAPE(l->out), l->group, constant(0));
    enum act act = product->fuses(g->mode, l->act) ? l->act : ACT_NONE;
    x = product->apply(g, x, (struct factors){weight, NULL, bias}, l, act);
    return act == l->act ? x : op_act(g, x, l->act, l->slope);
}

static struct node *layer(struct graph *g, const char *name, struct node *x, const struct layer_spec *l,
                          const struct product *product)
{
    if (!x)
        return NULL;
    g->scope = name;
    struct node *weight = weight_of(g, name, x, l);
    struct node *y = l->norm ? with_norm(g, name, x, weight, l, product) : with_bias(g, name, x, weight, l, product);
    g->scope = y ? y->name : ""; /* what follows bears it too, and `name` may be gone by then */
    return y;
}

struct node *layer_conv(struct graph *g, const char *name, struct node *x, const struct layer_spec *spec)
{
    return layer(g, name, x, spec, &convolution);
}

struct node *layer_linear(struct graph *g, const char *name, struct node *x, const struct layer_spec *spec)
{
    return layer(g, name, x, spec, &linear);
}
