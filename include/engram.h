/* engram: learns what normal looks like and points at what is not.
 *
 * One header, four parts, each of which needs only those before it:
 *     1. score     load a model file, score pictures, write heat maps
 *     2. train     learn a model from normal data, evaluate it, write a report
 *     3. data      look at data before anything is learnt from it
 *     4. inspect   what models, options, sources there are and what a model file holds
 *
 * The ten-line use is examples/score_one.c.
 *
 * Errors. Functions that can fail return 0 (or what they say) on success and a negative ENGRAM_* code on failure,
 * having filled *error with one full sentence for the user: what was wanted, what was found, in which file, what to do
 * about it. `error` may be NULL. On success *error is left alone; on failure outputs are left alone. The library never
 * exits, aborts or prints.
 *
 * Ownership. What a function hands out through `T **` belongs to the caller until the T's _free, which takes NULL too.
 * Strings and pictures that come in are only read, and not kept after the call. Strings that come out belong to the
 * library: tables' for ever, an object's until it is freed, a callback's until the callback returns.
 *
 * Threads. Any function may be called from any thread. An engram_model is read-only: any number of threads may use one
 * at once. Every other object is one thread's at a time; several scorers on several threads may share one model.
 * Within a call, up to `threads` threads of the process's OpenMP pool compute; callbacks come on the calling thread.
 * Idle threads of that pool spin by default: a program that shares its processor cores should be started with
 * OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=500 in the environment, as the command does for itself.
 *
 * Text is UTF-8, paths are bytes as the system has them. Numbers in texts are written with a point whatever the
 * program's locale is: during a call, callbacks included, the calling thread is in the C locale. Sizes are pixels,
 * times seconds, memory bytes. */
#ifndef ENGRAM_H
#define ENGRAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ENGRAM_API __attribute__((visibility("default")))
#else
#define ENGRAM_API
#endif

#define ENGRAM_VERSION_MAJOR 0
#define ENGRAM_VERSION_MINOR 1
#define ENGRAM_VERSION_PATCH 0
#define ENGRAM_VERSION       "0.1.0"

/* The version of the library that is running, "0.1.0": may be newer than the header's. */
ENGRAM_API const char *engram_version(void);

enum {
    ENGRAM_OK = 0,
    ENGRAM_FAIL = -1,    /* the work could not be done: data, numbers, state */
    ENGRAM_USAGE = -2,   /* asked for something that does not exist: model, option, value */
    ENGRAM_MEMORY = -3,  /* an allocation failed */
    ENGRAM_IO = -4,      /* a file could not be opened, read or written */
    ENGRAM_FORMAT = -5,  /* a file is not what it should be */
    ENGRAM_STOPPED = -6, /* a callback asked to stop */
};

typedef struct engram_error {
    int code; /* ENGRAM_* */
    char message[1024];
} engram_error;

enum { ENGRAM_LOG_WARN, ENGRAM_LOG_INFO, ENGRAM_LOG_DEBUG };

/* How far a long call has come. Fields that do not apply are 0. */
typedef struct engram_progress {
    const char *what;         /* "training", "checking", "scoring" */
    int64_t done, total;      /* training: steps of this epoch; else samples of the whole call; total 0: not known */
    double seconds;           /* since the call began */
    double seconds_left;      /* estimate for the whole call; negative: not known yet */
    int64_t epoch, epochs;    /* training: from 1 */
    const char *const *names; /* training: nvalues losses and things to watch, */
    const double *values;     /* means over the epoch so far */
    size_t nvalues;
    int epoch_done;         /* training: told once more after validation: 1 then, and */
    int kept;               /* 1 when this epoch's weights are now those to keep */
    int saved;              /* 1 when the model file and the training's state on the disk are of this epoch */
    double validation_loss; /* training: of the last finished epoch; NaN: none yet, or no validation share */
} engram_progress;

/* What a long call tells its caller and asks of it. Every member may be NULL, and so may a pointer to hooks. */
typedef struct engram_hooks {
    void *user; /* handed to each */
    /* One message without newline, `level` ENGRAM_LOG_*. */
    void (*log)(void *user, int level, const char *text);
    /* Called after every step or batch; cheap to ignore. */
    void (*progress)(void *user, const engram_progress *progress);
    /* Asked after every step or batch: non-zero ends the call with ENGRAM_STOPPED; training saves first. */
    int (*stop)(void *user);
} engram_hooks;

/* ======== 1. Score ======== */

/* A trained model from its file, with everything that scoring needs: weights, preprocessing, calibration. */
typedef struct engram_model engram_model;

