#include "nn/params.h"

#include "base/rng.h"
#include "nn/dnn.h"

#include <stdlib.h>
#include <string.h>

enum { PARAM_ALIGN = 16 }; /* floats: one cache line, so that vector loops need no head */

struct params *params_new(void)
{
    struct params *ps = calloc(1, sizeof *ps);
    if (ps && !(ps->packs = dnn_packs_new())) {
        free(ps);
        return NULL;
    }
    return ps;
}

void params_free(struct params *ps)
{
    if (!ps)
        return;
    for (int g = 0; g < GROUP_COUNT; g++) {
        free(ps->value[g]);
        free(ps->m[g]);
        free(ps->v[g]);
    }
    dnn_packs_free(ps->packs);
    arena_free(&ps->arena);
    free(ps);
}

struct param *params_find(const struct params *ps, const char *name)
{
    struct param *p = ps->first;
    while (p && strcmp(p->name, name))
        p = p->next;
    return p;
}

static struct param *append(struct params *ps, const char *name, const struct shape *shape, enum param_group group,
                            struct init init, struct err *e)
{
    struct param *p = arena_alloc(&ps->arena, sizeof *p);
    char *copy = arena_string(&ps->arena, name);
    if (!p || !copy) {
        err_memory(e, "a parameter");
        return NULL;
    }
    size_t count = (size_t)shape_count(shape);
    *p = (struct param){.name = copy, .shape = *shape, .group = group, .init = init, .count = count};
    p->offset = ps->size[group];
    ps->size[group] += (count + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN;
    if (ps->last)
        ps->last->next = p;
    else
        ps->first = p;
    ps->last = p;
    ps->n++;
    return p;
}

static const char *init_text(struct init init, char *text, size_t size)
{
    static const char *const kinds[] = {"a constant", "uniform numbers", "normal numbers"};
    if (init.kind == INIT_CONSTANT)
        snprintf(text, size, "%s %g", kinds[init.kind], (double)init.a);
    else
        snprintf(text, size, "%s (%g, %g)", kinds[init.kind], (double)init.a, (double)init.b);
    return text;
}

/* What values begin as is nobody's concern once they are there: those of a model file never began. */
static int check_same(const struct param *p, const struct shape *shape, enum param_group group, struct init init,
                      struct err *e)
{
    static const char *const groups[] = {"main", "adversary", "encoder", "state"};
    char have[SHAPE_TEXT], want[SHAPE_TEXT];
    if (!shape_equal(&p->shape, shape))
        return err_set(e, ERR_FAIL, "parameter %s is %s, but this graph wants %s", p->name, shape_text(&p->shape, have),
                       shape_text(shape, want));
    if (p->group != group)
        return err_set(e, ERR_FAIL, "parameter %s is of group %s, but this graph wants it in group %s", p->name,
                       groups[p->group], groups[group]);
    if (!p->value && (p->init.kind != init.kind || p->init.a != init.a || p->init.b != init.b))
        return err_set(e, ERR_FAIL, "parameter %s begins as %s, but this graph wants %s", p->name,
                       init_text(p->init, have, sizeof have), init_text(init, want, sizeof want));
    return 0;
}

struct param *params_declare(struct params *ps, const char *name, const struct shape *shape, enum param_group group,
                             struct init init, struct err *e)
{
    struct param *p = params_find(ps, name);
    char text[SHAPE_TEXT];
    if (p)
        return check_same(p, shape, group, init, e) < 0 ? NULL : p;
    if (!ps->allocated)
        return append(ps, name, shape, group, init, e);
    err_set(e, ERR_FAIL, "parameter %s (%s) is not part of this model", name, shape_text(shape, text));
    return NULL;
}

static void draw(struct param *p, uint64_t seed)
{
    struct rng r = rng_new(seed, rng_stream(p->name));
    float a = p->init.a, b = p->init.b;
    for (size_t i = 0; i < p->count; i++) {
        switch (p->init.kind) {
        case INIT_CONSTANT:
            p->value[i] = a;
            break;
        case INIT_UNIFORM:
            p->value[i] = a + (b - a) * rng_uniform(&r);
            break;
        case INIT_NORMAL:
            p->value[i] = a + b * rng_normal(&r);
            break;
        }
    }
}

/* A zeroed block of `count` floats on a cache line; NULL only when out of memory. */
static float *block(size_t count)
{
    size_t bytes = (count ? count : PARAM_ALIGN) * sizeof(float);
    float *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return p ? memset(p, 0, bytes) : NULL;
}

int params_allocate(struct params *ps, uint64_t seed, bool trainable, struct err *e)
{
    for (int g = 0; g < GROUP_COUNT; g++) {
        ps->value[g] = block(ps->size[g]);
        if (!ps->value[g])
            return err_memory(e, "the parameters");
        if (!trainable || g == GROUP_STATE)
            continue;
        ps->m[g] = block(ps->size[g]);
        ps->v[g] = block(ps->size[g]);
        if (!ps->m[g] || !ps->v[g])
            return err_memory(e, "Adam's moments");
    }
    for (struct param *p = ps->first; p; p = p->next) {
        p->value = ps->value[p->group] + p->offset;
        draw(p, seed);
    }
    ps->allocated = true;
    ps->trainable = trainable;
    params_changed(ps);
    return 0;
}

void params_draw(struct params *ps, enum param_group group, uint64_t seed)
{
    for (struct param *p = ps->first; p; p = p->next)
        if (p->group == group)
            draw(p, seed);
    memset(ps->m[group], 0, ps->size[group] * sizeof(float));
    memset(ps->v[group], 0, ps->size[group] * sizeof(float));
    ps->adam_steps[group] = 0;
    params_changed(ps);
}

void params_changed(struct params *ps)
{
    ps->version++;
}
