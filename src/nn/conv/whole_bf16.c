/* In BF16. As convolutions oneDNN would bring the weights into its order first, in every training step, which takes
 * several times as long as the products. */
#include "nn/bf16.h"
#include "nn/conv/way.h"
#include "nn/conv/whole.h"
#include "nn/ops/elements.h"

#include <stdlib.h>

struct whole {
    struct dnn_product *products[DNN_DIRECTIONS];
    bf16 *weight;
    size_t values; /* of the weight */
    int threads;
};

/* Scorers have oneDNN's convolution, whose packed weights they share. */
static unsigned takes(const struct conv_task *t)
{
    return t->conv.src_type == BF16 && t->training && !t->scaled && conv_is_whole(&t->conv) ? t->conv.directions : 0;
}

static int build(struct whole *w, const struct dnn_conv_spec *s, struct err *e)
{
    int64_t n = s->src.d[0], o = shape_last(&s->dst), k = shape_count(&s->src) / n;
    const struct dnn_product_spec products[DNN_DIRECTIONS] = {
        [DNN_FORWARD] = {.transpose_b = true, .m = n, .n = o, .k = k, .type = BF16, .threads = s->threads},
        [DNN_BACKWARD_DATA] = {.m = n, .n = k, .k = o, .type = BF16, .threads = s->threads},
        [DNN_BACKWARD_WEIGHTS] = {.transpose_a = true, .m = o, .n = k, .k = n, .type = F32, .threads = s->threads},
    };
    w->threads = s->threads;
    w->values = (size_t)(o * k);
    w->weight = malloc(w->values * sizeof *w->weight);
    if (!w->weight)
        return err_memory(e, "a convolution's weights");
    for (int d = 0; d < DNN_DIRECTIONS; d++)
        if (s->directions & 1u << d)
            TRY(dnn_product_new(&products[d], &w->products[d], e));
    return 0;
}

static void release(void *own)
{
    struct whole *w = own;
    if (!w)
        return;
    for (int d = 0; d < DNN_DIRECTIONS; d++)
        dnn_product_free(w->products[d]);
    free(w->weight);
    free(w);
}

static int create(const struct conv_task *t, void **own, struct err *e)
{
    struct whole *w = *own = calloc(1, sizeof *w);
    return w ? build(w, &t->conv, e) : err_memory(e, "a convolution");
}

static size_t scratch(const void *own)
{
    const struct whole *w = own;
    size_t most = 0;
    for (int d = 0; d < DNN_DIRECTIONS; d++) {
        size_t bytes = dnn_product_scratch(w->products[d]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

static size_t bytes(const void *own)
{
    const struct whole *w = own;
    return w->values * sizeof *w->weight;
}

static bool pack(void *own, const float *weight)
{
    struct whole *w = own;
    elements_cast(w->threads, weight, w->weight, BF16, w->values);
    return true;
}

static bool forward(void *own, const struct conv_call *c)
{
    const struct whole *w = own;
    return dnn_product_run(w->products[DNN_FORWARD], c->src, w->weight, c->to, c->scratch);
}

static bool backward_data(void *own, const struct conv_call *c)
{
    const struct whole *w = own;
    return dnn_product_run(w->products[DNN_BACKWARD_DATA], c->dst, w->weight, c->to, c->scratch);
}

static bool backward_weights(void *own, const struct conv_call *c)
{
    const struct whole *w = own;
    return dnn_product_run(w->products[DNN_BACKWARD_WEIGHTS], c->dst, c->src, c->to, c->scratch);
}

const struct conv_way conv_whole_bf16 = {
    .name = "whole, bf16",
    .takes = takes,
    .create = create,
    .release = release,
    .scratch = scratch,
    .bytes = bytes,
    .pack = pack,
    .run = {forward, backward_data, backward_weights},
};
