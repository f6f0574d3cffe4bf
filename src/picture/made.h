/* Made defects: changes to a good picture that a model learns to find, or that tell models apart, where nobody has real
 * defects. What they are like nobody claims; that a part should not look like that is certain, and where is known.
 *
 * Three kinds, each published in its own way; a picture gets one to three of one kind:
 *   shapes  smooth noise cut off at some height, in an ellipse or all over the picture, filled with another good
 *           picture, strongly altered, with coloured noise or with one colour, more or less opaque (after DRAEM,
 *           Zavrtanik et al., ICCV 2021)
 *   cuts    a rectangle of the picture pasted elsewhere, or a thin scar of it (CutPaste, Li et al., CVPR 2021)
 *   blends  a rectangle of another good picture, blended in so that no edge shows (after NSA, Schlueter et al., ECCV
 *           2022)
 *
 * All is drawn from a stream of random numbers alone, on 8-bit pixels. The truth that comes with it is 1 where the mean
 * change in the 3x3 pixels around exceeds 0.02 of white: what nobody could see is no defect. */
#ifndef PICTURE_MADE_H
#define PICTURE_MADE_H

#include "base/option.h"
#include "base/rng.h"
#include "picture/picture.h"

enum made_kind { MADE_SHAPES, MADE_CUTS, MADE_BLENDS, MADE_MIXED };

struct made_defects {
    double made_share;        /* of the pictures that get defects */
    enum made_kind made_kind; /* mixed: one of the three for each picture */
};

extern const struct option made_options[];

/* Where a picture's own random numbers begin, in an epoch. */
struct rng made_draw(uint64_t seed, int64_t epoch, size_t index);

/* Room to make defects in pictures of one format. One thread's. */
struct maker;
int maker_new(const struct picture_format *format, struct maker **out, struct err *e);
void maker_free(struct maker *m); /* NULL is fine */

/* Makes defects of a kind in `pixels`, of the maker's format, and writes `truth`, a byte a pixel: 1 or 0. `other`:
 * another good picture of as many channels and any size. `counts`: a byte a pixel, 0 where nothing may change; NULL:
 * everywhere it may. */
void maker_run(struct maker *m, enum made_kind kind, struct rng *r, const struct picture *other, const uint8_t *counts,
               uint8_t *pixels, uint8_t *truth);

#endif
