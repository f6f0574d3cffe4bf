/* Weights in the order that oneDNN wants, one copy for all convolutions that want the same of the same weights: several
 * scorers of one model, each with plans of its own on a thread of its own. */
#ifndef NN_DNN_PACKS_H
#define NN_DNN_PACKS_H

#include "nn/dnn_api.h"

struct dnn_pack;

/* A copy in that order, shared where sharing.packs is not NULL. Its bytes are zeros, of whole cache lines. */
int dnn_pack_take(const struct dnn_sharing *sharing, dnn_desc desc, struct dnn_pack **out, struct err *e);
void dnn_pack_release(struct dnn_pack *p); /* NULL is fine; the last one frees it */
void *dnn_pack_data(const struct dnn_pack *p);

/* Whether it holds that version of the weights. Of a copy that is not shared its owner knows: false. */
bool dnn_pack_holds(const struct dnn_pack *p, const struct dnn_sharing *sharing);
/* Around the packing, which is one thread's: false where another has done it meanwhile, and there is no end then. */
bool dnn_pack_begin(struct dnn_pack *p, const struct dnn_sharing *sharing);
void dnn_pack_end(struct dnn_pack *p, const struct dnn_sharing *sharing, bool done);

#endif
