/* The beta distribution, which is that of a rank among ranks: what a threshold taken from n samples can do on others.
 * All functions only compute; any number of threads. */
#ifndef STATS_BETA_H
#define STATS_BETA_H

#include <stddef.h>

/* P(X <= x) of X ~ Beta(a, b): the regularised incomplete beta function. a, b above 0. */
double beta_below(double x, double a, double b);

/* The x with beta_below(x, a, b) = p, 0 <= p <= 1. */
double beta_quantile(double p, double a, double b);

/* Counts among n whose chance is itself drawn from Beta(a, b): with at most (1 - share) / 2 below `from`, and above
 * `to`.
 */
struct count_range {
    size_t from, to;
};
struct count_range beta_binomial_range(size_t n, double a, double b, double share);

#endif
