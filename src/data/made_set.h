/* Good pictures and the same with made defects (picture/made.h), as a data set whose truth is known: what tells models
 * apart where nobody has real defects. */
#ifndef DATA_MADE_SET_H
#define DATA_MADE_SET_H

#include "data/dataset.h"
#include "picture/made.h"

struct made_set {
    size_t n; /* pictures with defects, from all good ones in turn */
    enum made_kind kind;
    uint64_t seed;
};

/* Opens it over the pictures in the test part of `good` that are not known to be anomalous; `good` stays the caller's,
 * and has to outlive it. Defects are made in a picture at its own size; each is of the kind that the sample is called
 * by ("shapes"; mixed: one kind after the other), and has a mask. ERR_USAGE: data other than pictures, or a single one.
 */
int dataset_open_made(struct dataset *good, const struct made_set *wish, const struct log *log, struct dataset **out,
                      struct err *e);

#endif