/* Reads and checks a model file. ENGRAM_IO: cannot be read; ENGRAM_FORMAT: no model file, damaged, or too new. */
ENGRAM_API int engram_model_load(const char *path, engram_model **model, engram_error *error);
/* After the last scorer of it. */
ENGRAM_API void engram_model_free(engram_model *model);
/* The smallest false-alarm rate at which anything can be called anomalous: 1/(n+1) of n calibration samples. */
ENGRAM_API double engram_model_smallest_rate(const engram_model *model);

/* Scores samples with a model: owns the buffers of one computation. */
typedef struct engram_scorer engram_scorer;

typedef struct engram_scorer_options {
    int threads;             /* to compute on; 0: all that the process may use */
    int batch;               /* samples computed at once by engram_score_data; 0: 64 */
    double false_alarm_rate; /* share of normal samples that may be called anomalous, 0 to 1; 0: 0.05 */
    int maps;                /* non-zero: results carry heat maps */
} engram_scorer_options;

/* `options` may be NULL (all zero). The model must outlive the scorer. ENGRAM_USAGE: an option out of range. */
ENGRAM_API int engram_scorer_new(const engram_model *model, const engram_scorer_options *options,
                                 engram_scorer **scorer, engram_error *error);
ENGRAM_API void engram_scorer_free(engram_scorer *scorer);

/* Pixels in memory: 8 bits a channel, rows from the top, channels last. */
typedef struct engram_picture {
    const uint8_t *pixels; /* row y begins at pixels + y * stride */
    int width, height;
    int channels;  /* 1 grey, 3 red green blue */
    size_t stride; /* bytes from row to row; 0: width * channels */
} engram_picture;

/* The verdict on one sample. A score does not depend on which samples are scored beside it. */
typedef struct engram_result {
    double score;     /* higher is more abnormal; its unit is the model's */
    double p_value;   /* share of normal samples with such a score or a higher one, (1 + #) / (n + 1): 1/(n+1) to 1 */
    int anomalous;    /* 1 where p_value <= false_alarm_rate, else 0 */
    const float *map; /* map_height x map_width, where and how abnormal; NULL unless the scorer makes maps; valid until
                         the scorer's next call */
    int map_width, map_height; /* the model's picture size */
} engram_result;

/* Scores one picture of any size: it is brought to the model's size and colours first. */
ENGRAM_API int engram_score_picture(engram_scorer *scorer, const engram_picture *picture, engram_result *result,
                                    engram_error *error);
/* The same for a picture file: png, jpg, tiff, bmp, webp, pgm, ppm. */
ENGRAM_API int engram_score_file(engram_scorer *scorer, const char *path, engram_result *result, engram_error *error);

/* One sample of a data set with its verdict, or with the reason why there is none. */
typedef struct engram_row {
    const char *name;  /* unique in the data set, relative: good/000.png */
    const char *path;  /* the file it is in */
    int64_t index;     /* its place in that file; 0 for a picture of its own */
    const char *kind;  /* class or kind of defect; "" where the data has none */
    int truth;         /* 0 normal, 1 anomalous, -1 not known */
    const char *error; /* NULL, or the sentence about a sample that could not be read; then there is no result */
    engram_result result;
} engram_row;

/* Non-zero stops the call with ENGRAM_STOPPED. The row and all in it is valid during the call only. */
typedef int engram_row_fn(void *user, const engram_row *row);

/* Scores data in its order, one call of `row` a sample, as they come. `urls` (n of them): paths of pictures or folders,
 * or SOURCE:PATH?option=value (engram_source_at); of data with a training and a test part, the test part. A sample that
 * cannot be read is a row with its error. `hooks` may be NULL; `user` goes to `row`. */
ENGRAM_API int engram_score_data(engram_scorer *scorer, const char *const *urls, size_t n, const engram_hooks *hooks,
                                 engram_row_fn *row, void *user, engram_error *error);

enum {
    ENGRAM_MAP_PNG, /* in colours; the scale is fixed by the model's calibration, the same for every picture */
    ENGRAM_MAP_NPY, /* NumPy's format: float32, height x width, the values themselves */
};

/* Writes a result's map as a file, whole or not at all; folders on the way are made. An existing file is refused
 * (ENGRAM_IO) unless `force`. ENGRAM_USAGE: the result has no map. */
ENGRAM_API int engram_map_write(const engram_model *model, const engram_result *result, const char *path, int format,
                                int force, engram_error *error);

/* ======== 2. Train, evaluate, report ======== */

