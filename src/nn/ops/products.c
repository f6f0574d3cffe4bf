#include "nn/ops/products.h"

#include "nn/layout.h"

#include <stdlib.h>

struct products {
    struct dnn_product *product[PRODUCTS];
    size_t at; /* of scratch: where they compute */
};

int products_add(struct exec *x, int i, const struct dnn_product_spec *spec, struct err *e)
{
    struct products *p = x->own;
    struct dnn_product_spec s = *spec;
    if (!p) {
        p = x->own = calloc(1, sizeof *p);
        if (!p)
            return err_memory(e, "products of matrices");
        p->at = layout_padded(x->scratch_bytes);
    }
    s.threads = x->threads;
    TRY(dnn_product_new(&s, &p->product[i], e));
    size_t bytes = p->at + dnn_product_scratch(p->product[i]);
    x->scratch_bytes = bytes > x->scratch_bytes ? bytes : x->scratch_bytes;
    return 0;
}

void products_run(struct exec *x, int i, const void *a, const void *b, void *c)
{
    struct products *p = x->own;
    exec_note(x, dnn_product_run(p->product[i], a, b, c, (char *)x->scratch + p->at));
}

void products_release(struct exec *x)
{
    struct products *p = x->own;
    for (int i = 0; p && i < PRODUCTS; i++)
        dnn_product_free(p->product[i]);
    free(p);
}
