#include "nn/plan.h"

#include "base/clock.h"
#include "nn/bf16.h"
#include "nn/parallel.h"
#include "nn/plan_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int make(const struct plan_spec *spec, bool measured, struct plan **out, struct err *e)
{
    *out = NULL;
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        return err_memory(e, "a plan");
    p->measured = measured;
    unsigned before = parallel_begin(spec->threads);
    int code = plan_build(p, spec, e);
    parallel_end(before);
    if (code < 0) {
        plan_free(p);
        return code;
    }
    *out = p;
    return 0;
}

int plan_new(const struct plan_spec *spec, struct plan **out, struct err *e)
{
    return make(spec, false, out, e);
}

int plan_measure(const struct plan_spec *spec, size_t *bytes, struct err *e)
{
    struct plan *p;
    TRY(make(spec, true, &p, e));
    *bytes = plan_bytes(p);
    plan_free(p);
    return 0;
}

/* This plan's memory is about to hold other things than parameters' gradients. */
static void take_back_gradients(struct plan *p)
{
    for (struct param *w = p->params ? p->params->first : NULL; w; w = w->next)
        if ((uintptr_t)w->grad - (uintptr_t)p->block < p->bytes)
            w->grad = NULL;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    take_back_gradients(p);
    for (int i = 0; p->execs && i < p->nodes; i++)
        if (p->execs[i].node && p->execs[i].node->op && p->execs[i].node->op->release)
            p->execs[i].node->op->release(&p->execs[i]);
    free(p->constants.calls);
    free(p->forward.calls);
    free(p->commit.calls);
    for (int i = 0; i < OBJECTIVES; i++)
        free(p->backward[i].calls);
    free(p->execs);
    free(p->by_id);
    free(p->values);
    free(p->grads);
    free(p->forward_ms);
    free(p->backward_ms);
    if (p->block)
        munmap(p->block, p->bytes ? p->bytes : 1);
    free(p);
}

static void spoil(void *data, const struct node *n)
{
    if (data)
        memset(data, 0xff, (size_t)shape_count(&n->shape) * dtype_bytes(n->dtype)); /* NaN, in either format */
}

/* Values that could not be computed must not be believed. */
static void note_failure(struct plan *p, const struct call *c)
{
    const struct node *n = c->exec->node;
    if (!p->failed)
        p->failed = n;
    if (!c->gout)
        spoil(c->out, n);
    for (int i = 0; i < n->inputs; i++)
        spoil(c->gin[i], n->in[i]);
}

static void run_calls(struct plan *p, const struct call_list *list, double *ms)
{
    for (int i = 0; i < list->n; i++) {
        const struct call *c = &list->calls[i];
        struct exec *x = c->exec;
        memcpy(x->in, c->in, sizeof x->in);
        memcpy(x->gin, c->gin, sizeof x->gin);
        x->out = c->out;
        x->gout = c->gout;
        x->scratch = c->scratch;
        double start = ms ? 1e3 * clock_seconds() : 0;
        atomic_store_explicit(&x->failed, false, memory_order_relaxed);
        c->run(x);
        if (atomic_load_explicit(&x->failed, memory_order_relaxed))
            note_failure(p, c);
        if (ms)
            ms[x->node->id] += 1e3 * clock_seconds() - start;
    }
}

void plan_samples(struct plan *p, const uint64_t *ids)
{
    p->moment.samples = ids;
}

void plan_forward(struct plan *p, uint64_t step)
{
    unsigned before = parallel_begin(p->threads);
    p->moment.step = step;
    take_back_gradients(p);
    if (p->constants_version != p->params->version) {
        run_calls(p, &p->constants, NULL);
        p->constants_version = p->params->version;
    }
    run_calls(p, &p->forward, p->forward_ms);
    p->forwards++;
    parallel_end(before);
}

static void *gradient_at(const struct plan *p, int objective, int id)
{
    return p->grads[objective * p->nodes + id];
}

void plan_backward(struct plan *p, int objective)
{
    unsigned before = parallel_begin(p->threads);
    run_calls(p, &p->backward[objective], p->backward_ms);
    p->objective = objective;
    for (int id = 0; id < p->nodes; id++)
        if (p->by_id[id]->param && gradient_at(p, objective, id))
            p->by_id[id]->param->grad = gradient_at(p, objective, id);
    p->backwards += objective == 0;
    parallel_end(before);
}

void plan_commit(struct plan *p)
{
    if (!p->commit.n)
        return;
    unsigned before = parallel_begin(p->threads);
    run_calls(p, &p->commit, NULL);
    params_changed(p->params);
    parallel_end(before);
}

void *plan_data(const struct plan *p, const struct node *n)
{
    return p->values[n->id];
}

void *plan_grad(const struct plan *p, const struct node *n)
{
    return p->objective < 0 ? NULL : gradient_at(p, p->objective, n->id);
}

const struct node *plan_failed(const struct plan *p)
{
    return p->failed;
}

size_t plan_bytes(const struct plan *p)
{
    size_t bytes = p->bytes;
    for (int i = 0; i < p->nodes; i++)
        bytes += p->execs[i].own_bytes;
    return bytes;
}

static bool all_finite(const void *data, enum dtype dtype, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(dtype == F32 ? ((const float *)data)[i] : bf16_to_f32(((const bf16 *)data)[i])))
            return false;
    return true;
}

const struct node *plan_find_nonfinite(const struct plan *p)
{
    for (const struct node *n = p->graph->first; n; n = n->next)
        if (p->values[n->id] && !all_finite(p->values[n->id], n->dtype, shape_count(&n->shape)))
            return n;
    return NULL;
}

int plan_profile_start(struct plan *p, struct err *e)
{
    if (!p->forward_ms)
        p->forward_ms = calloc((size_t)p->nodes, sizeof *p->forward_ms);
    if (!p->backward_ms)
        p->backward_ms = calloc((size_t)p->nodes, sizeof *p->backward_ms);
    if (!p->forward_ms || !p->backward_ms)
        return err_memory(e, "the profile");
    memset(p->forward_ms, 0, (size_t)p->nodes * sizeof *p->forward_ms);
    memset(p->backward_ms, 0, (size_t)p->nodes * sizeof *p->backward_ms);
    p->forwards = p->backwards = 0;
    return 0;
}

void plan_profile(const struct plan *p, void (*each)(void *user, const struct plan_timing *t), void *user)
{
    for (const struct node *n = p->graph->first; n; n = n->next) {
        if (!n->op || !p->execs[n->id].node)
            continue;
        unsigned wants = p->execs[n->id].wants;
        struct plan_timing t = {
            .node = n,
            .forward_ms = p->forward_ms[n->id] / (p->forwards ? p->forwards : 1),
            .backward_ms = p->backward_ms[n->id] / (p->backwards ? p->backwards : 1),
            .flops = n->op->flops ? n->op->flops(n) : (double)shape_count(&n->shape),
            .bytes = (size_t)shape_count(&n->shape) * dtype_bytes(n->dtype),
        };
        t.backward_flops = t.flops * (double)((wants & 1) + (wants >> 1 & 1));
        each(user, &t);
    }
}
