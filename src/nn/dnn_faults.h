/* The implementations of oneDNN that do not compute what they say. */
#ifndef NN_DNN_FAULTS_H
#define NN_DNN_FAULTS_H

#include "nn/dnn_api.h"

/* `implementation`: its name, as dnnl_query_impl_info_str gives it. */
bool dnn_is_sound(const struct dnn_conv_question *q, const char *implementation);

#endif
