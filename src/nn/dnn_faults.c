#include "nn/dnn_faults.h"

#include <string.h>

/* oneDNN's own ways of backward-weights for 1x1 kernels with a stride (jit_1x1, jit_bf16_1x1) gather channels-last
 * pixels of few channels beyond the end of their workspace: a crash or wrong gradients, by the processor and by what
 * lies behind it (oneDNN issue 6035, open; 2.6 and 3.7 do). */
static bool overruns(const struct dnn_conv_question *q, const char *implementation)
{
    enum { BLOCK = 16 }; /* channels that it gathers at once: 8 or 16 */
    const struct dnn_conv_spec *s = q->spec;
    bool strided = false;
    for (int i = 0; i < s->src.nd - 2; i++)
        strided |= s->stride[i] > 1;
    return q->direction == DNN_BACKWARD_WEIGHTS && strided && shape_last(&s->src) < BLOCK &&
           strstr(implementation, "1x1");
}

/* Its bf16 gradient of 3-D weights adds to what was in memory before where no window of frames is free of padding, with
 * AMX and without (2.6; 3.7 computes the same layers rightly, whatever was there). */
static bool starts_undefined(const struct dnn_conv_question *q, const char *implementation)
{
    const struct dnn_conv_spec *s = q->spec;
    if (DNNL_VERSION_MAJOR >= 3 || q->direction != DNN_BACKWARD_WEIGHTS || s->src.nd != 5 ||
        (strncmp(implementation, "jit_bf16", 8) && !strstr(implementation, "amx")))
        return false;
    for (int64_t i = 0; i < s->dst.d[1]; i++) {
        int64_t first = i * s->stride[0] - s->pad[0];
        if (first >= 0 && first + s->kernel[0] <= s->src.d[1])
            return false;
    }
    return true;
}

bool dnn_is_sound(const struct dnn_conv_question *q, const char *implementation)
{
    return !overruns(q, implementation) && !starts_undefined(q, implementation);
}
