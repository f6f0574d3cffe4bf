/* The contract between models and everything else. A model is one file and one row in models.c: its options as data,
 * and builders that describe its graphs. Training, scoring, checkpoints, calibration and the report know no model by
 * name. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "base/err.h"
#include "base/option.h"
#include "nn/graph.h"
#include "nn/plan.h"

/* A named set of options: "widths=16,32,64 items=100" for the model, "size=28 epochs=25" for the run (run/train.h). */
struct preset {
    const char *name; /* NULL ends a table; the first is the general one, for any pictures */
    const char *help;
    const char *model, *run;
};

/* A scalar worth a column in the training log. */
struct watch {
    const char *name;
    struct node *value; /* shape 1 */
};

enum { WATCHES = 6 };

/* What a built graph hands to the rest; NULL where the graph has no such thing. Batch is the first dimension. */
struct heads {
    struct node *input;     /* N,[D],H,W,C or N,C, normalised data */
    struct node *output;    /* the reconstruction, F32, shape of input */
    struct node *score;     /* GRAPH_SCORE: N, higher = more abnormal */
    struct node *map;       /* GRAPH_SCORE: N,[D],H,W,1, where; NULL for tables */
    struct node *attention; /* R,items: R = N queries (whole) or N*[D]*H*W (position); NULL without memory */
    struct node *code;      /* decode graphs: the input, the shape of the code map */
    struct objective objectives[OBJECTIVES];
    int nobjectives;
    struct watch watches[WATCHES];
    int nwatches;
};

struct model {
    const char *name;  /* "memae" */
    const char *title; /* "Memory-augmented autoencoder" */
    const char *paper; /* "Gong et al., ICCV 2019, arXiv 1904.02639" */
    const char *idea;  /* two sentences for a user */
    const struct option *options;
    size_t config_bytes; /* of the struct the options describe */
    const struct preset *presets;

    /* Whether these options fit each other and samples of this shape ([D],H,W,C or C, no batch); a sentence if not. */
    int (*check)(const void *config, const struct shape *sample, struct err *e);
    /* Builds the graph of g->mode for a batch; `input` is N,[D],H,W,C. Errors are sticky in g. */
    void (*build)(struct graph *g, const void *config, struct shape input, struct heads *h);
    /* NULL without memory. Builds code -> picture of a score graph: h->code, h->output. For looking at items: */
    void (*decode)(struct graph *g, const void *config, struct shape input, struct heads *h);
    /* The memory's parameter (items,C) and whether an item is a whole code (C = the code map's size) or one position.
     */
    const char *items; /* "memory.items", or NULL */
};

/* All models, NULL-terminated, in the order to show them. */
extern const struct model *const models[];

/* By name; NULL with a sentence that lists what there is (ERR_USAGE). */
const struct model *model_find(const char *name, struct err *e);
const struct preset *preset_find(const struct model *m, const char *name, struct err *e);

#endif
