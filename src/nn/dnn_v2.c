/* dnn_api.h for oneDNN 2: an operation is described, then its implementations are iterated over. */
#include "nn/dnn_api.h"
#include "nn/dnn_faults.h"
#include "nn/dnn_prim.h"

#include <stdlib.h>

dnnl_status_t dnn_desc_new(int nd, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t format,
                           dnn_desc *out)
{
    dnnl_memory_desc_t *d = malloc(sizeof *d);
    if (!d)
        return dnnl_out_of_memory;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(d, nd, dims, type, format);
    if (status == dnnl_success)
        *out = d;
    else
        free(d);
    return status;
}

void dnn_desc_free(dnn_desc d)
{
    free((void *)(uintptr_t)d);
}

static dnnl_status_t describe(const struct dnn_conv_question *q, dnnl_convolution_desc_t *out)
{
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    if (q->direction == DNN_FORWARD)
        return dnnl_convolution_forward_desc_init(out, dnnl_forward_training, direct, q->src, q->weight, q->bias,
                                                  q->dst, q->stride, q->left, q->right);
    if (q->direction == DNN_BACKWARD_DATA)
        return dnnl_convolution_backward_data_desc_init(out, direct, q->src, q->weight, q->dst, q->stride, q->left,
                                                        q->right);
    return dnnl_convolution_backward_weights_desc_init(out, direct, q->src, q->weight, NULL, q->dst, q->stride, q->left,
                                                       q->right);
}

/* The iterator's present one if it is sound; dnnl_unimplemented: it is not. */
static dnnl_status_t fetch_sound(const struct dnn_conv_question *q, dnnl_primitive_desc_iterator_t all,
                                 dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch(all);
    const char *name = "";
    dnnl_status_t status = pd ? dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) : dnnl_out_of_memory;
    if (status == dnnl_success && dnn_is_sound(q, name)) {
        *out = pd;
        return dnnl_success;
    }
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status == dnnl_success ? dnnl_unimplemented : status;
}

dnnl_status_t dnn_choose_conv(const struct dnn_conv_question *q, dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_iterator_t all;
    dnnl_status_t status = describe(q, &desc);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_iterator_create(&all, &desc, q->attr, dnn_engine(), q->hint);
    if (status != dnnl_success)
        return status;
    while ((status = fetch_sound(q, all, out)) == dnnl_unimplemented)
        if (dnnl_primitive_desc_iterator_next(all) != dnnl_success)
            break;
    dnnl_primitive_desc_iterator_destroy(all);
    return status;
}

dnnl_status_t dnn_choose_product(dnn_desc a, dnn_desc b, dnn_desc c, dnnl_primitive_attr_t attr,
                                 dnnl_primitive_desc_t *out)
{
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, a, b, NULL, c);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &desc, attr, dnn_engine(), NULL) : status;
}

dnnl_status_t dnn_append_relu(dnnl_post_ops_t ops, float slope)
{
    return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, slope, 0);
}
