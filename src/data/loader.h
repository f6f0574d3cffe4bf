/* Loader: threads that read, shuffle and convert samples ahead of whoever computes on them.
 *
 * Batches are float32, n samples as their preprocessing (data/preprocess.h) makes them. Everything is allocated in
 * loader_new; waiting is passive (condition variables).
 *
 * Shuffled (training): batches without end. Epoch k is a permutation of the samples drawn from (seed, k), cut into
 * whole batches; what is left over (fewer than a batch, others every epoch) is not used in that epoch. Changes
 * (data/augment.h) are drawn from (seed, epoch, sample). A batch is thus a function of (seed, epoch, step) alone:
 * loader_seek resumes anywhere, bit for bit, on any number of threads. A sample that cannot be read stops with its
 * error.
 *
 * Of a model that learns from made defects (picture/made.h), a share of the pictures gets some, behind all other
 * changes, and each comes with its truth. They are drawn from (seed, epoch, sample) as well, and so is the other
 * picture that they are filled with: one of those that are trained on.
 *
 * Of pictures that a model sees in tiles, each is cut into as many as one picture is scored in, so that an epoch goes
 * over all of every picture, at places that are drawn from (seed, epoch, sample, tile). Some tiles of a picture follow
 * each other: it is then decoded once for them, where it is not in memory.
 *
 * Ordered (scoring, validation): one pass in the given order, the last batch as small as it is; no changes. A sample
 * that cannot be read is a row of zeros with its sentence in batch.errors. Pictures come whole.
 *
 *     struct batch b;
 *     while ((got = loader_next(l, &b, e)) > 0)
 *         compute(b.data, b.n);
 *
 * A loader is one thread's; the dataset beneath it may be shared. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include "data/augment.h"
#include "data/dataset.h"
#include "picture/made.h"

struct loader_options {
    size_t batch;                   /* samples a batch */
    const struct preprocess *input; /* outlives the loader */
    bool shuffled;
    uint64_t seed;
    struct augment augment;   /* shuffled only */
    bool truth;               /* shuffled only: make defects, */
    struct made_defects made; /* these */
    int ahead;                /* batches prepared ahead, 1 to 16; 0: 3 */
    int threads;              /* that read; 0: 1 */
};

struct batch {
    const float *data;         /* n x values of a sample, or of a tile; valid until the next call on the loader */
    const float *truth;        /* n x height x width of a row: 1 where a defect was made; NULL: none were asked for */
    const size_t *samples;     /* n indices into the split */
    const char *const *errors; /* n: NULL, or why that row is zeros */
    const size_t *tiles;       /* n: which tile of it; 0 where samples come whole */
    size_t n;
    int64_t epoch, step; /* from 0 */
};

struct loader;

/* `indices` (n of them, copied) chooses samples of the split; NULL with n = 0: all. Shuffled needs n >= batch. */
int loader_new(struct dataset *ds, enum split split, const size_t *indices, size_t n,
               const struct loader_options *options, struct loader **l, struct err *e);
void loader_free(struct loader *l); /* NULL is fine */

/* Batches an epoch. */
size_t loader_steps(const struct loader *l);

/* The next batch: 1; 0 at the end of an ordered pass; negative on error, and again on every further call until a seek.
 */
int loader_next(struct loader *l, struct batch *b, struct err *e);

/* The next batch will be that of (epoch, step), both from 0; step < loader_steps. Also restarts an ordered pass. */
void loader_seek(struct loader *l, int64_t epoch, size_t step);

#endif
