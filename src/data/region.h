/* The region of a picture, or of every frame of a clip, that counts (preprocess.roi). What is outside is black to the
 * model and has no part in maps and scores. */
#ifndef DATA_REGION_H
#define DATA_REGION_H

#include "base/arena.h"
#include "data/preprocess.h"

/* Reads a mask, white where it counts, and brings it to p->sample. `pictures` is what the mask should lie over: of
 * another shape of frame it is refused. ERR_IO, ERR_FORMAT. */
int region_read(const char *path, const struct picture_format *pictures, struct arena *arena, struct preprocess *p,
                struct err *e);

/* Makes black what is outside of a picture, or of a frame; p->roi is there. */
void region_blank(const struct preprocess *p, uint8_t *kept);

/* Pixels inside, of a clip of each frame; all of them where there is no region. */
size_t region_pixels(const struct preprocess *p);

#endif
