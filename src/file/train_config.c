#include "file/train_config.h"

#include "nn/parallel.h"

#include <stdlib.h>

#define OPTIONS_OF struct train_config
// clang-format off
const struct option train_step_options[] = {
    ROW_INT(epochs, "50", 1, 1000000, "times that training goes through the data"),
    ROW_INT(steps, "0", 0, 100000000, "training steps, at least: where there are few samples, more epochs than asked for"),
    ROW_FLOAT(lr, "0.001", 1e-9, 10, "learning rate of Adam"),
    ROW_INTS(lr_epochs, "", 1, 1000000, "epochs after each of which the learning rate is multiplied by lr_factor"),
    ROW_FLOAT(lr_factor, "0.1", 1e-6, 1, "what the learning rate is multiplied by"),
    ROW_BOOL(lr_cosine, "false", "let the learning rate fall to 0 along half a cosine over the whole training"),
    ROW_INT(lr_warmup, "0", 0, 1000000, "first steps, over which the learning rate rises evenly from 0"),
    ROW_FLOAT(weight_decay, "0", 0, 1, "share, times the learning rate, that every weight loses in a step (AdamW)"),
    ROW_FLOAT(beta1, "0.9", 0, 0.9999, "Adam's decay of the mean gradient"),
    ROW_FLOAT(beta2, "0.999", 0, 0.999999, "Adam's decay of the mean squared gradient"),
    ROW_INT(patience, "0", 0, 1000000, "epochs without a better validation loss after which training ends; 0: never"),
    ROW_CHOICE(keep, "best", "best|last", "whose weights to keep: the epoch of the lowest validation loss, or the last"),
    ROW_BOOL(keep_state, "false", "leave OUTPUT.train in place when training is complete, to train more epochs later"),
    {0}};

const struct option train_options[] = {
    ROW_PART(train_step_options),
    ROW_INT(batch, "64", 1, 65536, "samples per training step; fewer where there are fewer"),
    ROW_INT(seed, "1", 0, 0x1p63, "of all random choices: equal seeds, equal models"),
    ROW_INT(threads, "0", 0, 1024, "processor cores to use; 0, or more than there are: all"),
    ROW_CHOICE(precision, "f32", "f32|bf16|auto", "number format between layers; auto: bf16 where the processor computes in it"),
    ROW_STRING(size, "0", "pixels that pictures are resized to: N or HEIGHTxWIDTH; 0: chosen from the data"),
    ROW_INTS(square, "", 0, 4096, "where size is 0: pictures are brought to about as many pixels as a square of this side has, their shape kept; of several, ascending, the largest that does not enlarge them, or the first; empty or 0: to at most 256 along the longer side, frames of videos, which are never enlarged, to 128"),
    ROW_INT(tile, "0", 0, 65536, "pixels: pictures and frames keep their own size and are looked at in overlapping squares of this side; 0: whole"),
    ROW_FLOAT(overlap, "0.25", 0, OVERLAP_MAX, "of tiles: what neighbours share, at least, as a part of their side"),
    ROW_STRING(roi, "", "a picture, drawn over one of the pictures or frames: where it is white counts, where it is black is ignored; empty: everything counts"),
    ROW_CHOICE(scaling, "standard", "standard|minmax|none", "of rows: numbers are brought to mean 0 and deviation 1, to 0..1, or left as they are"),
    ROW_CHOICE(categories, "standard", "standard|plain", "of rows: what has a value for each category is scaled as numbers are, so that a rare one counts for much, or stays 0 and 1"),
    ROW_FLOAT(clip, "5", 0, 1e6, "of rows: scaled values beyond this, either way, are brought back to it; 0: they are not"),
    ROW_CHOICE(missing, "error", "error|mean|median", "of rows: what an empty cell is: an error, or the mean or median of its column; an empty category is one more"),
    ROW_INT(channels, "0", 0, 3, "1: grey, 3: colour, 0: chosen from the data"),
    ROW_INT(frames, "0", 0, 1024, "of a clip of a video, which is one sample; 0: pictures, or of videos 16"),
    ROW_INT(step, "1", 1, 1024, "of a clip: from frame to frame of the video; 2 takes every second one"),
    ROW_INT(hop, "1", 1, 1000000, "of videos: from the first frame of a clip that is trained on to that of the next"),
    ROW_CHOICE(range, "-1..1", "-1..1|0..1", "what black and white become"),
    ROW_FLOAT(validation, "0.05", 0, 0.9, "share of the normal training data that chooses the epoch to keep"),
    ROW_FLOAT(calibration, "0.1", 0, 0.9, "share of the normal training data that sets the threshold; at least 19 samples, or half of few"),
    ROW_INT(folds, "0", 0, 100, "of models that are fitted in seconds: calibrate on all normal data, in so many parts, each by a fit to the others; 0: hold out the share"),
    ROW_TABLE(augment_options, augment),
    ROW_TABLE(made_options, made),
    ROW_CHOICE(score, "model", "model|map", "what verdicts stand on: the model's own score, or its map that knows what is usual"),
    ROW_FLOAT(map_blur, "2", 0, SMOOTH_MAX, "of that map: deviation in pixels of the Gaussian that smooths it; 0: none"),
    ROW_FLOAT(map_top, "0.001", 0, 1, "of that map: share of highest values whose mean is its score; 0: the one highest alone"),
    ROW_CHOICE(aligned, "auto", "auto|yes|no", "whether pictures show their parts at the same places, and what is usual is so of each; auto: found out"),
    ROW_INT(cache, "2048", 0, 1 << 24, "MiB of memory for decoded pictures"),
    {0}};
