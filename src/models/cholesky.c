#include "models/cholesky.h"

#include "base/hot.h"

#include <math.h>
#include <string.h>

HOT static double product(const double *restrict a, const double *restrict b, int64_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

HOT static void subtract(double *restrict to, const double *restrict from, double factor, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] -= factor * from[i];
}

void cholesky_factor(double *a, int64_t n, double least)
{
    static const double tiny = 1e-300;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k <= i; k++) {
            double sum = a[i * n + k] - product(a + i * n, a + k * n, k);
            a[i * n + k] = i == k ? sqrt(fmax(sum, fmax(least, tiny))) : sum / a[k * n + k];
        }
}

void cholesky_invert(const double *l, int64_t n, double *inverse)
{
    memset(inverse, 0, (size_t)(n * n) * sizeof *inverse);
    for (int64_t i = 0; i < n; i++) {
        double *row = inverse + i * n;
        row[i] = 1;
        for (int64_t j = 0; j < i; j++)
            subtract(row, inverse + j * n, l[i * n + j], j + 1);
        for (int64_t k = 0; k <= i; k++)
            row[k] /= l[i * n + i];
    }
}
