/* The wanted directions of one convolution, each computed by the way (way.h) that takes it. */
#ifndef NN_CONV_WAYS_H
#define NN_CONV_WAYS_H

#include "nn/conv/way.h"

extern const struct conv_way *const conv_ways[]; /* in order of preference; NULL ends them. The last takes all */

struct conv;

int conv_new(const struct conv_task *t, struct conv **out, struct err *e);
void conv_free(struct conv *c);                                 /* NULL is fine */
size_t conv_scratch(const struct conv *c, unsigned directions); /* bytes that a run of any of these wants */
size_t conv_bytes(const struct conv *c);                        /* bytes it holds itself or shares */
bool conv_finishes(const struct conv *c, enum dnn_direction d); /* bias and activation are done, too */

/* Whether all that was packed holds the weights as they are now, because others share it. */
bool conv_is_packed(const struct conv *c);
/* False: oneDNN failed, here and below. */
bool conv_pack(struct conv *c, const float *weight);
bool conv_run(struct conv *c, enum dnn_direction d, const struct conv_call *call);

#endif
