/* engram: learns what normal looks like and points at what is not.
 *
 * One header, four parts, each of which needs only those before it:
 *     1. score     load a model, score pictures, write heat maps
 *     2. train     learn a model from normal data, evaluate it, write a report
 *     3. data      look at data before anything is learnt from it
 *     4. inspect   what models, options, sources there are and what a model file holds
 *
 * The ten-line use is examples/score_one.c; examples/score_threads.c shares a model between threads,
 * examples/camera.c and examples/stream.c score frames as they come, examples/score_rows.c rows of numbers.
 *
 * Errors. Functions that can fail return 0 (or what they say) on success and a negative ENGRAM_* code on failure,
 * having filled *error with one full sentence for the user: what was wanted, what was found, in which file, what to do
 * about it. `error` may be NULL. On success *error is left alone; on failure outputs are left alone. An argument or
 * member that is NULL where it may not be is ENGRAM_USAGE; functions without an `error` then answer 0, NaN or nothing.
 * The library never exits, aborts or prints.
 *
 * Sizes. Every struct begins with its own size (but engram_error and engram_part, which never change). Whoever makes a
 * struct sets it: the caller with the initialiser (engram_result result = ENGRAM_RESULT_INIT;) or by name ({.size =
 * sizeof(engram_train_job), ...}), the library in what it hands to callbacks. In an array all elements have the first
 * one's size.
 *
 * How this interface may grow. Structs grow at their end, and what a caller's struct is too short to hold has its
 * default: 0 or NULL means what the library did before the member was there. So a program that was built with an older
 * header runs as it did. A member that the running library does not know is ENGRAM_USAGE unless it is 0; in structs
 * that the library fills it becomes 0. Nothing is removed or given another meaning without another soname. New
 * settings, sources, models, facts and metrics may appear at any place of their tables: look for names, not numbers.
 * New codes may be added to every enumeration.
 *
 * Settings are texts "name=value", in the order in which they count; what there is and what it means is a table
 * (engram_scorer_option_at, engram_evaluate_option_at, engram_train_option_at, engram_model_option_at). `settings` may
 * be NULL when there are 0.
 *
 * Ownership. What a function hands out through `T **` belongs to the caller until the T's _free, which takes NULL too.
 * Strings and pictures that come in are only read, and not kept after the call. Strings that come out belong to the
 * library: tables' for ever, an object's until it is freed, a callback's until the callback returns. Values are copied
 * into the caller's memory: nothing in a result dies with the next call.
 *
 * Threads. Any function may be called from any thread. An engram_model is read-only: any number of threads may use one
 * at once. An engram_stop is anybody's at any time. Every other object is one thread's at a time; several scorers on
 * several threads may share one model. Within a call, up to `threads` threads of the process's OpenMP pool compute;
 * callbacks come on the calling thread, but for engram_data_source's read. Idle threads of that pool spin before they
 * sleep; while others are seen to compute on the same cores they sleep at once. How long they spin otherwise OpenMP
 * reads when it is loaded: some milliseconds, or what engram_spin_count says. A host's signal handlers should not
 * run in a thread that computes, unless on a stack of their own (sigaltstack): generated code borrows the stack's
 * register.
 *
 * Text is UTF-8, paths are bytes as the system has them. Numbers in texts are written with a point whatever the
 * program's locale is: during a call, callbacks included, the calling thread is in the C locale. Lengths of pictures
 * are pixels, times seconds, memory bytes. */
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

/* The one place where the version stands: the build reads it here. */
#define ENGRAM_VERSION "0.2.0"

/* The version of the library that is running, "0.2.0": may be newer than the header's. */
ENGRAM_API const char *engram_version(void);

/* How many threads compute where `asked` are asked for: no more than there are processor cores that the process may use;
 * 0: as many. */
ENGRAM_API int engram_threads(int asked);

/* For how many pauses of this processor idle threads should spin: long enough for small nets, short enough to be quiet
 * between calls. OpenMP takes it from the environment it is started with, OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=this:
 * a program that wants it sets both for what it starts, or, as the command does, begins itself again (execv). */
ENGRAM_API int engram_spin_count(void);

enum {
    ENGRAM_OK = 0,
    ENGRAM_FAIL = -1,    /* the work could not be done: data, numbers, state */
    ENGRAM_USAGE = -2,   /* asked for something that does not exist: model, option, value */
    ENGRAM_MEMORY = -3,  /* an allocation failed */
    ENGRAM_IO = -4,      /* a file could not be opened, read or written */
    ENGRAM_FORMAT = -5,  /* a file is not what it should be */
    ENGRAM_STOPPED = -6, /* a callback or a stop token asked to stop */
};

typedef struct engram_error {
    int code; /* ENGRAM_* */
    char message[1024];
} engram_error;

/* A flag that says: stop. Long calls that were given it look at it after every step, sample or file and end with
 * ENGRAM_STOPPED; training saves first. Setting and looking are a single atomic access each: from any thread, and from
 * a signal handler. It stays set until it is cleared. */
typedef struct engram_stop engram_stop;

