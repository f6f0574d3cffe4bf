/* Preprocessing: how a sample of any kind becomes the float tensor that a model sees, and back to something to look at.
 * It belongs to the kind of data and is stored in the model file.
 *
 * A sample has two forms. Kept: brought to its shape, in the kind's own format (8-bit pixels of a picture, the numbers
 * of a row), as the data set holds it in memory. Values: float32, (kept - mean) / std, where pixels count from 0 to 1.
 *
 * Of pictures a region may count alone (`roi`): the rest is black to every model, whatever is there. And a picture may
 * be larger than what a model sees at once (`tile`): it then sees the picture in overlapping tiles (data/tiles.h).
 *
 * Functions only read; any number of threads. */
#ifndef DATA_PREPROCESS_H
#define DATA_PREPROCESS_H

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "nn/shape.h"
#include "picture/picture.h"

/* A kind of data: pictures, rows, clips. */
struct kind;
struct table;
struct arena;

enum {
    PREPROCESS_SIDE_MAX = 65536,     /* of each dimension of a sample */
    PREPROCESS_VALUES_MAX = 1 << 26, /* of a sample, 8192x8192 grey pixels: a small file may claim any size */
    TILE_MIN = 16,                   /* pixels */
    SQUARE_MIN = 8,                  /* the same of --square */
};

/* What neighbouring tiles may share at most, as a part of their side. */
#define OVERLAP_MAX 0.75

struct preprocess {
    const struct kind *kind;
    struct shape sample;     /* [D,]H,W,C or C: without the batch */
    int n;                   /* of mean and std: 1, for all values alike, or one for each of the last dimension */
    const float *mean, *std; /* owned by whoever fitted or read it */
    int step;                /* of clips: from frame to frame; 1: they follow each other */
    /* Of pictures and clips: */
    const uint8_t *roi; /* height x width of 1 (counts) and 0 (is ignored); NULL: all of it counts. Owned as mean */
    int tile;           /* side of the tiles that the model sees, in pixels; 0: the whole picture at once */
    double overlap;     /* of neighbouring tiles, at least: part of their side */
    /* Of rows: */
    const struct table *table; /* its columns (table/table.h), owned as mean */
    double clip;               /* values lie within so much of 0; 0: wherever they do */
};

/* The kind of that name ("pictures"), as model files have it; NULL with a sentence (ERR_USAGE). */
const struct kind *kind_find(const char *name, struct err *e);
const char *kind_name(const struct kind *k);
const char *kind_samples(const struct kind *k); /* what its samples are called, plural: "pictures" */
bool kind_is_rows(const struct kind *k);        /* of columns, which are not places side by side */

/* Whether it is one that its kind could have fitted; a sentence if not (ERR_FORMAT). For what comes from a file. */
int preprocess_check(const struct preprocess *p, struct err *e);

/* What its kind has to say beside shape, mean and std, added to a JSON object as json_put does; and read from one,
 * whose file is `name`. ERR_FORMAT. */
json_t *preprocess_save(const struct preprocess *p, json_t *input);
int preprocess_restore(struct preprocess *p, const json_t *input, const char *name, struct arena *arena, struct err *e);

/* What of a fitted one the user should think about before it is learnt, as warnings. */
void preprocess_doubt(const struct preprocess *p, const struct log *log);

/* The same for what a model sees at once: a tile, no larger than the picture; without tiles the sample. Of a tile it is
 * not known what counts. */
struct preprocess preprocess_view(const struct preprocess *p);

/* Makes black what does not count of a picture, or of a frame of a clip. */
void preprocess_ignore(const struct preprocess *p, void *kept);

/* Bytes of a sample as it is kept. */
size_t preprocess_bytes(const struct preprocess *p);
/* From the kept form to shape_count(&p->sample) values. */
void preprocess_values(const struct preprocess *p, const void *kept, float *out);

/* Of rows alone: how many numbers a program's row has, and from such a row to the kept form (NULL: only looks whether
 * it can be), where a category is its place among those of its column, from 0. ERR_FORMAT: a number that is not finite.
 */
size_t preprocess_columns(const struct preprocess *p);
int preprocess_row(const struct preprocess *p, const float *row, void *kept, struct err *e);
/* From a program's row of texts, NULL or "" where one is missing, to such numbers. ERR_FORMAT. */
int preprocess_texts(const struct preprocess *p, const char *const *texts, float *row, struct err *e);

/* The size and channels of a picture, or of a frame of a clip, as it is kept. */
struct picture_format preprocess_format(const struct preprocess *p);
/* Such pictures in a sample, one behind the other: of a clip its frames. */
size_t preprocess_frames(const struct preprocess *p);

/* Whether samples are something to look at; then `format` (may be NULL) is that of the picture of one, or of a frame.
 */
bool preprocess_shows(const struct preprocess *p, struct picture_format *format);
/* Values, of a clip those of one frame, back to 8-bit pixels of that format, clamped: for inputs, reconstructions,
 * decoded items. */
void preprocess_show(const struct preprocess *p, const float *values, uint8_t *pixels);

#endif
