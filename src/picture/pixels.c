#include "picture/pixels.h"

#include "picture/colour.h"

#include <string.h>

/* What a format is made of, and one of two ways to read it. */
struct layout {
    const char *name;
    int group, bytes;   /* so many neighbouring pixels are in so many bytes of a row */
    int colours;        /* 1 or 3 */
    int place[4];       /* packed: where red, green, blue and alpha are in a pixel */
    const char *second; /* what is in plane 1; NULL: there is none */
    void (*read)(const struct pixels *p, const struct layout *l, uint8_t *out); /* writes grey or RGB */
    struct yuv (*split)(const struct pixels *p, uint8_t *planes);               /* or makes planes of YUV */
};

static const uint8_t *row_of(const struct pixels *p, int plane, int y)
{
    return (const uint8_t *)p->plane[plane] + p->stride[plane] * (size_t)y;
}

static int half(int n)
{
    return (n + 1) / 2;
}

/* ---- grey and packed ---- */

static void read_grey8(const struct pixels *p, const struct layout *l, uint8_t *out)
{
    (void)l;
    for (int y = 0; y < p->height; y++)
        out = mempcpy(out, row_of(p, 0, y), (size_t)p->width);
}

static void read_grey16(const struct pixels *p, const struct layout *l, uint8_t *out)
{
    (void)l;
    for (int y = 0; y < p->height; y++) {
        const uint8_t *row = row_of(p, 0, y);
        for (int x = 0; x < p->width; x++) {
            uint16_t value;
            memcpy(&value, row + 2 * x, sizeof value);
            *out++ = colour_scale(value, UINT16_MAX);
        }
    }
}

static void read_packed(const struct pixels *p, const struct layout *l, uint8_t *out)
{
    for (int y = 0; y < p->height; y++) {
        const uint8_t *pixel = row_of(p, 0, y);
        for (int x = 0; x < p->width; x++, pixel += l->bytes)
            for (int c = 0; c < 3; c++, out++)
                *out = l->bytes == 4 ? colour_over_black(pixel[l->place[c]], pixel[l->place[3]]) : pixel[l->place[c]];
    }
}

/* ---- YUV ---- */

static struct yuv split_nv12(const struct pixels *p, uint8_t *planes)
{
    const int width = half(p->width), height = half(p->height);
    uint8_t *u = planes, *v = planes + (size_t)width * (size_t)height;
    struct yuv yuv = {.width = p->width, .height = p->height, .across = 1, .down = 1};
    yuv.plane[0] = p->plane[0];
    yuv.plane[1] = u;
    yuv.plane[2] = v;
    yuv.stride[0] = (ptrdiff_t)p->stride[0];
    yuv.stride[1] = yuv.stride[2] = width;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = row_of(p, 1, y);
        for (int x = 0; x < width; x++) {
            *u++ = row[2 * x];
            *v++ = row[2 * x + 1];
        }
    }
    return yuv;
}

static struct yuv split_yuyv(const struct pixels *p, uint8_t *planes)
{
    const int width = half(p->width);
    const size_t colours = (size_t)width * (size_t)p->height;
    uint8_t *u = planes, *v = u + colours, *luma = v + colours;
    struct yuv yuv = {.width = p->width, .height = p->height, .across = 1};
    yuv.plane[0] = luma;
    yuv.plane[1] = u;
    yuv.plane[2] = v;
    yuv.stride[0] = 2 * width;
    yuv.stride[1] = yuv.stride[2] = width;
    for (int y = 0; y < p->height; y++) {
        const uint8_t *row = row_of(p, 0, y);
        for (int x = 0; x < width; x++, row += 4) {
            *luma++ = row[0];
            *u++ = row[1];
            *luma++ = row[2];
            *v++ = row[3];
        }
    }
    return yuv;
}

/* ---- all ---- */

