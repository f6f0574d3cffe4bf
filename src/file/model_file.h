/* The model file: everything that scoring needs, in safetensors layout (readable from Python, JS, Rust as it is).
 *
 *   8 bytes   length of the header, little-endian
 *   header    JSON: tensor name -> {dtype, shape, data_offsets}; __metadata__: string -> string
 *   data      tensors, F32, little-endian, without holes
 *
 * Weights are named as in the model's source ("enc.0.weight"), shapes as in nn/params.h (convolutions O,[kD],kH,kW,I).
 * Everything else is a JSON document in the __metadata__ entry "engram", and the tensors "calibration.scores" and
 * "calibration.peaks"; of a model with a map also "usual.mean" and "usual.deviation" (H,W or 1), and "usual.scores" and
 * "usual.peaks", the calibration of what is made with them. Equal trainings give equal files, byte by byte.
 *
 * Loading believes nothing: whatever is wrong with a file is a sentence with its name, ERR_FORMAT, and never a crash.
 */
#ifndef FILE_MODEL_FILE_H
#define FILE_MODEL_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "data/preprocess.h"
#include "models/model.h"
#include "nn/params.h"
#include "stats/calibrate.h"
#include "file/train_config.h"

#include <stdbool.h>

/* Rises when a file can no longer be understood by an older engram. A model option that a file does not name has its
 * default: the default of a new option must be what the model did before it. */
enum { MODEL_FILE_FORMAT = 1 };

/* One row per epoch: means over the epoch. */
struct epoch_row {
    double loss[OBJECTIVES];
    double validation; /* mean raw score of the validation share, as scoring will give it; NaN: no such share */
    double watch[WATCHES];
};

struct curve {
    int epochs; /* rows */
    int nlosses, nwatches;
    const char *loss_names[OBJECTIVES], *watch_names[WATCHES];
    struct epoch_row *rows;
};

/* What a model file says beside its weights. Everything it points to is in its arena, or outlives it when writing. */
struct model_file {
    const struct model *model;
    void *config; /* model->config_bytes, as model->options describe */
    struct train_config train;
    struct preprocess input;
    struct calibration calibration;     /* of the model's own score, and of its map as it is */
    struct usual usual;                 /* n 0: nothing is known; the model has no map, or the file is of 0.1 */
    struct calibration map_calibration; /* of the map that knows that, and of its score; n 0 where usual.n is */
    struct curve curve;
    int kept_epoch;                         /* whose weights these are, 1 = first */
    int64_t trained, validated, calibrated; /* samples used for each */
    const char *version;                    /* of the engram that wrote it */
    const char *date;                       /* of training, as the caller gave it; "" when it gave none */
    const char *data;                       /* the data as named by the user */
    const char *data_summary;               /* lines of text */
    struct arena arena;
};

/* Writes atomically; an existing file is refused unless `force`. Values come from `params`. */
int model_file_write(const char *path, bool force, const struct model_file *c, const struct params *params,
                     struct err *e);

/* A file whose header has been read and believed; the weights are not read yet. */
struct model_reader;

/* Opens and reads everything but the weights into `c` (end with model_file_free, also after an error). */
int model_file_open(const char *path, struct model_file *c, struct model_reader **file, struct err *e);
/* The same of a file's n bytes in memory, which outlive the reader. */
int model_file_open_memory(const void *bytes, size_t n, struct model_file *c, struct model_reader **file,
                           struct err *e);
/* Allocates `params` (declared by a graph of the model, not yet allocated) and fills them. Whether every one is there
 * with its shape is checked before, so that memory is bounded by the file. Tensors that no parameter names are left
 * alone: scoring needs no discriminator. */
int model_file_read(struct model_reader *file, struct params *params, struct err *e);
void model_file_close(struct model_reader *file);
/* What its verdicts stand on, unless one asks for something else, and the calibration of what they stand on. */
enum score_by model_file_stands(const struct model_file *c);
const struct calibration *model_file_calibration(const struct model_file *c, enum score_by by);
/* Height and width of one frame of its heat maps; nd 0: of samples that have none. */
struct shape model_file_map(const struct model_file *c);
void model_file_free(struct model_file *c);

#endif
