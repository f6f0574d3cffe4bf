/* Words on pixels: lower-case letters, digits and what numbers have beside them, in 5x7 points. */
#ifndef REPORT_TEXT_PIXELS_H
#define REPORT_TEXT_PIXELS_H

#include <stdint.h>

enum { TEXT_WIDE = 6, TEXT_HIGH = 7 }; /* points from letter to letter, and of a line */

/* Draws `text` with its upper left corner at (x, y), points of `scale` pixels, into width x height pixels of RGB; what
 * is beyond them is left out. Letters that it does not know are blanks. */
void text_draw(const char *text, int x, int y, int scale, const uint8_t colour[3], int width, int height, uint8_t *rgb);

/* Pixels that it takes across. */
int text_width(const char *text, int scale);

#endif