ENGRAM_API int engram_stop_new(engram_stop **stop, engram_error *error);
ENGRAM_API void engram_stop_set(engram_stop *stop);
ENGRAM_API void engram_stop_clear(engram_stop *stop);
ENGRAM_API int engram_stop_is_set(const engram_stop *stop); /* 1 or 0 */
/* After the last call that was given it. */
ENGRAM_API void engram_stop_free(engram_stop *stop);

enum { ENGRAM_LOG_WARN, ENGRAM_LOG_INFO, ENGRAM_LOG_DEBUG };

/* How far a long call has come. Members that do not apply are 0. */
typedef struct engram_progress {
    size_t size;
    const char *what;         /* "training", "fitting", "scoring", "evaluating" */
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
    size_t size;
    void *user; /* handed to each */
    /* One message without newline, `level` ENGRAM_LOG_*. */
    void (*log)(void *user, int level, const char *text);
    /* Called after every step or batch; cheap to ignore. It may set `stop`. */
    void (*progress)(void *user, const engram_progress *progress);
    const engram_stop *stop;
} engram_hooks;

/* ======== 1. Score ======== */

/* A trained model from its file, with everything that scoring needs: weights, preprocessing, calibration. */
typedef struct engram_model engram_model;

/* Reads and checks a model file. ENGRAM_IO: cannot be read; ENGRAM_FORMAT: no model file, damaged, or too new. */
ENGRAM_API int engram_model_load(const char *path, engram_model **model, engram_error *error);
/* The same of a model file's n bytes in memory, which are not needed afterwards. */
ENGRAM_API int engram_model_load_memory(const void *bytes, size_t n, engram_model **model, engram_error *error);
/* After the last scorer and evaluation of it. */
ENGRAM_API void engram_model_free(engram_model *model);

/* The smallest false-alarm rate at which anything can be called anomalous: 1/(n+1) of n calibration samples. */
ENGRAM_API double engram_model_smallest_rate(const engram_model *model);
/* At that rate, what scores above this is anomalous; infinite where nothing can be. This and the p-value are about the
 * scores of a scorer whose setting `score` is left at "file". */
ENGRAM_API double engram_model_threshold(const engram_model *model, double rate);
/* What the real false-alarm rate of this model stays below at that rate, with `confidence` (0.9) over the draw of the
 * calibration samples: `rate` itself is the mean over many trainings. 0 where nothing can be flagged. */
ENGRAM_API double engram_model_rate_bound(const engram_model *model, double rate, double confidence);
/* Share of normal samples with such a score or a higher one, (1 + #) / (n + 1). */
ENGRAM_API double engram_model_p_value(const engram_model *model, double score);

/* Scores samples with a model: owns the buffers of one computation. */
typedef struct engram_scorer engram_scorer;

/* Settings of a scorer: threads, batch, false_alarm_rate, maps... (engram_scorer_option_at). The model must outlive the
 * scorer. ENGRAM_USAGE: no such setting, or a value out of range. */
ENGRAM_API int engram_scorer_new(const engram_model *model, const char *const *settings, size_t nsettings,
                                 engram_scorer **scorer, engram_error *error);
ENGRAM_API void engram_scorer_free(engram_scorer *scorer);

/* How pixels lie in memory. */
enum {
    ENGRAM_GREY8,
    ENGRAM_GREY16, /* in this machine's byte order, 0 to 65535: cameras of 10 or 12 bits shift theirs up */
    ENGRAM_RGB,    /* a byte each, in the order of the name */
    ENGRAM_BGR,
    ENGRAM_RGBA, /* laid on black by alpha: 255 where the fourth byte means nothing */
    ENGRAM_BGRA,
    ENGRAM_NV12, /* plane 0: Y; plane 1: U and V in turn, for 2x2 pixels. BT.601, Y from 16 to 235 */
    ENGRAM_YUYV, /* Y U Y V for 2 pixels; the same range */
};

/* A picture in memory, as a camera, a decoder or a program has it; of any size. Rows from the top, no alignment. */
typedef struct engram_picture {
    size_t size;
    int format; /* ENGRAM_GREY8... */
    int width, height;
    const void *plane[4]; /* as many as the format has, the others NULL */
    size_t stride[4];     /* bytes from row to row; 0: they lie without gaps */
} engram_picture;

/* One part of the model's own score, which is the sum of weight * value over its parts. */
typedef struct engram_part {
    const char *name; /* "error"; the model's */
    double value, weight;
} engram_part;

enum { ENGRAM_PARTS = 8 };

/* The verdict on one sample. A score does not depend on which samples are scored beside it. */
typedef struct engram_result {
    size_t size;
    double score;   /* higher is more abnormal; its unit is the model's, or where it is the map's, see `score` of the
                       scorer's settings, deviations from what is usual */
    double p_value; /* share of normal samples with such a score or a higher one, (1 + #) / (n + 1): 1/(n+1) to 1 */
    int anomalous;  /* 1 where p_value <= the scorer's false_alarm_rate, else 0 */
    int nparts;
    engram_part parts[ENGRAM_PARTS];
} engram_result;