typedef struct engram_train_job {
    const char *model;  /* "memae"; see engram_model_kind_at */
    const char *preset; /* a named set of options (engram_preset_at); NULL: the model's first, general one */
    const char *const
        *settings; /* nsettings of "name=value": the model's and the training's options, after the preset */
    size_t nsettings;
    const char *data;   /* URL as in engram_score_data; of data with a training and a test part, the training part */
    const char *output; /* the model file to write; existing: ENGRAM_IO unless force or resume */
    const char *date;   /* goes into the file as it is; NULL: none, and equal jobs then give equal files */
    int force;
    int resume; /* go on with the training that left its state beside `output`; with the same seed and threads the
                   result is bit for bit that of an uninterrupted one */
} engram_train_job;

typedef struct engram_train_summary {
    int64_t epochs;         /* trained in all */
    int64_t kept_epoch;     /* whose weights are in the file, from 1 */
    int stopped_early;      /* 1: the validation loss got no better for `patience` epochs */
    double validation_loss; /* of the epoch that is kept; NaN without a validation share */
    double seconds;         /* of this call */
    size_t bytes; /* of the computation's buffers: the part of memory that grows with batch and picture size */
    size_t trained, validated, calibrated; /* samples used for each */
} engram_train_summary;

/* Trains on normal data and writes the model file, whole or not at all. Everything wrong with job and data is found
 * before the first step. A stop (hooks->stop) finishes the step, saves so that `resume` can go on, and returns
 * ENGRAM_STOPPED. `summary` and `hooks` may be NULL. */
ENGRAM_API int engram_train(const engram_train_job *job, const engram_hooks *hooks, engram_train_summary *summary,
                            engram_error *error);

/* What a model does on labelled data. */
typedef struct engram_evaluation engram_evaluation;

/* Scores the test part of the data at `url`, which must have both normal and anomalous samples, and keeps what a report
 * needs: the pictures it shows, scores, curves, the memory. `options` as for a scorer, may be NULL. The model must
 * outlive the evaluation. A sample that cannot be read is left out, counted and logged. */
ENGRAM_API int engram_evaluate(const engram_model *model, const char *url, const engram_scorer_options *options,
                               const engram_hooks *hooks, engram_evaluation **evaluation, engram_error *error);
ENGRAM_API void engram_evaluation_free(engram_evaluation *evaluation);

/* One number of an evaluation. */
typedef struct engram_metric {
    const char *name; /* "auroc" */
    const char *kind; /* the kind of anomaly it is about; "": all */
    double value;     /* NaN: cannot be said of this data */
    const char *help; /* one line */
} engram_metric;

/* The i-th number, from 0: 1, or 0 past the last. */
ENGRAM_API int engram_evaluation_metric(const engram_evaluation *evaluation, size_t i, engram_metric *metric);
/* The value of the number of that name over all kinds; NaN when there is none. */
ENGRAM_API double engram_evaluation_value(const engram_evaluation *evaluation, const char *name);

/* What the report is to say of the training, which the evaluation did not see: seconds, and the most memory that the
 * process held, in bytes. Optional. */
ENGRAM_API void engram_evaluation_training(engram_evaluation *evaluation, double seconds, size_t peak_bytes);

/* Writes one self-contained HTML page that shows n evaluations of the same data side by side, whole or not at all. An
 * existing file is refused (ENGRAM_IO) unless `force`. `title` is the heading, NULL: the data's name; `date` (may be
 * NULL) is shown as it is. */
ENGRAM_API int engram_report_write(const engram_evaluation *const *evaluations, size_t n, const char *title,
                                   const char *date, const char *path, int force, engram_error *error);

/* ======== 3. Data ======== */

typedef struct engram_data engram_data;

enum { ENGRAM_DATA_TRAIN, ENGRAM_DATA_TEST };

/* Finds the samples at a URL, as training and evaluation do, and reads none. Warnings about files that are no samples
 * go to hooks->log (hooks may be NULL). */
ENGRAM_API int engram_data_open(const char *url, const engram_hooks *hooks, engram_data **data, engram_error *error);
ENGRAM_API void engram_data_free(engram_data *data);

/* Number of samples in ENGRAM_DATA_TRAIN or ENGRAM_DATA_TEST. */
ENGRAM_API size_t engram_data_count(const engram_data *data, int part);

typedef struct engram_sample {
    const char *name, *path, *kind; /* as in engram_row */
    int64_t index;
    int truth;
} engram_sample;

/* The i-th sample of a part: 1, or 0 past the last. */
ENGRAM_API int engram_data_sample(const engram_data *data, int part, size_t i, engram_sample *sample);

/* Opens every sample and mask of both parts; the error is one sentence that counts and names what is wrong. */
ENGRAM_API int engram_data_check(engram_data *data, const engram_hooks *hooks, engram_error *error);

