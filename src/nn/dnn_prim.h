/* oneDNN's engine, and its primitives with their arguments: what convolutions and products share. */
#ifndef NN_DNN_PRIM_H
#define NN_DNN_PRIM_H

#include "nn/dnn_api.h"

enum { DNN_ARGS = 6 };

/* One primitive with its arguments bound. */
struct dnn_prim {
    dnnl_primitive_t run; /* NULL: there is none */
    dnnl_exec_arg_t args[DNN_ARGS];
    int n, owned; /* the first so many memories are its own, bound at every call; the others belong to somebody else */
    size_t scratch; /* bytes of scratch that a run wants */
};

/* Before anything is made: an error where oneDNN cannot start, or would end the process for want of memory. */
int dnn_start(const char *what, struct err *e);
dnnl_engine_t dnn_engine(void); /* after dnn_start */

int dnn_failed(struct err *e, const char *what, dnnl_status_t status);

int dnn_memory_new(dnn_desc desc, void *data, dnnl_memory_t *out, struct err *e);
size_t dnn_padded_size(dnn_desc desc); /* to whole cache lines */
dnnl_data_type_t dnn_data_type(enum dtype t);
/* Scratch is the caller's. */
dnnl_status_t dnn_attributes_new(dnnl_primitive_attr_t *out);
dnn_desc dnn_desc_of(dnnl_primitive_desc_t pd, dnnl_query_t what); /* as long as pd */
dnn_desc dnn_desc_of_memory(dnnl_memory_t memory);                 /* as long as that */

/* Adds an argument to be bound at every call; returns its slot. */
int dnn_prim_add(struct dnn_prim *p, int id, dnn_desc desc, struct err *e);
void dnn_prim_add_bound(struct dnn_prim *p, int id, dnnl_memory_t memory);
int dnn_prim_reorder(struct dnn_prim *p, dnn_desc from, dnn_desc to, struct err *e);
void dnn_prim_bind(const struct dnn_prim *p, int slot, const void *data);
bool dnn_prim_run(const struct dnn_prim *p, int threads);
void dnn_prim_free(struct dnn_prim *p);

#endif