/* Scores one picture of any size: it is brought to the model's size and colours first. */
ENGRAM_API int engram_score_picture(engram_scorer *scorer, const engram_picture *picture, engram_result *result,
                                    engram_error *error);
/* Scores n pictures at once, as many as the scorer's `batch` at most; of a model that sees pictures in tiles `batch`
 * counts those, and at least one picture is taken. A picture that cannot be used fails them all. */
ENGRAM_API int engram_score_pictures(engram_scorer *scorer, const engram_picture *pictures, size_t n,
                                     engram_result *results, engram_error *error);
/* Scores a picture file: png, jpg, tiff, bmp, webp, pgm, ppm. */
ENGRAM_API int engram_score_file(engram_scorer *scorer, const char *path, engram_result *result, engram_error *error);
/* The same of a picture file's n bytes in memory. Servers set the scorer's max_side, max_pixels and max_bytes, beyond
 * which nothing is decoded. */
ENGRAM_API int engram_score_encoded(engram_scorer *scorer, const void *bytes, size_t n, engram_result *result,
                                    engram_error *error);
/* Scores n rows of `columns` numbers each, one row behind the other, as the training's data had them: any n, `batch` of
 * them at a time. A row has a number for each learnt column (engram_model_column_at), of a category its place among
 * those that the model knows, from 0, and anything else for an unknown one. Another number of columns than the model's
 * (engram_format's channels) is ENGRAM_USAGE; a number that is not finite fails them all, before any is scored. */
ENGRAM_API int engram_score_rows(engram_scorer *scorer, const float *rows, size_t n, size_t columns,
                                 engram_result *results, engram_error *error);
/* The same of n rows of `columns` texts each, as they stand in a file: of every column that the model has learnt, in
 * the order of its facts of the section "columns", a number ("0.5") or a category ("tcp"; one that the training did not
 * have is like no other). NULL and "" are missing values, which a model takes whose training was told what to do with
 * them. */
ENGRAM_API int engram_score_fields(engram_scorer *scorer, const char *const *fields, size_t n, size_t columns,
                                   engram_result *results, engram_error *error);

/* Copies the heat map of result i of the scorer's last call (0; within a row's callback: the row's own), where and how
 * abnormal: n values, height x width of engram_model_format (of each frame). Settings: maps=true. ENGRAM_USAGE: another
 * n, no such result, not asked for, or the model makes none. */
ENGRAM_API int engram_scorer_map(const engram_scorer *scorer, size_t i, float *values, size_t n, engram_error *error);

enum { ENGRAM_TARGET, ENGRAM_OUTPUT };

/* The same for pictures: what the model's output should have been (ENGRAM_TARGET: the picture as the model saw it,
 * where it does not predict), and what it was (ENGRAM_OUTPUT; none where the model rebuilds nothing): n bytes, height x
 * width x channels. Settings: outputs=true. */
ENGRAM_API int engram_scorer_pixels(const engram_scorer *scorer, size_t i, int which, uint8_t *pixels, size_t n,
                                    engram_error *error);

enum {
    ENGRAM_MAP_PNG, /* in colours; the scale is fixed by the model's calibration, the same for every picture */
    ENGRAM_MAP_NPY, /* NumPy's format: float32, height x width, the values themselves */
};

/* Writes the heat map of result i (as in engram_scorer_map) as a file, whole or not at all; folders on the way are
 * made. An existing file is refused (ENGRAM_IO) unless `force`. The frames of a clip lie below each other. */
ENGRAM_API int engram_scorer_map_write(const engram_scorer *scorer, size_t i, const char *path, int format, int force,
                                       engram_error *error);

/* The same for height x width values that a program has. Their colours are those of the map that the model's verdicts
 * stand on, unless a scorer's setting `score` says something else. */
ENGRAM_API int engram_map_write(const engram_model *model, const float *values, int width, int height, const char *path,
                                int format, int force, engram_error *error);

/* A connected part of a heat map, over sides and corners, that lies above what the highest spot of a normal picture
 * exceeds in a share of false_alarm_rate of them. Lengths are pixels of the map. */
typedef struct engram_region {
    size_t size;
    int frame;               /* of a clip, from 0 */
    int x, y, width, height; /* the smallest box around it */
    int64_t area;            /* pixels in it */
    double peak;             /* their highest value, */
    int peak_x, peak_y;      /* and where that is */
} engram_region;

/* Finds the regions of result i's heat map (as in engram_scorer_map), frame by frame, highest peak first: *n of them,
 * of which the first `room` are written to `regions` (NULL where room is 0). */
ENGRAM_API int engram_scorer_regions(const engram_scorer *scorer, size_t i, engram_region *regions, size_t room,
                                     size_t *n, engram_error *error);

