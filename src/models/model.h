/* The contract between models and everything else. A model is one file and one row in table.c: its options as data,
 * and builders that describe its graphs. Everything else knows models by this contract alone. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "base/err.h"
#include "base/option.h"
#include "nn/graph.h"
#include "nn/plan.h"

/* A named set of options: "widths=16,32,64 items=100" for the model, "size=28 epochs=25" for the run (run/train.h). */
struct preset {
    const char *name; /* NULL ends a table; the first is the general one */
    const char *help;
    const char *model, *run;
};

/* A scalar worth a column in the training log. */
struct watch {
    const char *name;
    struct node *value; /* shape 1 */
};

/* A named part of the score. Parts are reported on their own; the sum of weight * value is the score. */
struct score_part {
    const char *name;   /* "error", "latent" */
    struct node *value; /* N, higher = more abnormal */
    float weight;
};

/* A memory that the model looks things up in. */
struct memory {
    const char *name;       /* "memory", "skip.2" */
    const char *items;      /* its parameter, an item a row */
    struct node *attention; /* R,items: how much of each item each query took; R is a multiple of N */
};

/* What is searched for at scoring time: for each sample the latent of the lowest loss, by steps of Adam. Samples are
 * searched for independently: `loss` is a sum over them. */
struct refine {
    struct node *latent; /* an input of the graph, N,...; NULL: nothing is searched for */
    struct node *start;  /* where the search begins, of that shape: noise, or an encoder's guess */
    struct node *loss;   /* shape 1 */
    int steps;
    float rate;
};

/* Some of a node's values over normal samples: what a step of fitting makes parameters of. */
struct fit_rows {
    const float *values;            /* rows of `width`, of which */
    const size_t *index;            /* n count: values of the i-th begin with row index[i]; ascending */
    const size_t *samples, *places; /* of each of those in `values`: which sample it is of, ascending, and the how
                                       many-th row of all that one has, ascending within it */
    size_t n, width;
    uint64_t seed;
    int threads;
};

static inline const float *fit_row(const struct fit_rows *rows, size_t i)
{
    return rows->values + rows->index[i] * rows->width;
}

/* A step of fitting, which needs those before it. */
struct fit_step {
    const char *name;
    struct node *rows;   /* in the score graph: R,C F32, R a multiple of N */
    struct node *counts; /* R: not 0 of the rows that count; NULL: all do */
    size_t most; /* rows that it wants to see: as many of each sample, drawn at random where there are more; 0: all */
    bool once;   /* of all samples; the others are done anew without those that calibration judges */
    int (*run)(const void *config, const struct fit_rows *rows, struct params *params, struct err *e);

    /* What adds samples to a model that was fitted to others, as whose parameters `old` are (NULL: none can be added;
     * of a step that is done once: what it found stays). First the options for as much more: none where `grow` is NULL.
     * Then `params`, which a graph of those has declared, from `old` and the rows. Scores of what the old ones
     * calibrated should on the whole be no higher than they were: that keeps the promise. */
    int (*grow)(void *config, const struct fit_rows *rows, const struct params *old, struct err *e);
    int (*add)(const void *config, const struct fit_rows *rows, const struct params *old, struct params *params,
               struct err *e);
};

enum { WATCHES = 8, SCORE_PARTS = 4, MEMORIES = 16, FIT_STEPS = 4 };

/* What a built graph hands to the rest, by the role it plays; NULL or 0 where there is no such thing. Batch is the
 * first dimension. Training, scoring, evaluation, inspection and the report read roles and know no model by name. */
struct heads {
    struct node *input;  /* N,[D],H,W,C or N,C, normalised data */
    struct node *target; /* what the output should be: the input, or what comes after it where the model predicts */
    struct node *output; /* F32, shape of the target */
    struct node *truth;  /* GRAPH_TRAIN: an input N,H,W,1 of a model that learns from made defects (picture/made.h):
                            where  they are, 1, and where not, 0; the trainer fills it together with the input */
    struct node *counts; /* where graph.region is set, of a model that wants to know: an input N,H,W,1 that is filled
                            together with the input: 1 where a pixel counts, else 0 */
    struct node *code;   /* of a graph that decodes: its input, the shape of the code map */
    struct memory memories[MEMORIES];
    int nmemories;

