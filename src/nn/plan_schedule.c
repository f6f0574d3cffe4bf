#include "nn/plan_build.h"

#include <string.h>

/* ---- buffers ---- */

int new_buffer(struct build *b, size_t bytes, void *external)
{
    b->buffers[b->nbuffers] = (struct buffer){.bytes = bytes, .begin = LAYOUT_FOREVER, .end = -2, .external = external};
    b->last_reader[b->nbuffers] = -1;
    b->pinned[b->nbuffers] = external || b->spec->keep_all;
    if (b->spec->keep_all)
        b->buffers[b->nbuffers].begin = LAYOUT_BEFORE, b->buffers[b->nbuffers].end = LAYOUT_FOREVER;
    return b->nbuffers++;
}

static void use(struct build *b, int buffer, int moment)
{
    if (buffer == NONE)
        return;
    struct buffer *u = &b->buffers[buffer];
    if (moment < u->begin)
        u->begin = moment;
    if (moment > u->end)
        u->end = moment;
}

static void use_forever(struct build *b, int buffer)
{
    use(b, buffer, LAYOUT_BEFORE);
    use(b, buffer, LAYOUT_FOREVER);
}

/* An op that may write over its first input does, when nobody reads that value any more. */
static bool in_place(const struct build *b, const struct node *n)
{
    if (!(n->op->flags & OP_INPLACE) || n->constant != n->in[0]->constant || node_bytes(n) != node_bytes(n->in[0]))
        return false;
    int buffer = info_of(b, n->in[0])->value;
    return !b->pinned[buffer] && b->last_reader[buffer] <= n->id && !info_of(b, n)->output;
}

/* Where a parameter's values lie; a plan that is only measured asks no more than that it is elsewhere. */
static void *param_memory(struct build *b, const struct node *n)
{
    return b->p->measured ? &b->p->one : n->param->value;
}

static void give_value(struct build *b, struct node *n)
{
    struct info *f = info_of(b, n);
    if (n->param)
        f->value = new_buffer(b, node_bytes(n), param_memory(b, n));
    else if (is_view(n) || (n->op && in_place(b, n)))
        f->value = info_of(b, n->in[0])->value;
    else
        f->value = new_buffer(b, node_bytes(n), NULL);
    if (b->last_reader[f->value] < f->last_reader)
        b->last_reader[f->value] = f->last_reader;
    if (f->output || (f->kept && !f->dropped) || n->constant || n->kind == NODE_INPUT)
        b->pinned[f->value] = true;
    if (f->output || n->constant)
        use_forever(b, f->value);
    if (n->kind == NODE_INPUT)
        use(b, f->value, LAYOUT_BEFORE);
}

/* ---- schedule ---- */

static struct slot *new_slot(struct build *b, struct exec *x, void (*run)(struct exec *))
{
    struct slot *s = &b->slots[b->nslots++];
    *s = (struct slot){.run = run, .exec = x, .out = NONE, .gout = NONE, .scratch = NONE};
    for (int i = 0; i < NODE_INPUTS; i++)
        s->in[i] = s->gin[i] = NONE;
    return s;
}

/* Marks everything a finished slot touches as alive at its moment. */
static void close_slot(struct build *b, struct slot *s, size_t scratch_bytes)
{
    int moment = (int)(s - b->slots);
    if (scratch_bytes)
        s->scratch = new_buffer(b, scratch_bytes, NULL);
    use(b, s->scratch, moment);
    use(b, s->out, moment);
    use(b, s->gout, moment);
    for (int i = 0; i < NODE_INPUTS; i++) {
        use(b, s->in[i], moment);
        use(b, s->gin[i], moment);
    }
    use(b, b->info[s->exec->node->id].saved, moment);
}

void schedule_forward(struct build *b, bool constants)
{
    for (int id = 0; id < b->p->nodes; id++) {
        struct node *n = b->p->by_id[id];
        struct exec *x = &b->p->execs[id];
        if (!b->info[id].needed || n->constant != constants)
            continue;
        give_value(b, n);
        if (!n->op || is_view(n))
            continue;
        if (x->saved_bytes)
            b->info[id].saved = new_buffer(b, x->saved_bytes, NULL);
        if (n->op->commit || (n->op->flags & OP_KEEPS))
            use_forever(b, b->info[id].saved);
        struct slot *s = new_slot(b, x, n->op->forward);
        for (int i = 0; i < n->inputs; i++)
            s->in[i] = n->in[i] ? info_of(b, n->in[i])->value : NONE;
        s->out = b->info[id].value;
        close_slot(b, s, x->scratch_bytes);
    }
}

