/* How the items of a memory are used. */
#ifndef STATS_MEMORY_USE_H
#define STATS_MEMORY_USE_H

#include "base/err.h"

#include <stdint.h>

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

#endif