/* A few lines for people, each to hooks->log at ENGRAM_LOG_INFO: parts, kinds, sizes (after a check), what was skipped.
 */
ENGRAM_API void engram_data_summary(const engram_data *data, const engram_hooks *hooks);

/* ======== 4. Inspect ======== */

/* Tables: the i-th row, counted from 0, to *row: 1, or 0 past the last (or where the owner is not known). */

typedef struct engram_model_kind {
    const char *name, *title, *paper, *idea; /* "memae", "Memory-augmented autoencoder", source, two sentences */
} engram_model_kind;
ENGRAM_API int engram_model_kind_at(size_t i, engram_model_kind *row);

typedef struct engram_option {
    const char *name, *type; /* "int", "float", "bool", "choice", "text", "ints" (16,32,64) */
    const char *value;       /* the default, as a user would type it */
    const char *choices;     /* "cosine|dot"; NULL where type is another */
    double min, max;         /* both allowed; of int, float, ints */
    const char *help;        /* one line, with the unit */
} engram_option;
ENGRAM_API int engram_model_option_at(const char *model, size_t i, engram_option *row);
ENGRAM_API int engram_train_option_at(size_t i, engram_option *row); /* the same for every model */

typedef struct engram_preset {
    const char *name, *help;
    const char *model, *train; /* "name=value name=value" */
} engram_preset;
ENGRAM_API int engram_preset_at(const char *model, size_t i, engram_preset *row);

typedef struct engram_source {
    const char *name, *help;
} engram_source;
ENGRAM_API int engram_source_at(size_t i, engram_source *row);
ENGRAM_API int engram_source_option_at(const char *source, size_t i, engram_option *row);

/* What a model file says of itself: options, preprocessing, calibration, provenance. */
typedef struct engram_fact {
    const char *section, *name, *value; /* "options", "items", "100" */
} engram_fact;
ENGRAM_API int engram_model_fact_at(const engram_model *model, size_t i, engram_fact *row);

/* One item of the memory: the picture it decodes to on its own. `pixels` (the caller's) gets height x width x channels
 * bytes of the model's picture size. ENGRAM_USAGE: no memory, no such item. */
ENGRAM_API size_t engram_model_items(const engram_model *model); /* 0: no memory */
ENGRAM_API int engram_model_item(const engram_model *model, size_t i, uint8_t *pixels, engram_error *error);
/* Bytes that a scorer of this model computes in, beside the weights: `batch` samples at once on `threads` threads (0:
 * all).
 */
ENGRAM_API int engram_model_memory(const engram_model *model, int batch, int threads, size_t *bytes,
                                   engram_error *error);
ENGRAM_API void engram_model_format(const engram_model *model, int *width, int *height, int *channels);

/* How fast a model computes here, on random input: no data, no files. Use an idle machine. */
typedef struct engram_bench_job {
    const char *model, *preset; /* as in engram_train_job; batch, threads, precision, size are options of training */
    const char *const *settings;
    size_t nsettings;
    int training; /* non-zero: training steps; 0: scoring */
    int repeat;   /* steps to time; 0: 20 */
} engram_bench_job;

typedef struct engram_bench_summary {
    double milliseconds; /* a step: the median */
    int batch, threads;
    const char *precision; /* "f32", "bf16": the one that was used */
    double flops;          /* arithmetic of a step, counted; a multiplication with its addition is two */
    size_t bytes;          /* of the computation's buffers */
} engram_bench_summary;

/* One operation of the net. Times and counts are of one step. */
typedef struct engram_bench_node {
    const char *name, *op; /* of the layer, "" where it has none; of the operation: "enc.0", "conv" */
    double forward_milliseconds, backward_milliseconds;
    double forward_flops, backward_flops;
    size_t bytes; /* of its result */
} engram_bench_node;
typedef void engram_bench_node_fn(void *user, const engram_bench_node *node);

/* `node` (may be NULL) is called for each operation in order, measured in as many steps more; `user` goes to it. */
ENGRAM_API int engram_bench(const engram_bench_job *job, engram_bench_summary *summary, engram_bench_node_fn *node,
                            void *user, engram_error *error);

/* What this machine can do at most, measured in about a second; `threads` 0: all that the process may use. */
typedef struct engram_machine {
    double fma_gflops;              /* multiply-adds in registers, float32 */
    double convolution_gflops;      /* a large convolution, float32 */
    double convolution_bf16_gflops; /* the same in bfloat16; 0: not native here */
    double copy_gbytes;             /* copying memory, bytes read and written, 10^9 a second */
} engram_machine;
ENGRAM_API int engram_machine_measure(int threads, engram_machine *machine, engram_error *error);

#ifdef __cplusplus
}
#endif

#endif
