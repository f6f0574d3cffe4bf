/* What several ops check of their inputs in infer; every sentence names the op and its node. */
#ifndef NN_OPS_CHECK_H
#define NN_OPS_CHECK_H

#include "nn/op.h"

/* Input `i` is there. */
static inline int check_there(const struct node *n, int i, const char *what, struct err *e)
{
    return n->in[i] ? 0 : op_error(n, e, "its %s is missing", what);
}

/* Input `i` is there and F32. */
static inline int check_f32(const struct node *n, int i, const char *what, struct err *e)
{
    TRY(check_there(n, i, what, e));
    return n->in[i]->dtype == F32 ? 0 : op_error(n, e, "its %s must be float32; cast it first", what);
}

/* Input `i` is one F32 value a channel. */
static inline int check_channels(const struct node *n, int i, const char *what, int64_t channels, struct err *e)
{
    TRY(check_f32(n, i, what, e));
    char text[SHAPE_TEXT];
    if (n->in[i]->shape.nd == 1 && n->in[i]->shape.d[0] == channels)
        return 0;
    return op_error(n, e, "its %s has shape %s, but there are %lld channels: one value each is wanted", what,
                    shape_text(&n->in[i]->shape, text), (long long)channels);
}

/* Input `i` is an F32 matrix. */
static inline int check_matrix(const struct node *n, int i, const char *what, struct err *e)
{
    TRY(check_f32(n, i, what, e));
    char text[SHAPE_TEXT];
    return n->in[i]->shape.nd == 2 ? 0
                                   : op_error(n, e, "its %s has shape %s, but rows and columns are wanted; reshape it",
                                              what, shape_text(&n->in[i]->shape, text));
}

/* Inputs 0 and 1 are matrices of one format. */
static inline int check_matrices(const struct node *n, const char *first, const char *second, struct err *e)
{
    if (!n->in[0] || !n->in[1] || n->in[0]->dtype == F32 || n->in[1]->dtype == F32) {
        TRY(check_matrix(n, 0, first, e));
        return check_matrix(n, 1, second, e);
    }
    return n->in[0]->shape.nd == 2 && n->in[1]->shape.nd == 2
               ? 0
               : op_error(n, e, "its inputs must have rows and columns; reshape them");
}

/* Inputs 0 and 1 have one shape. */
static inline int check_same_shape(const struct node *n, struct err *e)
{
    TRY(check_there(n, 1, "second input", e));
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    if (shape_equal(&n->in[0]->shape, &n->in[1]->shape))
        return 0;
    return op_error(n, e, "its inputs must have the same shape, but they have %s and %s",
                    shape_text(&n->in[0]->shape, a), shape_text(&n->in[1]->shape, b));
}

#endif
