/* The table of kinds, and preprocessing as the other floors see it. */
#include "data/kind.h"
#include "data/region.h"

#include <math.h>
#include <string.h>

static const struct kind *const kinds[] = {&kind_pictures, &kind_rows, &kind_clips};
enum { KINDS = sizeof kinds / sizeof *kinds };

const struct kind *kind_find(const char *name, struct err *e)
{
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i]->name, name))
            return kinds[i];
    err_set(e, ERR_USAGE, "there is no kind of data '%s'", name);
    return NULL;
}

const char *kind_name(const struct kind *k)
{
    return k->name;
}

const char *kind_samples(const struct kind *k)
{
    return k->samples;
}

bool kind_is_rows(const struct kind *k)
{
    return k == &kind_rows;
}

int preprocess_check(const struct preprocess *p, struct err *e)
{
    TRY(p->kind->check(p, e));
    bool sound = true;
    double values = 1;
    for (int i = 0; i < p->sample.nd; i++) {
        sound &= p->sample.d[i] >= 1 && p->sample.d[i] <= PREPROCESS_SIDE_MAX;
        values *= (double)p->sample.d[i];
    }
    for (int i = 0; sound && i < p->n; i++)
        sound = isfinite(p->mean[i]) && isfinite(p->std[i]) && p->std[i] > 0;
    if (!sound)
        return err_set(e, ERR_FORMAT, "the input should have sizes from 1 to %d, a finite mean and a positive std",
                       PREPROCESS_SIDE_MAX);
    char text[SHAPE_TEXT];
    if (values > PREPROCESS_VALUES_MAX)
        return err_set(e, ERR_FORMAT,
                       "a sample of %s has %.0f values, and at most %d can be handled, such as 8192x8192 grey pixels",
                       shape_text(&p->sample, text), values, PREPROCESS_VALUES_MAX);
    if (p->tile && (p->sample.nd < 3 || p->tile < TILE_MIN || !(p->overlap >= 0 && p->overlap <= OVERLAP_MAX)))
        return err_set(
            e, ERR_FORMAT,
            "pictures and clips can be cut into tiles, of at least %d pixels, which share at most %g of their "
            "side; here are tiles of %d and %g",
            TILE_MIN, OVERLAP_MAX, p->tile, p->overlap);
    return 0;
}

json_t *preprocess_save(const struct preprocess *p, json_t *input)
{
    return p->kind->save ? p->kind->save(p, input) : input;
}

int preprocess_restore(struct preprocess *p, const json_t *input, const char *name, struct arena *arena, struct err *e)
{
    return p->kind->restore ? p->kind->restore(p, input, name, arena, e) : 0;
}

void preprocess_doubt(const struct preprocess *p, const struct log *log)
{
    if (p->kind->doubt)
        p->kind->doubt(p, log);
}

struct preprocess preprocess_view(const struct preprocess *p)
{
    struct preprocess view = *p;
    int64_t *sides = view.sample.d + (p->tile ? p->sample.nd - 3 : 0);
    for (int i = 0; p->tile && i < 2; i++)
        sides[i] = sides[i] < p->tile ? sides[i] : p->tile;
    view.roi = NULL;
    view.tile = 0;
    return view;
}

void preprocess_ignore(const struct preprocess *p, void *kept)
{
    if (p->roi)
        region_blank(p, kept);
}

size_t preprocess_bytes(const struct preprocess *p)
{
    return p->kind->bytes(p);
}

void preprocess_values(const struct preprocess *p, const void *kept, float *out)
{
    p->kind->values(p, kept, out);
}

bool preprocess_shows(const struct preprocess *p, struct picture_format *format)
{
    if (!p->kind->show)
        return false;
    if (format)
        *format = preprocess_format(p);
    return true;
}

void preprocess_show(const struct preprocess *p, const float *values, uint8_t *pixels)
{
    p->kind->show(p, values, pixels);
}
