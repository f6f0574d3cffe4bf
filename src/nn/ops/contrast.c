/* Pictures of ink on a black ground differ most in how much ink there is, and a squared error grows with it: thick
 * strokes look abnormal, thin ones normal. Bringing every picture to the same energy takes that away:
 *
 *   f[n] = target / max(rms over the sample of (x - black), FLOOR)
 *   contrast:  y = black + f (x - black)        uncontrast:  y = black + (y' - black) / f */
#include "nn/op.h"
#include "nn/ops.h"
#include "nn/parallel.h"

#include <math.h>

struct contrast_spec {
    float black, target;
    bool undo;
};

/* An rms below this is an empty picture: its noise is not blown up any further. */
static const float FLOOR = 0.01f;

enum { VALUES, PICTURE };

static int infer(struct node *n, struct err *e)
{
    const struct node *v = n->in[VALUES], *p = n->in[PICTURE];
    if (!p || v->dtype != F32 || p->dtype != F32 || !shape_equal(&v->shape, &p->shape))
        return op_error(n, e, "takes two F32 tensors of one shape");
    n->shape = v->shape;
    n->dtype = F32;
    return 0;
}

HOT static float sum_squares(const float *x, size_t n, float black)
{
    float sum[16] = {0}; /* independent sums, so that the loop vectorises without reordering one sum */
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++)
            sum[k] += (x[i + k] - black) * (x[i + k] - black);
    for (; i < n; i++)
        sum[0] += (x[i] - black) * (x[i] - black);
    float total = 0;
    for (int k = 0; k < 16; k++)
        total += sum[k];
    return total;
}

HOT static void stretch(float *to, const float *from, size_t n, float black, float factor)
{
    for (size_t i = 0; i < n; i++)
        to[i] = black + factor * (from[i] - black);
}

static void samples(void *context, size_t begin, size_t end)
{
    const struct exec *x = context;
    const struct contrast_spec *s = x->node->spec;
    size_t n = (size_t)(shape_count(&x->node->shape) / x->node->shape.d[0]);
    for (size_t i = begin; i < end; i++) {
        float rms = sqrtf(sum_squares((const float *)x->in[PICTURE] + i * n, n, s->black) / (float)n);
        float factor = s->target / fmaxf(rms, FLOOR);
        stretch((float *)x->out + i * n, (const float *)x->in[VALUES] + i * n, n, s->black,
                s->undo ? 1 / factor : factor);
    }
}

static void forward(struct exec *x)
{
    size_t n = (size_t)(shape_count(&x->node->shape) / x->node->shape.d[0]);
    parallel_ranges(x->threads, (size_t)x->node->shape.d[0], 1 + 16384 / n, samples, x);
}

static const struct op contrast = {.name = "contrast", .infer = infer, .forward = forward};

struct node *op_contrast(struct graph *g, struct node *x, float black, float target)
{
    struct contrast_spec s = {.black = black, .target = target};
    return graph_apply(g, &contrast, &s, sizeof s, 2, (struct node *[]){x, x});
}

struct node *op_uncontrast(struct graph *g, struct node *y, struct node *x, float black, float target)
{
    struct contrast_spec s = {.black = black, .target = target, .undo = true};
    return graph_apply(g, &contrast, &s, sizeof s, 2, (struct node *[]){y, x});
}
