/* From a graph to a plan, in four steps: what is needed and whose gradients are wanted (analyse), primitives (prepare),
 * calls in order with their buffers and the buffers' lives (schedule), memory (place).
 *
 * The moment of a call is its number in the one list of all calls: constants, forward, then each objective's backward.
 */
#include "nn/plan_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { NONE = -1 };

/* Outputs below this size are kept rather than made again: the saving is not worth a pass. */
enum { RECOMPUTE_BYTES = 1 << 18 };

enum { HUGE_PAGE = 4 << 20 };

/* A call whose pointers are still numbers of buffers. */
struct slot {
    void (*run)(struct exec *x);
    struct exec *exec;
    int in[NODE_INPUTS], out, gout, gin[NODE_INPUTS], scratch;
};

/* What the build knows of a node. */
struct info {
    bool needed, output, kept, dropped; /* kept: backward reads it; dropped: and makes it again for that */
    bool leads, reaches;                /* this objective: a wanted parameter is below it; the loss is above it */
    int last_reader;                    /* the last node that reads it forward */
    int value, again, grad;             /* buffers: forward, made again, this objective's gradient */
    int parts, saved;                   /* gradients to be added up in this objective; buffer of x->saved */
};

struct build {
    struct arena arena;
    struct plan *p;
    const struct plan_spec *spec;
    struct info *info; /* by node id */
    struct buffer *buffers;
    int nbuffers;
    bool *pinned;     /* by buffer: nothing may be written over it in place */
    int *last_reader; /* by buffer */
    struct slot *slots;
    int nslots;
    int one;    /* buffer of d loss / d loss */
    int *grads; /* by objective and node id: buffers of the gradients that plan_grad tells; NONE: not told */
};

static struct info *info_of(const struct build *b, const struct node *n)
{
    return &b->info[n->id];
}

static bool is_view(const struct node *n)
{
    return n->op && (n->op->flags & OP_VIEW);
}

/* The node whose memory a chain of views shows. */
static struct node *viewed(struct node *n)
{
    while (is_view(n))
        n = n->in[0];
    return n;
}

static size_t node_bytes(const struct node *n)
{
    return (size_t)shape_count(&n->shape) * dtype_bytes(n->dtype);
}

/* ---- analyse ---- */

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

/* Sets leads, reaches and parts for one objective. */
static void trace_objective(struct build *b, const struct objective *o)
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

static bool is_active(const struct build *b, const struct node *n)
{
    return n && info_of(b, n)->leads && info_of(b, n)->reaches;
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
        bool wants = b->p->execs[id].wants;
        if (!n->op || is_view(n))
            continue;
        if (wants && (n->op->keeps & KEEP_OUT))
            f->kept = true;
        f->dropped = f->kept && !f->output && n->op->recompute && !(n->op->keeps & KEEP_OUT) && !b->spec->keep_all &&
                     node_bytes(n) >= RECOMPUTE_BYTES;
        for (int i = 0; (wants || f->dropped) && i < n->inputs; i++)
            if (n->in[i] && (n->op->keeps & (1u << i)))
                info_of(b, viewed(n->in[i]))->kept = true;
    }
}

static int prepare(struct build *b, struct err *e)
{
    for (int id = 0; id < b->p->nodes; id++) {
        struct node *n = b->p->by_id[id];
        struct exec *x = &b->p->execs[id];
        if (!b->info[id].needed)
            continue;
        x->node = n;
        x->trains = b->spec->nobjectives > 0;
        x->threads = b->spec->threads;
        x->moment = &b->p->moment;
        x->version = &b->p->params->version;
        if (n->op && n->op->prepare)
            TRY(n->op->prepare(x, e));
    }
    return 0;
}

/* ---- buffers ---- */

static int new_buffer(struct build *b, size_t bytes, void *external)
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

static void give_value(struct build *b, struct node *n)
{
    struct info *f = info_of(b, n);
    if (n->param)
        f->value = new_buffer(b, node_bytes(n), n->param->value);
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

static void schedule_forward(struct build *b, bool constants)
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
        if (n->op->commit)
            use_forever(b, b->info[id].saved);
        struct slot *s = new_slot(b, x, n->op->forward);
        for (int i = 0; i < n->inputs; i++)
            s->in[i] = n->in[i] ? info_of(b, n->in[i])->value : NONE;
        s->out = b->info[id].value;
        close_slot(b, s, x->scratch_bytes);
    }
}

