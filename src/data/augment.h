/* Augmentation: small changes under which a normal picture stays normal, so that few pictures teach what varies. For
 * training alone: what is held out, and whatever is scored, is never changed.
 *
 * A change is drawn from (seed, epoch, sample), never from a batch or a thread, and made on 8-bit pixels in whole
 * numbers. All frames of a clip share one change. */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include "base/option.h"
#include "nn/shape.h"

#include <stdbool.h>
#include <stdint.h>

/* What is varied, each evenly within its range; all zero: nothing. */
struct augment {
    bool flip_h, flip_v; /* each with probability 1/2 */
    double shift;        /* by up to this share of the side, each way, in whole pixels, of which 1 is the least */
    double rotate;       /* about the centre, by up to so many degrees each way */
    double zoom;         /* by a factor from 1 / (1 + zoom) to 1 + zoom, as often below 1 as above */
    double gain;         /* brightness times 1 - gain to 1 + gain */
    double offset;       /* brightness plus -offset to +offset; white is 1 */
};

extern const struct option augment_options[];

/* What was drawn for one sample. {.zoom = 1, .gain = 1} changes nothing. */
struct change {
    bool flip_h, flip_v;
    int right, down; /* pixels */
    double angle;    /* degrees, clockwise */
    double zoom, gain, offset;
};

/* Whether anything is varied at all. */
bool augment_wanted(const struct augment *a);

/* The change of a sample [D,]H,W,C in an epoch. An option that is turned on does not alter what others draw. */
struct change augment_draw(const struct augment *a, const struct shape *sample, uint64_t seed, int64_t epoch,
                           size_t index);

/* Makes it: mirrors, then turns, zooms and shifts by bilinear interpolation, then brightens. At an edge its
 * pixels go on. `pixels` are [D,]H,W,C with C 1 or 3; `spare` has room for one frame. */
void change_make(const struct change *c, const struct shape *sample, uint8_t *pixels, uint8_t *spare);

#endif
