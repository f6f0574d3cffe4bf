/* What oneDNN 2 and oneDNN 3 have under different names, under one: dnn_v2.c or dnn_v3.c, whichever fits the dnnl.h
 * that meson.build finds. All else that dnn_*.c use of dnnl.h is the same in both. */
#ifndef NN_DNN_API_H
#define NN_DNN_API_H

#include "nn/dnn.h"

#include <dnnl.h>

/* Points to a constant description of a tensor: dnnl_memory_desc_t is the struct in oneDNN 2 and a pointer in 3. */
typedef __typeof__(dnnl_primitive_desc_query_md(NULL, dnnl_query_src_md, 0)) dnn_desc;

dnnl_status_t dnn_desc_new(int nd, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t format,
                           dnn_desc *out);
void dnn_desc_free(dnn_desc d); /* of dnn_desc_new; NULL is fine */

struct dnn_conv_question {
    enum dnn_direction direction;
    const struct dnn_conv_spec *spec;
    dnn_desc src, weight, bias, dst; /* bias NULL: none */
    dnnl_dims_t stride, left, right; /* padding before and behind */
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t hint; /* the forward direction's, which the adjoints want */
};

/* The first of oneDNN's implementations, fastest first, that computes what is asked (dnn_faults.h). */
dnnl_status_t dnn_choose_conv(const struct dnn_conv_question *q, dnnl_primitive_desc_t *out);

dnnl_status_t dnn_choose_product(dnn_desc a, dnn_desc b, dnn_desc c, dnnl_primitive_attr_t attr,
                                 dnnl_primitive_desc_t *out);

/* Behind a convolution: max(x, slope x). */
dnnl_status_t dnn_append_relu(dnnl_post_ops_t ops, float slope);

#endif
