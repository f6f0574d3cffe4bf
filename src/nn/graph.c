#include "nn/graph.h"

#include "nn/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graph *graph_new(enum graph_mode mode, enum dtype precision, struct params *params)
{
    struct graph *g = calloc(1, sizeof *g);
    if (g)
        *g = (struct graph){.mode = mode, .precision = precision, .params = params, .scope = ""};
    return g;
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    arena_free(&g->arena);
    free(g);
}

int graph_error(const struct graph *g, struct err *e)
{
    return g->err.code ? err_set(e, g->err.code, "%s", g->err.msg) : 0;
}

bool graph_has_noise(const struct graph *g)
{
    for (const struct node *n = g->first; n; n = n->next)
        if (n->op && (n->op->flags & OP_NOISE))
            return true;
    return false;
}

static struct node *append(struct graph *g, enum node_kind kind, const char *name)
{
    struct node *n = arena_alloc(&g->arena, sizeof *n);
    char *copy = arena_string(&g->arena, name);
    if (!n || !copy) {
        err_memory(&g->err, "a graph's node");
        return NULL;
    }
    n->id = g->n++;
    n->kind = kind;
    n->name = copy;
    if (g->last)
        g->last->next = n;
    else
        g->first = n;
    g->last = n;
    return n;
}

struct node *graph_input(struct graph *g, const char *name, struct shape shape)
{
    if (g->err.code)
        return NULL;
    struct node *n = append(g, NODE_INPUT, name);
    if (n)
        n->shape = shape;
    return n;
}

struct node *graph_param(struct graph *g, const char *name, struct shape shape, enum param_group group,
                         struct init init)
{
    if (g->err.code)
        return NULL;
    struct param *p = params_declare(g->params, name, &shape, group, init, &g->err);
    for (struct node *n = p ? g->first : NULL; n; n = n->next)
        if (n->param == p)
            return n;
    struct node *n = p ? append(g, NODE_PARAM, name) : NULL;
    if (!n)
        return NULL;
    n->shape = shape;
    n->param = p;
    n->constant = true;
    return n;
}

struct node *graph_apply(struct graph *g, const struct op *op, const void *spec, size_t spec_bytes, int inputs,
                         struct node *const in[])
{
    if (g->err.code)
        return NULL;
    struct node *n = append(g, NODE_OP, g->scope);
    void *copy = n && spec_bytes ? arena_alloc(&g->arena, spec_bytes) : NULL;
    if (!n || (spec_bytes && !copy)) {
        err_memory(&g->err, "a graph's node");
        return NULL;
    }
    if (spec_bytes)
        memcpy(copy, spec, spec_bytes);
    n->op = op;
    n->spec = copy;
    n->inputs = inputs;
    /* While training parameters change with every step anyway. */
    n->constant = g->mode == GRAPH_SCORE && !(op->flags & OP_NOISE);
    for (int i = 0; i < inputs; i++) {
        n->in[i] = in[i];
        n->constant = n->constant && (!in[i] || in[i]->constant);
    }
    if (!n->in[0] && !(op->flags & OP_NOISE)) {
        op_error(n, &g->err, "its first input is missing");
        return NULL;
    }
    return op->infer(n, &g->err) < 0 ? NULL : n;
}

int op_error(const struct node *n, struct err *e, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *quote = *n->name ? "'" : "";
    return err_set(e, ERR_FAIL, "%s %s%s%s: %s", n->op->name, quote, n->name, quote, text);
}
