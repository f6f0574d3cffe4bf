/* The BF16 products of one op, by number: it makes them in prepare and runs them; they lie in exec's own. */
#ifndef NN_OPS_PRODUCTS_H
#define NN_OPS_PRODUCTS_H

#include "nn/dnn.h"
#include "nn/op.h"

enum { PRODUCTS = 3 };

/* Adds product `i`, whose threads are the op's. What the op wants of scratch itself it has counted before. */
int products_add(struct exec *x, int i, const struct dnn_product_spec *spec, struct err *e);

/* c = op(a) op(b); computes behind the op's own part of scratch. */
void products_run(struct exec *x, int i, const void *a, const void *b, void *c);

/* For struct op. */
void products_release(struct exec *x);

#endif