static int backward_value(struct build *b, struct node *n);

/* Fills in[] (what `keeps` names, and whatever is always there) for backward or recompute of n. */
static void backward_inputs(struct build *b, struct node *n, int *in)
{
    for (int i = 0; i < NODE_INPUTS; i++) {
        struct node *v = i < n->inputs ? n->in[i] : NULL;
        bool there = v && ((n->op->keeps & (1u << i)) || v->constant || b->spec->keep_all);
        in[i] = there ? backward_value(b, v) : NONE;
    }
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
    backward_inputs(b, n, in);
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
    return new_buffer(b, node_bytes(n), n->param ? n->param->grad : NULL);
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
static void backward_call(struct build *b, struct node *n, unsigned mask, bool reads_first)
{
    struct exec *x = &b->p->execs[n->id];
    int in[NODE_INPUTS], part[NODE_INPUTS], out = n->op->keeps & KEEP_OUT ? backward_value(b, n) : NONE;
    backward_inputs(b, n, in);
    struct slot *s = new_slot(b, x, n->op->backward);
    memcpy(s->in, in, sizeof in);
    if (!reads_first)
        s->in[0] = NONE;
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

static void backward_op(struct build *b, struct node *n)
{
    unsigned mask = 0;
    for (int i = 0; i < n->inputs; i++)
        if (is_active(b, n->in[i]))
            mask |= 1u << i;
    if (!(n->op->flags & OP_SPLIT)) {
        backward_call(b, n, mask, true);
        return;
    }
    if (mask & ~1u)
        backward_call(b, n, mask & ~1u, true);
    if (mask & 1u)
        backward_call(b, n, 1u, false);
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

static void schedule_backward(struct build *b, const struct objective *o)
{
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
}

/* The forward pass runs again here. */
static void hold_inputs(struct build *b)
{
    for (int id = 0; id < b->p->nodes; id++)
        if (b->p->by_id[id]->kind == NODE_INPUT)
            use(b, b->info[id].value, b->nslots - 1);
}

/* Which gradients of the objective just scheduled stay. */
static void note_gradients(struct build *b, int objective)
{
    const struct node *wrt = b->spec->objectives[objective].wrt;
    for (int id = 0; id < b->p->nodes; id++) {
        int grad = b->info[id].grad;
        bool told = b->spec->keep_all || b->p->by_id[id] == wrt;
        b->grads[objective * b->p->nodes + id] = told ? grad : NONE;
        if (told && grad != NONE)
            use_forever(b, grad);
    }
}

static void schedule_commit(struct build *b)
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

/* ---- place ---- */

static void *place(const struct build *b, int buffer)
{
    if (buffer == NONE)
        return NULL;
    const struct buffer *u = &b->buffers[buffer];
    return u->external ? u->external : b->p->block + u->offset;
}

static int allocate(struct build *b, struct err *e)
{
    struct plan *p = b->p;
    TRY(layout_solve(b->buffers, b->nbuffers, &p->bytes, e));
    size_t bytes = p->bytes ? p->bytes : 1;
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return err_set(e, ERR_MEMORY, "out of memory: the plan wants %zu MiB for its tensors; try a smaller batch",
                       p->bytes >> 20);
    p->block = block;
    if (bytes >= HUGE_PAGE)
        madvise(block, bytes, MADV_HUGEPAGE); /* fewer TLB misses; without it all works the same */
    return 0;
}

static int make_calls(struct build *b, struct call_list *list, int from, int to, struct err *e)
{
    list->calls = calloc((size_t)(to > from ? to - from : 1), sizeof *list->calls);
    if (!list->calls)
        return err_memory(e, "a plan's calls");
    list->n = to - from;
    for (int i = from; i < to; i++) {
        const struct slot *s = &b->slots[i];
        struct call *c = &list->calls[i - from];
        *c = (struct call){.run = s->run, .exec = s->exec, .out = place(b, s->out), .gout = place(b, s->gout)};
        c->scratch = place(b, s->scratch);
        for (int k = 0; k < NODE_INPUTS; k++) {
            c->in[k] = place(b, s->in[k]);
            c->gin[k] = place(b, s->gin[k]);
        }
    }
    return 0;
}

static void publish_values(struct build *b)
{
    for (int id = 0; id < b->p->nodes; id++) {
        const struct info *f = &b->info[id];
        const struct node *n = b->p->by_id[id];
        b->p->execs[id].saved = place(b, f->saved);
        if (!f->needed || f->value == NONE)
            continue;
        if (n->kind != NODE_OP || b->buffers[f->value].end == LAYOUT_FOREVER)
            b->p->values[id] = place(b, f->value);
    }
}

static void publish_gradients(struct build *b)
{
    for (int i = 0; i < b->spec->nobjectives * b->p->nodes; i++)
        b->p->grads[i] = place(b, b->grads[i]);
}

static int schedule(struct build *b, struct err *e)
{
    struct plan *p = b->p;
    int marks[OBJECTIVES + 3], m = 0;
    p->one = 1;
    b->one = new_buffer(b, sizeof p->one, &p->one);
    schedule_forward(b, true);
    marks[m++] = b->nslots;
    schedule_forward(b, false);
    marks[m++] = b->nslots;
    for (int k = 0; k < b->spec->nobjectives; k++) {
        if (b->spec->objectives[k].fresh)
            hold_inputs(b);
        schedule_backward(b, &b->spec->objectives[k]);
        note_gradients(b, k);
        marks[m++] = b->nslots;
    }
    schedule_commit(b);
    TRY(allocate(b, e));
    TRY(make_calls(b, &p->constants, 0, marks[0], e));
    TRY(make_calls(b, &p->forward, marks[0], marks[1], e));
    for (int k = 0; k < b->spec->nobjectives; k++)
        TRY(make_calls(b, &p->backward[k], marks[k + 1], marks[k + 2], e));
    TRY(make_calls(b, &p->commit, marks[m - 1], b->nslots, e));
    publish_values(b);
    publish_gradients(b);
    return 0;
}

static int allocate_build(struct build *b, struct err *e)
{
    struct plan *p = b->p;
    size_t n = (size_t)p->nodes;
    size_t calls = n * (2 + (size_t)b->spec->nobjectives * (3 + NODE_INPUTS)) + 1;
    size_t buffers = 2 * n + calls * (2 + NODE_INPUTS) + 1;
    p->execs = calloc(n, sizeof *p->execs);
    p->by_id = calloc(n, sizeof(struct node *));
    p->values = calloc(n, sizeof *p->values);
    p->grads = calloc(n * OBJECTIVES, sizeof *p->grads);
    b->info = arena_alloc(&b->arena, n * sizeof *b->info);
    b->slots = arena_alloc(&b->arena, calls * sizeof *b->slots);
    b->buffers = arena_alloc(&b->arena, buffers * sizeof *b->buffers);
    b->pinned = arena_alloc(&b->arena, buffers * sizeof *b->pinned);
    b->last_reader = arena_alloc(&b->arena, buffers * sizeof *b->last_reader);
    b->grads = arena_alloc(&b->arena, n * OBJECTIVES * sizeof *b->grads);
    if (!p->execs || !p->by_id || !p->values || !p->grads || !b->info || !b->slots || !b->buffers || !b->pinned ||
        !b->last_reader || !b->grads)
        return err_memory(e, "a plan");
    for (struct node *node = b->spec->graph->first; node; node = node->next) {
        p->by_id[node->id] = node;
        b->info[node->id] = (struct info){.last_reader = -1, .value = NONE, .again = NONE, .grad = NONE, .saved = NONE};
    }
    return 0;
}

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

int plan_build(struct plan *p, const struct plan_spec *spec, struct err *e)
{
    struct build b = {.p = p, .spec = spec};
    p->graph = spec->graph;
    p->params = spec->graph->params;
    p->nodes = spec->graph->n;
    p->threads = spec->threads;
    p->keep_all = spec->keep_all;
    p->moment.seed = spec->seed;
    p->objective = -1;
    TRY(check_objectives(spec, e));
    TRY(check_noise(spec->graph, e));
    int code = allocate_build(&b, e);
    if (code == 0) {
        mark_needed(&b);
        code = mark_wants(&b, e);
    }
    if (code == 0) {
        mark_kept(&b);
        code = prepare(&b, e);
    }
    if (code == 0)
        code = schedule(&b, e);
    arena_free(&b.arena);
    return code;
}
