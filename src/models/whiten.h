/* Whitening by principal components: y = W (x - mean), with the rows of W the directions in which normal rows vary
 * most, each divided by its deviation. A little of the mean variance is added to each, so that what hardly varies does
 * not decide. */
#ifndef MODELS_WHITEN_H
#define MODELS_WHITEN_H

#include "base/err.h"
#include "models/model.h"

/* weight: components x width, bias: components (-W mean). Components behind the last that there is are 0. A function of
 * the rows and the seed. */
int whiten_fit(const struct fit_rows *rows, int components, float *weight, float *bias, struct err *e);

#endif
