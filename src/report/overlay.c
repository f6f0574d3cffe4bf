#include "report/overlay.h"

#include "report/heatmap.h"
#include "report/text_pixels.h"
#include "video/video_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE_MIN = 320,  /* the longest side of what is shown: smaller videos are enlarged, */
    SIDE_MAX = 1280, /* larger ones made smaller */
    LINE = 24,       /* height of the words, */
    CURVE = 48,      /* and of the scores */
    EDGE = 4,        /* of what is anomalous */
};

static const uint8_t ink[3] = {230, 230, 230}, faint[3] = {110, 110, 110}, calm[3] = {120, 170, 200},
                     alarm[3] = {235, 70, 50};

struct overlay {
    char *path;
    bool force;
    struct heatmap_scale scale;
    float threshold; /* of scores; where nothing can be anomalous the highest of normal ones */
    int map_width, map_height;
    struct picture_decoder *decoder;
    struct picture_format shown; /* the frame's; width 0: no frame yet */
    int width, height;           /* of the video */
    uint8_t *rgb;                /* of the frame in hand */
    uint8_t *frame, *heat;       /* at the size that is shown: RGB; position on the scale, 0..255 */
    uint8_t *positions;          /* the same at the map's size */
    float *scores;               /* a ring of `width`: how high a column is, negative where anomalous */
    int64_t n;
    double first; /* time of the first frame, which opens */
    struct video_writer *writer;
};

static float score_threshold(const struct calibration *c, double rate)
{
    float t = calibration_threshold(c, rate);
    return isfinite(t) ? t : c->n ? c->scores[c->n - 1] : 1;
}

int overlay_new(const struct overlay_spec *spec, struct overlay **out, struct err *e)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (!o || !(o->path = strdup(spec->path))) {
        free(o);
        return err_memory(e, "an overlay");
    }
    o->force = spec->force;
    o->map_width = spec->map_width;
    o->map_height = spec->map_height;
    o->threshold = score_threshold(spec->calibration, spec->rate);
    heatmap_scale_calibrated(&o->scale, spec->calibration, spec->rate);
    int code = picture_decoder_new(&o->decoder, e);
    if (code < 0)
        overlay_free(o);
    else
        *out = o;
    return code;
}

void overlay_free(struct overlay *o)
{
    if (!o)
        return;
    video_writer_free(o->writer);
    picture_decoder_free(o->decoder);
    free(o->rgb);
    free(o->frame);
    free(o->heat);
    free(o->positions);
    free(o->scores);
    free(o->path);
    free(o);
}

/* ---- sizes ---- */

static int scaled(int side, double by)
{
    int even = 2 * (int)lround(side * by / 2);
    return even < 2 ? 2 : even;
}

static int choose_size(struct overlay *o, const struct picture *p, struct err *e)
{
    int longest = p->width > p->height ? p->width : p->height;
    double by = longest < SIDE_MIN   ? ceil((double)SIDE_MIN / longest)
                : longest > SIDE_MAX ? (double)SIDE_MAX / longest
                                     : 1;
    o->shown = (struct picture_format){scaled(p->width, by), scaled(p->height, by), 3};
    o->width = o->shown.width;
    o->height = o->shown.height + LINE + CURVE;
    size_t pixels = (size_t)o->width * (size_t)o->height;
    o->rgb = malloc(3 * pixels);
    o->frame = malloc(3 * pixels);
    o->heat = malloc(pixels);
    o->positions = malloc((size_t)o->map_width * (size_t)o->map_height + 1);
    o->scores = calloc((size_t)o->width, sizeof *o->scores);
    return o->rgb && o->frame && o->heat && o->positions && o->scores ? 0 : err_memory(e, "an overlay");
}

/* ---- drawing ---- */

/* Where the map is on the scale, at the size that is shown. */
static int fit_map(struct overlay *o, const float *map, struct err *e)
{
    const struct picture_format want = {o->shown.width, o->shown.height, 1};
    const struct picture p = {o->map_width, o->map_height, 1, o->positions};
    for (size_t i = 0; i < (size_t)o->map_width * (size_t)o->map_height; i++) {
        float t = heatmap_position(&o->scale, map[i]);
        o->positions[i] = isnan(t) ? 0 : (uint8_t)lrintf(255 * t);
    }
    return picture_fit(o->decoder, &p, &want, o->heat, e);
}

