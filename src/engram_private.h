/* What the files of the public interface share. */
#ifndef ENGRAM_PRIVATE_H
#define ENGRAM_PRIVATE_H

#include "engram.h"

#include "base/err.h"
#include "base/log.h"
#include "data/callback.h"
#include "file/facts.h"
#include "file/train_config.h"
#include "models/model.h"
#include "run/evaluate.h"
#include "run/score.h"

#include <locale.h>
#include <stdbool.h>

struct engram_model {
    struct loaded *loaded;
    struct facts facts;
    const char *curve_names[OBJECTIVES + WATCHES]; /* losses, then watches */
    double *curve_values;                          /* of an epoch, one epoch after the other */
};

/* Of what its verdicts stand on. */
const struct calibration *model_calibration(const engram_model *model);

/* ---- calls ---- */

/* One call from outside that can fail: numbers are read and written as in the C locale until it ends. */
struct call {
    struct err err;
    locale_t before;
    engram_hooks hooks; /* the caller's, after call_hooks; else nothing */
};

void call_begin(struct call *call);
/* Hands over the error where code is negative; returns 0 or the code. */
int call_end(struct call *call, int code, engram_error *error);

/* ERR_USAGE where one of the arguments of `function` is NULL:
 *
 *     int code = NEEDS(&call, GIVEN(path), GIVEN(model));
 */
struct argument {
    const char *name; /* NULL ends a list */
    bool given;
};
#define GIVEN(argument)                                                                                                \
    {                                                                                                                  \
#argument, (argument) != NULL                                                                                  \
    }
#define NEEDS(call, ...) call_needs(call, __func__, (const struct argument[]){__VA_ARGS__, {0}})
int call_needs(struct call *call, const char *function, const struct argument *arguments);

/* ---- structs that begin with their size ---- */

/* A struct that the caller filled (NULL: nothing but defaults) into `out`, which is of this library's size: members
 * that the caller's is too short for are 0. ERR_USAGE: no size, or something in members that are not known here. */
#define STRUCT_READ(type, in, out, e) struct_read(#type, in, sizeof(type), out, e)
int struct_read(const char *type, const void *in, size_t known, void *out, struct err *e);

/* Whether a struct that is to be filled says how large it is. */
#define STRUCT_CHECK(type, out, e) struct_check(#type, out, e)
int struct_check(const char *type, const void *out, struct err *e);

/* Fills such a struct, as far as it goes, and sets what is unknown here to 0. */
#define STRUCT_WRITE(type, out, ...) struct_write(out, &(const type){__VA_ARGS__}, sizeof(type))
void struct_write(void *out, const void *full, size_t known);

/* The i-th struct of an array whose elements have the size that the first one says. */
void *struct_element(const void *array, size_t i);

/* Fills the row of a table: 1, or 0 where there is no struct or it says no size. */
#define STRUCT_ROW(type, row, ...) struct_row(row, &(const type){__VA_ARGS__}, sizeof(type))
int struct_row(void *row, const void *full, size_t known);

/* ---- hooks ---- */

int call_hooks(struct call *call, const engram_hooks *hooks);
/* The caller's hooks, read by call_hooks, as the floors below know them. */
struct log hooks_log(const engram_hooks *hooks);
bool hooks_stop(void *hooks);
void hooks_samples(const engram_hooks *hooks, const char *what, size_t done, size_t total, double seconds);
/* For the `user` of a floor's callbacks, which is not const. */
void *hooks_user(const engram_hooks *hooks);

/* Of trainings. */
struct train_progress;
void hooks_training(void *hooks, const struct train_progress *p);

/* ---- data ---- */

/* A caller's picture as picture/pixels.h has it, which checks what is not checked here. */
int picture_pixels(const engram_picture *in, struct pixels *out, struct err *e);

/* The caller's functions as data/callback.h has them; as long-lived as the data set. */
struct own_data {
    engram_data_source source;
    struct callback_data inner;
};

/* What a data set is made of: URLs, or where `source` is not NULL the caller's functions. */
struct origin {
    const char *const *urls;
    size_t n;
    const engram_data_source *source;
    const struct preprocess *like; /* and `pass`: as in struct dataset_purpose */
    bool pass;
};

int origin_open(const struct origin *origin, enum dataset_use use, const struct log *log, struct own_data *own,
                struct dataset **data, struct err *e);
const char *origin_name(const struct origin *origin, const struct own_data *own);

/* ---- settings ---- */

/* What becomes of a live stream's frames that come too fast. */
enum late { LATE_DROP, LATE_WAIT };

/* What a scorer's settings say. */
struct scorer_config {
    int64_t threads, batch;
    double false_alarm_rate;
    enum score_by score;
    bool maps, outputs, pictures;
    enum late late;
    int64_t reconnect;
    enum precision precision;
    enum protocol protocol;                  /* of videos, */
    int64_t hop;                             /* as this: as in scorer_spec */
    int64_t max_side, max_pixels, max_bytes; /* of a picture that is to be decoded */
};

extern const struct option scorer_options[];

int scorer_config_read(const char *const *settings, size_t n, struct scorer_config *c, struct err *e);
struct scorer_spec scorer_spec_of(const struct scorer_config *c);
struct picture_limits scorer_limits(const struct scorer_config *c);

/* What an evaluation's settings say: a scorer's, and */
struct evaluate_config {
    struct scorer_config scorer;
    bool min_max;
    int64_t made; /* pictures with made defects, in place of what is known to be anomalous; 0: none */
    enum made_kind made_kind;
    enum per_video per_video;
    double smooth;
};

extern const struct option evaluate_options[];

int evaluate_config_read(const char *const *settings, size_t n, struct evaluate_config *c, struct err *e);

/* A model with its options and the training's: presets (names with commas between; NULL: the model's general one for
 * such samples, TAKES_*), then settings "name=value". chosen_free whatever came of it. */
struct chosen {
    const struct model *model;
    void *config;
    struct train_config train;
};
int chosen_read(struct chosen *c, const char *model, const char *presets, unsigned takes, const char *const *settings,
                size_t n, struct err *e);
void chosen_free(struct chosen *c);

/* ---- scorers ---- */

struct engram_scorer {
    const engram_model *model;
    struct scorer_config config;
    struct scorer *single, *many;    /* for one sample at a time and for `batch`; made at first use */
    struct picture_decoder *decoder; /* the same */
    struct picture *pictures;        /* batch, each of the model's size, */
    uint8_t *fitted;                 /* and their pixels; the same */
    struct verdict *verdicts;        /* batch, of the last call */
    size_t nverdicts;                /* 0 where it failed */
    float *rows;                     /* of the last call that scored rows in memory: a batch of them; else NULL */
    const struct dataset *data;      /* whose sample the verdict is of, while a row is told; else NULL */
    size_t sample;
};

/* What its maps are coloured and its regions found by. */
const struct calibration *scorer_calibration_of(const engram_scorer *s);

/* The verdict of result i, which has a map of `count` values. */
int scorer_find_map(const engram_scorer *s, size_t i, const struct verdict **out, size_t *count, struct err *e);

/* What it says of a verdict. */
void result_write(const engram_scorer *s, const struct verdict *v, engram_result *out);

/* Tells of a verdict: fills in the row's error or result, whose map may be looked at meanwhile. Returns what it
 * returns. */
int scorer_tell(engram_scorer *s, const struct verdict *v, engram_row *row, engram_row_fn *tell, void *user);

/* Makes the folders above a file. */
int make_parent(const char *path, struct err *e);

#endif
