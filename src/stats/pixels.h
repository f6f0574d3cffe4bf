/* Where the defects are: metrics of heat maps against masks, over the pixels of many pictures in bounded memory.
 *
 * With a threshold t that falls from above all values to below all,
 *
 *     auroc               P(a defective pixel's value is above a normal one's) + 1/2 P(tie)
 *     average_precision   sum over distinct t of (recall step) x precision
 *     aupro               the area under PRO(t) over FPR(t) for FPR from 0 to 0.3, divided by 0.3 (Bergmann et al.
 * 2019) FPR(t)          share of the normal pixels with values >= t PRO(t)          mean over all defective regions,
 * large or small, of the share of their pixels with values >= t
 *
 * The curve of aupro goes in straight lines from (0,0), a point for each distinct value, to (1,1), as that of auroc
 * does: ties count one half. At 0.3 it is cut on its line, so that it always has a value there, even where no threshold
 * but the lowest reaches it, and one number is the same area for all models: 1 is perfect, 0.15 guessing.
 *
 * Regions are connected by sides and corners (stats/regions.h) at the map's size. Normal pixels are those of the normal
 * pictures and what the masks leave out in the others. A kind is measured as if the normal pictures and its own were
 * all.
 *
 * Values go into a histogram of their upper bits, 2^10 steps for each factor of 2, negative ones too; values of one
 * step count as equal. One thread at a time. */
#ifndef STATS_PIXELS_H
#define STATS_PIXELS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct pixel_rates {
    double auroc, average_precision, aupro; /* NaN where there are no normal or no defective pixels */
    size_t regions;                         /* defective ones */
};

extern const struct pixel_rates pixel_rates_unknown; /* NaN each, no region */

struct pixel_metrics;

/* For maps of one size, sides at least 1. NULL: out of memory. */
struct pixel_metrics *pixel_metrics_new(int width, int height);
void pixel_metrics_free(struct pixel_metrics *p);

/* From here on only those pixels count where roi (width x height) is not 0: of a region the part there, and none that
 * is all elsewhere. It outlives the metrics. */
void pixel_metrics_region(struct pixel_metrics *p, const uint8_t *roi);

/* Adds a picture: its map, and its mask, 0 = normal; `kind` NULL: a normal picture, of which all pixels are normal and
 * the mask is not read. Values are finite. ERR_MEMORY, at the first picture of a kind only. */
int pixel_metrics_add(struct pixel_metrics *p, const char *kind, const float *map, const uint8_t *mask, struct err *e);

/* Of one kind; NULL: of all pictures. */
struct pixel_rates pixel_metrics_rates(const struct pixel_metrics *p, const char *kind);

#endif
