/* Videos that show what was found in videos: one file where one video is scored, or DIR/NAME.overlay.mp4 of each, NAME
 * being the video's whole name. */
#ifndef CLI_OVERLAYS_H
#define CLI_OVERLAYS_H

#include "engram.h"
#include "inputs.h"

#include <stdbool.h>

struct overlays {
    const char *path; /* a file by its ending, else a folder; NULL: none are written */
    bool force;
    const struct inputs *inputs; /* what may never be overwritten */
    engram_overlay *open;        /* of the video in hand; NULL: none, */
    char *name;                  /* and that video's name; NULL: none yet */
};

/* Whether a name is that of a file which can be written, or of a folder. */
bool overlays_can_be(const char *path);

/* The next row, during its call: 0, or -1 with *error. */
int overlays_add(struct overlays *o, const engram_scorer *scorer, const engram_row *row, engram_error *error);
/* Writes the last one. The same. */
int overlays_end(struct overlays *o, engram_error *error);
/* Gives up the one that is not written yet. */
void overlays_free(struct overlays *o);

#endif
