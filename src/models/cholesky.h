/* A symmetric positive matrix as L L^T, row by row in double; of what comes in and goes out the lower triangle counts.
 */
#ifndef MODELS_CHOLESKY_H
#define MODELS_CHOLESKY_H

#include <stdint.h>

/* a becomes L. A square below `least`, or below what rounding leaves, counts as that. */
void cholesky_factor(double *a, int64_t n, double least);
/* inverse = L^-1, n x n, 0 above the diagonal. */
void cholesky_invert(const double *l, int64_t n, double *inverse);

#endif
