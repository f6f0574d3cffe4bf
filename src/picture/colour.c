#include "picture/colour.h"

#include "base/hot.h"

HOT void colour_rgb_to_grey(const uint8_t *rgb, size_t pixels, uint8_t *grey)
{
    for (size_t i = 0; i < pixels; i++, rgb += 3)
        grey[i] = (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 32768) >> 16);
}

void colour_grey_to_rgb(uint8_t *pixels, size_t n)
{
    for (size_t i = n; i-- > 0;)
        pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = pixels[i];
}

void yuv_to_grey(const struct yuv *p, uint8_t *grey)
{
    for (int y = 0; y < p->height; y++) {
        const uint8_t *row = p->plane[0] + y * p->stride[0];
        for (int x = 0; x < p->width; x++)
            *grey++ = p->full ? row[x] : colour_clip(((row[x] - 16) * 255 + 109) / 219);
    }
}

/* One row of U or V at full width and with the picture's own alignment: chroma samples lie between luma samples, and
 * are interpolated linearly (weights 3/4 and 1/4) where there is one to two. `line` has room for the plane's row and
 * one value on either side, `out` for one value more than the width. */
HOT static void chroma_row(const struct yuv *p, int plane, int y, uint16_t *restrict line, uint8_t *restrict out)
{
    const int width = (p->width + (1 << p->across) - 1) >> p->across;
    const int last = ((p->height + (1 << p->down) - 1) >> p->down) - 1;
    int near = y >> p->down, far = p->down == 1 ? near + (y & 1 ? 1 : -1) : near;
    far = far < 0 ? 0 : far > last ? last : far;
    const uint8_t *a = p->plane[plane] + near * p->stride[plane];
    const uint8_t *b = p->plane[plane] + far * p->stride[plane];
    for (int x = 0; x < width; x++)
        line[x] = (uint16_t)(3 * a[x] + b[x]);
    if (p->across != 1) {
        for (int x = 0; x < p->width; x++)
            out[x] = (uint8_t)((line[x >> p->across] + 2) >> 2);
        return;
    }
    line[-1] = line[0]; /* beyond the edge the edge goes on */
    line[width] = line[width - 1];
    for (int x = 0; x < width; x++) { /* of an odd width, one more than is wanted */
        out[2 * x] = (uint8_t)((3 * line[x] + line[x - 1] + 8) >> 4);
        out[2 * x + 1] = (uint8_t)((3 * line[x] + line[x + 1] + 8) >> 4);
    }
}

/* Coefficients in 1/65536. */
HOT static void yuv_row_to_rgb(const uint8_t *restrict y, const uint8_t *restrict u, const uint8_t *restrict v, int n,
                               bool full, uint8_t *restrict out)
{
    const int black = full ? 0 : 16, light = full ? 65536 : 76309; /* 255 / 219 */
    const int rv = full ? 91881 : 104597, gu = full ? 22554 : 25675, gv = full ? 46802 : 53279;
    const int bu = full ? 116130 : 132201; /* limited range: times 255 / 224 */
    for (int x = 0; x < n; x++) {
        int l = (y[x] - black) * light + 32768, cb = u[x] - 128, cr = v[x] - 128;
        out[3 * x] = colour_clip((l + rv * cr) >> 16);
        out[3 * x + 1] = colour_clip((l - gu * cb - gv * cr) >> 16);
        out[3 * x + 2] = colour_clip((l + bu * cb) >> 16);
    }
}

/* A row of chroma as uint16 with a value on either side, then a row each of U and V with one value more. */
size_t yuv_work_bytes(int width)
{
    return ((size_t)width + 2) * sizeof(uint16_t) + 2 * ((size_t)width + 1);
}

void yuv_to_rgb(const struct yuv *p, void *work, uint8_t *rgb)
{
    const size_t width = (size_t)p->width;
    uint16_t *line = work;
    uint8_t *u = (uint8_t *)(line + width + 2), *v = u + width + 1;
    for (int y = 0; y < p->height; y++) {
        chroma_row(p, 1, y, line + 1, u);
        chroma_row(p, 2, y, line + 1, v);
        yuv_row_to_rgb(p->plane[0] + y * p->stride[0], u, v, p->width, p->full, rgb + 3 * width * (size_t)y);
    }
}

/* Coefficients in 1/65536: 219/255 of grey, 224/255 of the differences. */
HOT static void rgb_row_to_luma(const uint8_t *restrict rgb, int n, uint8_t *restrict y)
{
    for (int x = 0; x < n; x++, rgb += 3)
        y[x] = (uint8_t)((16829 * rgb[0] + 33039 * rgb[1] + 6416 * rgb[2] + 16 * 65536 + 32768) >> 16);
}

/* Of the mean of 2x2 pixels; their sum is four times as large. */
HOT static void rgb_rows_to_chroma(const uint8_t *restrict a, const uint8_t *restrict b, int n, uint8_t *restrict u,
                                   uint8_t *restrict v)
{
    for (int x = 0; x < n; x++, a += 6, b += 6) {
        int red = a[0] + a[3] + b[0] + b[3], green = a[1] + a[4] + b[1] + b[4], blue = a[2] + a[5] + b[2] + b[5];
        u[x] = (uint8_t)((-9714 * red - 19070 * green + 28784 * blue + 4 * 128 * 65536 + 131072) >> 18);
        v[x] = (uint8_t)((28784 * red - 24103 * green - 4681 * blue + 4 * 128 * 65536 + 131072) >> 18);
    }
}

void rgb_to_yuv(const uint8_t *rgb, int width, int height, uint8_t *const plane[3], const ptrdiff_t stride[3])
{
    const size_t row = 3 * (size_t)width;
    for (int y = 0; y < height; y++)
        rgb_row_to_luma(rgb + row * (size_t)y, width, plane[0] + y * stride[0]);
    for (int y = 0; y < height / 2; y++)
        rgb_rows_to_chroma(rgb + 2 * row * (size_t)y, rgb + row * (size_t)(2 * y + 1), width / 2,
                           plane[1] + y * stride[1], plane[2] + y * stride[2]);
}
