#include "nn/whole.h"

#include "nn/bf16.h"
#include "nn/dnn.h"
#include "nn/ops/elements.h"

#include <stdlib.h>

enum { FORWARD, DATA, WEIGHTS, WAYS };

struct whole {
    struct whole_spec spec;
    struct dnn_product *ways[WAYS];
    bf16 *weight;
};

static int build(struct whole *w, struct err *e)
{
    int64_t n = w->spec.samples, o = w->spec.outputs, k = w->spec.values;
    int threads = w->spec.threads;
    const struct dnn_product_spec ways[WAYS] = {
        [FORWARD] = {.transpose_b = true, .m = n, .n = o, .k = k, .type = BF16, .threads = threads},
        [DATA] = {.m = n, .n = k, .k = o, .type = BF16, .threads = threads},
        [WEIGHTS] = {.transpose_a = true, .m = o, .n = k, .k = n, .type = F32, .threads = threads},
    };
    static const unsigned directions[WAYS] = {DNN_FORWARD, DNN_BACKWARD_DATA, DNN_BACKWARD_WEIGHTS};
    w->weight = malloc(whole_bytes(&w->spec));
    if (!w->weight)
        return err_memory(e, "a convolution's weights");
    for (int i = 0; i < WAYS; i++)
        if (w->spec.directions & directions[i])
            TRY(dnn_product_new(&ways[i], &w->ways[i], e));
    return 0;
}

int whole_new(const struct whole_spec *spec, struct whole **out, struct err *e)
{
    struct whole *w = calloc(1, sizeof *w);
    if (!w)
        return err_memory(e, "a convolution");
    w->spec = *spec;
    int code = build(w, e);
    if (code < 0) {
        whole_free(w);
        return code;
    }
    *out = w;
    return 0;
}

void whole_free(struct whole *w)
{
    if (!w)
        return;
    for (int i = 0; i < WAYS; i++)
        dnn_product_free(w->ways[i]);
    free(w->weight);
    free(w);
}

size_t whole_scratch(const struct whole *w)
{
    size_t most = 0;
    for (int i = 0; i < WAYS; i++) {
        size_t bytes = dnn_product_scratch(w->ways[i]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

size_t whole_bytes(const struct whole_spec *s)
{
    return (size_t)(s->outputs * s->values) * sizeof(bf16);
}

void whole_pack(struct whole *w, const float *weight)
{
    elements_cast(w->spec.threads, weight, w->weight, BF16, (size_t)(w->spec.outputs * w->spec.values));
}

bool whole_forward(struct whole *w, const void *fine, void *coarse, void *scratch)
{
    return dnn_product_run(w->ways[FORWARD], fine, w->weight, coarse, scratch);
}

bool whole_backward_data(struct whole *w, const void *coarse, void *fine, void *scratch)
{
    return dnn_product_run(w->ways[DATA], coarse, w->weight, fine, scratch);
}

bool whole_backward_weights(struct whole *w, const void *fine, const void *coarse, float *weight, void *scratch)
{
    return dnn_product_run(w->ways[WEIGHTS], coarse, fine, weight, scratch);
}
