#include "picture/still.h"

#include "base/hot.h"
#include "picture/colour.h"

#include <string.h>

enum {
    FREE_BYTES = 64 << 20
}; /* any file may unpack into so many: a plain picture of 4000x4000 in some tens of bytes */

int still_damaged(const struct still_file *f, const char *why, struct err *e)
{
    return err_set(e, ERR_FORMAT,
                   "%s is a damaged or truncated %s, or of a sort that cannot be read%s%s%s; copy it again, or convert "
                   "it to png",
                   f->name, f->still->name, why ? " (" : "", why ? why : "", why ? ")" : "");
}

int still_check_size(const struct picture_limits *l, const char *name, int64_t width, int64_t height, size_t bytes,
                     struct err *e)
{
    const long long w = width, h = height;
    if (w < 1 || h < 1)
        return err_set(e, ERR_FORMAT, "%s has %lldx%lld pixels, which cannot be", name, w, h);
    if (w > l->side || h > l->side)
        return err_set(e, ERR_FORMAT, "%s has %lldx%lld pixels; no side may have more than %d", name, w, h, l->side);
    if (w * h > l->pixels)
        return err_set(e, ERR_FORMAT, "%s has %lldx%lld pixels; a picture may have at most %lld in all", name, w, h,
                       (long long)l->pixels);
    if (bytes > l->bytes)
        return err_set(e, ERR_FORMAT,
                       "%s has %lldx%lld pixels, which unpack into %zu bytes; a picture may have at most %zu", name, w,
                       h, bytes, l->bytes);
    return 0;
}

/* Memory is spent on what a file of that size can hold. */
int still_claim(struct still_file *f, int64_t width, int64_t height, size_t bytes, struct err *e)
{
    TRY(still_check_size(f->limits, f->name, width, height, 0, e));
    bytes *= (size_t)width * (size_t)height;
    TRY(still_check_size(f->limits, f->name, width, height, bytes, e));
    f->own = (struct picture_size){(int)width, (int)height};
    if (bytes > FREE_BYTES && (bytes - FREE_BYTES) / f->still->packing > f->size)
        return err_set(e, ERR_FORMAT,
                       "%s has %zu bytes and claims %dx%d pixels, which would unpack into %zu: no honest %s is packed "
                       "that far; remove it, or convert it to one that is larger",
                       f->name, f->size, f->own.width, f->own.height, bytes, f->still->name);
    return 0;
}

int still_canvas(struct still_file *f, int width, int height, bool grey, struct err *e)
{
    const int channels = f->channels ? f->channels : grey ? 1 : 3;
    TRY(canvas_need(f->pixels, (size_t)width * (size_t)height * (size_t)channels, e));
    f->picture = (struct picture){.width = width, .height = height, .channels = channels, .pixels = f->pixels->bytes};
    return 0;
}

uint8_t *still_line(const struct still_file *f, int y)
{
    return f->pixels->bytes + (size_t)y * (size_t)f->picture.width * (size_t)f->picture.channels;
}

/* `colours` before alpha: 1 or 3. In place. */
HOT static void lay_on_black(uint8_t *row, int width, int colours)
{
    const uint8_t *from = row;
    for (int x = 0; x < width; x++, from += colours + 1)
        for (int c = 0; c < colours; c++)
            *row++ = colour_over_black(from[c], from[colours]);
}

void still_row(struct still_file *f, int y, uint8_t *row, int components)
{
    const int width = f->picture.width, colours = components >= 3 ? 3 : 1;
    uint8_t *out = still_line(f, y);
    if (components > colours)
        lay_on_black(row, width, colours);
    if (colours > f->picture.channels)
        colour_rgb_to_grey(row, (size_t)width, out);
    else
        memcpy(out, row, (size_t)width * (size_t)colours);
    if (colours < f->picture.channels)
        colour_grey_to_rgb(out, (size_t)width);
}

bool still_all_grey(const uint8_t *colours, int n)
{
    for (int i = 0; i < n; i++)
        if (colours[3 * i] != colours[3 * i + 1] || colours[3 * i] != colours[3 * i + 2])
            return false;
    return true;
}
