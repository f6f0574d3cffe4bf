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
