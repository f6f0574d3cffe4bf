/* From what a model says of clips to what is said of each frame.
 *
 * Protocol `frames`: every frame has a verdict. Its score, and each part of it, is the mean of what the clips say that
 * it is in; its map is its own. The residual of the frame alone says less: what is wrong in a video lasts, and a clip's
 * first and last frames are rebuilt worse than those in its middle, whatever they show (stats/usual.md has figures).
 * The map that knows what is usual is judged frame by frame, and the mean of that over the clips its score. A frame
 * that no clip speaks of (the first ones, where a model predicts the last frame of a clip) has what the next one has.
 *
 * Protocol `official`: the clip's score is that of its middle frame alone, the ninth of 16 (the official code of
 * MemAE), or of the middle of those that are predicted; the other frames at a video's ends have none.
 *
 * Frames count those that clips are made of: with a step, every so many of the video's. One thread's. */
#ifndef RUN_FRAMES_H
#define RUN_FRAMES_H

#include "run/forward.h"
#include "run/judge.h"

struct frames;

struct frames_spec {
    const struct model_file *about; /* outlives it */
    const struct forward *forward;  /* the same: planned, of clips */
    struct judge *judge;            /* NULL: none is wanted, or the model has no maps */
    enum protocol protocol;
    int64_t hop;    /* from the first frame of a clip to that of the next */
    bool keep_maps; /* the model's own */
};

struct frame_row {
    int64_t frame;
    float by[2];                  /* as in a verdict */
    float parts[SCORE_PARTS];     /* before their weights */
    const float *output, *target; /* of the frame, as in a verdict; NULL where the forward was not asked for them */
    const float *map, *usual;     /* of the frame: the model's own where it is wanted, and what is unusual; else NULL */
};

/* Frames from clip to clip where every frame is to be judged once: as many as a clip has maps of, or all of its. */
int64_t frames_hop(const struct forward *f, const struct preprocess *input);

int frames_new(const struct frames_spec *spec, struct frames **out, struct err *e);
void frames_free(struct frames *f); /* NULL is fine */

/* A new video, or a part of one, whose first clip begins at frame `first`. */
void frames_begin(struct frames *f, int64_t first);
/* Clip i of the forward's last run, which begins at frame `first`; clips come in order. */
void frames_add(struct frames *f, int i, int64_t first);
/* The next row of a frame before `until`, after which no clip reaches it any more: true, or false where there is none.
 * The row is valid until the next call. */
bool frames_take(struct frames *f, int64_t until, struct frame_row *row);

#endif