/* One column's part in what is abnormal of a row. */
typedef struct engram_reason {
    size_t size;
    const char *column; /* its name; the model's */
    double share;       /* of what all columns add to the heat map that the verdict stands on, 0 to 1 */
    char value[64];     /* what stands in the row, as its file has it: "5821", "ecr_i"; cut where it is longer */
    char normal[112];   /* what stands in normal rows: "0..12", where 98 % of them lie; "tcp 70 %, udp 20 %, 3 more" */
} engram_reason;

/* Finds the columns that make result i (as in engram_scorer_map) abnormal, largest share first: *n of them, of which
 * the first `room` are written to `reasons` (NULL where room is 0). Of rows alone; settings: maps=true. After
 * engram_score_rows, of as many rows as a batch at most. */
ENGRAM_API int engram_scorer_reasons(const engram_scorer *scorer, size_t i, engram_reason *reasons, size_t room,
                                     size_t *n, engram_error *error);

/* One sample of a data set with its verdict, or with the reason why there is none. */
typedef struct engram_row {
    size_t size;
    const char *name;              /* unique in the data set, relative: good/000.png */
    const char *path;              /* the file it is in */
    int64_t index;                 /* its place in that file, of a frame its number; 0 for a picture of its own */
    const char *kind;              /* class or kind of defect; "" where the data has none */
    int truth;                     /* 0 normal, 1 anomalous, -1 not known */
    const char *error;             /* NULL, or the sentence about a sample that could not be read */
    const engram_result *result;   /* NULL where there is an error */
    double time;                   /* of a frame, in seconds from where its video or stream begins; else NaN */
    const engram_picture *picture; /* the frame itself, where the scorer's setting pictures=true asks for it: 8-bit grey
                                      or RGB, made smaller where it was very large; else NULL */
    const char *id; /* of a row of a table: what its id columns say, ", " between; NULL where it has none */
} engram_row;

/* Non-zero stops the call with ENGRAM_STOPPED. The row and all in it is valid during the call only. */
typedef int engram_row_fn(void *user, const engram_row *row);

/* Scores data in its order, one call of `row` a sample, as they come. `urls` (n of them): paths of pictures or folders,
 * or SOURCE:PATH?option=value (engram_source_at); of data with a training and a test part, the test part. A sample that
 * cannot be read, or of several paths one that is not there, is a row with its error. `hooks` may be NULL; `user` goes
 * to `row`, which may look at its map. */
ENGRAM_API int engram_score_data(engram_scorer *scorer, const char *const *urls, size_t n, const engram_hooks *hooks,
                                 engram_row_fn *row, void *user, engram_error *error);

/* Frames one after the other, as a camera or a decoder of the program's delivers them, each with a verdict of its own.
 * A model of clips needs frames before and behind one to judge it; the stream keeps them, and no more than those. */
typedef struct engram_stream engram_stream;

/* `row` (with `user`) is told of every frame, in order: `index` counts them from 0, `time` is what was said of it, and
 * engram_scorer_map gives its own map. The scorer says what is computed and how (its setting batch is 1 here), and must
 * outlive the stream; several streams, each on a thread of its own, take a scorer each. `hooks` may be NULL; their stop
 * ends a push with ENGRAM_STOPPED. ENGRAM_USAGE: a model of rows. */
ENGRAM_API int engram_stream_new(engram_scorer *scorer, const engram_hooks *hooks, engram_row_fn *row, void *user,
                                 engram_stream **stream, engram_error *error);
/* The next frame, of any format and size, at `time` (any, in seconds). Rows of the frames that have waited for it come
 * during the call. A picture that cannot be used is refused and is not part of the stream. Non-zero from `row` ends the
 * call with ENGRAM_STOPPED when the frame has been taken. */
ENGRAM_API int engram_stream_push(engram_stream *stream, const engram_picture *picture, double time,
                                  engram_error *error);
/* Rows of the frames that still wait: no clip reaches over an end. The next push begins anew, and goes on counting; so
 * a stream ends where frames are missing, too. Fewer frames than a clip has, from one end to the next, are a row with
 * an error, the `index` of the first. */
ENGRAM_API int engram_stream_end(engram_stream *stream, engram_error *error);
/* How many frames are pushed behind a frame, at most, before it has its row; 0 of a model of pictures. */
ENGRAM_API int64_t engram_stream_latency(const engram_stream *stream);
ENGRAM_API void engram_stream_free(engram_stream *stream);

/* A video that shows what was found: every frame with its heat map laid on, the scores against the threshold, and the
 * verdict. mp4, mkv, mov or webm, by the path's ending. */
typedef struct engram_overlay engram_overlay;

/* For rows of that scorer, which outlives it; its settings should be pictures=true, and maps=true where the model makes
 * maps. An existing file is refused (ENGRAM_IO, with the first frame) unless `force`. */
ENGRAM_API int engram_overlay_new(const engram_scorer *scorer, const char *path, int force, engram_overlay **overlay,
                                  engram_error *error);
/* The next frame: a row of one video or stream, during the call that hands it over. One with an error shows nothing.
 * ENGRAM_USAGE: the row has no picture. */
