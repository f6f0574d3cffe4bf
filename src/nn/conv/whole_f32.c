#include "nn/conv/way.h"
#include "nn/conv/whole.h"

#include <stdlib.h>
#include <string.h>

struct whole {
    int64_t samples, outputs, values; /* N, O, K */
    float *scaled;                    /* the weight with its factors; NULL: it has none */
};

static unsigned takes(const struct conv_task *t)
{
    return t->conv.src_type == F32 && conv_is_whole(&t->conv) ? t->conv.directions : 0;
}

static void release(void *own)
{
    struct whole *w = own;
    if (w)
        free(w->scaled);
    free(w);
}

static int create(const struct conv_task *t, void **own, struct err *e)
{
    struct whole *w = *own = calloc(1, sizeof *w);
    if (!w)
        return err_memory(e, "a convolution");
    w->samples = t->conv.src.d[0];
    w->outputs = shape_last(&t->conv.dst);
    w->values = shape_count(&t->conv.src) / w->samples;
    if (t->scaled)
        w->scaled = malloc((size_t)(w->outputs * w->values) * sizeof *w->scaled);
    return t->scaled && !w->scaled ? err_memory(e, "a convolution's weights") : 0;
}

static size_t weight_bytes(const struct whole *w)
{
    return (size_t)(w->outputs * w->values) * sizeof(float);
}

static size_t bytes(const void *own)
{
    const struct whole *w = own;
    return w->scaled ? weight_bytes(w) : 0;
}

static bool pack(void *own, const float *weight)
{
    struct whole *w = own;
    if (w->scaled)
        memcpy(w->scaled, weight, weight_bytes(w));
    return true;
}

static const float *factor_of(const struct whole *w, const struct conv_call *c)
{
    return w->scaled ? w->scaled : c->weight;
}

static bool forward(void *own, const struct conv_call *c)
{
    const struct whole *w = own;
    int64_t n = w->samples, o = w->outputs, k = w->values;
    return dnn_gemm(false, true, n, o, k, 1, c->src, k, factor_of(w, c), k, 0, c->to, o);
}

static bool backward_data(void *own, const struct conv_call *c)
{
    const struct whole *w = own;
    int64_t n = w->samples, o = w->outputs, k = w->values;
    return dnn_gemm(false, false, n, k, o, 1, c->dst, o, factor_of(w, c), k, 0, c->to, k);
}

static bool backward_weights(void *own, const struct conv_call *c)
{
    const struct whole *w = own;
    int64_t n = w->samples, o = w->outputs, k = w->values;
    return dnn_gemm(true, false, o, k, n, 1, c->dst, o, c->src, k, 0, c->to, k);
}

const struct conv_way conv_whole_f32 = {
    .name = "whole, f32",
    .takes = takes,
    .create = create,
    .release = release,
    .bytes = bytes,
    .pack = pack,
    .run = {forward, backward_data, backward_weights},
};
