#include "stats/beta.h"

#include <math.h>

/* lgamma itself writes a variable that all threads share. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

static double log_beta(double a, double b)
{
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

/* Where a continued fraction's partial denominator would be 0. */
static double not_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The incomplete beta function's continued fraction (DLMF 8.17.22) by Lentz's method; converges fast for
 * x < (a + 1) / (a + b + 2), in about sqrt(a + b) steps. */
static double fraction(double x, double a, double b)
{
    enum { STEPS = 100000 };
    double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), product = d;
    for (int m = 1; m < STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / not_zero(1 + even * d);
        c = not_zero(1 + even / c);
        product *= c * d;
        d = 1 / not_zero(1 + odd * d);
        c = not_zero(1 + odd / c);
        product *= c * d;
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return product;
}

double beta_below(double x, double a, double b)
{
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(a * log(x) + b * log1p(-x) - log_beta(a, b));
    return x < (a + 1) / (a + b + 2) ? front * fraction(x, a, b) / a : 1 - front * fraction(1 - x, b, a) / b;
}

/* Halving: beta_below never falls, and nobody waits for this. */
double beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    for (double middle = 0.5; low < middle && middle < high; middle = low + (high - low) / 2)
        *(beta_below(middle, a, b) < p ? &low : &high) = middle;
    return high;
}

/* P(K = k + 1) / P(K = k) is known, so the chances are added from one end to the other, in logarithms: the first may be
 * too small for a double. */
struct count_range beta_binomial_range(size_t n, double a, double b, double share)
{
    struct count_range range = {0, n};
    double log_chance = log_beta(a, (double)n + b) - log_beta(a, b), below = 0, tail = (1 - share) / 2;
    for (size_t k = 0; k < n; k++) {
        double i = (double)k, left = (double)(n - k);
        below += exp(log_chance); /* P(K <= k) */
        range.from = below <= tail ? k + 1 : range.from;
        if (below >= 1 - tail) {
            range.to = k;
            break;
        }
        log_chance += log(left * (a + i) / ((i + 1) * (b + left - 1)));
    }
    return range;
}