/* The hotter, the less is seen of the frame; around what lies above the level of the map a line. */
static void lay_map(struct overlay *o)
{
    const int width = o->shown.width, height = o->shown.height;
    const float level = heatmap_position(&o->scale, o->scale.level);
    const int line = isnan(level) ? 256 : (int)ceilf(255 * level);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const size_t at = (size_t)y * (size_t)width + (size_t)x;
            const int heat = o->heat[at], share = heat * 3 / 4;
            const bool above = heat >= line, edge = (x + 1 < width && above != (o->heat[at + 1] >= line)) ||
                                                    (y + 1 < height && above != (o->heat[at + (size_t)width] >= line));
            for (int c = 0; c < 3; c++)
                o->rgb[3 * at + (size_t)c] =
                    edge ? 255
                         : (uint8_t)((o->frame[3 * at + (size_t)c] * (255 - share) + o->scale.colors[heat][c] * share) /
                                     255);
        }
}

static void fill(struct overlay *o, int x, int y, int width, int height, const uint8_t colour[3])
{
    for (int v = y; v < y + height; v++)
        for (int u = x; u < x + width; u++)
            memcpy(o->rgb + 3 * ((size_t)v * (size_t)o->width + (size_t)u), colour, 3);
}

/* A column a frame, the latest at the right; the threshold is half-way up. */
static void draw_scores(struct overlay *o, double score, bool anomalous)
{
    const int top = o->shown.height + LINE;
    double high = score / (2 * (double)o->threshold) * CURVE;
    high = !(high > 1) ? 1 : high > CURVE ? CURVE : high;
    o->scores[o->n++ % o->width] = (float)(anomalous ? -high : high);
    for (int i = 0; i < o->width && i < o->n; i++) {
        float column = o->scores[(o->n - 1 - i) % o->width];
        int height = (int)fabsf(column);
        fill(o, o->width - 1 - i, top + CURVE - height, 1, height, column < 0 ? alarm : calm);
    }
    fill(o, 0, top + CURVE / 2, o->width, 1, faint);
}

static void draw_words(struct overlay *o, const struct overlay_frame *f)
{
    char words[120];
    const int y = o->shown.height + (LINE - 2 * TEXT_HIGH) / 2;
    snprintf(words, sizeof words, "%.2f s  score %.4g  p %.3g", f->time, f->score, f->p_value);
    int scale = text_width(words, 2) + text_width("anomalous", 2) < o->width ? 2 : 1;
    text_draw(words, 4, y, scale, ink, o->width, o->height, o->rgb);
    const char *verdict = f->anomalous ? "anomalous" : "normal";
    text_draw(verdict, o->width - text_width(verdict, scale), y, scale, f->anomalous ? alarm : faint, o->width,
              o->height, o->rgb);
}

static void draw_edge(struct overlay *o)
{
    const int width = o->shown.width, height = o->shown.height;
    fill(o, 0, 0, width, EDGE, alarm);
    fill(o, 0, height - EDGE, width, EDGE, alarm);
    fill(o, 0, 0, EDGE, height, alarm);
    fill(o, width - EDGE, 0, EDGE, height, alarm);
}

static int draw(struct overlay *o, const struct overlay_frame *f, struct err *e)
{
    TRY(picture_fit(o->decoder, &f->picture, &o->shown, o->frame, e));
    memset(o->rgb, 0, 3 * (size_t)o->width * (size_t)o->height);
    memset(o->heat, 0, (size_t)o->shown.width * (size_t)o->shown.height);
    if (f->map)
        TRY(fit_map(o, f->map, e));
    lay_map(o);
    draw_scores(o, f->score, f->anomalous);
    draw_words(o, f);
    if (f->anomalous)
        draw_edge(o);
    return 0;
}

/* ---- the file ---- */

int overlay_add(struct overlay *o, const struct overlay_frame *frame, struct err *e)
{
    if (!o->shown.width) {
        TRY(choose_size(o, &frame->picture, e));
        TRY(video_writer_new(o->path, o->width, o->height, o->force, &o->writer, e));
        o->first = frame->time;
    }
    TRY(draw(o, frame, e));
    return video_writer_add(o->writer, o->rgb, frame->time - o->first, e);
}

int overlay_close(struct overlay *o, struct err *e)
{
    struct video_writer *w = o->writer;
    o->writer = NULL;
    int code = w ? video_writer_close(w, e)
                 : err_set(e, ERR_FAIL, "there was no frame to show, so %s was not written", o->path);
    overlay_free(o);
    return code;
}
