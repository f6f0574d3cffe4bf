#include "nn/plan_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 4 << 20 };

static int prepare(struct build *b, struct err *e)
{
    for (int id = 0; id < b->p->nodes; id++) {
        struct node *n = b->p->by_id[id];
        struct exec *x = &b->p->execs[id];
        if (!b->info[id].needed)
            continue;
        x->node = n;
        x->threads = b->spec->threads;
        x->moment = &b->p->moment;
        x->version = &b->p->params->version;
        x->packs = b->p->params->packs;
        if (n->op && n->op->prepare)
            TRY(n->op->prepare(x, e));
    }
    return 0;
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
        schedule_backward(b, k);
        marks[m++] = b->nslots;
    }
    schedule_commit(b);
    TRY(layout_solve(b->buffers, b->nbuffers, &p->bytes, e));
    if (p->measured)
        return 0;
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

int plan_build(struct plan *p, const struct plan_spec *spec, struct err *e)
{
    TRY(plan_check(spec, e));
    struct build b = {.p = p, .spec = spec};
    p->graph = spec->graph;
    p->params = spec->graph->params;
    p->nodes = spec->graph->n;
    p->threads = spec->threads;
    p->moment.seed = spec->seed;
    p->objective = -1;
    int code = allocate_build(&b, e);
    if (code == 0)
        code = plan_analyse(&b, e);
    if (code == 0)
        code = prepare(&b, e);
    if (code == 0)
        code = schedule(&b, e);
    arena_free(&b.arena);
    return code;
}