static int backward_value(struct build *b, struct node *n);

/* Fills in[] for a call of n that reads what `reads` says. */
static void backward_inputs(struct build *b, struct node *n, unsigned reads, int *in)
{
    for (int i = 0; i < NODE_INPUTS; i++)
        in[i] = i < n->inputs && n->in[i] && (reads & (1u << i)) ? backward_value(b, n->in[i]) : NONE;
}

/* The buffer where backward finds a value; schedules making it again at its first use. */
static int backward_value(struct build *b, struct node *n)
{
    n = viewed(n);
    struct info *f = info_of(b, n);
    if (!f->dropped)
        return f->value;
    if (f->again != NONE)
        return f->again;
    int in[NODE_INPUTS];
    backward_inputs(b, n, n->op->remakes, in);
    f->again = new_buffer(b, node_bytes(n), NULL);
    struct exec *x = &b->p->execs[n->id];
    struct slot *s = new_slot(b, x, n->op->recompute);
    memcpy(s->in, in, sizeof in);
    s->out = f->again;
    close_slot(b, s, x->scratch_bytes);
    return f->again;
}

static void emit_gradient(struct build *b, struct node *to, int from, void (*run)(struct exec *))
{
    struct slot *s = new_slot(b, &b->p->execs[to->id], run);
    s->gout = from;
    s->gin[0] = info_of(b, to)->grad;
    close_slot(b, s, 0);
}

static int new_gradient(struct build *b, struct node *n)
{
    int buffer = new_buffer(b, node_bytes(n), NULL);
    b->pinned[buffer] |= n->param != NULL;
    return buffer;
}

/* A view's gradient is its input's under another shape: the same memory when nobody else adds to it. */
static void backward_view(struct build *b, struct node *n)
{
    struct node *to = n->in[0];
    struct info *f = info_of(b, to);
    bool first = f->grad == NONE;
    if (!is_active(b, to))
        return;
    if (first && f->parts == 1 && !to->param && !b->spec->keep_all) {
        f->grad = info_of(b, n)->grad;
        return;
    }
    if (first)
        f->grad = new_gradient(b, to);
    emit_gradient(b, to, info_of(b, n)->grad, first ? gradient_copy : gradient_add);
}

/* Where input i's gradient is to be written: its own buffer, or one to be added to that (noted in *part). */
static int gradient_target(struct build *b, struct node *n, int i, int *part)
{
    struct node *to = n->in[i];
    int gout = info_of(b, n)->grad;
    bool over = i == 0 && (n->op->flags & OP_INPLACE_GRAD) && !b->pinned[gout] && !to->param &&
                b->buffers[gout].bytes == node_bytes(to);
    if (info_of(b, to)->grad == NONE)
        return info_of(b, to)->grad = over ? gout : new_gradient(b, to);
    return *part = over ? gout : new_buffer(b, node_bytes(to), NULL);
}

/* One call of backward for the inputs in `mask`. */
static void backward_call(struct build *b, struct node *n, unsigned mask)
{
    struct exec *x = &b->p->execs[n->id];
    unsigned reads = reads_of(n->op, mask);
    int in[NODE_INPUTS], part[NODE_INPUTS], out = reads & READ_OUT ? backward_value(b, n) : NONE;
    backward_inputs(b, n, reads, in);
    struct slot *s = new_slot(b, x, n->op->backward);
    memcpy(s->in, in, sizeof in);
    s->out = out;
    s->gout = info_of(b, n)->grad;
    for (int i = 0; i < n->inputs; i++) {
        part[i] = NONE;
        if (mask & (1u << i))
            s->gin[i] = gradient_target(b, n, i, &part[i]);
    }
    close_slot(b, s, x->scratch_bytes);
    for (int i = 0; i < n->inputs; i++)
        if (part[i] != NONE)
            emit_gradient(b, n->in[i], part[i], gradient_add);
}