ENGRAM_API int engram_overlay_add(engram_overlay *overlay, const engram_row *row, engram_error *error);
/* Writes the file, whole or not at all; nothing can be added afterwards. ENGRAM_FAIL: there was no frame. */
ENGRAM_API int engram_overlay_end(engram_overlay *overlay, engram_error *error);
/* Without an end nothing is left of it. */
ENGRAM_API void engram_overlay_free(engram_overlay *overlay);

enum { ENGRAM_DATA_TRAIN, ENGRAM_DATA_TEST };

/* What is known of a sample beside its pixels. */
typedef struct engram_sample {
    size_t size;
    const char *name, *path, *kind; /* as in engram_row */
    int64_t index;
    int truth;
    int part; /* ENGRAM_DATA_* */
} engram_sample;

/* Data that a program has: functions of its own instead of files. They are called one at a time, though not always on
 * the same thread, and what they hand out has to stay until they are called again. They may be called as long as what
 * was made of them is there: the call, or the engram_data. */
typedef struct engram_data_source {
    size_t size;
    const char *name; /* in sentences, the model file and the report; NULL: "the program's data" */
    size_t count;     /* samples */
    void *user;       /* handed to both */
    /* Says what is known of sample i: name (unique; NULL: its number), kind, truth (-1 beforehand: not known), part
     * (opened to learn from: ENGRAM_DATA_TEST is held back, and so is all that is anomalous). path and index are not
     * read. May be NULL: nothing is known. */
    void (*describe)(void *user, size_t i, engram_sample *sample);
    /* Fills in sample i; equal calls give equal pixels. Non-zero: it cannot be read, error->message says why. */
    int (*read)(void *user, size_t i, engram_picture *picture, engram_error *error);
} engram_data_source;

/* The same for a program's own data. */
ENGRAM_API int engram_score_source(engram_scorer *scorer, const engram_data_source *source, const engram_hooks *hooks,
                                   engram_row_fn *row, void *user, engram_error *error);

/* ======== 2. Train, evaluate, report ======== */

typedef struct engram_train_job {
    size_t size;
    const char *model; /* "memae"; see engram_model_kind_at. NULL: the one to begin with for the kind of data */
    const char
        *preset; /* a named set of options (engram_preset_at); NULL: the model's general one for the kind of data */
    const char *const *settings; /* the model's and the training's options, after the preset */
    size_t nsettings;
    const char *data;   /* URL as in engram_score_data; of data with a training and a test part, the training part */
    const char *output; /* the model file to write; existing: ENGRAM_IO unless force or resume */
    const char *date;   /* goes into the file as it is; NULL: none, and equal jobs then give equal files */
    int force;
    int resume; /* go on with the training that left its state beside `output`; with the same seed and threads the
                   result is bit for bit that of an uninterrupted one */
    const engram_data_source *source; /* the program's own data; then `data` is NULL */
} engram_train_job;

typedef struct engram_train_summary {
    size_t size;
    int64_t epochs;         /* trained in all; 0 of a model that is fitted, which has none */
    int64_t kept_epoch;     /* whose weights are in the file, from 1 */
    int stopped_early;      /* 1: the validation loss got no better for `patience` epochs */
    double validation_loss; /* of the epoch that is kept; NaN without a validation share */
    double seconds;         /* of this call */
    size_t bytes; /* of the computation's buffers: the part of memory that grows with batch and picture size */
    size_t trained, validated, calibrated; /* samples used for each */
} engram_train_summary;

/* Trains on normal data and writes the model file, whole or not at all. Everything wrong with job and data is found
 * before the first step. A stop finishes the step, saves so that `resume` can go on, and returns ENGRAM_STOPPED.
 * `summary` and `hooks` may be NULL. */
ENGRAM_API int engram_train(const engram_train_job *job, const engram_hooks *hooks, engram_train_summary *summary,
                            engram_error *error);

typedef struct engram_add_job {
    size_t size;
    const char *model;  /* the file of a model that is fitted */
    const char *data;   /* more normal data: as of a training */
    const char *output; /* the model file to write, which may be `model` itself: it is replaced whole or not at all */
    int force;          /* an existing output may be replaced */
    int threads;        /* 0: all that the process may use */
    const engram_data_source *source; /* the program's own data; then `data` is NULL */
} engram_add_job;

typedef struct engram_add_summary {
    size_t size;
    size_t added, calibrated; /* samples of this call that the model learnt from, and that calibrate it */
    size_t trained;           /* learnt from in all, with those of before */
    double seconds;
} engram_add_summary;

/* Adds more normal data to a model without beginning again: what it remembers grows, and so does its calibration. What
 * it found out about the pictures' scale stays as it was; the promise of its false-alarm rate holds for the new file as
 * it did for the old. ENGRAM_USAGE: a model that nothing can be added to, which are those that are trained in epochs
 * and some that are fitted: the sentence says what to do. `summary` and `hooks` may be NULL. */
ENGRAM_API int engram_add(const engram_add_job *job, const engram_hooks *hooks, engram_add_summary *summary,
                          engram_error *error);

/* What a model does on labelled data. */
typedef struct engram_evaluation engram_evaluation;

