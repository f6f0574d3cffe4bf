#include "data/tiles.h"

#include "base/hot.h"
#include "data/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one axis ---- */

/* As few as overlap by at least `overlap` of their side. */
static int count_tiles(int length, int tile, double overlap)
{
    if (tile >= length)
        return 1;
    int step = (int)floor(tile * (1 - overlap));
    return (length - tile + step - 1) / step + 1;
}

/* Evenly spread: the first at 0, the last at the end. */
static int place_of(int i, int n, int length, int tile)
{
    return n == 1 ? 0 : (int)((int64_t)i * (length - tile) / (n - 1));
}

/* How much tile i, at `at`, says at its pixel k, before the weights are made to add up to 1: the distance to the edge,
 * but to an edge that is the picture's own too there is none. */
static float raw_weight(int i, int n, int k, int tile)
{
    int before = i == 0 ? tile : k + 1, after = i == n - 1 ? tile : tile - k;
    return (float)(before < after ? before : after);
}

/* The weights of all tiles of an axis; `sum` has room for its length. */
static void weigh(int length, int tile, int n, float *sum, float *weights)
{
    memset(sum, 0, (size_t)length * sizeof *sum);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < tile; k++)
            sum[place_of(i, n, length, tile) + k] += raw_weight(i, n, k, tile);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < tile; k++)
            weights[i * tile + k] = raw_weight(i, n, k, tile) / sum[place_of(i, n, length, tile) + k];
}

/* ---- the whole ---- */

static int allocate(struct tiling *t, float **sum, struct err *e)
{
    size_t n = (size_t)t->rows * (size_t)t->columns;
    t->tiles = calloc(n, sizeof *t->tiles);
    t->down = malloc((size_t)t->rows * (size_t)t->tile_height * sizeof *t->down);
    t->across = malloc((size_t)t->columns * (size_t)t->tile_width * sizeof *t->across);
    *sum = malloc((size_t)(t->height > t->width ? t->height : t->width) * sizeof **sum);
    return t->tiles && t->down && t->across && *sum ? 0 : err_memory(e, "the tiles of a picture");
}

/* The sum of a tile's weights over what counts. */
static double weight_of(const struct tiling *t, const struct tile *tile, const uint8_t *roi)
{
    const float *down = t->down + (ptrdiff_t)tile->row * t->tile_height;
    const float *across = t->across + (ptrdiff_t)tile->column * t->tile_width;
    double sum = 0;
    for (int y = 0; y < t->tile_height; y++) {
        const uint8_t *row = roi ? roi + (ptrdiff_t)(tile->at.y + y) * t->width + tile->at.x : NULL;
        double line = 0;
        for (int x = 0; x < t->tile_width; x++)
            line += !row || row[x] ? (double)across[x] : 0;
        sum += line * (double)down[y];
    }
    return sum;
}

static void place_tiles(struct tiling *t, const struct preprocess *p)
{
    double all = (double)region_pixels(p);
    for (int row = 0; row < t->rows; row++)
        for (int column = 0; column < t->columns; column++) {
            struct tile tile = {.row = row,
                                .column = column,
                                .at = {place_of(row, t->rows, t->height, t->tile_height),
                                       place_of(column, t->columns, t->width, t->tile_width)}};
            double weight = weight_of(t, &tile, p->roi);
            tile.share = (float)(weight / all);
            if (weight > 0)
                t->tiles[t->n++] = tile;
        }
}

/* Half of what lies between two places, rounded up. */
static int reach(int n, int length, int tile)
{
    return n == 1 ? 0 : (length - tile + 2 * n - 3) / (2 * (n - 1));
}

int tiling_new(const struct preprocess *p, struct tiling **out, struct err *e)
{
    const struct preprocess view = preprocess_view(p);
    const struct picture_format whole = preprocess_format(p), tile = preprocess_format(&view);
    struct tiling *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(e, "the tiles of a picture");
    *t = (struct tiling){
        .height = whole.height, .width = whole.width, .tile_height = tile.height, .tile_width = tile.width};
    t->rows = count_tiles(t->height, t->tile_height, p->overlap);
    t->columns = count_tiles(t->width, t->tile_width, p->overlap);
    t->reach_down = reach(t->rows, t->height, t->tile_height);
    t->reach_across = reach(t->columns, t->width, t->tile_width);
    float *sum = NULL;
    int code = allocate(t, &sum, e);
    if (code == 0) {
        weigh(t->height, t->tile_height, t->rows, sum, t->down);
        weigh(t->width, t->tile_width, t->columns, sum, t->across);
        place_tiles(t, p);
    }
    free(sum);
    if (code < 0)
        tiling_free(t);
    else
        *out = t;
    return code;
}

void tiling_free(struct tiling *t)
{
    if (!t)
        return;
    free(t->tiles);
    free(t->down);
    free(t->across);
    free(t);
}

/* ---- use ---- */

static int drawn(int place, int range, int last, struct rng *r)
{
    int at = place - range + (int)rng_below(r, 2 * (uint64_t)range + 1);
    return at < 0 ? 0 : at > last ? last : at;
}

struct tile_place tiling_draw(const struct tiling *t, size_t i, struct rng *r)
{
    const struct tile_place at = t->tiles[i].at;
    int y = drawn(at.y, t->reach_down, t->height - t->tile_height, r);
    return (struct tile_place){y, drawn(at.x, t->reach_across, t->width - t->tile_width, r)};
}

static void cut_frame(const struct tiling *t, struct tile_place at, size_t pixel, const unsigned char *frame,
                      unsigned char *tile)
{
    const size_t line = (size_t)t->tile_width * pixel;
    for (int y = 0; y < t->tile_height; y++)
        memcpy(tile + (size_t)y * line, frame + ((size_t)(at.y + y) * (size_t)t->width + (size_t)at.x) * pixel, line);
}

void tiling_cut(const struct tiling *t, struct tile_place at, size_t frames, size_t pixel, const void *picture,
                void *tile)
{
    const size_t from = (size_t)t->height * (size_t)t->width * pixel;
    const size_t to = (size_t)t->tile_height * (size_t)t->tile_width * pixel;
    for (size_t k = 0; k < frames; k++)
        cut_frame(t, at, pixel, (const unsigned char *)picture + k * from, (unsigned char *)tile + k * to);
}

HOT static void add_line(float down, const float *restrict across, int width, int channels, const float *restrict tile,
                         float *restrict picture)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < channels; c++)
            picture[x * channels + c] += down * across[x] * tile[x * channels + c];
}

static void add_frame(const struct tiling *t, const struct tile *a, int channels, const float *tile, float *frame)
{
    const float *across = t->across + (ptrdiff_t)a->column * t->tile_width;
    for (int y = 0; y < t->tile_height; y++)
        add_line(t->down[(ptrdiff_t)a->row * t->tile_height + y], across, t->tile_width, channels,
                 tile + (ptrdiff_t)y * t->tile_width * channels,
                 frame + ((ptrdiff_t)(a->at.y + y) * t->width + a->at.x) * channels);
}

void tiling_add(const struct tiling *t, size_t i, size_t frames, int channels, const float *tile, float *picture)
{
    const size_t from = (size_t)t->tile_height * (size_t)t->tile_width * (size_t)channels;
    const size_t to = (size_t)t->height * (size_t)t->width * (size_t)channels;
    for (size_t k = 0; k < frames; k++)
        add_frame(t, &t->tiles[i], channels, tile + k * from, picture + k * to);
}
