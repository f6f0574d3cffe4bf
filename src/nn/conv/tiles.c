/* By transformed tiles (nn/conv/winograd.h). They take weights and factors as they lie. */
#include "nn/conv/way.h"
#include "nn/conv/winograd.h"

#include <stdlib.h>

struct tiles {
    struct winograd_spec spec;
    bool adjoint; /* the op's outputs, which have the factors, are what the convolution reads */
};

static bool halves(const struct dnn_conv_spec *s, int side)
{
    bool all = true;
    for (int i = 0; i < s->src.nd - 2; i++)
        all &= s->kernel[i] == side && s->stride[i] == 2 && s->pad[i] == 1;
    return all;
}

/* As the tiles know them. */
static bool fits(const struct dnn_conv_spec *s)
{
    return s->src_type == F32 && (halves(s, 3) || (halves(s, 4) && s->src.nd == 4));
}

static struct winograd_spec spec_of(const struct dnn_conv_spec *s)
{
    return (struct winograd_spec){.src = s->src, .dst = s->dst, .side = s->kernel[0], .threads = s->threads};
}

static unsigned takes(const struct conv_task *t)
{
    const struct winograd_spec s = spec_of(&t->conv);
    if (!fits(&t->conv))
        return 0;
    if (winograd_pays(&s, t->training))
        return t->conv.directions;
    return winograd_pays_for_weights(&s) ? t->conv.directions & 1u << DNN_BACKWARD_WEIGHTS : 0;
}

static int create(const struct conv_task *t, void **own, struct err *e)
{
    struct tiles *tiles = calloc(1, sizeof *tiles);
    if (!tiles)
        return err_memory(e, "a convolution");
    *tiles = (struct tiles){spec_of(&t->conv), t->adjoint};
    *own = tiles;
    return 0;
}

static size_t scratch(const void *own)
{
    const struct tiles *t = own;
    return winograd_scratch(&t->spec);
}

static bool run(struct tiles *t, const struct conv_call *c, struct winograd_call call)
{
    *(t->adjoint ? &t->spec.in_scale : &t->spec.out_scale) = c->scale;
    call.weight = c->weight;
    return winograd_run(&t->spec, &call, c->scratch);
}

static bool forward(void *own, const struct conv_call *c)
{
    return run(own, c, (struct winograd_call){.src = c->src, .to_dst = c->to});
}

static bool backward_data(void *own, const struct conv_call *c)
{
    return run(own, c, (struct winograd_call){.dst = c->dst, .to_src = c->to});
}

static bool backward_weights(void *own, const struct conv_call *c)
{
    return run(own, c, (struct winograd_call){.src = c->src, .dst = c->dst, .to_weight = c->to});
}

const struct conv_way conv_tiles = {
    .name = "tiles",
    .takes = takes,
    .create = create,
    .release = free,
    .scratch = scratch,
    .run = {forward, backward_data, backward_weights},
};
