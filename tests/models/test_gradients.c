/* The loop that every model passes: gradients against differences of the loss. */
#include "base/rng.h"
#include "subject.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double loss_at(struct trainee *t, int objective, const float *from, const float *direction, float step)
{
    enum param_group group = t->run.heads.objectives[objective].group;
    for (size_t i = 0; i < t->params->size[group]; i++)
        t->params->value[group][i] = from[i] + step * direction[i];
    params_changed(t->params);
    trainee_forward(t, 1);
    return trainee_loss(t, objective);
}

static double difference(struct trainee *t, int objective, const float *from, const float *direction, float h)
{
    double above = loss_at(t, objective, from, direction, h);
    return (above - loss_at(t, objective, from, direction, -h)) / (2 * (double)h);
}

static double length_of(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return sqrt(sum);
}

static bool agree(double slope, double differences)
{
    return fabs(slope - differences) < 0.03 * fabs(differences) + 6e-4;
}

/* Along the gradient of one parameter tensor (the loss moves most there, so rounding matters least), mixed with noise.
 * At which step neither rounding nor curvature rules depends on the tensor: a right gradient is that of one of them. */
static void check_tensor(struct trainee *t, int objective, const struct param *p, const float *from, uint64_t seed)
{
    size_t size = t->params->size[p->group];
    float *direction = calloc(size, sizeof *direction);
    double slope = 0;
    struct rng r = rng_new(seed, rng_stream(p->name));
    trainee_forward(t, 1);
    plan_backward(t->run.plan, objective);
    double norm = length_of(p->grad, p->count);
    for (size_t i = 0; i < p->count; i++) {
        direction[p->offset + i] = (float)((double)p->grad[i] / (norm + 1e-12)) + 0.3f * (rng_uniform(&r) - 0.5f);
        slope += (double)p->grad[i] * (double)direction[p->offset + i];
    }
    double want = 0;
    static const float steps[] = {1, 4, 0.25f, 0.1f};
    for (int i = 0; i < 4 && (i == 0 || !agree(slope, want)); i++) {
        /* One percent of the tensor's length; half of it takes the curvature out. */
        float h = steps[i] * (float)fmax(3e-3, 0.01 * length_of(from + p->offset, p->count));
        double whole = difference(t, objective, from, direction, h);
        want = (4 * difference(t, objective, from, direction, h / 2) - whole) / 3;
    }
    if (!agree(slope, want))
        fail_msg("%s: objective %s, %s: the gradient says %g, differences say %g", t->subject->name,
                 t->run.heads.objectives[objective].name, p->name, slope, want);
    loss_at(t, objective, from, direction, 0);
    free(direction);
}

static void check_gradients(const struct subject *s)
{
    struct trainee t;
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 5; i++) /* away from the first weights, where a norm's shift is exactly 0 */
        trainee_step(&t, (uint64_t)i, 3e-3f);
    for (int k = 0; k < t.run.heads.nobjectives; k++) {
        enum param_group group = t.run.heads.objectives[k].group;
        size_t bytes = t.params->size[group] * sizeof(float);
        float *from = malloc(bytes);
        memcpy(from, t.params->value[group], bytes);
        for (const struct param *p = t.params->first; p; p = p->next)
            if (p->group == group)
                check_tensor(&t, k, p, from, 9);
        free(from);
    }
    trainee_free(&t);
}

/* Differences cannot follow steps (the shrinkage, which the golden files have) and see kinks as noise: slight ones in
 * the activations, and of absolute errors a small share. */
static const char smooth[] = "shrink=0 activation=leaky slope=0.9 context_weight=1";

int main(void)
{
    static const struct loop_check checks[] = {
        {"gradients_equal_differences", smooth, check_gradients},
    };
    return subjects_run("models: gradients", checks, sizeof checks / sizeof *checks, NULL, NULL);
}