    /* GRAPH_SCORE: */
    struct score_part scores[SCORE_PARTS];
    int nscores;
    struct node *map;      /* N,[D],H,W,1, where; of rows N,C, in which columns */
    struct node *map_mean; /* N, a part of the score that is the mean of the map over the sample, */
    struct node *map_max;  /* and one that is its highest value */
    struct node
        *highest; /* N, a part of the score that of a picture in tiles is the highest of theirs, not their mean */
    struct refine refine;
    struct fit_step fits[FIT_STEPS]; /* of a model that is fitted, not trained */
    int nfits;
    bool whole; /* it is fitted to places of whole pictures: tiles would mean nothing */

    /* GRAPH_TRAIN: */
    struct objective objectives[OBJECTIVES];
    int nobjectives;
    struct watch watches[WATCHES];
    int nwatches;
};

/* Kinds of samples, by their shape. */
enum { TAKES_PICTURES = 1, TAKES_CLIPS = 2, TAKES_ROWS = 4 }; /* H,W,C; D,H,W,C; C */

/* Where named tensors lie that others have trained: in a file, or as one does in memory that outlives its use. */
struct weights_place {
    const char *path; /* NULL: */
    const void *bytes;
    size_t n;
};

/* Such a file, opened. */
struct weights {
    const char *path; /* for messages */
    /* Whether there is such a tensor, and its shape as the file has it. */
    bool (*shape)(const struct weights *w, const char *name, struct shape *shape);
    int (*read)(const struct weights *w, const char *name, float *out, struct err *e);
    void *user; /* the file's own */
};

struct model {
    const char *name;  /* "memae" */
    const char *title; /* "Memory-augmented autoencoder" */
    const char *paper; /* "Gong et al., ICCV 2019, arXiv 1904.02639" */
    const char *idea;  /* two sentences for a user */
    const struct option *options;
    size_t config_bytes; /* of the struct the options describe */
    const struct preset *presets;
    const char *row_preset;  /* the general one for rows of numbers; NULL: the first, as for pictures */
    const char *clip_preset; /* the same for clips of videos */

    /* What the all-models loop may expect: */
    unsigned takes; /* TAKES_* */
    bool has_map;
    bool fitted;             /* in steps of fitting (struct fit_step): it has no training graph */
    bool some_sizes;         /* takes some sizes of pictures only, 16x16 and 64x64 among them, and says which would do;
                                the others take any from 16 on */
    const char *score_watch; /* the watch or loss that is the mean of the score's first part, once the statistics of the
                                batch are the running ones; NULL: there is none */

    /* Whether these options fit each other and samples of this shape ([D],H,W,C or C, no batch); a sentence if not. */
    int (*check)(const void *config, const struct shape *sample, struct err *e);
    /* Notes in the options what they leave to the shape of the samples, once it is known and before anything else is
     * done with it: so the file says what was chosen, and no later rule has another meaning for it. NULL: they leave
     * nothing. */
    void (*settle)(void *config, const struct shape *sample);
    /* The same of a file that may have been written before that was noted, by what its tensors say. */
    void (*recall)(void *config, const struct shape *sample, const struct weights *file);
    /* Builds the graph of g->mode for a batch; `input` is N,[D],H,W,C or N,C. Errors are sticky in g. */
    void (*build)(struct graph *g, const void *config, struct shape input, struct heads *h);
    /* For looking at the items of memory k: builds code -> output of a score graph: h->code, h->output. NULL: they are
     * nothing to look at. An item is a whole code, or one position of it. */
    void (*decode)(struct graph *g, const void *config, struct shape input, int k, struct heads *h);

    /* Of a model that begins with weights of others (NULL: none does): those that the options name. */
    void (*weights)(const void *config, struct weights_place *place);
    /* Notes in the options what the file is, before anything is built. */
    int (*recognise)(void *config, const struct weights *from, struct err *e);
    /* Into the parameters that its graph has declared, once they are allocated. */
    int (*take)(const void *config, const struct weights *from, struct params *params, struct err *e);
};

/* All models, NULL-terminated, in the order to show them. */
extern const struct model *const models[];

/* What a user who names no model is served with. */
struct beginning {
    unsigned takes; /* a kind of samples, TAKES_* */
    const struct model *model;
    const char *preset; /* NULL: its general one */
};
extern const struct beginning beginnings[]; /* a row a kind; takes 0 ends them */
const struct beginning *beginning_for(unsigned takes);

/* By name; NULL with a sentence that lists what there is (ERR_USAGE). */
const struct model *model_find(const char *name, struct err *e);
const struct preset *preset_find(const struct model *m, const char *name, struct err *e);

#endif
