#include "picture/mask.h"

#include "picture/resize.h"

#include <stdlib.h>

static const uint8_t white = 128;

int mask_fit(const struct picture *mask, int width, int height, uint8_t *out, struct err *e)
{
    size_t n = (size_t)mask->width * (size_t)mask->height;
    uint8_t *hard = malloc(n);
    if (!hard)
        return err_memory(e, "a mask");
    for (size_t i = 0; i < n; i++)
        hard[i] = mask->pixels[i] >= white ? 255 : 0;
    struct resize resize = {0};
    int code = resize_run(&resize, RESIZE_AREA, hard, mask->width, mask->height, 1, out, width, height, e);
    resize_free(&resize);
    free(hard);
    for (size_t i = 0; code == 0 && i < (size_t)width * (size_t)height; i++)
        out[i] = out[i] >= white;
    return code;
}
