/* The pictures of a sample: input with the outlines of what is marked and what is found, reconstruction, heat map with
 * its contour. */
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CRISP = 64 }; /* up to this side pixels are shown as squares */

/* ---- maps ---- */

/* A map small enough to show: the highest of each factor x factor values, so that no spot is lost. */
struct small_map {
    float *v;
    int width, height;
};

static int shrink_map(const float *map, int width, int height, struct small_map *out, struct err *e)
{
    int longest = width > height ? width : height, factor = (longest + PICTURE_SIDE - 1) / PICTURE_SIDE;
    out->width = (width + factor - 1) / factor;
    out->height = (height + factor - 1) / factor;
    out->v = malloc((size_t)out->width * (size_t)out->height * sizeof *out->v);
    if (!out->v)
        return err_memory(e, "a heat map of the report");
    for (int i = 0; i < out->width * out->height; i++)
        out->v[i] = -INFINITY;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float *cell = &out->v[y / factor * out->width + x / factor];
            float value = map[(size_t)y * (size_t)width + (size_t)x];
            *cell = value > *cell ? value : *cell;
        }
    }
    return 0;
}

static bool above(const struct small_map *m, int x, int y, float level)
{
    return x >= 0 && y >= 0 && x < m->width && y < m->height && m->v[y * m->width + x] > level;
}

/* The border between what is above the level and what is not, in straight runs along the pixels' edges. */
static void outline(FILE *f, const struct small_map *m, float level, const char *class)
{
    fprintf(
        f,
        "<svg class=\"outline %s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"",
        class, m->width, m->height);
    for (int y = 0; y <= m->height; y++) {
        for (int x = 0, run = 0; x <= m->width; x++) {
            bool edge = x < m->width && above(m, x, y - 1, level) != above(m, x, y, level);
            if (!edge && run)
                fprintf(f, "M%d %dh%d", x - run, y, run);
            run = edge ? run + 1 : 0;
        }
    }
    for (int x = 0; x <= m->width; x++) {
        for (int y = 0, run = 0; y <= m->height; y++) {
            bool edge = y < m->height && above(m, x - 1, y, level) != above(m, x, y, level);
            if (!edge && run)
                fprintf(f, "M%d %dv%d", x, y - run, run);
            run = edge ? run + 1 : 0;
        }
    }
    fputs("\"/></svg>", f);
}

const char *report_picture_class(const struct picture *p)
{
    return p->width <= CRISP && p->height <= CRISP ? "crisp" : "smooth";
}

int report_picture_width(const struct picture *p, int most, int large)
{
    if (p->width > CRISP || p->height > CRISP || p->width < 1)
        return large;
    int times = most / p->width;
    return p->width * (times > 1 ? times : 1);
}

int report_map(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    struct small_map small;
    TRY(shrink_map(s->map, s->input.width, s->input.height, &small, e));
    struct picture p = {.width = small.width, .height = small.height, .channels = 3};
    uint8_t *rgb = malloc((size_t)p.width * (size_t)p.height * 3);
    int code = rgb ? 0 : err_memory(e, "a heat map's picture");
    if (rgb) {
        heatmap_draw(scale, small.v, p.width, p.height, rgb);
        p.pixels = rgb;
        fputs("<span class=\"pic\">", f);
        code = html_picture(f, &p, PICTURE_SIDE, report_picture_class(&s->input), "heat map", e);
        if (isfinite(scale->level))
            outline(f, &small, scale->level, "level");
        fputs("</span>", f);
    }
    free(rgb);
    free(small.v);
    return code;
}

/* What values of a sample's pixels are above a level. */
static int put_outline(FILE *f, const struct shown_sample *s, const float *values, float level, const char *class,
                       struct err *e)
{
    struct small_map small;
    TRY(shrink_map(values, s->input.width, s->input.height, &small, e));
    outline(f, &small, level, class);
    free(small.v);
    return 0;
}

static int put_mask(FILE *f, const struct shown_sample *s, struct err *e)
{
    size_t n = (size_t)s->input.width * (size_t)s->input.height;
    float *mask = malloc(n * sizeof *mask);
    if (!mask)
        return err_memory(e, "a mask of the report");
    for (size_t i = 0; i < n; i++)
        mask[i] = s->mask[i] ? 1 : 0;
    int code = put_outline(f, s, mask, 0.5f, "truth", e);
    free(mask);
    return code;
}

int report_input(FILE *f, const struct shown_sample *s, float level, struct err *e)
{
    fputs("<span class=\"pic\">", f);
    TRY(html_picture(f, &s->input, PICTURE_SIDE, report_picture_class(&s->input), "input", e));
    if (s->map && isfinite(level))
        TRY(put_outline(f, s, s->map, level, "level", e));
    if (s->mask)
        TRY(put_mask(f, s, e));
    fputs("</span>", f);
    return 0;
}

int report_reconstruction(FILE *f, const struct shown_sample *s, struct err *e)
{
    struct picture p = s->input;
    p.pixels = s->reconstruction;
    fputs("<span class=\"pic\">", f);
    TRY(html_picture(f, &p, PICTURE_SIDE, report_picture_class(&p), "reconstruction", e));
    fputs("</span>", f);
    return 0;
}
