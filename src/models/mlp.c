#include "models/mlp.h"

#include <stdio.h>

enum { NAME_TEXT = 64 };

struct ints mlp_layers(const struct ints *wish, int64_t columns)
{
    if (wish->n)
        return *wish;
    int code = columns < 4 ? 1 : (int)(columns / 2);
    return (struct ints){.n = 3, .v = {128, 64, code}};
}

int mlp_check(const struct ints *layers, struct err *e)
{
    if (layers->n < OPTION_LIST) /* the decoder has one more */
        return 0;
    return err_set(e, ERR_USAGE, "option layers has %d numbers: it takes at most %d", layers->n, OPTION_LIST - 1);
}

struct ints mlp_backwards(const struct ints *layers, int drop)
{
    struct ints out = {.n = layers->n > drop ? layers->n - drop : 0};
    for (int i = 0; i < out.n; i++)
        out.v[i] = layers->v[out.n - 1 - i];
    return out;
}

struct ints mlp_and(struct ints layers, int64_t width)
{
    layers.v[layers.n++] = (int)width;
    return layers;
}

struct node *mlp(struct graph *g, const struct mlp_spec *s, struct node *x)
{
    for (int k = 0; x && k < s->widths.n; k++) {
        char name[NAME_TEXT];
        snprintf(name, sizeof name, "%s.%d", s->prefix, k);
        const struct layer_spec l = {.out = s->widths.v[k],
                                     .act = k + 1 < s->widths.n ? s->act : s->last,
                                     .slope = s->slope,
                                     .init = s->init,
                                     .group = s->group};
        x = layer_linear(g, name, x, &l);
    }
    return x;
}