/* Scores the test part of the data at `url`, in which the truth of some samples must be known, and keeps what a report
 * needs: the pictures it shows, scores, curves, the memory. Settings: a scorer's, and metrics that are off by default
 * (engram_evaluate_option_at). The model must outlive the evaluation. A sample that cannot be read is left out, counted
 * and logged. (maps and outputs mean nothing here: what is needed of them is made.) */
ENGRAM_API int engram_evaluate(const engram_model *model, const char *url, const char *const *settings,
                               size_t nsettings, const engram_hooks *hooks, engram_evaluation **evaluation,
                               engram_error *error);
ENGRAM_API int engram_evaluate_source(const engram_model *model, const engram_data_source *source,
                                      const char *const *settings, size_t nsettings, const engram_hooks *hooks,
                                      engram_evaluation **evaluation, engram_error *error);
ENGRAM_API void engram_evaluation_free(engram_evaluation *evaluation);

/* One number of an evaluation. */
typedef struct engram_metric {
    size_t size;
    const char *name; /* "auroc" */
    const char *kind; /* the kind of anomaly it is about; "": all */
    double value;     /* NaN: cannot be said of this data */
    const char *help; /* one line */
} engram_metric;

/* The i-th number, from 0: 1, or 0 past the last. */
ENGRAM_API int engram_evaluation_metric(const engram_evaluation *evaluation, size_t i, engram_metric *metric);
/* The value of the number of that name over all kinds; NaN when there is none. */
ENGRAM_API double engram_evaluation_value(const engram_evaluation *evaluation, const char *name);

typedef struct engram_roc_point {
    size_t size;
    double false_alarm_rate, detection_rate; /* where all scores of */
    double threshold;                        /* and above are called anomalous */
} engram_roc_point;

/* The i-th point of the curve from (0, 0) to (1, 1): 1, or 0 past the last; none without normal and anomalous samples.
 */
ENGRAM_API int engram_evaluation_roc(const engram_evaluation *evaluation, size_t i, engram_roc_point *point);

/* One sample that was scored. */
typedef struct engram_scored {
    size_t size;
    const char *name, *path, *kind; /* as in engram_row; the evaluation's */
    int64_t index;
    int truth;
    double score, p_value;
} engram_scored;

/* The i-th of them, in the order of the data: 1, or 0 past the last. */
ENGRAM_API int engram_evaluation_sample(const engram_evaluation *evaluation, size_t i, engram_scored *sample);

/* What the report is to say of the training, which the evaluation did not see: seconds, and the most memory that the
 * process held, in bytes. Optional. */
ENGRAM_API void engram_evaluation_training(engram_evaluation *evaluation, double seconds, size_t peak_bytes);

/* Writes one self-contained HTML page that shows n evaluations of the same data at the same rate side by side, whole or
 * not at all. An existing file is refused (ENGRAM_IO) unless `force`. `title` is the heading, NULL: the data's name;
 * `date` (may be NULL) is shown as it is; `hooks` may be NULL. */
ENGRAM_API int engram_report_write(const engram_evaluation *const *evaluations, size_t n, const char *title,
                                   const char *date, const char *path, int force, const engram_hooks *hooks,
                                   engram_error *error);

/* ======== 3. Data ======== */

typedef struct engram_data engram_data;

/* Finds the samples at a URL, as training and evaluation do, and reads none. Warnings about files that are no samples
 * go to hooks->log (hooks may be NULL). */
ENGRAM_API int engram_data_open(const char *url, const engram_hooks *hooks, engram_data **data, engram_error *error);
ENGRAM_API int engram_data_open_source(const engram_data_source *source, const engram_hooks *hooks, engram_data **data,
                                       engram_error *error);
ENGRAM_API void engram_data_free(engram_data *data);

/* Number of samples in ENGRAM_DATA_TRAIN or ENGRAM_DATA_TEST. */
ENGRAM_API size_t engram_data_count(const engram_data *data, int part);

/* The i-th sample of a part: 1, or 0 past the last. */
ENGRAM_API int engram_data_sample(const engram_data *data, int part, size_t i, engram_sample *sample);

/* Opens every sample and mask of both parts; the error is one sentence that counts and names what is wrong. */
ENGRAM_API int engram_data_check(engram_data *data, const engram_hooks *hooks, engram_error *error);

/* A few lines for people, each to hooks->log at ENGRAM_LOG_INFO: parts, kinds, sizes (after a check), what was skipped.
 */
ENGRAM_API int engram_data_summary(const engram_data *data, const engram_hooks *hooks, engram_error *error);

/* ======== 4. Inspect ======== */

/* Tables: the i-th row, counted from 0, to *row: 1, or 0 past the last (or where the owner is not known). */

typedef struct engram_model_kind {
    size_t size;
    const char *name, *title, *paper, *idea; /* "memae", "Memory-augmented autoencoder", source, two sentences */
} engram_model_kind;

ENGRAM_API int engram_model_kind_at(size_t i, engram_model_kind *row);

