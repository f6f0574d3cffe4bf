/* Numbers that several parts of the page need. */
#include "report/report_part.h"

#include <math.h>

int report_percent_decimals(double rate)
{
    int decimals = 0;
    while (decimals < 4 && fabs(100 * rate * pow(10, decimals) - round(100 * rate * pow(10, decimals))) > 1e-6)
        decimals++;
    return decimals;
}

/* The verdict is made by a threshold that itself was estimated from `calibrated` samples, then counted on `tested`:
 * two draws whose variances add up (a beta and a binomial of mean `rate`). */
struct report_range report_expected(double rate, size_t calibrated, size_t tested)
{
    double deviation = sqrt(rate * (1 - rate) * (1 / ((double)calibrated + 2) + 1 / (double)tested));
    struct report_range range = {rate - 1.96 * deviation, rate + 1.96 * deviation};
    range.from = range.from < 0 ? 0 : range.from;
    range.to = range.to > 1 ? 1 : range.to;
    return range;
}
