#include "nn/adam.h"

#include "nn/parallel.h"

#include <math.h>

struct step {
    float *restrict value, *restrict m, *restrict v;
    const float *restrict grad;
    float rate, beta1, beta2, eps, stay;
};

/* m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  value = stay value - rate m / (sqrt(v) + eps)
 * where the bias corrections 1/(1 - b^t) are already in rate and eps. */
HOT static void adam_kernel(float *restrict value, float *restrict m, float *restrict v, const float *restrict grad,
                            size_t n, float rate, float beta1, float beta2, float eps, float stay)
{
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        value[i] = stay * value[i] - rate * m[i] / (sqrtf(v[i]) + eps);
    }
}

static void adam_range(void *context, size_t begin, size_t end)
{
    const struct step *s = context;
    adam_kernel(s->value + begin, s->m + begin, s->v + begin, s->grad + begin, end - begin, s->rate, s->beta1, s->beta2,
                s->eps, s->stay);
}

void adam_step(const struct adam *adam, uint64_t t, float *value, float *m, float *v, const float *grad, size_t n,
               int threads)
{
    double root = sqrt(1 - pow(adam->beta2, (double)t));
    struct step s = {
        .value = value,
        .m = m,
        .v = v,
        .grad = grad,
        .rate = (float)(adam->lr * root / (1 - pow(adam->beta1, (double)t))),
        .beta1 = adam->beta1,
        .beta2 = adam->beta2,
        .eps = (float)(adam->eps * root),
        .stay = (float)(1 - (double)adam->lr * (double)adam->decay),
    };
    parallel_ranges(threads, n, 1 << 14, adam_range, &s);
}

void params_adam(struct params *ps, enum param_group group, const struct adam *adam, int threads)
{
    uint64_t t = ++ps->adam_steps[group];
    for (struct param *p = ps->first; p; p = p->next)
        if (p->group == group && p->grad)
            adam_step(adam, t, p->value, ps->m[group] + p->offset, ps->v[group] + p->offset, p->grad, p->count,
                      threads);
    params_changed(ps);
}
