/* Resizing 8-bit pictures, channels last, in whole numbers only: the same pixels on every machine and compiler.
 *
 * Separable, an axis at a time. RESIZE_SMOOTH: an axis that shrinks is averaged over the area that each new pixel
 * covers (no aliasing, no ringing); one that grows is interpolated by cubic convolution (Keys 1981, a = -1/2; edges
 * repeated). RESIZE_AREA: area average both ways, for masks.
 *
 * A struct resize keeps its tables and rows between pictures of one size; one a thread. {0} is ready for use. */
#ifndef PICTURE_RESIZE_H
#define PICTURE_RESIZE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum resize_filter { RESIZE_SMOOTH, RESIZE_AREA };

/* Output i is the sum of `taps` inputs from `first` on, with weights in 1/16384 that add up to 16384. */
struct resize_tap {
    int first, taps;
    size_t weights; /* where its weights begin */
};

struct resize_axis {
    int from, to;
    enum resize_filter filter;
    struct resize_tap *taps; /* `to` of them */
    int16_t *weights;
};

struct resize {
    struct resize_axis x, y;
    int32_t *sums; /* one row of the input's width, all channels */
    int16_t *row;
    size_t row_size;
};

/* `in` is height x width x channels, `out` to_height x to_width x channels; all sizes at least 1, 1 or 3
 * channels. ERR_MEMORY alone. */
int resize_run(struct resize *r, enum resize_filter filter, const uint8_t *in, int width, int height, int channels,
               uint8_t *out, int to_width, int to_height, struct err *e);

void resize_free(struct resize *r);

#endif
