#include "data/region.h"

#include "picture/mask.h"

#include <math.h>
#include <string.h>

/* Two frames are of one shape when their ratios of width to height differ by no more than this. */
static const double same_ratio = 0.02;

static int check_frame(const char *path, const struct picture *mask, const struct picture_format *pictures,
                       struct err *e)
{
    double ratio = (double)mask->width * pictures->height / ((double)mask->height * pictures->width);
    if (fabs(ratio - 1) <= same_ratio)
        return 0;
    return err_set(e, ERR_FORMAT,
                   "the region %s has %dx%d pixels, but the pictures have %dx%d; draw it over one of the pictures",
                   path, mask->width, mask->height, pictures->width, pictures->height);
}

static int fit(const char *path, const struct picture *mask, struct arena *arena, struct preprocess *p, struct err *e)
{
    const struct picture_format f = preprocess_format(p);
    uint8_t *roi = arena_alloc(arena, (size_t)f.width * (size_t)f.height);
    if (!roi)
        return err_memory(e, "the region that counts");
    TRY(mask_fit(mask, f.width, f.height, roi, e));
    p->roi = roi;
    if (!region_pixels(p))
        return err_set(
            e, ERR_FORMAT,
            "the region %s leaves nothing: no pixel has a value of 128 or more (white counts, black is ignored)", path);
    return 0;
}

int region_read(const char *path, const struct picture_format *pictures, struct arena *arena, struct preprocess *p,
                struct err *e)
{
    struct picture_decoder *d;
    struct picture mask;
    TRY(picture_decoder_new(&d, e));
    int code = picture_read(d, path, 1, &mask, e);
    if (code >= 0)
        code = check_frame(path, &mask, pictures, e);
    if (code >= 0)
        code = fit(path, &mask, arena, p, e);
    picture_decoder_free(d);
    return code;
}

void region_blank(const struct preprocess *p, uint8_t *kept)
{
    const struct picture_format f = preprocess_format(p);
    const size_t n = (size_t)f.width * (size_t)f.height, channels = (size_t)f.channels;
    for (size_t i = 0; i < n; i++)
        if (!p->roi[i])
            memset(kept + i * channels, 0, channels);
}

size_t region_pixels(const struct preprocess *p)
{
    const struct picture_format f = preprocess_format(p);
    size_t n = (size_t)f.width * (size_t)f.height, inside = 0;
    for (size_t i = 0; i < n; i++)
        inside += !p->roi || p->roi[i];
    return inside;
}
