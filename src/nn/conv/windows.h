/* Windows of a tensor that lie under a kernel, copied together in rows (im2col). */
#ifndef NN_CONV_WINDOWS_H
#define NN_CONV_WINDOWS_H

#include "nn/bf16.h"

/* A walk over places, the last dimension fastest: of each, the window of `size` that begins at place step + start in a
 * tensor of N,D,H,W,channels; 0 where it reaches beyond. */
struct walk {
    int64_t samples, channels, count[3], room[3]; /* room: the tensor's D,H,W */
    int size[3], step[3], start[3];
};

/* One of those places. */
struct place {
    int64_t sample, at[3];
};

/* The place number `row` of the walk, and the one behind it. */
struct place walk_place(const struct walk *w, int64_t row);
void walk_on(const struct walk *w, struct place *p);

/* The windows of `rows` places from number `first` on, one behind the other, D,H,W,channels each. */
void walk_gather(const struct walk *w, const bf16 *tensor, int64_t first, int64_t rows, bf16 *to);

#endif
