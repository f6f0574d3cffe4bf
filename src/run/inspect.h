/* Looking into a model's memory: what its items look like, and which are used. For models with memory (model->items).
 */
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

/* Decodes items to pictures. Models whose item is a whole code: each item alone. Models whose item is one position: an
 * input-sized picture of a code filled with that item. `items[n]` chooses; pictures: n x height x width x channels, 8
 * bits. ERR_USAGE for a model without memory. */
int inspect_items(const struct loaded *s, const int64_t *items, int n, uint8_t *pictures, struct err *e);

/* Number of memory items, 0 without memory. */
int64_t inspect_item_count(const struct loaded *s);

#endif
