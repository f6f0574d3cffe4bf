/* Looking into a model's memories: what their items look like, and which are used. For models with
 * memories (heads.memories). */
#ifndef RUN_INSPECT_H
#define RUN_INSPECT_H

#include "base/err.h"
#include "run/score.h"

/* What the data made of the memory. Counted over the attention of every sample given. */
struct memory_use {
    int64_t items, rows;  /* rows: queries seen so far */
    double *weight;       /* items: sum of attention; divided by rows it is each item's mean share */
    int64_t *best;        /* items: how often it had the largest weight of a row */
    int64_t dead;         /* items that no row gave any weight */
    double entropy;       /* mean over rows of -sum w log w, in nats */
    double rows_one_item; /* share of rows with a single item */
    double entropy_sum;   /* so far */
    int64_t single_rows;  /* so far */
};

int memory_use_init(struct memory_use *u, int64_t items, struct err *e);
void memory_use_free(struct memory_use *u);
void memory_use_add(struct memory_use *u, const float *attention, int64_t rows);
/* Fills dead, entropy and rows_one_item from what was added. */
void memory_use_finish(struct memory_use *u);

/* Decodes items of memory k to what the model makes of them. Models whose item is a whole code: each item alone. Models
 * whose item is one position: a sample of a code filled with that item. `items[n]` chooses; pictures: n pictures of
 * 8 bits, of the format that preprocess_shows gives. ERR_USAGE where there is nothing to look at. */
int inspect_items(const struct loaded *s, int k, const int64_t *items, int n, uint8_t *pictures, struct err *e);

/* Number of items of memory k that can be decoded and looked at; 0: none can. */
int64_t inspect_item_count(const struct loaded *s, int k);

#endif
