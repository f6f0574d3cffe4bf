/* A model's score graph over given parameters, planned for one batch size: what scoring, validation and calibration
 * have in common. One thread's.
 *
 * Order: forward_build (declares the parameters), then whoever owns them allocates and fills, then forward_plan. */
#ifndef RUN_FORWARD_H
#define RUN_FORWARD_H

#include "file/train_config.h"
#include "models/model.h"
#include "run/tiled.h"

/* Told after each step of a search which share of a run is done. Returns true to break it off. */
typedef bool forward_search(void *user, double share);

/* Rows of a step of fitting as they are made: of sample i of the run those from the `first`-th on, n of them, one
 * behind the other; and which of them count (not 0; NULL: all do). */
struct forward_rows {
    int i;
    size_t first, n;
    const float *values, *counts;
};
typedef void forward_take(void *user, const struct forward_rows *rows);

struct forward_spec {
    const struct model *model;
    const void *config;
    struct params *params; /* outlives it */
    struct shape sample;   /* without the batch */
    int batch, threads;
    const struct preprocess *input; /* of those samples: its tiles and region; NULL: neither. Outlives it. Of tiles the
                                       batch counts these */
    enum dtype precision;
    uint64_t seed;                       /* of the model's noise */
    bool map, reconstruction, attention; /* wanted beside the score */
    int fit;                             /* 0, or which step of fitting (1: the first) alone is wanted: its rows */
};

struct forward {
    struct graph *graph;
    struct plan *plan;
    int batch, threads;
    int rows; /* of the graph: its batch; as many, or of tiles */
    size_t sample_values, map_values, output_values, row_values;
    bool maps, reconstructions, attentions; /* wanted, and the model has them */
    struct node *target; /* wanted beside the reconstruction: what it should have been, or of a model that makes none
                            its input; NULL: not wanted */
    const struct fit_step *fit; /* that is wanted in place of a score; NULL: a score is */
    struct heads heads;
    uint64_t seed;
    float *input;              /* batch x sample: filled by the caller before forward_run */
    float *row_input;          /* the graph's own; of tiles another */
    struct tiled *tiled;       /* NULL: the graph sees samples as they are */
    uint64_t *identities;      /* rows: what noise is a function of; NULL: the model has none */
    struct search *search;     /* NULL: the model searches for nothing */
    forward_search *searching; /* NULL, or set by whoever wants to be told, */
    forward_take *taking;      /* the same of rows to fit to; */
    void *user;                /* with this */
    double searched, each;     /* shares of a run: done before the search that it is in, and that one's */
};

/* Either leaves `f` such that forward_free may be called. */
int forward_build(struct forward *f, const struct forward_spec *spec, struct err *e);
int forward_plan(struct forward *f, struct err *e);
/* Bytes that it computes in: the plan's, and of tiles the whole samples'. And the same before forward_plan. */
size_t forward_bytes(const struct forward *f);
int forward_measure(const struct forward *f, size_t *bytes, struct err *e);
void forward_free(struct forward *f); /* {0} is fine */

/* Runs the first n samples of input; what lies behind them is set to zero, so that it can neither be slow (denormals,
 * NaN) nor leak from the last batch. False: its search was broken off, and there are no results. */
bool forward_run(struct forward *f, int n);

/* Of a step of fitting: how many rows a sample has. */
size_t forward_fit_rows(const struct forward *f);

/* Sample i of the last run; NULL where it was not wanted. */
float forward_score(const struct forward *f, int i);
float forward_part(const struct forward *f, int i, int part); /* before its weight */
const float *forward_map(const struct forward *f, int i);
const float *forward_reconstruction(const struct forward *f, int i);
const float *forward_target(const struct forward *f, int i); /* what that should have been; without one, the input */
/* Of memory k: rows x items. */
const float *forward_attention(const struct forward *f, int i, int k, int64_t *rows, int64_t *items);

/* What PRECISION_* means on this machine; says so through `log` where bf16 was asked for and is not to be had. */
struct log;
enum dtype precision_choose(enum precision precision, const struct log *log);

#endif
