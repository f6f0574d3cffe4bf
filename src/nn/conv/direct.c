/* As oneDNN computes it: everything, fused with the bias and the activation behind a convolution. Behind its adjoint
 * they are a pass of the op's: as oneDNN's post-op they cost up to six times more. */
#include "nn/conv/way.h"

static unsigned takes(const struct conv_task *t)
{
    return t->conv.directions;
}

static int create(const struct conv_task *t, void **own, struct err *e)
{
    struct dnn_conv_spec s = t->conv;
    struct dnn_conv *c = NULL;
    s.bias = s.bias && !t->adjoint;
    s.act = t->adjoint ? ACT_NONE : s.act;
    TRY(dnn_conv_new(&s, &c, e));
    *own = c;
    return 0;
}

static void release(void *own)
{
    dnn_conv_free(own);
}

static size_t scratch(const void *own)
{
    return dnn_conv_scratch(own);
}

static size_t bytes(const void *own)
{
    return dnn_conv_bytes(own);
}

static bool pack(void *own, const float *weight)
{
    return dnn_conv_pack(own, weight);
}

static bool is_packed(const void *own)
{
    return dnn_conv_is_packed(own);
}

static bool forward(void *own, const struct conv_call *c)
{
    return dnn_conv_forward(own, c->src, c->bias, c->to, c->scratch);
}

static bool backward_data(void *own, const struct conv_call *c)
{
    return dnn_conv_backward_data(own, c->dst, c->to, c->scratch);
}

static bool backward_weights(void *own, const struct conv_call *c)
{
    return dnn_conv_backward_weights(own, c->src, c->dst, c->to, c->scratch);
}

const struct conv_way conv_direct = {
    .name = "direct",
    .takes = takes,
    .create = create,
    .release = release,
    .scratch = scratch,
    .bytes = bytes,
    .pack = pack,
    .is_packed = is_packed,
    .run = {forward, backward_data, backward_weights},
    .finishes = 1u << DNN_FORWARD,
};
