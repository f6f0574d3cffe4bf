#include "run/update.h"

#include "base/clock.h"
#include "nn/parallel.h"

#include <math.h>

/* The objectives first .. last-1 share a forward pass. */
static int last_of_pass(const struct heads *h, int first)
{
    int last = first + 1;
    while (last < h->nobjectives && !h->objectives[last].fresh)
        last++;
    return last;
}

static void optimise(struct update *u, const struct objective *o)
{
    struct adam adam = u->adam;
    if (o->rule.lr_factor > 0)
        adam.lr *= o->rule.lr_factor;
    if (o->rule.own_betas) {
        adam.beta1 = o->rule.beta1;
        adam.beta2 = o->rule.beta2;
    }
    params_adam(u->params, o->group, &adam, u->threads);
}

static int run_pass(struct update *u, uint64_t step, int first, int last, double *loss)
{
    const struct objective *o = u->heads->objectives;
    plan_forward(u->plan, step);
    for (int k = first; k < last; k++) {
        loss[k] = (double)*(const float *)plan_data(u->plan, o[k].loss);
        if (!isfinite(loss[k]))
            return k;
    }
    for (int k = first; k < last; k++)
        plan_backward(u->plan, k);
    double start = clock_seconds();
    for (int k = first; k < last; k++)
        optimise(u, &o[k]);
    u->optimiser_seconds += clock_seconds() - start;
    return ALL_FINITE;
}

static int run_passes(struct update *u, uint64_t step, double *loss)
{
    const struct heads *h = u->heads;
    for (int first = 0, last; first < h->nobjectives; first = last) {
        last = last_of_pass(h, first);
        int bad = run_pass(u, step, first, last, loss);
        if (bad != ALL_FINITE)
            return bad;
    }
    plan_commit(u->plan);
    return ALL_FINITE;
}

int update_step(struct update *u, uint64_t step, double loss[OBJECTIVES])
{
    const struct heads *h = u->heads;
    unsigned before = parallel_begin(u->threads);
    int bad = run_passes(u, step, loss);
    parallel_end(before);
    for (int k = 0; bad == ALL_FINITE && k < h->nobjectives; k++)
        if (loss[k] < (double)h->objectives[k].rule.redraw_below)
            params_draw(u->params, h->objectives[k].group, u->seed + step + 1);
    return bad;
}