typedef struct engram_option {
    size_t size;
    const char *name, *type; /* "int", "float", "bool", "choice", "text", "ints" (16,32,64) */
    const char *value;       /* the default, as a user would type it */
    const char *choices;     /* "cosine|dot"; NULL where type is another */
    double min, max;         /* both allowed; of int, float, ints */
    const char *help;        /* one line, with the unit */
} engram_option;

ENGRAM_API int engram_model_option_at(const char *model, size_t i, engram_option *row);
ENGRAM_API int engram_train_option_at(size_t i, engram_option *row);    /* the same for every model */
ENGRAM_API int engram_scorer_option_at(size_t i, engram_option *row);   /* the same */
ENGRAM_API int engram_evaluate_option_at(size_t i, engram_option *row); /* the same */

typedef struct engram_preset {
    size_t size;
    const char *name, *help;
    const char *model, *train; /* "name=value name=value" */
} engram_preset;

ENGRAM_API int engram_preset_at(const char *model, size_t i, engram_preset *row);

typedef struct engram_source {
    size_t size;
    const char *name, *help;
} engram_source;

ENGRAM_API int engram_source_at(size_t i, engram_source *row);
ENGRAM_API int engram_source_option_at(const char *source, size_t i, engram_option *row);

enum { ENGRAM_FACT_TEXT, ENGRAM_FACT_BOOL, ENGRAM_FACT_INT, ENGRAM_FACT_FLOAT, ENGRAM_FACT_LIST };

/* What a model file says of itself: options, preprocessing, calibration, provenance. */
typedef struct engram_fact {
    size_t size;
    const char *section, *name; /* "options", "items" */
    int type;                   /* ENGRAM_FACT_*: which of the following it is */
    const char *text;           /* as people read it, whatever its type: "100" */
    const char *unit;           /* "bytes"; "" where it has none */
    int64_t integer;            /* INT; BOOL: 0 or 1 */
    double number;              /* FLOAT, and INT and BOOL too */
    const int64_t *list;        /* LIST: nlist whole numbers */
    size_t nlist;
} engram_fact;

ENGRAM_API int engram_model_fact_at(const engram_model *model, size_t i, engram_fact *row);

/* One epoch of the training that made a model. */
typedef struct engram_epoch {
    size_t size;
    int64_t epoch;            /* from 1 */
    int kept;                 /* 1: the model's weights are of this epoch */
    const char *const *names; /* nvalues losses and things to watch, */
    const double *values;     /* means over the epoch */
    size_t nvalues;
    double validation_loss; /* NaN: no validation share */
} engram_epoch;

ENGRAM_API int engram_model_curve_at(const engram_model *model, size_t i, engram_epoch *row);

/* What a model takes. */
typedef struct engram_format {
    size_t size;
    int64_t frames;        /* of a clip; 0: single pictures */
    int64_t height, width; /* 0: rows of numbers */
    int64_t channels;      /* 1 grey, 3 colour; columns of a row */
    /* What the model sees of a picture at once: tiles, or all of it (then the height and width of above). */
    int64_t tile_height, tile_width;
} engram_format;

/* 1; 0 where there is no model or no struct to fill. */
ENGRAM_API int engram_model_format(const engram_model *model, engram_format *format);

/* A column of the table that a model learnt from. */
typedef struct engram_column {
    size_t size;
    const char *name, *role; /* "duration"; "number", "category", "label", "id", "ignored" */
    int64_t place;           /* in a row of engram_score_rows, from 0; -1: it is not learnt */
    size_t ncategories;      /* of a category: texts that it knows */
    double low, high;        /* of a number: where 98 % of the training rows lie */
} engram_column;

/* The i-th column: 1, or 0 past the last, and of models that are not of rows. */
ENGRAM_API int engram_model_column_at(const engram_model *model, size_t i, engram_column *row);
/* The k-th text of column i's categories; NULL past the last. */
ENGRAM_API const char *engram_model_category_at(const engram_model *model, size_t i, size_t k);

/* Items of a model's k-th memory that can be looked at: the picture that one decodes to on its own. `pixels` (the
 * caller's) gets the n = tile_height x tile_width x channels bytes of what the model sees at once. ENGRAM_USAGE: no
 * such memory, no such item, another n. */
ENGRAM_API size_t engram_model_items(const engram_model *model, size_t k); /* 0: there are none */
ENGRAM_API int engram_model_item(const engram_model *model, size_t k, size_t i, uint8_t *pixels, size_t n,
                                 engram_error *error);

/* Bytes that a scorer with these settings computes in, beside the weights. Nothing of that size is allocated for the
 * answer. */
ENGRAM_API int engram_model_memory(const engram_model *model, const char *const *settings, size_t nsettings,
                                   size_t *bytes, engram_error *error);
/* The same for a training: engram_train_summary's `bytes`. Looks at the data as far as the job leaves size and colours
 * to it; `output` may be NULL. */
ENGRAM_API int engram_train_memory(const engram_train_job *job, size_t *bytes, engram_error *error);

