/* Nets of torchvision's names with weights that a formula makes, the same here and in tests/golden/make_backbones.py:
 * value i of tensor NAME is a hash of NAME and i, scaled to what the tensor is for. */
#ifndef TESTS_SUPPORT_NETS_H
#define TESTS_SUPPORT_NETS_H

#include "models/model.h"

/* Value i of what is called so, from 0 to 1. */
double net_value(const char *name, size_t i);

/* The weights of "squeezenet1_1", "resnet18", "wide_resnet50_2" or "own", made when they are read, as far as their
 * layers are used. */
struct weights net_weights(const char *net);
/* The same as a file. */
void net_write(const char *net, const char *path);

#endif
