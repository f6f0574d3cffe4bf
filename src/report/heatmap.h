/* Heat maps as pictures and files. One colour scale for everything engram shows: near black (normal) over purple and
 * orange to pale yellow, lightness rising evenly, so that it also reads in grey and with any colour vision.
 *
 * Maps are float, height x width, rows from the top; higher = more abnormal. What a colour means is fixed by the
 * calibration and never by the picture at hand: a good part stays dark. (A model that was trained without held-out data
 * has nothing to fix it by; only its maps are coloured over their own range.) Values that are not finite become mid
 * grey. Functions only read the scale: one for all threads. Sizes are at least 1. */
#ifndef REPORT_HEATMAP_H
#define REPORT_HEATMAP_H

#include "base/err.h"
#include "stats/calibrate.h"

#include <stdbool.h>
#include <stdint.h>

enum { HEATMAP_COLORS = 256 };

struct heatmap_scale {
    float low, high; /* first and last colour; beyond them the ends are kept */
    float level;     /* values above it are abnormal: the contour. INFINITY: no contour */
    uint8_t colors[HEATMAP_COLORS][3];
};

/* Any range; high <= low makes a scale of two colours with the step at low. */
void heatmap_scale_init(struct heatmap_scale *s, float low, float high, float level);

/* The scale of a calibrated model, the same at any rate: from the median of normal maps to half as much again as what
 * the highest spot of 19 in 20 normal pictures reaches. The contour is where `rate` puts it. False where the
 * calibration knows no maps: the range is then empty (low INFINITY, high -INFINITY), to be widened by the maps that are
 * to be drawn.
 */
bool heatmap_scale_calibrated(struct heatmap_scale *s, const struct calibration *c, double rate);
void heatmap_scale_widen(struct heatmap_scale *s, const float *map, size_t n);

/* A value's place on the scale, 0..1; NaN for values that are not finite. */
float heatmap_position(const struct heatmap_scale *s, float value);

/* A pixel a value: width x height pixels of RGB into `rgb`. */
void heatmap_draw(const struct heatmap_scale *s, const float *map, int width, int height, uint8_t *rgb);

/* The colour bar, low at the left; RGB. */
void heatmap_bar(const struct heatmap_scale *s, int width, int height, uint8_t *rgb);

/* Draws the map of a model that is calibrated so, and writes a PNG, atomically; an existing file is refused unless
 * `force`. ERR_USAGE, here and below: no map, or a size that no picture has. */
int heatmap_write_png(const char *path, const struct calibration *c, const float *map, int width, int height,
                      bool force, struct err *e);

/* The values themselves as NumPy's .npy (format 1.0): little-endian float32, C order, shape (height, width). */
int heatmap_write_npy(const char *path, const float *map, int width, int height, bool force, struct err *e);

#endif
