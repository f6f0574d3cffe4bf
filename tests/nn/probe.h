/* What the tests of floor nn share: random data, errors against double precision, and a loss with a known gradient. */
#ifndef TESTS_NN_PROBE_H
#define TESTS_NN_PROBE_H

#include "nn/graph.h"
#include "nn/plan.h"

/* Fills with normal numbers of that deviation: a function of the seed. */
void probe_fill(float *data, size_t n, uint64_t seed, float deviation);

/* The scalar sum of r_i x_i over all elements of x (F32 or BF16); r_i = probe_weight(seed, i) is its gradient. */
struct node *probe_sum(struct graph *g, struct node *x, uint64_t seed);
float probe_weight(uint64_t seed, size_t i);

/* The largest deviation from `want`, as a share of the largest of `want`. */
double probe_error(const float *got, const double *want, size_t n);

/* plan_new that fails the test with the error's sentence. */
struct plan *probe_plan(const struct plan_spec *spec);

/* Allocates params to be trained, failing the test otherwise. */
void probe_allocate(struct params *ps, uint64_t seed);

#endif
