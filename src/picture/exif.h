/* How a photo lies: the one thing in EXIF that changes what is seen. */
#ifndef PICTURE_EXIF_H
#define PICTURE_EXIF_H

#include <stddef.h>

/* The orientation (1 to 8: where the first row and column are) that EXIF says, with or without "Exif\0\0" before it; 0
 * when it says none. Damage in it is nobody's business. */
int exif_orientation(const unsigned char *bytes, size_t size);

#endif
