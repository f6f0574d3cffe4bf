#include "picture/canvas.h"

#include <stdlib.h>

int canvas_need(struct canvas *c, size_t size, struct err *e)
{
    if (size <= c->size)
        return 0;
    free(c->bytes);
    c->bytes = malloc(size);
    c->size = c->bytes ? size : 0;
    return c->bytes ? 0 : err_memory(e, "the pixels of a picture");
}

/* Pixel (x, y) of what comes out is pixel (x, y), or (y, x) where columns and rows change places, of what is stored,
 * counted from the far end where it is mirrored. */
int canvas_turn(int orientation, struct canvas *pixels, struct canvas *other, struct picture *p, struct err *e)
{
    const bool swap = orientation >= 5;
    const bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const ptrdiff_t size = p->channels, line = size * p->width;
    const ptrdiff_t x_step = mirror_x ? -size : size, y_step = mirror_y ? -line : line;
    const uint8_t *first = p->pixels + (mirror_x ? line - size : 0) + (mirror_y ? line * (p->height - 1) : 0);
    const int width = swap ? p->height : p->width, height = swap ? p->width : p->height;
    if (orientation == 1)
        return 0;
    TRY(canvas_need(other, (size_t)line * (size_t)p->height, e));
    uint8_t *out = other->bytes;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t *from = first + (swap ? y * x_step + x * y_step : x * x_step + y * y_step);
            for (int c = 0; c < p->channels; c++)
                *out++ = from[c];
        }
    const struct canvas turned = *other;
    *other = *pixels;
    *pixels = turned;
    *p = (struct picture){.width = width, .height = height, .channels = p->channels, .pixels = turned.bytes};
    return 0;
}
