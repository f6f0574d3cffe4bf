/* Kinds of data: what pictures have to say for themselves that rows of numbers have not. One file each, ending in one
 * const struct kind; a row in kinds.c makes it known to everything else. Used inside data/ only. */
#ifndef DATA_KIND_H
#define DATA_KIND_H

#include "base/json.h"
#include "data/augment.h"
#include "data/preprocess.h"
#include "data/source.h"

#include <math.h>

/* What was seen of a video when all of it was read. */
struct sight {
    struct shape own; /* frames, height, width, channels */
    uint64_t hash;    /* of its frames in their kept form */
};

struct kind {
    const char *name;    /* in model files */
    const char *samples; /* plural */
    bool plays;          /* samples are videos, or clips of them; the sources have `play` and so on */
    /* Chooses what the wishes leave open, from the data. Means and deviations are made in the arena. */
    int (*fit)(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
               struct err *e);
    int (*check)(const struct preprocess *p, struct err *e);
    /* Whether the samples of a part can be brought to it, and how; before the first is. NULL: that shows with each. */
    int (*match)(struct part *part, const struct preprocess *p, struct err *e);
    /* What of it is the kind's own, added to `input` (base/json.h), and read from there into the arena. `name` is the
     * file's. NULL: nothing is. */
    json_t *(*save)(const struct preprocess *p, json_t *input);
    int (*restore)(struct preprocess *p, const json_t *input, const char *name, struct arena *arena, struct err *e);
    size_t (*bytes)(const struct preprocess *p);
    /* Of kinds that play: reads all of a video, and keeps its frames in memory where there is room. `room` is for a
     * frame that is not kept, `p` NULL: only looks at it. Any number of threads, each another video. */
    int (*examine)(struct dataset *ds, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                   uint8_t *room, struct sight *sight, struct err *e);
    /* Makes clips of a split's videos, which have been examined. */
    int (*cut)(struct dataset *ds, enum split split, const struct preprocess *p, struct err *e);
    /* Reads a sample into its kept form and says what shape it had of its own. `p` NULL: only looks at it. */
    int (*load)(const struct part *part, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                void *kept, struct shape *own, struct err *e);
    void (*values)(const struct preprocess *p, const void *kept, float *out);
    /* Makes a change of augmentation in a kept sample; `spare` is as large. NULL: nothing to mirror or to turn. */
    void (*change)(const struct preprocess *p, const struct change *c, void *kept, void *spare);
    void (*show)(const struct preprocess *p, const float *values, uint8_t *pixels); /* NULL: nothing to look at */
    /* What the samples of a split are made of, line by line; NULL: there is nothing more to say. */
    int (*tell)(struct dataset *ds, enum split split, const struct log *out, struct err *e);
    /* What of a fitted one the user should think about, a warning each; NULL: there is never anything. */
    void (*doubt)(const struct preprocess *p, const struct log *out);
    /* The least and largest own shapes, and whether some had several channels, in words: "all 28x28, grey". */
    void (*describe)(const struct shape *least, const struct shape *most, char *text, size_t size);
};

/* What brings pictures of that size to the square that is wished for; there is one. */
static inline double wishes_square_scale(const struct wishes *w, int width, int height)
{
    const double side = sqrt((double)width * height);
    int wanted = w->square.v[0];
    for (int i = 1; i < w->square.n; i++)
        if (w->square.v[i] <= side)
            wanted = w->square.v[i];
    return wanted / side;
}

extern const struct kind kind_pictures, kind_rows, kind_clips;

#endif
