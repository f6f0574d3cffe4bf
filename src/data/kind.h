/* Kinds of data: what pictures have to say for themselves that rows of numbers have not. One file each, ending in one
 * const struct kind; a row in kinds.c makes it known to everything else. Used inside data/ only. */
#ifndef DATA_KIND_H
#define DATA_KIND_H

#include "data/augment.h"
#include "data/preprocess.h"
#include "data/source.h"

struct kind {
    const char *name;    /* in model files */
    const char *samples; /* plural */
    /* Chooses what the wishes leave open, from the data. Means and deviations are made in the arena. */
    int (*fit)(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
               struct err *e);
    int (*check)(const struct preprocess *p, struct err *e);
    size_t (*bytes)(const struct preprocess *p);
    /* Reads a sample into its kept form and says what shape it had of its own. `p` NULL: only looks at it. */
    int (*load)(const struct part *part, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                void *kept, struct shape *own, struct err *e);
    void (*values)(const struct preprocess *p, const void *kept, float *out);
    /* Makes a change of augmentation in a kept sample; `spare` is as large. NULL: nothing to mirror or to turn. */
    void (*change)(const struct preprocess *p, const struct change *c, void *kept, void *spare);
    void (*show)(const struct preprocess *p, const float *values, uint8_t *pixels); /* NULL: nothing to look at */
    /* The least and largest own shapes, and whether some had several channels, in words: "all 28x28, grey". */
    void (*describe)(const struct shape *least, const struct shape *most, char *text, size_t size);
};

extern const struct kind kind_pictures, kind_rows;

#endif
