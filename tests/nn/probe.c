#include "probe.h"

#include "base/rng.h"
#include "nn/bf16.h"
#include "nn/op.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void probe_fill(float *data, size_t n, uint64_t seed, float deviation)
{
    struct rng r = rng_new(seed, 1);
    for (size_t i = 0; i < n; i++)
        data[i] = deviation * rng_normal(&r);
}

float probe_weight(uint64_t seed, size_t i)
{
    struct rng r = rng_new(seed, 2);
    r.counter = i;
    return 2 * rng_uniform(&r) - 1;
}

double probe_error(const float *got, const double *want, size_t n)
{
    double error = 0, scale = 1e-30;
    for (size_t i = 0; i < n; i++) {
        double apart = isfinite(got[i]) ? fabs((double)got[i] - want[i]) : INFINITY;
        if (apart > error) /* gcc 12 for ARM breaks on an fmax of what was a float */
            error = apart;
        scale = fmax(scale, fabs(want[i]));
    }
    return error / scale;
}

struct sum_spec {
    uint64_t seed;
};

static int sum_infer(struct node *n, struct err *e)
{
    (void)e;
    n->shape = SHAPE(1);
    n->dtype = F32;
    return 0;
}

static void sum_forward(struct exec *x)
{
    const struct sum_spec *s = x->node->spec;
    const struct node *in = x->node->in[0];
    double sum = 0;
    for (size_t i = 0; i < (size_t)shape_count(&in->shape); i++) {
        float v = in->dtype == F32 ? ((const float *)x->in[0])[i] : bf16_to_f32(((const bf16 *)x->in[0])[i]);
        sum += (double)probe_weight(s->seed, i) * (double)v;
    }
    *(float *)x->out = (float)sum;
}

static void sum_backward(struct exec *x)
{
    const struct sum_spec *s = x->node->spec;
    const struct node *in = x->node->in[0];
    float g = *(const float *)x->gout;
    for (size_t i = 0; i < (size_t)shape_count(&in->shape); i++) {
        float v = g * probe_weight(s->seed, i);
        if (in->dtype == F32)
            ((float *)x->gin[0])[i] = v;
        else
            ((bf16 *)x->gin[0])[i] = bf16_from_f32(v);
    }
}

struct node *probe_sum(struct graph *g, struct node *x, uint64_t seed)
{
    static const struct op op = {
        .name = "probe sum", .infer = sum_infer, .forward = sum_forward, .backward = sum_backward};
    struct sum_spec s = {.seed = seed};
    return graph_apply(g, &op, &s, sizeof s, 1, (struct node *[]){x});
}

struct plan *probe_plan(const struct plan_spec *spec)
{
    struct err e = ERR_INIT;
    struct plan *p;
    if (plan_new(spec, &p, &e) < 0)
        fail_msg("%s", e.msg);
    return p;
}

void probe_allocate(struct params *ps, uint64_t seed)
{
    struct err e = ERR_INIT;
    if (params_allocate(ps, seed, true, &e) < 0)
        fail_msg("%s", e.msg);
}
