/* Memory for a picture's pixels, which grows with the largest, and what is done to a whole picture in it. */
#ifndef PICTURE_CANVAS_H
#define PICTURE_CANVAS_H

#include "picture/picture.h"

/* {0} is ready for use; the bytes are freed by whoever owns it. */
struct canvas {
    uint8_t *bytes;
    size_t size;
};

/* Makes room for `size` bytes; what was in it is lost. */
int canvas_need(struct canvas *c, size_t size, struct err *e);

/* Turns a picture that lies in `pixels` as EXIF's orientation (1 to 8) says; the two change places. */
int canvas_turn(int orientation, struct canvas *pixels, struct canvas *other, struct picture *p, struct err *e);

#endif
