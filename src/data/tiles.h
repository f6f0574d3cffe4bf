/* Tiles: a picture, or every frame of a clip, cut into overlapping rectangles of one size, and put together again.
 *
 * Along each axis there are as few tiles as overlap by at least the wished share, spread evenly from edge to edge, so
 * that none reaches beyond the picture. Where tiles overlap, what they say is mixed: a tile's weight rises from its
 * edge, where it sees least, to the end of the overlap, and the weights of all tiles add up to 1 at every pixel. Tiles
 * that hold nothing that counts (preprocess.roi) are left out.
 *
 * A tiling only says where; it is read by any number of threads. */
#ifndef DATA_TILES_H
#define DATA_TILES_H

#include "base/rng.h"
#include "data/preprocess.h"

struct tile_place {
    int y, x; /* of its upper left corner, in pixels */
};

struct tile {
    int row, column; /* in the grid */
    struct tile_place at;
    float share; /* of the picture: its weights' sum over what counts, as a part of all that counts; together 1 */
};

struct tiling {
    int height, width;            /* of the picture */
    int tile_height, tile_width;  /* of every tile */
    int rows, columns;            /* of the grid */
    struct tile *tiles;           /* n, row by row */
    float *down, *across;         /* weights: rows x tile_height and columns x tile_width; a pixel's is the product */
    int reach_down, reach_across; /* how far a tile that is drawn lies from its place in the grid, at most */
    size_t n;
};

/* Of pictures and clips. Without p->tile it is one tile. */
int tiling_new(const struct preprocess *p, struct tiling **out, struct err *e);
void tiling_free(struct tiling *t); /* NULL is fine */

/* A random place near tile i's own, within the picture: drawn for every i in turn they cover the picture evenly. */
struct tile_place tiling_draw(const struct tiling *t, size_t i, struct rng *r);

/* Copies what is at a place out of each of so many frames (a picture is one) of any pixels of that many bytes. */
void tiling_cut(const struct tiling *t, struct tile_place at, size_t frames, size_t pixel, const void *picture,
                void *tile);

/* Adds tile i, weighted, to frames that were zero before the first: values of so many channels. */
void tiling_add(const struct tiling *t, size_t i, size_t frames, int channels, const float *tile, float *picture);

#endif