// clang-format off
static const struct layout layouts[PIXEL_FORMATS] = {
    [PIXELS_GREY8]  = {"grey8",  1, 1, 1, {0}, NULL, read_grey8, NULL},
    [PIXELS_GREY16] = {"grey16", 1, 2, 1, {0}, NULL, read_grey16, NULL},
    [PIXELS_RGB]    = {"rgb",    1, 3, 3, {0, 1, 2}, NULL, read_packed, NULL},
    [PIXELS_BGR]    = {"bgr",    1, 3, 3, {2, 1, 0}, NULL, read_packed, NULL},
    [PIXELS_RGBA]   = {"rgba",   1, 4, 3, {0, 1, 2, 3}, NULL, read_packed, NULL},
    [PIXELS_BGRA]   = {"bgra",   1, 4, 3, {2, 1, 0, 3}, NULL, read_packed, NULL},
    [PIXELS_NV12]   = {"nv12",   1, 1, 3, {0}, "U and V", NULL, split_nv12},
    [PIXELS_YUYV]   = {"yuyv",   2, 4, 3, {0}, NULL, NULL, split_yuyv},
};
// clang-format on

static int check_plane(const struct pixels *p, const struct layout *l, int plane, size_t row, struct err *e)
{
    if (!p->plane[plane])
        return err_set(e, ERR_USAGE, "a frame of %s pixels has no plane %d%s%s%s; set it to where the pixels are",
                       l->name, plane, plane ? " (" : "", plane ? l->second : "", plane ? ")" : "");
    if (p->stride[plane] < row)
        return err_set(e, ERR_USAGE,
                       "a frame of %dx%d %s pixels has rows of %zu bytes in plane %d, and the stride says %zu; set it "
                       "to the bytes from one row to the next",
                       p->width, p->height, l->name, row, plane, p->stride[plane]);
    return 0;
}

static int check_pixels(const struct pixels *p, int channels, const struct picture_decoder *d, struct err *e)
{
    if ((unsigned)p->format >= PIXEL_FORMATS)
        return err_set(e, ERR_USAGE, "there is no pixel format %d; the last is %d", (int)p->format, PIXEL_FORMATS - 1);
    if (channels != 0 && channels != 1 && channels != 3)
        return err_set(e, ERR_USAGE, "a frame can have 1 channel (grey) or 3 (RGB), not %d", channels);
    TRY(picture_check_size(d, "the frame", p->width, p->height, 0, e));
    const struct layout *l = &layouts[p->format];
    TRY(check_plane(p, l, 0, (size_t)(p->width + l->group - 1) / (size_t)l->group * (size_t)l->bytes, e));
    return l->second ? check_plane(p, l, 1, 2 * (size_t)half(p->width), e) : 0;
}

/* Everything is in one canvas: the picture, then, for YUV, what its conversion needs, and the planes. */
static int read_yuv(const struct pixels *p, int channels, struct picture_decoder *d, uint8_t **out, struct err *e)
{
    const size_t n = (size_t)p->width * (size_t)p->height * (size_t)channels, work_at = n + n % 2;
    const size_t planes_at = work_at + yuv_work_bytes(p->width);
    TRY(picture_canvas(d, planes_at + 4 * (size_t)half(p->width) * (size_t)p->height, out, e)); /* YUYV has the most */
    struct yuv yuv = layouts[p->format].split(p, *out + planes_at);
    if (channels == 1)
        yuv_to_grey(&yuv, *out);
    else
        yuv_to_rgb(&yuv, *out + work_at, *out);
    return 0;
}

static int read_packed_or_grey(const struct pixels *p, int channels, struct picture_decoder *d, uint8_t **out,
                               struct err *e)
{
    const struct layout *l = &layouts[p->format];
    const size_t n = (size_t)p->width * (size_t)p->height;
    TRY(picture_canvas(d, n * (size_t)(channels > l->colours ? channels : l->colours), out, e));
    l->read(p, l, *out);
    if (l->colours > channels)
        colour_rgb_to_grey(*out, n, *out);
    else if (l->colours < channels)
        colour_grey_to_rgb(*out, n);
    return 0;
}

int pixels_read(const struct pixels *p, int channels, struct picture_decoder *d, struct picture *out, struct err *e)
{
    uint8_t *pixels;
    TRY(check_pixels(p, channels, d, e));
    const struct layout *l = &layouts[p->format];
    channels = channels ? channels : l->colours;
    TRY((l->split ? read_yuv : read_packed_or_grey)(p, channels, d, &pixels, e));
    *out = (struct picture){.width = p->width, .height = p->height, .channels = channels, .pixels = pixels};
    return 0;
}
