/* dnn_api.h for oneDNN 3: a choice is made in one call, and moves on to its next implementation. */
#include "nn/dnn_api.h"
#include "nn/dnn_faults.h"
#include "nn/dnn_prim.h"

dnnl_status_t dnn_desc_new(int nd, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t format,
                           dnn_desc *out)
{
    dnnl_memory_desc_t d;
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&d, nd, dims, type, format);
    if (status == dnnl_success)
        *out = d;
    return status;
}

void dnn_desc_free(dnn_desc d)
{
    if (d)
        dnnl_memory_desc_destroy((dnnl_memory_desc_t)(uintptr_t)d);
}

static dnnl_status_t choose_first(const struct dnn_conv_question *q, dnnl_primitive_desc_t *out)
{
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    if (q->direction == DNN_FORWARD)
        return dnnl_convolution_forward_primitive_desc_create(out, dnn_engine(), dnnl_forward_training, direct, q->src,
                                                              q->weight, q->bias, q->dst, q->stride, NULL, q->left,
                                                              q->right, q->attr);
    if (q->direction == DNN_BACKWARD_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(
            out, dnn_engine(), direct, q->src, q->weight, q->dst, q->stride, NULL, q->left, q->right, q->hint, q->attr);
    return dnnl_convolution_backward_weights_primitive_desc_create(out, dnn_engine(), direct, q->src, q->weight, NULL,
                                                                   q->dst, q->stride, NULL, q->left, q->right, q->hint,
                                                                   q->attr);
}

static bool is_sound(const struct dnn_conv_question *q, dnnl_primitive_desc_t pd)
{
    const char *name = "";
    return dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) == dnnl_success && dnn_is_sound(q, name);
}

dnnl_status_t dnn_choose_conv(const struct dnn_conv_question *q, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd;
    dnnl_status_t status = choose_first(q, &pd);
    if (status != dnnl_success)
        return status;
    while (status == dnnl_success && !is_sound(q, pd))
        status = dnnl_primitive_desc_next_impl(pd);
    if (status == dnnl_success)
        *out = pd;
    else
        dnnl_primitive_desc_destroy(pd);
    return status;
}

dnnl_status_t dnn_choose_product(dnn_desc a, dnn_desc b, dnn_desc c, dnnl_primitive_attr_t attr,
                                 dnnl_primitive_desc_t *out)
{
    return dnnl_matmul_primitive_desc_create(out, dnn_engine(), a, b, NULL, c, attr);
}

dnnl_status_t dnn_append_relu(dnnl_post_ops_t ops, float slope)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, slope, 0);
}
