#include "nn/plan_build.h"

/* Outputs below this size are kept rather than made again: the saving is not worth a pass. */
enum { RECOMPUTE_BYTES = 1 << 18 };

/* ---- what is refused ---- */

/* Objectives of one forward pass that train one group would write their gradients over each other's. */
static int check_objectives(const struct plan_spec *spec, struct err *e)
{
    for (int k = 0; k < spec->nobjectives; k++) {
        const struct objective *o = &spec->objectives[k];
        if (o->wrt && o->wrt->kind != NODE_INPUT)
            return err_set(e, ERR_FAIL, "objective '%s' wants a gradient with respect to '%s', which is not an input",
                           o->name, o->wrt->name);
        for (int i = k - 1; i >= 0 && !spec->objectives[i + 1].fresh; i--)
            if (!o->wrt && !spec->objectives[i].wrt && spec->objectives[i].group == o->group)
                return err_set(e, ERR_FAIL,
                               "objectives '%s' and '%s' train one group of parameters in one forward "
                               "pass; add their losses up, or give the second a fresh one",
                               spec->objectives[i].name, o->name);
    }
    return 0;
}

/* Noise has a row for each sample, as the inputs have. */
static int check_noise(const struct graph *g, struct err *e)
{
    const struct node *batch = NULL;
    for (const struct node *n = g->first; n; n = n->next) {
        bool noise = n->op && (n->op->flags & OP_NOISE);
        if (!batch && (noise || n->kind == NODE_INPUT))
            batch = n;
        else if (noise && n->shape.d[0] != batch->shape.d[0])
            return op_error(n, e,
                            "it has %lld rows, but there are %lld samples in a batch ('%s'); it wants one a sample",
                            (long long)n->shape.d[0], (long long)batch->shape.d[0], batch->name);
    }
    return 0;
}

int plan_check(const struct plan_spec *spec, struct err *e)
{
    TRY(graph_error(spec->graph, e));
    TRY(check_objectives(spec, e));
    return check_noise(spec->graph, e);
}

/* ---- what is needed ---- */

static void mark_needed(struct build *b)
{
    for (int i = 0; i < b->spec->noutputs; i++)
        info_of(b, b->spec->outputs[i])->needed = info_of(b, b->spec->outputs[i])->output = true;
    for (int k = 0; k < b->spec->nobjectives; k++)
        info_of(b, b->spec->objectives[k].loss)->needed = info_of(b, b->spec->objectives[k].loss)->output = true;
    for (int id = b->p->nodes - 1; id >= 0; id--) {
        struct node *n = b->p->by_id[id];
        /* Training moves state, whoever reads the value beside it. */
        if (n->op && n->op->commit && b->spec->nobjectives)
            b->info[id].needed = true;
        for (int i = 0; b->info[id].needed && i < n->inputs; i++) {
            if (!n->in[i])
                continue;
            struct info *in = info_of(b, n->in[i]);
            in->needed = true;
            if (in->last_reader < id)
                in->last_reader = id;
        }
    }
}

void trace_objective(struct build *b, const struct objective *o)
{
    for (int id = 0; id < b->p->nodes; id++) {
        struct node *n = b->p->by_id[id];
        struct info *f = &b->info[id];
        f->reaches = n == o->loss;
        f->parts = 0;
        f->grad = NONE;
        f->leads = o->wrt ? n == o->wrt : n->param && n->param->group == o->group;
        for (int i = 0; n->op && (n->op->backward || is_view(n)) && i < n->inputs; i++)
            f->leads = f->leads || (n->in[i] && info_of(b, n->in[i])->leads);
    }
    for (int id = b->p->nodes - 1; id >= 0; id--) {
        struct node *n = b->p->by_id[id];
        for (int i = 0; b->info[id].reaches && b->info[id].leads && i < n->inputs; i++) {
            if (!n->in[i] || !info_of(b, n->in[i])->leads)
                continue;
            info_of(b, n->in[i])->reaches = true;
            info_of(b, n->in[i])->parts++;
        }
    }
}

/* Which inputs' gradients each op writes in any objective. */
static int mark_wants(struct build *b, struct err *e)
{
    for (int k = 0; k < b->spec->nobjectives; k++) {
        const struct objective *o = &b->spec->objectives[k];
        trace_objective(b, o);
        if (o->wrt && !is_active(b, o->wrt))
            return err_set(e, ERR_FAIL,
                           "objective '%s' has no gradient with respect to '%s': no operations that all "
                           "have one lead from there to its loss",
                           o->name, o->wrt->name);
        for (int id = 0; id < b->p->nodes; id++) {
            struct node *n = b->p->by_id[id];
            for (int i = 0; is_active(b, n) && n->op && i < n->inputs; i++)
                if (is_active(b, n->in[i]))
                    b->p->execs[id].wants |= 1u << i;
        }
    }
    return 0;
}

/* Which values backward reads, and which of those are made again for it. Readers come before what they read: a value
 * that is made again needs its own inputs, whether or not anybody wants gradients of those. */
static void mark_kept(struct build *b)
{
    for (int id = b->p->nodes - 1; id >= 0; id--) {
        struct node *n = b->p->by_id[id];
        struct info *f = &b->info[id];
        if (!n->op || is_view(n))
            continue;
        unsigned reads = reads_of(n->op, b->p->execs[id].wants);
        if (reads & READ_OUT)
            f->kept = true;
        f->dropped =
            f->kept && !f->output && n->op->recompute && !b->spec->keep_all && node_bytes(n) >= RECOMPUTE_BYTES;
        if (f->dropped)
            reads |= n->op->remakes;
        for (int i = 0; i < n->inputs; i++)
            if (n->in[i] && (reads & (1u << i)))
                info_of(b, viewed(n->in[i]))->kept = true;
    }
}

int plan_analyse(struct build *b, struct err *e)
{
    mark_needed(b);
    TRY(mark_wants(b, e));
    mark_kept(b);
    return 0;
}