// clang-format on

/* Reads a side of 1 to 65536 pixels; NULL when there is none. */
static const char *parse_side(const char *text, int *side)
{
    char *end;
    long v = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
    if (v < 1 || v > 65536)
        return NULL;
    *side = (int)v;
    return end;
}

int train_size_parse(const char *text, int *height, int *width, struct err *e)
{
    *height = *width = 0;
    if (text[0] == '0' && !text[1])
        return 0;
    const char *rest = parse_side(text, height);
    *width = *height;
    if (rest && (*rest == 'x' || *rest == 'X'))
        rest = parse_side(rest + 1, width);
    if (rest && !*rest)
        return 0;
    return err_set(e, ERR_USAGE,
                   "option size takes 0, a number of pixels such as 64, or HEIGHTxWIDTH such as 64x96, "
                   "each at most 65536; not '%s'",
                   text);
}

/* A single 0 is none: so it stands in files of before there could be several. */
static struct ints squares_of(const struct train_config *c)
{
    return c->square.n == 1 && !c->square.v[0] ? (struct ints){0} : c->square;
}

int train_wishes(const struct train_config *c, struct wishes *w, struct err *e)
{
    *w = (struct wishes){.channels = (int)c->channels,
                         .frames = (int)c->frames,
                         .step = (int)c->step,
                         .symmetric = c->range == RANGE_SYMMETRIC,
                         .square = squares_of(c),
                         .tile = (int)c->tile,
                         .overlap = c->overlap,
                         .roi = c->roi,
                         .scale = c->scaling,
                         .plain = c->categories == CATEGORIES_PLAIN,
                         .clip = c->clip,
                         .missing = c->missing};
    return train_size_parse(c->size, &w->height, &w->width, e);
}

int threads_choose(int64_t asked)
{
    int cores = parallel_cores();
    return asked > 0 && asked < cores ? (int)asked : cores;
}

static int check_squares(const struct ints *squares, struct err *e)
{
    if (squares->n && squares->v[0] < SQUARE_MIN)
        return err_set(e, ERR_USAGE, "option square takes sides of at least %d pixels, or 0 alone for none, not %d",
                       SQUARE_MIN, squares->v[0]);
    for (int i = 1; i < squares->n; i++)
        if (squares->v[i] <= squares->v[i - 1])
            return err_set(e, ERR_USAGE, "option square takes sides in ascending order, but %d stands behind %d",
                           squares->v[i], squares->v[i - 1]);
    return 0;
}

int train_config_check(const struct train_config *c, struct err *e)
{
    int height, width;
    TRY(train_size_parse(c->size, &height, &width, e));
    const struct ints squares = squares_of(c);
    TRY(check_squares(&squares, e));
    if (c->tile && c->tile < TILE_MIN)
        return err_set(e, ERR_USAGE,
                       "option tile takes 0 (pictures are looked at whole) or at least %d pixels, not %lld", TILE_MIN,
                       (long long)c->tile);
    if (c->channels == 2)
        return err_set(e, ERR_USAGE, "option channels takes 1 (grey), 3 (colour) or 0 (chosen from the data), not 2");
    if (c->validation + c->calibration > 0.9)
        return err_set(e, ERR_USAGE,
                       "options validation (%g) and calibration (%g) would hold out more than 0.9 of the "
                       "training data; lower one of them",
                       c->validation, c->calibration);
    if (c->patience && c->validation <= 0)
        return err_set(e, ERR_USAGE,
                       "option patience (%lld) needs a validation loss, but validation is 0; set "
                       "validation=0.05, or patience=0",
                       (long long)c->patience);
    return 0;
}
