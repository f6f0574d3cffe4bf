/* Convolutions of 4x4 or 3x3 kernels with stride 2 and padding 1, as U-Nets, GANs and autoencoders are made of, and
 * their two adjoints with 39 or 56 % of the multiplications (Winograd 1980), in F32. A kernel of 3x3x3 has stride 2 and
 * padding 1 in time, too.
 *
 * Seen by the parity of lines and columns, a 4x4 convolution is the sum of four of 2x2 kernels with stride 1. Of each,
 * a tile of 4x4 results needs 5x5 products of transformed tiles in place of 64 (Cook and Toom's algorithm with the
 * points 0, 1, -1, 2 and infinity in both directions):
 *
 *   Y = A' [ sum over parities and channels of (G w G') . (B' x B) ] A
 *
 * For each of the 25 places that is one matrix product, over all tiles, parities x channels, and outputs. Of 3x3
 * kernels one parity has one line, or column, whose transform is 0 at infinity: 81 products in place of 144. In time
 * the matrix products of a kernel's frames are added up. The adjoints are the adjoints of these same steps. Results
 * differ from the direct sum's by up to 1e-5 of the largest, by rounding. */
#ifndef NN_CONV_WINOGRAD_H
#define NN_CONV_WINOGRAD_H

#include "nn/shape.h"

#include <stdbool.h>

/* src N,[D],H,W,I and dst N,[D],H,W,O of the convolution; weights O,[3],side,side,I. */
struct winograd_spec {
    struct shape src, dst;
    int side; /* of the kernel: 3 or 4; 3 where there is time */
    int threads;
    const float *out_scale, *in_scale; /* factors on the weights, by O and by I; NULL: none */
};

/* Whether it is faster than the direct sum: there are enough tiles, in all where `batch` counts, else in one sample (so
 * that a result does not depend on what else is in the batch), and channels. */
bool winograd_pays(const struct winograd_spec *s, bool batch);
/* Whether the weights' gradient is, where the rest is not. */
bool winograd_pays_for_weights(const struct winograd_spec *s);

size_t winograd_scratch(const struct winograd_spec *s); /* bytes that a run wants */

/* What is read, and the one thing that is to be written; NULL: it is not. The convolution is to_dst of src and weight,
 * its adjoint to_src of dst and weight, the weights' gradient to_weight of src and dst, for weights without factors. */
struct winograd_call {
    const float *src, *dst, *weight;
    float *to_src, *to_dst, *to_weight;
};

/* False: oneDNN failed, and what was to be written is anything. */
bool winograd_run(const struct winograd_spec *s, const struct winograd_call *call, void *scratch);

#endif
