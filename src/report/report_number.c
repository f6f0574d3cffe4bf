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

struct map_scale report_map_scale(const struct page *p, const struct evaluation *m)
{
    struct map_scale s;
    s.fixed = heatmap_scale_calibrated(&s.colors, m->calibration, p->rate);
    for (int g = 0; g < GALLERIES && !s.fixed; g++)
        for (size_t i = 0; i < m->galleries[g].n; i++) {
            const struct shown_sample *shown = &m->galleries[g].v[i];
            if (shown->map)
                heatmap_scale_widen(&s.colors, shown->map, (size_t)shown->input.width * (size_t)shown->input.height);
        }
    return s;
}
