/* Frames that are kept to be shown: as they came, in grey or colour, and no larger than a screen needs. */
#ifndef PICTURE_SHOWN_H
#define PICTURE_SHOWN_H

#include "picture/picture.h"

enum {
    SHOWN_SIDE = 960
}; /* the longest; beyond it a frame is made smaller, so that many can wait for their verdicts */

/* {0}: nothing is kept yet. */
struct shown {
    struct picture picture; /* pixels NULL: nothing */
    uint8_t *pixels;
    size_t room;
};

/* Keeps a frame (which may be the decoder's) instead of what was kept before; one without pixels: nothing. */
int shown_keep(struct shown *s, struct picture_decoder *d, const struct picture *frame, struct err *e);
void shown_free(struct shown *s);

#endif
