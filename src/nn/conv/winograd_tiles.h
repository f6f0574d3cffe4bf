/* Of nn/conv/winograd.c: tiles of src and dst, and the matrices of transformed ones, which are multiplied. */
#ifndef NN_CONV_WINOGRAD_TILES_H
#define NN_CONV_WINOGRAD_TILES_H

#include "nn/conv/winograd.h"

/* A tile is RESULTS x RESULTS of dst, and SIDE x SIDE numbers of each parity of src, and as many products. */
enum { RESULTS = 4, SIDE = 5, PLACES = SIDE * SIDE, PARITIES = 4 };

/* A call, and the block of tiles that it is at: some lines of them in all frames of a sample; pictures without time are
 * the frames of one sample, each by itself, and a block has some of these. */
struct tiling {
    int side, taps, step;                       /* of the kernel; its frames and their stride */
    int64_t samples, frames, height, width, in; /* src */
    int64_t results, rows, columns, out;        /* dst; results: frames */
    int64_t down, across;                       /* tiles of a frame */
    int live[PLACES], before[PLACES + 1];       /* parities that are multiplied; those of earlier places */
    int64_t sample, frame, count, line, lines;  /* the block; frame, count: of dst */
    struct winograd_call call;                  /* what is read and written */
    float *inputs, *products;                   /* for each place, tiles of src and of dst */
};

void tiling_init(struct tiling *t, const struct winograd_spec *s);

/* Rows of the matrices: a block's tiles, of src with frames of one residue of the stride one after the other. */
int64_t tiling_inputs(const struct tiling *t);
int64_t tiling_products(const struct tiling *t);

/* From one of their rows to the next: live[place] I columns, and O, and a gap. Rows a power of two apart would lie in
 * the same lines of the cache (oneDNN's products for AVX2: 48 GFLOP/s in place of 108). */
int64_t tiling_input_step(const struct tiling *t, int place);
int64_t tiling_product_step(const struct tiling *t);
int64_t tiling_input_steps(const struct tiling *t, int places); /* of the first so many places together */

/* Row `number` of a place's matrix. */
float *tiling_input(const struct tiling *t, int place, int64_t number);
float *tiling_product(const struct tiling *t, int place, int64_t number);

/* Where a parity stands among the live ones of a place; -1: it is not multiplied there. */
int tiling_slot(const struct tiling *t, int place, int parity);

/* Frames of src that have a residue of the stride, and how many there is room for. */
int64_t tiling_frames(const struct tiling *t, int residue);
int64_t tiling_room(const struct tiling *t);

/* src to inputs, and the adjoint; dst to products, by the adjoint, and back. */
void tiling_read_src(struct tiling *t, int threads);
void tiling_add_src(struct tiling *t, int threads);
void tiling_read_dst(struct tiling *t, int threads);
void tiling_write_dst(struct tiling *t, int threads);

#endif
