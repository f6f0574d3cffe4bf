/* Whole samples of a model that sees parts of them: what scoring puts in and takes out, where the graph's rows are
 * tiles (data/tiles.h), or where not all of a picture counts. One thread's.
 *
 * Tiles of n samples are numbered through: of sample i those from i * tiling->n on. */
#ifndef RUN_TILED_H
#define RUN_TILED_H

#include "data/tiles.h"
#include "models/model.h"

/* What has the size of the picture. */
enum tiled_field { FIELD_MAP, FIELD_OUTPUT, FIELD_TARGET, FIELDS };

struct tiled {
    const struct preprocess *input;
    struct tiling *tiling;
    int samples; /* at once */
    int rows;    /* of the graph */
    bool wanted[FIELDS];
    size_t attention_values[MEMORIES]; /* of a tile; 0: not wanted */
    bool highest[SCORE_PARTS];         /* of parts of the score: as heads.highest */
    size_t pixels, counted;            /* of a picture, of a clip of a frame; and those that count */
    size_t frames[FIELDS];             /* in a sample's: of what is predicted of a clip fewer than in the sample */

    float *values;              /* samples x sample: filled by the caller */
    float *parts;               /* samples x SCORE_PARTS, before their weights */
    float *fields[FIELDS];      /* samples x frames x picture x channels; NULL: not wanted, as attention */
    float *attention[MEMORIES]; /* samples x tiles x values */
};

/* Values of a sample's. */
size_t tiled_values(const struct tiled *t, enum tiled_field field);

/* Whether a model of such samples needs it. */
bool tiled_needed(const struct preprocess *input);

/* Order: new, which says where tiles are, and how many samples and rows go with about `batch` tiles at once; the caller
 * says what is wanted; allocate. `input` outlives it. */
int tiled_new(const struct preprocess *input, int batch, struct tiled **out, struct err *e);
int tiled_allocate(struct tiled *t, struct err *e);
size_t tiled_bytes(const struct tiled *t); /* that it allocates */
void tiled_free(struct tiled *t);          /* NULL is fine */

/* For n samples: begin; every tile once, of which each thing wanted is added once; finish. */
void tiled_begin(struct tiled *t, int n);
void tiled_cut(const struct tiled *t, size_t tile, float *row);
void tiled_cut_counts(const struct tiled *t, size_t tile, float *counts); /* 1 where a pixel counts, else 0 */
void tiled_add_field(struct tiled *t, size_t tile, enum tiled_field field, const float *values);
void tiled_add_part(struct tiled *t, size_t tile, int part, float value);
void tiled_put_attention(struct tiled *t, size_t tile, int memory, const float *values);
/* What does not count becomes 0 in maps. A part that is the mean of the map, or its highest value, becomes that of the
 * whole one, over what counts; any other is that of the highest tile, or the tiles' mean, each by its share. */
void tiled_finish(struct tiled *t, int n, const struct heads *h);

#endif
