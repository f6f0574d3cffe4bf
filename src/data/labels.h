/* Which frames of videos are anomalous, read from beside them. Used inside data/ only.
 *
 * A file .npy (a number a frame, not 0 = anomalous) of all videos one after the other, or a folder with one of each,
 * NAME.npy; a table of intervals, .csv with a header, a row an interval:
 *
 *     video,first,last            frames count from 0, both ends belong to it; 03,,  says that 03 is normal
 *     clip,frames,first_1based,last_1based    from 1; `frames` is how long the video is, and is checked
 *
 * Masks of frames are read by data/video_masks.h. */
#ifndef DATA_LABELS_H
#define DATA_LABELS_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/* A video to be labelled. */
struct labelled {
    const char *name; /* its folder or file, without path and ending */
    const char *path;
    int64_t frames;        /* -1: not known */
    const uint8_t *truths; /* found: as in a sample; NULL: nothing is known */
    int64_t ntruths;
};

/* The labels beside `folder`, or in the two folders above it: their path on the heap (free), NULL: none. */
char *labels_find(const char *folder);
/* The folder of arrays of masks that is there in the same way. */
char *labels_find_masks(const char *folder);

/* The labels of one video, NAME.npy beside it. */
char *labels_beside(const char *video);

/* Reads labels for all of n videos, in order, from `path`; truths are made in the arena. Whatever does not fit the
 * videos is ERR_FORMAT. */
int labels_read(const char *path, struct labelled *videos, size_t n, struct arena *arena, struct err *e);

#endif
