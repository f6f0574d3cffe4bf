/* What sources add to the data set that opens them: classes and samples. */
#include "data/dataset_private.h"

#include <stdlib.h>
#include <string.h>

int part_class(struct part *p, const char *name, int *label, struct err *e)
{
    struct dataset *ds = p->ds;
    for (*label = 0; *label < ds->n_classes; ++*label)
        if (!strcmp(ds->classes[*label], name))
            return 0;
    const char **more = realloc(ds->classes, ((size_t)ds->n_classes + 1) * sizeof *more);
    if (!more)
        return err_memory(e, "the list of classes");
    ds->classes = more;
    more[ds->n_classes] = arena_string(&ds->arena, name);
    return more[ds->n_classes++] ? 0 : err_memory(e, "the list of classes");
}

/* The path, class and mask of many samples are the same string; the last sample's copy is shared. */
static const char *keep_string(struct arena *arena, const char *text, const char *last)
{
    return last && !strcmp(last, text) ? last : arena_string(arena, text);
}

/* The class's own name, where that is what it is. */
static const char *keep_kind(const struct part *p, struct arena *arena, const struct sample *s, const char *last)
{
    const char *class = s->label >= 0 ? p->ds->classes[s->label] : NULL;
    return keep_string(arena, s->kind, class && !strcmp(class, s->kind) ? class : last);
}

int part_add(struct part *p, enum split split, const struct sample *s, struct err *e)
{
    struct split_samples *to = &p->ds->splits[split];
    if (to->n == to->capacity) {
        size_t capacity = to->capacity ? to->capacity * 2 : 256;
        struct sample *more = realloc(to->v, capacity * sizeof *more);
        if (!more)
            return err_memory(e, "the list of samples");
        to->v = more;
        to->capacity = capacity;
    }
    const struct sample *last = to->n ? &to->v[to->n - 1] : &(struct sample){0};
    struct arena *arena = p->pass ? &p->ds->passing : &p->ds->arena;
    struct sample copy = *s;
    copy.part = p->number;
    copy.split = split;
    copy.name = arena_string(arena, s->name);
    copy.path = keep_string(arena, s->path, last->path);
    copy.kind = keep_kind(p, arena, s, last->kind);
    copy.mask_path = s->mask_path ? arena_string(arena, s->mask_path) : NULL;
    if (!copy.name || !copy.path || !copy.kind || (s->mask_path && !copy.mask_path))
        return err_memory(e, "the list of samples");
    to->v[to->n++] = copy;
    return 0;
}

struct arena *part_arena(const struct part *p)
{
    return &p->ds->arena;
}

const struct picture_limits *part_limits(const struct part *p)
{
    return &p->ds->limits;
}

size_t part_count(const struct part *p, enum split split)
{
    return p->ds->splits[split].n;
}

enum split part_plain_split(const struct part *p)
{
    return p->use == DATASET_LEARN ? SPLIT_TRAIN : SPLIT_TEST;
}