/* How fast a model computes here, on random input: no data, no files. Use an idle machine. */
typedef struct engram_bench_job {
    size_t size;
    const char *model, *preset; /* as in engram_train_job; batch, threads, precision, size are options of training */
    const char *const *settings;
    size_t nsettings;
    int training; /* non-zero: training steps; 0: scoring */
    int repeat;   /* steps to time; 0: 20 */
    int columns;  /* of rows of numbers; 0: pictures, or clips where `frames` is set */
} engram_bench_job;

typedef struct engram_bench_summary {
    size_t size;
    double milliseconds; /* a step: the median */
    int batch, threads;
    const char *precision; /* "f32", "bf16": the one that was used */
    double flops;          /* arithmetic of a step, counted; a multiplication with its addition is two */
    size_t bytes;          /* of the computation's buffers */
    size_t parameters;     /* numbers that training may change, of the nets that the step runs */
} engram_bench_summary;

/* One operation of the net. Times and counts are of one step. */
typedef struct engram_bench_node {
    size_t size;
    const char *name, *op; /* of the layer, "" where it has none; of the operation: "enc.0", "conv" */
    double forward_milliseconds, backward_milliseconds;
    double forward_flops, backward_flops;
    size_t bytes; /* of its result */
} engram_bench_node;
typedef void engram_bench_node_fn(void *user, const engram_bench_node *node);

/* `node` (may be NULL) is called for each operation in order, measured in as many steps more; `user` goes to it.
 * `hooks` may be NULL. */
ENGRAM_API int engram_bench(const engram_bench_job *job, const engram_hooks *hooks, engram_bench_summary *summary,
                            engram_bench_node_fn *node, void *user, engram_error *error);

/* What this machine can do at most, measured in about a second; `threads` 0: all that the process may use. */
typedef struct engram_machine {
    size_t size;
    double fma_gflops;              /* multiply-adds in registers, float32 */
    double convolution_gflops;      /* a large convolution, float32 */
    double convolution_bf16_gflops; /* the same in bfloat16; 0: not native here */
    double copy_gbytes;             /* copying memory, bytes read and written, 10^9 a second */
} engram_machine;

ENGRAM_API int engram_machine_measure(int threads, engram_machine *machine, engram_error *error);

/* ======== Initialisers: its size, and nothing else, for each struct that a caller makes ======== */

// clang-format off
#define ENGRAM_HOOKS_INIT           {sizeof(engram_hooks), 0, 0, 0, 0}
#define ENGRAM_PICTURE_INIT         {sizeof(engram_picture), 0, 0, 0, {0, 0, 0, 0}, {0, 0, 0, 0}}
#define ENGRAM_RESULT_INIT          {sizeof(engram_result), 0, 0, 0, 0, {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}
#define ENGRAM_REGION_INIT          {sizeof(engram_region), 0, 0, 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_REASON_INIT          {sizeof(engram_reason), 0, 0, "", ""}
#define ENGRAM_SAMPLE_INIT          {sizeof(engram_sample), 0, 0, 0, 0, 0, 0}
#define ENGRAM_DATA_SOURCE_INIT     {sizeof(engram_data_source), 0, 0, 0, 0, 0}
#define ENGRAM_TRAIN_JOB_INIT       {sizeof(engram_train_job), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_TRAIN_SUMMARY_INIT   {sizeof(engram_train_summary), 0, 0, 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_ADD_JOB_INIT         {sizeof(engram_add_job), 0, 0, 0, 0, 0, 0}
#define ENGRAM_ADD_SUMMARY_INIT     {sizeof(engram_add_summary), 0, 0, 0, 0}
#define ENGRAM_METRIC_INIT          {sizeof(engram_metric), 0, 0, 0, 0}
#define ENGRAM_ROC_POINT_INIT       {sizeof(engram_roc_point), 0, 0, 0}
#define ENGRAM_SCORED_INIT          {sizeof(engram_scored), 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_MODEL_KIND_INIT      {sizeof(engram_model_kind), 0, 0, 0, 0}
#define ENGRAM_OPTION_INIT          {sizeof(engram_option), 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_PRESET_INIT          {sizeof(engram_preset), 0, 0, 0, 0}
#define ENGRAM_SOURCE_INIT          {sizeof(engram_source), 0, 0}
#define ENGRAM_FACT_INIT            {sizeof(engram_fact), 0, 0, 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_EPOCH_INIT           {sizeof(engram_epoch), 0, 0, 0, 0, 0, 0}
#define ENGRAM_FORMAT_INIT          {sizeof(engram_format), 0, 0, 0, 0, 0, 0}
#define ENGRAM_COLUMN_INIT          {sizeof(engram_column), 0, 0, 0, 0, 0, 0}
#define ENGRAM_BENCH_JOB_INIT       {sizeof(engram_bench_job), 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_BENCH_SUMMARY_INIT   {sizeof(engram_bench_summary), 0, 0, 0, 0, 0, 0, 0}
#define ENGRAM_MACHINE_INIT         {sizeof(engram_machine), 0, 0, 0, 0}
// clang-format on

#ifdef __cplusplus
}
#endif

#endif