/* An input that another's gradient reads, but not its own: asked for last and alone, it need not be alive together
 * with its gradient. NODE_INPUTS: there is none. */
static int apart(const struct node *n, unsigned mask)
{
    for (int i = 0; i < n->inputs; i++) {
        unsigned bit = 1u << i;
        if ((mask & bit) && !n->in[i]->param && (reads_of(n->op, mask & ~bit) & ~n->op->reads[i] & bit))
            return i;
    }
    return NODE_INPUTS;
}

static void backward_op(struct build *b, struct node *n)
{
    unsigned mask = 0;
    for (int i = 0; i < n->inputs; i++)
        if (is_active(b, n->in[i]))
            mask |= 1u << i;
    unsigned last = mask & (1u << apart(n, mask));
    if (mask & ~last)
        backward_call(b, n, mask & ~last);
    if (last)
        backward_call(b, n, last);
}

/* Parameters of the group that this objective does not reach, while another one writes their gradients. */
static void clear_gradients(struct build *b, const struct objective *o)
{
    int sharers = 0;
    for (int k = 0; k < b->spec->nobjectives; k++)
        sharers += !b->spec->objectives[k].wrt && b->spec->objectives[k].group == o->group;
    for (int id = 0; !o->wrt && sharers > 1 && id < b->p->nodes; id++) {
        struct node *n = b->p->by_id[id];
        if (!n->param || n->param->group != o->group || !b->info[id].needed || b->info[id].grad != NONE)
            continue;
        b->info[id].grad = new_gradient(b, n);
        emit_gradient(b, n, NONE, gradient_zero);
    }
}

/* The forward pass runs again here. */
static void hold_inputs(struct build *b)
{
    for (int id = 0; id < b->p->nodes; id++)
        if (b->p->by_id[id]->kind == NODE_INPUT)
            use(b, b->info[id].value, b->nslots - 1);
}

/* Which gradients of the objective just scheduled are told. */
static void note_gradients(struct build *b, int objective)
{
    const struct node *wrt = b->spec->objectives[objective].wrt;
    for (int id = 0; id < b->p->nodes; id++) {
        int grad = b->info[id].grad;
        bool told = b->spec->keep_all || b->p->by_id[id] == wrt || b->p->by_id[id]->param;
        b->grads[objective * b->p->nodes + id] = told ? grad : NONE;
        if (b->p->by_id[id] == wrt)
            use_forever(b, grad);
    }
}

/* Parameters' gradients stay until all objectives of their pass have theirs, which is when the optimiser reads them. */
static void hold_gradients(struct build *b, int objective)
{
    int first = objective;
    while (first > 0 && !b->spec->objectives[first].fresh)
        first--;
    for (int i = first * b->p->nodes; i < (objective + 1) * b->p->nodes; i++)
        use(b, b->grads[i], b->nslots - 1);
}

void schedule_backward(struct build *b, int objective)
{
    const struct objective *o = &b->spec->objectives[objective];
    if (o->fresh)
        hold_inputs(b);
    trace_objective(b, o);
    info_of(b, o->loss)->grad = b->one;
    for (int id = 0; id < b->p->nodes; id++)
        b->info[id].again = NONE;
    for (int id = b->p->nodes - 1; id >= 0; id--) {
        struct node *n = b->p->by_id[id];
        if (!is_active(b, n) || !n->op || b->info[id].grad == NONE)
            continue;
        if (is_view(n))
            backward_view(b, n);
        else
            backward_op(b, n);
    }
    clear_gradients(b, o);
    note_gradients(b, objective);
    hold_gradients(b, objective);
}

void schedule_commit(struct build *b)
{
    for (int id = 0; id < b->p->nodes; id++) {
        struct node *n = b->p->by_id[id];
        if (!b->info[id].needed || !n->op || !n->op->commit)
            continue;
        struct slot *s = new_slot(b, &b->p->execs[id], n->op->commit);
        for (int i = 0; i < n->inputs; i++)
            s->in[i] = n->in[i] && n->in[i]->param ? info_of(b, n->in[i])->value : NONE;
    }
}
